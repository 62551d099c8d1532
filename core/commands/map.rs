//! `rohrpost map MAPPING FILE [--param NAME=VALUE]… [-o OUT]`.

use super::Context;
use super::library::{mapping_faults, one, read_source, unknown};
use crate::faults::Stop;
use rohrpost_mappings::{ENVELOPE_NAMESPACE, Facts, Limits, Mapping};
use std::path::PathBuf;

/// The facts of a submission that a parameter can give.
const FACTS: [&str; 8] =
    ["submission-id", "case", "received-at", "service", "area", "tenant", "kind", "test"];

/// Apply a mapping to a file.
#[derive(clap::Args)]
pub struct Arguments {
    /// The mapping's name.
    mapping: String,
    /// The source: the data, or the hub's envelope around them, which is taken as it is, with its own facts.
    file: PathBuf,
    /// A fact of the submission (submission-id, case, received-at, service, area, tenant, kind, test) or a parameter of
    /// the mapping; may be given often. Facts that are not given are those of the mapping's cases.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    params: Vec<(String, String)>,
    /// Where the result goes; without it, to standard output.
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a parameter is written NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let entry = one(&arguments.mapping, context)?;
    let mapping = entry.compile()?;
    let (source, facts) = (read_source(&arguments.file, &mapping)?, facts(&arguments.params, &mapping)?);
    let whole = mapping.takes_envelope() && source.root_name() == (ENVELOPE_NAMESPACE, "envelope");
    let mapped = match whole {
        true => mapping.apply_to_envelope(&source, &facts, &Limits::default()),
        false => mapping.apply(&source, &facts, &Limits::default()),
    };
    let content = mapped.map_err(|fault| mapping_faults(fault, &arguments.file, &entry))?;
    context.put(arguments.output.as_deref(), &content)
}

fn facts(params: &[(String, String)], mapping: &Mapping) -> Result<Facts, Stop> {
    let mut facts = Facts::sample();
    for (name, value) in params {
        let fact = match name.as_str() {
            "submission-id" => &mut facts.submission_id,
            "case" => &mut facts.case,
            "received-at" => &mut facts.received_at,
            "service" => &mut facts.service,
            "area" => &mut facts.area,
            "tenant" => &mut facts.tenant,
            "kind" => &mut facts.kind,
            "test" => {
                facts.test =
                    value.parse().map_err(|_| Stop::Usage("--param test is `true` or `false`".into()))?;
                continue;
            }
            own if mapping.params().any(|(known, _)| known == own) => {
                facts.params.entry(name.clone()).or_default()
            }
            _ => {
                let own = mapping.params().map(|(known, _)| known);
                return Err(unknown("parameter", name, &FACTS.into_iter().chain(own).collect::<Vec<_>>()));
            }
        };
        fact.clone_from(value);
    }
    Ok(facts)
}
