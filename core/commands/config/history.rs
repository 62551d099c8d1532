//! `rohrpost config history` and `rohrpost config diff`.

use crate::commands::Context;
use crate::commands::api::{Access, Api, Content};
use crate::commands::table::Table;
use crate::faults::Stop;
use rohrpost_kit::http::Method;
use serde_json::Value;

/// How many digits of a version are shown: enough to name it.
const SHOWN: usize = 16;

#[derive(clap::Args)]
pub struct History {
    /// How many, 1 to 500.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    access: Access,
}

impl History {
    /// Runs the command.
    pub fn run(&self, context: &mut Context<'_>) -> Result<(), Stop> {
        let api = Api::open(&self.access, "operator", context)?;
        let query = [("limit", self.limit.to_string())];
        let page = Api::json(&api.send(Method::GET, &["config", "versions"], &query, Content::none())?)?;
        if context.json {
            return context.json(&page);
        }
        let active = page["active"].as_str().unwrap_or_default();
        let mut table = Table::new(&["FASSUNG", "SEIT", "WIE", "CLIENT", "WER", "WARUM"]);
        for (index, activation) in page["activations"].as_array().into_iter().flatten().enumerate() {
            table.row(row(activation, index == 0 && activation["version"] == active));
        }
        context.line(table)?;
        if page["next"].is_string() {
            context.line("Es gibt ältere; mehr zeigt --limit.")?;
        }
        Ok(())
    }
}

fn row(activation: &Value, active: bool) -> Vec<String> {
    let text = |key: &str| activation[key].as_str().unwrap_or("-").to_owned();
    let version: String = text("version").chars().take(SHOWN).collect();
    let mark = match activation["kept"].as_bool() {
        _ if active => " *",
        Some(false) => " (nicht mehr aufbewahrt)",
        _ => "",
    };
    let cause = match activation["cause"].as_str() {
        Some("started") => "Start",
        Some("activated") => "aktiviert",
        Some("reloaded") => "SIGHUP",
        Some("rolled-back") => "zurück",
        other => other.unwrap_or("-"),
    };
    // What a person wrote stays on its line.
    let why = text("why").replace(|sign: char| sign.is_control(), " ");
    vec![format!("{version}{mark}"), text("at"), cause.to_owned(), text("client"), text("who"), why]
}

#[derive(clap::Args)]
pub struct Diff {
    /// The version before, its first digits, `active` or `folder`.
    #[arg(value_name = "A", default_value = "active")]
    from: String,
    /// The version after; by default what lies in the hub's folder now.
    #[arg(value_name = "B", default_value = "folder")]
    to: String,
    #[command(flatten)]
    access: Access,
}

impl Diff {
    /// Runs the command.
    pub fn run(&self, context: &mut Context<'_>) -> Result<(), Stop> {
        let api = Api::open(&self.access, "operator", context)?;
        let query = [("from", self.from.clone()), ("to", self.to.clone())];
        let found = Api::json(&api.send(Method::GET, &["config", "diff"], &query, Content::none())?)?;
        if context.json {
            return context.json(&found);
        }
        for file in found["files"].as_array().into_iter().flatten() {
            context.put(None, file["diff"].as_str().unwrap_or_default().as_bytes())?;
        }
        let secrets: Vec<_> =
            found["secrets"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for secret in &secrets {
            context.line(format!("{secret}: Inhalt geändert (wird nicht gezeigt)"))?;
        }
        if found["files"].as_array().is_none_or(Vec::is_empty) && secrets.is_empty() {
            context.line("Kein Unterschied.")?;
        }
        match found["faults"].as_u64() {
            Some(faults) if faults > 0 => {
                context.line(format!("Der Ordner hat {faults} Fehler; `rohrpost check` nennt sie."))
            }
            _ => Ok(()),
        }
    }
}
