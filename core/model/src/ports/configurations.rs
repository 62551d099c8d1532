use super::{Cursor, Issued, StoreFault};
use crate::version::ConfigurationText;
use crate::{Digest, Timestamp};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// Keeps every configuration that was active, and who activated it when and why.
///
/// Mappings and steps of a configuration are kept before it through [`Versions`](super::Versions); they are never removed
/// here, because deliveries pin them. What is removed is what only a configuration names: its files.
#[async_trait]
pub trait Configurations: Send + Sync {
    /// Keeps a configuration and that it was activated, with its entry in the audit log, in one durable transaction. The
    /// configuration itself is kept once, however often it is activated.
    async fn keep_activation(&self, activation: NewActivation) -> Result<(), StoreFault>;

    /// Activations, the newest first, at most `limit`, those before `after`.
    async fn activations(
        &self,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, KeptActivation)>, StoreFault>;

    /// The activations of one version, the newest first.
    async fn activations_of(&self, version: &Digest) -> Result<Vec<KeptActivation>, StoreFault>;

    /// The configuration of this version; `None` if it was never active, or is not kept any more. Damaged if it is not
    /// what was kept.
    async fn configuration(&self, version: &Digest) -> Result<Option<ConfigurationText>, StoreFault>;

    /// The kept versions whose hexadecimal digest begins so, two at most.
    async fn beginning_with(&self, digits: &str) -> Result<Vec<Digest>, StoreFault>;

    /// Removes the files of configurations except those of the `keep` versions that were activated last, of every one that
    /// has a step which an open delivery pins, and of the latest with each step that an ended one pins. Returns how many versions were removed; that they were active stays known.
    async fn forget_configurations(&self, keep: usize) -> Result<usize, StoreFault>;
}

/// How a configuration became active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationCause {
    /// The hub was started on it.
    Started,
    /// A person asked for what lay in the folder.
    Activated,
    /// The process was told to load it anew.
    Reloaded,
    /// A person asked for a version from before.
    RolledBack,
}

/// A person's words about an activation. Content: kept encrypted, and shown to who may read histories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivationWords {
    /// Why.
    pub why: String,
    /// Who it was, where the client alone does not say it.
    pub person: Option<String>,
}

/// An activation about to be kept.
pub struct NewActivation {
    /// What becomes active.
    pub text: ConfigurationText,
    /// `route/step` and the digest that a delivery on it pins.
    pub steps: Vec<(String, Digest)>,
    /// How.
    pub cause: ActivationCause,
    /// Who: a client's name, or `rohrpost`.
    pub who: String,
    /// A person's words, and the key to keep them under.
    pub words: Option<(ActivationWords, Issued)>,
    /// When.
    pub at: Timestamp,
}

/// An activation as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptActivation {
    /// Which version.
    pub version: Digest,
    /// When.
    pub at: Timestamp,
    /// How.
    pub cause: ActivationCause,
    /// Who.
    pub who: String,
    /// A person's words; `None` where there are none, or their key was destroyed.
    pub words: Option<ActivationWords>,
    /// Whether the configuration itself is still kept.
    pub kept: bool,
}
