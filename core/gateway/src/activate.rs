//! `POST /v1/config/activate`: a changed configuration is checked whole, and taken or refused.

use crate::Gateway;
use crate::caller::Caller;
use crate::fields::NoQuery;
use crate::json_body::{self, JsonBody};
use crate::problem::{Kind, Problem};
use crate::shapes::ProblemShape;
use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use rohrpost_model::client::Role;
use rohrpost_model::{ClientName, Fault, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Loads the configuration anew and takes it, whole or not at all.
///
/// The gateway has checked the role and calls this, perhaps several times in parallel; the implementation serialises
/// them. When it returns faults, the configuration from before is still active.
#[async_trait]
pub trait Activation: Send + Sync {
    /// Activates what lies in the configuration folder now. `why` are the words of the person that asks.
    async fn activate(&self, who: &ClientName, why: &str) -> Result<ActivationReport, Vec<Fault>>;
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
}

/// Why a configuration is activated.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Activate {
    /// Why, in 1 to 1000 characters.
    reason: String,
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
    let why = json_body::reason(&asked.reason)?;
    match gateway.activation.activate(caller.name(), &why).await {
        Ok(report) => Ok(Json(report)),
        Err(faults) => {
            tracing::warn!(client = %caller.name(), faults = faults.len(), "configuration refused");
            Err(refused(&faults))
        }
    }
}

fn refused(faults: &[Fault]) -> Problem {
    let count = faults.len();
    let listed = serde_json::to_value(faults).unwrap_or_default();
    Problem::new(
        Kind::ConfigurationFaults,
        format!("The configuration has {count} fault(s); the one from before stays active."),
        format!("Die Konfiguration hat {count} Fehler; die bisherige bleibt aktiv."),
    )
    .with("faults", listed)
}
