//! Certificates for tests, P-256.

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name};
use rohrpost_model::Timestamp;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

pub(super) struct Authority(Issued);

pub(super) struct Issued {
    certificate: X509,
    key: PKey<Private>,
}

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn begin(name: &str, key: &PKey<Private>) -> X509Builder {
    let mut subject = X509Name::builder().unwrap();
    subject.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject.build()).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    let serial = BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = key();
        let mut builder = begin("Test CA", &key);
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        let mut name = X509Name::builder().unwrap();
        name.append_entry_by_nid(Nid::COMMONNAME, "Test CA").unwrap();
        builder.set_issuer_name(&name.build()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self(Issued { certificate: builder.build(), key })
    }

    pub(super) fn issue(&self, host: &str) -> Issued {
        self.issue_until(host, &Asn1Time::days_from_now(2).unwrap())
    }

    /// A certificate that was good once.
    pub(super) fn issue_expired(&self, host: &str) -> Issued {
        self.issue_until(host, &Asn1Time::from_str("20200131120000Z").unwrap())
    }

    fn issue_until(&self, host: &str, until: &Asn1TimeRef) -> Issued {
        let key = key();
        let mut builder = begin(host, &key);
        builder.set_not_before(&Asn1Time::from_str("20200101000000Z").unwrap()).unwrap();
        builder.set_not_after(until).unwrap();
        builder.set_issuer_name(self.0.certificate.subject_name()).unwrap();
        let context = builder.x509v3_context(Some(&self.0.certificate), None);
        let names = SubjectAlternativeName::new().dns(host).build(&context).unwrap();
        builder.append_extension(names).unwrap();
        builder.sign(&self.0.key, MessageDigest::sha256()).unwrap();
        Issued { certificate: builder.build(), key }
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.0.der()
    }
}

impl Issued {
    pub(super) fn pkcs12(&self, password: &str) -> Vec<u8> {
        let mut builder = openssl::pkcs12::Pkcs12::builder();
        builder.name("hub").pkey(&self.key).cert(&self.certificate);
        builder.build2(password).unwrap().to_der().unwrap()
    }

    pub(super) fn pem(&self) -> String {
        String::from_utf8(self.certificate.to_pem().unwrap()).unwrap()
    }

    pub(super) fn key_pem(&self) -> String {
        String::from_utf8(self.key.private_key_to_pem_pkcs8().unwrap()).unwrap()
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.certificate.to_der().unwrap().into()
    }

    pub(super) fn until(&self) -> Timestamp {
        let since = Asn1Time::from_unix(0).unwrap().diff(self.certificate.not_after()).unwrap();
        Timestamp::from_second(i64::from(since.days) * 86_400 + i64::from(since.secs)).unwrap()
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.private_key_to_pkcs8().unwrap()).into()
    }
}
