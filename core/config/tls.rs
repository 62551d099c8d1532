//! `[listen.tls]`: certificate and key of the API.

use super::files::read_named;
use super::reader::{Entry, Place};
use super::seals::KeyReading;
use openssl::asn1::Asn1Time;
use openssl::pkey::PKey;
use openssl::x509::X509;
use rohrpost_gateway::TlsIdentity;
use rohrpost_model::{Fault, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;

/// Certificate chain and key of the API.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The chain in PEM, the hub's own certificate first.
    pub certificate: Vec<u8>,
    /// The private key in PEM.
    pub key: SecretString,
}

/// Reads and judges them; what cannot be used is noted.
pub fn read_tls(entry: Entry<'_>, reading: &KeyReading<'_>) -> Option<Tls> {
    let table = entry.table();
    let faults = table.faults();
    let (path, key) = (table.must("certificate").text::<PathBuf>(), table.must("key").secret());
    table.end(&[]);
    let path = path?;
    let certificate = read_named(reading.folder, &path, faults);
    let key = key.and_then(|key| {
        let resolved = key.resolve(reading.secrets);
        resolved.map_err(|message| faults.note(key.at.fault(message))).ok()
    });
    let tls = Tls { certificate: certificate?, key: key? };
    judge(&tls, &path.at, reading.now).map_err(|fault| faults.note(fault)).ok()?;
    Some(tls)
}

fn judge(tls: &Tls, at: &Place, now: Timestamp) -> Result<(), Fault> {
    let chain = X509::stack_from_pem(&tls.certificate).unwrap_or_default();
    let no_certificate =
        || at.fault("the file holds no certificate in PEM").hint("give the chain, the hub's own first");
    let leaf = chain.first().ok_or_else(no_certificate)?;
    // The callback keeps the library from asking for a password on the terminal.
    let key = PKey::private_key_from_pem_callback(tls.key.expose_secret().as_bytes(), |_| Ok(0))
        .map_err(|_| at.fault("the key of [listen.tls] is no private key in PEM without password"))?;
    if !leaf.public_key().is_ok_and(|public| public.public_eq(&key)) {
        let fault = at.fault("the first certificate does not belong to the key");
        return Err(fault.hint("put the hub's own certificate first"));
    }
    let expired = Asn1Time::from_unix(now.as_second()).is_ok_and(|now| leaf.not_after() < now);
    if expired {
        let what = format!("the certificate was valid until {}", leaf.not_after());
        return Err(at.fault(what).hint("renew it"));
    }
    // What TLS does not take, the listener would refuse at start.
    let identity = TlsIdentity::from_pem(&tls.certificate, tls.key.expose_secret().as_bytes());
    identity.map(|_| ()).map_err(|fault| at.fault(fault.to_string()))
}
