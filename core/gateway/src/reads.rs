//! What is kept, to read. Everything is looked up in the scope of what the client may know of (promise H7): what lies
//! outside answers exactly as what does not exist.

use crate::Gateway;
use crate::caller::{Caller, missing};
use crate::configuration_shapes::Pinned;
use crate::fields::{NoQuery, Params, Segments, wrong_value};
use crate::pages;
use crate::problem::{Kind, Problem};
use crate::shapes::{Case, DeliveryHistory, DeliveryPage, ListedDelivery, ProblemShape, Submission};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use rohrpost_model::client::Role;
use rohrpost_model::ports::{CaseView, DeliveryFilter, SubmissionView};
use rohrpost_model::{CaseId, DeliveryId, State as DeliveryState, SubmissionId, TenantName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The query parameters of a list of deliveries.
const LISTED_BY: [&str; 9] =
    ["state", "destination", "service", "case", "tenant", "reason", "paused", "cursor", "limit"];

/// One submission and how far it is: for its sender, and for who may view its tenant.
#[utoipa::path(
    get,
    path = "/v1/submissions/{id}",
    tag = "submissions",
    params(("id" = String, Path, description = "the submission")),
    responses(
        (status = 200, description = "The submission", body = Submission),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn submission(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(id): Segments<String>,
    _: NoQuery,
) -> Result<Json<Submission>, Problem> {
    let view = find(&gateway, &caller, &id).await?;
    let follows = caller.follows().sees(&view.submission.tenant, &view.submission.client);
    if follows { Ok(Json(Submission::new(view, &gateway.engine))) } else { Err(missing(Role::View)) }
}

/// A submission that the client may know of.
pub(crate) async fn find(gateway: &Gateway, caller: &Caller, id: &str) -> Result<SubmissionView, Problem> {
    let id: SubmissionId = id.parse().map_err(|_| Problem::not_found())?;
    let found = gateway.engine.records().submission(&caller.knows(), id).await?;
    found.ok_or_else(Problem::not_found)
}

/// A case: both directions in order of acceptance, as far as the client may follow them.
#[utoipa::path(
    get,
    path = "/v1/cases/{case}",
    tag = "submissions",
    params(
        ("case" = String, Path, description = "the case"),
        ("tenant" = Option<String>, Query, description = "its tenant; needed only where several have a case of this name"),
    ),
    responses(
        (status = 200, description = "The case", body = Case),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn case(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(case): Segments<String>,
    uri: Uri,
) -> Result<Json<Case>, Problem> {
    let tenant: Option<TenantName> = Params::of(&uri, &["tenant"])?.parsed("tenant")?;
    let case: CaseId = case.parse().map_err(|_| Problem::not_found())?;
    let wanted = |view: &CaseView| tenant.as_ref().is_none_or(|tenant| &view.tenant == tenant);
    let records = gateway.engine.records();
    let mut views = records.case(&caller.follows(), &case).await?;
    views.retain(wanted);
    if views.is_empty() {
        let known = records.case(&caller.knows(), &case).await?.iter().any(wanted);
        return Err(if known { missing(Role::View) } else { Problem::not_found() });
    }
    only(views).map(|view| Json(Case::new(case, view, &gateway.engine)))
}

pub(crate) fn only(mut views: Vec<CaseView>) -> Result<CaseView, Problem> {
    match views.pop() {
        Some(view) if views.is_empty() => Ok(view),
        last => {
            let tenants: Vec<String> =
                views.iter().chain(&last).map(|view| view.tenant.to_string()).collect();
            let listed = tenants.join(", ");
            Err(Problem::new(
                Kind::AmbiguousCase,
                format!("Several tenants have this case; say which one with `?tenant=`: {listed}."),
                format!("Mehrere Mandanten haben diesen Vorgang; mit `?tenant=` angeben, welcher gemeint ist: {listed}."),
            )
            .with("tenants", tenants))
        }
    }
}

/// What waits and why: deliveries of the tenants that the client may view, oldest first.
#[utoipa::path(
    get,
    path = "/v1/deliveries",
    tag = "deliveries",
    params(
        ("state" = Option<String>, Query, description = "one state, or several with commas between"),
        ("destination" = Option<String>, Query, description = "the destination"),
        ("service" = Option<String>, Query, description = "the LeiKa key"),
        ("case" = Option<String>, Query, description = "the case"),
        ("tenant" = Option<String>, Query, description = "the tenant"),
        ("reason" = Option<String>, Query, description = "the code of the reason that it carries, as `reason.code` has it"),
        ("paused" = Option<bool>, Query, description = "whether somebody holds it back by itself"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "how many, 1 to 500; 100 if not given"),
    ),
    responses(
        (status = 200, description = "A page", body = DeliveryPage),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn deliveries(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    uri: Uri,
) -> Result<Json<DeliveryPage>, Problem> {
    let params = Params::of(&uri, &LISTED_BY)?;
    caller.must_have(Role::View)?;
    let (filter, cursor, limit) = (filter(&params)?, pages::cursor(&params)?, pages::limit(&params)?);
    let found =
        gateway.engine.records().deliveries(&caller.holds(Role::View), &filter, cursor, limit + 1).await?;
    let (found, next) = pages::cut(found, limit);
    let deliveries =
        found.into_iter().map(|delivery| ListedDelivery::new(delivery, &gateway.engine)).collect();
    Ok(Json(DeliveryPage { deliveries, next }))
}

fn filter(params: &Params) -> Result<DeliveryFilter, Problem> {
    Ok(DeliveryFilter {
        states: states(params)?,
        destination: params.parsed("destination")?,
        service: params.parsed("service")?,
        case: params.parsed("case")?,
        tenant: params.parsed("tenant")?,
        reason: params.reason_code("reason")?,
        paused: params.choice("paused")?,
    })
}

fn states(params: &Params) -> Result<BTreeSet<DeliveryState>, Problem> {
    let Some(words) = params.text("state") else {
        return Ok(BTreeSet::new());
    };
    let parsed: Result<_, _> = words.split(',').map(str::parse).collect();
    parsed.map_err(|fault: rohrpost_model::delivery::NoSuchState| wrong_value("state", &fault.to_string()))
}

/// A delivery with its attempts and its history.
#[utoipa::path(
    get,
    path = "/v1/deliveries/{id}",
    tag = "deliveries",
    params(("id" = String, Path, description = "the delivery")),
    responses(
        (status = 200, description = "The delivery", body = DeliveryHistory),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn delivery(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(id): Segments<String>,
    _: NoQuery,
) -> Result<Json<DeliveryHistory>, Problem> {
    let id: DeliveryId = id.parse().map_err(|_| Problem::not_found())?;
    let found = gateway.engine.records().delivery(&caller.knows(), id).await?;
    let detail = found.ok_or_else(Problem::not_found)?;
    if !caller.may(Role::View, &detail.delivery.tenant) {
        return Err(missing(Role::View));
    }
    let with_words = caller.may(Role::Audit, &detail.delivery.tenant);
    let pinned = gateway.engine.pinned(&detail.delivery).await?.map(Pinned::from);
    Ok(Json(DeliveryHistory::new(detail, pinned, with_words, &gateway.engine)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        let uri: Uri = format!("/v1/deliveries?{query}").parse().unwrap();
        Params::of(&uri, &["state", "cursor", "limit"]).unwrap()
    }

    #[test]
    fn states_come_with_commas_and_unknown_ones_are_named() {
        let both = states(&params("state=parked,unknown")).unwrap();
        assert_eq!(both, BTreeSet::from([DeliveryState::Parked, DeliveryState::Unknown]));
        assert!(states(&params("state=stuck")).unwrap_err().detail().contains("parked"));
    }
}
