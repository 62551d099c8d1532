//! The conversation with the mail server, step by step, so that it is known what a loss of the connection means.

use crate::body::{Piece, Pieces};
use futures::TryStreamExt;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt, Rset, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension};
use rohrpost_kit::probe::{Endpoint, Host};
use rohrpost_kit::tls::Tls;
use rohrpost_model::{Failure, Reason, ReasonCode};
use secrecy::{ExposeSecret, SecretString};
use std::fmt::Debug;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

/// How long a polite end of the conversation may take; whether it works makes no difference.
const FAREWELL: Duration = Duration::from_secs(2);

/// Where, how, and as whom.
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    pub(crate) host: Host,
    pub(crate) security: Security,
    pub(crate) patience: Duration,
    pub(crate) hello: ClientId,
    pub(crate) account: Option<(String, SecretString)>,
}

/// How the conversation is kept from others.
pub(crate) enum Security {
    /// It begins in clear and goes on over TLS.
    StartTls(Tls),
    /// It is over TLS from the start.
    Tls(Tls),
    /// It is not.
    None,
}

/// From whom, to whom.
pub(crate) struct Envelope {
    pub(crate) from: Address,
    pub(crate) to: Vec<Address>,
}

/// Why a step failed. Nothing was sent yet.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// No connection, or it tore.
    Connection(Failure),
    /// The server answered with this code.
    Answer(u16),
    /// It answered the log-in with this code.
    LogIn(u16),
    /// It knows no way to log in that is known here.
    NoLogIn,
    /// It does not offer to go on over TLS.
    NoStartTls,
}

impl Trouble {
    fn torn() -> Self {
        Self::Connection(Failure::unavailable(Reason::new(ReasonCode::Unreachable)))
    }

    fn late() -> Self {
        Self::Connection(Failure::unavailable(Reason::new(ReasonCode::ConnectTimeout)))
    }

    /// What it is for a delivery.
    pub(crate) fn failure(self) -> Failure {
        let refused = |code, status: String| Failure::Refused(Reason::new(code).with("status", status));
        match self {
            Self::Connection(failure) => failure,
            Self::Answer(code) | Self::LogIn(code) if code < 500 => {
                Failure::unavailable(Reason::new(ReasonCode::TargetBusy).with("status", code))
            }
            Self::Answer(code) => refused(ReasonCode::TargetRefused, code.to_string()),
            Self::LogIn(code) => refused(ReasonCode::CredentialsRefused, code.to_string()),
            Self::NoLogIn => refused(ReasonCode::CredentialsRefused, "no-common-mechanism".to_owned()),
            Self::NoStartTls => refused(ReasonCode::TargetRefused, "no-starttls".to_owned()),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        error.status().map_or_else(Self::torn, |code| Self::Answer(code.into()))
    }
}

impl Server {
    /// Connects and logs in.
    pub(crate) async fn log_in(&self) -> Result<Session, Trouble> {
        let all = async {
            let mut session = self.greet().await?;
            session.log_in(self).await?;
            Ok(session)
        };
        tokio::time::timeout(self.patience, all).await.unwrap_or_else(|_| Err(Trouble::late()))
    }

    /// Connects, with TLS as it is configured, and says hello.
    pub(crate) async fn greet(&self) -> Result<Session, Trouble> {
        let stream = self.endpoint.open().await.map_err(Trouble::Connection)?;
        let line = match &self.security {
            Security::None => Line::of(Box::new(stream) as Box<dyn Stream>, b""),
            Security::Tls(tls) => Line::of(self.encrypt(tls, stream).await?, b""),
            Security::StartTls(tls) => {
                let stream = self.ask_for_tls(stream).await?;
                // The server greets only once, but the conversation begins anew (RFC 3207, 4.2).
                Line::of(self.encrypt(tls, stream).await?, b"220 \r\n")
            }
        };
        let lettre = AsyncSmtpConnection::connect_with_transport(Box::new(line.clone()), &self.hello).await?;
        Ok(Session { lettre, line })
    }

    async fn encrypt(&self, tls: &Tls, stream: TcpStream) -> Result<Box<dyn Stream>, Trouble> {
        let encrypted = tls.connect(&self.host, stream).await.map_err(|error| {
            tracing::warn!(cause = %error, "no TLS with the mail server");
            Trouble::torn()
        })?;
        Ok(Box::new(encrypted))
    }

