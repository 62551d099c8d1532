//! Configurations that were active: which, when, by whom and why; how two differ; and back to one from before.
//!
//! A configuration concerns every tenant of the hub. So what it says in full, and the way back to it, are for who has
//! `configure` for all of them; to who has to do with only some of them, it does not exist.

use crate::Gateway;
use crate::activate::{ActivationReport, By, RollbackFault, Side, refused};
use crate::caller::Caller;
use crate::configuration_shapes::{
    Activated, ConfigurationFile, ConfigurationPage, ConfigurationVersion, Difference, Rollback,
};
use crate::fields::{NoQuery, Params, Segments, wrong_value};
use crate::json_body::{self, JsonBody};
use crate::pages::{cursor, cut, limit};
use crate::problem::Problem;
use crate::shapes::ProblemShape;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use rohrpost_model::client::Role;
use rohrpost_model::ports::{ActivationCause, ActivationWords};
use rohrpost_model::{Digest, TenantName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The fewest digits that name a version.
const FEWEST_DIGITS: usize = 8;

/// Which configurations were active, the newest first. Why is shown to who has `audit` for every tenant.
#[utoipa::path(
    get,
    path = "/v1/config/versions",
    tag = "configuration",
    params(
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "how many, 1 to 500; 100 if not given"),
    ),
    responses(
        (status = 200, description = "A page", body = ConfigurationPage),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn versions(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    uri: Uri,
) -> Result<Json<ConfigurationPage>, Problem> {
    let params = Params::of(&uri, &["cursor", "limit"])?;
    reads(&caller)?;
    let (cursor, limit) = (cursor(&params)?, limit(&params)?);
    let found = gateway.engine.activations(cursor, limit + 1).await?;
    let (page, next) = cut(found, limit);
    let with_words = audits(&gateway, &caller);
    let activations = page.into_iter().map(|activation| Activated::new(activation, with_words)).collect();
    let active = gateway.activation.active().await.to_string();
    Ok(Json(ConfigurationPage { active, activations, next }))
}

/// One of them: its files as they were written, and when it was active. Secrets are not shown. Needs `configure` for
/// every tenant of the hub.
#[utoipa::path(
    get,
    path = "/v1/config/versions/{id}",
    tag = "configuration",
    params(("id" = String, Path, description = "the version, or its first digits, 8 at least")),
    responses(
        (status = 200, description = "The version", body = ConfigurationVersion),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn version(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    Segments(id): Segments<String>,
    _: NoQuery,
) -> Result<Json<ConfigurationVersion>, Problem> {
    configures_all(&gateway, &caller)?;
    let version = find(&gateway, &id).await?;
    let kept = gateway.engine.kept_configuration(&version).await?.ok_or_else(Problem::not_found)?;
    let with_words = audits(&gateway, &caller);
    let activations = gateway.engine.activations_of(&version).await?.into_iter();
    let files = kept.files.into_iter().map(|(path, text)| {
        let shown = gateway.activation.shown(&path, &text);
        ConfigurationFile::new(path, &text, shown)
    });
    let mappings = kept.mappings.iter().map(|bundle| (bundle.name.to_string(), bundle.digest().to_string()));
    Ok(Json(ConfigurationVersion {
        version: version.to_string(),
        activations: activations.map(|activation| Activated::new(activation, with_words)).collect(),
        files: files.collect(),
        mappings: mappings.collect(),
    }))
}

/// How two configurations differ, file by file. Of secrets, keys and certificates it is told only which changed, and only
/// between the active configuration and the folder. Needs `configure` for every tenant of the hub.
#[utoipa::path(
    get,
    path = "/v1/config/diff",
    tag = "configuration",
    params(
        ("from" = Option<String>, Query, description = "a version, its first digits, `active` (the default) or `folder`"),
        ("to" = Option<String>, Query, description = "the same; `folder` if not given: what lies in the hub's folder now"),
    ),
    responses(
        (status = 200, description = "The difference", body = Difference),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn diff(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    uri: Uri,
) -> Result<Json<Difference>, Problem> {
    let params = Params::of(&uri, &["from", "to"])?;
    configures_all(&gateway, &caller)?;
    let from = side(&gateway, params.text("from").unwrap_or("active")).await?;
    let to = side(&gateway, params.text("to").unwrap_or("folder")).await?;
    Ok(Json(gateway.activation.difference(from, to).await?.ok_or_else(Problem::not_found)?))
}

/// Takes a version from before again: checked whole with the secrets, keys and certificates of now, put back into the
/// hub's folder, and active; or refused with all its faults while the present one goes on. Needs `configure` for every
/// tenant of the hub.
#[utoipa::path(
    post,
    path = "/v1/config/rollback",
    tag = "configuration",
    request_body = Rollback,
    responses(
        (status = 200, description = "Active", body = ActivationReport),
        (status = 422, description = "Refused; `faults` holds `file`, `line`, `column`, `message` and `hint` of each", body = ProblemShape, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn roll_back(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    _: NoQuery,
    JsonBody(asked): JsonBody<Rollback>,
) -> Result<Json<ActivationReport>, Problem> {
    configures_all(&gateway, &caller)?;
    let words = words(&asked.reason, asked.who.as_deref())?;
    let version = find(&gateway, &asked.version).await?;
    let by = By { client: caller.name().clone(), cause: ActivationCause::RolledBack, words: Some(words) };
    match gateway.activation.roll_back(version, by).await {
        Ok(report) => Ok(Json(report)),
        Err(RollbackFault::NotKept) => Err(Problem::not_found()),
        Err(RollbackFault::Store(fault)) => Err(fault.into()),
        Err(RollbackFault::Faults(faults)) => {
            tracing::warn!(client = %caller.name(), %version, faults = faults.len(), "rollback refused");
            Err(refused(&faults))
        }
    }
}

/// A person's words, of the lengths that all such words have.
pub(crate) fn words(reason: &str, who: Option<&str>) -> Result<ActivationWords, Problem> {
    let why = json_body::reason(reason)?;
    Ok(ActivationWords { why, person: who.map(json_body::person).transpose()? })
}

/// Who configures, and who audits, may see which configuration was active when.
fn reads(caller: &Caller) -> Result<(), Problem> {
    caller.must_have(Role::Configure).or_else(|missing| caller.must_have(Role::Audit).map_err(|_| missing))
}

fn tenants(gateway: &Gateway) -> BTreeSet<TenantName> {
    gateway.engine.catalog().tenants.keys().cloned().collect()
}

fn audits(gateway: &Gateway, caller: &Caller) -> bool {
    tenants(gateway).is_subset(&caller.client.tenants_as(Role::Audit))
}

fn configures_all(gateway: &Gateway, caller: &Caller) -> Result<(), Problem> {
    caller.must_have(Role::Configure)?;
    let tenants = tenants(gateway);
    if !tenants.is_subset(&caller.tenants()) {
        return Err(Problem::not_found());
    }
    caller.must_have_for_all(Role::Configure, &tenants)
}

/// The kept version that `id` names by all its digits or the first.
async fn find(gateway: &Gateway, id: &str) -> Result<Digest, Problem> {
    let digits =
        id.len() >= FEWEST_DIGITS && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !digits {
        return Err(Problem::not_found());
    }
    match gateway.engine.versions_beginning_with(id).await?.as_slice() {
        [version] => Ok(*version),
        [] => Err(Problem::not_found()),
        _ => Err(wrong_value("version", "several versions begin so; give more digits")),
    }
}

async fn side(gateway: &Gateway, named: &str) -> Result<Side, Problem> {
    match named {
        "active" => Ok(Side::Version(gateway.activation.active().await)),
        "folder" => Ok(Side::Folder),
        id => find(gateway, id).await.map(Side::Version),
    }
}
