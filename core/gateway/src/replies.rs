//! Answers in a case: an authority gives them, and a portal without a callback pulls them.

use crate::Gateway;
use crate::caller::{Caller, missing};
use crate::fields::{self, Params, Segments};
use crate::pages;
use crate::parts;
use crate::problem::{Kind, Problem};
use crate::reads::only;
use crate::reply_shapes::{ReplyList, ReplyParts, ReplyShape};
use crate::shapes::{Accepted, ProblemShape};
use crate::submit;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use bytes::Bytes;
use futures::TryStreamExt as _;
use rohrpost_engine::accept::{Accepted as Kept, Intake, Refusal};
use rohrpost_engine::answers::{self, BadReply};
use rohrpost_model::client::Role;
use rohrpost_model::ports::{CaseNamed, CaseView, SubmissionView};
use rohrpost_model::reply::Reply;
use rohrpost_model::submission::Role as PartRole;
use rohrpost_model::{CaseId, TenantName};
use std::sync::Arc;

/// The longest data of an answer that are shown in a list.
const SHOWN: u64 = 1 << 20;

/// An authority answers in a case. The answer is a submission of the case, stored before this is answered 202; where it
/// goes, the routes for its kind say. Service, area and reply channel are those of the case. Needs the role `submit` for
/// the case's tenant and service.
#[utoipa::path(
    post,
    path = "/v1/cases/{case}/replies",
    tag = "replies",
    params(
        ("case" = String, Path, description = "the case"),
        ("tenant" = Option<String>, Query, description = "its tenant; needed only where several have a case of this name"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters; one submission per client and key"),
    ),
    request_body(
        description = "the answer as JSON, or multipart/form-data with the part `reply` (JSON, first) and any number of `attachment`",
        content((crate::reply_shapes::ReplyWritten = "application/json"), (ReplyParts = "multipart/form-data")),
    ),
    responses(
        (status = 202, description = "Kept. `Location` names the submission.", body = Accepted),
        (status = "default", description = "Nothing was kept", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn answer(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(case): Segments<String>,
    request: Request,
) -> Result<Response, Problem> {
    let place = find(&gateway, &caller, Role::Submit, (&case, request.uri())).await;
    taken(&gateway, &caller, place.map(Place::Case), request).await
}

/// An authority answers in a case of which it knows its own number only: the answer's `reference` is what a destination, an
/// earlier answer or a sender called the case. Otherwise as `POST /v1/cases/{case}/replies`. Needs the role `submit`; only
/// cases of tenants and services for which the client has it are looked at, and exactly one has to be called so.
#[utoipa::path(
    post,
    path = "/v1/replies",
    tag = "replies",
    params(
        ("system" = Option<String>, Query, description = "the destination or client that gave the number, where several give some"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters; one submission per client and key"),
    ),
    request_body(
        description = "the answer as JSON, or multipart/form-data with the part `reply` (JSON, first) and any number of `attachment`",
        content((crate::reply_shapes::ReplyWritten = "application/json"), (ReplyParts = "multipart/form-data")),
    ),
    responses(
        (status = 202, description = "Kept. `Location` names the submission.", body = Accepted),
        (status = "default", description = "Nothing was kept", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn answer_by_reference(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    caller.must_have(Role::Submit)?;
    let system = Params::of(request.uri(), &["system"])?.text("system").map(str::to_owned);
    let place = Place::Reference(CaseNamed::Foreign { id: None, system });
    taken(&gateway, &caller, Ok(place), request).await
}

/// Where an answer belongs.
enum Place {
    /// In this case.
    Case(CaseView),
    /// Where its reference says.
    Reference(CaseNamed),
}

async fn taken(
    gateway: &Gateway,
    caller: &Caller,
    place: Result<Place, Problem>,
    request: Request,
) -> Result<Response, Problem> {
    let begun = gateway.engine.clock().now();
    let kept = match place {
        Ok(place) => take(gateway, caller, &place, request).await,
        Err(problem) => Err(problem),
    };
    submit::told(caller, &kept, begun, gateway);
    submit::answer(kept?)
}

async fn take(gateway: &Gateway, caller: &Caller, place: &Place, request: Request) -> Result<Kept, Problem> {
    let _intake = gateway.intakes.try_acquire().map_err(|_| submit::busy())?;
    let limits = gateway.engine.catalog().limits;
    let received = tokio::time::timeout(limits.receive, receive(gateway, caller, place, request));
    let intake = received.await.map_err(|_| submit::too_slow(&limits))??;
    submit::accept(Arc::clone(&gateway.engine), intake).await
}

async fn receive(
    gateway: &Gateway,
    caller: &Caller,
    place: &Place,
    request: Request,
) -> Result<Intake, Problem> {
    let (head, body) = request.into_parts();
    let headers = &head.headers;
    let admit = async |json: Bytes| admitted(gateway, caller, place, headers, json).await;
    match fields::MediaType::of(headers).map(|media_type| media_type.essence).as_deref() {
        Some("multipart/form-data") => parts::take_reply(headers, body, admit).await,
        Some("application/json") => admit(parts::small_json(body).await?).await,
        _ => Err(Problem::new(
            Kind::MediaType,
            "An answer is application/json, or multipart/form-data with the part `reply`.",
            "Eine Antwort ist application/json oder multipart/form-data mit dem Teil `reply`.",
        )),
    }
}

/// A case where the client has `role`.
async fn find(
    gateway: &Gateway,
    caller: &Caller,
    role: Role,
    (case, uri): (&str, &Uri),
) -> Result<CaseView, Problem> {
    let known: &[&str] = if role == Role::Fetch { &["tenant", "after", "limit"] } else { &["tenant"] };
    let tenant: Option<TenantName> = Params::of(uri, known)?.parsed("tenant")?;
    let case: CaseId = case.parse().map_err(|_| Problem::not_found())?;
    let mut views = gateway.engine.records().case(&caller.holds(role), &case).await?;
    views.retain(|view| tenant.as_ref().is_none_or(|tenant| view.tenant == *tenant));
    if views.is_empty() {
        let known = gateway.engine.records().case(&caller.knows(), &case).await?;
        return Err(if known.is_empty() { Problem::not_found() } else { missing(role) });
    }
    only(views)
}

/// An intake of the case that has the answer as its data.
async fn admitted(
    gateway: &Gateway,
    caller: &Caller,
    place: &Place,
    headers: &HeaderMap,
    json: Bytes,
) -> Result<Intake, Problem> {
    let reply = answers::reply(&json, None).map_err(Refusal::BadReply)?;
    let case = match place {
        Place::Case(case) => case,
        Place::Reference(of) => {
            &gateway.engine.answered_case(&caller.client, of, reply.reference.as_deref()).await?
        }
    };
    let mut intent = answers::intent_in(case, &reply.kind).ok_or_else(Problem::not_found)?;
    intent.traceparent = fields::traceparent(headers);
    intent.idempotency_key = fields::idempotency_key(headers)?;
    let mut intake = gateway.engine.admit(&caller.client, intent)?;
    let mut data = intake.begin(PartRole::Data, None, "application/json".into())?;
    // What is kept is what was checked, in the order of its members.
    let json = serde_json::to_vec(&reply).map_err(|fault| Refusal::BadReply(BadReply::Json(fault)))?;
    data.write(json.into()).await?;
    intake.end(data).await?;
    Ok(intake)
}

/// The answers in a case, in order of acceptance: for a portal that pulls. Needs the role `fetch` for the case's tenant, and
/// a submission of one's own in the case or the role `view`.
#[utoipa::path(
    get,
    path = "/v1/cases/{case}/replies",
    tag = "replies",
    params(
        ("case" = String, Path, description = "the case"),
        ("after" = Option<u64>, Query, description = "`sequence` of the last answer that is known"),
        ("limit" = Option<u32>, Query, description = "how many, 1 to 500; 100 if not given"),
        ("tenant" = Option<String>, Query, description = "its tenant; needed only where several have a case of this name"),
    ),
    responses(
        (status = 200, description = "The answers", body = ReplyList),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn replies(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(case): Segments<String>,
    uri: Uri,
) -> Result<Json<ReplyList>, Problem> {
    let params = Params::of(&uri, &["tenant", "after", "limit"])?;
    let (after, limit) = (sequence(&params)?, pages::limit(&params)?);
    let place = find(&gateway, &caller, Role::Fetch, (&case, &uri)).await?;
    let own = place.submissions.iter().any(|view| view.submission.client == *caller.name());
    if !own && !caller.may(Role::View, &place.tenant) {
        return Err(Problem::not_found());
    }
    let answers = place
        .submissions
        .into_iter()
        .filter(|view| view.submission.kind.is_answer() && view.submission.sequence > after);
    let mut replies = Vec::new();
    for view in answers.take(limit) {
        let reply = said(&gateway, &view).await?;
        replies.push(ReplyShape::new(view, reply));
    }
    Ok(Json(ReplyList { replies }))
}

/// The last answer that is known; 0 for none.
fn sequence(params: &Params) -> Result<u64, Problem> {
    let wrong = |_| fields::wrong_value("after", "it is the `sequence` of an answer, a whole number");
    params.text("after").map_or(Ok(0), |text| text.parse().map_err(wrong))
}

/// What an answer says, where its data say it in the hub's own words. Those of a Fachverfahren may be anything.
async fn said(gateway: &Gateway, view: &SubmissionView) -> Result<Option<Reply>, Problem> {
    let data = view.submission.data();
    let shown = data.is_some_and(|data| data.media_type == "application/json" && data.size <= SHOWN);
    if !shown || view.erased_at.is_some() {
        return Ok(None);
    }
    let Some((_, content)) = gateway.engine.content(view, 0).await? else { return Ok(None) };
    let read = content.try_fold(Vec::new(), async |mut whole, piece| {
        whole.extend_from_slice(&piece);
        Ok(whole)
    });
    Ok(serde_json::from_slice(&read.await?).ok())
}
