use super::{Answer, StoreFault, SubmissionView};
use crate::submission::{Properties, ReplyChannel, Role, TrustLevel};
use crate::{
    Area, CaseId, ClientName, DeliveryId, ForeignId, Kind, MappingName, ServiceKey, TenantName, Timestamp,
};
use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Where an inbound endpoint hands in what a foreign system sent it.
///
/// The endpoint finds out who is speaking and what it says in its own protocol; everything else is the desk's: who may
/// hand in what, limits, checks, and keeping it. The order of calls is `admit → (begin → write… → end)… → accept`.
/// What is dropped before `accept` leaves nothing behind. When `accept` returns `Ok` the submission is on disk (H1);
/// only then may the sender be told so. The idempotency key of the intent makes a repetition known (H3).
#[async_trait]
pub trait Desk: Send + Sync {
    /// Admits a submission of `client`: it is known, may hand this in, and there is room for one more at this time.
    fn admit(&self, client: &ClientName, intent: Intent) -> Result<Box<dyn TakingIn>, TurnedAway>;

    /// Begins to take in an answer of `client` in a case of ours: of those where it may answer, exactly one is meant. The data
    /// become the answer in the form that is said; they come before attachments.
    async fn answer(
        &self,
        client: &ClientName,
        answering: Answering,
    ) -> Result<Box<dyn TakingIn>, TurnedAway>;

    /// What `client` handed in under this idempotency key, with the state of its deliveries. `None` if nothing.
    async fn handed_in(&self, client: &ClientName, key: &str) -> Result<Option<SubmissionView>, StoreFault>;

    /// Gives up, in the client's name, what it handed in under this key and asked not to begin yet, if nothing of it has
    /// begun.
    async fn call_off(&self, client: &ClientName, key: &str) -> Result<CalledOff, StoreFault>;
}

/// A submission while its parts come in.
#[async_trait]
pub trait TakingIn: Send {
    /// Begins a part; attachments are numbered in the order they begin. One part at a time.
    fn begin(&mut self, role: Role, name: Option<String>, media_type: String) -> Result<(), TurnedAway>;

    /// Takes the next piece of the part that was begun; waits while the disk is behind.
    async fn write(&mut self, piece: Bytes) -> Result<(), TurnedAway>;

    /// Ends the part.
    async fn end(&mut self) -> Result<(), TurnedAway>;

    /// Adds a property that became known only with the content.
    fn note(&mut self, name: String, value: String);

    /// Checks, routes and keeps the whole. It goes on to its end even if the caller goes away.
    async fn accept(self: Box<Self>) -> Result<HandedIn, TurnedAway>;
}

/// What a sender says of a submission before its content.
#[derive(Clone, Debug)]
pub struct Intent {
    /// What it is.
    pub kind: Kind,
    /// The service.
    pub service: ServiceKey,
    /// The area.
    pub area: Area,
    /// The case that it belongs to; without one the hub opens a case.
    pub case: Option<CaseId>,
    /// Whose case it is, where that is known: then nobody else becomes responsible for it, whatever its area says by now.
    pub tenant: Option<TenantName>,
    /// What the sender calls the case.
    pub foreign: Vec<ForeignId>,
    /// Where answers are wanted.
    pub reply: Option<ReplyChannel>,
    /// How surely the applicant is known.
    pub trust_level: Option<TrustLevel>,
    /// A test submission never reaches a live destination.
    pub test: bool,
    /// The sender's trace.
    pub traceparent: Option<String>,
    /// The sender's idempotency key.
    pub idempotency_key: Option<String>,
    /// Nothing of it leaves before this time.
    pub not_before: Option<Timestamp>,
    /// What has not left by this time is given up, as by a route's rule.
    pub obsolete_after: Option<Timestamp>,
    /// What else the sender's protocol says of it.
    pub properties: Properties,
}

impl Intent {
    /// An application without anything that may be left out.
    pub fn new(kind: Kind, service: ServiceKey, area: Area) -> Self {
        Self {
            kind,
            service,
            area,
            case: None,
            tenant: None,
            foreign: Vec::new(),
            reply: None,
            trust_level: None,
            test: false,
            traceparent: None,
            idempotency_key: None,
            not_before: None,
            obsolete_after: None,
            properties: Properties::new(),
        }
    }
}

/// What a sender says of an answer before its content. Service, area, reply channel and whether it is a test are those of
/// the case.
#[derive(Clone, Debug)]
pub struct Answering {
    /// Its case.
    pub of: CaseNamed,
    /// What the data are.
    pub form: AnswerForm,
    /// What it is, where the data do not say it.
    pub kind: Option<Kind>,
    /// It is a test, so its case has to be one.
    pub test: bool,
    /// The sender's idempotency key.
    pub idempotency_key: Option<String>,
    /// Nothing goes out before this time.
    pub not_before: Option<Timestamp>,
    /// What did not go out by this time does not go out any more.
    pub obsolete_after: Option<Timestamp>,
    /// What else the sender's protocol says of it.
    pub properties: Properties,
}

/// How the case of an answer is named.
#[derive(Clone, Debug)]
pub enum CaseNamed {
    /// By our own name for it.
    Case(CaseId),
    /// By our own name for it, at this tenant: two tenants may have cases of one name.
    Of(TenantName, CaseId),
    /// By what somebody else calls it.
    Foreign {
        /// The identifier; where it is not said beside the data, it is the answer's own `reference`.
        id: Option<ForeignId>,
        /// Only what this destination or client called it counts.
        system: Option<String>,
    },
}

/// What the data of an answer are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerForm {
    /// The answer itself, as JSON.
    Reply,
    /// Something of which a mapping makes the answer.
    Mapping(MappingName),
    /// A document that goes with this text.
    Text(String),
}

/// A submission that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedIn {
    /// The answer, the same for every repetition.
    pub answer: Answer,
    /// Whether this was a repetition.
    pub repeated: bool,
}

/// Why a submission was not taken. Nothing of it is kept.
#[derive(Clone, Debug)]
pub struct TurnedAway {
    /// What kind of trouble it is.
    pub why: Why,
    /// What would be right, in English. It may quote what was handed in: it goes to the sender and into no log.
    pub english: String,
    /// The same in German.
    pub german: String,
}

/// What the sender can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The client is not known, or may not hand this in.
    NotGranted,
    /// No tenant is responsible for the area.
    UnknownArea,
    /// Only submissions with the test flag are taken.
    TestOnly,
    /// A part, or their number, is too large.
    TooLarge,
    /// The content is not what it should be: not well-formed, against its schema, of a wrong kind, or missing.
    Malformed,
    /// The content does not fit its schema.
    Invalid,
    /// The idempotency key was used with other content.
    OtherContent,
    /// No case of ours is called so, as far as the client may answer.
    NoCase,
    /// Several cases of ours are called so.
    SeveralCases,
    /// The time for it is over.
    TooLate,
    /// Not now: too much at one time, no room, or trouble of the hub's own.
    Unavailable,
}

/// What became of the wish to call a submission off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalledOff {
    /// Nothing of it will leave: these deliveries were discarded.
    Done(Vec<DeliveryId>),
    /// Nothing was handed in under this key.
    NotFound,
    /// It was not handed in for later.
    NotForLater,
    /// Its time has come, or something of it has begun.
    TooLate,
}
