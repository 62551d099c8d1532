//! Signing keys and their certificates: loaded, judged, and prepared for use.

use crate::algorithm::{Algorithm, DigestAlgorithm, SignatureScheme};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::{rsa, signature};
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{Id, PKey, Private};
use openssl::x509::{X509, X509KeyUsage, X509Ref};
use rohrpost_model::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use std::cmp::Ordering;
use std::fmt;
use zeroize::Zeroizing;

/// RSA keys below this length are refused unless a seal allows less (BSI TR-02102-1, table 1.2).
pub const MINIMUM_RSA_BITS: u32 = 3072;

/// RSA keys below this length are refused in any case.
const RSA_FLOOR_BITS: u32 = 2048;

/// A key, its certificate and their password as they stand in files.
pub struct KeyMaterial {
    /// PEM (PKCS#8, SEC1 or PKCS#1, plain or encrypted) or PKCS#12 in DER; recognised by its content.
    pub key: Zeroizing<Vec<u8>>,
    /// The certificate and its chain in PEM, in any order; not needed for PKCS#12, nor where `key` holds them too.
    pub certificates: Option<Vec<u8>>,
    /// The password of an encrypted key or of the PKCS#12 file.
    pub password: Option<SecretString>,
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMaterial(***)")
    }
}

/// A key or certificate cannot be used. The text says what is wrong and what would be right; it never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyFault(pub String);

impl KeyFault {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<ErrorStack> for KeyFault {
    /// Only the library's reason strings: its data fields may quote the input.
    fn from(errors: ErrorStack) -> Self {
        let reasons: Vec<_> = errors.errors().iter().filter_map(|error| error.reason()).collect();
        Self(format!("the key or certificate cannot be read ({})", reasons.join(", ")))
    }
}

/// A private key that is ready to sign, with the certificate that belongs to it.
///
/// The key is held by the cryptographic libraries, which erase it when it is dropped; it is never printed.
pub struct SigningIdentity {
    key: PKey<Private>,
    chain: Vec<X509>,
    prepared: Prepared,
}

/// The key as aws-lc-rs signs with it: parsed once, used in parallel.
enum Prepared {
    Rsa(rsa::KeyPair),
    P256(signature::EcdsaKeyPair),
    P384(signature::EcdsaKeyPair),
}

impl fmt::Debug for SigningIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningIdentity({}, ***)", self.subject())
    }
}

impl SigningIdentity {
    /// Loads a key with its certificate and checks that both can sign at `now`: kind and length of the key, that key
    /// and certificate belong together, the time of validity of the whole chain, and the certificate's key usage
    /// (RFC 5280, section 4.2.1.3).
    pub fn load(material: &KeyMaterial, minimum_rsa_bits: u32, now: Timestamp) -> Result<Self, KeyFault> {
        let (key, certificates) = read(material)?;
        check_strength(&key, minimum_rsa_bits)?;
        let chain = leaf_first(&key, certificates)?;
        chain.iter().try_for_each(|certificate| check_time(certificate, now))?;
        chain.first().map_or(Ok(()), |leaf| check_usage(leaf))?;
        let prepared = prepare(&key)?;
        Ok(Self { key, chain, prepared })
    }

    /// The subject of the certificate, as `CN=…, O=…`.
    pub fn subject(&self) -> String {
        self.chain.first().map(|leaf| subject(leaf)).unwrap_or_default()
    }

    /// The first moment at which a certificate of the chain is no longer valid.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.chain.iter().filter_map(|certificate| unix_seconds(certificate.not_after())).min()
    }

    /// The certificates, the signer's own first.
    pub(crate) fn chain(&self) -> &[X509] {
        &self.chain
    }

    pub(crate) fn key(&self) -> &PKey<Private> {
        &self.key
    }

    /// The algorithm for this key: the scheme that was asked for, or the one recommended for its kind.
    pub(crate) fn algorithm(
        &self,
        scheme: Option<SignatureScheme>,
        digest: DigestAlgorithm,
    ) -> Result<Algorithm, KeyFault> {
        use SignatureScheme::{Ecdsa, RsaPkcs1, RsaPss};
        match (&self.prepared, scheme) {
            (Prepared::Rsa(_), None) => Ok(Algorithm { scheme: RsaPss, digest }),
            (Prepared::Rsa(_), Some(scheme @ (RsaPss | RsaPkcs1))) => Ok(Algorithm { scheme, digest }),
            (Prepared::Rsa(_), Some(Ecdsa)) => Err(KeyFault::new(
                "an RSA key cannot sign with ECDSA; use RSA-PSS or RSA PKCS#1 v1.5, or give an EC key",
            )),
            (_, Some(RsaPss | RsaPkcs1)) => {
                Err(KeyFault::new("an EC key cannot sign with RSA; use ECDSA, or give an RSA key"))
            }
            (Prepared::P256(_), _) => Ok(Algorithm { scheme: Ecdsa, digest: DigestAlgorithm::Sha256 }),
            (Prepared::P384(_), _) => Ok(Algorithm { scheme: Ecdsa, digest: DigestAlgorithm::Sha384 }),
        }
    }

    /// Signs `data`. `algorithm` must come from [`SigningIdentity::algorithm`].
    pub(crate) fn sign(&self, algorithm: Algorithm, data: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match &self.prepared {
            Prepared::P256(key) | Prepared::P384(key) => Ok(key.sign(&random, data)?.as_ref().to_vec()),
            Prepared::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(rsa_padding(algorithm), &random, data, &mut signature)?;
                Ok(signature)
            }
        }
    }
}

