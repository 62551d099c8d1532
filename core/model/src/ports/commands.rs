use super::{Cursor, DeliveryFilter, Dependents, Issued, Scope, StoreFault};
use crate::{CommandId, DestinationName, Timestamp};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// What persons ask for more than one delivery: for a whole destination, or for all deliveries that fit a filter.
///
/// Every call that changes something is one durable transaction with its entry in the audit log: who, when, and the
/// digest of why (H6). Why is content: it is stored under the key that comes with the order. An order for many
/// deliveries is carried out by the engine, delivery by delivery through
/// [`Outbox::command`](super::Outbox::command); here stands how far it came, so that it goes on after a crash.
#[async_trait]
pub trait Commands: Send + Sync {
    /// Pauses, drains or resumes a destination. Returns whether that changed anything.
    async fn order_destination(&self, command: NewDestinationCommand) -> Result<bool, StoreFault>;

    /// The destinations that are paused or drained, by name.
    async fn pauses(&self) -> Result<Vec<Pause>, StoreFault>;

    /// What persons asked for a destination, the newest first, before the cursor; at most `limit`. What changed nothing is
    /// not among it.
    async fn destination_orders(
        &self,
        destination: &DestinationName,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, OrderedDestination)>, StoreFault>;

    /// How many deliveries fit the filter now.
    async fn count(&self, scope: &Scope, filter: &DeliveryFilter) -> Result<u64, StoreFault>;

    /// Begins an order for all deliveries that fit its filter now.
    async fn begin(&self, command: NewBulkCommand) -> Result<BulkCommand, StoreFault>;

    /// Notes how far an order came; also of one that somebody cancelled while a piece of it was carried out.
    async fn progress(&self, progress: BulkProgress) -> Result<(), StoreFault>;

    /// Ends an order: it is finished, or somebody cancels it. Returns it as it stands; `None` if there is none of this
    /// id. One that has ended stays as it is.
    async fn end(&self, end: BulkEnd) -> Result<Option<BulkCommand>, StoreFault>;

    /// Orders for many deliveries that run, the newest first, at most `limit`.
    async fn running(&self, limit: usize) -> Result<Vec<BulkCommand>, StoreFault>;

    /// Orders for many deliveries, the newest first, before the cursor; at most `limit`.
    async fn orders(
        &self,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, BulkCommand)>, StoreFault>;

    /// One of them.
    async fn order(&self, id: CommandId) -> Result<Option<BulkCommand>, StoreFault>;
}

/// What a person asks for a whole destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DestinationOrder {
    /// Nothing is sent and nothing is asked. What is being sent ends.
    Pause,
    /// Nothing new is sent; what was sent and is not decided yet is asked about until it is.
    Drain,
    /// Everything goes on.
    Resume,
}

/// The same, about to be kept.
pub struct NewDestinationCommand {
    /// The destination.
    pub destination: DestinationName,
    /// What is asked.
    pub order: DestinationOrder,
    /// Who asks: the client's name.
    pub who: String,
    /// Why, in the person's words.
    pub why: String,
    /// When.
    pub at: Timestamp,
    /// The key to keep `why` under.
    pub key: Issued,
}

/// What a person asked for a whole destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderedDestination {
    /// What was asked.
    pub order: DestinationOrder,
    /// Who asked.
    pub who: String,
    /// Why; `None` where its key was destroyed, or was not kept by an earlier version.
    pub why: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A destination that is paused or drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The destination.
    pub destination: DestinationName,
    /// How far.
    pub mode: PauseMode,
    /// By whom.
    pub who: String,
    /// Since when.
    pub since: Timestamp,
}

/// How far a destination is held back by a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PauseMode {
    /// Wholly.
    Paused,
    /// What was sent is still asked about.
    Draining,
}

/// What a person asks for many deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "order")]
pub enum BulkOrder {
    /// Another attempt, now.
    Retry,
    /// The same under the configuration that is active now.
    Mend,
    /// Give them up.
    Discard {
        /// What becomes of the steps that wait for them.
        dependents: Dependents,
    },
    /// Do nothing with them until they are resumed.
    Pause,
    /// Let them go on.
    Resume,
}

/// The same, about to be kept.
pub struct NewBulkCommand {
    /// Its id.
    pub id: CommandId,
    /// What is asked.
    pub order: BulkOrder,
    /// For which deliveries.
    pub filter: DeliveryFilter,
    /// What the person may see and do: nothing outside is touched (H7).
    pub scope: Scope,
    /// At most so many deliveries in a second.
    pub per_second: u32,
    /// Who asks: the client's name.
    pub who: String,
    /// Why, in the person's words.
    pub why: String,
    /// When.
    pub at: Timestamp,
    /// The key to keep `why` under.
    pub key: Issued,
}

/// An order for many deliveries, and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkCommand {
    /// Its id.
    pub id: CommandId,
    /// What was asked.
    pub order: BulkOrder,
    /// For which deliveries.
    pub filter: DeliveryFilter,
    /// What the person may see and do.
    pub scope: Scope,
    /// At most so many deliveries in a second.
    pub per_second: u32,
    /// Who asked.
    pub who: String,
    /// Why; `None` where its key was destroyed.
    pub why: Option<String>,
    /// When.
    pub at: Timestamp,
    /// How many deliveries fitted when it began.
    pub total: u64,
    /// How many it was carried out for.
    pub done: u64,
    /// How many were in a state, meanwhile, where it makes no sense.
    pub refused: u64,
    /// The last delivery that it looked at.
    pub cursor: Cursor,
    /// The last delivery that there was when it began: later ones are not meant.
    pub last: Cursor,
    /// How far it is.
    pub state: BulkState,
    /// How it ended.
    pub ended: Option<BulkEnded>,
}

/// When an order for many deliveries ended, by whom and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkEnded {
    /// When.
    pub at: Timestamp,
    /// A client's name, or `rohrpost`.
    pub who: String,
    /// A person's words; `None` where there are none, or their key was destroyed.
    pub why: Option<String>,
}

/// How far an order for many deliveries is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BulkState {
    /// It goes on.
    Running,
    /// It is through.
    Finished,
    /// Somebody stopped it.
    Cancelled,
}

/// How far an order for many deliveries came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkProgress {
    /// The order.
    pub id: CommandId,
    /// How many it was carried out for, in all.
    pub done: u64,
    /// How many refused, in all.
    pub refused: u64,
    /// The last delivery that it looked at.
    pub cursor: Cursor,
}

/// The end of an order for many deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkEnd {
    /// The order.
    pub id: CommandId,
    /// [`BulkState::Finished`] or [`BulkState::Cancelled`].
    pub state: BulkState,
    /// Who ends it: a client's name, or `rohrpost`.
    pub who: String,
    /// Why, in the person's words, where it was a person. Kept under the order's own key.
    pub why: Option<String>,
    /// When.
    pub at: Timestamp,
}
