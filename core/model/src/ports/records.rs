use super::{Answer, ContentKey, StoreFault, WrappedKey};
use crate::foreign::{Hit, KnownAs, Sought};
use crate::transition::Event;
use crate::{
    CaseId, ClientName, Delivery, DeliveryId, DestinationName, Digest, Reason, ReasonCode, Receipt,
    ServiceKey, State, StepName, Submission, SubmissionId, TenantName, Timestamp,
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Reads what is kept. Everything is seen through a [`Scope`]: what lies outside is not there (H7).
#[async_trait]
pub trait Records: Send + Sync {
    /// One submission with its deliveries.
    async fn submission(&self, scope: &Scope, id: SubmissionId)
    -> Result<Option<SubmissionView>, StoreFault>;

    /// A submission as whoever works on it needs it, with its open key: what was accepted lately is handed on, not read
    /// back. Told to the hub itself only.
    async fn origin(&self, id: SubmissionId) -> Result<Option<Arc<Origin>>, StoreFault>;

    /// What was handed in under this idempotency key (its keyed hash). Told to the hub itself only.
    async fn handed_in(&self, key: &Digest) -> Result<Option<SubmissionView>, StoreFault>;

    /// What the steps of a submission were answered so far. Told to the hub itself only.
    async fn receipts(&self, id: SubmissionId) -> Result<BTreeMap<StepName, Receipt>, StoreFault>;

    /// What attempts at the delivery recorded at the destination that it goes to now, the last value of each key; nothing
    /// where the content was erased. Told to the hub itself only.
    async fn recorded(&self, id: DeliveryId) -> Result<BTreeMap<String, String>, StoreFault>;

    /// One case: its submissions in order. The same case id may live in several tenants of the scope; each is a view.
    async fn case(&self, scope: &Scope, case: &CaseId) -> Result<Vec<CaseView>, StoreFault>;

    /// Submissions that somebody gave this identifier, receipt or file name, the newest first; at most `limit` (1 to 1000).
    /// Only those of these tenants are looked at (H7).
    async fn search(
        &self,
        tenants: &BTreeSet<TenantName>,
        sought: &Sought,
        limit: usize,
    ) -> Result<Vec<Hit>, StoreFault>;

    /// Deliveries that fit the filter, oldest first, after the cursor; at most `limit` (1 to 1000).
    async fn deliveries(
        &self,
        scope: &Scope,
        filter: &DeliveryFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, Delivery)>, StoreFault>;

    /// One delivery with its attempts and its history.
    async fn delivery(&self, scope: &Scope, id: DeliveryId) -> Result<Option<DeliveryDetail>, StoreFault>;

    /// How many deliveries are in which state, per destination. For metrics: no scope, no content.
    async fn counts(&self) -> Result<Vec<StateCount>, StoreFault>;
}

/// What somebody may see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everything: the hub itself.
    Hub,
    /// What belongs to these tenants, and what this client handed in.
    Of {
        /// The tenants.
        tenants: BTreeSet<TenantName>,
        /// The client that asks, where it may follow its own submissions.
        client: Option<ClientName>,
    },
}

impl Scope {
    /// Whether something of `tenant`, handed in by `client`, may be seen.
    pub fn sees(&self, tenant: &TenantName, client: &ClientName) -> bool {
        match self {
            Self::Hub => true,
            Self::Of { tenants, client: own } => tenants.contains(tenant) || own.as_ref() == Some(client),
        }
    }
}

/// A submission as it is worked on. Nothing of it ever changes but that its content is erased.
pub struct Origin {
    /// The submission.
    pub submission: Submission,
    /// Its data key.
    pub key: Arc<dyn ContentKey>,
}

/// A submission as it is kept.
#[derive(Clone, Debug)]
pub struct SubmissionView {
    /// The submission.
    pub submission: Submission,
    /// What its sender was answered.
    pub answer: Answer,
    /// Its data key.
    pub key: WrappedKey,
    /// Its deliveries, in the order they were made.
    pub deliveries: Vec<Delivery>,
    /// When its content was erased.
    pub erased_at: Option<Timestamp>,
}

/// A case of one tenant.
#[derive(Clone, Debug)]
pub struct CaseView {
    /// The tenant.
    pub tenant: TenantName,
    /// Its submissions in order of acceptance.
    pub submissions: Vec<SubmissionView>,
    /// What others call it, as it was learned. Whose key was destroyed is left out.
    pub foreign: Vec<KnownAs>,
}

/// Which deliveries are asked for; everything that is set must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct DeliveryFilter {
    /// In one of these states; empty for all.
    pub states: BTreeSet<State>,
    /// Of this tenant.
    pub tenant: Option<TenantName>,
    /// Whose reason has this code.
    pub reason: Option<ReasonCode>,
    /// That a person paused (`true`), or did not.
    pub paused: Option<bool>,
    /// To this destination.
    pub destination: Option<DestinationName>,
    /// Of a submission for this service.
    pub service: Option<ServiceKey>,
    /// Of this case.
    pub case: Option<CaseId>,
}

/// A place in the list of deliveries: the sequence of acceptance, which never changes. Opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub u64);

/// A delivery with all that happened to it.
#[derive(Clone, Debug)]
pub struct DeliveryDetail {
    /// The delivery.
    pub delivery: Delivery,
    /// Its attempts, in order.
    pub attempts: Vec<AttemptView>,
    /// Its changes of state, in order.
    pub history: Vec<HistoryEntry>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptView {
    /// From 1.
    pub number: u32,
    /// When its mark was set.
    pub started_at: Timestamp,
    /// When it was settled; `None` while it is under way.
    pub ended_at: Option<Timestamp>,
    /// Where it went.
    pub destination: DestinationName,
    /// SHA-256 of the message before the seal.
    pub content_sha256: Digest,
    /// SHA-256 of the manifest of all parts that were sent.
    pub sent_sha256: Digest,
    /// What came of it.
    pub outcome: Option<Event>,
    /// Why.
    pub reason: Option<Reason>,
}

/// One change of state (H6).
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// What happened; `None` where the delivery began.
    pub event: Option<Event>,
    /// The state after it.
    pub state: State,
    /// What was behind it: `attempt 3`, `command`, or a named rule of the hub.
    pub cause: String,
    /// Who: a client's name, or `rohrpost`.
    pub who: String,
    /// The person's words, where a person asked.
    pub why: Option<String>,
    /// The reason, where there is something to say.
    pub reason: Option<Reason>,
}

/// How many deliveries of a destination are in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateCount {
    /// The destination; `None` for the hub's own step.
    pub destination: Option<DestinationName>,
    /// The state.
    pub state: State,
    /// How many.
    pub count: u64,
}
