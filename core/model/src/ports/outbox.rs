use super::records::Scope;
use super::{ContentKey, StagedContent, StoreFault, WrappedKey};
use crate::delivery::KeptDocument;
use crate::route::On;
use crate::transition::Event;
use crate::{
    CaseId, CommandId, Delivery, DeliveryId, DestinationName, Digest, Reason, Receipt, State, StepName,
    Submission, SubmissionId, TenantName, Timestamp,
};
use async_trait::async_trait;
use std::sync::Arc;

/// What is kept, written in transactions. The order of calls for one delivery is
/// `accept → claim → mark → record … → settle`, or `claim → settle` where nothing was sent, or `claim → give_back`.
///
/// * Every call is one durable transaction: when it returns `Ok`, the change is on disk (file and directory synced, or
///   a synchronous database commit); when it returns an error, nothing was changed. Exceptions are [`Outbox::claim`]
///   and [`Outbox::give_back`], which need not outlive the process.
/// * Every change of state goes through [`transition::next`](crate::transition::next) and is written with its cause,
///   who and when, in the same transaction (H6). A step that the table refuses changes nothing.
/// * A claim is the right to one attempt. While it is held nobody else gets the delivery, and a command on it is
///   refused. It ends with `settle` or `give_back`; after a crash an unmarked one is simply due again.
/// * Calls may come in parallel. They do not block the caller's thread, and wait when the store is behind; nothing
///   queues without a bound.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Keeps a submission with its deliveries and its contents, or answers a repetition (H1, H3). Of two racing calls
    /// with the same idempotency key one is stored and the other repeated.
    async fn accept(&self, new: NewSubmission) -> Result<Acceptance, StoreFault>;

    /// After a start: what was marked and not settled becomes unknown (H5); its target is asked at `ask_at`, not at
    /// once, because it may still be at work. Returns how many. Called once, before the first claim.
    async fn recover(&self, now: Timestamp, ask_at: Timestamp) -> Result<u64, StoreFault>;

    /// Takes deliveries that are to be worked on now: due ones, and unknown or awaiting ones whose time to ask has come.
    /// Tenants take turns; of each the longest due goes first. An ordered delivery is not handed out while an earlier
    /// one of its tenant, case and step holds it back (H11), and a paused one not at all. A due delivery comes back as
    /// [`State::Claimed`]; the others keep their state.
    async fn claim(&self, wanted: &Wanted) -> Result<Claimed, StoreFault>;

    /// Sets the mark: after this the first byte may leave (H5). Writes the attempt and, the first time, the document
    /// that is sent on every attempt (H4, H8). Afterwards the claim's delivery is [`State::Sending`].
    async fn mark(&self, claim: &mut Claim, mark: Mark) -> Result<(), StoreFault>;

    /// Keeps what a delivery of several calls has done, between the mark and the settlement; its history names the key.
    /// [`Records::recorded`](super::Records::recorded) tells it from then on.
    async fn record(&self, delivery: DeliveryId, recorded: &Recorded) -> Result<(), StoreFault>;

    /// Ends a claim with what came of it. Releases the steps that waited for this one, in the same transaction.
    /// Returns the state reached. If the store cannot be written the claim comes back, still held: the caller knows
    /// what came of the attempt and tries to settle it again.
    async fn settle(&self, claim: Claim, settlement: &Settlement) -> Result<State, Box<Unsettled>>;

    /// Ends a claim before the mark without a trace: a shutdown is no attempt.
    async fn give_back(&self, claim: Claim);

    /// Carries out what a person asked.
    async fn command(&self, scope: &Scope, command: Command) -> Result<CommandOutcome, StoreFault>;

    /// The places where something may have become due since this was asked last. A hint, given at once: who looks at
    /// every place now and then misses nothing.
    fn became_due(&self) -> Vec<Place>;

    /// Warns of deliveries that their route's rule will give up, and gives up those whose time has come, at most `limit`
    /// of them; what waits for one that is given up is given up with it.
    async fn expire(&self, now: Timestamp, limit: usize) -> Result<Expired, StoreFault>;
}

/// A submission about to be accepted.
pub struct NewSubmission {
    /// The submission; its sequence and the locations of its parts are given by the store.
    pub submission: Submission,
    /// The contents of its parts, in their order.
    pub contents: Vec<StagedContent>,
    /// Its data key, to encrypt what else is kept of it.
    pub key: Arc<dyn ContentKey>,
    /// The same key as it is stored.
    pub wrapped_key: WrappedKey,
    /// What makes a repetition known, where the sender gave a key.
    pub idempotency: Option<Idempotency>,
    /// What the sender is answered.
    pub answer: Answer,
    /// The deliveries to make.
    pub deliveries: Vec<NewDelivery>,
}

/// What makes a repetition known (H3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// A keyed hash of client and key: the key is the sender's text and may name a person.
    pub key: Digest,
    /// SHA-256 over the metadata and the hashes of the parts.
    pub content: Digest,
}

/// What the sender of an accepted submission is answered: the same for every repetition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The submission.
    pub id: SubmissionId,
    /// Its case.
    pub case: CaseId,
    /// When it was received.
    pub received_at: Timestamp,
    /// SHA-256 of its data.
    pub sha256: Digest,
    /// The signed receipt, a compact JWS.
    pub receipt: String,
}

