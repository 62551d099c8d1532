//! The cases beside a mapping: `cases/NN.in.xml` and `cases/NN.out.xml`, or `cases/NN.out.faults` where it is to be refused.

use super::{Chosen, Outcome, Told};
use crate::commands::library::{self, Entry};
use crate::config::write_whole;
use crate::faults::{Stop, plain};
use rohrpost_kit::template::extension;
use rohrpost_mappings::{Case, CaseResult, Facts, Mapping, MappingFault, line_difference, run_case};
use rohrpost_model::Fault;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// `NN.out.faults` holds the faults with which a case must be refused.
const FAULTS: &str = "faults";

/// Runs those that are asked for.
pub(super) fn run(entry: &Entry, chosen: &Chosen, accept: bool) -> Result<Vec<Told>, Stop> {
    let mapping = entry.compile()?;
    let folder = entry.folder.join("cases");
    let cases = find_cases(&folder).map_err(|error| Stop::file(&folder, &error))?;
    let wanted = cases.into_iter().filter(|case| chosen.wants(case));
    Ok(wanted.map(|case| run_one(entry, &mapping, &folder, case, accept)).collect())
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

fn stem(file: &str) -> Option<&str> {
    file.strip_suffix(".in.xml").or_else(|| file.strip_suffix(".in.json"))
}

fn run_one(entry: &Entry, mapping: &Mapping, folder: &Path, name: String, accept: bool) -> Told {
    let outcome = outcome(mapping, folder, &name, accept);
    let Outcome { difference, written } =
        outcome.unwrap_or_else(|difference| Outcome { difference, written: Vec::new() });
    let (mapping, passed) = (Some(entry.name.clone()), difference.is_empty());
    Told { mapping, route: None, case: name, passed, difference, written }
}

fn outcome(mapping: &Mapping, folder: &Path, name: &str, accept: bool) -> Result<Outcome, String> {
    let new = || folder.join(format!("{name}.out.{}", extension(mapping.media_type())));
    let (input, found) = read_case(folder, name)?;
    let (path, expected) = match found {
        Some(path) => (path.clone(), fs::read(&path).map_err(|error| plain(&error))?),
        None if accept => (new(), Vec::new()),
        None => {
            return Err(format!("there is no file {name}.out.*; write it, or have it written with --accept"));
        }
    };
    let case = Case { name: name.to_owned(), input, expected };
    let ended = run_case(mapping, &case, &Facts::sample());
    if path.extension().is_some_and(|extension| extension == FAULTS) {
        return refused(&ended, &case, path, accept);
    }
    match ended {
        CaseResult::Passed => Ok(Outcome::default()),
        CaseResult::Differs { made, .. } if accept => write(path, &made),
        CaseResult::Differs { difference, .. } => Err(difference),
        other => Err(told(&other, name).unwrap_or_default()),
    }
}

/// A case that expects that it is refused, and how. What is not refused is never accepted for it.
fn refused(ended: &CaseResult, case: &Case, path: PathBuf, accept: bool) -> Result<Outcome, String> {
    let expected = String::from_utf8_lossy(&case.expected);
    let name = &case.name;
    let made =
        told(ended, name).ok_or_else(|| format!("it is not refused, as {name}.out.{FAULTS} expects"))?;
    match (expected.trim_end() == made, accept) {
        (true, _) => Ok(Outcome::default()),
        (false, true) => write(path, format!("{made}\n").as_bytes()),
        (false, false) => Err(line_difference(expected.trim_end(), &made)),
    }
}

fn write(path: PathBuf, content: &[u8]) -> Result<Outcome, String> {
    write_whole(&path, content, 0o644).map_err(|error| format!("{}: {}", path.display(), plain(&error)))?;
    Ok(Outcome { difference: String::new(), written: vec![path] })
}

/// The faults for which nothing came out.
fn told(ended: &CaseResult, case: &str) -> Option<String> {
    match ended {
        CaseResult::Passed | CaseResult::Differs { .. } => None,
        CaseResult::BadInput(bad) => {
            let file = format!("{case}.in.xml");
            Some(Fault::at(file, bad.line, bad.column, bad.message.clone()).to_string())
        }
        CaseResult::BadJson(bad) => Some(format!("{case}.in.json:{bad}")),
        CaseResult::Failed(fault) => Some(failure(fault, case)),
    }
}

/// The content of `NN.in.xml` or `NN.in.json`, and the one file that begins with `NN.out.`.
fn read_case(folder: &Path, name: &str) -> Result<(Vec<u8>, Option<PathBuf>), String> {
    let read = |file: &str| fs::read(folder.join(file)).map_err(|error| format!("{file}: {}", plain(&error)));
    let json = format!("{name}.in.json");
    let input = if folder.join(&json).exists() { read(&json)? } else { read(&format!("{name}.in.xml"))? };
    let wanted = format!("{name}.out.");
    let files = fs::read_dir(folder).map_err(|error| plain(&error))?.flatten();
    let names = files.filter_map(|entry| entry.file_name().into_string().ok());
    let mut found = names.filter(|file| file.starts_with(&wanted));
    match (found.next(), found.count()) {
        (Some(file), 0) => Ok((input, Some(folder.join(file)))),
        (None, _) => Ok((input, None)),
        (Some(_), more) => {
            Err(format!("there are {} files {wanted}*; one says what must come out", more + 1))
        }
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
