//! Which signature algorithms the house knows, under the names that XML-DSig and JWS give them.

use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKeyRef, Public};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};
use std::fmt;

/// The hash functions that may carry a signature (BSI TR-02102-1, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DigestAlgorithm {
    /// SHA-256 (FIPS 180-4).
    #[default]
    Sha256,
    /// SHA-384 (FIPS 180-4).
    Sha384,
    /// SHA-512 (FIPS 180-4).
    Sha512,
}

impl DigestAlgorithm {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The URI of `DigestMethod` (XML Encryption 1.1, section 5.8; RFC 6931, section 2.1).
    pub(crate) fn uri(self) -> &'static str {
        match self {
            Self::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
            Self::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
            Self::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
        }
    }

    pub(crate) fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|digest| digest.uri() == uri)
    }

    fn bits(self) -> u32 {
        match self {
            Self::Sha256 => 256,
            Self::Sha384 => 384,
            Self::Sha512 => 512,
        }
    }

    pub(crate) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => &aws_lc_rs::digest::SHA256,
            Self::Sha384 => &aws_lc_rs::digest::SHA384,
            Self::Sha512 => &aws_lc_rs::digest::SHA512,
        };
        aws_lc_rs::digest::digest(algorithm, bytes).as_ref().to_vec()
    }

    fn message_digest(self) -> MessageDigest {
        match self {
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }
}

/// How the hash is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureScheme {
    /// RSASSA-PSS (RFC 8017, section 8.1), MGF1 with the same hash, salt as long as the hash. Default for RSA keys.
    RsaPss,
    /// RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2), for receivers that know no PSS. BSI TR-02102-1 no longer
    /// recommends it.
    RsaPkcs1,
    /// ECDSA (FIPS 186-5), signature as `r ‖ s` of fixed length. The hash follows the curve: SHA-256 for P-256,
    /// SHA-384 for P-384.
    Ecdsa,
}

/// A signature algorithm: scheme and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Algorithm {
    pub(crate) scheme: SignatureScheme,
    pub(crate) digest: DigestAlgorithm,
}

impl Algorithm {
    /// The URI of `SignatureMethod` (RFC 6931, sections 2.3.2 to 2.3.10).
    pub(crate) fn uri(self) -> String {
        let bits = self.digest.bits();
        match self.scheme {
            SignatureScheme::RsaPkcs1 => format!("http://www.w3.org/2001/04/xmldsig-more#rsa-sha{bits}"),
            SignatureScheme::RsaPss => format!("http://www.w3.org/2007/05/xmldsig-more#sha{bits}-rsa-MGF1"),
            SignatureScheme::Ecdsa => format!("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha{bits}"),
        }
    }

    /// Reads a `SignatureMethod`. What is not on the list (SHA-1, HMAC, DSA, …) is not an algorithm here.
    pub(crate) fn from_uri(uri: &str) -> Option<Self> {
        Self::all().find(|algorithm| algorithm.uri() == uri)
    }

    /// The `alg` of a JWS (RFC 7518, section 3.1).
    pub(crate) fn jws(self) -> String {
        let family = match self.scheme {
            SignatureScheme::RsaPkcs1 => "RS",
            SignatureScheme::RsaPss => "PS",
            SignatureScheme::Ecdsa => "ES",
        };
        format!("{family}{}", self.digest.bits())
    }

    pub(crate) fn from_jws(alg: &str) -> Option<Self> {
        Self::all().find(|algorithm| algorithm.jws() == alg)
    }

    fn all() -> impl Iterator<Item = Self> {
        let schemes = [SignatureScheme::RsaPss, SignatureScheme::RsaPkcs1, SignatureScheme::Ecdsa];
        schemes.into_iter().flat_map(|scheme| DigestAlgorithm::ALL.map(|digest| Self { scheme, digest }))
    }

    /// Whether `signature` over `data` was made with the private half of `key`.
    pub(crate) fn verify(self, key: &PKeyRef<Public>, data: &[u8], signature: &[u8]) -> bool {
        self.try_verify(key, data, signature).unwrap_or(false)
    }

    fn try_verify(self, key: &PKeyRef<Public>, data: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
        let rsa = self.scheme != SignatureScheme::Ecdsa;
        if key.id() != if rsa { Id::RSA } else { Id::EC } {
            return Ok(false);
        }
        let digest = self.digest.message_digest();
        let mut verifier = Verifier::new(digest, key)?;
        match self.scheme {
            SignatureScheme::RsaPkcs1 => verifier.set_rsa_padding(Padding::PKCS1)?,
            SignatureScheme::RsaPss => {
                verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
                verifier.set_rsa_mgf1_md(digest)?;
                verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
            }
            SignatureScheme::Ecdsa => return verifier.verify_oneshot(&ecdsa_der(key, signature)?, data),
        }
        verifier.verify_oneshot(signature, data)
    }
}

/// `r ‖ s` as ECDSA-Sig-Value (RFC 3279, section 2.2.3), which openssl wants. A signature of another length than the
/// curve asks for becomes an empty one, which never verifies.
fn ecdsa_der(key: &PKeyRef<Public>, signature: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let half = usize::try_from(key.bits().div_ceil(8)).unwrap_or(0);
    if signature.len() != 2 * half {
        return Ok(Vec::new());
    }
    let (r, s) = signature.split_at(half);
    EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?.to_der()
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            SignatureScheme::RsaPss => "RSA-PSS",
            SignatureScheme::RsaPkcs1 => "RSA PKCS#1 v1.5",
            SignatureScheme::Ecdsa => "ECDSA",
        };
        write!(f, "{scheme} with SHA-{}", self.digest.bits())
    }
}
