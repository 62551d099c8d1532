use super::{ContentStream, Desk, Forged, Noticed, Notification, Preview, Probe, Progress, StoreFault};
use crate::document::Enclosed;
use crate::{ClientName, DeliveryId, Digest, Failure, MappingName, Outcome, Receipt, StepName, Submission};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything that a target is handed for one attempt. On every attempt of one delivery it is the same, but for
/// `attempt` and `progress` (promise H4).
pub struct Parcel<'a> {
    /// The idempotency key.
    pub key: DeliveryId,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// The submission that it is made of: for its facts, not for its content.
    pub submission: &'a Submission,
    /// The step.
    pub step: &'a StepName,
    /// The message, sealed where the seal is inside.
    pub message: Bytes,
    /// Its media type.
    pub media_type: &'a str,
    /// A detached signature (CMS, DER).
    pub signature: Option<Bytes>,
    /// Documents that go along with the message.
    pub enclosed: &'a [Enclosed],
    /// The attachments that go with it.
    pub attachments: Vec<Attached>,
    /// SHA-256 of the manifest of all parts, as it stands in the attempt.
    pub sent_sha256: Digest,
    /// What earlier steps of the same submission were answered.
    pub receipts: &'a BTreeMap<StepName, Receipt>,
    /// What a delivery of several calls has done so far, and where [`Target::deliver`] records more of it. A target of
    /// one call has no use for it.
    pub progress: &'a Progress,
}

/// One attachment of a parcel.
#[derive(Clone)]
pub struct Attached {
    /// Its number in the submission, from 1.
    pub number: u32,
    /// The file name that the sender gave.
    pub name: Option<String>,
    /// Its id by the rule of the mapping, an XML name; the message calls it so.
    pub id: Option<String>,
    /// Its file name by the rule of the mapping, unique in the submission; it goes before the sender's.
    pub file_name: Option<String>,
    /// Its media type.
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the bytes.
    pub sha256: Digest,
    /// Its content, which can be opened as often as needed.
    pub content: Arc<dyn Content>,
}

/// Content that can be opened as a stream, as often as needed.
#[async_trait]
pub trait Content: Send + Sync {
    /// Opens it from the start.
    async fn open(&self) -> Result<ContentStream, StoreFault>;
}

/// The target's word on whether it has a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inquiry {
    /// It has it.
    Found(Outcome),
    /// It surely does not have it.
    Absent,
    /// It has a part of it, or may have one, and [`Target::deliver`] goes on from there without making anything twice:
    /// only from a target of several calls, see there.
    Unfinished,
    /// It cannot tell.
    NoWord,
}

/// A foreign system that takes deliveries.
///
/// The engine commits the mark before it calls [`Target::deliver`], calls it at most `concurrency` times in parallel,
/// each time with another key, and gives up after the destination's time limit by dropping the future. What
/// `deliver` returns decides what happens next:
///
/// | Returned | Means | Then |
/// |---|---|---|
/// | `Ok(Done)` | the target has it, for good | delivered |
/// | `Ok(Accepted)` | taken, final word outstanding | asked again with [`Target::inquire`] |
/// | `Unavailable` | **surely** not taken | sent again later: same key, same bytes |
/// | `Refused` | will be refused again | waits for a person |
/// | `Unknown`, or the time limit | may have arrived | [`Target::inquire`], never blindly sent again |
/// | `Defect` | our configuration is wrong and nothing was sent | waits for a person |
///
/// So an adapter answers `Unavailable` only if no byte of the message can have been taken, and `Unknown` whenever it
/// is in doubt. It retries nothing by itself, keeps no state between calls, and logs no content.
///
/// # A delivery of several calls
///
/// A folder is created, then a document in it; a payment is begun, then asked for; a job is made, then filled. Whatever
/// call such an attempt ends at, the next one has to go on there and make nothing twice. So `deliver` takes the calls
/// in their order, and for each one that makes something:
///
/// 1. What [`Parcel::progress`] says was made is not made again.
/// 2. If progress does not say so, the target is asked for it, by a mark that the call would have left there: a field
///    with the delivery's key or its case, a request id, a job's name. What is found is recorded, as if just made.
/// 3. Where the target cannot be asked for it, the intent is recorded before the call ("begun: request id"). An attempt
///    that finds an intent and no result answers `Unknown`: the call may have been made.
/// 4. What the call answered is recorded ([`Progress::record`] returns when it is on disk) before the next call is made.
///
/// The table above then speaks of the call that the attempt ended at: `Unavailable` if that call surely made nothing,
/// `Refused` if it would be refused again, `Unknown` if it may have made something or progress could not be kept.
/// What the calls before it made stays, and is recorded.
///
/// After `Unknown`, or a crash at whatever point, the target is asked, and [`Target::inquire`] is handed the same progress
/// to read. It answers `Found` if the last call was made, and [`Inquiry::Unfinished`] if not and every outstanding call
/// is one that `deliver` can ask for (2.): then the delivery is sent again at once, which is no blind repetition (H5).
/// If one call can neither be found nor be repeated without harm, it answers `NoWord`, and a person decides, who may
/// look at the target first.
///
/// A call that timed out may still be at work at the target and be done only after it was asked for. Where that would make
/// something twice, the adapter leaves the target alone for as long as such a call may take (`Unavailable` with
/// `retry_after`) before it takes "not there" for an answer. [`Target::inquire`] may do so as well, with the reason
/// [`CallOutstanding`](crate::ReasonCode::CallOutstanding): then it is asked again after that time, and not counted as silent.
///
/// A person may mend a delivery: then other bytes are sent under the same key, and progress stays what it is as long as
/// the destination is the same. Whoever records that content was handed over records with it which
/// ([`Parcel::sent_sha256`]).
#[async_trait]
pub trait Target: Send + Sync {
    /// Hands the parcel over.
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure>;

