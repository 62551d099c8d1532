//! TLS for adapters that speak something else than HTTP over it, by the same rules.

use crate::adapter::AdapterSource;
use crate::http;
pub use crate::http::tls::Tls;
use crate::settings::SecretRef;
use rohrpost_model::Fault;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
pub use tokio_rustls::client::TlsStream;
use toml::Spanned;
use url::Host;

/// Who is believed, and who we are: the table `tls` in the adapter's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TlsSettings {
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
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            ca: vec![],
            system_ca: true,
            client_certificate: None,
            client_key: None,
            client_pkcs12: None,
            client_pkcs12_password: None,
        }
    }
}

impl TlsSettings {
    /// Checks them; opens no connection.
    pub fn configure(&self, source: &AdapterSource<'_>) -> Result<Tls, Vec<Fault>> {
        http::tls::configure(self, source)
    }

    /// Whether the client shows a certificate.
    pub const fn shows_certificate(&self) -> bool {
        self.client_certificate.is_some() || self.client_pkcs12.is_some()
    }
}

impl Tls {
    /// Shakes hands with `host` on a connection.
    pub async fn connect<S>(&self, host: &Host, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = server_name(host).ok_or(io::ErrorKind::InvalidInput)?;
        TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await
    }
}

/// The name that the server's certificate must be for.
pub(crate) fn server_name(host: &Host) -> Option<ServerName<'static>> {
    Some(match host {
        Host::Domain(name) => ServerName::try_from(name.clone()).ok()?,
        Host::Ipv4(address) => ServerName::IpAddress(IpAddr::from(*address).into()),
        Host::Ipv6(address) => ServerName::IpAddress(IpAddr::from(*address).into()),
    })
}
