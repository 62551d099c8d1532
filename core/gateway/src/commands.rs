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

/// Why a delivery is retried, and how.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retry {
    /// Why, in 1 to 1000 characters; it stands in the history.
    reason: String,
    /// Whether it is made anew under the configuration that is active now: its route's step of the same name, with that
    /// step's mapping and form of seal. Without it the same bytes are sent again.
    #[serde(default)]
    current: bool,
}

/// Why a delivery is held back, or let go on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Why {
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
    if !asked.current {
        return command(&gateway, &caller, &id, Order::Retry, &asked.reason).await;
    }
    let id: DeliveryId = id.parse().map_err(|_| Problem::not_found())?;
    let why = json_body::reason(&asked.reason)?;
    let outcome = gateway.engine.mend(&caller.holds(Role::Operate), id, caller.name(), why).await?;
    told(&gateway, &caller, id, outcome, "retry-current").await
}

/// Holds one delivery back: nothing is sent and its target is not asked until it is resumed. It keeps its state.
#[utoipa::path(
    post,
    path = "/v1/deliveries/{id}/pause",
    tag = "deliveries",
    params(("id" = String, Path, description = "the delivery")),
    request_body = Why,
    responses(
        (status = 200, description = "Done", body = Commanded),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn pause(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(id): Segments<String>,
    _: NoQuery,
    JsonBody(asked): JsonBody<Why>,
) -> Result<Json<Commanded>, Problem> {
    command(&gateway, &caller, &id, Order::Pause, &asked.reason).await
}

/// Lets a delivery that is held back go on.
#[utoipa::path(
    post,
    path = "/v1/deliveries/{id}/resume",
    tag = "deliveries",
    params(("id" = String, Path, description = "the delivery")),
    request_body = Why,
    responses(
        (status = 200, description = "Done", body = Commanded),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn resume(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(id): Segments<String>,
    _: NoQuery,
    JsonBody(asked): JsonBody<Why>,
) -> Result<Json<Commanded>, Problem> {
    command(&gateway, &caller, &id, Order::Resume, &asked.reason).await
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
    let word = word(&order);
    let scope = caller.holds(Role::Operate);
    let outcome = gateway.engine.command(&scope, id, order, caller.name(), why).await?;
    told(gateway, caller, id, outcome, word).await
}

const fn word(order: &Order) -> &'static str {
    match order {
        Order::Retry => "retry",
        Order::Mend { .. } => "retry-current",
        Order::Discard(_) => "discard",
        Order::Pause => "pause",
        Order::Resume => "resume",
        Order::Fetched => "fetch",
        Order::Close => "close",
        Order::Ask => "ask",
    }
}

/// What became of a command, as it is answered.
async fn told(
    gateway: &Gateway,
    caller: &Caller,
    id: DeliveryId,
    outcome: CommandOutcome,
    order: &'static str,
) -> Result<Json<Commanded>, Problem> {
    match outcome {
        CommandOutcome::Done(state) => {
            tracing::info!(client = %caller.name(), delivery = %id, order, %state, "command carried out");
            Ok(Json(Commanded { id, state }))
        }
        CommandOutcome::NotFound => Err(unseen(gateway, caller, id).await?),
        CommandOutcome::Refused(state) => Err(refused(gateway, caller, id, state, order).await?),
    }
}

/// Not there, or there but not for this client to operate.
async fn unseen(gateway: &Gateway, caller: &Caller, id: DeliveryId) -> Result<Problem, Problem> {
    let known = gateway.engine.records().delivery(&caller.knows(), id).await?.is_some();
    Ok(if known { missing(Role::Operate) } else { Problem::not_found() })
}

async fn refused(
    gateway: &Gateway,
    caller: &Caller,
    id: DeliveryId,
    state: DeliveryState,
    order: &str,
) -> Result<Problem, Problem> {
    let open = matches!(order, "pause" | "resume" | "retry-current") && !state.is_end();
    let detail = if open { gateway.engine.records().delivery(&caller.knows(), id).await? } else { None };
    let (english, german) = match (order, detail.map(|detail| detail.delivery.paused_by)) {
        ("pause", Some(Some(who))) => (
            format!("The delivery is held back already, by {who}."),
            format!("Die Zustellung ist schon angehalten, von {who}."),
        ),
        ("resume", Some(None)) => {
            ("Nobody holds the delivery back.".to_owned(), "Die Zustellung ist nicht angehalten.".to_owned())
        }
        ("retry-current", Some(_)) => (
            format!(
                "A delivery that is {state} cannot be made anew: it is being worked on at this moment, no route ever took \
                 it, or the active configuration no longer has its route with a step of this name."
            ),
            format!(
                "Im Zustand `{state}` lässt sich die Zustellung nicht neu bilden: Sie wird gerade bearbeitet, keine Route \
                 hat sie je genommen, oder die aktive Konfiguration hat ihre Route mit diesem Schritt nicht mehr."
            ),
        ),
        _ => (
            format!(
                "This makes no sense for a delivery that is {state}, or it is being worked on at this moment."
            ),
            format!(
                "Im Zustand `{state}` ist das nicht möglich, oder die Zustellung wird gerade bearbeitet."
            ),
        ),
    };
    Ok(Problem::new(Kind::RefusedInState, english, german).with("state", state.as_str()))
}
