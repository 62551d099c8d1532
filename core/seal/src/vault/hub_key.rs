//! The hub key and what is derived from it.

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::{Engine, engine::general_purpose::STANDARD};
use rohrpost_model::ports::VaultFault;
use secrecy::{ExposeSecret, SecretBox};
use std::fmt;
use zeroize::Zeroizing;

const SALT: &[u8] = b"rohrpost hub key 1";

/// The 32 bytes that every other key of the hub is wrapped with or derived from. Printed as `***`, erased when dropped.
pub struct HubKey(SecretBox<[u8; 32]>);

impl HubKey {
    /// A hub key whose bytes are already known. They must be random.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self(SecretBox::init_with_mut(|inner: &mut [u8; 32]| inner.copy_from_slice(&*bytes)))
    }

    /// 32 bytes for one purpose (HKDF-SHA-256, RFC 5869): nothing can be learned from them about the hub key or about
    /// those of another label.
    pub(super) fn derive(&self, label: &str) -> Result<Zeroizing<[u8; 32]>, VaultFault> {
        let extracted = Salt::new(HKDF_SHA256, SALT).extract(self.0.expose_secret());
        let mut derived = Zeroizing::new([0; 32]);
        extracted
            .expand(&[label.as_bytes()], HKDF_SHA256)
            .and_then(|output| output.fill(derived.as_mut()))
            .map_err(|_| VaultFault::Unavailable("no key could be derived".to_owned()))?;
        Ok(derived)
    }
}

impl fmt::Debug for HubKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubKey(***)")
    }
}

/// Reads a hub key as people write it: 64 hexadecimal digits, or 32 bytes in base64. The error does not repeat it.
pub fn parse_hub_key(text: &str) -> Result<HubKey, String> {
    let text = text.trim();
    let mut bytes = Zeroizing::new([0; 32]);
    if hex::decode_to_slice(text, bytes.as_mut()).is_ok() {
        return Ok(HubKey::from_bytes(*bytes));
    }
    let decoded = Zeroizing::new(STANDARD.decode(text).unwrap_or_default());
    if decoded.len() == bytes.len() {
        bytes.copy_from_slice(&decoded);
        return Ok(HubKey::from_bytes(*bytes));
    }
    Err("the hub key is 64 hexadecimal digits or 32 bytes in base64; make one with `openssl rand -hex 32`"
        .to_owned())
}
