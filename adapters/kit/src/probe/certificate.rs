//! What a server's certificate says of itself.

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::x509::{X509, X509NameRef};
use rohrpost_model::Timestamp;
use rohrpost_model::ports::{Finding, Words};

/// From so many days before its end on, a certificate is warned about: as long as a renewal takes in an office.
const WARNED_DAYS: i64 = 30;

const DAY: i64 = 24 * 3600;

/// The facts that are told.
pub(super) struct Certificate {
    subject: String,
    issuer: String,
    until: Option<Timestamp>,
}

impl Certificate {
    /// Reads a certificate in DER.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let certificate = X509::from_der(der).ok()?;
        Some(Self {
            subject: name(certificate.subject_name()),
            issuer: name(certificate.issuer_name()),
            until: time(certificate.not_after()),
        })
    }

    /// The facts in a sentence without its end.
    pub(super) fn told(&self) -> Words {
        let Self { subject, issuer, .. } = self;
        let until = self.until.map_or_else(|| "?".to_owned(), day);
        Words::new(
            format!("{subject}, ausgestellt von {issuer}, gültig bis {until}"),
            format!("{subject}, issued by {issuer}, valid until {until}"),
        )
    }

    /// What is to be said of a certificate that is believed.
    pub(super) fn judge(&self, now: Timestamp) -> Finding {
        let (told, left) = (self.told(), self.until.map(|until| (until.as_second() - now.as_second()) / DAY));
        match left {
            Some(left) if left < WARNED_DAYS => Finding::Warns(Words::new(
                format!(
                    "{}. Es läuft in {left} Tagen ab: beim Ziel an die Erneuerung erinnern.",
                    told.german
                ),
                format!("{}. It ends in {left} days: remind the target to renew it.", told.english),
            )),
            _ => Finding::Works(told),
        }
    }
}

/// `CN=…, O=…`, in the order of the certificate.
fn name(name: &X509NameRef) -> String {
    let entries = name.entries().map(|entry| {
        let key = entry.object().nid().short_name().unwrap_or("?");
        let value = entry.data().to_string();
        format!("{key}={}", value.unwrap_or_default().replace(char::is_control, "?"))
    });
    entries.collect::<Vec<_>>().join(", ")
}

fn time(time: &Asn1TimeRef) -> Option<Timestamp> {
    let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    Timestamp::from_second(i64::from(since.days) * DAY + i64::from(since.secs)).ok()
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}
