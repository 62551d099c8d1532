//! One message as it came in.

pub use crate::callback::CallbackUrl;
use crate::ports::Location;
use crate::{Area, CaseId, ClientName, Digest, Kind, ServiceKey, SubmissionId, TenantName, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the sender's protocol says of a submission beside what the hub has words for, by name: for instance
/// `xta.author`. Content: stored encrypted.
pub type Properties = BTreeMap<String, String>;

/// One message as it came in: immutable. An answer is a submission too, of another [`Kind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Given by the hub at acceptance.
    pub id: SubmissionId,
    /// Whose submission it is: follows from its area and from what its client is granted.
    pub tenant: TenantName,
    /// Who handed it in.
    pub client: ClientName,
    /// What it is.
    pub kind: Kind,
    /// The service it asks for.
    pub service: ServiceKey,
    /// The area it concerns.
    pub area: Area,
    /// The Vorgang that it belongs to.
    pub case: CaseId,
    /// Its place in the case, counted from 1 in order of acceptance; given by the store.
    pub sequence: u64,
    /// When it was durably accepted; legally the time of receipt.
    pub received_at: Timestamp,
    /// How surely the portal knows the applicant, if it said so.
    pub trust_level: Option<TrustLevel>,
    /// Where answers are wanted.
    pub reply: Option<ReplyChannel>,
    /// A test submission never reaches a live destination.
    pub test: bool,
    /// The sender's trace (W3C Trace Context), to join its log with the hub's.
    pub traceparent: Option<String>,
    /// Nothing of it leaves before this time.
    pub not_before: Option<Timestamp>,
    /// What else the sender's protocol says of it.
    pub properties: Properties,
    /// The data, then the attachments in the order they were handed in.
    pub parts: Vec<Part>,
}

/// The property that holds what an endpoint remarked about what it took in although it is not as it should be: one remark
/// in each line, in German, with names and places but no values.
pub const REMARKS: &str = "remarks";

impl Submission {
    /// What was remarked about it when it was taken in.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        self.properties.get(REMARKS).into_iter().flat_map(|remarks| remarks.lines())
    }

    /// The structured data. Every accepted submission has one.
    pub fn data(&self) -> Option<&Part> {
        self.parts.iter().find(|part| part.role == Role::Data)
    }

    /// The attachments, in order.
    pub fn attachments(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.role == Role::Attachment)
    }
}

/// What a part is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The structured data.
    Data,
    /// A document handed in with it.
    Attachment,
}

/// One part of a submission. Its content lies in [`Blobs`](crate::ports::Blobs).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// 0 for the data, 1 and up for attachments.
    pub number: u32,
    /// What it is for.
    pub role: Role,
    /// The file name that the sender gave. Content: it may name a person, so it is stored encrypted.
    pub name: Option<String>,
    /// The media type that the sender gave (RFC 6838), without parameters.
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the bytes as they came in.
    pub sha256: Digest,
    /// Where the content lies; `None` until the store has placed it, and after it was erased.
    pub location: Option<Location>,
}

/// STORK QAA level of the applicant's identification, as the portal states it (BSI TR-03107-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct TrustLevel(u8);

impl TryFrom<u8> for TrustLevel {
    type Error = String;

    fn try_from(level: u8) -> Result<Self, String> {
        if (1..=4).contains(&level) {
            return Ok(Self(level));
        }
        Err("a trust level is a STORK QAA level from 1 (basic) to 4 (high)".into())
    }
}

impl From<TrustLevel> for u8 {
    fn from(level: TrustLevel) -> Self {
        level.0
    }
}

/// Where the applicant wants answers. Content: stored encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ReplyChannel {
    /// A post box of the applicant.
    PostBox {
        /// The kind of post box, for instance `bundid`, `elster`, `portal`.
        system: String,
        /// Its handle there.
        handle: String,
    },
    /// An address of the portal that answers are sent to.
    Callback {
        /// The address.
        url: CallbackUrl,
    },
}

/// The public state of a submission, made of the states of its deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PublicState {
    /// Nothing was sent yet.
    Accepted,
    /// Something was sent, something is still to do.
    Underway,
    /// A delivery needs a person.
    Attention,
    /// Every delivery was delivered, or skipped by its own condition.
    Completed,
    /// Every delivery ended, at least one discarded or expired.
    Ended,
}

impl PublicState {
    /// The public state of a submission with these deliveries.
    pub fn of(deliveries: &[crate::Delivery]) -> Self {
        use crate::State as S;
        let any = |wanted: fn(S) -> bool| deliveries.iter().any(|delivery| wanted(delivery.state));
        let all = |wanted: fn(S) -> bool| deliveries.iter().all(|delivery| wanted(delivery.state));
        if all(S::is_end) {
            return if any(|state| matches!(state, S::Discarded | S::Expired)) {
                Self::Ended
            } else {
                Self::Completed
            };
        }
        if any(|state| state == S::Parked) {
            return Self::Attention;
        }
        let nothing_sent = deliveries.iter().all(|delivery| delivery.attempts == 0);
        if nothing_sent { Self::Accepted } else { Self::Underway }
    }
}
