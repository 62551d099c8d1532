//! The ports: what the engine needs of the world, each with its protocol in the trait's comment.
//!
//! An implementation is done when the port's conformance suite passes.

mod audit;
mod blobs;
mod clock;
mod commands;
mod configurations;
mod desk;
mod mailbox;
mod notification;
mod outbox;
mod peer;
mod preview;
mod probe;
mod progress;
mod records;
mod seal;
mod source;
mod target;
mod vault;
mod versions;

pub use audit::{Audit, Head, HeadClaims};
pub use blobs::{Blobs, ContentStream, Location, Slot, Stage, Staged, StagedContent, StagedFile};
pub use clock::Clock;
pub use commands::{
    BulkCommand, BulkEnd, BulkEnded, BulkOrder, BulkProgress, BulkState, Commands, DestinationOrder,
    NewBulkCommand, NewDestinationCommand, OrderedDestination, Pause, PauseMode,
};
pub use configurations::{ActivationCause, ActivationWords, Configurations, KeptActivation, NewActivation};
pub use desk::{CalledOff, Desk, HandedIn, Intent, TakingIn, TurnedAway, Why};
pub use mailbox::{Asked, Closed, Fetched, Mailbox, Reader, Waiting};
pub use notification::{Forged, Noticed, Notification};
pub use outbox::{
    Acceptance, Answer, Attempted, Claim, Claimed, Command, CommandOutcome, Dependents, Expired, Idempotency,
    Mark, NewDelivery, NewSubmission, Order, Outbox, Place, Recorded, Settlement, Unsettled, Wanted, Work,
};
pub use peer::Peer;
pub use preview::{HIDDEN, Piece, Preview, Sends};
pub use probe::{Finding, Probe, ProbeStep, Words};
pub use progress::{Progress, ProgressKeeper};
pub use records::{
    AttemptView, CaseView, Cursor, DeliveryDetail, DeliveryFilter, HistoryEntry, Origin, Records, Scope,
    StateCount, SubmissionView,
};
pub use seal::{ReceiptSigner, Seal, SealFault, SealForm, Sealed, Statement};
pub use source::{Left, Round, Source};
pub use target::{Attached, Content, Inquiry, Parcel, Target};
pub use vault::{CHUNK, ContentKey, Issued, StreamOpener, StreamSealer, Vault, VaultFault, WrappedKey};
pub use versions::Versions;

/// What went wrong in a store, sorted by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// The disk, the database or the lock cannot be used now: nothing was changed; tell the sender to try later.
    #[error("the store cannot be used now: {0}")]
    Unavailable(String),
    /// There is no room: nothing was changed; tell the sender to try later, and the operator to make room.
    #[error("the store has no room: {0}")]
    Full(String),
    /// The disk failed to keep what it was given, so nobody knows what of the latest writes is on it. Nothing was
    /// acknowledged and nothing is written any more until the hub is started anew; reading goes on.
    #[error("the store has stopped writing: {0}")]
    Stopped(String),
    /// What was read is not what was written (a chunk cut off, swapped, repeated or altered; a row that cannot be
    /// read). It never becomes content.
    #[error("stored content is damaged: {0}")]
    Damaged(String),
    /// The caller asked for a step that the table of states refuses.
    #[error(transparent)]
    Impossible(#[from] crate::transition::Impossible),
    /// The content was erased after its retention time.
    #[error("the content was erased")]
    Erased,
}

impl From<VaultFault> for StoreFault {
    fn from(fault: VaultFault) -> Self {
        match fault {
            VaultFault::Unavailable(detail) => Self::Unavailable(detail),
            VaultFault::WrongKey(detail) | VaultFault::Damaged(detail) => Self::Damaged(detail),
            VaultFault::Destroyed => Self::Erased,
        }
    }
}
