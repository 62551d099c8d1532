//! What the operations listener offers, without log-in: whether the hub lives, is ready, and what it counts.

use crate::Gateway;
use crate::measures;
use crate::problem::{Kind, Problem};
use crate::shapes::ProblemShape;
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// How the hub is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Status {
    /// `alive` or `ready`.
    status: &'static str,
}

/// Whether the process lives.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operations",
    responses((status = 200, description = "It does", body = Status)),
)]
pub(crate) async fn healthz() -> Json<Status> {
    Json(Status { status: "alive" })
}

/// Whether the hub takes and delivers: after it has recovered, until it stops.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    responses(
        (status = 200, description = "It does", body = Status),
        (status = 503, description = "Not now", body = ProblemShape, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn readyz(State(gateway): State<Arc<Gateway>>) -> Result<Json<Status>, Problem> {
    if gateway.health.is_ready() {
        return Ok(Json(Status { status: "ready" }));
    }
    let english = "The hub is starting or stopping, or its store has stopped writing.";
    let german = "Rohrpost startet gerade, wird beendet, oder sein Speicher schreibt nicht mehr.";
    Err(Problem::new(Kind::NotReady, english, german).retry_after(5))
}

/// What is counted, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses((status = 200, description = "Prometheus text format 0.0.4", body = String, content_type = "text/plain")),
)]
pub(crate) async fn metrics(State(gateway): State<Arc<Gateway>>) -> Response {
    gateway.metrics.run_upkeep();
    let mut text = gateway.metrics.render();
    match gateway.engine.records().counts().await {
        Ok(counts) => text.push_str(&measures::deliveries(&counts)),
        // The other figures are worth the more when the store is in trouble.
        Err(fault) => tracing::error!(%fault, "deliveries cannot be counted"),
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
