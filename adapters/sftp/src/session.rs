//! Connection, host key and log-in.

use crate::pin::{self, Pin};
use rohrpost_kit::probe::Endpoint;
use rohrpost_model::{Failure, Reason, ReasonCode};
use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::ssh_key::{HashAlg, PrivateKey};
use russh::keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{ChannelMsg, ChannelStream, Error, MethodKind, MethodSet, Preferred, SshId, cipher, kex, mac};
use russh_sftp::client::{Config, SftpSession};
use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;

/// After so long without a word from the server it is asked for one.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// How long an attempt may take is the engine's business; an answer within a connection that lives is waited for.
const ANSWER_SECONDS: u64 = 24 * 3600;
/// The most questions that a log-in may ask.
const QUESTIONS: usize = 4;

/// Where, and as whom.
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    pub(crate) patience: Duration,
    pub(crate) pins: Vec<Pin>,
    pub(crate) user: String,
    pub(crate) key: Option<Arc<PrivateKey>>,
    pub(crate) password: Option<SecretString>,
}

/// Why there is no session.
pub(crate) enum Trouble {
    /// No connection, or it tore.
    Connection(Failure),
    /// The server's key is none of those that are configured; its fingerprint.
    HostKey(String),
    /// Nothing in common; what for.
    NothingInCommon(String),
    /// Key and password are refused.
    LogIn,
    /// Logged in, but the server has no SFTP for this user.
    NoSftp,
}

impl Trouble {
    pub(crate) fn torn() -> Self {
        Self::Connection(Failure::unavailable(Reason::new(ReasonCode::Unreachable)))
    }

    /// The server was too slow.
    fn late() -> Self {
        Self::Connection(Failure::unavailable(Reason::new(ReasonCode::ConnectTimeout)))
    }

    /// What it is for a delivery: nothing was sent.
    pub(crate) fn failure(self) -> Failure {
        let refused =
            |status: String| Failure::Refused(Reason::new(ReasonCode::TargetRefused).with("status", status));
        match self {
            Self::Connection(failure) => failure,
            Self::HostKey(shown) => {
                Failure::Refused(Reason::new(ReasonCode::HostKeyDiffers).with("shown", shown))
            }
            Self::NothingInCommon(what) => refused(format!("no-common-{what}")),
            Self::LogIn => {
                Failure::Refused(Reason::new(ReasonCode::CredentialsRefused).with("status", "auth-failure"))
            }
            Self::NoSftp => refused("no-sftp".to_owned()),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::NoCommonAlgo { kind, .. } => Self::NothingInCommon(format!("{kind:?}").to_lowercase()),
            _ => Self::torn(),
        }
    }
}

/// A session; dropping it closes the connection.
pub(crate) struct Session {
    pub(crate) sftp: SftpSession,
    _handle: Handle<Judge>,
}

impl Server {
    /// Connects, checks the host key, logs in and opens the file system.
    pub(crate) async fn log_in(&self) -> Result<Session, Trouble> {
        self.in_time(async { self.enter(self.reach().await?).await }).await
    }

    /// The same for requests that are made one by one: what SFTP is spoken over, and what keeps it open.
    pub(crate) async fn log_in_raw(&self) -> Result<(ChannelStream<client::Msg>, Handle<Judge>), Trouble> {
        let mut handle = self.reach().await?;
        Ok((self.subsystem(&mut handle).await?, handle))
    }

    /// All that it takes until files can be asked for, as long as it may take.
    pub(crate) async fn in_time<T>(
        &self,
        all: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        tokio::time::timeout(self.patience, all).await.unwrap_or_else(|_| Err(Trouble::late()))
    }

    async fn reach(&self) -> Result<Handle<Judge>, Trouble> {
        let stream = self.endpoint.open().await.map_err(Trouble::Connection)?;
        self.greet(stream).await
    }

    /// Agrees on algorithms and checks the host key. Nothing of ours was told yet.
    pub(crate) async fn greet(&self, stream: TcpStream) -> Result<Handle<Judge>, Trouble> {
        let shown = Arc::new(Mutex::new(None));
        let judge = Judge { pins: self.pins.clone(), shown: Arc::clone(&shown) };
        let greeted = client::connect_stream(Arc::new(self.config()), stream, judge).await;
        greeted.map_err(|error| {
            let shown = shown.lock().unwrap_or_else(PoisonError::into_inner).take();
            match (error, shown) {
                (Error::UnknownKey, Some(shown)) => Trouble::HostKey(shown),
                (error, _) => error.into(),
            }
        })
    }

    /// Logs in and opens the file system.
    pub(crate) async fn enter(&self, mut handle: Handle<Judge>) -> Result<Session, Trouble> {
        let stream = self.subsystem(&mut handle).await?;
        let opened = SftpSession::new_with_config(stream, config()).await;
        let sftp = opened.map_err(|_| Trouble::torn())?;
        Ok(Session { sftp, _handle: handle })
    }

