//! Every route there is, in two lists.

use crate::measures::count_requests;
use crate::problem::{Kind, Problem};
use crate::{
    Gateway, activate, audit, commands, configurations, content, destination_orders, destinations, lent,
    mailboxes, notifications, openapi, operations, orders, probe, reads, replies, source_shapes, submit,
    trace,
};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post};
use std::sync::Arc;

/// Method, path, and what is done.
type Route = (&'static str, &'static str, MethodRouter<Arc<Gateway>>);

/// Where foreign systems tell what nobody asked them. Each target knows by itself who may.
const NOTIFICATIONS: &str = "/v1/notifications/{destination}";

/// The routes of the API. All but the last three need a log-in.
pub(crate) fn api_routes() -> Vec<Route> {
    vec![
        ("post", "/v1/submissions", post(submit::submit)),
        ("get", "/v1/submissions/{id}", get(reads::submission)),
        ("get", "/v1/submissions/{id}/data", get(content::data)),
        ("get", "/v1/submissions/{id}/attachments/{n}", get(content::attachment)),
        ("get", "/v1/cases/{case}", get(reads::case)),
        ("get", "/v1/cases/{case}/replies", get(replies::replies)),
        ("post", "/v1/cases/{case}/replies", post(replies::answer)),
        ("get", "/v1/mailboxes/{name}/messages", get(mailboxes::messages)),
        ("get", "/v1/mailboxes/{name}/messages/{id}", get(mailboxes::message)),
        ("delete", "/v1/mailboxes/{name}/messages/{id}", delete(mailboxes::close)),
        ("get", "/v1/mailboxes/{name}/messages/{id}/parts/{part}", get(mailboxes::part)),
        ("get", "/v1/deliveries", get(reads::deliveries)),
        ("get", "/v1/deliveries/{id}", get(reads::delivery)),
        ("post", "/v1/deliveries/{id}/retry", post(commands::retry)),
        ("post", "/v1/deliveries/{id}/discard", post(commands::discard)),
        ("post", "/v1/deliveries/{id}/pause", post(commands::pause)),
        ("post", "/v1/deliveries/{id}/resume", post(commands::resume)),
        ("get", "/v1/destinations", get(destinations::destinations)),
        ("get", "/v1/destinations/{name}", get(destinations::destination)),
        ("get", "/v1/destinations/{name}/orders", get(destination_orders::orders)),
        ("post", "/v1/destinations/{name}/pause", post(destinations::pause)),
        ("post", "/v1/destinations/{name}/drain", post(destinations::drain)),
        ("post", "/v1/destinations/{name}/resume", post(destinations::resume)),
        ("get", "/v1/sources", get(source_shapes::sources)),
        ("get", "/v1/commands", get(orders::commands)),
        ("post", "/v1/commands", post(orders::order_many)),
        ("get", "/v1/commands/{id}", get(orders::command)),
        ("post", "/v1/commands/{id}/cancel", post(orders::cancel)),
        ("post", "/v1/destinations/{name}/probe", post(probe::probe)),
        ("post", "/v1/trace", post(trace::trace)),
        ("post", "/v1/config/activate", post(activate::activate)),
        ("post", "/v1/config/rollback", post(configurations::roll_back)),
        ("get", "/v1/config/versions", get(configurations::versions)),
        ("get", "/v1/config/versions/{id}", get(configurations::version)),
        ("get", "/v1/config/diff", get(configurations::diff)),
        ("get", "/v1/audit/head", get(audit::head)),
        ("get", NOTIFICATIONS, get(notifications::notify)),
        ("post", NOTIFICATIONS, post(notifications::notify)),
        ("get", "/openapi.json", get(openapi::serve)),
    ]
}

/// The routes of the operations listener, without log-in.
pub(crate) fn operations_routes() -> Vec<Route> {
    vec![
        ("get", "/healthz", get(operations::healthz)),
        ("get", "/readyz", get(operations::readyz)),
        ("get", "/metrics", get(operations::metrics)),
        ("get", "/openapi.json", get(openapi::serve)),
    ]
}

/// The API as a service.
pub fn api(gateway: Arc<Gateway>) -> Router {
    router(api_routes(), gateway)
}

/// The operations listener as a service.
pub fn operations(gateway: Arc<Gateway>) -> Router {
    router(operations_routes(), gateway)
}

fn router(routes: Vec<Route>, gateway: Arc<Gateway>) -> Router {
    routes
        .into_iter()
        .fold(Router::new(), |router, (_, path, route)| router.route(path, route))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(async || Problem::not_found())
        .layer(from_fn(lent::read_away_what_is_refused))
        .layer(from_fn(careful_headers))
        .layer(from_fn(count_requests))
        // Every handler that reads a body sets its own bound.
        .layer(DefaultBodyLimit::disable())
        .with_state(gateway)
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        Kind::MethodNotAllowed,
        "The header `Allow` names the methods that are offered here.",
        "Der Header `Allow` nennt die hier möglichen Methoden.",
    )
}

/// Answers are about persons' matters: no cache keeps them, and no browser guesses what they are.
pub(crate) async fn careful_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
