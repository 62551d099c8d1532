//! `rohrpost probe DESTINATION`: tries step by step whether a delivery would get through, or a source can be fetched from.
//!
//! Operators read German, so the list is German; `--json` prints what the API answers.

use super::Context;
use super::api::{Access, Api, Content};
use crate::faults::Stop;
use rohrpost_engine::probe::{probe, probe_source};
use rohrpost_gateway::ProbeReport;
use rohrpost_kit::http::Method;
use rohrpost_model::ports::Probe;
use rohrpost_model::{DestinationName, SourceName};
use serde_json::{Value, json};
use std::time::Duration;

/// The longest that the probe of a source takes.
const SOURCE_LIMIT: Duration = Duration::from_secs(60);

/// Try a destination or a source step by step, without delivering or taking anything.
///
/// It works on the configuration in its folder, so that a destination can be tried before it is activated. With
/// --running (or --url) the running hub tries it, as its own user and from its own place in the network.
#[derive(clap::Args)]
pub struct Arguments {
    /// The destination.
    #[arg(required_unless_present = "source")]
    destination: Option<DestinationName>,
    /// Try a source in the place of a destination, with the configuration in its folder.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["destination", "running"])]
    source: Option<SourceName>,
    /// Have the running hub try it.
    #[arg(long)]
    running: bool,
    #[command(flatten)]
    access: Access,
}

/// Runs the command. It ends well only if no step failed.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let Arguments { destination, source, running, access } = arguments;
    let report = match (destination, source) {
        (_, Some(source)) => tried_source(source, context)?,
        (Some(destination), _) if *running || access.names_hub() => asked(destination, access, context)?,
        (Some(destination), _) => tried(destination, context)?,
        (None, None) => return Err(Stop::Usage("name a destination, or a source with --source".into())),
    };
    if context.json {
        context.json(&report)?
    } else {
        tell(&report, context)?
    }
    if report["well"].as_bool() == Some(true) { Ok(()) } else { Err(Stop::Negative) }
}

/// What the running hub found.
fn asked(destination: &DestinationName, access: &Access, context: &Context<'_>) -> Result<Value, Stop> {
    let api = Api::open(access, "operator", context)?;
    let path = ["destinations", destination.as_str(), "probe"];
    Api::json(&api.send(Method::POST, &path, &[], Content::json(&json!({})))?)
}

/// What this process found, with the configuration in its folder.
fn tried(destination: &DestinationName, context: &Context<'_>) -> Result<Value, Stop> {
    let configuration = context.load()?;
    let known = &configuration.catalog.destinations;
    let to = known.get(destination).ok_or_else(|| {
        let known: Vec<_> = known.keys().map(|name| name.as_str()).collect();
        Stop::Usage(format!("there is no destination `{destination}`; known: {}", known.join(", ")))
    })?;
    let found = on_a_runtime(probe(to))?;
    let report = ProbeReport::new(destination.clone(), &found, context.clock.now());
    serde_json::to_value(report).map_err(|error| Stop::Failed(error.to_string()))
}

/// The same of a source.
fn tried_source(name: &SourceName, context: &Context<'_>) -> Result<Value, Stop> {
    let configuration = context.load()?;
    let known = &configuration.sources;
    let fetching = known.get(name).ok_or_else(|| {
        let known: Vec<_> = known.keys().map(|name| name.as_str()).collect();
        Stop::Usage(format!("there is no source `{name}`; known: {}", known.join(", ")))
    })?;
    let found = on_a_runtime(probe_source(&*fetching.source, SOURCE_LIMIT))?;
    let (at, steps) = (context.clock.now(), ProbeReport::steps(&found));
    Ok(json!({ "source": name, "at": at, "well": found.is_well(), "steps": steps }))
}

/// A share that hangs holds a thread for ever; nobody waits for it.
fn on_a_runtime(probing: impl Future<Output = Probe>) -> Result<Probe, Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let found = runtime.block_on(probing);
    runtime.shutdown_background();
    Ok(found)
}

fn tell(report: &Value, context: &mut Context<'_>) -> Result<(), Stop> {
    let steps = report["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    for step in steps {
        let (sign, word) = (sign(step), step["step"].as_str().unwrap_or("-"));
        let (tried, text) = (german(&step["tried"]), german(&step["text"]));
        if step["result"] == "ok" {
            context.line(format!("{sign} {word:12} {tried} → {text}"))?;
        } else {
            context.line(format!("{sign} {word:12} {tried}\n  {:12} {text}", ""))?;
        }
    }
    let (kind, name) = match report["source"].as_str() {
        Some(source) => ("Quelle", source),
        None => ("Ziel", report["destination"].as_str().unwrap_or("-")),
    };
    let failed = steps.iter().find(|step| step["result"] == "failed").and_then(|step| step["step"].as_str());
    context.line(match failed {
        Some(step) => format!("{kind} {name}: geht nicht, es scheitert an `{step}`."),
        None => format!("{kind} {name}: Was versucht wurde, geht."),
    })
}

fn sign(step: &Value) -> &'static str {
    match step["result"].as_str() {
        Some("ok") => "✓",
        Some("warning") => "!",
        Some("failed") => "✗",
        _ => "–",
    }
}

fn german(words: &Value) -> &str {
    words["de"].as_str().unwrap_or("-")
}
