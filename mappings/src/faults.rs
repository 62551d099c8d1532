//! What libxml2 and libxslt say of a stylesheet or schema, as faults with file, line and column.
//!
//! libxslt names a file, the line on which a start tag ends, and the element; the column is found in the source text.

use crate::ffi::{Collected, Event, Files, NodePlace, Report, file_of};
use crate::{place, scan};
use rohrpost_model::Fault;

/// Faults of compiling or running a stylesheet.
pub(crate) fn of_stylesheet(collected: &Collected, files: &Files) -> Vec<Fault> {
    let mut reader = Reader { files, faults: Vec::new(), open: None, details: Vec::new() };
    for event in &collected.events {
        match event {
            Event::Error(report) if report.domain == Report::FROM_XPATH => {
                reader.details.push(detail(report))
            }
            Event::Error(report) => reader.structured(report),
            Event::Text(text, at) => text.lines().for_each(|line| reader.line(line, at.as_ref())),
        }
    }
    reader.close();
    let alone = std::mem::take(&mut reader.details);
    reader.faults.extend(alone.into_iter().map(|message| Fault::of_file("", message)));
    reader.faults.extend(missing(collected));
    without_echoes(distinct(reader.faults))
}

/// libxslt says this of an expression whose fault has been told.
fn without_echoes(faults: Vec<Fault>) -> Vec<Fault> {
    let place = |fault: &Fault| (fault.file.clone(), fault.line, fault.column);
    let (echoes, mut told): (Vec<_>, Vec<_>) =
        faults.into_iter().partition(|fault| fault.message == NO_RESULT);
    let alone = |echo: &Fault| told.iter().all(|fault| place(fault) != place(echo));
    let alone: Vec<_> = echoes.into_iter().filter(alone).collect();
    told.extend(alone);
    told
}

const NO_RESULT: &str = "XPath evaluation returned no result.";

/// Faults of compiling a schema.
pub(crate) fn of_schema(collected: &Collected, files: &Files) -> Vec<Fault> {
    let errors = collected.events.iter().filter_map(|event| match event {
        Event::Error(report) if report.level > Report::WARNING => Some(schema_fault(report, files)),
        _ => None,
    });
    let mut faults: Vec<_> = errors.collect();
    faults.extend(missing(collected));
    distinct(faults)
}

/// The message of the `xsl:message` that ended a run, with its place.
pub(crate) fn last_message(collected: &Collected, files: &Files) -> Option<Fault> {
    let from_message = |event: &Event| match event {
        Event::Text(text, Some(at)) if at.name == "message" => Some((text.trim().to_owned(), at.clone())),
        _ => None,
    };
    let messages = collected.events.iter().filter_map(from_message);
    let (text, at) = messages.rev().find(|(text, _)| !text.is_empty())?;
    Some(at_node(&at, files, format!("the stylesheet ended itself: {text}")))
}

fn distinct(faults: Vec<Fault>) -> Vec<Fault> {
    let mut kept: Vec<Fault> = Vec::new();
    for fault in faults {
        if !kept.contains(&fault) {
            kept.push(fault);
        }
    }
    kept
}

fn missing(collected: &Collected) -> impl Iterator<Item = Fault> + '_ {
    let fault = |uri: &String| {
        Fault::of_file(file_of(uri), "is asked for, but does not lie in the mapping's folder")
            .hint("put the file there; nothing is loaded from elsewhere")
    };
    collected.missing.iter().map(fault)
}

fn detail(report: &Report) -> String {
    match report.detail.as_str() {
        "" => report.message.trim().to_owned(),
        expression => format!("{} in '{expression}'", report.message.trim()),
    }
}

fn schema_fault(report: &Report, files: &Files) -> Fault {
    let message = readable(&report.message);
    match &report.node {
        Some(at) => at_node(at, files, message),
        None => Fault::at(file_of(&report.file), report.line, 0, message),
    }
}

/// libxml2's message on one line, with the usual prefix for the namespace of XML Schema.
pub(crate) fn readable(message: &str) -> String {
    message.trim().replace("{http://www.w3.org/2001/XMLSchema}", "xs:").replace('\n', " ")
}

