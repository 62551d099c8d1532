//! The only outbound HTTP client.
//!
//! It follows no redirect, repeats nothing by itself, reads no proxy from the environment, speaks HTTP/1.1 and TLS as
//! BSI TR-02102-2 asks, and takes plain HTTP only to this machine unless the destination says otherwise. How long an
//! attempt may take in all is the engine's business: it drops the future. Where others than the operator say where
//! requests go, it connects to public addresses only: [`Connection::require_public`].

mod auth;
mod judge;
mod log_in;
mod multipart;
mod preview;
mod proxy;
pub(crate) mod reach;
pub(crate) mod tls;

pub use auth::Auth;
pub use judge::{StatusTable, Verdict, retry_after};
pub use log_in::{LogIn, LogInSettings, TokenSource};
pub use multipart::{Multipart, Part};
pub use reqwest::{Method, Url, header};

use crate::adapter::{AdapterSource, Faults};
use crate::parcel::{CheckedStream, ContentFault};
use crate::probe::Endpoint;
use crate::settings::{ByteSize, Duration, Places, SecretRef};
use crate::tls::TlsSettings;
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use reach::{NoAddress, Reach};
use reqwest::header::{CONTENT_LENGTH, HeaderMap};
use rohrpost_model::{Failure, Fault, Network, Reason, ReasonCode};
use rustls::ClientConfig;
use serde::Deserialize;
use std::error::Error as _;
use std::path::PathBuf;
use toml::Spanned;

/// A pooled connection is given up after this time without use. It is shorter than what common servers wait (Node.js
/// and Apache: 5 s), because a request that meets a server's close may have arrived, and then a person has to look.
const POOL_IDLE: std::time::Duration = std::time::Duration::from_secs(3);

/// How a destination is connected to: the table `connection` in the adapter's own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Connection {
    /// The longest that name lookup, connection and TLS handshake may take.
    pub connect_timeout: Duration,
    /// The longest answer that is read.
    pub answer_limit: ByteSize,
    /// Allow plain HTTP to other machines: everything can be read and changed on the way.
    pub allow_plain_http: bool,
    /// PEM files with certificate authorities to trust, beside the system's.
    pub ca: Vec<Spanned<PathBuf>>,
    /// Trust the certificate authorities of the system.
    pub system_ca: bool,
    /// The client's certificate with its chain: a PEM file.
    pub client_certificate: Option<Spanned<PathBuf>>,
    /// The key of the client's certificate: PEM.
    pub client_key: Option<Spanned<SecretRef>>,
    /// The client's certificate with its chain and key in one file: PKCS#12. In the place of the two before.
    pub client_pkcs12: Option<Spanned<PathBuf>>,
    /// The password of that file.
    pub client_pkcs12_password: Option<Spanned<SecretRef>>,
    /// A proxy that requests go through: `http://host:port`. With TLS it sees where they go, not what they say.
    pub proxy: Option<Spanned<String>>,
    /// Who the hub is at the proxy.
    pub proxy_user: Option<Spanned<String>>,
    /// Its password there.
    pub proxy_password: Option<Spanned<SecretRef>>,
    /// Connect to public addresses only: for a destination whose address others may write.
    pub public_only: Option<Spanned<bool>>,
    /// Networks that it may connect to as well.
    pub allow_addresses: Vec<Spanned<Network>>,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            answer_limit: ByteSize::from_bytes(1 << 20),
            allow_plain_http: false,
            ca: vec![],
            system_ca: true,
            client_certificate: None,
            client_key: None,
            client_pkcs12: None,
            client_pkcs12_password: None,
            proxy: None,
            proxy_user: None,
            proxy_password: None,
            public_only: None,
            allow_addresses: vec![],
        }
    }
}

impl Connection {
    /// Checks that an address may be talked to. The error says what would be right.
    pub fn permits(&self, url: &Url) -> Result<(), String> {
        permits(self.allow_plain_http, url)?;
        let allowed = || self.allow_addresses.iter().map(Spanned::get_ref);
        match reach::written(url) {
            Some(address) if self.is_public_only() && !reach::lets_through(allowed(), address) => {
                Err("the address is not a public one; name its network in allow-addresses in the table connection".into())
            }
            _ => Ok(()),
        }
    }

    /// What of them is TLS's.
    fn tls(&self) -> TlsSettings {
        TlsSettings {
            ca: self.ca.clone(),
            system_ca: self.system_ca,
            client_certificate: self.client_certificate.clone(),
            client_key: self.client_key.clone(),
            client_pkcs12: self.client_pkcs12.clone(),
            client_pkcs12_password: self.client_pkcs12_password.clone(),
        }
    }

    fn is_public_only(&self) -> bool {
        self.public_only.as_ref().is_some_and(|written| *written.get_ref())
    }

