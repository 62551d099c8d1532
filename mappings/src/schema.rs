//! XML Schema 1.0: compiling, and checking documents.

use crate::ffi::{Collected, CompiledSchema, Event, Files, Node, Report};
use crate::lexical::Literal;
use crate::standard::{RESERVED, without_doctype};
use crate::types::Types;
use crate::xml::{Xml, XmlLimits, parse_text};
use crate::{encoding, faults, place, typed};
use rohrpost_model::{Digest, Fault};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// So many violations of a document are reported at most.
pub const MAX_VIOLATIONS: usize = 100;

/// What in a document breaks the schema. `message` may quote the document: it goes to the sender and into no log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Line of the element's start tag, from 1.
    pub line: u32,
    /// Column of the element's start tag in characters, from 1.
    pub column: u32,
    /// Local name of the element.
    pub element: String,
    /// Names as the document writes them and positions among equals, from the root, such as `/a:x/y[2]`: an XPath, if
    /// the prefixes mean what they mean in the document; an element in a default namespace stands without a prefix.
    pub path: String,
    /// What is wrong and what was expected.
    pub message: String,
    /// The validation rule of XML Schema 1.0 that is broken (part 1, appendix C), for instance `cvc-pattern-valid`;
    /// of a rule of Schematron its id, or `schematron`.
    pub code: Cow<'static, str>,
}

/// A compiled schema. Many threads can use it at once.
pub struct Schema {
    file: String,
    compiled: CompiledSchema,
    types: Types,
    digest: Digest,
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Schema({})", self.digest)
    }
}

impl Schema {
    /// Compiles the schema at `path`. Includes and imports come from `files` only: by relative path, or, where a published
    /// schema names an address on the network, by its last segment.
    pub fn compile(files: &BTreeMap<String, Vec<u8>>, path: &str) -> Result<Self, Vec<Fault>> {
        let (files, faults) = sources(files, &["xsd"]);
        if !faults.is_empty() {
            return Err(faults);
        }
        Self::compile_from(&files, path)
    }

    pub(crate) fn compile_from(files: &Arc<Files>, path: &str) -> Result<Self, Vec<Fault>> {
        if !files.contains_key(path) {
            return Err(vec![Fault::of_file(path, "the schema is not there")]);
        }
        let (compiled, collected) = CompiledSchema::compile(files, path);
        let mut faults = faults::of_schema(&collected, files);
        match compiled {
            Some(compiled) if faults.is_empty() => {
                let digest = digest(files, path, &collected);
                Ok(Self {
                    file: path.to_owned(),
                    compiled,
                    types: Types::read(files, &collected.loaded),
                    digest,
                })
            }
            _ => {
                if faults.is_empty() {
                    faults.push(Fault::of_file(path, "the schema cannot be compiled"));
                }
                Err(faults)
            }
        }
    }

    /// The file that it begins with.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Names its content: that of the files it was compiled from, wherever they lie. Equal digests accept the same
    /// documents.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What in `xml` breaks the schema, in document order, at most [`MAX_VIOLATIONS`]; nothing if it is valid.
    pub fn validate(&self, xml: &Xml) -> Vec<Violation> {
        xml.doc().root().map_or_else(Vec::new, |root| self.validate_element(xml, root))
    }

    /// The same for one element of `xml` with all below it.
    pub(crate) fn validate_element(&self, xml: &Xml, element: Node<'_>) -> Vec<Violation> {
        let (valid, mut found) = self.judged(xml, element);
        for extra in typed::check(&self.types, element) {
            // Where libxml2 has seen it, too, what says more is kept.
            let known =
                |violation: &(usize, Violation)| violation.0 == extra.0 && violation.1.code == DATATYPE;
            if extra.1.code == "cvc-id" {
                found.retain(|violation| !known(violation) || !same_value(&violation.1, &extra.1));
            } else if found.iter().any(known) {
                continue;
            }
            found.push(extra);
        }
        if found.is_empty() && !valid {
            let at = element.located();
            found.push((at.index, Violation::new(element.name(), at.path, "invalid".into(), "cvc-elt")));
        }
        found.sort_by_key(|(index, _)| *index);
        found.truncate(MAX_VIOLATIONS);
        placed(found, xml)
    }
}

impl Schema {
    /// What libxml2 says: whether it is valid, and violations with the number of their element.
    fn judged(&self, xml: &Xml, element: Node<'_>) -> (bool, Vec<(usize, Violation)>) {
        let (valid, collected) = self.compiled.validate(xml.doc(), element);
        if valid {
            return (valid, violations(&collected));
        }
        let index = element.located().index;
        let literal = Literal::of(&self.types, xml.text(), element, index);
        let again =
            literal.trimmed.as_ref().and_then(|doc| Some((doc, doc.root()?.descendants().nth(index)?)));
        let (valid, collected) =
            again.map_or((valid, collected), |(doc, element)| self.compiled.validate(doc, element));
        let (refused, found): (Vec<_>, Vec<_>) = violations(&collected)
            .into_iter()
            .partition(|(index, violation)| literal.refuses_equal(*index, &violation.message));
        // Where nothing else was wrong, it is valid.
        (valid || (found.is_empty() && !refused.is_empty()), found)
    }
}

impl Violation {
    /// A violation whose place is not known yet.
    pub(crate) fn new(
        element: &str,
        path: String,
        message: String,
        code: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { line: 0, column: 0, element: element.to_owned(), path, message, code: code.into() }
    }
}

