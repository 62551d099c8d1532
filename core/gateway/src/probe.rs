//! `POST /v1/destinations/{name}/probe`: tries a destination step by step.

use crate::Gateway;
use crate::caller::{Caller, missing};
use crate::fields::{NoQuery, Segments};
use crate::json_body::{self, JsonBody};
use crate::problem::{Kind, Problem};
use crate::shapes::{ProblemShape, ReasonShape, Text};
use axum::Json;
use axum::extract::State;
use rohrpost_engine::catalog::Connected;
use rohrpost_engine::probe::probe as probe_target;
use rohrpost_model::client::Role;
use rohrpost_model::ports::{Finding, Probe, ProbeStep};
use rohrpost_model::{DestinationName, TenantName, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// A client whose probe found no turn is told to come back after so many seconds.
const COME_BACK: u32 = 5;

/// What a probe may be asked with. It changes nothing, so it needs no reason.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProbeOrder)]
pub(crate) struct Asked {
    /// Why, in 1 to 1000 characters; it is taken as for the commands beside it, and not kept.
    reason: Option<String>,
}

/// What a probe found, step by step, in the order in which a delivery meets the steps.
#[derive(Serialize, ToSchema)]
#[schema(as = Probe)]
pub struct ProbeReport {
    #[schema(value_type = String)]
    destination: DestinationName,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Whether no step failed. Warnings, and steps that the configuration leaves out, do not count.
    well: bool,
    steps: Vec<ProbeStepShape>,
}

/// One step of a probe.
#[derive(Serialize, ToSchema)]
#[schema(as = ProbeStep)]
pub struct ProbeStepShape {
    /// A stable word, for instance `lookup`, `connect`, `tls`.
    step: &'static str,
    /// `ok`, `warning` (it works, but somebody has to act), `failed`, `not-tried`.
    result: &'static str,
    /// What is tried.
    tried: Text,
    /// What was found, or what is the matter and what is to be done.
    text: Text,
    /// What a delivery would wait with, where the step failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonShape>,
}

impl ProbeReport {
    /// The report of a probe that ended `at`.
    pub fn new(destination: DestinationName, probe: &Probe, at: Timestamp) -> Self {
        Self { destination, at, well: probe.is_well(), steps: Self::steps(probe) }
    }

    /// What is told of each step.
    pub fn steps(probe: &Probe) -> Vec<ProbeStepShape> {
        probe.steps().iter().map(ProbeStepShape::from).collect()
    }
}

impl From<&ProbeStep> for ProbeStepShape {
    fn from(step: &ProbeStep) -> Self {
        let reason = match &step.finding {
            Finding::Fails { reason, .. } => Some(reason.clone().into()),
            _ => None,
        };
        Self {
            step: step.word,
            result: step.finding.word(),
            tried: step.tried.clone().into(),
            text: step.finding.words().clone().into(),
            reason,
        }
    }
}

/// Tries a destination step by step, within its time limit, and says what works. Nothing is delivered and nothing
/// changed. Two probes of one destination run at one time; beyond, the answer is 503 with `Retry-After`.
#[utoipa::path(
    post,
    path = "/v1/destinations/{name}/probe",
    tag = "destinations",
    params(("name" = String, Path, description = "the destination")),
    request_body = Option<Asked>,
    responses(
        (status = 200, description = "What was found; that a step failed too", body = ProbeReport),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn probe(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(name): Segments<String>,
    _: NoQuery,
    asked: Option<JsonBody<Asked>>,
) -> Result<Json<ProbeReport>, Problem> {
    if let Some(JsonBody(Asked { reason: Some(reason) })) = &asked {
        json_body::reason(reason)?;
    }
    let name: DestinationName = name.parse().map_err(|_| Problem::not_found())?;
    let to = find(&gateway, &caller, &name)?;
    let turn = gateway.probes.turn(&name).ok_or_else(busy)?;
    let probe = probe_target(&to).await;
    drop(turn);
    tracing::info!(client = %caller.name(), destination = %name, well = probe.is_well(), "destination probed");
    Ok(Json(ProbeReport::new(name, &probe, gateway.engine.clock().now())))
}

/// A destination that the client may operate for one of its tenants at least (promise H7).
fn find(gateway: &Gateway, caller: &Caller, name: &DestinationName) -> Result<Connected, Problem> {
    let catalog = gateway.engine.catalog();
    let to = catalog.destinations.get(name).ok_or_else(Problem::not_found)?;
    let tenants = &to.destination.tenants;
    if tenants.iter().any(|tenant| caller.may(Role::Operate, tenant)) {
        return Ok(to.clone());
    }
    let knows = |tenant: &TenantName| caller.client.grants.iter().any(|grant| grant.tenants.contains(tenant));
    Err(if tenants.iter().any(knows) { missing(Role::Operate) } else { Problem::not_found() })
}

fn busy() -> Problem {
    Problem::new(
        Kind::Busy,
        "This destination is being probed already; two probes at one time are enough.",
        "Dieses Ziel wird gerade schon geprüft; mehr als zwei Proben zugleich gibt es nicht.",
    )
    .retry_after(COME_BACK)
}
