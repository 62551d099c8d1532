//! Destinations: how they stand, and what a person asks for a whole one.

use crate::Gateway;
use crate::caller::{Caller, missing};
use crate::destination_orders::why_now;
use crate::fields::{NoQuery, Segments};
use crate::json_body::{self, JsonBody};
use crate::problem::Problem;
use crate::shapes::{ProblemShape, ReasonShape};
use axum::Json;
use axum::extract::State;
use rohrpost_engine::waiting::DestinationStatus;
use rohrpost_model::client::Role;
use rohrpost_model::ports::{DeliveryFilter, DestinationOrder, Pause, PauseMode, Scope, StateCount};
use rohrpost_model::{DestinationName, State as DeliveryState, TenantName, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use utoipa::ToSchema;

/// The destinations of the tenants that the client may view.
#[derive(Serialize, ToSchema)]
pub(crate) struct DestinationList {
    /// By name.
    destinations: Vec<Destination>,
}

/// A destination as it stands now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Destination {
    #[schema(value_type = String)]
    name: DestinationName,
    /// Whose submissions it may get, as far as the client knows of them.
    #[schema(value_type = Vec<String>)]
    tenants: BTreeSet<TenantName>,
    /// The person's order that holds it back; null while it is at work.
    pause: Option<PauseShape>,
    /// What else keeps more from beginning at this moment: office hours, trouble, a limit.
    hold: Option<ReasonShape>,
    /// Conversations under way.
    under_way: usize,
    /// How many there may be.
    concurrency: u16,
    /// How many deliveries that the client may view are in which open state.
    #[schema(value_type = BTreeMap<String, u64>)]
    open: BTreeMap<DeliveryState, u64>,
    /// Whether it was drained and has run empty: nothing is under way, and of all that was sent the outcome is known.
    drained: bool,
}

/// The person's order that holds a destination back.
#[derive(Serialize, ToSchema)]
#[schema(as = Pause)]
pub(crate) struct PauseShape {
    /// `paused`: nothing is sent and nothing is asked. `draining`: nothing new is sent, and what was sent is asked about.
    #[schema(value_type = String)]
    mode: PauseMode,
    /// The client's name.
    who: String,
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// The person's words; only for those who have the role `audit` for every tenant of the destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// A destination after a command.
#[derive(Serialize, ToSchema)]
pub(crate) struct DestinationCommanded {
    /// Whether the command changed anything.
    changed: bool,
    #[serde(flatten)]
    destination: Destination,
}

/// Why a destination is held back, or let go on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DestinationOrdered {
    /// Why, in 1 to 1000 characters; it stands in the audit log.
    reason: String,
}

