//! From what a configuration says to a seal that signs. Reading files is the caller's.

use crate::cms::CmsSeal;
use crate::identity::{KeyFault, KeyMaterial, SigningIdentity};
use crate::jws::JwsSigner;
use crate::xmldsig::{XmlDsigOptions, XmlDsigSeal};
use rohrpost_model::Timestamp;
use rohrpost_model::ports::{ReceiptSigner, Seal, SealForm};
use std::sync::Arc;

/// One configured seal.
#[derive(Debug)]
pub struct SealConfig {
    /// The form of the signature.
    pub form: SealForm,
    /// The key and its certificate.
    pub key: KeyMaterial,
    /// Algorithms, for [`SealForm::XmlDsig`].
    pub xml: XmlDsigOptions,
    /// Whether [`SealForm::Cms`] signatures are CAdES-BES (ETSI EN 319 122-1).
    pub cades: bool,
    /// The shortest RSA key allowed, in bits; [`crate::MINIMUM_RSA_BITS`] unless someone decided otherwise. Never
    /// below 2048.
    pub minimum_rsa_bits: u32,
}

/// Builds a seal; key and certificate are judged at `now`. The fault says what would be right.
pub fn seal_from_config(config: &SealConfig, now: Timestamp) -> Result<Arc<dyn Seal>, KeyFault> {
    let identity = SigningIdentity::load(&config.key, config.minimum_rsa_bits, now)?;
    Ok(match config.form {
        SealForm::XmlDsig => Arc::new(XmlDsigSeal::new(identity, config.xml)?),
        SealForm::Cms => Arc::new(CmsSeal::new(identity, config.cades)?),
    })
}

/// Builds the signer of receipts; key and certificate are judged at `now`.
pub fn receipt_signer(
    key: &KeyMaterial,
    minimum_rsa_bits: u32,
    now: Timestamp,
) -> Result<Arc<dyn ReceiptSigner>, KeyFault> {
    Ok(Arc::new(JwsSigner::new(SigningIdentity::load(key, minimum_rsa_bits, now)?)?))
}
