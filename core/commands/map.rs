//! `rohrpost map MAPPING[#DOCUMENT] FILE [--param NAME=VALUE]… [-o OUT]`.

use super::Context;
use super::library::{mapping_faults, one, read_source, unknown};
use crate::faults::Stop;
use rohrpost_mappings::{Facts, Limits, Mapping};
use rohrpost_model::DocumentName;
use rohrpost_model::document::MESSAGE;
use std::path::PathBuf;

/// The facts of a submission that a parameter can give.
const FACTS: [&str; 8] =
    ["submission-id", "case", "received-at", "service", "area", "tenant", "kind", "test"];

/// Apply a mapping to a file.
#[derive(clap::Args)]
pub struct Arguments {
    /// The mapping's name; NAME#DOCUMENT for a document that it makes beside its message.
    #[arg(value_name = "MAPPING[#DOCUMENT]")]
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
    let (name, document) = match arguments.mapping.split_once('#') {
        Some((name, document)) => (name, Some(document)),
        None => (arguments.mapping.as_str(), None),
    };
    let entry = one(name, context)?;
    let mapping = entry.compile()?;
    let document = document.filter(|name| *name != MESSAGE).map(|name| known(&mapping, name)).transpose()?;
    let (source, facts) = (read_source(&arguments.file, &mapping)?, facts(&arguments.params, &mapping)?);
    let mapped = mapping.apply_to_case(&source, &facts, &Limits::default());
    let made = mapped.map_err(|fault| mapping_faults(fault, &arguments.file, &entry))?;
    context.put(arguments.output.as_deref(), made.get(document).unwrap_or_default())
}

/// A document that the mapping makes beside its message.
fn known<'m>(mapping: &'m Mapping, name: &str) -> Result<&'m DocumentName, Stop> {
    let found = mapping.documents().find(|document| document.as_str() == name);
    let names = || std::iter::once(MESSAGE).chain(mapping.documents().map(DocumentName::as_str));
    found.ok_or_else(|| unknown("document", name, &names().collect::<Vec<_>>()))
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