    /// Whether the target has the parcel, asked by its key, or by `reference` where the target gave one. Any failure
    /// to ask is [`Failure::Unavailable`]: it is asked again later.
    async fn inquire(&self, parcel: &Parcel<'_>, reference: Option<&str>) -> Result<Inquiry, Failure>;

    /// Whether the target drops a second delivery under the same key by itself. Then an unknown outcome may be
    /// repeated.
    fn deduplicates(&self) -> bool;

    /// Whether it has a place for documents that go along with a message ([`Parcel::enclosed`]). To one that has none
    /// such a parcel is never handed.
    fn takes_enclosed(&self) -> bool {
        false
    }

    /// Tries step by step whether a delivery would get through, and tells it in `probe`: first all steps are planned,
    /// in the order in which a delivery meets them, then each is ended; after one that fails no other is tried.
    ///
    /// It leaves nothing at the target that a reader could take for a delivery, not even for a moment, and cannot
    /// change what [`Target::inquire`] answers. It is called while deliveries are under way, and twice in parallel.
    /// The caller gives up after the destination's time limit by dropping the future; what was begun is then cleared
    /// away without it.
    async fn probe(&self, probe: &mut Probe);

    /// What [`Target::deliver`] would send of this parcel as a first attempt, made by the code that makes it there.
    /// Nothing is sent, nothing at the target is touched or asked, and no attachment is read. The failure is the one
    /// with which `deliver` would refuse to send. `None` from a target that cannot tell.
    async fn preview(&self, _: &Parcel<'_>) -> Result<Option<Preview>, Failure> {
        Ok(None)
    }

    /// Which delivery a notification speaks of, if it is signed as it must be. `None` from a target that takes none.
    ///
    /// What it says beyond that is not believed: it makes the hub ask ([`Target::inquire`]) sooner than it would have. It is
    /// called with whatever anybody sends, changes nothing, and asks nobody.
    fn notified(&self, _: &Notification<'_>) -> Option<Result<Noticed, Forged>> {
        None
    }

    /// In whose name it hands in at the hub itself, where it does: it answers in cases. `None` from every other target.
    fn hands_in_as(&self) -> Option<&ClientName> {
        None
    }

    /// The mapping that makes an answer in the case of what the target answers, where one does. `None` from every other
    /// target.
    fn answers_by(&self) -> Option<&MappingName> {
        None
    }

    /// Shows the hub's desk to a target that [hands in](Self::hands_in_as), before its first delivery. Whoever keeps it
    /// keeps it weakly: the hub must be able to end.
    fn meet(&self, _: &Arc<dyn Desk>) {}

    /// Who may read it, where the target is a [`Mailbox`](super::Mailbox) of the hub: what is delivered to it waits there
    /// until a reader closes it. `None` from every other target.
    fn readers(&self) -> Option<&BTreeSet<ClientName>> {
        None
    }
}
