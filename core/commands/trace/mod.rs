//! `rohrpost trace FILE --service … --area …`: the way that a submission would take.

mod harmless;
mod html;
mod text;
mod words;

use super::Context;
use super::api::{Access, Api};
use super::library::unknown;
use super::submission::Submission;
use crate::faults::Stop;
use rohrpost_engine::trace::{Ids, Trial, trace};
use rohrpost_gateway::trace_shapes::TraceReport;
use rohrpost_kit::http::Method;
use rohrpost_model::{ClientName, Receipt, StepName};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// See the way that a submission would take, with nothing sent and nothing kept.
///
/// It tells which route takes it and why the others do not, and for each step every document, every check and what would
/// be sent. It works on the configuration in its folder; with --running (or --url) on the active one of the running hub.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    submission: Submission,
    /// Ask for the grants of this client, too.
    #[arg(long, value_name = "NAME")]
    client: Option<ClientName>,
    /// What a step's target is taken to answer: its reference, and after a comma the result that conditions read; may be
    /// given often. What is not given is assumed.
    #[arg(long = "answer", value_name = "STEP=REFERENCE[,RESULT]", value_parser = answer, conflicts_with_all = ["running", "url"])]
    answers: Vec<(StepName, Receipt)>,
    /// How it is shown: `text` is short, `html` is one page with all documents, `json` is for machines.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Show documents whole in `text`.
    #[arg(long)]
    full: bool,
    /// Where it goes; without it, to standard output.
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Ask the running hub.
    #[arg(long)]
    running: bool,
    #[command(flatten)]
    access: Access,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
    Html,
}

fn answer(text: &str) -> Result<(StepName, Receipt), String> {
    let (step, answer) = text.split_once('=').ok_or("an answer is written STEP=REFERENCE[,RESULT]")?;
    let (reference, result) = match answer.split_once(',') {
        Some((reference, result)) => (reference, Some(result.to_owned())),
        None => (answer, None),
    };
    let reference = Some(reference.to_owned()).filter(|reference| !reference.is_empty());
    let step = step.parse().map_err(|bad: rohrpost_model::BadName| bad.to_string())?;
    Ok((step, Receipt { reference, result, ..Receipt::default() }))
}

/// Runs the command. It ends well only if the submission would be taken in and every step be sent or skipped.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let running = arguments.running || arguments.access.names_hub();
    let report = if running { asked(arguments, context)? } else { tried(arguments, context)? };
    let shown = match arguments.format {
        _ if context.json => json(&report)?,
        Format::Json => json(&report)?,
        Format::Html => html::page(&report),
        Format::Text => text::page(&report, arguments.full),
    };
    context.put(arguments.output.as_deref(), shown.as_bytes())?;
    if let Some(path) = &arguments.output {
        context.line(format!("{}: {}", path.display(), words::verdict(&report)))?;
    }
    if report.well { Ok(()) } else { Err(Stop::Negative) }
}

fn json(report: &TraceReport) -> Result<String, Stop> {
    let text = serde_json::to_string_pretty(report).map_err(|error| Stop::Failed(error.to_string()))?;
    Ok(text + "\n")
}

/// What the running hub shows.
fn asked(arguments: &Arguments, context: &Context<'_>) -> Result<TraceReport, Stop> {
    let api = Api::open(&arguments.access, "operator", context)?;
    let client = arguments.client.iter().map(|client| ("client", client.to_string())).collect::<Vec<_>>();
    let content = arguments.submission.content(context)?;
    let answer = Api::json(&api.send(Method::POST, &["trace"], &client, content)?)?;
    serde_json::from_value(answer).map_err(|error| {
        Stop::Failed(format!("the answer is no trace ({error}); is the hub of this version?"))
    })
}

/// What the configuration in the folder makes of it.
fn tried(arguments: &Arguments, context: &Context<'_>) -> Result<TraceReport, Stop> {
    let configuration = context.load()?;
    let catalog = Arc::new(configuration.catalog);
    let client = match &arguments.client {
        None => None,
        Some(name) => Some(catalog.clients.get(name).cloned().ok_or_else(|| {
            let known: Vec<_> = catalog.clients.keys().map(|name| name.as_str()).collect();
            unknown("client", name.as_str(), &known)
        })?),
    };
    let (data, parts) = arguments.submission.parts()?;
    let trial = Trial {
        intent: arguments.submission.intent()?,
        client,
        data,
        parts,
        answers: arguments.answers.iter().cloned().collect::<BTreeMap<_, _>>(),
        ids: Ids::Fresh(context.clock.now()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let traced = runtime.block_on(trace(&catalog, trial));
    Ok(TraceReport::new(traced, configuration.text.version(), None))
}
