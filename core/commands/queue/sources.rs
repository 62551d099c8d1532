//! Places that the hub fetches from.

use super::{cell, get, reason};
use crate::commands::Context;
use crate::commands::api::Api;
use crate::commands::table::Table;
use crate::faults::Stop;
use serde_json::Value;

pub(super) fn list(api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
    let answer = get(&["sources"], api)?;
    if context.json {
        return context.json(&answer);
    }
    let sources = answer["sources"].as_array().map(Vec::as_slice).unwrap_or_default();
    if sources.is_empty() {
        return context.line("Es gibt keine Quelle.");
    }
    let headings = [
        "QUELLE",
        "ART",
        "CLIENT",
        "LETZTE RUNDE",
        "ZULETZT GUT",
        "NÄCHSTE",
        "ANGENOMMEN",
        "LIEGT DORT",
        "GRUND",
    ];
    let mut table = Table::new(&headings);
    for source in sources {
        let keys = ["name", "adapter", "client", "roundAt", "wellAt", "nextAt", "taken", "left"];
        let cells = keys.iter().map(|key| cell(&source[*key]));
        table.row(cells.chain([reason(&[&source["failure"]])]).collect());
    }
    context.line(table)?;
    let left = sources.iter().flat_map(messages);
    let mut table = Table::new(&["QUELLE", "NACHRICHT", "WARUM SIE DORT LIEGT"]);
    left.for_each(|row| table.row(row));
    if table.len() > 0 { context.line(format!("\n{table}")) } else { Ok(()) }
}

fn messages(source: &Value) -> Vec<Vec<String>> {
    let messages = source["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row =
        |message: &Value| vec![cell(&source["name"]), cell(&message["message"]), cell(&message["german"])];
    messages.iter().map(row).collect()
}
