//! `rohrpost test [ROUTE|MAPPING]`: runs the cases beside mappings.

use super::Context;
use super::library::{self, Entry, unknown};
use crate::config;
use crate::faults::{Stop, plain};
use rohrpost_mappings::{Case, CaseResult, Facts, Mapping, MappingFault, line_diff, run_case};
use rohrpost_model::Fault;
use serde::Serialize;
use std::fs;
use std::io;
use std::path::Path;

/// Run the cases of mappings.
#[derive(clap::Args)]
pub struct Arguments {
    /// A mapping, or a route for the mappings of its steps; without it, all mappings.
    #[arg(value_name = "ROUTE|MAPPING")]
    name: Option<String>,
}

/// How a case ended.
#[derive(Serialize)]
struct Told {
    mapping: String,
    case: String,
    passed: bool,
    /// What is wrong: a line diff (`-` expected, `+` made), or faults with places.
    difference: String,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let mut all = Vec::new();
    for entry in chosen(arguments.name.as_deref(), context)? {
        all.extend(run_cases(&entry)?);
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
    context.line(format!("{word}  {} {}", told.mapping, told.case))?;
    told.difference.lines().try_for_each(|line| context.line(format!("        {line}")))
}

/// The mappings that are asked for.
fn chosen(name: Option<&str>, context: &Context<'_>) -> Result<Vec<Entry>, Stop> {
    let mut entries = library::all(context)?;
    let Some(name) = name else { return Ok(entries) };
    if entries.iter().any(|entry| entry.name == name) {
        entries.retain(|entry| entry.name == name);
        return Ok(entries);
    }
    let routes = config::route_mappings(&context.folder);
    if let Some((_, mappings)) = routes.iter().find(|(route, _)| route == name) {
        entries.retain(|entry| mappings.contains(&entry.name));
        return Ok(entries);
    }
    let names =
        entries.iter().map(|entry| entry.name.as_str()).chain(routes.iter().map(|(route, _)| route.as_str()));
    Err(unknown("route or mapping", name, &names.collect::<Vec<_>>()))
}

fn run_cases(entry: &Entry) -> Result<Vec<Told>, Stop> {
    let mapping = entry.compile()?;
    let folder = entry.folder.join("cases");
    let cases = find_cases(&folder).map_err(|error| Stop::file(&folder, &error))?;
    Ok(cases.into_iter().map(|case| run_one(entry, &mapping, &folder, case)).collect())
}

/// The names of the cases, sorted: `01` for `01.in.xml`. A mapping without the folder has none.
fn find_cases(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter_map(|name| Some(stem(&name)?.to_owned())).collect();
    names.sort();
    Ok(names)
}

fn run_one(entry: &Entry, mapping: &Mapping, folder: &Path, name: String) -> Told {
    let difference = match read_case(folder, &name) {
        Ok((case, Expected::Output)) => difference(mapping, &case),
        Ok((case, Expected::Faults)) => unlike(mapping, &case),
        Err(message) => Some(message),
    };
    let passed = difference.is_none();
    Told { mapping: entry.name.clone(), case: name, passed, difference: difference.unwrap_or_default() }
}

fn stem(file: &str) -> Option<&str> {
    file.strip_suffix(".in.xml").or_else(|| file.strip_suffix(".in.json"))
}

/// What a case expects.
enum Expected {
    /// The output.
    Output,
    /// That it is refused: the faults, as they are told.
    Faults,
}

/// `NN.in.xml` or `NN.in.json`, and the one file that begins with `NN.out.`; `NN.out.faults` expects faults.
fn read_case(folder: &Path, name: &str) -> Result<(Case, Expected), String> {
    let read = |file: &str| fs::read(folder.join(file)).map_err(|error| format!("{file}: {}", plain(&error)));
    let json = format!("{name}.in.json");
    let input = if folder.join(&json).exists() { read(&json)? } else { read(&format!("{name}.in.xml"))? };
    let wanted = format!("{name}.out.");
    let files = fs::read_dir(folder).map_err(|error| plain(&error))?.flatten();
    let names = files.filter_map(|entry| entry.file_name().into_string().ok());
    let found: Vec<_> = names.filter(|file| file.starts_with(&wanted)).collect();
    let [expected] = found.as_slice() else {
        return Err(format!(
            "there are {} files {wanted}*; there must be one that says what must come out",
            found.len()
        ));
    };
    let kind = if expected.ends_with(".out.faults") { Expected::Faults } else { Expected::Output };
    Ok((Case { name: name.to_owned(), input, expected: read(expected)? }, kind))
}

/// What is wrong with the result of a case, if anything is.
fn difference(mapping: &Mapping, case: &Case) -> Option<String> {
    match run_case(mapping, case, &Facts::sample()) {
        CaseResult::Passed => None,
        CaseResult::Differs(lines) => Some(lines),
        refused => told(refused, &case.name),
    }
}

/// What is wrong with how a case is refused, if anything is.
fn unlike(mapping: &Mapping, case: &Case) -> Option<String> {
    let expected = String::from_utf8_lossy(&case.expected);
    let made = match told(run_case(mapping, case, &Facts::sample()), &case.name) {
        Some(made) => made,
        None => return Some(format!("it is not refused, as {}.out.faults expects", case.name)),
    };
    let same = expected.trim_end() == made;
    (!same).then(|| line_diff(expected.trim_end(), &made))
}

/// The faults for which nothing came out.
fn told(result: CaseResult, case: &str) -> Option<String> {
    match result {
        CaseResult::Passed | CaseResult::Differs(_) => None,
        CaseResult::BadInput(bad) => {
            Some(Fault::at(format!("{case}.in.xml"), bad.line, bad.column, bad.message).to_string())
        }
        CaseResult::BadJson(bad) => Some(format!("{case}.in.json:{bad}")),
        CaseResult::Failed(fault) => Some(failure(&fault, case)),
    }
}

fn failure(fault: &MappingFault, case: &str) -> String {
    let faults = match fault {
        MappingFault::Source(found) => library::violations(&format!("{case}.in.xml"), found),
        MappingFault::Target(found) => library::violations("output", found),
        MappingFault::Transform(faults) => faults.clone(),
        MappingFault::Limit(limit) => return format!("the mapping exceeds its limit: {limit}"),
    };
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
