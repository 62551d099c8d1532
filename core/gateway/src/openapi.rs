//! The API's description, made from the types that it speaks.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::sync::LazyLock;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// Collects the routes; that none is missing is tested.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rohrpost",
        version = "1",
        description = "Takes submissions from service portals and delivers them, provably, to every office that needs them. \
            Errors are problem details (RFC 9457) with a stable `type`; what may not be known to exist is 404.",
        license(name = "EUPL-1.2", identifier = "EUPL-1.2"),
    ),
    paths(
        crate::submit::submit,
        crate::reads::submission,
        crate::content::data,
        crate::content::attachment,
        crate::mailboxes::messages,
        crate::mailboxes::message,
        crate::mailboxes::part,
        crate::mailboxes::close,
        crate::reads::case,
        crate::replies::replies,
        crate::replies::answer,
        crate::reads::deliveries,
        crate::reads::delivery,
        crate::commands::retry,
        crate::commands::discard,
        crate::commands::pause,
        crate::commands::resume,
        crate::destinations::destinations,
        crate::destinations::destination,
        crate::destination_orders::orders,
        crate::destinations::pause,
        crate::destinations::drain,
        crate::destinations::resume,
        crate::probe::probe,
        crate::source_shapes::sources,
        crate::orders::commands,
        crate::orders::order_many,
        crate::orders::command,
        crate::orders::cancel,
        crate::trace::trace,
        crate::activate::activate,
        crate::configurations::roll_back,
        crate::configurations::versions,
        crate::configurations::version,
        crate::configurations::diff,
        crate::audit::head,
        crate::notifications::notify,
        crate::notifications::notify_by_post,
        crate::operations::healthz,
        crate::operations::readyz,
        crate::operations::metrics,
        serve,
    ),
    tags(
        (name = "mailboxes", description = "What waits to be fetched"),
        (name = "submissions", description = "Hand in, follow, fetch"),
        (name = "replies", description = "Answers in a case, both ways"),
        (name = "deliveries", description = "What waits and why, and what to do about it"),
        (name = "destinations", description = "How they stand and whether deliveries would get through; pause, drain, resume"),
        (name = "sources", description = "Places that the hub fetches from"),
        (name = "commands", description = "Orders for many deliveries: preview, pace, progress"),
        (name = "configuration", description = "Take a changed configuration; see those from before, compare, and go back"),
        (name = "notifications", description = "What foreign systems tell of their own accord; without log-in, each signed in its own way"),
        (name = "audit", description = "Prove that the history is the one that was written"),
        (name = "operations", description = "On the operations listener, without log-in"),
    ),
    modifiers(&LogIn),
)]
struct Api;

/// Bearer tokens (RFC 6750).
struct LogIn;

impl Modify for LogIn {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// The document as it is served and as `docs/openapi.json` has it: pretty, with a line end.
pub fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
        let mut text = Api::openapi().to_pretty_json().unwrap_or_default();
        text.push('\n');
        text
    });
    &DOCUMENT
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operations",
    responses((status = 200, description = "OpenAPI", body = serde_json::Value)),
)]
pub(crate) async fn serve() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document()).into_response()
}
