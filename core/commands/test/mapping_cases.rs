//! The cases beside a mapping: `cases/NN.in.xml` and `cases/NN.out.xml`, or `cases/NN.out.faults` where it is to be refused;
//! `cases/NN.NAME.out.json` for a document beside the message.

use super::{Chosen, Outcome, Told};
use crate::commands::library::{self, Entry};
use crate::config::write_whole;
use crate::faults::{Stop, plain};
use rohrpost_kit::template::extension;
use rohrpost_mappings::{Case, CaseResult, Facts, Mapping, MappingFault, Output, line_difference, run_case};
use rohrpost_model::{DocumentName, Fault};
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
    let is_refused = path.extension().is_some_and(|extension| extension == FAULTS);
    let beside = if is_refused { Vec::new() } else { beside(mapping, folder, name, accept)? };
    let documents = beside.iter().map(|one| (one.name.clone(), one.expected.clone())).collect();
    let case = Case { name: name.to_owned(), input, expected, documents };
    let ended = run_case(mapping, &case, &Facts::sample());
    if is_refused {
        return refused(&ended, &case, path, accept);
    }
    match ended {
        CaseResult::Passed => Ok(Outcome::default()),
        CaseResult::Differs { made, .. } if accept => {
            accepted(mapping, (path, &case.expected), &beside, &made)
        }
        CaseResult::Differs { difference, .. } => Err(difference),
        other => Err(told(&other, name).unwrap_or_default()),
    }
}

/// What must come out as one document beside the message.
struct Beside {
    name: DocumentName,
    path: PathBuf,
    expected: Vec<u8>,
}

/// What must come out beside the message: a file `NN.NAME.out.*` for each of the mapping's documents.
fn beside(mapping: &Mapping, folder: &Path, case: &str, accept: bool) -> Result<Vec<Beside>, String> {
    let of = |name: &DocumentName| {
        let begin = format!("{case}.{name}.out.");
        let extension = extension(mapping.media_type_of(Some(name)).unwrap_or_default());
        let (path, expected) = match the_one(folder, &begin)? {
            Some(path) => (path.clone(), fs::read(&path).map_err(|error| plain(&error))?),
            None if accept => (folder.join(format!("{begin}{extension}")), Vec::new()),
            None => {
                return Err(format!("there is no file {begin}*; write it, or have it written with --accept"));
            }
        };
        Ok(Beside { name: name.clone(), path, expected })
    };
    mapping.documents().map(of).collect()
}

/// Writes what came out where it differs.
fn accepted(
    mapping: &Mapping,
    (path, expected): (PathBuf, &[u8]),
    beside: &[Beside],
    made: &Output,
) -> Result<Outcome, String> {
    let message = (path, None, expected);
    let others = beside.iter().map(|one| (one.path.clone(), Some(&one.name), one.expected.as_slice()));
    let mut all = Outcome::default();
    for (path, name, expected) in std::iter::once(message).chain(others) {
        let made = made.get(name).unwrap_or_default();
        if mapping.difference_of(name, expected, made).is_some() {
            all.written.extend(write(path, made)?.written);
        }
    }
    Ok(all)
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
    Ok((input, the_one(folder, &format!("{name}.out."))?))
}

/// The one file that begins so, if there is any.
fn the_one(folder: &Path, wanted: &str) -> Result<Option<PathBuf>, String> {
    let files = fs::read_dir(folder).map_err(|error| plain(&error))?.flatten();
    let names = files.filter_map(|entry| entry.file_name().into_string().ok());
    let mut found = names.filter(|file| file.starts_with(wanted));
    match (found.next(), found.count()) {
        (Some(file), 0) => Ok(Some(folder.join(file))),
        (None, _) => Ok(None),
        (Some(_), more) => {
            Err(format!("there are {} files {wanted}*; one says what must come out", more + 1))
        }
    }
}

fn failure(fault: &MappingFault, case: &str) -> String {
    let faults = match fault {
        MappingFault::Source(found) => library::violations(&format!("{case}.in.xml"), found),
        MappingFault::Target(found) => library::violations("output", found),
        MappingFault::Document(name, found) => library::violations(&format!("output#{name}"), found),
        MappingFault::Transform(faults) => faults.clone(),
        MappingFault::Limit(limit) => return format!("the mapping exceeds its limit: {limit}"),
    };
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
