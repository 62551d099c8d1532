//! `rohrpost config`: has the running hub take the configuration in its folder or one from before, and tells which were
//! active and how they differ.

mod history;

use super::Context;
use super::api::{Access, Api, Content};
use crate::faults::Stop;
use rohrpost_kit::http::Method;
use serde_json::{Value, json};

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
    /// Show which configurations were active, when, by whom and why; the newest first.
    History(history::History),
    /// Show in which files and lines two configurations differ. Secrets are not shown, only which changed.
    Diff(history::Diff),
    /// Take a version from before again: checked whole under the circumstances of now and put back into the folder, or
    /// refused with all its faults while the present one goes on.
    Rollback(Rollback),
}

#[derive(clap::Args)]
struct Words {
    /// Why. It stands in the history, encrypted.
    #[arg(long)]
    reason: String,
    /// Who it is, where the client alone does not say it. It is kept like the reason.
    #[arg(long, value_name = "PERSON")]
    who: Option<String>,
}

impl Words {
    fn json(&self) -> Value {
        let mut json = json!({ "reason": self.reason });
        if let Some(who) = &self.who {
            json["who"] = who.as_str().into();
        }
        json
    }
}

#[derive(clap::Args)]
struct Activate {
    #[command(flatten)]
    words: Words,
    #[command(flatten)]
    access: Access,
}

#[derive(clap::Args)]
struct Rollback {
    /// The version as `config history` shows it, or its first digits, 8 at least.
    version: String,
    #[command(flatten)]
    words: Words,
    #[command(flatten)]
    access: Access,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    match &arguments.action {
        Action::Activate(Activate { words, access }) => {
            let api = Api::open(access, "operator", context)?;
            let sent = api.send(Method::POST, &["config", "activate"], &[], Content::json(&words.json()))?;
            tell(&Api::json(&sent)?, context)
        }
        Action::History(history) => history.run(context),
        Action::Diff(diff) => diff.run(context),
        Action::Rollback(Rollback { version, words, access }) => {
            let api = Api::open(access, "operator", context)?;
            let mut asked = words.json();
            asked["version"] = version.as_str().into();
            let sent = api.send(Method::POST, &["config", "rollback"], &[], Content::json(&asked))?;
            tell(&Api::json(&sent)?, context)
        }
    }
}

/// What became of it.
fn tell(report: &Value, context: &mut Context<'_>) -> Result<(), Stop> {
    if context.json {
        return context.json(report);
    }
    let version = report["version"].as_str().unwrap_or("-");
    let told =
        if report["changed"].as_bool() == Some(true) { "aktiv" } else { "war schon aktiv, unverändert" };
    context.line(format!("Konfiguration {version} ist {told}."))?;
    if let Some(replaced) = report["replaced"].as_str() {
        context.line(format!("Ihre Dateien liegen wieder im Ordner; die ersetzten in {replaced}."))?;
    }
    if report["folderIncomplete"].as_bool() == Some(true) {
        context.line(
            "Achtung: Im Ordner liegt sie erst zum Teil (siehe Protokoll). Der nächste Start oder die nächste Aktivierung \
             holt den Rest nach.",
        )?;
    }
    match report["needsRestart"].as_array() {
        Some(keys) if !keys.is_empty() => {
            let keys: Vec<_> = keys.iter().filter_map(Value::as_str).collect();
            context.line(format!("Erst nach einem Neustart wirken Änderungen an: {}.", keys.join(", ")))
        }
        _ => Ok(()),
    }
}
