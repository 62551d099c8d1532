//! What must come of a case of a route, as files in its folder `expected/`:
//!
//! | File | Says |
//! |---|---|
//! | `outcome.txt` | whether it is taken in, which route takes it, how each step ends. It must be there |
//! | `STEP.document.xml` (`.json`, …) | what the step's mapping makes, before the seal |
//! | `STEP.document.NAME.xml` (`.json`, …) | another of its documents, which goes along |
//! | `STEP.request.txt` | what would be sent |
//!
//! A document or request that is not there is not compared. What changes from run to run or from place to place is the same
//! in every case or left out: time and ids are fixed, signatures are placeholders, addresses (scheme, host, folder) are not
//! written, and what only follows from the message (its size and digest) is named instead of repeated.

use super::Outcome;
use crate::config::write_whole;
use crate::faults::{Stop, plain};
use rohrpost_engine::accept::Refusal;
use rohrpost_engine::catalog::Catalog;
use rohrpost_engine::trace::{StepEnd, StepTrace, Trace};
use rohrpost_gateway::problem::Problem;
use rohrpost_kit::http::Url;
use rohrpost_kit::template::extension;
use rohrpost_mappings::{Mapping, line_difference};
use rohrpost_model::document::Enclosed;
use rohrpost_model::ports::{Piece, Sends};
use rohrpost_model::{Digest, DocumentName};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The file that says how it ends.
const OUTCOME: &str = "outcome.txt";

/// What came of a case, by the names of the files that say so.
pub(super) struct Expected(BTreeMap<String, Made>);

/// The content of one file.
struct Made {
    content: Vec<u8>,
    /// By what it is compared, and which of its documents it is; without one, line by line.
    mapping: Option<(Arc<Mapping>, Option<DocumentName>)>,
}

impl Made {
    fn text(text: String) -> Self {
        Self { content: text.into_bytes(), mapping: None }
    }

    fn difference(&self, expected: &[u8]) -> Option<String> {
        match &self.mapping {
            Some((mapping, document)) => mapping.difference_of(document.as_ref(), expected, &self.content),
            None if expected == self.content => None,
            None => {
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                Some(line_difference(&text(expected), &text(&self.content)))
            }
        }
    }
}

impl Expected {
    /// What came of a case of `route`.
    pub(super) fn of(mut trace: Trace, route: &str, catalog: &Catalog) -> Self {
        let door = door(std::mem::replace(&mut trace.door, Ok(())));
        let outcome = outcome(&trace, &door, route);
        let mut files = BTreeMap::from([(OUTCOME.to_owned(), Made::text(outcome))]);
        for step in &trace.steps {
            let mapping = step.step.mapping.as_ref().and_then(|name| catalog.mappings.get(name));
            let output = step.mapping.as_ref().and_then(|seen| seen.output.clone());
            if let (Some(mapped), Some(content)) = (mapping, output) {
                let (mapping, document) = (Arc::clone(&mapped.mapping), step.step.document.clone());
                let media_type = mapping.media_type_of(document.as_ref()).unwrap_or_default();
                let name = format!("{}.document.{}", step.step.name, extension(media_type));
                files.insert(name, Made { content, mapping: Some((mapping, document)) });
            }
            files.extend(mapping.into_iter().flat_map(|mapped| enclosed(step, &mapped.mapping)));
            if let Some(preview) = &step.preview {
                let text = request(&preview.sends, step);
                files.insert(format!("{}.request.txt", step.step.name), Made::text(text));
            }
        }
        Self(files)
    }

    /// Holds it against what lies in `folder`, or writes it there.
    pub(super) fn compare(&self, folder: &Path, accept: bool) -> Result<Outcome, Stop> {
        let there = files_in(folder)?;
        let mut outcome = Outcome::default();
        for (name, made) in &self.0 {
            let path = folder.join(name);
            let expected = if there.contains(name) { Some(super::super::read_file(&path)?) } else { None };
            let difference = match &expected {
                Some(expected) => made.difference(expected),
                None if accept => Some(String::new()),
                None if name == OUTCOME => Some("it is not there; have it written with --accept".to_owned()),
                None => None,
            };
            match difference {
                Some(_) if accept => {
                    fs::create_dir_all(folder).map_err(|error| Stop::file(folder, &error))?;
                    write_whole(&path, &made.content, 0o644).map_err(|error| Stop::file(&path, &error))?;
                    outcome.written.push(path);
                }
                Some(difference) => outcome.add(name, &difference),
                None => {}
            }
        }
        for name in there.iter().filter(|name| !self.0.contains_key(*name)) {
            outcome.add(name, "nothing of this kind was made; remove the file, or find out why not");
        }
        Ok(outcome)
    }
}