/// How destinations stand: what holds each back, what is under way, and what waits.
#[utoipa::path(
    get,
    path = "/v1/destinations",
    tag = "destinations",
    responses(
        (status = 200, description = "The destinations", body = DestinationList),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn destinations(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    _: NoQuery,
) -> Result<Json<DestinationList>, Problem> {
    caller.must_have(Role::View)?;
    let counts = gateway.engine.records().counts().await?;
    let viewed = caller.client.tenants_as(Role::View);
    let mut destinations = Vec::new();
    for status in gateway.engine.destinations() {
        let Some(tenants) = tenants_of(&gateway, &status.name) else { continue };
        if !tenants.is_disjoint(&viewed) {
            destinations.push(shape(&gateway, &caller, status, &tenants, &counts).await?);
        }
    }
    Ok(Json(DestinationList { destinations }))
}

/// One destination.
#[utoipa::path(
    get,
    path = "/v1/destinations/{name}",
    tag = "destinations",
    params(("name" = String, Path, description = "the destination")),
    responses(
        (status = 200, description = "The destination", body = Destination),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn destination(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(name): Segments<String>,
    _: NoQuery,
) -> Result<Json<Destination>, Problem> {
    let (name, tenants) = known(&gateway, &caller, &name)?;
    if tenants.is_disjoint(&caller.client.tenants_as(Role::View)) {
        return Err(missing(Role::View));
    }
    Ok(Json(standing(&gateway, &caller, &name, &tenants).await?))
}

/// Pauses a destination: nothing is sent and nothing is asked; what is being sent ends. Needs the role `operate` for
/// every tenant of the destination.
#[utoipa::path(
    post,
    path = "/v1/destinations/{name}/pause",
    tag = "destinations",
    params(("name" = String, Path, description = "the destination")),
    request_body = DestinationOrdered,
    responses(
        (status = 200, description = "It is paused", body = DestinationCommanded),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn pause(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(name): Segments<String>,
    _: NoQuery,
    JsonBody(asked): JsonBody<DestinationOrdered>,
) -> Result<Json<DestinationCommanded>, Problem> {
    order(&gateway, &caller, &name, DestinationOrder::Pause, &asked).await
}

/// Lets a destination run empty: nothing new is sent, and what was sent is asked about until its outcome is known. Needs
/// the role `operate` for every tenant of the destination.
#[utoipa::path(
    post,
    path = "/v1/destinations/{name}/drain",
    tag = "destinations",
    params(("name" = String, Path, description = "the destination")),
    request_body = DestinationOrdered,
    responses(
        (status = 200, description = "It drains; `drained` says whether it has run empty", body = DestinationCommanded),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn drain(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(name): Segments<String>,
    _: NoQuery,
    JsonBody(asked): JsonBody<DestinationOrdered>,
) -> Result<Json<DestinationCommanded>, Problem> {
    order(&gateway, &caller, &name, DestinationOrder::Drain, &asked).await
}

/// Lets a destination go on. Needs the role `operate` for every tenant of the destination.
#[utoipa::path(
    post,
    path = "/v1/destinations/{name}/resume",
    tag = "destinations",
    params(("name" = String, Path, description = "the destination")),
    request_body = DestinationOrdered,
    responses(
        (status = 200, description = "It goes on", body = DestinationCommanded),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn resume(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(name): Segments<String>,
    _: NoQuery,
    JsonBody(asked): JsonBody<DestinationOrdered>,
) -> Result<Json<DestinationCommanded>, Problem> {
    order(&gateway, &caller, &name, DestinationOrder::Resume, &asked).await
}

async fn order(
    gateway: &Gateway,
    caller: &Caller,
    name: &str,
    order: DestinationOrder,
    asked: &DestinationOrdered,
) -> Result<Json<DestinationCommanded>, Problem> {
    let (name, tenants) = known(gateway, caller, name)?;
    caller.must_have_for_all(Role::Operate, &tenants)?;
    let why = json_body::reason(&asked.reason)?;
    // The words are kept under the key of one of its tenants.
    let tenant = tenants.first().ok_or_else(Problem::not_found)?;
    let changed = gateway.engine.order_destination(&name, order, (caller.name(), why), tenant).await?;
    tracing::info!(client = %caller.name(), destination = %name, ?order, changed, "command carried out");
    let destination = standing(gateway, caller, &name, &tenants).await?;
    Ok(Json(DestinationCommanded { changed, destination }))
}

fn tenants_of(gateway: &Gateway, name: &DestinationName) -> Option<BTreeSet<TenantName>> {
    Some(gateway.engine.catalog().destinations.get(name)?.destination.tenants.clone())
}

/// A destination that the client may know of, with its tenants (promise H7).
pub(crate) fn known(
    gateway: &Gateway,
    caller: &Caller,
    name: &str,
) -> Result<(DestinationName, BTreeSet<TenantName>), Problem> {
    let name: DestinationName = name.parse().map_err(|_| Problem::not_found())?;
    let tenants = tenants_of(gateway, &name).filter(|tenants| !tenants.is_disjoint(&caller.tenants()));
    tenants.map(|tenants| (name, tenants)).ok_or_else(Problem::not_found)
}

async fn standing(
    gateway: &Gateway,
    caller: &Caller,
    name: &DestinationName,
    tenants: &BTreeSet<TenantName>,
) -> Result<Destination, Problem> {
    let counts = gateway.engine.records().counts().await?;
    let status = gateway.engine.destinations().into_iter().find(|status| status.name == *name);
    shape(gateway, caller, status.ok_or_else(Problem::not_found)?, tenants, &counts).await
}

async fn shape(
    gateway: &Gateway,
    caller: &Caller,
    status: DestinationStatus,
    tenants: &BTreeSet<TenantName>,
    counts: &[StateCount],
) -> Result<Destination, Problem> {
    let all = open_of(&status.name, counts);
    let drained = is_drained(&status, &all);
    let open =
        if tenants.is_subset(&seen_by(caller)) { all } else { counted(gateway, caller, &status).await? };
    let pause = match status.pause {
        Some(Pause { mode, who, since, .. }) => {
            let why = why_now(gateway, caller, &status.name, tenants).await?;
            Some(PauseShape { mode, who, since, why })
        }
        None => None,
    };
    Ok(Destination {
        pause,
        tenants: tenants.intersection(&caller.tenants()).cloned().collect(),
        hold: status.hold.map(ReasonShape::from),
        name: status.name,
        under_way: status.under_way,
        concurrency: status.concurrency,
        open,
        drained,
    })
}

/// Tenants whose deliveries may be counted for the client.
fn seen_by(caller: &Caller) -> BTreeSet<TenantName> {
    let viewed = caller.client.tenants_as(Role::View);
    viewed.into_iter().chain(caller.client.tenants_as(Role::Operate)).collect()
}

fn open_states() -> impl Iterator<Item = DeliveryState> {
    DeliveryState::ALL.into_iter().filter(|state| !state.is_end())
}

/// What is open of all tenants: the store has these numbers at hand.
fn open_of(name: &DestinationName, counts: &[StateCount]) -> BTreeMap<DeliveryState, u64> {
    let of_it = |state| {
        let here = |count: &&StateCount| count.destination.as_ref() == Some(name) && count.state == state;
        counts.iter().filter(here).map(|count| count.count).sum()
    };
    open_states().map(|state| (state, of_it(state))).collect()
}

/// What is open of the client's own tenants, where others have the destination too (promise H7).
async fn counted(
    gateway: &Gateway,
    caller: &Caller,
    status: &DestinationStatus,
) -> Result<BTreeMap<DeliveryState, u64>, Problem> {
    let scope = Scope::Of { tenants: seen_by(caller), client: None };
    let mut open = BTreeMap::new();
    for state in open_states() {
        let (destination, states) = (Some(status.name.clone()), [state].into());
        let filter = DeliveryFilter { destination, states, ..DeliveryFilter::default() };
        open.insert(state, gateway.engine.count(&scope, &filter).await?);
    }
    Ok(open)
}

fn is_drained(status: &DestinationStatus, open: &BTreeMap<DeliveryState, u64>) -> bool {
    use DeliveryState as S;
    let draining = status.pause.as_ref().is_some_and(|pause| pause.mode == PauseMode::Draining);
    let undecided = [S::Claimed, S::Sending, S::Unknown, S::Awaiting];
    draining
        && status.under_way == 0
        && undecided.iter().all(|state| open.get(state).copied().unwrap_or_default() == 0)
}
