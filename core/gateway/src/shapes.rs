//! What answers look like: the JSON of the API, in camel case. These types are the source of the OpenAPI document.

use crate::configuration_shapes::Pinned;
use rohrpost_engine::Engine;
use rohrpost_model::foreign::{Giver, KnownAs};
use rohrpost_model::ports::{
    Answer, AttemptView, CaseView, DeliveryDetail, HistoryEntry, SubmissionView, Words,
};
use rohrpost_model::submission::PublicState;
use rohrpost_model::transition::Event;
use rohrpost_model::{
    CaseId, Delivery, DeliveryId, DestinationName, Digest, Kind, Reason, ReasonCode, Receipt, State,
    StepName, SubmissionId, TenantName, Timestamp, reason,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What the sender of an accepted submission is answered, the same for every repetition.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// The submission.
    #[schema(value_type = String, format = Uuid)]
    id: SubmissionId,
    /// Its case.
    #[schema(value_type = String)]
    case: CaseId,
    /// When it was durably kept; legally the time of receipt.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// SHA-256 of its data, hexadecimal.
    #[schema(value_type = String)]
    sha256: Digest,
    /// The signed receipt, a compact JWS (RFC 7515).
    receipt: String,
}

impl From<Answer> for Accepted {
    fn from(answer: Answer) -> Self {
        let Answer { id, case, received_at, sha256, receipt } = answer;
        Self { id, case, received_at, sha256, receipt }
    }
}

/// The parts of a submission.
#[derive(ToSchema)]
#[allow(dead_code)] // for the document
pub struct Multipart {
    /// What is said of it. Comes first.
    metadata: crate::metadata::Metadata,
    /// The structured data, XML or JSON, with its Content-Type.
    #[schema(value_type = String, format = Binary)]
    data: Vec<u8>,
    /// Documents handed in with it.
    #[schema(value_type = Vec<String>)]
    attachment: Vec<Vec<u8>>,
}

/// One submission and how far it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Submission {
    #[schema(value_type = String, format = Uuid)]
    id: SubmissionId,
    #[schema(value_type = String)]
    case: CaseId,
    /// What it is.
    #[schema(value_type = String)]
    kind: Kind,
    /// `accepted` (nothing sent yet), `underway`, `attention` (a delivery needs a person), `completed` (all delivered
    /// or skipped), `ended` (all ended, one at least discarded or expired).
    #[schema(value_type = String)]
    state: PublicState,
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// When its content was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    erased_at: Option<Timestamp>,
    /// What was taken in although it is not as the sender's protocol wants it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
    /// One delivery per step.
    deliveries: Vec<DeliveryShape>,
}

impl Submission {
    pub(crate) fn new(view: SubmissionView, engine: &Engine) -> Self {
        let shape = |delivery| DeliveryShape::new(delivery, engine);
        Self {
            remarks: view.submission.remarks().map(str::to_owned).collect(),
            id: view.submission.id,
            case: view.submission.case,
            kind: view.submission.kind,
            state: PublicState::of(&view.deliveries),
            received_at: view.submission.received_at,
            erased_at: view.erased_at,
            deliveries: view.deliveries.into_iter().map(shape).collect(),
        }
    }
}

/// One submission on one step.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Delivery)]
pub struct DeliveryShape {
    #[schema(value_type = String, format = Uuid)]
    id: DeliveryId,
    #[schema(value_type = String)]
    step: StepName,
    /// Where it goes; null while no route took the submission.
    #[schema(value_type = Option<String>)]
    destination: Option<DestinationName>,
    /// `blocked`, `due`, `claimed`, `sending`, `unknown`, `awaiting`, `parked`, `delivered`, `skipped`, `discarded`,
    /// `expired`.
    #[schema(value_type = String)]
    state: State,
    /// How many attempts were begun.
    attempts: u32,
    /// The target's word.
    receipt: Option<ReceiptShape>,
    /// Why it is in this state, where there is something to say.
    reason: Option<ReasonShape>,
    /// Why it waits at this moment, where that is more than `reason`: a person, its place in its case, its time, or its
    /// destination. A delivery that waits has this or `reason`.
    waits: Option<ReasonShape>,
    /// When it came into its state.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// When the hub looks at it next, where it will by itself.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<Timestamp>,
    /// When its route's rule gives it up, if it has not left by then.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Who holds it back: the client's name. Nothing is done with it until somebody resumes it.
    paused_by: Option<String>,
}

