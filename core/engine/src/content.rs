//! Hands stored content out again, byte for byte (promise H8).

use crate::Engine;
use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt as _;
use rohrpost_model::ports::{
    Blobs, Content, ContentKey, ContentStream, Location, Slot, StoreFault, SubmissionView,
};
use rohrpost_model::submission::Part;
use std::sync::Arc;

impl Engine {
    /// Part `number` of a submission: 0 for the data, 1 and up for attachments. `None` if there is no such part.
    /// The caller has decided that it may be seen.
    pub async fn content(
        &self,
        view: &SubmissionView,
        number: u32,
    ) -> Result<Option<(Part, ContentStream)>, StoreFault> {
        let Some(part) = view.submission.parts.iter().find(|part| part.number == number) else {
            return Ok(None);
        };
        let stored = Stored {
            blobs: Arc::clone(&self.ports.blobs),
            key: self.ports.vault.open(&view.key)?,
            slot: Slot::Part(view.submission.id, number),
            location: part.location.clone().ok_or(StoreFault::Erased)?,
        };
        Ok(Some((part.clone(), stored.open().await?)))
    }
}

/// A stored content that can be opened as often as needed.
pub(crate) struct Stored {
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) key: Arc<dyn ContentKey>,
    pub(crate) slot: Slot,
    pub(crate) location: Location,
}

#[async_trait]
impl Content for Stored {
    async fn open(&self) -> Result<ContentStream, StoreFault> {
        self.blobs.open(Arc::clone(&self.key), self.slot, &self.location).await
    }
}

impl Stored {
    /// The whole content, for what is small enough to be held in memory.
    pub(crate) async fn read(&self) -> Result<Bytes, StoreFault> {
        let mut stream = self.open().await?;
        let mut whole = Vec::new();
        while let Some(piece) = stream.try_next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.into())
    }
}
