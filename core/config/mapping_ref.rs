//! How a step names its mapping: `NAME`, or `NAME#DOCUMENT` where another of its documents is the message of the step; and
//! what a step makes of the documents that there are.

use super::reader::{Faults, Place, Placed};
use super::routes::StepDraft;
use rohrpost_kit::settings::nearest;
use rohrpost_model::document::MESSAGE;
use rohrpost_model::{DocumentName, Fault, MappingName};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A mapping, and which of its documents is meant; without one its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingRef {
    /// The mapping.
    pub name: MappingName,
    /// The document.
    pub document: Option<DocumentName>,
}

impl FromStr for MappingRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, document) = match text.split_once('#') {
            Some((name, document)) => (name, Some(document)),
            None => (text, None),
        };
        let name = name.parse::<MappingName>().map_err(|error| error.to_string())?;
        let document = document.filter(|document| *document != MESSAGE).map(str::parse).transpose();
        let document = document.map_err(|error: rohrpost_model::BadName| error.to_string())?;
        Ok(Self { name, document })
    }
}

impl fmt::Display for MappingRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.document {
            Some(document) => write!(f, "{}#{document}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

impl StepDraft {
    /// Notes documents that its mapping does not make. `made` are the names of those that it makes beside its message; `None`
    /// where nobody knows.
    pub fn check_documents(&self, made: &dyn Fn(&str) -> Option<Vec<String>>, faults: &Faults) {
        let Some(mapping) = &self.mapping else {
            if let Some(first) = self.with.first() {
                let fault = first.at.fault("without a mapping there is no document to go along");
                faults.note(fault.hint("name a mapping, or take `with` out"));
            }
            return;
        };
        let Some(made) = made(mapping.name.as_str()) else { return };
        let known: BTreeSet<&str> = made.iter().map(String::as_str).chain([MESSAGE]).collect();
        let own = mapping.document.as_ref().map_or(MESSAGE, DocumentName::as_str);
        if !known.contains(own) {
            faults.note(no_document(&mapping.at, mapping, own, &known));
        }
        let mut seen = BTreeSet::from([own]);
        for name in &self.with {
            if !known.contains(name.as_str()) {
                faults.note(no_document(&name.at, mapping, name.as_str(), &known));
            } else if !seen.insert(name.as_str()) {
                let what = match name.as_str() == own {
                    true => format!("the document `{own}` is the message of the step"),
                    false => format!("the document `{}` stands here twice", **name),
                };
                faults.note(name.at.fault(what).hint("take it out"));
            }
        }
    }
}

fn no_document(at: &Place, mapping: &MappingRef, name: &str, known: &BTreeSet<&str>) -> Fault {
    let listed = known.iter().copied().collect::<Vec<_>>().join(", ");
    let hint = match nearest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`? It makes: {listed}"),
        None => format!("it makes: {listed}"),
    };
    at.fault(format!("the mapping `{}` makes no document `{name}`", mapping.name)).hint(hint)
}

/// Notes documents that go along to a destination without a place for them; `None` in `takes` where nobody knows.
pub fn check_place(with: &[Placed<DocumentName>], destination: &str, takes: Option<bool>, faults: &Faults) {
    if let (Some(first), Some(false)) = (with.first(), takes) {
        let what = format!("the destination `{destination}` has no place for documents that go along");
        let hint = "with the adapter http add [[http.part]] with content = \"documents\"; or name another destination, or take `with` out";
        faults.note(first.at.fault(what).hint(hint));
    }
}