    /// Logs in and opens what SFTP is spoken over.
    async fn subsystem(&self, handle: &mut Handle<Judge>) -> Result<ChannelStream<client::Msg>, Trouble> {
        self.authenticate(handle).await?;
        let mut channel = handle.channel_open_session().await?;
        channel.request_subsystem(true, "sftp").await?;
        loop {
            match channel.wait().await {
                Some(ChannelMsg::Success) => return Ok(channel.into_stream()),
                Some(ChannelMsg::Failure) => return Err(Trouble::NoSftp),
                Some(_) => {}
                None => return Err(Trouble::torn()),
            }
        }
    }

    /// Logs in with the key, then with the password, as far as there are any and the server wants them. Without either
    /// the server is asked to let the user in as they are.
    async fn authenticate(&self, handle: &mut Handle<Judge>) -> Result<(), Trouble> {
        let first = match (&self.key, &self.password) {
            (Some(key), _) => {
                let key = PrivateKeyWithHashAlg::new(Arc::clone(key), None);
                handle.authenticate_publickey(self.user.clone(), key).await?
            }
            (None, Some(password)) => self.offer(handle, password).await?,
            (None, None) => handle.authenticate_none(self.user.clone()).await?,
        };
        let Some(mut left) = still_needed(first) else { return Ok(()) };
        let Some(password) = &self.password else { return Err(refused(handle)) };
        if self.key.is_some() && left.contains(&MethodKind::Password) {
            match still_needed(self.offer(handle, password).await?) {
                Some(still) => left = still,
                None => return Ok(()),
            }
        }
        // Many servers ask for the password in a dialogue (PAM).
        let asks = left.contains(&MethodKind::KeyboardInteractive);
        if asks && self.answer(handle, password).await? { Ok(()) } else { Err(refused(handle)) }
    }

    async fn offer(&self, handle: &mut Handle<Judge>, password: &SecretString) -> Result<AuthResult, Error> {
        handle.authenticate_password(self.user.clone(), password.expose_secret()).await
    }

    /// Answers the one hidden question with the password; whether that was enough.
    async fn answer(&self, handle: &mut Handle<Judge>, password: &SecretString) -> Result<bool, Trouble> {
        let mut asked = handle.authenticate_keyboard_interactive_start(self.user.clone(), None).await?;
        for _ in 0..QUESTIONS {
            let prompts = match asked {
                KeyboardInteractiveAuthResponse::Success => return Ok(true),
                KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
                KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => prompts,
            };
            let answers = match prompts.as_slice() {
                [] => vec![],
                [one] if !one.echo => vec![password.expose_secret().to_owned()],
                _ => return Ok(false),
            };
            asked = handle.authenticate_keyboard_interactive_respond(answers).await?;
        }
        Ok(matches!(asked, KeyboardInteractiveAuthResponse::Success))
    }

    fn config(&self) -> client::Config {
        client::Config {
            client_id: SshId::Standard(concat!("SSH-2.0-rohrpost_", env!("CARGO_PKG_VERSION")).into()),
            preferred: Preferred {
                kex: Cow::Borrowed(KEX),
                key: pin::asked_for(&self.pins).into(),
                cipher: Cow::Borrowed(CIPHERS),
                mac: Cow::Borrowed(MACS),
                compression: Cow::Borrowed(&[russh::compression::NONE]),
                ..Preferred::DEFAULT
            },
            keepalive_interval: Some(KEEPALIVE),
            ..client::Config::default()
        }
    }
}

pub(crate) fn config() -> Config {
    Config { request_timeout_secs: ANSWER_SECONDS, ..Config::default() }
}

/// Key agreement: none with SHA-1, none with a group below 2048 bits.
const KEX: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::CURVE25519,
    kex::DH_G16_SHA512,
    kex::DH_G15_SHA512,
    kex::DH_G14_SHA256,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

/// Encryption: AES with GCM, or with CTR and a code of its own; no CBC.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

/// Authentication codes, where the encryption has none in it: no SHA-1.
const MACS: &[mac::Name] = &[mac::HMAC_SHA512_ETM, mac::HMAC_SHA256_ETM, mac::HMAC_SHA512, mac::HMAC_SHA256];

/// What the server still wants; nothing if it is content.
fn still_needed(result: AuthResult) -> Option<MethodSet> {
    match result {
        AuthResult::Success => None,
        AuthResult::Failure { remaining_methods, .. } => Some(remaining_methods),
    }
}

/// A connection that tore during the log-in looks like a refusal.
fn refused(handle: &Handle<Judge>) -> Trouble {
    if handle.is_closed() { Trouble::torn() } else { Trouble::LogIn }
}

/// Believes only the host keys that are configured.
pub(crate) struct Judge {
    pins: Vec<Pin>,
    shown: Arc<Mutex<Option<String>>>,
}

impl client::Handler for Judge {
    type Error = Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let told = format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256));
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
        Ok(pin::believes(&self.pins, key))
    }
}
