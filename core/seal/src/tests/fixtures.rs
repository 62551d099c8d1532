//! A certification authority of the tests, and what it issues.

use crate::{KeyMaterial, MINIMUM_RSA_BITS, SigningIdentity, TrustStore};
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, KeyUsage};
use openssl::x509::{X509, X509Builder, X509Name};
use rohrpost_model::Timestamp;
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// The validity of what [`Authority`] issues. Long, because the peers go by the machine's clock.
pub const VALID_FROM: &str = "2020-01-01T00:00:00Z";
pub const VALID_UNTIL: &str = "2049-01-01T00:00:00Z";

pub fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

pub fn now() -> Timestamp {
    at("2026-11-24T08:00:00Z")
}

#[derive(Clone)]
pub struct Issued {
    pub key: PKey<Private>,
    pub certificate: X509,
}

impl Issued {
    pub fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }

    pub fn certificate_pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    pub fn material(&self) -> KeyMaterial {
        let key = Zeroizing::new(self.key_pem());
        KeyMaterial { key, certificates: Some(self.certificate_pem()), password: None }
    }

    pub fn identity(&self) -> SigningIdentity {
        SigningIdentity::load(&self.material(), MINIMUM_RSA_BITS, now()).unwrap()
    }

    /// A certificate for `key`, issued by this one.
    pub fn issue(&self, name: &str, key: PKey<Private>, is_authority: bool) -> Issued {
        let certificate = certificate(name, &key, Some(self), is_authority, true);
        Issued { key, certificate }
    }

    pub fn trust(&self) -> TrustStore {
        TrustStore::from_pems(vec![("ca.pem".to_owned(), self.certificate_pem())]).unwrap()
    }
}

pub fn authority(name: &str) -> Issued {
    let key = p256();
    let certificate = certificate(name, &key, None, true, true);
    Issued { key, certificate }
}

pub fn p256() -> PKey<Private> {
    ec(Nid::X9_62_PRIME256V1)
}

pub fn ec(curve: Nid) -> PKey<Private> {
    let group = EcGroup::from_curve_name(curve).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

pub fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}

pub fn name(common_name: &str) -> X509Name {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, common_name).unwrap();
    name.append_entry_by_nid(Nid::ORGANIZATIONNAME, "Landkreis Beispiel").unwrap();
    name.build()
}

pub fn certificate(
    common_name: &str,
    key: &PKey<Private>,
    issuer: Option<&Issued>,
    is_authority: bool,
    may_sign_documents: bool,
) -> X509 {
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(100, MsbOption::MAYBE_ZERO, false).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name(common_name)).unwrap();
    let own_name = name(common_name);
    builder.set_issuer_name(issuer.map_or(&own_name, |issuer| issuer.certificate.subject_name())).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(at(VALID_FROM).as_second()).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(at(VALID_UNTIL).as_second()).unwrap()).unwrap();
    let mut constraints = BasicConstraints::new();
    constraints.critical();
    if is_authority {
        constraints.ca();
    }
    builder.append_extension(constraints.build().unwrap()).unwrap();
    let mut usage = KeyUsage::new();
    match (is_authority, may_sign_documents) {
        (true, _) => usage.critical().key_cert_sign().digital_signature(),
        (false, true) => usage.critical().digital_signature().non_repudiation(),
        (false, false) => usage.critical().key_encipherment(),
    };
    builder.append_extension(usage.build().unwrap()).unwrap();
    builder.sign(issuer.map_or(key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
    builder.build()
}

/// What most tests need, made once.
pub struct Cast {
    pub authority: Issued,
    pub rsa: Issued,
    pub p256: Issued,
    pub p384: Issued,
    /// Issued by an authority that nobody trusts, under the same name as `p256`.
    pub stranger: Issued,
}

pub fn cast() -> &'static Cast {
    static CAST: OnceLock<Cast> = OnceLock::new();
    CAST.get_or_init(|| {
        let authority = authority("Test-CA");
        Cast {
            rsa: authority.issue("Siegel RSA", rsa(3072), false),
            p256: authority.issue("Siegel P-256", p256(), false),
            p384: authority.issue("Siegel P-384", ec(Nid::SECP384R1), false),
            stranger: super::fixtures::authority("Test-CA").issue("Siegel P-256", p256(), false),
            authority,
        }
    })
}

/// A document with everything that canonicalization must get right.
pub const AWKWARD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<?vor dem=\"Wurzelelement\"?>\r\n<!-- Kommentar -->\r\n\
<x:antrag xmlns:x='urn:x' xmlns=\"urn:standard\" xmlns:unbenutzt=\"urn:u\" Id='a1' x:z=\"2\" a='1&#10;2&quot;&lt;'>\r\n\
  <feld id=\"1\" xmlns:y=\"urn:y\" y:w='  innen  \t\r\n '>Erika &amp; Mustermann &#xD; \u{e4}\u{f6}\u{fc} \u{1F4A7}</feld>\r\n\
  <feld id=\"1\"><![CDATA[<kein> & Markup]]></feld><!-- noch einer --><leer/><x:leer xmlns=\"\"><ohne/></x:leer>\r\n\
  <?mitten drin?>\r\n</x:antrag >\r\n<!-- danach -->\r\n<?nach dem=\"Wurzelelement\"?>\r\n";
