//! Certificates of a CA that lives as long as the test.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};

/// A certificate with its key.
#[derive(Clone)]
pub(super) struct Paper {
    pub(super) certificate: X509,
    pub(super) key: PKey<Private>,
}

/// When a certificate holds, in seconds since 1970.
pub(super) type Span = (i64, i64);

pub(super) const HOLDS: Span = (0, 4_000_000_000);
pub(super) const EXPIRED: Span = (0, 1_500_000_000);
pub(super) const LATER: Span = (3_900_000_000, 4_000_000_000);

pub(super) enum Purpose {
    Issuer,
    Client,
    Server,
}

impl Paper {
    /// One that vouches for itself and for others.
    pub(super) fn anchor(name: &str) -> Self {
        Self::made(name, None, Purpose::Issuer, HOLDS)
    }

    /// One that this one vouches for.
    pub(super) fn issue(&self, name: &str, purpose: Purpose, span: Span) -> Self {
        Self::made(name, Some(self), purpose, span)
    }

    fn made(name: &str, issuer: Option<&Self>, purpose: Purpose, (begin, end): Span) -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut subject = X509Name::builder().unwrap();
        subject.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
        let subject = subject.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        let mut serial = BigNum::new().unwrap();
        serial.rand(64, openssl::bn::MsbOption::MAYBE_ZERO, false).unwrap();
        builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&subject).unwrap();
        builder.set_issuer_name(issuer.map_or(&subject, |issuer| issuer.certificate.subject_name())).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(begin).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(end).unwrap()).unwrap();
        let extension = match purpose {
            Purpose::Issuer => BasicConstraints::new().critical().ca().build(),
            Purpose::Client => ExtendedKeyUsage::new().client_auth().build(),
            Purpose::Server => ExtendedKeyUsage::new().server_auth().build(),
        };
        builder.append_extension(extension.unwrap()).unwrap();
        let names = SubjectAlternativeName::new().ip("127.0.0.1").build(&builder.x509v3_context(None, None));
        builder.append_extension(names.unwrap()).unwrap();
        builder.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
        Self { certificate: builder.build(), key }
    }

    pub(super) fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    pub(super) fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }

    pub(super) fn der(&self) -> Vec<u8> {
        self.certificate.to_der().unwrap()
    }
}
