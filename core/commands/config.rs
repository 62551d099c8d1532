//! `rohrpost config activate`: has the running hub take the configuration in its folder.

use super::Context;
use super::api::{Access, Api, Content};
use crate::faults::Stop;
use rohrpost_kit::http::Method;
use serde_json::json;

/// What to do with the configuration.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Check the configuration whole and take it; refused with all its faults while the old one goes on.
    Activate(Activate),
}

#[derive(clap::Args)]
struct Activate {
    /// Why. Who activated which version and when stands in the hub's log; the reason does not, because a person's words
    /// may name a person.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    access: Access,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let Action::Activate(Activate { reason, access }) = &arguments.action;
    let api = Api::open(access, "operator", context)?;
    let content = Content::json(&json!({ "reason": reason }));
    let report = Api::json(&api.send(Method::POST, &["config", "activate"], &[], content)?)?;
    if context.json {
        return context.json(&report);
    }
    let version = report["version"].as_str().unwrap_or("-");
    let told =
        if report["changed"].as_bool() == Some(true) { "aktiv" } else { "war schon aktiv, unverändert" };
    context.line(format!("Konfiguration {version} ist {told}."))?;
    match report["needsRestart"].as_array() {
        Some(keys) if !keys.is_empty() => {
            let keys: Vec<_> = keys.iter().filter_map(serde_json::Value::as_str).collect();
            context.line(format!("Erst nach einem Neustart wirken Änderungen an: {}.", keys.join(", ")))
        }
        _ => Ok(()),
    }
}
