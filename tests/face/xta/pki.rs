//! Certificates for tests: an authority, and what it vouches for.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};
use std::fs;
use std::path::Path;

/// An authority.
pub struct Authority {
    certificate: X509,
    key: PKey<Private>,
}

/// A certificate's days, from today.
pub type Days = (i64, i64);

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key")
}

fn name(text: &str) -> X509Name {
    let mut name = X509Name::builder().expect("a name");
    name.append_entry_by_text("CN", text).expect("a name");
    name.build()
}

fn at(days: i64) -> Asn1Time {
    #[allow(clippy::disallowed_methods)] // what is expired is so by the real clock
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time");
    let now = i64::try_from(now.as_secs()).expect("a time");
    Asn1Time::from_unix(now + days * 24 * 3600).expect("a time")
}

impl Authority {
    pub fn new(title: &str) -> Self {
        let key = key();
        let certificate = signed((title, &key), (title, &key), (-3, 30), true);
        Self { certificate, key }
    }

    pub fn pem(&self) -> String {
        String::from_utf8(self.certificate.to_pem().expect("PEM")).expect("text")
    }

    /// Writes NAME.pem and NAME.key, and both together as NAME.p12 with the password `partner`.
    pub fn vouch(&self, folder: &Path, subject: &str, days: Days) {
        let issuer = self.certificate.subject_name().entries().next().expect("a name");
        let issuer = issuer.data().to_string().expect("text");
        let own = key();
        let certificate = signed((subject, &own), (&issuer, &self.key), days, false);
        fs::write(folder.join(format!("{subject}.pem")), certificate.to_pem().expect("PEM")).expect("a file");
        let pem = own.private_key_to_pem_pkcs8().expect("PEM");
        fs::write(folder.join(format!("{subject}.key")), pem).expect("a file");
        let both = pkcs12(folder, subject, "partner");
        fs::write(folder.join(format!("{subject}.p12")), both).expect("a file");
    }
}

/// What [`Authority::vouch`] wrote, as PKCS#12.
pub fn pkcs12(folder: &Path, subject: &str, password: &str) -> Vec<u8> {
    let read = |ending: &str| fs::read(folder.join(format!("{subject}.{ending}"))).expect("a file");
    let certificate = X509::from_pem(&read("pem")).expect("a certificate");
    let key = PKey::private_key_from_pem(&read("key")).expect("a key");
    let mut builder = openssl::pkcs12::Pkcs12::builder();
    builder.name(subject).pkey(&key).cert(&certificate);
    builder.build2(password).expect("PKCS#12").to_der().expect("DER")
}

fn signed(
    (subject, own): (&str, &PKey<Private>),
    (issuer, key): (&str, &PKey<Private>),
    (from, until): Days,
    is_authority: bool,
) -> X509 {
    let mut builder = X509::builder().expect("a certificate");
    builder.set_version(2).expect("version 3");
    let mut serial = [0; 15];
    openssl::rand::rand_bytes(&mut serial).expect("chance");
    let serial = BigNum::from_slice(&serial).expect("a number").to_asn1_integer().expect("a number");
    builder.set_serial_number(&serial).expect("a number");
    builder.set_subject_name(&name(subject)).expect("a subject");
    builder.set_issuer_name(&name(issuer)).expect("an issuer");
    builder.set_pubkey(own).expect("a key");
    builder.set_not_before(&at(from)).expect("a begin");
    builder.set_not_after(&at(until)).expect("an end");
    if is_authority {
        let ca = BasicConstraints::new().critical().ca().build().expect("an extension");
        builder.append_extension(ca).expect("an extension");
    } else {
        let names = SubjectAlternativeName::new().ip("127.0.0.1").build(&builder.x509v3_context(None, None));
        builder.append_extension(names.expect("names")).expect("an extension");
    }
    builder.sign(key, MessageDigest::sha256()).expect("a signature");
    builder.build()
}
