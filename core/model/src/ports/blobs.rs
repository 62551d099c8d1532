use super::{ContentKey, StoreFault};
use crate::{DeliveryId, Digest, SubmissionId};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Decrypted content in order, piece by piece. An `Err` ends it: what came before must not be taken for the whole.
pub type ContentStream = BoxStream<'static, Result<Bytes, StoreFault>>;

/// Where a stored content lies. Written into rows as JSON; a variant is added, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    /// A range of a content segment.
    Segment {
        /// The segment's number.
        segment: u32,
        /// First byte.
        offset: u64,
        /// Stored (encrypted) length in bytes.
        length: u64,
    },
    /// A file of its own.
    File {
        /// The file's name in the blob folder.
        name: String,
        /// Stored (encrypted) length in bytes.
        length: u64,
    },
}

/// What a content is. It is authenticated with every chunk, so that one stored content cannot stand in another's
/// place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Part `number` of a submission.
    Part(SubmissionId, u32),
    /// The message of a delivery's document.
    Message(SubmissionId, DeliveryId),
    /// The detached signature of a delivery's document.
    Signature(SubmissionId, DeliveryId),
    /// Document `number` (from 1) of those that go along with a delivery's message.
    Enclosed(SubmissionId, DeliveryId, u32),
}

impl Slot {
    /// The bytes that are authenticated. Part of the stored format.
    pub fn context(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(submission, number) => write!(f, "rohrpost content 1 {submission} part {number}"),
            Self::Message(submission, delivery) => {
                write!(f, "rohrpost content 1 {submission} message {delivery}")
            }
            Self::Signature(submission, delivery) => {
                write!(f, "rohrpost content 1 {submission} signature {delivery}")
            }
            Self::Enclosed(submission, delivery, number) => {
                write!(f, "rohrpost content 1 {submission} document {delivery} {number}")
            }
        }
    }
}

/// Keeps content, encrypted, of any size, without ever holding a large one in memory.
///
/// Content comes in through a [`Stage`] while it is hashed and encrypted. What is staged is kept only when a
/// transaction of the [`Outbox`](super::Outbox) names it; what is dropped before leaves nothing behind, and what a
/// crash leaves behind is swept at the next start. Small content (below about 256 KB) is carried in memory to that
/// transaction, which appends it to a segment and syncs the segment before it commits. Large content goes into a file
/// that is synced, renamed and synced in its directory before [`Stage::finish`] returns (H1).
///
/// Reading gives exactly the bytes that were written in this slot under this key, or an error (H8).
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Begins to take in content for `slot`.
    fn stage(&self, key: Arc<dyn ContentKey>, slot: Slot) -> Box<dyn Stage>;

    /// Opens a kept content.
    async fn open(
        &self,
        key: Arc<dyn ContentKey>,
        slot: Slot,
        location: &Location,
    ) -> Result<ContentStream, StoreFault>;
}

/// Takes in one content.
#[async_trait]
pub trait Stage: Send {
    /// Takes the next piece; waits while the disk is behind.
    async fn write(&mut self, piece: Bytes) -> Result<(), StoreFault>;

    /// Ends the content.
    async fn finish(self: Box<Self>) -> Result<Staged, StoreFault>;
}

/// Content that was taken in and waits for the transaction that names it.
#[derive(Debug)]
pub struct Staged {
    /// Plain size in bytes.
    pub size: u64,
    /// SHA-256 of the plain bytes.
    pub sha256: Digest,
    /// The encrypted content.
    pub content: StagedContent,
}

/// Encrypted content before it is kept.
pub enum StagedContent {
    /// In memory; the transaction appends it to a segment.
    Small(Vec<u8>),
    /// In a file that is durable already.
    File(StagedFile),
}

impl fmt::Debug for StagedContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Small(bytes) => write!(f, "Small({} bytes)", bytes.len()),
            Self::File(file) => write!(f, "File({})", file.name),
        }
    }
}

/// A durable file that no row names yet. Dropping it removes the file, unless it was kept.
pub struct StagedFile {
    name: String,
    length: u64,
    discard: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl StagedFile {
    /// A staged file; `discard` removes it.
    pub fn new(name: String, length: u64, discard: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self { name, length, discard: Some(Box::new(discard)) }
    }

    /// Where it will lie once it is kept.
    pub fn location(&self) -> Location {
        Location::File { name: self.name.clone(), length: self.length }
    }

    /// The transaction that names it is committed: the file stays.
    pub fn keep(mut self) {
        self.discard = None;
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if let Some(discard) = self.discard.take() {
            discard();
        }
    }
}
