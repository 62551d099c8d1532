//! What a person asks for many deliveries at one time: previewed, carried out at a pace, watched, cancelled.

use crate::Gateway;
use crate::caller::{Caller, missing};
use crate::fields::{NoQuery, Params, Segments, of_the_moment};
use crate::json_body::{self, JsonBody};
use crate::order_shapes::{Cancel, Command, CommandList, Counted, Filter, OrderMany, OrderWord};
use crate::pages;
use crate::problem::{Kind, Problem};
use crate::shapes::ProblemShape;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rohrpost_engine::orders::{Asked, MOST_PER_SECOND, states_for};
use rohrpost_engine::waiting::is_of_the_moment;
use rohrpost_model::client::Role;
use rohrpost_model::ports::{BulkCommand, BulkOrder, Cursor, DeliveryFilter, Dependents, Scope};
use rohrpost_model::{CommandId, State as DeliveryState, TenantName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many deliveries in a second, if nobody says.
const PER_SECOND: u32 = 100;

/// How many orders are read at one time for a list.
const LOOKED_THROUGH: usize = 500;

/// Gives an order for all deliveries that fit a filter now and that the client may operate. It is carried out at its
/// pace; `Location` names it. With `preview` nothing is done, and the answer says how many deliveries fit.
#[utoipa::path(
    post,
    path = "/v1/commands",
    tag = "commands",
    request_body = OrderMany,
    responses(
        (status = 200, description = "The preview", body = Counted),
        (status = 202, description = "Begun. `Location` names it.", body = Command),
        (status = 429, description = "Too many run; `Retry-After` says when to come back", body = ProblemShape, content_type = "application/problem+json"),
        (status = "default", description = "A problem; nothing was begun", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn order_many(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    _: NoQuery,
    JsonBody(asked): JsonBody<OrderMany>,
) -> Result<Response, Problem> {
    caller.must_have(Role::Operate)?;
    let order = order(&asked)?;
    let per_second = per_second(&asked)?;
    let unrestricted = asked.filter.is_empty();
    let tenants = tenants(&caller, &asked.filter)?;
    let filter = filter(asked.filter, order)?;
    let scope = Scope::Of { tenants: tenants.clone(), client: None };
    if asked.preview {
        let count = gateway.engine.count(&scope, &filter).await?;
        return Ok(Json(Counted { count }).into_response());
    }
    if unrestricted && !asked.all {
        return Err(everything());
    }
    let why = json_body::reason(asked.reason.as_deref().unwrap_or_default())?;
    // The words are kept under the key of one of the tenants.
    let tenant = tenants.first().cloned().ok_or_else(|| missing(Role::Operate))?;
    let asked = Asked { order, filter, per_second, why, tenant };
    let begun = gateway.engine.order_many(&scope, asked, caller.name()).await?.ok_or_else(too_many)?;
    let (id, total) = (begun.id, begun.total);
    tracing::info!(client = %caller.name(), command = %id, order = ?begun.order, total, "command begun");
    accepted(&caller, begun)
}

/// Orders for many deliveries, the newest first: those that concern only tenants that the client may view.
#[utoipa::path(
    get,
    path = "/v1/commands",
    tag = "commands",
    params(
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "how many, 1 to 500; 100 if not given"),
    ),
    responses(
        (status = 200, description = "A page", body = CommandList),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn commands(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    uri: Uri,
) -> Result<Json<CommandList>, Problem> {
    let params = Params::of(&uri, &["cursor", "limit"])?;
    caller.must_have(Role::View)?;
    let (cursor, limit) = (pages::cursor(&params)?, pages::limit(&params)?);
    let found = viewed(&gateway, &caller, cursor, limit + 1).await?;
    let (found, next) = pages::cut(found, limit);
    let commands = found.into_iter().map(|command| shown(&caller, command)).collect();
    Ok(Json(CommandList { commands, next }))
}

/// The first orders after the cursor, at most so many, that concern only tenants that the client may view.
async fn viewed(
    gateway: &Gateway,
    caller: &Caller,
    mut cursor: Option<Cursor>,
    wanted: usize,
) -> Result<Vec<(Cursor, BulkCommand)>, Problem> {
    let may = caller.client.tenants_as(Role::View);
    let mut found = Vec::new();
    loop {
        let looked_at = gateway.engine.orders(cursor, LOOKED_THROUGH).await?;
        let last = looked_at.len() < LOOKED_THROUGH;
        cursor = looked_at.last().map(|(cursor, _)| *cursor);
        let seen = |command: &BulkCommand| tenants_in(command).is_some_and(|of| of.is_subset(&may));
        found.extend(looked_at.into_iter().filter(|(_, command)| seen(command)));
        if last || found.len() >= wanted {
            found.truncate(wanted);
            return Ok(found);
        }
    }
}

/// One of them, and how far it is.
#[utoipa::path(
    get,
    path = "/v1/commands/{id}",
    tag = "commands",
    params(("id" = String, Path, description = "the order")),
    responses(
        (status = 200, description = "The order", body = Command),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn command(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(id): Segments<String>,
    _: NoQuery,
) -> Result<Json<Command>, Problem> {
    let (command, tenants) = find(&gateway, &caller, &id).await?;
    caller.must_have_for_all(Role::View, &tenants)?;
    Ok(Json(shown(&caller, command)))
}

/// Stops an order. What it did stays done; one that has ended already stays as it is. Needs the role `operate` for every
/// tenant that it concerns.
#[utoipa::path(
    post,
    path = "/v1/commands/{id}/cancel",
    tag = "commands",
    params(("id" = String, Path, description = "the order")),
    request_body = Cancel,
    responses(
        (status = 200, description = "The order as it stands", body = Command),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn cancel(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(id): Segments<String>,
    _: NoQuery,
    JsonBody(asked): JsonBody<Cancel>,
) -> Result<Json<Command>, Problem> {
    let (command, tenants) = find(&gateway, &caller, &id).await?;
    caller.must_have_for_all(Role::Operate, &tenants)?;
    let why = json_body::reason(&asked.reason)?;
    let ended =
        gateway.engine.cancel(command.id, caller.name(), why).await?.ok_or_else(Problem::not_found)?;
    tracing::info!(client = %caller.name(), command = %command.id, state = ?ended.state, "command cancelled");
    Ok(Json(shown(&caller, ended)))
}

/// An order that concerns only tenants that the client may know of (promise H7), with these tenants.
async fn find(
    gateway: &Gateway,
    caller: &Caller,
    id: &str,
) -> Result<(BulkCommand, BTreeSet<TenantName>), Problem> {
    let id: CommandId = id.parse().map_err(|_| Problem::not_found())?;
    let command = gateway.engine.order(id).await?.ok_or_else(Problem::not_found)?;
    let tenants = tenants_in(&command).filter(|tenants| tenants.is_subset(&caller.tenants())).cloned();
    tenants.map(|tenants| (command, tenants)).ok_or_else(Problem::not_found)
}

fn tenants_in(command: &BulkCommand) -> Option<&BTreeSet<TenantName>> {
    match &command.scope {
        Scope::Of { tenants, .. } => Some(tenants),
        Scope::Hub => None,
    }
}

/// The words of persons are content, so they are shown only to those who may read histories.
fn shown(caller: &Caller, command: BulkCommand) -> Command {
    let audited = caller.client.tenants_as(Role::Audit);
    let with_words = tenants_in(&command).is_some_and(|tenants| tenants.is_subset(&audited));
    Command::new(command, with_words)
}

fn accepted(caller: &Caller, begun: BulkCommand) -> Result<Response, Problem> {
    let location = HeaderValue::try_from(format!("/v1/commands/{}", begun.id));
    let location = location.map_err(|_| Problem::not_found())?;
    let mut response = (StatusCode::ACCEPTED, Json(shown(caller, begun))).into_response();
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

fn order(asked: &OrderMany) -> Result<BulkOrder, Problem> {
    if asked.dependents.is_some() && asked.order != OrderWord::Discard {
        return Err(wrong(
            "dependents",
            "it says what becomes of the steps that wait, so it goes with `discard` only",
            "er sagt, was aus wartenden Schritten wird, und gehört nur zu `discard`",
        ));
    }
    Ok(match asked.order {
        OrderWord::Retry => BulkOrder::Retry,
        OrderWord::RetryCurrent => BulkOrder::Mend,
        OrderWord::Discard => {
            BulkOrder::Discard { dependents: asked.dependents.unwrap_or(Dependents::Discard) }
        }
        OrderWord::Pause => BulkOrder::Pause,
        OrderWord::Resume => BulkOrder::Resume,
    })
}

fn per_second(asked: &OrderMany) -> Result<u32, Problem> {
    let right = 1..=MOST_PER_SECOND;
    let per_second = asked.per_second.unwrap_or(PER_SECOND);
    if right.contains(&per_second) {
        return Ok(per_second);
    }
    Err(wrong(
        "perSecond",
        &format!("it is a number from 1 to {MOST_PER_SECOND}"),
        &format!("er ist eine Zahl von 1 bis {MOST_PER_SECOND}"),
    ))
}

/// The filter, cut to the states in which the order makes sense.
fn filter(asked: Filter, order: BulkOrder) -> Result<DeliveryFilter, Problem> {
    let fitting: BTreeSet<DeliveryState> = states_for(order).collect();
    if let Some(state) = asked.state.iter().find(|state| !fitting.contains(state)) {
        let listed: Vec<_> = fitting.iter().map(|state| state.as_str()).collect();
        let listed = listed.join(", ");
        return Err(wrong(
            "filter.state",
            &format!("this order makes no sense for deliveries that are {state}; it does for {listed}"),
            &format!("für Zustellungen im Zustand `{state}` ist das nicht möglich, wohl aber für {listed}"),
        ));
    }
    if let Some(code) = asked.reason.filter(|code| is_of_the_moment(*code)) {
        let word = serde_json::to_value(code).unwrap_or_default();
        let detail = of_the_moment(word.as_str().unwrap_or_default());
        return Err(wrong("filter.reason", &detail, &detail));
    }
    let states = if asked.state.is_empty() { fitting } else { asked.state };
    let Filter { tenant, destination, service, case, reason, paused, .. } = asked;
    let paused = with_pauses(order, paused)?;
    Ok(DeliveryFilter { states, tenant, reason, paused, destination, service, case })
}

/// Only what is not paused can be paused, and only what is can be resumed.
fn with_pauses(order: BulkOrder, paused: Option<bool>) -> Result<Option<bool>, Problem> {
    let fitting = match order {
        BulkOrder::Pause => Some(false),
        BulkOrder::Resume => Some(true),
        _ => return Ok(paused),
    };
    if paused.is_none() || paused == fitting {
        return Ok(fitting);
    }
    Err(wrong(
        "filter.paused",
        "what is paused cannot be paused, and what is not cannot be resumed",
        "Angehaltenes lässt sich nicht anhalten und Laufendes nicht fortsetzen",
    ))
}

/// The tenants that the order may touch: those that the client operates, or the one that the filter names.
fn tenants(caller: &Caller, filter: &Filter) -> Result<BTreeSet<TenantName>, Problem> {
    let operated = caller.client.tenants_as(Role::Operate);
    match &filter.tenant {
        Some(tenant) if operated.contains(tenant) => Ok([tenant.clone()].into()),
        Some(tenant) if caller.tenants().contains(tenant) => Err(missing(Role::Operate)),
        // A foreign tenant is one that does not exist: nothing fits.
        _ => Ok(operated),
    }
}

fn wrong(field: &str, english: &str, german: &str) -> Problem {
    Problem::malformed(
        format!("`{field}` is wrong: {english}."),
        format!("Der Wert `{field}` ist falsch: {german}."),
    )
    .with("field", field)
}

fn everything() -> Problem {
    Problem::malformed(
        "The filter restricts nothing, so the order would concern every delivery that this client may operate. Where that \
         is meant, say `\"all\": true`.",
        "Der Filter schränkt nichts ein: Die Anweisung beträfe jede Zustellung, die dieser Client betreiben darf. Ist das \
         gemeint, `\"all\": true` angeben.",
    )
    .with("field", "filter")
}

fn too_many() -> Problem {
    Problem::new(
        Kind::TooManyCommands,
        "As many orders for many deliveries run as may run at one time. Wait until one has ended, or cancel one.",
        "Es laufen schon so viele Anweisungen für viele Zustellungen, wie zugleich laufen dürfen. Warten, bis eine endet, \
         oder eine abbrechen.",
    )
    .retry_after(10)
}
