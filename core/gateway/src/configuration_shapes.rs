//! What is asked and answered about configurations.

use rohrpost_model::ports::KeptActivation;
use rohrpost_model::route::PinnedStep;
use rohrpost_model::{Digest, DocumentName, MappingName, RouteName, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Back to which version, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rollback {
    /// The version, or its first digits, 8 at least.
    pub(crate) version: String,
    /// Why, in 1 to 1000 characters; it stands in the history.
    pub(crate) reason: String,
    /// Who it is, where the client alone does not say it.
    pub(crate) who: Option<String>,
}

/// That a configuration became active.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Activated {
    /// Names the configuration by its content.
    version: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How: `started`, `activated`, `reloaded` or `rolled-back`.
    #[schema(value_type = String)]
    cause: rohrpost_model::ports::ActivationCause,
    /// The client that asked for it, or `rohrpost`.
    client: String,
    /// The person, where one was named; for who has `audit` for every tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<String>,
    /// Why; for who has `audit` for every tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Whether its files are still kept.
    kept: bool,
}

impl Activated {
    pub(crate) fn new(activation: KeptActivation, with_words: bool) -> Self {
        let KeptActivation { version, at, cause, who: client, words, kept } = activation;
        let words = words.filter(|_| with_words);
        let (why, who) = words.map_or((None, None), |words| (Some(words.why), words.person));
        Self { version: version.to_string(), at, cause, client, who, why, kept }
    }
}

/// The version that a delivery keeps to, whatever is active, until somebody has it made anew with `current`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pinned {
    /// SHA-256 of the step as it was when the delivery pinned it.
    #[schema(value_type = String)]
    sha256: Digest,
    #[schema(value_type = String)]
    route: RouteName,
    /// The mapping, if the step has one.
    #[schema(value_type = Option<String>)]
    mapping: Option<MappingName>,
    /// Which of its documents is the message, where it is not the mapping's own.
    #[schema(value_type = Option<String>)]
    document: Option<DocumentName>,
    /// Its digest, as `mappings` of a configuration's version names it.
    #[schema(value_type = Option<String>)]
    mapping_sha256: Option<Digest>,
}

impl From<(Digest, PinnedStep)> for Pinned {
    fn from((sha256, pinned): (Digest, PinnedStep)) -> Self {
        let PinnedStep { route, step, mapping: mapping_sha256, .. } = pinned;
        Self { sha256, route, mapping: step.mapping, document: step.document, mapping_sha256 }
    }
}

/// A page of activations.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfigurationPage {
    /// The version that is active now.
    pub(crate) active: String,
    /// The newest first.
    pub(crate) activations: Vec<Activated>,
    /// The `cursor` of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// A configuration that was active.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfigurationVersion {
    /// Names it by its content.
    pub(crate) version: String,
    /// When it became active, the newest first.
    pub(crate) activations: Vec<Activated>,
    /// Its files by path.
    pub(crate) files: Vec<ConfigurationFile>,
    /// The digest of each mapping, as `check` shows it.
    pub(crate) mappings: BTreeMap<String, String>,
}

/// A file of a configuration.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfigurationFile {
    /// Its path in the configuration folder.
    path: String,
    /// Its SHA-256, hexadecimal.
    sha256: String,
    /// Its text. Texts that stand where a secret belongs are `***`; the SHA-256 is of what was written.
    text: String,
}

impl ConfigurationFile {
    /// Of a file with this text, which is shown so.
    pub(crate) fn new(path: String, text: &str, shown: String) -> Self {
        Self { path, sha256: Digest::of(text.as_bytes()).to_string(), text: shown }
    }
}

/// How two configurations differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Difference {
    /// The version before, or `folder`.
    pub from: String,
    /// The version after, or `folder`.
    pub to: String,
    /// The files that differ, by path; those of mappings below `mappings/NAME/`.
    pub files: Vec<FileDifference>,
    /// Secrets, keys and certificates that changed since the configuration became active, as it names them; `$NAME` stands
    /// in the environment.
    pub secrets: Vec<String>,
    /// How many faults the folder has; there is none if it is not compared.
    pub faults: usize,
}

/// A file that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FileDifference {
    /// Its path.
    pub path: String,
    /// `added`, `removed` or `changed`.
    pub change: String,
    /// A unified diff. Texts that stand where a secret belongs are `***`.
    pub diff: String,
}
