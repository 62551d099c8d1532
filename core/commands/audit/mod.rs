//! `rohrpost audit head|export|verify`: the chained history, its signed head, and whether both are what they were.

mod export;
mod heads;
mod told;
mod verify;

use super::Context;
use super::api::{Access, Api, Content};
use crate::faults::Stop;
use rohrpost_kit::http::Method;
use rohrpost_model::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What to do with the history.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(clap::Subcommand)]
enum Task {
    /// Fetch the end of the history, signed, from the running hub: keep it where nobody at the hub can change it.
    Head(Head),
    /// Write the whole history out, one JSON object a line, for others to verify. A running hub is not disturbed.
    Export(export::Arguments),
    /// Check that no row of the history was changed, taken out, put in or moved; with heads, that it was not written
    /// anew or cut off either. A running hub is not disturbed.
    Verify(verify::Arguments),
}

#[derive(clap::Args)]
struct Head {
    /// Where the head goes; without it, to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    access: Access,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    match &arguments.task {
        Task::Head(arguments) => head(arguments, context),
        Task::Export(arguments) => export::run(arguments, context),
        Task::Verify(arguments) => verify::run(arguments, context),
    }
}

fn head(arguments: &Head, context: &mut Context<'_>) -> Result<(), Stop> {
    let api = Api::open(&arguments.access, "operator", context)?;
    let head = Api::json(&api.send(Method::GET, &["audit", "head"], &[], Content::none())?)?;
    if context.json && arguments.output.is_none() {
        return context.json(&head);
    }
    let jws =
        head["head"].as_str().ok_or_else(|| Stop::Failed("the hub's answer holds no head".to_owned()))?;
    context.put(arguments.output.as_deref(), format!("{jws}\n").as_bytes())?;
    match &arguments.output {
        Some(path) if !context.json => {
            context.line(format!("Kopf der Kette bei Zeile {}: {}", head["seq"], path.display()))
        }
        Some(_) => context.json(&head),
        None => Ok(()),
    }
}

/// The last line of an export.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    /// The form of the lines before.
    format: String,
    /// The head of the chain that they are, a compact JWS.
    head: String,
}

/// The form that this program writes and reads.
const FORMAT: &str = "rohrpost audit export 1";

/// A time to the second.
fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
