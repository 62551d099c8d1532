//! What a person asks for one delivery.

use crate::Gateway;
use crate::caller::{Caller, missing};
use crate::fields::{NoQuery, Segments};
use crate::json_body::{self, JsonBody};
use crate::problem::{Kind, Problem};
use crate::shapes::{Commanded, ProblemShape};
use axum::Json;
use axum::extract::State;
use rohrpost_model::client::Role;
use rohrpost_model::ports::{CommandOutcome, Dependents, Order};
use rohrpost_model::{DeliveryId, State as DeliveryState};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Why a delivery is retried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retry {
    /// Why, in 1 to 1000 characters; it stands in the history.
    reason: String,
}

/// Why a delivery is given up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Discard {
    /// Why, in 1 to 1000 characters; it stands in the history.
    reason: String,
    /// What becomes of the steps that wait for this one: `discard` (the default: nothing leaves the hub that nobody
    /// asked for) or `release` (they are made as if it had been delivered).
    #[schema(value_type = Option<String>)]
    dependents: Option<Dependents>,
}

/// Another attempt, now.
#[utoipa::path(
    post,
    path = "/v1/deliveries/{id}/retry",
    tag = "deliveries",
    params(("id" = String, Path, description = "the delivery")),
    request_body = Retry,
    responses(
        (status = 200, description = "Done", body = Commanded),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn retry(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(id): Segments<String>,
    _: NoQuery,
    JsonBody(asked): JsonBody<Retry>,
) -> Result<Json<Commanded>, Problem> {
    command(&gateway, &caller, &id, Order::Retry, &asked.reason).await
}

/// Gives a delivery up.
#[utoipa::path(
    post,
    path = "/v1/deliveries/{id}/discard",
    tag = "deliveries",
    params(("id" = String, Path, description = "the delivery")),
    request_body = Discard,
    responses(
        (status = 200, description = "Done", body = Commanded),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn discard(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(id): Segments<String>,
    _: NoQuery,
    JsonBody(asked): JsonBody<Discard>,
) -> Result<Json<Commanded>, Problem> {
    let order = Order::Discard(asked.dependents.unwrap_or(Dependents::Discard));
    command(&gateway, &caller, &id, order, &asked.reason).await
}

async fn command(
    gateway: &Gateway,
    caller: &Caller,
    id: &str,
    order: Order,
    why: &str,
) -> Result<Json<Commanded>, Problem> {
    let id: DeliveryId = id.parse().map_err(|_| Problem::not_found())?;
    let why = json_body::reason(why)?;
    let scope = caller.holds(Role::Operate);
    match gateway.engine.command(&scope, id, order.clone(), caller.name(), why).await? {
        CommandOutcome::Done(state) => {
            tracing::info!(client = %caller.name(), delivery = %id, ?order, %state, "command carried out");
            Ok(Json(Commanded { id, state }))
        }
        CommandOutcome::NotFound => Err(unseen(gateway, caller, id).await?),
        CommandOutcome::Refused(state) => Err(refused(state)),
    }
}

/// Not there, or there but not for this client to operate.
async fn unseen(gateway: &Gateway, caller: &Caller, id: DeliveryId) -> Result<Problem, Problem> {
    let known = gateway.engine.records().delivery(&caller.knows(), id).await?.is_some();
    Ok(if known { missing(Role::Operate) } else { Problem::not_found() })
}

fn refused(state: DeliveryState) -> Problem {
    Problem::new(
        Kind::RefusedInState,
        format!(
            "This makes no sense for a delivery that is {state}, or it is being worked on at this moment."
        ),
        format!("Im Zustand `{state}` ist das nicht möglich, oder die Zustellung wird gerade bearbeitet."),
    )
    .with("state", state.as_str())
}
