//! Receipts as compact JWS (RFC 7515).

use crate::algorithm::{Algorithm, DigestAlgorithm, SignatureScheme};
use crate::identity::{KeyFault, SigningIdentity};
use crate::trust::believable_key;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::x509::{X509, X509Ref};
use rohrpost_model::Digest;
use rohrpost_model::ports::{ReceiptSigner, SealFault};
use serde::Deserialize;

/// The `typ` of a receipt.
pub const RECEIPT_TYPE: &str = "rohrpost-receipt+jwt";

/// Signs receipts with one key: ES256 or ES384 for EC keys, PS256 for RSA keys (RFC 7518, section 3).
pub struct JwsSigner {
    identity: SigningIdentity,
    algorithm: Algorithm,
    header: String,
}

impl JwsSigner {
    /// Prepares the signer; the protected header is the same for all receipts and is made once.
    pub fn new(identity: SigningIdentity) -> Result<Self, KeyFault> {
        let algorithm = identity.algorithm(None, DigestAlgorithm::Sha256)?;
        let leaf = identity.chain().first().ok_or_else(|| KeyFault("there is no certificate".to_owned()))?;
        let header = serde_json::json!({
            "alg": algorithm.jws(),
            "typ": RECEIPT_TYPE,
            "x5t#S256": thumbprint(leaf)?,
        });
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        Ok(Self { identity, algorithm, header })
    }
}

impl ReceiptSigner for JwsSigner {
    fn sign(&self, claims: &[u8]) -> Result<String, SealFault> {
        let mut token = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims));
        let signature = self
            .identity
            .sign(self.algorithm, token.as_bytes())
            .map_err(|_| SealFault("the key could not sign the receipt".to_owned()))?;
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
    crit: Option<serde::de::IgnoredAny>,
}

/// Why a receipt is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsFault {
    /// The token is not a receipt of this kind: its form, header or algorithm.
    #[error("not a receipt: {0}")]
    Form(&'static str),
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] KeyFault),
    /// The signature was made over something else or with another key.
    #[error("the signature does not fit the receipt and the certificate")]
    Broken,
}

/// Verifies a receipt with the hub's certificate (PEM) and returns its claims, byte for byte. The certificate is
/// trusted as it is given: neither its chain nor its time of validity is looked at, because a receipt outlives both.
pub fn verify_jws(token: &str, certificate_pem: &[u8]) -> Result<Vec<u8>, JwsFault> {
    let certificate = X509::from_pem(certificate_pem).map_err(KeyFault::from)?;
    let (signed, signature) = token.rsplit_once('.').ok_or(JwsFault::Form("it has not three parts"))?;
    let (header, claims) = signed.split_once('.').ok_or(JwsFault::Form("it has not three parts"))?;
    let algorithm = read_header(header, &certificate)?;
    let key = believable_key(&certificate).map_err(KeyFault)?;
    let signature = decode(signature)?;
    if !algorithm.verify(&key, signed.as_bytes(), &signature) {
        return Err(JwsFault::Broken);
    }
    decode(claims)
}

fn read_header(header: &str, certificate: &X509Ref) -> Result<Algorithm, JwsFault> {
    let header: Header =
        serde_json::from_slice(&decode(header)?).map_err(|_| JwsFault::Form("its header cannot be read"))?;
    if header.typ != RECEIPT_TYPE || header.crit.is_some() {
        return Err(JwsFault::Form("its header is not a receipt's"));
    }
    if header.thumbprint != thumbprint(certificate)? {
        return Err(JwsFault::Form("it names another certificate"));
    }
    Algorithm::from_jws(&header.alg)
        .filter(|algorithm| algorithm.scheme != SignatureScheme::RsaPkcs1)
        .ok_or(JwsFault::Form("its algorithm is not ES256, ES384 or PS256"))
}

fn decode(part: &str) -> Result<Vec<u8>, JwsFault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsFault::Form("a part is not base64url"))
}
