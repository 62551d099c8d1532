//! The examples beside a mapping: `cases/NN.in.xml` and what must come out of it.

use crate::check::{is_json, is_xml};
use crate::diff;
use crate::facts::Facts;
use crate::ffi::Doc;
use crate::json::NotJson;
use crate::mapping::{Mapping, MappingFault, Output};
use crate::running::Limits;
use crate::xml::{NotWellFormed, Xml, XmlLimits};
use crate::xml_diff;
use rohrpost_model::DocumentName;
use std::collections::BTreeMap;

/// An example: a source and its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its name, for instance `01`.
    pub name: String,
    /// The source; for a mapping with `input = "envelope"` it may be a whole envelope.
    pub input: Vec<u8>,
    /// What must come out as the message.
    pub expected: Vec<u8>,
    /// What must come out beside it; a document of which nothing stands here is not compared.
    pub documents: BTreeMap<DocumentName, Vec<u8>>,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseResult {
    /// As expected.
    Passed,
    /// Something else came out.
    Differs {
        /// What differs: `-` was expected, `+` came out.
        difference: String,
        /// What came out.
        made: Output,
    },
    /// The input is no document.
    BadInput(NotWellFormed),
    /// The input is no JSON.
    BadJson(NotJson),
    /// Nothing came out.
    Failed(MappingFault),
}

/// Runs a case; what comes out is compared by [`Mapping::difference`].
pub fn run_case(mapping: &Mapping, case: &Case, facts: &Facts) -> CaseResult {
    let input = match input(mapping, &case.input) {
        Ok(input) => input,
        Err(bad) => return bad,
    };
    match mapping.apply_to_case(&input, facts, &Limits::default()) {
        Ok(made) => match differences(mapping, case, &made) {
            none if none.is_empty() => CaseResult::Passed,
            difference => CaseResult::Differs { difference, made },
        },
        Err(fault) => CaseResult::Failed(fault),
    }
}

/// How what came out differs from what was expected; that of documents beside the message under their names.
fn differences(mapping: &Mapping, case: &Case, made: &Output) -> String {
    let mut all = mapping.difference(&case.expected, &made.message).unwrap_or_default();
    for (name, expected) in &case.documents {
        let difference = match made.documents.get(name) {
            Some(made) => mapping.difference_of(Some(name), expected, made),
            None => Some("the mapping makes no such document".to_owned()),
        };
        if let Some(difference) = difference {
            let line = if all.is_empty() { "" } else { "\n" };
            all.push_str(&format!("{line}document {name}:\n{difference}"));
        }
    }
    all
}

/// For a mapping that takes JSON it is JSON, or an envelope, which begins with `<`.
fn input(mapping: &Mapping, bytes: &[u8]) -> Result<Xml, CaseResult> {
    let envelope = bytes.trim_ascii_start().starts_with(b"<");
    if mapping.takes_json() && !envelope {
        return Xml::from_json(bytes, &XmlLimits::default()).map_err(CaseResult::BadJson);
    }
    Xml::parse(bytes, &XmlLimits::default()).map_err(CaseResult::BadInput)
}

impl Mapping {
    /// How a message differs from what was expected, for people; `None` if it does not. XML is compared in canonical form,
    /// and without white space between elements where the stylesheet indents; JSON by value; all else byte for byte.
    pub fn difference(&self, expected: &[u8], made: &[u8]) -> Option<String> {
        self.difference_of(None, expected, made)
    }

    /// The same for a document beside the message.
    pub fn difference_of(&self, name: Option<&DocumentName>, expected: &[u8], made: &[u8]) -> Option<String> {
        let media_type = self.media_type_of(name).unwrap_or_default();
        let comparable = |bytes| comparable(media_type, self.indents(), bytes);
        let (old, new) = (comparable(expected), comparable(made));
        if old == new {
            return None;
        }
        let places = if is_xml(media_type) { in_places(expected, made) } else { None };
        Some(places.unwrap_or_else(|| diff::lines(&old, &new)))
    }
}

/// Where two documents differ; `None` where there is nothing to show of it.
fn in_places(expected: &[u8], made: &[u8]) -> Option<String> {
    let limits = XmlLimits { bytes: usize::MAX, ..XmlLimits::default() };
    let parse = |bytes| Xml::parse(bytes, &limits).ok();
    let (expected, made) = (parse(expected)?, parse(made)?);
    let places = xml_diff::differences(expected.doc().root()?, made.doc().root()?);
    (!places.is_empty()).then_some(places)
}

/// The text by which outputs are compared; the bytes as they are where they cannot be read.
fn comparable(media_type: &str, indented: bool, bytes: &[u8]) -> String {
    let read = match media_type {
        xml if is_xml(xml) => canonical(bytes, indented),
        json if is_json(json) => value(bytes),
        _ => None,
    };
    read.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
}

fn canonical(bytes: &[u8], indented: bool) -> Option<String> {
    let xml = Xml::parse(bytes, &XmlLimits { bytes: usize::MAX, ..XmlLimits::default() }).ok()?;
    let mut doc: Doc = xml.doc().copy()?;
    if indented {
        doc.strip_blanks();
    }
    let canonical = String::from_utf8(doc.canonical()?).ok()?;
    Some(canonical.replace("><", ">\n<"))
}

fn value(bytes: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    serde_json::to_string_pretty(&value).ok()
}
