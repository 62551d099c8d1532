use super::{Attached, Cursor, StoreFault};
use crate::{ClientName, Delivery, DeliveryId, DestinationName, StepName, Submission, Timestamp};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeSet;

/// What waits to be fetched, for whoever reads it: an XTA or REST reader sees deliveries, not the store.
///
/// A mailbox is a destination whose deliveries wait ([`State::Awaiting`](crate::State::Awaiting)) until its reader
/// closes them; then they are delivered. Everything is seen through the reader: of a mailbox that it may not read, and
/// of tenants for which it may not fetch, nothing is there (H7).
///
/// * Reading changes nothing but the time of the first fetch, and can be repeated as often as wanted: what is fetched
///   is the same byte for byte (H8). It stays until [`Mailbox::close`].
/// * [`Mailbox::close`] is durable when it returns. Closing again answers [`Closed::Before`].
/// * Readers work in parallel; each sees every message that is not closed.
#[async_trait]
pub trait Mailbox: Send + Sync {
    /// What waits in a mailbox, in the order of acceptance.
    async fn waiting(&self, of: &Reader, asked: &Asked) -> Result<Vec<Waiting>, StoreFault>;

    /// Whether something else waits after this place, and how much as far as it was counted (at most `most`).
    async fn pending(&self, of: &Reader, asked: &Asked, most: usize) -> Result<usize, StoreFault>;

    /// One message with its contents. The first time is kept as that of the first fetch before this returns.
    async fn fetch(&self, of: &Reader, id: DeliveryId) -> Result<Option<Fetched>, StoreFault>;

    /// The reader has it for good: the delivery is delivered.
    async fn close(&self, of: &Reader, id: DeliveryId) -> Result<Closed, StoreFault>;
}

/// Who reads which mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The client.
    pub client: ClientName,
    /// The mailbox.
    pub mailbox: DestinationName,
}

/// Which messages are asked for; everything that is set must fit.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// After this place.
    pub after: Option<Cursor>,
    /// At most so many (1 to 1000).
    pub limit: usize,
    /// These; empty for all.
    pub ids: BTreeSet<DeliveryId>,
    /// Only those that nobody has fetched yet.
    pub unfetched: bool,
    /// That came into the mailbox at this time or later.
    pub from: Option<Timestamp>,
    /// That came into it at this time or before.
    pub until: Option<Timestamp>,
}

impl Asked {
    /// Whether a delivery that waits is asked for.
    pub fn fits(&self, delivery: &Delivery) -> bool {
        (self.ids.is_empty() || self.ids.contains(&delivery.id))
            && !(self.unfetched && delivery.fetched_at.is_some())
            && self.from.is_none_or(|from| delivery.since >= from)
            && self.until.is_none_or(|until| delivery.since <= until)
    }
}

/// A message that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its delivery.
    pub id: DeliveryId,
    /// Its place in the list.
    pub cursor: Cursor,
    /// The step that it was delivered on.
    pub step: StepName,
    /// The submission that it was made of.
    pub submission: Submission,
    /// When it came into the mailbox.
    pub entered_at: Timestamp,
    /// When it was fetched first.
    pub fetched_at: Option<Timestamp>,
    /// The media type of its message.
    pub media_type: String,
    /// Size of its message in bytes.
    pub size: u64,
    /// Whether the attachments go with it.
    pub attachments: bool,
}

/// A message with its contents.
pub struct Fetched {
    /// What it is.
    pub waiting: Waiting,
    /// The message as it was sealed.
    pub message: Bytes,
    /// A detached signature (CMS, DER).
    pub signature: Option<Bytes>,
    /// The attachments that go with it.
    pub attachments: Vec<Attached>,
}

/// What became of closing a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It is delivered now.
    Now,
    /// It was closed before.
    Before,
    /// No such message is in the mailbox.
    NotThere,
}
