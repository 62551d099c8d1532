//! Who may speak, and as whom: certificate ↔ account ↔ identifiers (faults 9010 to 9014).

use super::settings::{AccountSettings, Fingerprint, Settings, fingerprints};
use crate::FaultCode;
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::x509::X509;
use rohrpost_kit::AdapterSource;
use rohrpost_model::ports::Peer;
use rohrpost_model::{ClientName, Fault, Timestamp};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All accounts, by certificate.
pub(super) struct Accounts(BTreeMap<Fingerprint, Arc<Account>>);

/// An account.
pub(super) struct Account {
    pub(super) client: ClientName,
    identifiers: BTreeSet<String>,
    services: BTreeSet<String>,
    locked: bool,
    pub(super) lenient: bool,
}

impl Accounts {
    /// Reads the certificates of all accounts.
    pub(super) fn read(settings: &Settings, source: &AdapterSource<'_>) -> Result<Self, Vec<Fault>> {
        let (mut accounts, mut faults) = (BTreeMap::new(), Vec::new());
        for one in &settings.account {
            let account = Arc::new(Account::of(one));
            for file in &one.certificates {
                match fingerprints(source, file) {
                    Err(fault) => faults.push(fault),
                    Ok(found) => {
                        for fingerprint in found {
                            if accounts.insert(fingerprint, Arc::clone(&account)).is_some() {
                                let what = "this certificate proves another account already";
                                faults.push(source.places().fault_at(file, what));
                            }
                        }
                    }
                }
            }
        }
        if faults.is_empty() { Ok(Self(accounts)) } else { Err(faults) }
    }

    /// The account of whoever is on the connection.
    pub(super) fn of(&self, peer: &Peer, now: Timestamp) -> Result<&Account, FaultCode> {
        let certificate = peer.certificate.as_ref().ok_or(FaultCode::AccountUnknown)?;
        let certificate = X509::from_der(certificate).map_err(|_| FaultCode::AccountUnknown)?;
        let digest = certificate.digest(MessageDigest::sha256()).map_err(|_| FaultCode::AccountUnknown)?;
        let account = Fingerprint::try_from(digest.as_ref()).ok().and_then(|it| self.0.get(&it));
        let account = account.ok_or(FaultCode::AccountUnknown)?;
        if !is_valid(&certificate, now) {
            return Err(FaultCode::CertificateExpired);
        }
        if account.locked { Err(FaultCode::AccountLocked) } else { Ok(account) }
    }
}

impl Account {
    fn of(settings: &AccountSettings) -> Self {
        Self {
            client: settings.client.get_ref().clone(),
            identifiers: settings.identifiers.iter().cloned().collect(),
            services: settings.services.iter().cloned().collect(),
            locked: settings.locked,
            lenient: settings.lenient,
        }
    }

    /// Whether its holder may speak as this author or reader.
    pub(super) fn may_be(&self, identifier: &str) -> Result<(), FaultCode> {
        if self.identifiers.contains(identifier.trim()) { Ok(()) } else { Err(FaultCode::NotTheAuthor) }
    }

    /// Whether it has booked this service.
    pub(super) fn has_booked(&self, service: &str) -> Result<(), FaultCode> {
        let booked = self.services.is_empty() || self.services.contains(service.trim());
        if booked { Ok(()) } else { Err(FaultCode::ServiceNotBooked) }
    }
}

/// Whether a certificate is valid at this time.
fn is_valid(certificate: &X509, now: Timestamp) -> bool {
    let Ok(now) = Asn1Time::from_unix(now.as_second()) else { return false };
    let begun = certificate.not_before().compare(&now).is_ok_and(|order| order != Ordering::Greater);
    let ended = certificate.not_after().compare(&now).is_ok_and(|order| order == Ordering::Less);
    begun && !ended
}
