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
    /// SHA-256 of the manifest of all that is sent: one line `role number size sha256` for each part, in the order
    /// message, signature, attachments. It names the whole unit by one digest (promise H8).
    pub fn manifest<'a>(&self, attachments: impl Iterator<Item = &'a Part>) -> Digest {
        let mut manifest = Hasher::default();
        let mut line = |role: &str, number: u32, size: u64, sha256: Digest| {
            manifest.update(format!("{role} {number} {size} {sha256}\n").as_bytes());
        };
        line("message", 0, self.message.len() as u64, Digest::of(&self.message));
        if let Some(signature) = &self.signature {
            line("signature", 0, signature.len() as u64, Digest::of(signature));
        }
        for part in attachments {
            line("attachment", part.number, part.size, part.sha256);
        }
        manifest.finish()
    }
}