/// The files with one of these extensions, decoded, and the faults of those that are no documents.
pub(crate) fn sources(files: &BTreeMap<String, Vec<u8>>, extensions: &[&str]) -> (Arc<Files>, Vec<Fault>) {
    let limits = XmlLimits { bytes: 64 << 20, attributes: 1024, ..XmlLimits::default() };
    let mut texts = Files::new();
    let mut faults = Vec::new();
    let wanted =
        |path: &str| path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension));
    for (path, bytes) in files.iter().filter(|(path, _)| wanted(path)) {
        let decoded = encoding::decode(bytes).map(|text| match path.starts_with(RESERVED) {
            true => without_doctype(text),
            false => text,
        });
        match decoded {
            Ok(text) => match parse_text(&text, &limits, None) {
                Ok(_) => drop(texts.insert(path.clone(), text)),
                Err(bad) => faults.push(Fault::at(path, bad.line, bad.column, bad.message)),
            },
            Err(bad) => faults.push(Fault::at(path, bad.line, bad.column, bad.message)),
        }
    }
    (Arc::new(texts), faults)
}

fn digest(files: &Files, path: &str, collected: &Collected) -> Digest {
    let of = |path: &str| Digest::of(files.get(path).map_or(&[][..], |text| text.as_bytes()));
    let others: BTreeSet<Digest> = collected.loaded.iter().map(|loaded| of(loaded)).collect();
    let mut all = Vec::from(*of(path).as_bytes());
    others.iter().for_each(|other| all.extend(other.as_bytes()));
    Digest::of(&all)
}

const DATATYPE: &str = "cvc-datatype-valid";

/// Violations with the number of their element. libxml2 reports a value twice: the facet it breaks, then that it is not
/// valid; the second says nothing more and is left out.
fn violations(collected: &Collected) -> Vec<(usize, Violation)> {
    let mut found: Vec<(usize, Violation)> = Vec::new();
    for event in &collected.events {
        let Event::Error(Report {
            domain: Report::FROM_SCHEMA_VALIDATOR,
            code,
            message,
            node: Some(node),
            ..
        }) = event
        else {
            continue;
        };
        let code = rule(*code);
        let message = without_element(&faults::readable(message), &node.name);
        let follows = found.last().is_some_and(|(index, last)| {
            *index == node.index
                && code == DATATYPE
                && last.code != DATATYPE
                && same_subject(&last.message, &message)
        });
        if !follows {
            found.push((node.index, Violation::new(&node.name, node.path.clone(), message, code)));
        }
    }
    found
}

/// Whether the message that libxml2 wrote is about the value that the other quotes first.
fn same_value(theirs: &Violation, ours: &Violation) -> bool {
    let value = ours.message.split('\'').nth(1).unwrap_or_default();
    theirs.message.contains(&format!("'{value}' is not a valid value"))
}

/// Whether both messages are about the same attribute, or both about the element.
fn same_subject(one: &str, other: &str) -> bool {
    let attribute = |message: &str| {
        message.strip_prefix("attribute '").and_then(|rest| rest.split('\'').next().map(str::to_owned))
    };
    attribute(one) == attribute(other)
}

/// libxml2 begins with `Element '{namespace}name': ` or `Element '…', attribute 'x': `; the element has a field here.
fn without_element(message: &str, name: &str) -> String {
    let rest = message.strip_prefix("Element '").and_then(|rest| rest.split_once('\''));
    match rest {
        Some((element, rest)) if element.ends_with(name) => {
            rest.trim_start_matches([':', ',']).trim_start().to_owned()
        }
        _ => message.to_owned(),
    }
}

pub(crate) fn placed(found: Vec<(usize, Violation)>, xml: &Xml) -> Vec<Violation> {
    if found.is_empty() {
        return Vec::new();
    }
    let (text, starts) = xml.source();
    let mut cursor = place::Cursor::new(text);
    let place = |(index, violation): (usize, Violation)| {
        let (line, column) = starts.get(index).map_or((0, 0), |start| cursor.forward_to(*start));
        Violation { line, column, ..violation }
    };
    found.into_iter().map(place).collect()
}

/// libxml2's number (`xmlParserErrors`) as the rule's name in the recommendation.
fn rule(code: i32) -> &'static str {
    match code {
        1824..=1826 => DATATYPE,
        1827 | 1828 => "cvc-type",
        1829 => "cvc-facet-valid",
        1830 => "cvc-length-valid",
        1831 => "cvc-minLength-valid",
        1832 => "cvc-maxLength-valid",
        1833 => "cvc-minInclusive-valid",
        1834 => "cvc-maxInclusive-valid",
        1835 => "cvc-minExclusive-valid",
        1836 => "cvc-maxExclusive-valid",
        1837 => "cvc-totalDigits-valid",
        1838 => "cvc-fractionDigits-valid",
        1839 => "cvc-pattern-valid",
        1840 => "cvc-enumeration-valid",
        1841..=1844 | 1865..=1871 | 1873 => "cvc-complex-type",
        1861..=1864 => "cvc-attribute",
        1874 => "cvc-au",
        1875 | 1876 => "cvc-type",
        1877 => "cvc-identity-constraint",
        1878 => "cvc-wildcard",
        _ => "cvc-elt",
    }
}
