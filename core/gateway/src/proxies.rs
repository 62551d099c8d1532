//! Proxies that end TLS in front of a listener, and the client certificates that they hand on in a header.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::ParsedCertificate;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A proxy that is believed what it says in its header, because it is at this address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Where it is.
    pub network: Network,
    /// Where it says whose certificate it has seen.
    pub header: HeaderName,
}

/// One address (`10.0.0.7`), or those that begin alike (`10.0.0.0/24`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    /// At least 1: whoever names all addresses names no proxy.
    prefix: u32,
}

/// The text is no network; the message says what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadNetwork(String);

impl Network {
    /// Whether the address lies in it. One of IPv4 that came through a socket of IPv6 is what it is.
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(other)) => {
                (u32::from(first) ^ u32::from(other)) >> (32 - self.prefix) == 0
            }
            (IpAddr::V6(first), IpAddr::V6(other)) => {
                (u128::from(first) ^ u128::from(other)) >> (128 - self.prefix) == 0
            }
            _ => false,
        }
    }

    /// Whether an address lies in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.holds(other.first) || other.holds(self.first)
    }

    /// The same without what lies behind the prefix.
    fn rounded(self) -> IpAddr {
        match self.first {
            IpAddr::V4(first) => IpAddr::V4((u32::from(first) & (u32::MAX << (32 - self.prefix))).into()),
            IpAddr::V6(first) => IpAddr::V6((u128::from(first) & (u128::MAX << (128 - self.prefix))).into()),
        }
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let form = || BadNetwork(format!("`{text}` is no address (10.0.0.7) and no network (10.0.0.0/24)"));
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let first = address.parse::<IpAddr>().map_err(|_| form())?.to_canonical();
        let whole = if first.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(whole), |prefix| prefix.parse().map_err(|_| form()))?;
        if prefix == 0 || prefix > whole {
            return Err(BadNetwork(format!("the prefix of `{text}` lies from 1 to {whole}")));
        }
        let network = Self { first, prefix };
        if network.rounded() != first {
            let meant = Self { first: network.rounded(), prefix };
            return Err(BadNetwork(format!("`{text}` does not begin a network; write `{meant}`")));
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.first.is_ipv4() { 32 } else { 128 };
        write!(f, "{}", self.first)?;
        if self.prefix < whole { write!(f, "/{}", self.prefix) } else { Ok(()) }
    }
}

/// What a proxy sent as a certificate is none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Takes the headers of all proxies out of a request, so that nobody behind reads what anybody may have written. Returns what
/// the proxy at this address says there; from any other address nothing.
pub(crate) fn take_certificate(
    headers: &mut HeaderMap,
    proxies: &[Proxy],
    from: IpAddr,
) -> Result<Option<Vec<u8>>, Unreadable> {
    let named = proxies.iter().find(|proxy| proxy.network.holds(from));
    let said: Vec<_> = named.into_iter().flat_map(|proxy| headers.get_all(&proxy.header)).cloned().collect();
    for proxy in proxies {
        while headers.remove(&proxy.header).is_some() {}
    }
    match said.as_slice() {
        [] => Ok(None),
        [one] => certificate_in(one),
        // A proxy that adds its own to what the sender wrote: who of both is to be believed?
        _ => Err(Unreadable),
    }
}

/// PEM with percent signs (nginx's `$ssl_client_escaped_cert`), or DER in base64, with colons around it (RFC 9440) or
/// without. Empty where the peer has none.
fn certificate_in(value: &HeaderValue) -> Result<Option<Vec<u8>>, Unreadable> {
    let text = unescaped(value.as_bytes().trim_ascii())?;
    if text.is_empty() {
        return Ok(None);
    }
    let der = if text.starts_with(b"-----BEGIN") {
        CertificateDer::from_pem_slice(&text).map_err(|_| Unreadable)?
    } else {
        let between = text.strip_prefix(b":").and_then(|text| text.strip_suffix(b":"));
        CertificateDer::from(STANDARD.decode(between.unwrap_or(&text)).map_err(|_| Unreadable)?)
    };
    ParsedCertificate::try_from(&der).map_err(|_| Unreadable)?;
    Ok(Some(der.to_vec()))
}

fn unescaped(text: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        if *byte != b'%' {
            plain.push(*byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(*digit).to_digit(16)).ok_or(Unreadable);
        let code = digit()? * 16 + digit()?;
        plain.push(u8::try_from(code).map_err(|_| Unreadable)?);
    }
    Ok(plain)
}
