//! Connections for protocols that are not HTTP (AMQP, …): TCP, and TLS by the same rules as HTTP.

use crate::adapter::AdapterSource;
use crate::http::is_loopback;
use crate::probe::Endpoint;
use crate::settings::Duration;
use crate::tls::{Tls, TlsSettings};
use rohrpost_model::{Failure, Fault, Reason, ReasonCode};
use serde::Deserialize;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use toml::Spanned;
use url::{Host, Url};

/// How a server is connected to: keys of the adapter's own table, and the table `tls` in it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Connection {
    /// The longest that name lookup, connection, TLS handshake and log-in may take.
    pub connect_timeout: Duration,
    /// Allow other machines without TLS: everything can be read and changed on the way, credentials too.
    pub allow_plain: bool,
    /// Who is believed, and who we are.
    pub tls: TlsSettings,
}

impl Default for Connection {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(10), allow_plain: false, tls: TlsSettings::default() }
    }
}

/// The schemes of a protocol, each with its usual port.
#[derive(Clone, Copy, Debug)]
pub struct Schemes {
    /// In clear.
    pub plain: (&'static str, u16),
    /// Over TLS from the first byte.
    pub tls: (&'static str, u16),
}

/// A connection, encrypted or not.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects to one server.
#[derive(Clone)]
pub struct Dialer {
    host: Host,
    port: u16,
    tls: Option<Tls>,
    patience: std::time::Duration,
}

impl Dialer {
    /// Reads an address like `amqps://host:port`; opens no connection. Credentials, paths and queries do not stand in it.
    pub fn configure(
        address: &Spanned<String>,
        schemes: Schemes,
        settings: &Connection,
        source: &AdapterSource<'_>,
    ) -> Result<Self, Vec<Fault>> {
        let wrong = |what: String| vec![source.places().fault_at(address, what)];
        let (host, port, secure) = read(address.get_ref(), schemes).map_err(wrong)?;
        if !secure && !settings.allow_plain && !is_loopback(&borrowed(&host)) {
            let fault = source.places().fault_at(address, "without TLS only this machine is talked to");
            let hint = format!("use {}://, or say allow-plain = true", schemes.tls.0);
            return Err(vec![fault.hint(hint)]);
        }
        let patience = settings.connect_timeout.get();
        let tls = settings.tls.configure(source)?;
        Ok(Self { host, port, tls: secure.then_some(tls), patience })
    }

    /// Where it connects to, for a probe.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::new(self.host.clone(), self.port, self.tls.clone(), self.patience)
    }

    /// Whether it speaks TLS.
    pub const fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// The longest that it may take until a server can be talked to.
    pub const fn patience(&self) -> std::time::Duration {
        self.patience
    }

    /// Connects. [`Failure::Unavailable`] where nobody is reached or believed.
    pub async fn dial(&self) -> Result<Box<dyn Stream>, Failure> {
        match tokio::time::timeout(self.patience, self.connect()).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => {
                // It speaks of names, ports and certificates, never of content.
                tracing::warn!(cause = %error, "no connection to the target");
                Err(Failure::unavailable(Reason::new(ReasonCode::Unreachable)))
            }
            Err(_) => Err(Failure::unavailable(Reason::new(ReasonCode::ConnectTimeout))),
        }
    }

    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = match &self.host {
            Host::Domain(name) => TcpStream::connect((name.as_str(), self.port)).await?,
            Host::Ipv4(address) => TcpStream::connect((*address, self.port)).await?,
            Host::Ipv6(address) => TcpStream::connect((*address, self.port)).await?,
        };
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        Ok(Box::new(tls.connect(&self.host, stream).await?))
    }
}

/// Host, port and whether TLS is spoken.
fn read(text: &str, schemes: Schemes) -> Result<(Host, u16, bool), String> {
    let (plain, tls) = (schemes.plain, schemes.tls);
    let form = || format!("this is no address: write it like {}://host:{}", tls.0, tls.1);
    let url = Url::parse(text).map_err(|_| form())?;
    let (secure, port) = match url.scheme() {
        scheme if scheme == tls.0 => (true, tls.1),
        scheme if scheme == plain.0 => (false, plain.1),
        _ => return Err(form()),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("credentials do not stand in the address".into());
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("only host and port stand in the address".into());
    }
    // Of a scheme that the URL standard does not know an IPv4 address is read as a name.
    let host = match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() => Host::parse(name).map_err(|_| form())?,
        Some(host @ Host::Ipv6(_)) => host.to_owned(),
        _ => return Err(form()),
    };
    Ok((host, url.port().unwrap_or(port), secure))
}

fn borrowed(host: &Host) -> Host<&str> {
    match host {
        Host::Domain(name) => Host::Domain(name),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMQP: Schemes = Schemes { plain: ("amqp", 5672), tls: ("amqps", 5671) };

    #[test]
    fn an_address_is_a_scheme_a_host_and_perhaps_a_port() {
        let told = |text: &str| read(text, AMQP).map(|(host, port, tls)| format!("{host} {port} {tls}"));
        assert_eq!(told("amqps://broker.example.org").unwrap(), "broker.example.org 5671 true");
        assert_eq!(told("amqp://127.0.0.1:1234/").unwrap(), "127.0.0.1 1234 false");
        assert_eq!(told("amqp://[::1]").unwrap(), "[::1] 5672 false");
        for wrong in
            ["broker:5672", "https://a.example", "amqps://", "amqps:///x", "amqps://a/vhost", "amqps://u:p@a"]
        {
            assert!(told(wrong).is_err(), "{wrong}");
        }
        assert!(is_loopback(&borrowed(&read("amqp://127.0.0.1", AMQP).unwrap().0)));
    }
}
