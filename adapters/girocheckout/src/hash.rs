//! The codes that GiroCheckout signs with: HMAC-MD5 with the project's password, in hexadecimal. MD5 is its choice.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use secrecy::{ExposeSecret as _, SecretString};

/// Signs and checks.
pub(crate) struct Hasher(SecretString);

impl Hasher {
    pub(crate) const fn new(password: SecretString) -> Self {
        Self(password)
    }

    fn of(&self, text: &[u8]) -> Option<Hmac<Md5>> {
        // Keys of any length are good for HMAC.
        let mut mac = Hmac::<Md5>::new_from_slice(self.0.expose_secret().as_bytes()).ok()?;
        mac.update(text);
        Some(mac)
    }

    /// The code of a text.
    pub(crate) fn code(&self, text: &[u8]) -> String {
        self.of(text).map(|mac| hex::encode(mac.finalize().into_bytes())).unwrap_or_default()
    }

    /// Whether it is the code of this text, found out in a time that says nothing of where they differ.
    pub(crate) fn is_of(&self, code: &str, text: &[u8]) -> bool {
        let Ok(code) = hex::decode(code) else { return false };
        self.of(text).is_some_and(|mac| mac.verify_slice(&code).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_example_comes_out_as_it_was_recomputed() {
        let hasher = Hasher::new("secret".into());
        let text = b"12345671234Wert1Wert2";
        assert_eq!(hasher.code(text), "184d3f805959fc9fff2d07ccec1d1022");
        assert!(hasher.is_of("184D3F805959FC9FFF2D07CCEC1D1022", text));
        for wrong in ["4233d4d15a75d651d60ebabe99b3d846", "184d3f", "", "xx"] {
            assert!(!hasher.is_of(wrong, text), "{wrong}");
        }
    }
}