fn rsa_padding(algorithm: Algorithm) -> &'static dyn signature::RsaEncoding {
    let pss = algorithm.scheme == SignatureScheme::RsaPss;
    match (pss, algorithm.digest) {
        (true, DigestAlgorithm::Sha256) => &signature::RSA_PSS_SHA256,
        (true, DigestAlgorithm::Sha384) => &signature::RSA_PSS_SHA384,
        (true, DigestAlgorithm::Sha512) => &signature::RSA_PSS_SHA512,
        (false, DigestAlgorithm::Sha256) => &signature::RSA_PKCS1_SHA256,
        (false, DigestAlgorithm::Sha384) => &signature::RSA_PKCS1_SHA384,
        (false, DigestAlgorithm::Sha512) => &signature::RSA_PKCS1_SHA512,
    }
}

type KeyAndCertificates = (PKey<Private>, Vec<X509>);

fn read(material: &KeyMaterial) -> Result<KeyAndCertificates, KeyFault> {
    let (key, mut certificates) = if contains(&material.key, b"-----BEGIN ") {
        read_pem(&material.key, material.password.as_ref())?
    } else {
        read_pkcs12(&material.key, material.password.as_ref())?
    };
    if let Some(pem) = &material.certificates {
        certificates.extend(X509::stack_from_pem(pem)?);
    }
    Ok((key, certificates))
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn read_pem(pem: &[u8], password: Option<&SecretString>) -> Result<KeyAndCertificates, KeyFault> {
    let encrypted = contains(pem, b"ENCRYPTED");
    if encrypted && password.is_none() {
        return Err(KeyFault::new("the key is encrypted; give its password"));
    }
    // Without a passphrase the library would ask for one on the terminal.
    let passphrase = password.map_or("", |password| password.expose_secret());
    let key = PKey::private_key_from_pem_passphrase(pem, passphrase.as_bytes()).map_err(|_| {
        KeyFault::new(if encrypted {
            "the key cannot be opened; its password is wrong or the file is damaged"
        } else {
            "no private key was found; give a PEM file with PKCS#8, SEC1 or PKCS#1, or a PKCS#12 file"
        })
    })?;
    Ok((key, X509::stack_from_pem(pem).unwrap_or_default()))
}

fn read_pkcs12(der: &[u8], password: Option<&SecretString>) -> Result<KeyAndCertificates, KeyFault> {
    let container = Pkcs12::from_der(der).map_err(|_| {
        KeyFault::new(
            "the file holds neither PEM nor PKCS#12; give a key in PEM (PKCS#8, SEC1, PKCS#1) or a .p12 file",
        )
    })?;
    let password = password.map_or("", |password| password.expose_secret());
    let parsed = container.parse2(password).map_err(|_| {
        KeyFault::new(
            "the PKCS#12 file cannot be opened; its password is wrong, or it is encrypted with RC2 or DES: then \
             convert it with `openssl pkcs12 -legacy` to PEM",
        )
    })?;
    let key = parsed.pkey.ok_or_else(|| KeyFault::new("the PKCS#12 file holds no private key"))?;
    let mut certificates: Vec<X509> = parsed.cert.into_iter().collect();
    certificates.extend(parsed.ca.into_iter().flatten());
    Ok((key, certificates))
}

fn check_strength(key: &PKey<Private>, minimum_rsa_bits: u32) -> Result<(), KeyFault> {
    let minimum = minimum_rsa_bits.max(RSA_FLOOR_BITS);
    match key.id() {
        Id::RSA if key.bits() >= minimum => Ok(()),
        Id::RSA => Err(KeyFault(format!(
            "the RSA key has {} bits; at least {minimum} are needed (an EC key on P-256 or P-384 would be faster)",
            key.bits()
        ))),
        Id::EC => check_curve(key),
        _ => Err(KeyFault::new(
            "the key is neither RSA nor EC; give an RSA key, or an EC key on P-256 or P-384",
        )),
    }
}

fn check_curve(key: &PKey<Private>) -> Result<(), KeyFault> {
    match key.ec_key()?.group().curve_name() {
        Some(Nid::X9_62_PRIME256V1 | Nid::SECP384R1) => Ok(()),
        other => Err(KeyFault(format!(
            "the EC key lies on the curve {}; give one on P-256 or P-384",
            other.and_then(|nid| nid.short_name().ok()).unwrap_or("without a name")
        ))),
    }
}

/// The certificates with the key's own first, each once, in the order in which they were given.
fn leaf_first(key: &PKey<Private>, certificates: Vec<X509>) -> Result<Vec<X509>, KeyFault> {
    let own = |certificate: &X509| certificate.public_key().is_ok_and(|public| public.public_eq(key));
    let (mut chain, others): (Vec<_>, Vec<_>) = certificates.into_iter().partition(own);
    if chain.is_empty() {
        return Err(KeyFault::new(if others.is_empty() {
            "there is no certificate; add the one that was issued for this key"
        } else {
            "none of the certificates belongs to the key; add the one that was issued for it"
        }));
    }
    chain.truncate(1);
    for certificate in others {
        let known = chain.iter().any(|known| known.to_der().ok() == certificate.to_der().ok());
        if !known {
            chain.push(certificate);
        }
    }
    Ok(chain)
}

fn check_time(certificate: &X509Ref, now: Timestamp) -> Result<(), KeyFault> {
    let at = Asn1Time::from_unix(now.as_second())?;
    if certificate.not_before().compare(&at)? == Ordering::Greater {
        return Err(KeyFault(format!(
            "the certificate of {} is valid only from {}; check the clock, or wait",
            subject(certificate),
            certificate.not_before()
        )));
    }
    if certificate.not_after().compare(&at)? == Ordering::Less {
        return Err(KeyFault(format!(
            "the certificate of {} was valid until {}; renew it",
            subject(certificate),
            certificate.not_after()
        )));
    }
    Ok(())
}

fn check_usage(leaf: &X509Ref) -> Result<(), KeyFault> {
    if may_sign(leaf) {
        return Ok(());
    }
    Err(KeyFault::new(
        "the certificate's key usage does not allow signatures; it needs digitalSignature or nonRepudiation",
    ))
}

/// Whether the key usage of `certificate`, where it has one, allows to sign documents.
pub(crate) fn may_sign(certificate: &X509Ref) -> bool {
    let signing = X509KeyUsage::DIGITAL_SIGNATURE | X509KeyUsage::NON_REPUDIATION;
    certificate.key_usage().is_none_or(|usage| usage.intersects(signing))
}

fn prepare(key: &PKey<Private>) -> Result<Prepared, KeyFault> {
    let der = Zeroizing::new(key.private_key_to_pkcs8()?);
    let rejected = |reason| KeyFault(format!("the key is damaged or unusual ({reason}); make a new one"));
    if key.id() == Id::RSA {
        return rsa::KeyPair::from_pkcs8(&der).map(Prepared::Rsa).map_err(rejected);
    }
    if key.bits() == 256 {
        let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        return signature::EcdsaKeyPair::from_private_key_der(algorithm, &der)
            .map(Prepared::P256)
            .map_err(rejected);
    }
    let algorithm = &signature::ECDSA_P384_SHA384_FIXED_SIGNING;
    signature::EcdsaKeyPair::from_private_key_der(algorithm, &der).map(Prepared::P384).map_err(rejected)
}

/// A certificate's subject as `CN=…, O=…`, in the order of the certificate.
pub(crate) fn subject(certificate: &X509Ref) -> String {
    let entries = certificate.subject_name().entries().map(|entry| {
        let name = entry.object().nid().short_name().unwrap_or("?");
        let value = entry.data().to_string().unwrap_or_default();
        format!("{name}={value}")
    });
    entries.collect::<Vec<_>>().join(", ")
}

fn unix_seconds(time: &Asn1TimeRef) -> Option<Timestamp> {
    let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    Timestamp::from_second(i64::from(since.days) * 86_400 + i64::from(since.secs)).ok()
}
