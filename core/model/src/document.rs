//! What mapping and seal made of a submission for one step.

use crate::Digest;
use crate::digest::Hasher;
use crate::submission::Part;

/// A document ready to be sent: a message, perhaps a detached signature, perhaps the submission's attachments by
/// reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The message as it is sent, sealed where the seal is inside.
    pub message: Vec<u8>,
    /// Its media type.
    pub media_type: String,
    /// A detached signature (CMS, DER).
    pub signature: Option<Vec<u8>>,
    /// SHA-256 of the message before the seal.
    pub content_sha256: Digest,
}

impl Document {
    /// The digest of the [`manifest`] of all that is sent.
    pub fn manifest<'a>(&self, attachments: impl Iterator<Item = &'a Part>) -> Digest {
        let attachments = attachments.map(|part| (part.number, part.size, part.sha256));
        manifest(&self.message, self.signature.as_deref(), attachments)
    }
}

/// SHA-256 of the manifest of all that is sent: one line `role number size sha256` for each part, in the order message,
/// signature, attachments (each given as number, size and SHA-256). It names the whole unit by one digest (promise H8),
/// and stands in attempts: part of the stored format.
pub fn manifest(
    message: &[u8],
    signature: Option<&[u8]>,
    attachments: impl Iterator<Item = (u32, u64, Digest)>,
) -> Digest {
    let mut manifest = Hasher::default();
    let mut line = |role: &str, number: u32, size: u64, sha256: Digest| {
        manifest.update(format!("{role} {number} {size} {sha256}\n").as_bytes());
    };
    line("message", 0, message.len() as u64, Digest::of(message));
    if let Some(signature) = signature {
        line("signature", 0, signature.len() as u64, Digest::of(signature));
    }
    for (number, size, sha256) in attachments {
        line("attachment", number, size, sha256);
    }
    manifest.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h8_the_manifest_names_every_part_in_its_place() {
        let attachment = |number| (number, 3, Digest::of(b"abc"));
        let whole = manifest(b"<a/>", Some(b"sig"), [attachment(1), attachment(2)].into_iter());
        let lines = format!(
            "message 0 4 {}\nsignature 0 3 {}\nattachment 1 3 {part}\nattachment 2 3 {part}\n",
            Digest::of(b"<a/>"),
            Digest::of(b"sig"),
            part = Digest::of(b"abc"),
        );
        assert_eq!(whole, Digest::of(lines.as_bytes()));
        assert_ne!(whole, manifest(b"<a/>", None, [attachment(1), attachment(2)].into_iter()));
        assert_ne!(whole, manifest(b"<a/>", Some(b"sig"), [attachment(2), attachment(1)].into_iter()));
    }
}