/// What became of a submission that was handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It is kept.
    Stored(Answer),
    /// It was kept before; this is what was answered then.
    Repeated(Answer),
    /// The same key was used with other content: refuse it.
    OtherContent,
}

/// A delivery about to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDelivery {
    /// Its key.
    pub id: DeliveryId,
    /// The step.
    pub step: StepName,
    /// Where it goes.
    pub destination: Option<DestinationName>,
    /// What it pins.
    pub pinned: Option<Digest>,
    /// Whether it leaves in the order of its case.
    pub ordered: bool,
    /// Steps that come first.
    pub after: Vec<StepName>,
    /// When those count as done.
    pub on: On,
    /// [`State::Due`], [`State::Blocked`] or [`State::Parked`].
    pub state: State,
    /// Why, where there is something to say.
    pub reason: Option<Reason>,
    /// When it is due; `None` unless it is due.
    pub due_at: Option<Timestamp>,
    /// When the route's rule gives it up.
    pub expires_at: Option<Timestamp>,
    /// When people are warned of that, the earliest first.
    pub warn_at: Vec<Timestamp>,
}

/// Where deliveries wait: at a destination; `None` is the hub's own step `unrouted`.
pub type Place = Option<DestinationName>;

/// What may be done at a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Work {
    /// Everything.
    #[default]
    All,
    /// Only asking about what was sent: nothing new begins while a destination drains.
    Inquiries,
}

/// Which deliveries somebody could work on now.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of this place.
    pub destination: Place,
    /// Of this kind.
    pub work: Work,
    /// At most so many.
    pub limit: usize,
    /// Due by now.
    pub now: Timestamp,
    /// What is due only after this counts as due: no wait is so long, so the clock was put back since. An awaiting one
    /// is left out: its target said when to ask.
    pub beyond: Timestamp,
    /// The tenant that had its turn last.
    pub after: Option<TenantName>,
}

/// What the rules of routes did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// So many deliveries have a new warning.
    pub warned: u64,
    /// So many were given up.
    pub expired: u64,
    /// When the next rule applies, as far as is known.
    pub next_at: Option<Timestamp>,
}

/// What was handed out.
#[derive(Debug, Default)]
pub struct Claimed {
    /// The claims.
    pub claims: Vec<Claim>,
    /// When the next one falls due, as far as nobody holds it. Told where fewer are handed out than wanted.
    pub next_due: Option<Timestamp>,
}

/// The right to one attempt.
#[derive(Debug)]
pub struct Claim {
    /// The delivery as it stands.
    pub delivery: Delivery,
}

/// A claim that could not be settled.
#[derive(Debug, thiserror::Error)]
#[error("not settled: {fault}")]
pub struct Unsettled {
    /// The claim, still held.
    pub claim: Claim,
    /// Why.
    pub fault: StoreFault,
}

/// The mark of an attempt.
#[derive(Debug)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// The document, the first time; its contents in the order of [`KeptDocument::parts`].
    pub document: Option<(KeptDocument, Vec<StagedContent>)>,
    /// The data key to place it under.
    pub key: Arc<dyn ContentKey>,
}

impl std::fmt::Debug for dyn ContentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContentKey(***)")
    }
}

/// One entry of a delivery's progress.
#[derive(Clone)]
pub struct Recorded {
    /// When.
    pub at: Timestamp,
    /// The adapter's word for it.
    pub key: String,
    /// What is to be known later. Content: stored encrypted.
    pub value: String,
}

/// What came of a claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// What it was: an attempt, or a rule of the hub.
    pub cause: Attempted,
    /// Why, where there is something to say.
    pub reason: Option<Reason>,
    /// When the hub looks at it next, where it will by itself.
    pub due_at: Option<Timestamp>,
    /// The target's word.
    pub receipt: Option<Receipt>,
    /// Deliveries that begin with this: those of the route that took an unrouted submission.
    pub begins: Vec<NewDelivery>,
}

/// What a settlement was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// The attempt that was marked last.
    Attempt,
    /// A named rule of the hub, nothing was sent.
    Rule(&'static str),
}

/// What a person asked for one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The delivery.
    pub delivery: DeliveryId,
    /// What is asked.
    pub order: Order,
    /// Who asks: the client's name.
    pub who: String,
    /// Why, in the person's words. Content: stored encrypted.
    pub why: String,
    /// When.
    pub at: Timestamp,
    /// The order for many that this one is part of; it is carried out for each delivery once.
    pub part_of: Option<CommandId>,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Another attempt, now.
    Retry,
    /// The same under the configuration that is active now: what it pinned is pinned anew, and what was made under it
    /// is made again.
    Mend {
        /// The step that it pins now.
        pinned: Digest,
        /// Where it goes now.
        destination: DestinationName,
    },
    /// Give it up.
    Discard(Dependents),
    /// Do nothing with it until it is resumed.
    Pause,
    /// Let it go on.
    Resume,
    /// The reader of its mailbox fetched it for the first time.
    Fetched,
    /// The reader of its mailbox has it for good.
    Close,
    /// Ask its target at once what became of it: somebody outside said something of it.
    Ask,
}

/// What becomes of the steps that wait for a discarded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dependents {
    /// They are made as if it had been delivered.
    Release,
    /// They are given up too.
    Discard,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandOutcome {
    /// Done; the delivery is in this state now.
    Done(State),
    /// There is no such delivery in the scope.
    NotFound,
    /// The delivery is in a state where this makes no sense, or somebody works on it now.
    Refused(State),
}
