//! `POST /v1/submissions`: a submission comes in.

use crate::Gateway;
use crate::caller::Caller;
use crate::fields::{self, Params};
use crate::measures;
use crate::metadata;
use crate::parts;
use crate::problem::{Kind, Problem};
use crate::shapes::{Accepted, ProblemShape};
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use rohrpost_engine::Engine;
use rohrpost_engine::accept::{Accepted as Kept, Intake, Intent};
use rohrpost_model::Timestamp;
use rohrpost_model::client::Role;
use rohrpost_model::limits::Limits;
use rohrpost_model::submission::Role as PartRole;
use std::sync::Arc;

/// Hands in a submission. When this is answered 202, it is on disk; a repetition under the same `Idempotency-Key` is
/// answered the same.
#[utoipa::path(
    post,
    path = "/v1/submissions",
    tag = "submissions",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters; one submission per client and key"),
        ("traceparent" = Option<String>, Header, description = "W3C Trace Context"),
        crate::metadata::BareBody,
    ),
    request_body(
        description = "multipart/form-data with the parts `metadata` (JSON, first), `data` (exactly one) and any number of `attachment`; or the data alone, described by the query",
        content((crate::shapes::Multipart = "multipart/form-data"), (String = "application/xml"), (serde_json::Value = "application/json")),
    ),
    responses(
        (status = 202, description = "Kept. `Location` names the submission.", body = Accepted),
        (status = "default", description = "Nothing was kept", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn submit(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let begun = gateway.engine.clock().now();
    let taken = take(&gateway, &caller, request).await;
    told(&caller, &taken, begun, &gateway);
    answer(taken?)
}

/// Logs and counts what became of it.
pub(crate) fn told(caller: &Caller, taken: &Result<Kept, Problem>, begun: Timestamp, gateway: &Gateway) {
    match taken {
        Ok(kept) => {
            tracing::info!(client = %caller.name(), submission = %kept.answer.id, repeated = kept.repeated, "accepted");
            measures::accepted(kept.repeated, gateway.engine.clock().now().duration_since(begun));
        }
        Err(problem) => {
            measures::refused(problem.kind());
            tracing::info!(client = %caller.name(), why = problem.kind().slug(), "refused");
        }
    }
}

async fn take(gateway: &Gateway, caller: &Caller, request: Request) -> Result<Kept, Problem> {
    caller.must_have(Role::Submit)?;
    let _intake = gateway.intakes.try_acquire().map_err(|_| busy())?;
    let limits = gateway.engine.catalog().limits;
    let admit = |intent| Ok(gateway.engine.admit(&caller.client, intent)?);
    let received = tokio::time::timeout(limits.receive, receive(request, &limits, &[], admit));
    let intake = received.await.map_err(|_| too_slow(&limits))??;
    accept(Arc::clone(&gateway.engine), intake).await
}

/// Keeps what was taken in. In a task of its own: a sender that hangs up now must not leave a submission that is kept
/// but that nobody was woken for.
pub(crate) async fn accept(engine: Arc<Engine>, intake: Intake) -> Result<Kept, Problem> {
    let kept = tokio::spawn(async move { engine.accept(intake).await }).await;
    kept.map_err(|panic| defect(&panic))?.map_err(Problem::from)
}

/// Takes in a submission that `admit` lets in. The query may have `further` parameters.
pub(crate) async fn receive(
    request: Request,
    limits: &Limits,
    further: &[&str],
    admit: impl FnOnce(Intent) -> Result<Intake, Problem>,
) -> Result<Intake, Problem> {
    let (head, body) = request.into_parts();
    let media_type = fields::MediaType::of(&head.headers).map(|media_type| media_type.essence);
    if media_type.as_deref() == Some("multipart/form-data") {
        Params::of(&head.uri, further)?;
        refuse_early(&head, limits.data_bytes + u64::from(limits.attachments) * most_per_part(limits))?;
        return parts::take_in(&head.headers, body, admit).await;
    }
    refuse_early(&head, limits.data_bytes)?;
    take_bare(&head, body, || admit(metadata::from_query(&head.uri, &head.headers, further)?)).await
}

fn most_per_part(limits: &Limits) -> u64 {
    limits.attachment_bytes.saturating_add(parts::ENVELOPE)
}

/// Whoever announces more than could ever be taken need not send it.
fn refuse_early(head: &Parts, most: u64) -> Result<(), Problem> {
    let most = most.saturating_add(parts::ENVELOPE).saturating_add(metadata::LONGEST as u64);
    match fields::content_length(&head.headers) {
        Some(announced) if announced > most => Err(Problem::new(
            Kind::TooLarge,
            format!("A submission may have at most {most} bytes altogether; {announced} are announced."),
            format!(
                "Eine Einreichung darf insgesamt höchstens {most} Bytes haben; angekündigt sind {announced}."
            ),
        )
        .with("limit", most)),
        _ => Ok(()),
    }
}

async fn take_bare(
    head: &Parts,
    body: Body,
    intake: impl FnOnce() -> Result<Intake, Problem>,
) -> Result<Intake, Problem> {
    let media_type = parts::data_type(&head.headers)?;
    let mut intake = intake()?;
    let mut incoming = intake.begin(PartRole::Data, None, media_type)?;
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        incoming.write(piece.map_err(|_| broke_off())?).await?;
    }
    intake.end(incoming).await?;
    Ok(intake)
}

pub(crate) fn answer(kept: Kept) -> Result<Response, Problem> {
    let location = format!("/v1/submissions/{}", kept.answer.id);
    let location = HeaderValue::try_from(location).map_err(|_| Problem::not_found())?;
    let mut response = (StatusCode::ACCEPTED, Json(Accepted::from(kept.answer))).into_response();
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

fn defect(panic: &tokio::task::JoinError) -> Problem {
    tracing::error!(%panic, "accepting a submission panicked");
    Problem::new(
        Kind::Internal,
        "The hub has a defect; its log tells more.",
        "Rohrpost hat einen Fehler; das Protokoll sagt mehr.",
    )
}

/// Too many hand in at one time.
pub(crate) fn busy() -> Problem {
    Problem::new(
        Kind::Busy,
        "Too many submissions are being handed in at this moment. Try again in a second.",
        "Es werden gerade zu viele Einreichungen zugleich übertragen. Gleich noch einmal versuchen.",
    )
    .retry_after(1)
}

/// What came did not come in time.
pub(crate) fn too_slow(limits: &Limits) -> Problem {
    let seconds = limits.receive.as_secs();
    Problem::new(
        Kind::ReceiveTimeout,
        format!("A submission must be handed in within {seconds} seconds."),
        format!("Eine Einreichung muss binnen {seconds} Sekunden übertragen sein."),
    )
    .header(header::CONNECTION, HeaderValue::from_static("close"))
}

fn broke_off() -> Problem {
    Problem::malformed("The connection broke off.", "Die Verbindung brach ab.")
}
