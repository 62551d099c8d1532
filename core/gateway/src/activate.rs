//! `POST /v1/config/activate`: a changed configuration is checked whole, and taken or refused.

use crate::Gateway;
use crate::caller::Caller;
use crate::configuration_shapes::Difference;
use crate::configurations::words;
use crate::fields::NoQuery;
use crate::json_body::JsonBody;
use crate::problem::{Kind, Problem};
use crate::shapes::ProblemShape;
use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use rohrpost_model::client::Role;
use rohrpost_model::ports::{ActivationCause, ActivationWords, StoreFault};
use rohrpost_model::{ClientName, Digest, Fault, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Loads the configuration anew and takes it, whole or not at all.
///
/// The gateway has checked the role and calls this, perhaps several times in parallel; the implementation serialises
/// them. When it returns faults, the configuration from before is still active.
#[async_trait]
pub trait Activation: Send + Sync {
    /// Activates what lies in the configuration folder now.
    async fn activate(&self, by: By) -> Result<ActivationReport, Vec<Fault>>;

    /// Activates a version from before, and puts it back into the configuration folder.
    async fn roll_back(&self, version: Digest, by: By) -> Result<ActivationReport, RollbackFault>;

    /// How two configurations differ; `None` if one of them is not kept.
    async fn difference(&self, from: Side, to: Side) -> Result<Option<Difference>, StoreFault>;

    /// The text of a file of a configuration as it may be shown: without what stands where a secret belongs.
    fn shown(&self, path: &str, text: &str) -> String;

    /// The version that is active.
    async fn active(&self) -> Digest;
}

/// Who asks for a configuration, how, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// The client.
    pub client: ClientName,
    /// How.
    pub cause: ActivationCause,
    /// A person's words.
    pub words: Option<ActivationWords>,
}

/// One of two configurations that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A version that was active.
    Version(Digest),
    /// What lies in the folder.
    Folder,
}

/// Why a version from before was not activated. The present one goes on, and the folder is as it was.
#[derive(Debug)]
pub enum RollbackFault {
    /// It was never active, or is not kept any more.
    NotKept,
    /// Under the circumstances of now it has faults, or the folder cannot be written.
    Faults(Vec<Fault>),
    /// The store cannot read it.
    Store(StoreFault),
}

impl From<StoreFault> for RollbackFault {
    fn from(fault: StoreFault) -> Self {
        Self::Store(fault)
    }
}

impl From<Vec<Fault>> for RollbackFault {
    fn from(faults: Vec<Fault>) -> Self {
        Self::Faults(faults)
    }
}

/// What was activated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivationReport {
    /// Names the configuration by its content: the same text has the same version.
    pub version: String,
    /// Whether it differs from the one that was active before.
    pub changed: bool,
    /// Keys of hub.toml whose change takes effect only when the hub is started anew.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs_restart: Vec<String>,
    /// When it became active.
    #[schema(value_type = String, format = DateTime)]
    pub activated_at: Timestamp,
    /// After a rollback: the folder, on the hub's machine, with copies of the files that it replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<String>,
    /// After a rollback: whether its files lie in the hub's folder only in part, because something went wrong while they
    /// were put there. The next start and the next activation put the rest there first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub folder_incomplete: bool,
}

/// Why a configuration is activated.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Activate {
    /// Why, in 1 to 1000 characters; it stands in the history.
    reason: String,
    /// Who it is, where the client alone does not say it.
    who: Option<String>,
}

/// Activates the configuration that lies in the hub's folder now. One with faults is refused with all of them, and the
/// old one goes on.
#[utoipa::path(
    post,
    path = "/v1/config/activate",
    tag = "configuration",
    request_body = Activate,
    responses(
        (status = 200, description = "Active", body = ActivationReport),
        (status = 422, description = "Refused; `faults` holds `file`, `line`, `column`, `message` and `hint` of each", body = ProblemShape, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn activate(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    _: NoQuery,
    JsonBody(asked): JsonBody<Activate>,
) -> Result<Json<ActivationReport>, Problem> {
    caller.must_have(Role::Configure)?;
    let words = words(&asked.reason, asked.who.as_deref())?;
    let by = By { client: caller.name().clone(), cause: ActivationCause::Activated, words: Some(words) };
    match gateway.activation.activate(by).await {
        Ok(report) => Ok(Json(report)),
        Err(faults) => {
            tracing::warn!(client = %caller.name(), faults = faults.len(), "configuration refused");
            Err(refused(&faults))
        }
    }
}

pub(crate) fn refused(faults: &[Fault]) -> Problem {
    let count = faults.len();
    let listed = serde_json::to_value(faults).unwrap_or_default();
    Problem::new(
        Kind::ConfigurationFaults,
        format!("The configuration has {count} fault(s); the one from before stays active."),
        format!("Die Konfiguration hat {count} Fehler; die bisherige bleibt aktiv."),
    )
    .with("faults", listed)
}