    /// Makes it connect to public addresses only: for an adapter that leaves nobody the choice.
    pub fn require_public(&mut self, places: &Places<'_>) -> Result<(), Fault> {
        if let Some(written) = self.public_only.as_ref().filter(|it| !it.get_ref()) {
            let fault = places.fault_at(written, "this adapter connects to public addresses only");
            return Err(fault.hint("leave it out; networks of your own stand in allow-addresses"));
        }
        self.public_only = Some(Spanned::new(0..0, true));
        Ok(())
    }

    /// A configured address without placeholders.
    pub fn address(&self, setting: &Spanned<String>, places: &Places<'_>) -> Result<Url, Fault> {
        let fault = |message: &str| places.fault_at(setting, message);
        let url =
            Url::parse(setting.get_ref()).map_err(|error| fault(&format!("this is no address: {error}")))?;
        self.permits(&url).map_err(|message| fault(&message))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                fault("credentials do not stand in the address").hint("write them as settings of their own")
            );
        }
        Ok(url)
    }
}

fn permits(plain_http: bool, url: &Url) -> Result<(), String> {
    match (url.scheme(), url.host()) {
        (_, None) => Err("the address has no host".into()),
        ("https", _) => Ok(()),
        ("http", Some(host)) if plain_http || is_loopback(&host) => Ok(()),
        ("http", _) => {
            Err("plain http is only for this machine; use https, or say allow-plain-http = true in the \
                            table connection"
                .into())
        }
        _ => Err("the address begins with https://".into()),
    }
}

/// Talks HTTP to one destination.
#[derive(Clone)]
pub struct Client {
    client: reqwest::Client,
    tls: tls::Tls,
    proxy: Option<Url>,
    reach: Option<Reach>,
    connect_timeout: std::time::Duration,
    answer_limit: u64,
    allow_plain_http: bool,
}

impl Client {
    /// Makes a client; opens no connection.
    pub fn configure(settings: &Connection, source: &AdapterSource<'_>) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        let tls = faults.note(tls::configure(&settings.tls(), source));
        let proxy = faults.note(proxy::configure(settings, source));
        let reach = faults.note(Reach::configure(settings, source));
        let ((tls, proxy), reach) = faults.finish(tls.zip(proxy).zip(reach))?;
        let client = client(settings, &tls, proxy.as_ref(), reach.as_ref())
            .map_err(|error| vec![Fault::of_file(source.file, format!("no HTTP client: {error}"))])?;
        Ok(Self {
            client,
            tls,
            proxy: proxy.map(|proxy| proxy.address),
            reach,
            connect_timeout: settings.connect_timeout.get(),
            answer_limit: settings.answer_limit.get(),
            allow_plain_http: settings.allow_plain_http,
        })
    }

    /// Where a request to `url` would connect to, for a probe; `None` if the address has no host.
    pub fn endpoint(&self, url: &Url) -> Option<Endpoint> {
        if let Some(proxy) = &self.proxy {
            let (host, port) = (proxy.host()?.to_owned(), proxy.port_or_known_default()?);
            return Some(Endpoint::of_proxy(host, port, self.connect_timeout));
        }
        let (host, port) = (url.host()?.to_owned(), url.port_or_known_default()?);
        let tls = (url.scheme() == "https").then(|| self.tls.clone());
        Some(Endpoint::new(host, port, tls, self.connect_timeout).within(self.reach.clone()))
    }

    /// Sends a request and reads its answer. What the answer's status means is not judged here.
    ///
    /// [`Failure::Unavailable`] if there was no connection, so surely no byte of the request left; otherwise
    /// [`Failure::Unknown`].
    pub async fn send(&self, request: Request) -> Result<Answer, Failure> {
        let response = self.sent(request).await?;
        Ok(self.read(response).await)
    }

    /// Sends a request, and hands on its answer while it comes: for answers that may be large. Whoever reads it limits it.
    /// Failures are those of [`Client::send`]; a stream that ends with an error was torn.
    pub async fn open(&self, request: Request) -> Result<Streamed, Failure> {
        let mut response = self.sent(request).await?;
        let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
        let body = response.bytes_stream().map(|piece| piece.map_err(|_| Unread::Torn)).boxed();
        Ok(Streamed { status, headers, body })
    }

    async fn sent(&self, request: Request) -> Result<reqwest::Response, Failure> {
        permits(self.allow_plain_http, &request.url).map_err(|_| misconfigured("url"))?;
        self.reach.as_ref().map_or(Ok(()), |reach| reach.judge_written(&request.url))?;
        let mut builder = self.client.request(request.method, request.url).headers(request.headers);
        builder = match request.body {
            Body::Empty => builder,
            Body::Bytes(bytes) => builder.body(bytes),
            Body::Pieces(pieces) => builder
                .header(CONTENT_LENGTH, length(&pieces))
                .body(reqwest::Body::wrap_stream(stream::iter(pieces).map(Piece::into_stream).flatten())),
            Body::Stream(stream) => builder.body(reqwest::Body::wrap_stream(stream)),
        };
        builder.send().await.map_err(failure_of)
    }

