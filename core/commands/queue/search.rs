//! Looking for a case by what somebody has on paper.

use super::{cell, post};
use crate::commands::Context;
use crate::commands::api::Api;
use crate::commands::table::Table;
use crate::faults::Stop;
use serde_json::json;
use std::io::Read as _;

/// Stands for the standard input.
const STANDARD_INPUT: &str = "-";

/// The most bytes that are read from the standard input.
const LONGEST: u64 = 4096;

#[derive(clap::Args)]
pub(super) struct Wanted {
    /// What is looked for: an Aktenzeichen, the id of a document, what a destination answered; `-` reads it from the
    /// standard input, so that others on this machine do not see it.
    value: String,
    /// Only what a destination called it in its receipt.
    #[arg(long, conflicts_with = "file_name")]
    receipt: bool,
    /// The name of a file that was handed in.
    #[arg(long)]
    file_name: bool,
}

impl Wanted {
    fn value(&self) -> Result<String, Stop> {
        if self.value != STANDARD_INPUT {
            return Ok(self.value.clone());
        }
        let mut text = String::new();
        std::io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
        Ok(text.trim().to_owned())
    }

    const fn member(&self) -> &'static str {
        match (self.receipt, self.file_name) {
            (true, _) => "receipt",
            (_, true) => "fileName",
            _ => "foreignId",
        }
    }
}

pub(super) fn search(wanted: &Wanted, api: &Api, context: &mut Context<'_>) -> Result<(), Stop> {
    let answer = post(&["search"], &json!({ wanted.member(): wanted.value()? }), api)?;
    if context.json {
        return context.json(&answer);
    }
    let found = answer["found"].as_array().map(Vec::as_slice).unwrap_or_default();
    if found.is_empty() {
        return context.line("Es gibt keinen Vorgang, der so genannt wird.");
    }
    let mut table = Table::new(&["MANDANT", "VORGANG", "EINREICHUNG", "ART", "LEISTUNG", "EINGANG"]);
    for hit in found {
        let keys = ["tenant", "case", "submission", "kind", "service", "receivedAt"];
        table.row(keys.iter().map(|key| cell(&hit[*key])).collect());
    }
    context.line(table)?;
    if answer["more"] == true { context.line("Es gibt weitere, ältere.") } else { Ok(()) }
}
