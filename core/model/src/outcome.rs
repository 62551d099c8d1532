//! What a target answered.

use crate::{Reason, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A delivery that a target took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target has said its final word.
    Done(Receipt),
    /// Taken, final word outstanding.
    Accepted {
        /// What is known so far; its reference is what the target is asked by.
        receipt: Receipt,
        /// When to ask again.
        ask_again_at: Timestamp,
    },
}

/// The target's word. Content: its reference and result may identify a person, so it is stored encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What the target calls it: a file name, an Aktenzeichen, an object id.
    pub reference: Option<String>,
    /// When the target had it, by the hub's clock.
    pub at: Option<Timestamp>,
    /// The target's code, for instance an HTTP status.
    pub code: Option<String>,
    /// A word that conditions of later steps read, for instance `paid`.
    pub result: Option<String>,
}

/// A delivery that a target did not take, or may not have taken, sorted by what happens next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Surely not taken; try later.
    #[error("unavailable: {reason}")]
    Unavailable {
        /// Why.
        reason: Reason,
        /// How long the target asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// Will be refused again: a person must look.
    #[error("refused: {0}")]
    Refused(Reason),
    /// May have arrived.
    #[error("unknown: {0}")]
    Unknown(Reason),
    /// The hub's own mapping or configuration is wrong.
    #[error("defect: {0}")]
    Defect(Reason),
}

impl Failure {
    /// Unavailable, without a word of when to come back.
    pub const fn unavailable(reason: Reason) -> Self {
        Self::Unavailable { reason, retry_after: None }
    }

    /// Why.
    pub const fn reason(&self) -> &Reason {
        match self {
            Self::Unavailable { reason, .. }
            | Self::Refused(reason)
            | Self::Unknown(reason)
            | Self::Defect(reason) => reason,
        }
    }
}
