//! Who is trusted, and what verifying a signature can find.

use crate::identity::{KeyFault, may_sign, subject};
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, Public};
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509PurposeId, X509Ref, X509StoreContext};
use rohrpost_model::Timestamp;
use std::fmt;

/// Keys below these lengths are not believed, whoever certified them (BSI TR-02102-1 allowed 2048 bit RSA to 2023;
/// older signatures still have to be read).
const VERIFY_RSA_BITS: u32 = 2048;
const VERIFY_EC_BITS: u32 = 256;

/// OpenSSL's level of 112 bits: no SHA-1 and no RSA below 2048 bit in the chain.
const CHAIN_SECURITY_LEVEL: i32 = 2;

/// What verifying a signature found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Intact, covers the whole document, and the signer's certificate leads to a trust anchor.
    Trusted(SignedBy),
    /// Intact and covering the whole document, but the signer's certificate leads to no trust anchor, or is not valid
    /// at that time. Anyone may have made it.
    Untrusted {
        /// Who claims to have signed.
        signed_by: SignedBy,
        /// Why the certificate is not trusted.
        reason: String,
    },
    /// The content or the signature was changed, or it is of a kind that proves nothing (SHA-1, short keys, HMAC, a
    /// bare key without certificate).
    Broken(String),
    /// There is a signature, but not over the whole document: what it covers is not what a reader would take for
    /// signed (signature wrapping).
    NotCovering(String),
    /// There is no signature at all.
    NoSignature,
}

impl Verdict {
    /// Whether the document may be taken as the signer's word.
    pub fn is_trusted(&self) -> bool {
        matches!(self, Self::Trusted(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trusted(by) => write!(f, "intact and trusted: {by}"),
            Self::Untrusted { signed_by, reason } => {
                write!(f, "intact, signer not trusted: {signed_by}; {reason}")
            }
            Self::Broken(reason) => write!(f, "broken: {reason}"),
            Self::NotCovering(reason) => {
                write!(f, "the signature does not cover the whole document: {reason}")
            }
            Self::NoSignature => f.write_str("not signed"),
        }
    }
}

/// An intact signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// The subject of the signer's certificate, as `CN=…, O=…`.
    pub subject: String,
    /// The algorithm in words, for instance `ECDSA with SHA-256`.
    pub algorithm: String,
    /// What is covered, in words.
    pub covers: String,
}

impl fmt::Display for SignedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signed by {}, {}, covers {}", self.subject, self.algorithm, self.covers)
    }
}

/// The certificates that signatures may lead to. Each is an anchor of its own, so a trusted signer's certificate may
/// be given directly, without its issuer.
///
/// Revocation is not asked for: the hub fetches no CRL and asks no OCSP responder.
pub struct TrustStore {
    anchors: Vec<X509>,
}

impl fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustStore({} anchors)", self.anchors.len())
    }
}

impl TrustStore {
    /// Reads the PEM files of a trust folder: pairs of name and content. A file without a certificate is a fault that
    /// names the file.
    pub fn from_pems(files: Vec<(String, Vec<u8>)>) -> Result<Self, KeyFault> {
        let mut anchors = Vec::new();
        for (name, pem) in files {
            let found = X509::stack_from_pem(&pem).unwrap_or_default();
            if found.is_empty() {
                return Err(KeyFault(format!(
                    "{name} holds no certificate in PEM; convert it, or take it out"
                )));
            }
            anchors.extend(found);
        }
        Ok(Self { anchors })
    }

    /// Judges an intact signature by its signer's certificate. `others` may help to build the chain and are not
    /// trusted themselves.
    pub(crate) fn judge(
        &self,
        signed_by: SignedBy,
        leaf: &X509Ref,
        others: &[X509],
        now: Timestamp,
    ) -> Verdict {
        match self.distrust(leaf, others, now) {
            None => Verdict::Trusted(signed_by),
            Some(reason) => Verdict::Untrusted { signed_by, reason },
        }
    }

    /// Why `leaf` leads to no anchor; `None` if it leads to one.
    fn distrust(&self, leaf: &X509Ref, others: &[X509], now: Timestamp) -> Option<String> {
        if !may_sign(leaf) {
            return Some("its certificate is not meant for signatures".to_owned());
        }
        self.chain_fault(leaf, others, now)
            .unwrap_or_else(|_| Some("its certificate cannot be read".to_owned()))
    }

    fn chain_fault(
        &self,
        leaf: &X509Ref,
        others: &[X509],
        now: Timestamp,
    ) -> Result<Option<String>, ErrorStack> {
        let store = self.store_at(now)?;
        let mut helpers = Stack::new()?;
        for other in others {
            helpers.push(other.clone())?;
        }
        X509StoreContext::new()?.init(&store, leaf, &helpers, |context| {
            let trusted = context.verify_cert()?;
            Ok((!trusted).then(|| context.error().error_string().to_owned()))
        })
    }

    fn store_at(&self, now: Timestamp) -> Result<X509Store, ErrorStack> {
        let mut parameters = X509VerifyParam::new()?;
        parameters.set_purpose(X509PurposeId::ANY)?;
        parameters.set_time(now.as_second());
        parameters.set_auth_level(CHAIN_SECURITY_LEVEL);
        parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        let mut builder = X509StoreBuilder::new()?;
        builder.set_param(&parameters)?;
        for anchor in &self.anchors {
            builder.add_cert(anchor.clone())?;
        }
        Ok(builder.build())
    }
}

/// The certificate's key, if it is of a kind and length that a signature may be believed with.
pub(crate) fn believable_key(certificate: &X509Ref) -> Result<PKey<Public>, String> {
    let key = certificate.public_key().map_err(|_| "the signer's key is of an unknown kind".to_owned())?;
    let enough = match key.id() {
        Id::RSA => key.bits() >= VERIFY_RSA_BITS,
        Id::EC => key.bits() >= VERIFY_EC_BITS,
        _ => return Err("the signer's key is neither RSA nor EC".to_owned()),
    };
    if enough { Ok(key) } else { Err(format!("the signer's key has only {} bits", key.bits())) }
}

/// The words for an intact signature.
pub(crate) fn signed_by(leaf: &X509Ref, algorithm: impl fmt::Display, covers: &str) -> SignedBy {
    SignedBy { subject: subject(leaf), algorithm: algorithm.to_string(), covers: covers.to_owned() }
}
