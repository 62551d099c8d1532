//! `GET /v1/audit/head`: the end of the history, signed.

use crate::Gateway;
use crate::caller::Caller;
use crate::fields::NoQuery;
use crate::problem::Problem;
use crate::shapes::ProblemShape;
use axum::Json;
use axum::extract::State;
use rohrpost_engine::audit::SignedHead;
use rohrpost_model::client::Role;
use rohrpost_model::{Digest, Timestamp};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// The end of the history. Whoever keeps it elsewhere can tell later whether the history was written anew or cut off.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditHead {
    /// The number of the last row; 0 where there is none yet.
    seq: u64,
    /// Its hash, hexadecimal, which covers all rows before it.
    #[schema(value_type = String)]
    hash: Digest,
    /// When it was signed.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// A compact JWS (RFC 7515) over the three, of the `typ` `rohrpost-audit-head+jwt`, with the signer's certificate in
    /// its header (`x5c`).
    head: String,
}

impl From<SignedHead> for AuditHead {
    fn from(signed: SignedHead) -> Self {
        Self { seq: signed.head.seq, hash: signed.head.hash, at: signed.at, head: signed.jws }
    }
}

/// The end of the history of all deliveries, signed with the key of the receipts.
#[utoipa::path(
    get,
    path = "/v1/audit/head",
    tag = "audit",
    responses(
        (status = 200, description = "The head", body = AuditHead),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn head(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    _: NoQuery,
) -> Result<Json<AuditHead>, Problem> {
    caller.must_have(Role::Audit)?;
    Ok(Json(gateway.engine.audit_head().await?.into()))
}
