//! `POST /v1/search`: what people have on paper is looked for in the body, never in a URL.

use crate::Gateway;
use crate::caller::Caller;
use crate::fields::NoQuery;
use crate::json_body::JsonBody;
use crate::problem::Problem;
use crate::shapes::ProblemShape;
use axum::Json;
use axum::extract::State;
use rohrpost_model::client::Role;
use rohrpost_model::foreign::{Hit, Sought};
use rohrpost_model::{CaseId, Kind, ServiceKey, SubmissionId, TenantName, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// How many are found at most.
const MOST: usize = 100;

/// The most characters of what is looked for.
const LONGEST: usize = 500;

/// What is looked for: exactly one of the three.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Search)]
pub(crate) struct Wanted {
    /// What somebody calls the case: a destination in its receipt, an authority in its answer, or the sender.
    foreign_id: Option<String>,
    /// What a destination called it in its receipt.
    receipt: Option<String>,
    /// The name of a file that was handed in.
    file_name: Option<String>,
}

impl Wanted {
    fn sought(self) -> Result<Sought, Problem> {
        let sought = match (self.foreign_id, self.receipt, self.file_name) {
            (Some(value), None, None) => Some(Sought::ForeignId(value, None)),
            (None, Some(value), None) => Some(Sought::Receipt(value)),
            (None, None, Some(value)) => Some(Sought::FileName(value)),
            _ => None,
        };
        let right =
            |sought: &Sought| !sought.value().trim().is_empty() && sought.value().chars().count() <= LONGEST;
        sought.filter(right).ok_or_else(|| {
            Problem::malformed(
                format!(
                    "A search has exactly one of `foreignId`, `receipt` and `fileName`, with 1 to {LONGEST} characters."
                ),
                format!(
                    "Eine Suche hat genau eines von `foreignId`, `receipt` und `fileName`, mit 1 bis {LONGEST} Zeichen."
                ),
            )
        })
    }
}

/// What was found, the newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Found {
    /// Submissions that came with the value, or that were answered with it.
    found: Vec<HitShape>,
    /// Whether there are more than these.
    more: bool,
}

/// A submission that was found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Hit)]
pub(crate) struct HitShape {
    #[schema(value_type = String)]
    tenant: TenantName,
    #[schema(value_type = String)]
    case: CaseId,
    #[schema(value_type = String, format = Uuid)]
    submission: SubmissionId,
    #[schema(value_type = String)]
    kind: Kind,
    #[schema(value_type = String)]
    service: ServiceKey,
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
}

impl From<Hit> for HitShape {
    fn from(hit: Hit) -> Self {
        let Hit { tenant, case, submission, kind, service, received_at } = hit;
        Self { tenant, case, submission, kind, service, received_at }
    }
}

/// Looks for submissions by what somebody calls their case, by a receipt or by a file name: exactly that value, whatever its
/// case and spaces. Needs the role `view`; only what belongs to the client's tenants is found, and only what was learned
/// since the hub keeps such values.
#[utoipa::path(
    post,
    path = "/v1/search",
    tag = "submissions",
    request_body(content = Wanted, description = "what is looked for"),
    responses(
        (status = 200, description = "What was found; nothing is no problem", body = Found),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn search(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    _: NoQuery,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Json<Found>, Problem> {
    caller.must_have(Role::View)?;
    let tenants = caller.client.tenants_as(Role::View);
    let mut hits = gateway.engine.records().search(&tenants, &wanted.sought()?, MOST + 1).await?;
    let more = hits.len() > MOST;
    hits.truncate(MOST);
    Ok(Json(Found { found: hits.into_iter().map(HitShape::from).collect(), more }))
}
