//! Signatures, certificates, keys, and the encryption of content at rest.
//!
//! | To find | Look in |
//! |---|---|
//! | a signing key and what is demanded of it | [`SigningIdentity`] |
//! | seals for documents | [`XmlDsigSeal`], [`CmsSeal`]; built by [`seal_from_config`] |
//! | the signature of receipts, and of heads of the history | [`JwsSigner`], [`verify_jws`], [`open_audit_head`] |
//! | whether a signature is to be believed | [`verify_xml`], [`verify_cms`], [`TrustStore`], [`Verdict`] |
//! | the keys of stored content | [`KeyFolder`] |
//!
//! The crate knows no configuration file and no clock: who calls it reads the files, and says what time it is. The one
//! folder that it reads and writes itself is that of the keys.

mod algorithm;
mod cms;
mod config;
mod identity;
mod jws;
mod trust;
mod vault;
mod xml;
mod xmldsig;

#[cfg(test)]
mod tests;

pub use algorithm::{DigestAlgorithm, SignatureScheme};
pub use cms::{CmsSeal, verify_cms};
pub use config::{SealConfig, receipt_signer, seal_from_config};
pub use identity::{KeyFault, KeyMaterial, MINIMUM_RSA_BITS, SigningIdentity};
pub use jws::{JwsFault, JwsSigner, OpenedHead, open_audit_head, verify_jws};
pub use trust::{SignedBy, TrustStore, Verdict};
pub use vault::{HubKey, KeyFolder, parse_hub_key};
pub use xmldsig::{XmlDsigOptions, XmlDsigSeal, verify_xml};
