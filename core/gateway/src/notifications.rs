//! What foreign systems tell of their own accord: a payment provider says that a payment has ended. It is not believed: its
//! target is asked at once.

use crate::Gateway;
use crate::fields::Segments;
use crate::problem::{Kind, Problem};
use crate::shapes::ProblemShape;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use rohrpost_engine::notified::Told;
use rohrpost_model::DestinationName;
use rohrpost_model::ports::Notification;
use std::sync::Arc;

/// The longest body of a notification, in bytes.
const LONGEST: usize = 16 << 10;

/// A foreign system, or a browser that comes back from it, tells something of a delivery. No log-in: the destination's adapter
/// knows by the signature in it whether it is genuine. Nothing that it says is believed; it only makes the hub ask the foreign
/// system at once.
#[utoipa::path(
    get,
    path = "/v1/notifications/{destination}",
    tag = "notifications",
    params(("destination" = String, Path, description = "the destination that the delivery went to")),
    responses(
        (status = 200, description = "Genuine. Nothing is said of the delivery."),
        (status = 303, description = "Genuine, and a browser goes on at `Location`."),
        (status = "default", description = "Not genuine, or not now", body = ProblemShape, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn notify(
    State(gateway): State<Arc<Gateway>>,
    Segments(destination): Segments<String>,
    request: Request,
) -> Result<Response, Problem> {
    let destination: DestinationName = destination.parse().map_err(|_| Problem::not_found())?;
    let (head, body) = request.into_parts();
    let body = read(body).await?;
    let query = head.uri.query().unwrap_or_default();
    let told = gateway.engine.notified(&destination, Notification { query, body: &body }).await?;
    match told {
        Told::Taken(then) => Ok(answer(then)),
        // It is counted as a request with its status, and not logged: anybody could fill the log with it.
        Told::Forged => Err(forged()),
        Told::NotTaken => Err(Problem::not_found()),
    }
}

/// The same with what is said in a form.
#[utoipa::path(
    post,
    path = "/v1/notifications/{destination}",
    tag = "notifications",
    params(("destination" = String, Path, description = "the destination that the delivery went to")),
    responses(
        (status = 200, description = "Genuine. Nothing is said of the delivery."),
        (status = "default", description = "Not genuine, or not now", body = ProblemShape, content_type = "application/problem+json"),
    ),
)]
#[expect(dead_code, reason = "it describes the other method of `notify`")]
pub(crate) const fn notify_by_post() {}

async fn read(body: Body) -> Result<axum::body::Bytes, Problem> {
    to_bytes(body, LONGEST).await.map_err(|_| {
        Problem::new(
            Kind::TooLarge,
            "A notification has at most 16 KiB.",
            "Eine Benachrichtigung hat höchstens 16 KiB.",
        )
    })
}

fn forged() -> Problem {
    Problem::new(
        Kind::MalformedRequest,
        "The notification is not signed as the destination's configuration asks.",
        "Die Benachrichtigung ist nicht so signiert, wie es die Einrichtung des Ziels verlangt.",
    )
}

fn answer(then: Option<String>) -> Response {
    match then.and_then(|then| HeaderValue::try_from(then).ok()) {
        Some(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        None => StatusCode::OK.into_response(),
    }
}