fn at_node(at: &NodePlace, files: &Files, message: String) -> Fault {
    let file = file_of(&at.file);
    let (line, column) = files.get(&file).map_or((0, 0), |text| of_element(text, at.index));
    Fault::at(file, line, column, message)
}

/// Line and column of the start tag of the element with this number.
pub(crate) fn of_element(text: &str, index: usize) -> (u32, u32) {
    scan::start_tags(text).get(index).map_or((0, 0), |tag| place::of(text, tag.start))
}

/// Line and column of the start tag of an `element` whose start tag ends on `line`.
fn of_tag_ending_on(text: &str, line: u32, element: &str) -> (u32, u32) {
    let is_named = |tag: &str| {
        let name =
            tag.trim_start_matches('<').split([' ', '\t', '\r', '\n', '/', '>']).next().unwrap_or_default();
        name.rsplit(':').next() == Some(element)
    };
    let ends_there = |end: usize| place::of(text, end.saturating_sub(1)).0 == line;
    let tags = scan::start_tags(text);
    let found = tags.iter().filter(|tag| is_named(&text[(*tag).clone()])).find(|tag| ends_there(tag.end));
    found.map_or((line, 0), |tag| place::of(text, tag.start))
}

/// Puts libxslt's texts together: a header with the place, then the message on lines of its own.
struct Reader<'f> {
    files: &'f Files,
    faults: Vec<Fault>,
    open: Option<Fault>,
    /// Errors of XPath, which come before the message of the instruction that they are in.
    details: Vec<String>,
}

impl Reader<'_> {
    fn structured(&mut self, report: &Report) {
        if report.level > Report::WARNING {
            self.faults.push(schema_fault(report, self.files));
        }
    }

    fn line(&mut self, line: &str, at: Option<&NodePlace>) {
        let line = line.trim();
        if line.is_empty() || at.is_some_and(|at| at.name == "message") {
            // What xsl:message says is no fault.
        } else if let Some(header) = Header::read(line) {
            self.close();
            let (line, column) = header.place(self.files);
            self.open = Some(Fault::at(header.file, line, column, String::new()));
        } else if let Some(open) = &mut self.open {
            let space = if open.message.is_empty() { "" } else { " " };
            open.message = format!("{}{space}{line}", open.message);
        } else {
            let fault =
                at.map_or_else(|| Fault::of_file("", line), |at| at_node(at, self.files, line.to_owned()));
            self.open = Some(fault);
        }
    }

    fn close(&mut self) {
        let details = std::mem::take(&mut self.details).join(", ");
        match self.open.take() {
            // Without a place it is a part of what comes next.
            Some(fault) if fault.file.is_empty() => {
                self.details.extend([details, fault.message].into_iter().filter(|text| !text.is_empty()))
            }
            Some(mut fault) => {
                if !details.is_empty() {
                    fault.message = format!("{} ({details})", fault.message);
                }
                self.faults.push(fault);
            }
            None if !details.is_empty() => self.details.push(details),
            None => {}
        }
    }
}

/// `compilation error: file bundle:///a.xsl line 3 element value-of`; each part after the first may be missing.
struct Header {
    file: String,
    line: u32,
    element: String,
}

impl Header {
    fn read(text: &str) -> Option<Self> {
        let rest = ["compilation error", "runtime error", "error"]
            .iter()
            .find_map(|kind| text.strip_prefix(kind))?;
        if rest.is_empty() {
            return Some(Self { file: String::new(), line: 0, element: String::new() });
        }
        let mut words = rest.strip_prefix(": ")?.split(' ');
        let mut header = Self { file: String::new(), line: 0, element: String::new() };
        while let Some(key) = words.next() {
            let value = words.next()?;
            match key {
                "file" => header.file = file_of(value),
                "line" => header.line = value.parse().ok()?,
                "element" => value.clone_into(&mut header.element),
                _ => return None,
            }
        }
        Some(header)
    }

    fn place(&self, files: &Files) -> (u32, u32) {
        let text = files.get(&self.file).filter(|_| !self.element.is_empty());
        text.map_or((self.line, 0), |text| of_tag_ending_on(text, self.line, &self.element))
    }
}
