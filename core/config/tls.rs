//! `[listen.tls]` and `[tls]`: certificate and key of a listener, and whose certificates it asks for.

use super::files::read_named;
use super::reader::{Entry, Faults, Place, Placed, Table};
use super::seals::KeyReading;
use openssl::asn1::Asn1Time;
use openssl::pkey::PKey;
use openssl::x509::X509;
use rohrpost_gateway::{ClientCertificates, TlsFault, TlsIdentity};
use rohrpost_model::{Fault, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;

/// Certificate chain and key of a listener.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The chain in PEM, the hub's own certificate first.
    pub certificate: Vec<u8>,
    /// The private key in PEM.
    pub key: SecretString,
    /// Which client certificates it takes; `None` where it asks for none.
    pub clients: Option<Clients>,
}

/// Client certificates.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Who vouches for them, PEM.
    pub anchors: Vec<u8>,
    /// Whether nobody gets in without one.
    pub required: bool,
}

impl Tls {
    /// Ready to be presented.
    pub fn identity(&self) -> Result<TlsIdentity, TlsFault> {
        let clients = self.clients.as_ref();
        let clients = clients
            .map(|clients| ClientCertificates { anchors: &clients.anchors, required: clients.required });
        TlsIdentity::for_clients(&self.certificate, self.key.expose_secret().as_bytes(), clients.as_ref())
    }
}

/// Reads and judges those of the API; what cannot be used is noted.
pub fn read_tls(entry: Entry<'_>, reading: &KeyReading<'_>) -> Option<Tls> {
    let table = entry.table();
    let (own, faults) = (read_own(&table, reading), table.faults());
    table.end(&[]);
    let (tls, at) = own?;
    judge(&tls, &at, reading.now).map_err(|fault| faults.note(fault)).ok()?;
    Some(tls)
}

/// The same of a listener that may ask its peers for certificates.
pub fn read_mutual_tls(entry: Entry<'_>, reading: &KeyReading<'_>) -> Option<Tls> {
    let table = entry.table();
    let (own, faults) = (read_own(&table, reading), table.faults());
    let named = table.may("client-ca").text::<PathBuf>();
    let asked = table.may("client-certificate").word(&[("required", true), ("optional", false)]);
    if let (false, Some(asked)) = (table.leave("client-ca"), &asked) {
        let what = "`client-certificate` says whether one is needed, and no `client-ca` says whose is taken";
        faults.note(asked.at.fault(what).hint("add client-ca = \"….pem\""));
    }
    // Anchors that were named and cannot be read are a fault already.
    let unread = table.leave("client-ca") && named.is_none();
    table.end(&[]);
    let anchors = named.map(|named| read_anchors(&named, reading, faults));
    let (mut tls, at) = own?;
    let required = asked.is_none_or(|asked| asked.value);
    tls.clients = match anchors {
        Some(anchors) => Some(Clients { anchors: anchors?, required }),
        None => None,
    };
    judge(&tls, &at, reading.now).map_err(|fault| faults.note(fault)).ok()?;
    (!unread).then_some(tls)
}

/// The hub's own certificate and key, and the place that names them.
fn read_own(table: &Table<'_>, reading: &KeyReading<'_>) -> Option<(Tls, Place)> {
    let faults = table.faults();
    let (path, key) = (table.must("certificate").text::<PathBuf>(), table.must("key").secret());
    let path = path?;
    let certificate = read_named(reading.folder, &path, faults);
    let key = key.and_then(|key| {
        let resolved = key.resolve(reading.secrets);
        resolved.map_err(|message| faults.note(key.at.fault(message))).ok()
    });
    Some((Tls { certificate: certificate?, key: key?, clients: None }, path.at))
}

fn read_anchors(path: &Placed<PathBuf>, reading: &KeyReading<'_>, faults: &Faults) -> Option<Vec<u8>> {
    let anchors = read_named(reading.folder, path, faults)?;
    if X509::stack_from_pem(&anchors).is_ok_and(|anchors| !anchors.is_empty()) {
        return Some(anchors);
    }
    let fault = path.at.fault("the file holds no certificates in PEM");
    faults.note(fault.hint("give those of the CAs whose client certificates are taken"));
    None
}

fn judge(tls: &Tls, at: &Place, now: Timestamp) -> Result<(), Fault> {
    let chain = X509::stack_from_pem(&tls.certificate).unwrap_or_default();
    let no_certificate =
        || at.fault("the file holds no certificate in PEM").hint("give the chain, the hub's own first");
    let leaf = chain.first().ok_or_else(no_certificate)?;
    // The callback keeps the library from asking for a password on the terminal.
    let key = PKey::private_key_from_pem_callback(tls.key.expose_secret().as_bytes(), |_| Ok(0))
        .map_err(|_| at.fault("the `key` beside it is no private key in PEM without password"))?;
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
    tls.identity().map(|_| ()).map_err(|fault| at.fault(fault.to_string()))
}