/// The documents that go along, by the names of their files.
fn enclosed(step: &StepTrace, mapping: &Arc<Mapping>) -> Vec<(String, Made)> {
    let all = step.document.iter().flat_map(|document| &document.enclosed);
    let file = |one: &Enclosed| {
        let name = format!("{}.document.{}.{}", step.step.name, one.name, extension(&one.media_type));
        let mapping = (Arc::clone(mapping), step.step.enclosed(&one.name).cloned());
        (name, Made { content: one.content.to_vec(), mapping: Some(mapping) })
    };
    all.map(file).collect()
}

impl Outcome {
    fn add(&mut self, file: &str, difference: &str) {
        self.difference.push_str(&format!("expected/{file}:\n"));
        difference.lines().for_each(|line| self.difference.push_str(&format!("  {line}\n")));
    }
}

fn files_in(folder: &Path) -> Result<BTreeSet<String>, Stop> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(Stop::Failed(format!("{}: {}", folder.display(), plain(&error)))),
        Ok(entries) => {
            Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
        }
    }
}

/// What a sender would be answered: the word of the problem, and the first place that it names.
fn door(door: Result<(), Refusal>) -> String {
    let Err(refusal) = door else { return "accepted".to_owned() };
    let problem = Problem::from(refusal);
    let told = problem.to_json();
    let at = told["violations"].get(0).unwrap_or(&told);
    let place = match (at["line"].as_u64(), at["column"].as_u64()) {
        (Some(line), Some(column)) => format!(" at {line}:{column}"),
        _ => String::new(),
    };
    format!("refused, {}{place}", problem.kind().slug())
}

/// How it ends, a line each: at the door, at the routes, at every step.
fn outcome(trace: &Trace, door: &str, route: &str) -> String {
    let taken = match &trace.route {
        Ok(name) if name.as_str() == route => name.to_string(),
        Ok(name) => format!("{name}, not {route}"),
        Err(_) => "none".to_owned(),
    };
    let tenant = trace.tenant.as_ref().map_or("none", |tenant| tenant.as_str());
    let steps: String =
        trace.steps.iter().map(|step| format!("step {}: {}\n", step.step.name, end(step))).collect();
    format!("door: {door}\ntenant: {tenant}\nroute: {taken}\n{steps}")
}

fn end(step: &StepTrace) -> String {
    let destination = step.destination.as_ref().map_or("none", |name| name.as_str());
    match &step.end {
        StepEnd::Sends => format!("sends to {destination}"),
        StepEnd::Skipped => "skipped".to_owned(),
        StepEnd::Fails(reason) => {
            let place = reason.place.as_ref().filter(|place| place.line > 0);
            let place =
                place.map_or_else(String::new, |place| format!(" at {}:{}", place.line, place.column));
            let code = serde_json::to_value(reason.code).unwrap_or_default();
            format!("fails, {}{place}", code.as_str().unwrap_or("-"))
        }
    }
}

/// What would be sent, without the address.
fn request(sends: &Sends, step: &StepTrace) -> String {
    let mut text = String::new();
    match sends {
        Sends::Request { method, url, headers, body } => {
            text.push_str(&format!("{method} {}\n", path_of(url)));
            headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\n")));
            text.push('\n');
            body.iter().for_each(|piece| put(piece, step, &mut text));
        }
        Sends::Files { files, .. } => {
            for (name, piece) in files {
                text.push_str(&format!("file {name}\n"));
                put(piece, step, &mut text);
                text.push_str("\n\n");
            }
        }
    }
    format!("{}\n", text.trim_end())
}

fn path_of(url: &str) -> String {
    let path = |url: Url| match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    Url::parse(url).map_or_else(|_| url.to_owned(), path)
}

fn put(piece: &Piece, step: &StepTrace, text: &mut String) {
    match piece {
        Piece::Message => text.push_str("[message]"),
        Piece::Signature => text.push_str("[signature]"),
        Piece::Enclosed(name) => text.push_str(&format!("[document {name}]")),
        Piece::Attachment(number) => text.push_str(&format!("[attachment {number}]")),
        Piece::Bytes(bytes) => {
            let own = String::from_utf8_lossy(bytes).replace('\r', "");
            text.push_str(&without_consequences(&own, step));
        }
    }
}

/// What only follows from the message would change with every word of it, and says nothing that its document does not.
fn without_consequences(text: &str, step: &StepTrace) -> String {
    let Some(document) = &step.document else { return text.to_owned() };
    let mut text = text.to_owned();
    let digests = [
        (Some(Digest::of(&document.message)), "[sha256 of the message]"),
        (document.signature.as_deref().map(Digest::of), "[sha256 of the signature]"),
        (step.sent_sha256, "[sha256 of all]"),
    ];
    for (digest, name) in digests {
        if let Some(digest) = digest {
            text = text.replace(&digest.to_string(), name);
        }
    }
    let size = |size: usize| format!("\"size\": {size},");
    for Enclosed { name, content, .. } in &document.enclosed {
        text = text.replace(&Digest::of(content).to_string(), &format!("[sha256 of the document {name}]"));
        text = text.replace(&size(content.len()), &format!("\"size\": [size of the document {name}],"));
    }
    text.replace(&size(document.message.len()), "\"size\": [size of the message],")
}
