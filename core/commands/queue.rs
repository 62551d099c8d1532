//! `rohrpost queue list|show|retry|discard`: what waits at the running hub and why.
//!
//! Operators read German, so the tables are German; `--json` prints what the API answers.

use super::Context;
use super::api::{Access, Api, Content};
use super::table::Table;
use crate::faults::Stop;
use rohrpost_kit::http::Method;
use rohrpost_model::{CaseId, DeliveryId, DestinationName, ServiceKey, Timestamp};
use serde_json::{Value, json};

/// The most deliveries that the hub lists at one time.
const PAGE: usize = 500;

/// See what waits at a running hub and why; retry or discard it.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    task: Task,
    #[command(flatten)]
    access: Access,
}

#[derive(clap::Subcommand)]
enum Task {
    /// List deliveries, oldest first.
    List(Filter),
    /// Show one delivery with its attempts and its history.
    Show {
        /// Its id.
        id: DeliveryId,
    },
    /// Try deliveries again, now.
    Retry {
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<DeliveryId>,
        /// Why; it is recorded with your name.
        #[arg(long)]
        reason: String,
    },
    /// Give deliveries up.
    Discard {
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<DeliveryId>,
        /// Why; it is recorded with your name.
        #[arg(long)]
        reason: String,
        /// What becomes of the steps that wait for them: made all the same, or given up too.
        #[arg(long, value_enum)]
        dependents: Option<Dependents>,
    },
}

#[derive(clap::Args)]
struct Filter {
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
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Dependents {
    /// They are made as if it had been delivered.
    Release,
    /// They are given up too.
    Discard,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let api = Api::open(&arguments.access, "operator", context)?;
    match &arguments.task {
        Task::List(filter) => list(filter, &api, context),
        Task::Show { id } => show(id, &api, context),
        Task::Retry { ids, reason } => command(ids, "retry", &json!({ "reason": reason }), &api, context),
        Task::Discard { ids, reason, dependents } => {
            let mut order = json!({ "reason": reason });
            if let Some(dependents) = dependents {
                order["dependents"] = json!(match dependents {
                    Dependents::Release => "release",
                    Dependents::Discard => "discard",
                });
            }
            command(ids, "discard", &order, &api, context)
        }
    }
}

fn list(filter: &Filter, api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
    let (deliveries, more) = deliveries(filter, api)?;
    if context.json {
        return context.json(&json!({ "deliveries": deliveries, "more": more }));
    }
    if deliveries.is_empty() {
        return context.line("Es gibt keine Lieferung, die passt.");
    }
    let headings = ["LIEFERUNG", "VORGANG", "SCHRITT", "ZIEL", "ZUSTAND", "VERSUCHE", "NÄCHSTER", "GRUND"];
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
    let (mut found, mut cursor) = (Vec::new(), None);
    while found.len() < filter.limit {
        let limit = (filter.limit - found.len()).min(PAGE).to_string();
        let mut query = filter.query();
        query.push(("limit", limit));
        query.extend(cursor.map(|cursor: String| ("cursor", cursor)));
        let mut page = Api::json(&api.send(Method::GET, &["deliveries"], &query, Content::none())?)?;
        if let Some(deliveries) = page["deliveries"].as_array_mut() {
            found.append(deliveries);
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
        ];
        names.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn row(delivery: &Value) -> Vec<String> {
    let keys = ["id", "case", "step", "destination", "state", "attempts", "nextAt"];
    let mut row: Vec<_> = keys.iter().map(|key| cell(&delivery[key])).collect();
    row.push(reason(&delivery["reason"]));
    row
}

/// A value as a cell; times to the second.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            Err(_) => text.clone(),
        },
        other => other.to_string(),
    }
}

/// The German sentence of a reason.
fn reason(value: &Value) -> String {
    value["text"]["de"].as_str().unwrap_or("-").to_owned()
}

fn show(id: &DeliveryId, api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
    let delivery =
        Api::json(&api.send(Method::GET, &["deliveries", &id.to_string()], &[], Content::none())?)?;
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
        ("Versuche", "attempts"),
        ("Nächster", "nextAt"),
    ];
    for (label, key) in facts {
        context.line(format!("{label:12} {}", cell(&delivery[key])))?;
    }
    context.line(format!("{:12} {}", "Bestätigung", cell(&delivery["receipt"]["reference"])))?;
    context.line(format!("{:12} {}", "Grund", reason(&delivery["reason"])))?;
    context.line(format!("\n{}", attempts(&delivery["attemptLog"])))?;
    context.line(format!("\n{}", history(&delivery["history"])))
}

fn attempts(list: &Value) -> Table {
    let mut table = Table::new(&["VERSUCH", "BEGINN", "ENDE", "ERGEBNIS", "GESENDET (SHA-256)", "GRUND"]);
    for attempt in list.as_array().into_iter().flatten() {
        let keys = ["number", "startedAt", "endedAt", "outcome", "sentSha256"];
        let mut row: Vec<_> = keys.iter().map(|key| cell(&attempt[key])).collect();
        row.push(reason(&attempt["reason"]));
        table.row(row);
    }
    table
}

fn history(list: &Value) -> Table {
    let mut table = Table::new(&["ZEIT", "ZUSTAND", "DURCH", "WER", "WARUM", "GRUND"]);
    for entry in list.as_array().into_iter().flatten() {
        let mut row: Vec<_> =
            ["at", "state", "cause", "who", "why"].iter().map(|key| cell(&entry[key])).collect();
        row.push(reason(&entry["reason"]));
        table.row(row);
    }
    table
}

/// Gives one order for each delivery. A delivery that refuses does not keep the others from theirs.
fn command(
    ids: &[DeliveryId],
    order: &str,
    body: &Value,
    api: &Api,
    context: &mut Context<'_>,
) -> Result<(), Stop> {
    let mut refused = Vec::new();
    let mut done = Vec::new();
    for id in ids {
        let path = ["deliveries", &id.to_string(), order];
        match Api::json(&api.send(Method::POST, &path, &[], Content::json(body))?) {
            Ok(answer) if context.json => done.push(json!({ "id": id, "answer": answer })),
            Ok(answer) => context.line(format!("{id}  {}", cell(&answer["state"])))?,
            Err(Stop::Failed(message)) => refused.push(format!("{id}: {message}")),
            Err(stop) => return Err(stop),
        }
    }
    if context.json {
        context.json(&done)?;
    }
    if refused.is_empty() { Ok(()) } else { Err(Stop::Failed(refused.join("\n"))) }
}
