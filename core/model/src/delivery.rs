//! One submission on one step.

use crate::ports::Location;
use crate::route::On;
use crate::{
    CaseId, DeliveryId, DestinationName, Digest, DocumentName, Reason, Receipt, StepName, SubmissionId,
    TenantName, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The states of a delivery. Which may follow which is written in [`transition`](crate::transition).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Waits for the steps that it comes after.
    Blocked,
    /// Waits for its due time.
    Due,
    /// Somebody works on it; nothing has left the house.
    Claimed,
    /// The mark is set: the first byte may have left.
    Sending,
    /// It may have arrived, or not.
    Unknown,
    /// The target took it; its final word is outstanding.
    Awaiting,
    /// It waits for a person.
    Parked,
    /// The target has it.
    Delivered,
    /// Its own condition was false.
    Skipped,
    /// A person gave it up.
    Discarded,
    /// Its route's rule gave it up, after warnings.
    Expired,
}

impl State {
    /// All states, in the order of a delivery's life.
    pub const ALL: [Self; 11] = [
        Self::Blocked,
        Self::Due,
        Self::Claimed,
        Self::Sending,
        Self::Unknown,
        Self::Awaiting,
        Self::Parked,
        Self::Delivered,
        Self::Skipped,
        Self::Discarded,
        Self::Expired,
    ];

    /// Whether nothing follows.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Delivered | Self::Skipped | Self::Discarded | Self::Expired)
    }

    /// Whether a delivery in this state holds back the later ones of its case on an ordered step (promise H11).
    pub const fn holds_later(self) -> bool {
        matches!(
            self,
            Self::Blocked | Self::Due | Self::Claimed | Self::Sending | Self::Unknown | Self::Parked
        )
    }

    /// Whether a step that comes after this one may start. A skipped step counts as done.
    pub const fn releases(self, on: On) -> bool {
        match self {
            Self::Delivered | Self::Skipped => true,
            Self::Awaiting => matches!(on, On::Accepted),
            _ => false,
        }
    }

    /// The word that is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Due => "due",
            Self::Claimed => "claimed",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Awaiting => "awaiting",
            Self::Parked => "parked",
            Self::Delivered => "delivered",
            Self::Skipped => "skipped",
            Self::Discarded => "discarded",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word names no state.
#[derive(Debug, thiserror::Error)]
#[error(
    "the states are blocked, due, claimed, sending, unknown, awaiting, parked, delivered, skipped, discarded, expired"
)]
pub struct NoSuchState;

impl std::str::FromStr for State {
    type Err = NoSuchState;

    fn from_str(word: &str) -> Result<Self, NoSuchState> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or(NoSuchState)
    }
}

/// One submission on one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The key that the target is given on every attempt (promise H4).
    pub id: DeliveryId,
    /// The submission.
    pub submission: SubmissionId,
    /// The submission's tenant.
    pub tenant: TenantName,
    /// The submission's case.
    pub case: CaseId,
    /// The step.
    pub step: StepName,
    /// Where it goes; `None` on the step `unrouted`.
    pub destination: Option<DestinationName>,
    /// The [`PinnedStep`](crate::route::PinnedStep) that it was accepted under; `None` on the step `unrouted`.
    pub pinned: Option<Digest>,
    /// Whether it leaves in the order of its case.
    pub ordered: bool,
    /// Steps of the same submission that come first.
    pub after: Vec<StepName>,
    /// When those count as done.
    pub on: On,
    /// How far it is.
    pub state: State,
    /// Why it is there, where there is something to say.
    pub reason: Option<Reason>,
    /// When it came into that state.
    pub since: Timestamp,
    /// When the hub looks at it next, where it will by itself.
    pub due_at: Option<Timestamp>,
    /// How many attempts were begun (marks set).
    pub attempts: u32,
    /// How many of them since acceptance, or since a person last asked for another attempt.
    pub tries: u32,
    /// When the first of those was begun.
    pub tries_since: Option<Timestamp>,
    /// When its route's rule gives it up, if it has not left by then.
    pub expires_at: Option<Timestamp>,
    /// When the reader of its mailbox fetched it first, where it waits in one.
    pub fetched_at: Option<Timestamp>,
    /// Who paused it; until somebody resumes it nothing is sent and the target is not asked.
    pub paused_by: Option<String>,
    /// The earlier delivery of its case that goes first (promise H11).
    pub behind: Option<DeliveryId>,
    /// What was sealed at the first attempt and is sent on every one.
    pub document: Option<KeptDocument>,
    /// The target's word.
    pub receipt: Option<Receipt>,
}

/// A document as it is kept between attempts: the bytes that left, or will leave, the house (promises H4 and H8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptDocument {
    /// SHA-256 of the message before the seal.
    pub content_sha256: Digest,
    /// SHA-256 of the manifest of all parts that are sent, see [`Document::manifest`](crate::document::Document::manifest).
    pub sent_sha256: Digest,
    /// The media type of the message.
    pub media_type: String,
    /// The message as it is sent.
    pub message: KeptPart,
    /// A detached signature.
    pub signature: Option<KeptPart>,
    /// What goes along with the message; records of earlier versions have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enclosed: Vec<KeptEnclosed>,
    /// Whether the submission's attachments go with it.
    pub attachments: bool,
}

impl KeptDocument {
    /// Its kept parts, in the order in which their contents are handed to the store: message, signature, what goes along.
    pub fn parts(&self) -> impl Iterator<Item = &KeptPart> {
        let enclosed = self.enclosed.iter().map(|enclosed| &enclosed.part);
        std::iter::once(&self.message).chain(&self.signature).chain(enclosed)
    }

    /// The same, to be placed.
    pub fn parts_mut(&mut self) -> impl Iterator<Item = &mut KeptPart> {
        let enclosed = self.enclosed.iter_mut().map(|enclosed| &mut enclosed.part);
        std::iter::once(&mut self.message).chain(&mut self.signature).chain(enclosed)
    }
}

/// A kept document that goes along with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptEnclosed {
    /// Its name.
    pub name: DocumentName,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub part: KeptPart,
}

/// One kept part of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPart {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the bytes.
    pub sha256: Digest,
    /// Where they lie; `None` until the store has placed them, and after they were erased.
    pub location: Option<Location>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_EARLIER_VERSIONS: &str = r#"{"content_sha256":"H","sent_sha256":"H","media_type":"application/xml","message":{"size":4,"sha256":"H","location":null},"signature":null,"attachments":true}"#;

    /// The form is stored: whoever changes it sees it here.
    #[test]
    fn a_kept_document_without_further_ones_is_written_as_ever() {
        let text = OF_EARLIER_VERSIONS.replace('H', &Digest::of(b"<a/>").to_string());
        let kept: KeptDocument = serde_json::from_str(&text).unwrap();
        assert_eq!((kept.enclosed.len(), kept.parts().count()), (0, 1));
        assert_eq!(serde_json::to_string(&kept).unwrap(), text);
        let part = kept.message.clone();
        let enclosed =
            KeptEnclosed { name: "index".parse().unwrap(), media_type: "application/json".into(), part };
        let more = KeptDocument { enclosed: vec![enclosed], ..kept };
        let again: KeptDocument = serde_json::from_str(&serde_json::to_string(&more).unwrap()).unwrap();
        assert_eq!((again.parts().count(), again), (2, more));
    }
}
