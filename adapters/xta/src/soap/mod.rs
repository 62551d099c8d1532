//! Envelopes as streams of bytes, in both directions: SOAP 1.2 plain or in parts (MTOM/XOP).

mod base64;
mod container;
mod encrypted;
mod head;
mod incoming;
mod media;
mod multipart;
mod parts;
mod read;
mod sink;
mod unread;
mod write;

pub(crate) use write::parse;

pub use head::{Addressing, Expect, Form, Head, Wire, read_head};
pub use incoming::BoxError;
pub use multipart::MultipartFault;
pub use read::{Body, Contents, Received};
pub use sink::{ContentEnd, ContentFacts, ContentSink, NoContent};
pub use unread::Unread;
pub use write::{Container, HeaderBlocks, NotWritable, Outgoing, OutgoingContent, Written};

/// How much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the envelope up to its body.
    pub header: u64,
    /// Bytes of a body that carries no contents, such as a status list.
    pub body: u64,
    /// Bytes of all contents together, decoded.
    pub content: u64,
    /// How deep elements may be nested.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { header: 1 << 20, body: 8 << 20, content: 250_000_000, depth: 64 }
    }
}

impl Limits {
    /// A body of HTTP that is longer than this cannot be within the limits, however it is encoded: a `Content-Length`
    /// above it need not be read at all.
    pub const fn transfer(&self) -> u64 {
        // base64 in lines costs less than half; tags of parts and attachments have room in the rest.
        self.header.saturating_add(self.body).saturating_add(self.content).saturating_add(self.content / 2)
    }
}