    /// What is said in clear before TLS. What came after the server's answer to it is dropped with the connection's
    /// buffer: it could be anybody's.
    pub(crate) async fn ask_for_tls(&self, stream: TcpStream) -> Result<TcpStream, Trouble> {
        let line = Line::of(stream, b"");
        let spoken = Box::new(line.clone());
        let mut lettre = AsyncSmtpConnection::connect_with_transport(spoken, &self.hello).await?;
        if !lettre.server_info().supports_feature(Extension::StartTls) {
            return Err(Trouble::NoStartTls);
        }
        lettre.command(Starttls).await?;
        drop(lettre);
        line.into_inner().ok_or_else(Trouble::torn)
    }
}

/// A conversation that has begun.
pub(crate) struct Session {
    lettre: AsyncSmtpConnection,
    line: Line,
}

impl Session {
    /// Logs in, where there is an account.
    pub(crate) async fn log_in(&mut self, server: &Server) -> Result<(), Trouble> {
        let Some((user, password)) = &server.account else { return Ok(()) };
        let known = [Mechanism::Plain, Mechanism::Login];
        let offers = |mechanism: &Mechanism| self.lettre.server_info().supports_auth_mechanism(*mechanism);
        if !known.iter().any(offers) {
            return Err(Trouble::NoLogIn);
        }
        let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
        let answered = self.lettre.auth(&known, &credentials).await;
        answered.map(drop).map_err(|error| match error.status() {
            Some(code) => Trouble::LogIn(code.into()),
            None => Trouble::torn(),
        })
    }

    /// Says from whom and to whom. One recipient who is refused is all refused.
    pub(crate) async fn address(&mut self, envelope: &Envelope) -> Result<(), Trouble> {
        self.sender(envelope).await?;
        self.recipients(envelope).await
    }

    pub(crate) async fn sender(&mut self, envelope: &Envelope) -> Result<(), Trouble> {
        self.lettre.command(Mail::new(Some(envelope.from.clone()), vec![])).await?;
        Ok(())
    }

    pub(crate) async fn recipients(&mut self, envelope: &Envelope) -> Result<(), Trouble> {
        for to in &envelope.to {
            self.lettre.command(Rcpt::new(to.clone(), vec![])).await?;
        }
        Ok(())
    }

    /// Takes back what was said from whom and to whom, and takes leave.
    pub(crate) async fn call_off(mut self) {
        let leave = async {
            let _ = self.lettre.command(Rset).await;
            let _ = self.lettre.command(Quit).await;
        };
        let _ = tokio::time::timeout(FAREWELL, leave).await;
    }

    /// Sends the mail. Its end is a line of its own: until that is sent, the server must not deliver anything.
    pub(crate) async fn send(mut self, pieces: Pieces) -> Result<(), Failure> {
        self.lettre.command(Data).await.map_err(|error| Trouble::from(error).failure())?;
        self.write(pieces).await?;
        if let Err(error) = self.lettre.command(".\r\n").await {
            return Err(match error.status() {
                Some(code) => Trouble::Answer(code.into()).failure(),
                None => Failure::Unknown(Reason::new(ReasonCode::Torn)),
            });
        }
        let _ = tokio::time::timeout(FAREWELL, self.lettre.command(Quit)).await;
        Ok(())
    }

    async fn write(&mut self, mut pieces: Pieces) -> Result<(), Failure> {
        let torn = |_: io::Error| Trouble::torn().failure();
        while let Some(Piece(bytes)) = pieces.try_next().await.map_err(|fault| fault.before_sending())? {
            self.line.write_all(&bytes).await.map_err(torn)?;
        }
        self.line.flush().await.map_err(torn)
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin + Debug {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin + Debug> Stream for S {}

/// A connection with two holders who never speak at once: lettre, for commands and answers, and whoever streams a mail.
#[derive(Debug)]
struct Line<S = Box<dyn Stream>>(Arc<Mutex<Wire<S>>>);

#[derive(Debug)]
struct Wire<S> {
    /// What is read before anything else.
    first: &'static [u8],
    stream: S,
}

impl<S> Clone for Line<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Stream + 'static> Line<S> {
    fn of(stream: S, first: &'static [u8]) -> Self {
        Self(Arc::new(Mutex::new(Wire { first, stream })))
    }

    /// The connection, once the other holder is gone.
    fn into_inner(self) -> Option<S> {
        let wire = Arc::into_inner(self.0)?.into_inner().unwrap_or_else(PoisonError::into_inner);
        Some(wire.stream)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Wire<S>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Stream + 'static> AsyncRead for Line<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|wire| {
            if wire.first.is_empty() {
                return Pin::new(&mut wire.stream).poll_read(context, buffer);
            }
            let (now, later) = wire.first.split_at(wire.first.len().min(buffer.remaining()));
            buffer.put_slice(now);
            wire.first = later;
            Poll::Ready(Ok(()))
        })
    }
}

impl<S: Stream + 'static> AsyncWrite for Line<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|wire| Pin::new(&mut wire.stream).poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|wire| Pin::new(&mut wire.stream).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|wire| Pin::new(&mut wire.stream).poll_shutdown(context))
    }
}

impl<S: Stream + 'static> AsyncTokioStream for Line<S> {
    /// Nobody asks: it is for certificates, which are not lettre's business here.
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(ErrorKind::Unsupported.into())
    }
}
