//! Content-addressed versions of what decides which bytes are sent.

use serde::{Deserialize, Serialize};

/// What a kept version is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionKind {
    /// A [`PinnedStep`](crate::route::PinnedStep), as JSON.
    Step,
    /// A mapping with its schemas, in the mapping crate's bundle format.
    Mapping,
}
