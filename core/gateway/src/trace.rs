//! `POST /v1/trace`: a dry run under the active configuration.

use crate::Gateway;
use crate::caller::{Caller, missing};
use crate::fields::Params;
use crate::metadata;
use crate::problem::Problem;
use crate::shapes::ProblemShape;
use crate::submit::{busy, receive, too_slow};
use crate::trace_shapes::TraceReport;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use rohrpost_engine::accept::{Intake, Intent};
use rohrpost_model::client::Role;
use rohrpost_model::{Client, ClientName};
use std::sync::Arc;

/// Tries a submission and shows the way that it would take: which route takes it and why others do not, every document
/// and check on the way, and what would be sent. Nothing is sent and nothing kept. Needs the role `configure` for the
/// tenant; routes of tenants for which the client lacks it are not shown.
#[utoipa::path(
    post,
    path = "/v1/trace",
    tag = "configuration",
    params(
        ("client" = Option<String>, Query, description = "the client whose grants are asked for; without it nobody's are"),
        crate::metadata::BareBody,
    ),
    request_body(
        description = "as for `POST /v1/submissions`; attachments are measured and forgotten",
        content((crate::shapes::Multipart = "multipart/form-data"), (String = "application/xml"), (serde_json::Value = "application/json")),
    ),
    responses(
        (status = 200, description = "The way; that it would be refused or that a step would fail too", body = TraceReport),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn trace(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    request: Request,
) -> Result<Json<TraceReport>, Problem> {
    caller.must_have(Role::Configure)?;
    let client = named(&gateway, &caller, request.uri())?;
    let _intake = gateway.intakes.try_acquire().map_err(|_| busy())?;
    let limits = gateway.engine.catalog().limits;
    let admit = |intent| admit(&gateway, &caller, intent);
    let received = tokio::time::timeout(limits.receive, receive(request, &limits, &["client"], admit));
    let intake = received.await.map_err(|_| too_slow(&limits))??;
    let tenant = intake.tenant().clone();
    let (catalog, trial) = intake.into_trial(client, gateway.engine.clock().now())?;
    let version = gateway.activation.active().await;
    let traced = gateway.engine.trace(&catalog, trial).await;
    tracing::info!(client = %caller.name(), %tenant, well = traced.is_well(), "submission traced");
    let known = caller.client.tenants_as(Role::Configure);
    Ok(Json(TraceReport::new(traced, version, Some(&known))))
}

/// The client whose grants are asked for, if it hands in for a tenant that the caller configures.
fn named(gateway: &Gateway, caller: &Caller, uri: &Uri) -> Result<Option<Client>, Problem> {
    let known: Vec<_> = metadata::PARAMETERS.into_iter().chain(["client"]).collect();
    let Some(name) = Params::of(uri, &known)?.parsed::<ClientName>("client")? else { return Ok(None) };
    let catalog = gateway.engine.catalog();
    let configures = caller.client.tenants_as(Role::Configure);
    let has_to_do = |client: &&Client| !client.tenants_as(Role::Submit).is_disjoint(&configures);
    catalog.clients.get(&name).filter(has_to_do).cloned().map(Some).ok_or_else(Problem::not_found)
}

/// Admits what is tried, if the caller may see what the tenant's configuration makes of it (promise H7).
fn admit(gateway: &Gateway, caller: &Caller, intent: Intent) -> Result<Intake, Problem> {
    let intake = gateway.engine.admit_trial(&caller.client, intent)?;
    match intake.tenant() {
        tenant if caller.may(Role::Configure, tenant) => Ok(intake),
        tenant if caller.tenants().contains(tenant) => Err(missing(Role::Configure)),
        _ => Err(Problem::not_found()),
    }
}
