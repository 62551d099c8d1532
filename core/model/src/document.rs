//! What mapping and seal made of a submission for one step.

use crate::Digest;
use crate::digest::Hasher;
use crate::names::DocumentName;
use crate::submission::Part;
use bytes::Bytes;

/// The name under which a mapping's stylesheet gives the message, where it makes further documents. No other has it.
pub const MESSAGE: &str = "message";

/// A document ready to be sent: a message, perhaps a detached signature, perhaps further documents, perhaps the
/// submission's attachments by reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The message as it is sent, sealed where the seal is inside.
    pub message: Vec<u8>,
    /// Its media type.
    pub media_type: String,
    /// A detached signature (CMS, DER).
    pub signature: Option<Vec<u8>>,
    /// What goes along with the message.
    pub enclosed: Vec<Enclosed>,
    /// SHA-256 of the message before the seal.
    pub content_sha256: Digest,
}

/// A document that goes along with a message, made by the same mapping. It is not signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclosed {
    /// Its name, unique in what is sent.
    pub name: DocumentName,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub content: Bytes,
}

impl Document {
    /// The digest of the [`manifest`] of all that is sent.
    pub fn manifest<'a>(&self, attachments: impl Iterator<Item = &'a Part>) -> Digest {
        let attachments = attachments.map(|part| (part.number, part.size, part.sha256));
        manifest(&self.message, self.signature.as_deref(), &self.enclosed, attachments)
    }
}

/// SHA-256 of the manifest of all that is sent: one line `role number size sha256` for each part, in the order message,
/// signature, further documents (`document name size sha256`), attachments (each given as number, size and SHA-256). It
/// names the whole unit by one digest (promise H8), and stands in attempts: part of the stored format.
pub fn manifest(
    message: &[u8],
    signature: Option<&[u8]>,
    enclosed: &[Enclosed],
    attachments: impl Iterator<Item = (u32, u64, Digest)>,
) -> Digest {
    let mut manifest = Hasher::default();
    let mut line = |role: &str, which: &str, size: u64, sha256: Digest| {
        manifest.update(format!("{role} {which} {size} {sha256}\n").as_bytes());
    };
    let mut own = |role, which: &str, bytes: &[u8]| line(role, which, bytes.len() as u64, Digest::of(bytes));
    own("message", "0", message);
    if let Some(signature) = signature {
        own("signature", "0", signature);
    }
    for Enclosed { name, content, .. } in enclosed {
        own("document", name.as_str(), content);
    }
    for (number, size, sha256) in attachments {
        line("attachment", &number.to_string(), size, sha256);
    }
    manifest.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h8_the_manifest_names_every_part_in_its_place() {
        let attachment = |number| (number, 3, Digest::of(b"abc"));
        let whole = manifest(b"<a/>", Some(b"sig"), &[], [attachment(1), attachment(2)].into_iter());
        let lines = format!(
            "message 0 4 {}\nsignature 0 3 {}\nattachment 1 3 {part}\nattachment 2 3 {part}\n",
            Digest::of(b"<a/>"),
            Digest::of(b"sig"),
            part = Digest::of(b"abc"),
        );
        assert_eq!(whole, Digest::of(lines.as_bytes()));
        assert_ne!(whole, manifest(b"<a/>", None, &[], [attachment(1), attachment(2)].into_iter()));
        assert_ne!(whole, manifest(b"<a/>", Some(b"sig"), &[], [attachment(2), attachment(1)].into_iter()));
    }

    #[test]
    fn h8_the_manifest_names_what_goes_along_by_name_and_content() {
        let enclosed = |name: &str, content: &'static [u8]| Enclosed {
            name: name.parse().unwrap(),
            media_type: "application/json".into(),
            content: Bytes::from_static(content),
        };
        let of = |enclosed: &[Enclosed]| {
            manifest(b"<a/>", None, enclosed, std::iter::once((1, 3, Digest::of(b"abc"))))
        };
        let lines = format!(
            "message 0 4 {}\ndocument index 2 {}\nattachment 1 3 {}\n",
            Digest::of(b"<a/>"),
            Digest::of(b"{}"),
            Digest::of(b"abc"),
        );
        let whole = of(&[enclosed("index", b"{}")]);
        assert_eq!(whole, Digest::of(lines.as_bytes()));
        for other in [&[][..], &[enclosed("akte", b"{}")], &[enclosed("index", b"[]")]] {
            assert_ne!(whole, of(other));
        }
    }
}