    async fn read(&self, mut response: reqwest::Response) -> Answer {
        let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(None) => return Answer { status, headers, body: Ok(body.freeze()) },
                Err(_) => return Answer { status, headers, body: Err(Unread::Torn) },
                Ok(Some(piece)) if (body.len() + piece.len()) as u64 > self.answer_limit => {
                    return Answer { status, headers, body: Err(Unread::TooLarge) };
                }
                Ok(Some(piece)) => body.extend_from_slice(&piece),
            }
        }
    }
}

fn client(
    settings: &Connection,
    tls: &tls::Tls,
    proxy: Option<&proxy::Proxy>,
    reach: Option<&Reach>,
) -> reqwest::Result<reqwest::Client> {
    #[expect(clippy::disallowed_methods, reason = "this is rohrpost_kit::http")]
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(ClientConfig::clone(&tls.config))
        .user_agent(concat!("rohrpost/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .http1_only()
        .connect_timeout(settings.connect_timeout.get())
        .pool_idle_timeout(POOL_IDLE);
    if let Some(proxy) = proxy {
        builder = builder.proxy(proxy.through.clone());
    }
    if let Some(reach) = reach {
        builder = builder.dns_resolver(reach.clone());
    }
    builder.build()
}

pub(crate) fn is_loopback(host: &url::Host<&str>) -> bool {
    match host {
        url::Host::Domain(name) => *name == "localhost",
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    }
}

/// One request.
pub struct Request {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// The headers, credentials included.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

impl std::fmt::Debug for Request {
    /// Method and host only: the rest may hold content or credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.url.host_str().unwrap_or_default())
    }
}

/// The body of a request.
pub enum Body {
    /// None.
    Empty,
    /// In memory.
    Bytes(Bytes),
    /// Piece by piece; the length of the whole is told beforehand.
    Pieces(Vec<Piece>),
    /// A stream whose length is not known; an error in it breaks the request off. A [`ContentFault`] tells why.
    Stream(BoxStream<'static, Result<Bytes, Box<dyn std::error::Error + Send + Sync>>>),
}

/// A piece of a body.
pub enum Piece {
    /// In memory.
    Bytes(Bytes),
    /// A stream.
    Stream {
        /// Its length in bytes.
        size: u64,
        /// The number of the attachment that it is.
        attachment: Option<u32>,
        /// What comes.
        content: CheckedStream,
    },
}

impl Piece {
    fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Stream { size, .. } => *size,
        }
    }

    fn into_stream(self) -> CheckedStream {
        match self {
            Self::Bytes(bytes) => stream::once(async { Ok(bytes) }).boxed(),
            Self::Stream { content, .. } => content,
        }
    }
}

fn length(pieces: &[Piece]) -> u64 {
    pieces.iter().map(Piece::size).sum()
}

/// What was answered.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, if it could be read.
    pub body: Result<Bytes, Unread>,
}

/// What is answered, while its body comes.
pub struct Streamed {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: BoxStream<'static, Result<Bytes, Unread>>,
}

/// Why an answer's body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// The connection tore.
    #[error("the connection tore")]
    Torn,
    /// It is larger than `answer-limit`.
    #[error("the answer is larger than answer-limit")]
    TooLarge,
}

/// The configuration cannot make this request.
pub fn misconfigured(field: &str) -> Failure {
    Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", field))
}

fn failure_of(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    if error.is_builder() {
        return misconfigured("request");
    }
    if error.is_connect() {
        // Only here the error's text is logged: it speaks of names, ports and certificates, never of content.
        tracing::warn!(cause = chain(&error), "no connection to the target");
        if causes(&error).any(|cause| matches!(cause.downcast_ref(), Some(NoAddress::Forbidden))) {
            return Failure::Defect(reach::forbidden());
        }
        let code = if error.is_timeout() { ReasonCode::ConnectTimeout } else { ReasonCode::Unreachable };
        return Failure::unavailable(Reason::new(code));
    }
    match own_fault(&error) {
        Some(fault) => fault.while_sending(),
        None => Failure::Unknown(Reason::new(ReasonCode::Torn)),
    }
}

/// The fault of our own content, if that is what ended the request.
fn own_fault(error: &reqwest::Error) -> Option<&ContentFault> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn chain(error: &reqwest::Error) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

#[cfg(test)]
mod tests;
