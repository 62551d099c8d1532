//! Destinations: how they stand, and orders for whole ones.

use super::list::pages;
use super::{Patience, cell, each, get, post, reason, unless_refused};
use crate::commands::Context;
use crate::commands::api::Api;
use crate::commands::table::Table;
use crate::faults::Stop;
use rohrpost_model::DestinationName;
use serde_json::{Value, json};

#[derive(clap::Args)]
pub(super) struct Named {
    /// Their names.
    #[arg(required = true, value_name = "DESTINATION")]
    names: Vec<DestinationName>,
    /// Why; it is recorded with your name.
    #[arg(long)]
    reason: String,
}

#[derive(Clone, Copy)]
pub(super) enum Order {
    Pause,
    Drain,
    Resume,
}

impl Order {
    const fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Drain => "drain",
            Self::Resume => "resume",
        }
    }
}

pub(super) fn list(name: Option<&DestinationName>, api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
    let (answer, destinations) = match name {
        Some(name) => {
            let one = get(&["destinations", name.as_str()], api)?;
            (one.clone(), vec![one])
        }
        None => {
            let all = get(&["destinations"], api)?;
            (all.clone(), all["destinations"].as_array().cloned().unwrap_or_default())
        }
    };
    if context.json {
        return context.json(&answer);
    }
    if destinations.is_empty() {
        return context.line("Es gibt kein Ziel.");
    }
    let headings =
        ["ZIEL", "STAND", "SEIT", "WER", "UNTERWEGS", "WARTEN", "UNGEWISS", "AUSSTEHEND", "GEPARKT", "GRUND"];
    let mut table = Table::new(&headings);
    destinations.iter().for_each(|destination| table.row(row(destination)));
    context.line(table)?;
    name.map_or(Ok(()), |name| orders(name, api, context))
}

/// How many orders are shown beside a destination.
const LATELY: usize = 20;

/// What persons asked for it, the newest first.
fn orders(name: &DestinationName, api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
    let (orders, more) = pages((&["destinations", name.as_str(), "orders"], "orders"), &[], LATELY, api)?;
    if orders.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["ANWEISUNG", "WANN", "WER", "WARUM"]);
    for order in &orders {
        let [at, who, why] = ["at", "who", "why"].map(|key| cell(&order[key]));
        table.row(vec![asked(order).to_owned(), at, who, why]);
    }
    context.line(format!("\n{table}"))?;
    if more { context.line("Ältere nennt `GET /v1/destinations/{name}/orders`.") } else { Ok(()) }
}

fn asked(order: &Value) -> &str {
    match order["order"].as_str().unwrap_or_default() {
        "pause" => "anhalten",
        "drain" => "auslaufen lassen",
        "resume" => "fortsetzen",
        other => other,
    }
}

fn row(destination: &Value) -> Vec<String> {
    let open = |state: &str| destination["open"][state].as_u64().unwrap_or(0);
    let pause = &destination["pause"];
    vec![
        cell(&destination["name"]),
        standing(destination).to_owned(),
        cell(&pause["since"]),
        cell(&pause["who"]),
        format!("{} von {}", destination["underWay"], destination["concurrency"]),
        (open("due") + open("blocked")).to_string(),
        open("unknown").to_string(),
        open("awaiting").to_string(),
        open("parked").to_string(),
        reason(&[&destination["hold"]]),
    ]
}

fn standing(destination: &Value) -> &'static str {
    match destination["pause"]["mode"].as_str() {
        Some("paused") => "angehalten",
        Some(_) if destination["drained"] == true => "ausgelaufen",
        Some(_) => "läuft aus",
        None => "läuft",
    }
}

impl Named {
    /// Gives the order for each. A destination that refuses does not keep the others from theirs.
    pub(super) fn order(
        &self,
        order: Order,
        patience: Option<&Patience>,
        api: &Api,
        context: &mut Context<'_>,
    ) -> Result<(), Stop> {
        let body = json!({ "reason": self.reason });
        let (wait, mut done) = (patience.filter(|patience| patience.wait), Vec::new());
        let refused = each(&self.names, |name| {
            let mut answer = post(&["destinations", name.as_str(), order.word()], &body, api)?;
            if !context.json {
                context.line(told(&answer))?;
            }
            if let Some(patience) = wait {
                answer = until_drained(name, answer, patience, api, context)?;
            }
            done.push(answer);
            Ok(())
        })?;
        if context.json {
            context.json(&done)?;
        }
        unless_refused(&refused)
    }
}

fn told(answer: &Value) -> String {
    let already = if answer["changed"] == false { ", unverändert" } else { "" };
    format!("{}: {}{already}", cell(&answer["name"]), standing(answer))
}

/// Looks at a destination until it has run empty, and tells what is left whenever that has changed.
fn until_drained(
    name: &DestinationName,
    mut destination: Value,
    patience: &Patience,
    api: &Api,
    context: &mut Context<'_>,
) -> Result<Value, Stop> {
    let until = patience.until(context.clock.now());
    let mut told = String::new();
    while destination["drained"] != true {
        if destination["pause"]["mode"] != "draining" {
            return Err(Stop::Failed("it is not drained any more; somebody ordered otherwise".into()));
        }
        let now = left(&destination);
        if !context.json && now != told {
            context.line(format!("{name}: {now}"))?;
            context.flush()?;
            told = now;
        }
        if context.clock.now() >= until {
            return Err(Stop::Failed(format!("it has not run empty in time: {}", left(&destination))));
        }
        api.pause(context);
        destination = get(&["destinations", name.as_str()], api)?;
    }
    if !context.json {
        context.line(format!("{name}: {}", standing(&destination)))?;
    }
    Ok(destination)
}

fn left(destination: &Value) -> String {
    let open = &destination["open"];
    let under_way = &destination["underWay"];
    format!("{under_way} unterwegs, {} ungewiss, {} ausstehend", open["unknown"], open["awaiting"])
}
