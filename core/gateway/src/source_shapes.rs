//! How sources stand, as the API tells it.

use crate::Gateway;
use crate::caller::Caller;
use crate::fields::NoQuery;
use crate::problem::Problem;
use crate::shapes::{ProblemShape, ReasonShape};
use crate::sources::{Fetching, Standing};
use axum::Json;
use axum::extract::State;
use rohrpost_model::client::Role;
use rohrpost_model::ports::{Left, Why};
use rohrpost_model::{ClientName, SourceName, Timestamp};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// The places that the hub fetches from, as far as the client may know of them.
#[derive(Serialize, ToSchema)]
pub(crate) struct SourceList {
    /// By name.
    sources: Vec<SourceShape>,
}

/// A place that the hub fetches from, as it stands now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Source)]
pub(crate) struct SourceShape {
    #[schema(value_type = String)]
    name: SourceName,
    /// The kind of its adapter.
    adapter: &'static str,
    /// In whose name it hands in.
    #[schema(value_type = String)]
    client: ClientName,
    /// When its last round ended; null before the first.
    #[schema(value_type = Option<String>, format = DateTime)]
    round_at: Option<Timestamp>,
    /// When the last round ended that could ask the place to the end.
    #[schema(value_type = Option<String>, format = DateTime)]
    well_at: Option<Timestamp>,
    /// What the matter was in the last round.
    failure: Option<ReasonShape>,
    /// When the next round begins.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<Timestamp>,
    /// Messages taken in since the hub was started or the configuration changed.
    taken: u64,
    /// Messages that the last round left at the place.
    left: u64,
    /// The first of those; only for who may view all tenants that the source hands in for.
    messages: Vec<LeftShape>,
}

/// A message that stays at its place.
#[derive(Serialize, ToSchema)]
#[schema(as = LeftMessage)]
pub(crate) struct LeftShape {
    /// What the place calls it.
    message: String,
    /// Why: a stable word.
    #[schema(value_type = String)]
    why: Why,
    /// What to do about it.
    german: &'static str,
    /// The same in English.
    english: &'static str,
}

/// Places that the hub fetches from: when it did last, what came of it, and what it left there.
#[utoipa::path(
    get,
    path = "/v1/sources",
    tag = "sources",
    responses(
        (status = 200, description = "The sources", body = SourceList),
        (status = "default", description = "A problem", body = ProblemShape, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn sources(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    _: NoQuery,
) -> Result<Json<SourceList>, Problem> {
    caller.must_have(Role::View)?;
    let (catalog, viewed) = (gateway.engine.catalog(), caller.client.tenants_as(Role::View));
    let mut sources = Vec::new();
    for (name, fetching, standing) in gateway.sources.all() {
        let client = catalog.clients.get(&fetching.client);
        let tenants = client.map(|client| client.tenants_as(Role::Submit)).unwrap_or_default();
        if !tenants.is_disjoint(&viewed) {
            sources.push(shape(name, fetching, standing, tenants.is_subset(&viewed)));
        }
    }
    Ok(Json(SourceList { sources }))
}

fn shape(name: SourceName, fetching: Fetching, standing: Standing, whole: bool) -> SourceShape {
    let named = if whole { standing.named } else { Vec::new() };
    SourceShape {
        name,
        adapter: fetching.adapter,
        client: fetching.client,
        round_at: standing.round_at,
        well_at: standing.well_at,
        failure: standing.failure.map(ReasonShape::from),
        next_at: standing.next_at,
        taken: standing.taken,
        left: standing.left,
        messages: named.into_iter().map(left).collect(),
    }
}

fn left(Left { message, why }: Left) -> LeftShape {
    let (german, english) = words(why);
    LeftShape { message, why, german, english }
}

const fn words(why: Why) -> (&'static str, &'static str) {
    match why {
        Why::NotGranted => (
            "Der Client der Quelle darf das nicht einreichen, oder keine Regel der Quelle passt. Rechte in clients/ und Regeln in sources/ prüfen.",
            "The source's client may not hand this in, or no rule of the source fits. Check the grants in clients/ and the rules in sources/.",
        ),
        Why::UnknownArea => (
            "Für den Empfänger oder sein Gebiet ist hier niemand zuständig. Zuordnung in sources/ und Gebiete in tenants/ prüfen.",
            "Nobody here is responsible for the addressee or the area. Check the rules in sources/ and the areas in tenants/.",
        ),
        Why::TestOnly => (
            "Der Mandant nimmt nur Testeinreichungen an. Stufe in tenants/ prüfen.",
            "The tenant takes only test submissions. Check its stage in tenants/.",
        ),
        Why::TooLarge => (
            "Die Nachricht ist zu groß. Grenzen der Quelle und in hub.toml prüfen, sonst mit dem Absender klären.",
            "The message is too large. Check the limits of the source and in hub.toml, else clear it with the sender.",
        ),
        Why::Malformed => (
            "Die Nachricht ist nicht, was sie sein soll. Mit dem Absender klären.",
            "The message is not what it should be. Clear it with the sender.",
        ),
        Why::Invalid => (
            "Die Daten passen nicht zu ihrem Schema. Mit dem Absender klären.",
            "The data do not fit their schema. Clear it with the sender.",
        ),
        Why::OtherContent => (
            "Unter dieser Kennung wurde schon etwas anderes eingereicht. Mit dem Absender klären.",
            "Something else was handed in under this id before. Clear it with the sender.",
        ),
        Why::NoCase => (
            "Kein Vorgang, in dem der Client der Quelle antworten darf, heißt so. Zeichen mit dem Absender klären, Rechte in clients/ prüfen.",
            "No case in which the source's client may answer is called so. Clear the identifier with the sender, check the grants in clients/.",
        ),
        Why::SeveralCases => (
            "Mehrere Vorgänge heißen so. Mit `system` in sources/ sagen, wessen Zeichen gemeint ist, oder den Vorgang angeben lassen.",
            "Several cases are called so. Say with `system` in sources/ whose identifier is meant, or have the case named.",
        ),
        Why::TooLate => (
            "Die Frist für Nachreichungen in diesem Vorgang ist vorbei. Mit dem Absender klären.",
            "The time for amendments in this case is over. Clear it with the sender.",
        ),
        Why::Unavailable => (
            "Die Nachricht war nicht zu haben oder nicht anzunehmen. Sie wird wieder versucht.",
            "The message could not be had or not be taken. It is tried again.",
        ),
    }
}
