//! What persons asked for whole destinations: who, when and why.

use crate::Gateway;
use crate::caller::{Caller, missing};
use crate::destinations::known;
use crate::fields::{Params, Segments};
use crate::pages;
use crate::problem::Problem;
use crate::shapes::ProblemShape;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use rohrpost_model::client::Role;
use rohrpost_model::ports::{DestinationOrder, OrderedDestination};
use rohrpost_model::{DestinationName, TenantName, Timestamp};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::ToSchema;

/// A page of what persons asked for a destination.
#[derive(Serialize, ToSchema)]
pub(crate) struct DestinationOrders {
    /// The newest first; what changed nothing is not among them.
    orders: Vec<OrderShape>,
    /// The `cursor` of the next page; null on the last one.
    next: Option<String>,
}

/// What a person asked for a destination.
#[derive(Serialize, ToSchema)]
#[schema(as = DestinationOrder)]
pub(crate) struct OrderShape {
    /// `pause`, `drain`, `resume`.
    #[schema(value_type = String)]
    order: DestinationOrder,
    /// The client's name.
    who: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The person's words; only for those who have the role `audit` for every tenant of the destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// What persons asked for a destination, the newest first: the first is the order that it is under now.
#[utoipa::path(
    get,
    path = "/v1/destinations/{name}/orders",
    tag = "destinations",
    params(
        ("name" = String, Path, description = "the destination"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "how many, 1 to 500; 100 if not given"),
    ),
    responses(
        (status = 200, description = "A page", body = DestinationOrders),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn orders(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(name): Segments<String>,
    uri: Uri,
) -> Result<Json<DestinationOrders>, Problem> {
    let params = Params::of(&uri, &["cursor", "limit"])?;
    let (name, tenants) = known(&gateway, &caller, &name)?;
    if tenants.is_disjoint(&caller.client.tenants_as(Role::View)) {
        return Err(missing(Role::View));
    }
    let (cursor, limit) = (pages::cursor(&params)?, pages::limit(&params)?);
    let found = gateway.engine.orders_for(&name, cursor, limit + 1).await?;
    let (found, next) = pages::cut(found, limit);
    let with_words = reads_words(&caller, &tenants);
    let shape = |OrderedDestination { order, who, why, at }| {
        let why = why.filter(|_| with_words);
        OrderShape { order, who, at, why }
    };
    Ok(Json(DestinationOrders { orders: found.into_iter().map(shape).collect(), next }))
}

/// The words of persons are content, so they are shown only to those who may read the histories of all that they concern.
fn reads_words(caller: &Caller, tenants: &BTreeSet<TenantName>) -> bool {
    tenants.is_subset(&caller.client.tenants_as(Role::Audit))
}

/// Why a destination is held back now, for those who may read it.
pub(crate) async fn why_now(
    gateway: &Gateway,
    caller: &Caller,
    name: &DestinationName,
    tenants: &BTreeSet<TenantName>,
) -> Result<Option<String>, Problem> {
    if !reads_words(caller, tenants) {
        return Ok(None);
    }
    let newest = gateway.engine.orders_for(name, None, 1).await?.pop();
    Ok(newest.and_then(|(_, order)| order.why))
}