impl DeliveryShape {
    pub(crate) fn new(delivery: Delivery, engine: &Engine) -> Self {
        let open = !delivery.state.is_end();
        Self {
            waits: engine.waits_for(&delivery).map(ReasonShape::from),
            id: delivery.id,
            step: delivery.step,
            destination: delivery.destination,
            state: delivery.state,
            attempts: delivery.attempts,
            receipt: delivery.receipt.map(ReceiptShape::from),
            reason: delivery.reason.map(ReasonShape::from),
            since: delivery.since,
            next_at: delivery.due_at,
            expires_at: delivery.expires_at.filter(|_| open),
            paused_by: delivery.paused_by.filter(|_| open),
        }
    }
}

/// The target's word.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Receipt)]
pub struct ReceiptShape {
    /// What the target calls it: a file name, an Aktenzeichen, an object id.
    reference: Option<String>,
    /// When the target had it, by the hub's clock.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// The target's code.
    code: Option<String>,
    /// A word that conditions of later steps read.
    result: Option<String>,
}

impl From<Receipt> for ReceiptShape {
    fn from(receipt: Receipt) -> Self {
        let Receipt { reference, at, code, result } = receipt;
        Self { reference, at, code, result }
    }
}

/// Why something is as it is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Reason)]
pub struct ReasonShape {
    /// A stable word.
    #[schema(value_type = String)]
    pub code: ReasonCode,
    /// Numbers and names of the configuration.
    params: BTreeMap<String, String>,
    /// Where, in the document at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<PlaceShape>,
    /// The same as sentences.
    pub text: Text,
}

impl From<Reason> for ReasonShape {
    fn from(reason: Reason) -> Self {
        let text = Text { de: reason.german(), en: reason.english() };
        let place =
            reason.place.map(|reason::Place { line, column, path }| PlaceShape { line, column, path });
        Self { code: reason.code, params: reason.params, place, text }
    }
}

/// A place in a document.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Place)]
pub struct PlaceShape {
    /// From 1; 0 if unknown.
    line: u32,
    /// From 1; 0 if unknown.
    column: u32,
    /// XPath, of names and positions only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    path: String,
}

/// A sentence in two languages.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Text {
    /// German.
    pub de: String,
    /// English.
    pub en: String,
}

impl From<Words> for Text {
    fn from(words: Words) -> Self {
        Self { de: words.german, en: words.english }
    }
}

/// A delivery in a list.
#[derive(Serialize, ToSchema)]
pub struct ListedDelivery {
    #[schema(value_type = String, format = Uuid)]
    submission: SubmissionId,
    #[schema(value_type = String)]
    tenant: TenantName,
    #[schema(value_type = String)]
    case: CaseId,
    #[serde(flatten)]
    delivery: DeliveryShape,
}

impl ListedDelivery {
    pub(crate) fn new(delivery: Delivery, engine: &Engine) -> Self {
        let (submission, tenant, case) =
            (delivery.submission, delivery.tenant.clone(), delivery.case.clone());
        Self { submission, tenant, case, delivery: DeliveryShape::new(delivery, engine) }
    }
}

/// A page of deliveries, oldest first.
#[derive(Serialize, ToSchema)]
pub struct DeliveryPage {
    /// The deliveries.
    pub(crate) deliveries: Vec<ListedDelivery>,
    /// The `cursor` of the next page; null on the last one.
    pub(crate) next: Option<String>,
}

/// A delivery with all that happened to it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryHistory {
    #[serde(flatten)]
    delivery: ListedDelivery,
    /// Which version its document is made of; null where no route took it.
    pinned: Option<Pinned>,
    /// Its attempts, in order.
    attempt_log: Vec<Attempt>,
    /// Its changes of state, in order.
    history: Vec<Change>,
}

impl DeliveryHistory {
    /// The words of persons are content, so they are shown only to those who may read histories (`with_words`).
    pub(crate) fn new(
        detail: DeliveryDetail,
        pinned: Option<Pinned>,
        with_words: bool,
        engine: &Engine,
    ) -> Self {
        let change = |entry| Change::new(entry, with_words);
        Self {
            delivery: ListedDelivery::new(detail.delivery, engine),
            pinned,
            attempt_log: detail.attempts.into_iter().map(Attempt::from).collect(),
            history: detail.history.into_iter().map(change).collect(),
        }
    }
}

