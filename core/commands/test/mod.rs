//! `rohrpost test [ROUTE|MAPPING]`: runs the cases beside mappings and routes.
//!
//! | To find | Look in |
//! |---|---|
//! | cases of mappings | [`mapping_cases`] |
//! | cases of routes | [`route_cases`], read by `case_folder`, compared by `expected` |

mod case_folder;
mod expected;
mod mapping_cases;
mod placeholder;
mod route_cases;

use super::Context;
use super::library::{self, Entry, unknown};
use crate::config;
use crate::faults::Stop;
use route_cases::RouteCases;
use serde::Serialize;
use std::path::PathBuf;

/// Run the cases of mappings and of routes.
#[derive(clap::Args)]
pub struct Arguments {
    /// A mapping; or a route, for its own cases and those of the mappings of its steps; or one case, as NAME/CASE. Without
    /// it, all.
    #[arg(value_name = "ROUTE|MAPPING[/CASE]")]
    name: Option<String>,
    /// Write what comes out as what must come out, where they differ, and say which files. Read them before you commit
    /// them.
    #[arg(long)]
    accept: bool,
}

/// How a case ended.
#[derive(Serialize)]
struct Told {
    #[serde(skip_serializing_if = "Option::is_none")]
    mapping: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<String>,
    case: String,
    passed: bool,
    /// What is wrong: a difference (`-` expected, `+` made), or faults with places.
    difference: String,
    /// The expectations that were written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    written: Vec<PathBuf>,
}

/// What came of the comparison of a case.
#[derive(Default)]
struct Outcome {
    /// What differs; nothing where the case passes.
    difference: String,
    written: Vec<PathBuf>,
}

/// What is to be run.
struct Chosen {
    mappings: Vec<Entry>,
    /// The names of routes.
    routes: Vec<String>,
    /// One case only.
    case: Option<String>,
}

impl Chosen {
    fn wants(&self, case: &str) -> bool {
        self.case.as_deref().is_none_or(|wanted| wanted == case)
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let chosen = chosen(arguments.name.as_deref(), context)?;
    let mut all = Vec::new();
    for entry in &chosen.mappings {
        all.extend(mapping_cases::run(entry, &chosen, arguments.accept)?);
    }
    // The whole configuration is needed for routes only: who writes a mapping has other worries.
    let cases = RouteCases::find(&chosen, context)?;
    if !cases.is_empty() {
        all.extend(cases.run(context, arguments.accept)?);
    }
    if all.is_empty() && chosen.case.is_some() {
        return Err(Stop::Usage(format!(
            "there is no case `{}`",
            arguments.name.as_deref().unwrap_or_default()
        )));
    }
    let failed = all.iter().filter(|told| !told.passed).count();
    if context.json {
        context.json(&serde_json::json!({ "cases": all, "failed": failed }))?;
    } else {
        all.iter().try_for_each(|told| tell(told, context))?;
        context.line(format!("{} cases, {failed} failed", all.len()))?;
    }
    if failed == 0 { Ok(()) } else { Err(Stop::Negative) }
}

fn tell(told: &Told, context: &mut Context<'_>) -> Result<(), Stop> {
    let word = if told.passed { "ok    " } else { "FAILED" };
    let route = told.route.as_ref().map(|route| format!("route {route}"));
    let of = told.mapping.as_ref().or(route.as_ref()).map_or("-", String::as_str);
    context.line(format!("{word}  {of} {}", told.case))?;
    told.difference.lines().try_for_each(|line| context.line(format!("        {line}")))?;
    told.written.iter().try_for_each(|path| context.line(format!("wrote   {}", path.display())))
}

/// The mappings and routes that are asked for.
fn chosen(name: Option<&str>, context: &Context<'_>) -> Result<Chosen, Stop> {
    let mut mappings = library::all(context)?;
    let routes = config::route_mappings(&context.folder);
    let Some(name) = name else {
        let routes = routes.into_iter().map(|(route, _)| route).collect();
        return Ok(Chosen { mappings, routes, case: None });
    };
    let (name, case) = match name.split_once('/') {
        Some((name, case)) => (name, Some(case.to_owned())),
        None => (name, None),
    };
    if mappings.iter().any(|entry| entry.name == name) {
        mappings.retain(|entry| entry.name == name);
        return Ok(Chosen { mappings, routes: Vec::new(), case });
    }
    if let Some((route, used)) = routes.iter().find(|(route, _)| route == name) {
        // One case of a route is none of its mappings.
        mappings.retain(|entry| case.is_none() && used.contains(&entry.name));
        return Ok(Chosen { mappings, routes: vec![route.clone()], case });
    }
    let known = mappings.iter().map(|entry| entry.name.as_str());
    let known: Vec<_> = known.chain(routes.iter().map(|(route, _)| route.as_str())).collect();
    Err(unknown("route or mapping", name, &known))
}
