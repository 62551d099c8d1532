//! Lists of deliveries, and one whole.

use super::{cell, get, reason};
use crate::commands::Context;
use crate::commands::api::{Api, Content};
use crate::commands::table::Table;
use crate::faults::Stop;
use rohrpost_kit::http::Method;
use rohrpost_model::{CaseId, DeliveryId, DestinationName, ServiceKey, TenantName};
use serde_json::{Value, json};

/// The most deliveries that the hub lists at one time.
const PAGE: usize = 500;

#[derive(clap::Args)]
pub(super) struct Filter {
    /// In this state: blocked, due, sending, unknown, awaiting, parked, delivered, …; may be given often.
    #[arg(long = "state", value_name = "STATE")]
    states: Vec<String>,
    /// To this destination.
    #[arg(long)]
    destination: Option<DestinationName>,
    /// Of this case.
    #[arg(long)]
    case: Option<CaseId>,
    /// For this service.
    #[arg(long)]
    service: Option<ServiceKey>,
    /// Of this tenant.
    #[arg(long)]
    tenant: Option<TenantName>,
    /// Whose reason has this code, for instance target-refused.
    #[arg(long, value_name = "CODE", visible_alias = "reason-code")]
    reason: Option<String>,
    /// Only those that somebody holds back; with `=false` only the others.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    paused: Option<bool>,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

pub(super) fn list(filter: &Filter, api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
    let (deliveries, more) = deliveries(filter, api)?;
    if context.json {
        return context.json(&json!({ "deliveries": deliveries, "more": more }));
    }
    if deliveries.is_empty() {
        return context.line("Es gibt keine Lieferung, die passt.");
    }
    let headings =
        ["LIEFERUNG", "VORGANG", "SCHRITT", "ZIEL", "ZUSTAND", "SEIT", "VERSUCHE", "NÄCHSTER", "GRUND"];
    let mut table = Table::new(&headings);
    deliveries.iter().for_each(|delivery| table.row(row(delivery)));
    context.line(table)?;
    if more {
        context
            .line(format!("Gezeigt sind die ältesten {}; es gibt weitere (--limit).", deliveries.len()))?;
    }
    Ok(())
}

/// The first deliveries that fit, page by page, and whether there are more.
fn deliveries(filter: &Filter, api: &Api) -> Result<(Vec<Value>, bool), Stop> {
    pages((&["deliveries"], "deliveries"), &filter.query(), filter.limit, api)
}

/// The first `limit` of the list `name` at this path, page by page, and whether there are more.
pub(super) fn pages(
    (path, name): (&[&str], &str),
    query: &[(&str, String)],
    limit: usize,
    api: &Api,
) -> Result<(Vec<Value>, bool), Stop> {
    let (mut found, mut cursor) = (Vec::new(), None);
    while found.len() < limit {
        let mut query = query.to_vec();
        query.push(("limit", (limit - found.len()).min(PAGE).to_string()));
        query.extend(cursor.map(|cursor: String| ("cursor", cursor)));
        let mut page = Api::json(&api.send(Method::GET, path, &query, Content::none())?)?;
        if let Some(more) = page[name].as_array_mut() {
            found.append(more);
        }
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok((found, cursor.is_some()))
}

impl Filter {
    fn query(&self) -> Vec<(&'static str, String)> {
        let states = Some(self.states.join(",")).filter(|states| !states.is_empty());
        let names = [
            ("state", states),
            ("destination", self.destination.as_ref().map(ToString::to_string)),
            ("case", self.case.as_ref().map(ToString::to_string)),
            ("service", self.service.as_ref().map(ToString::to_string)),
            ("tenant", self.tenant.as_ref().map(ToString::to_string)),
            ("reason", self.reason.clone()),
            ("paused", self.paused.as_ref().map(ToString::to_string)),
        ];
        names.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn row(delivery: &Value) -> Vec<String> {
    let keys = ["id", "case", "step", "destination", "state", "since", "attempts", "nextAt"];
    let mut row: Vec<_> = keys.iter().map(|key| cell(&delivery[key])).collect();
    row.push(reason(&[&delivery["waits"], &delivery["reason"]]));
    row
}

pub(super) fn show(id: &DeliveryId, api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
    let delivery = get(&["deliveries", &id.to_string()], api)?;
    if context.json {
        return context.json(&delivery);
    }
    let facts = [
        ("Lieferung", "id"),
        ("Einreichung", "submission"),
        ("Mandant", "tenant"),
        ("Vorgang", "case"),
        ("Schritt", "step"),
        ("Ziel", "destination"),
        ("Zustand", "state"),
        ("Seit", "since"),
        ("Versuche", "attempts"),
        ("Nächster", "nextAt"),
        ("Verfällt", "expiresAt"),
        ("Angehalten", "pausedBy"),
    ];
    for (label, key) in facts {
        context.line(format!("{label:12} {}", cell(&delivery[key])))?;
    }
    context.line(format!("{:12} {}", "Bestätigung", cell(&delivery["receipt"]["reference"])))?;
    context.line(format!("{:12} {}", "Grund", reason(&[&delivery["reason"]])))?;
    context.line(format!("{:12} {}", "Wartet", reason(&[&delivery["waits"]])))?;
    context.line(format!("\n{}", attempts(&delivery["attemptLog"])))?;
    context.line(format!("\n{}", history(&delivery["history"])))
}

fn attempts(list: &Value) -> Table {
    let mut table = Table::new(&["VERSUCH", "BEGINN", "ENDE", "ERGEBNIS", "GESENDET (SHA-256)", "GRUND"]);
    for attempt in list.as_array().into_iter().flatten() {
        let keys = ["number", "startedAt", "endedAt", "outcome", "sentSha256"];
        let mut row: Vec<_> = keys.iter().map(|key| cell(&attempt[key])).collect();
        row.push(reason(&[&attempt["reason"]]));
        table.row(row);
    }
    table
}

fn history(list: &Value) -> Table {
    let mut table = Table::new(&["ZEIT", "ZUSTAND", "DURCH", "WER", "WARUM", "GRUND"]);
    for entry in list.as_array().into_iter().flatten() {
        let mut row: Vec<_> =
            ["at", "state", "cause", "who", "why"].iter().map(|key| cell(&entry[key])).collect();
        row.push(reason(&[&entry["reason"]]));
        table.row(row);
    }
    table
}
