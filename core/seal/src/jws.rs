//! What the hub states under its own name, receipts and heads of its history, as compact JWS (RFC 7515).

use crate::algorithm::{Algorithm, DigestAlgorithm, SignatureScheme};
use crate::identity::{KeyFault, SigningIdentity};
use crate::trust::{SignedBy, TrustStore, Verdict, believable_key, signed_by};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::x509::{X509, X509Ref};
use rohrpost_model::ports::{ReceiptSigner, SealFault, Statement};
use rohrpost_model::{Digest, Timestamp};
use serde::Deserialize;

/// Signs statements with one key: ES256 or ES384 for EC keys, PS256 for RSA keys (RFC 7518, section 3).
pub struct JwsSigner {
    identity: SigningIdentity,
    algorithm: Algorithm,
    receipt: String,
    audit_head: String,
}

impl JwsSigner {
    /// Prepares the signer; the protected header is the same for all statements of a kind and is made once.
    pub fn new(identity: SigningIdentity) -> Result<Self, KeyFault> {
        let algorithm = identity.algorithm(None, DigestAlgorithm::Sha256)?;
        let leaf = identity.chain().first().ok_or_else(|| KeyFault("there is no certificate".to_owned()))?;
        let mut header = serde_json::json!({
            "alg": algorithm.jws(),
            "typ": Statement::Receipt.typ(),
            "x5t#S256": thumbprint(leaf)?,
        });
        let receipt = URL_SAFE_NO_PAD.encode(header.to_string());
        header["typ"] = Statement::AuditHead.typ().into();
        header["x5c"] = identity.chain().iter().map(in_header).collect::<Result<_, _>>()?;
        let audit_head = URL_SAFE_NO_PAD.encode(header.to_string());
        Ok(Self { identity, algorithm, receipt, audit_head })
    }
}

/// A certificate as it stands in `x5c` (RFC 7515, section 4.1.6: not base64url).
fn in_header(certificate: &X509) -> Result<String, KeyFault> {
    Ok(STANDARD.encode(certificate.to_der()?))
}

impl ReceiptSigner for JwsSigner {
    fn sign(&self, statement: Statement, claims: &[u8]) -> Result<String, SealFault> {
        let header = match statement {
            Statement::Receipt => &self.receipt,
            Statement::AuditHead => &self.audit_head,
        };
        let mut token = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = self
            .identity
            .sign(self.algorithm, token.as_bytes())
            .map_err(|_| SealFault(format!("the key could not sign ({})", statement.typ())))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

/// The SHA-256 thumbprint of a certificate (RFC 7515, section 4.1.8).
fn thumbprint(certificate: &X509Ref) -> Result<String, KeyFault> {
    Ok(URL_SAFE_NO_PAD.encode(Digest::of(&certificate.to_der()?).as_bytes()))
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
    #[serde(default)]
    x5c: Vec<String>,
    crit: Option<serde::de::IgnoredAny>,
}

/// Why a statement is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsFault {
    /// The token is not a statement of this kind: its form, header or algorithm.
    #[error("not a signed statement of this kind: {0}")]
    Form(&'static str),
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] KeyFault),
    /// The signature was made over something else or with another key.
    #[error("the signature does not fit what is signed and the certificate")]
    Broken,
}

/// Verifies a receipt with the hub's certificate (PEM) and returns its claims, byte for byte. The certificate is
/// trusted as it is given: neither its chain nor its time of validity is looked at, because a receipt outlives both.
pub fn verify_jws(token: &str, certificate_pem: &[u8]) -> Result<Vec<u8>, JwsFault> {
    let token = Token::read(token, Statement::Receipt)?;
    let certificate = X509::from_pem(certificate_pem).map_err(KeyFault::from)?;
    token.verify(&certificate)?;
    Ok(token.claims)
}

/// A head of the history whose signature fits the certificate that it carries. Whose certificate that is,
/// [`OpenedHead::judge`] says.
pub struct OpenedHead {
    claims: Vec<u8>,
    algorithm: Algorithm,
    leaf: X509,
    others: Vec<X509>,
}

/// Opens a head. Its claims are to be believed only if its signer is.
pub fn open_audit_head(token: &str) -> Result<OpenedHead, JwsFault> {
    let token = Token::read(token.trim(), Statement::AuditHead)?;
    let mut chain = token.header.x5c.iter().map(|one| certificate(one)).collect::<Result<Vec<_>, _>>()?;
    if chain.is_empty() {
        return Err(JwsFault::Form("it carries no certificate"));
    }
    let others = chain.split_off(1);
    let leaf = chain.swap_remove(0);
    let algorithm = token.verify(&leaf)?;
    Ok(OpenedHead { claims: token.claims, algorithm, leaf, others })
}

fn certificate(text: &str) -> Result<X509, JwsFault> {
    let der = STANDARD.decode(text).map_err(|_| JwsFault::Form("a certificate is not base64"))?;
    Ok(X509::from_der(&der).map_err(KeyFault::from)?)
}

impl OpenedHead {
    /// The claims, byte for byte.
    pub fn claims(&self) -> &[u8] {
        &self.claims
    }

    /// Who claims to have signed.
    pub fn signed_by(&self) -> SignedBy {
        signed_by(&self.leaf, self.algorithm, "the head of the history")
    }

    /// Whether the signer's certificate leads to an anchor, as of `at`. A head is looked at long after its certificate
    /// ended, so `at` is the time that it names itself.
    pub fn judge(&self, trust: &TrustStore, at: Timestamp) -> Verdict {
        trust.judge(self.signed_by(), &self.leaf, &self.others, at)
    }
}

/// A token in its parts.
struct Token {
    header: Header,
    signed: String,
    claims: Vec<u8>,
    signature: Vec<u8>,
}

impl Token {
    fn read(token: &str, statement: Statement) -> Result<Self, JwsFault> {
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsFault::Form("it has not three parts"))?;
        let (header, claims) = signed.split_once('.').ok_or(JwsFault::Form("it has not three parts"))?;
        let header: Header = serde_json::from_slice(&decode(header)?)
            .map_err(|_| JwsFault::Form("its header cannot be read"))?;
        if header.typ != statement.typ() || header.crit.is_some() {
            return Err(JwsFault::Form("its header is that of something else"));
        }
        Ok(Self { header, signed: signed.to_owned(), claims: decode(claims)?, signature: decode(signature)? })
    }

    /// Whether `certificate` is the one that the header names and its key made the signature.
    fn verify(&self, certificate: &X509Ref) -> Result<Algorithm, JwsFault> {
        if self.header.thumbprint != thumbprint(certificate)? {
            return Err(JwsFault::Form("it names another certificate"));
        }
        let algorithm = Algorithm::from_jws(&self.header.alg)
            .filter(|algorithm| algorithm.scheme != SignatureScheme::RsaPkcs1)
            .ok_or(JwsFault::Form("its algorithm is not ES256, ES384 or PS256"))?;
        let key = believable_key(certificate).map_err(KeyFault)?;
        let fits = algorithm.verify(&key, self.signed.as_bytes(), &self.signature);
        if fits { Ok(algorithm) } else { Err(JwsFault::Broken) }
    }
}

fn decode(part: &str) -> Result<Vec<u8>, JwsFault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsFault::Form("a part is not base64url"))
}