/// One attempt.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    number: u32,
    /// When its mark was set: from then on something may have left the hub.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it was settled; null while it is under way.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    #[schema(value_type = String)]
    destination: DestinationName,
    /// SHA-256 of the message before the seal.
    #[schema(value_type = String)]
    content_sha256: Digest,
    /// SHA-256 of the manifest of all parts that were sent.
    #[schema(value_type = String)]
    sent_sha256: Digest,
    /// What came of it.
    #[schema(value_type = Option<String>)]
    outcome: Option<Event>,
    reason: Option<ReasonShape>,
}

impl From<AttemptView> for Attempt {
    fn from(view: AttemptView) -> Self {
        Self {
            number: view.number,
            started_at: view.started_at,
            ended_at: view.ended_at,
            destination: view.destination,
            content_sha256: view.content_sha256,
            sent_sha256: view.sent_sha256,
            outcome: view.outcome,
            reason: view.reason.map(ReasonShape::from),
        }
    }
}

/// One change of state.
#[derive(Serialize, ToSchema)]
pub struct Change {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What happened; null where the delivery began.
    #[schema(value_type = Option<String>)]
    event: Option<Event>,
    /// The state after it.
    #[schema(value_type = String)]
    state: State,
    /// What was behind it: `attempt 3`, `command`, `command` and the id of an order for many deliveries, or a named rule
    /// of the hub.
    cause: String,
    /// A client's name, or `rohrpost`.
    who: String,
    /// The person's words; only for those who have the role `audit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    reason: Option<ReasonShape>,
}

impl Change {
    fn new(entry: HistoryEntry, with_words: bool) -> Self {
        let HistoryEntry { at, event, state, cause, who, why, reason } = entry;
        let why = why.filter(|_| with_words);
        Self { at, event, state, cause, who, why, reason: reason.map(ReasonShape::from) }
    }
}

/// A case: everything handed in under it, in order of acceptance.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Case {
    #[schema(value_type = String)]
    case: CaseId,
    #[schema(value_type = String)]
    tenant: TenantName,
    submissions: Vec<Submission>,
    /// What others call it, in the order in which the hub learned it.
    foreign_ids: Vec<ForeignIdShape>,
}

/// What somebody else calls a case.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ForeignId)]
pub struct ForeignIdShape {
    /// The identifier.
    value: String,
    /// Who gave it: a destination in its `receipt`, an authority in its `answer`, or the `sender` of a submission.
    #[schema(value_type = String)]
    from: Giver,
    /// The name of the destination or client.
    system: String,
    /// The submission that it came with.
    #[schema(value_type = String, format = Uuid)]
    submission: SubmissionId,
    /// When the hub learned it.
    #[schema(value_type = String, format = DateTime)]
    learned_at: Timestamp,
}

impl From<KnownAs> for ForeignIdShape {
    fn from(known: KnownAs) -> Self {
        let KnownAs { id, from, system, submission, learned_at } = known;
        Self { value: id.into(), from, system, submission, learned_at }
    }
}

impl Case {
    pub(crate) fn new(case: CaseId, view: CaseView, engine: &Engine) -> Self {
        let submissions = view.submissions.into_iter().map(|view| Submission::new(view, engine)).collect();
        let foreign_ids = view.foreign.into_iter().map(ForeignIdShape::from).collect();
        Self { case, tenant: view.tenant, submissions, foreign_ids }
    }
}

/// What a command did.
#[derive(Serialize, ToSchema)]
pub struct Commanded {
    #[schema(value_type = String, format = Uuid)]
    pub(crate) id: DeliveryId,
    /// The state that the delivery is in now.
    #[schema(value_type = String)]
    pub(crate) state: State,
}

/// Problem details (RFC 9457). Some kinds have further members, for instance `line` and `column`, `violations`,
/// `limit` or `faults`.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[allow(dead_code)] // for the document; written by `Problem`
pub struct ProblemShape {
    /// `urn:rohrpost:problem:` and a stable word.
    r#type: String,
    /// What it is, in a few English words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong and what would be right, in English.
    detail: String,
    /// The same in German.
    meldung: String,
}
