//! What the hub knows of a foreign system beside how to talk to it.

use crate::{DestinationName, TenantName};
use std::collections::BTreeSet;
use std::time::Duration;

/// The part of a configured foreign system that the engine needs. How to talk to it is its
/// [`Target`](crate::ports::Target)'s business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Its name.
    pub name: DestinationName,
    /// Whose submissions may reach it (promise H7). A shared destination lists several.
    pub tenants: BTreeSet<TenantName>,
    /// Takes only test submissions, or only live ones.
    pub test: bool,
    /// The most deliveries under way to it at one time.
    pub concurrency: u16,
    /// The longest time one attempt may take.
    pub timeout: Duration,
    /// When a delivery that was surely not taken is tried again.
    pub retry: Retry,
    /// What becomes of a delivery whose outcome nobody can tell (promise H5).
    pub unknown: OnUnknown,
}

/// When a delivery is tried again: exponential, with full jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The longest wait after the first attempt; doubled with every further one.
    pub first: Duration,
    /// The longest wait at all.
    pub cap: Duration,
}

impl Retry {
    /// The longest wait after attempt number `attempt` (counted from 1).
    pub fn ceiling(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(30);
        self.first.saturating_mul(1 << doublings).min(self.cap)
    }
}

/// What becomes of a delivery whose outcome nobody can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnknown {
    /// It waits for a person.
    #[default]
    Park,
    /// It is sent again, with the same key and the same bytes.
    Retry,
}
