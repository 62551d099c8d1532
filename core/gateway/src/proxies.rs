//! Proxies that end TLS in front of a listener, and the client certificates that they hand on in a header.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rohrpost_model::Network;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::ParsedCertificate;
use std::net::IpAddr;

/// A proxy that is believed what it says in its header, because it is at this address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Where it is.
    pub network: Network,
    /// Where it says whose certificate it has seen.
    pub header: HeaderName,
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
