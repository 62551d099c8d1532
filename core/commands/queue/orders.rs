//! Orders for many deliveries that run at the hub, and how far they are.

use super::list::pages;
use super::{Patience, cell, get, post};
use crate::commands::Context;
use crate::commands::api::Api;
use crate::commands::table::Table;
use crate::faults::Stop;
use rohrpost_model::CommandId;
use serde_json::{Value, json};

/// One with the words of who gave and who cancelled it, or as many as are wanted.
pub(super) fn list(
    id: Option<&CommandId>,
    limit: usize,
    api: &Api,
    context: &mut Context<'_>,
) -> Result<(), Stop> {
    let Some(id) = id else {
        let (commands, more) = pages((&["commands"], "commands"), &[], limit, api)?;
        return table(&commands, more, context);
    };
    let command = get(&["commands", &id.to_string()], api)?;
    if context.json {
        return context.json(&command);
    }
    table(std::slice::from_ref(&command), false, context)?;
    context.line(format!("\nGegeben von {}: {}", cell(&command["who"]), cell(&command["why"])))?;
    if command["state"] == "cancelled" {
        let (who, why) = (cell(&command["endedBy"]), cell(&command["endedWhy"]));
        context.line(format!("Abgebrochen von {who}: {why}"))?;
    }
    Ok(())
}

fn table(commands: &[Value], more: bool, context: &mut Context<'_>) -> Result<(), Stop> {
    if context.json {
        return context.json(&json!({ "commands": commands, "more": more }));
    }
    if commands.is_empty() {
        return context.line("Es gibt keine Anweisung.");
    }
    let headings = [
        "ANWEISUNG",
        "WAS",
        "STAND",
        "ERLEDIGT",
        "ABGELEHNT",
        "JE SEKUNDE",
        "WER",
        "BEGINN",
        "ENDE",
        "FILTER",
    ];
    let mut table = Table::new(&headings);
    commands.iter().for_each(|command| table.row(row(command)));
    context.line(table)?;
    if more { context.line("Es gibt weitere (--limit).") } else { Ok(()) }
}

fn row(command: &Value) -> Vec<String> {
    vec![
        cell(&command["id"]),
        what(command).to_owned(),
        state(command).to_owned(),
        format!("{} von {}", command["done"], command["total"]),
        cell(&command["refused"]),
        cell(&command["perSecond"]),
        cell(&command["who"]),
        cell(&command["at"]),
        cell(&command["endedAt"]),
        filter(&command["filter"]),
    ]
}

fn what(command: &Value) -> &str {
    match command["order"].as_str().unwrap_or_default() {
        "retry" => "neu zustellen",
        "retry-current" => "neu bilden",
        "discard" => "verwerfen",
        "pause" => "anhalten",
        "resume" => "fortsetzen",
        other => other,
    }
}

fn state(command: &Value) -> &str {
    match command["state"].as_str().unwrap_or_default() {
        "running" => "läuft",
        "finished" => "fertig",
        "cancelled" => "abgebrochen",
        other => other,
    }
}

/// A filter as `state=due,parked destination=dms`.
fn filter(filter: &Value) -> String {
    let one = |(name, value): (&String, &Value)| match value {
        Value::Array(several) => {
            let several: Vec<_> = several.iter().map(cell).collect();
            format!("{name}={}", several.join(","))
        }
        one => format!("{name}={}", cell(one)),
    };
    let all: Vec<_> = filter.as_object().into_iter().flatten().map(one).collect();
    all.join(" ")
}

pub(super) fn cancel(id: &CommandId, reason: &str, api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
    let ended = post(&["commands", &id.to_string(), "cancel"], &json!({ "reason": reason }), api)?;
    if context.json { context.json(&ended) } else { context.line(end(&ended)) }
}

/// Tells of an order that has begun, and waits for its end where that is wanted.
pub(super) fn begun(
    begun: Value,
    patience: Option<&Patience>,
    api: &Api,
    context: &mut Context<'_>,
) -> Result<(), Stop> {
    let Some(patience) = patience.filter(|patience| patience.wait) else {
        let (id, rate) = (cell(&begun["id"]), &begun["perSecond"]);
        let told = format!("Anweisung {id} läuft, höchstens {rate} je Sekunde. Stand: `queue commands`.");
        return if context.json { context.json(&begun) } else { context.line(told) };
    };
    let ended = watch(begun, patience, api, context)?;
    if context.json {
        context.json(&ended)?;
    } else {
        context.line(end(&ended))?;
    }
    if ended["state"] == "finished" { Ok(()) } else { Err(Stop::Negative) }
}

/// Looks at an order until it has ended, and tells how far it is whenever that has changed.
fn watch(
    mut command: Value,
    patience: &Patience,
    api: &Api,
    context: &mut Context<'_>,
) -> Result<Value, Stop> {
    let until = patience.until(context.clock.now());
    let id = cell(&command["id"]);
    let mut told = String::new();
    while command["state"] == "running" {
        let now = progress(&command);
        if !context.json && now != told {
            context.line(&now)?;
            context.flush()?;
            told = now;
        }
        if context.clock.now() >= until {
            return Err(Stop::Failed(format!("{id} goes on; how far it is, `queue commands` shows")));
        }
        api.pause(context);
        command = get(&["commands", &id], api)?;
    }
    Ok(command)
}

fn progress(command: &Value) -> String {
    format!("{} von {} erledigt, {} abgelehnt", command["done"], command["total"], command["refused"])
}

fn end(command: &Value) -> String {
    format!("Anweisung {}: {}, {}.", cell(&command["id"]), state(command), progress(command))
}
