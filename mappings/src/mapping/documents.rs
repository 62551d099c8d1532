//! Several documents out of one run. With `[document.NAME]` in `mapping.toml` the stylesheet gives a wrapper around all of
//! them, the message included:
//!
//! ```xml
//! <d:documents xmlns:d="urn:rohrpost:documents:1">
//!   <d:document name="message"><nachricht>…</nachricht></d:document>
//!   <d:document name="index"><map xmlns="http://www.w3.org/2005/xpath-functions">…</map></d:document>
//! </d:documents>
//! ```
//!
//! Each becomes a document of its own and must fit its own schema and rules. One that is missing, that nobody asked for or
//! that is there twice is a fault: what leaves the house does not depend on a slip of the pen.

use super::{Mapping, MappingFault, Unchecked};
use crate::check::{self, Gate, is_xml};
use crate::facts::Facts;
use crate::ffi::{Made, Node};
use crate::manifest::DocumentTable;
use crate::running::{Limit, Limits};
use crate::schema::{Schema, Violation};
use crate::schematron::Rules;
use crate::xml::{Xml, XmlLimits};
use crate::{envelope, place};
use rohrpost_model::DocumentName;
use rohrpost_model::document::MESSAGE;
use std::collections::BTreeMap;

/// The namespace of the wrapper around several documents.
pub const DOCUMENTS_NAMESPACE: &str = "urn:rohrpost:documents:1";

/// All that a mapping made of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The message.
    pub message: Vec<u8>,
    /// The other documents, by name.
    pub documents: BTreeMap<DocumentName, Vec<u8>>,
}

impl Output {
    /// One of them; without a name the message.
    pub fn get(&self, name: Option<&DocumentName>) -> Option<&[u8]> {
        match name {
            None => Some(&self.message),
            Some(name) => self.documents.get(name).map(Vec::as_slice),
        }
    }

    /// Takes one out.
    pub fn take(&mut self, name: Option<&DocumentName>) -> Option<Vec<u8>> {
        match name {
            None => Some(std::mem::take(&mut self.message)),
            Some(name) => self.documents.remove(name),
        }
    }
}

/// A document beside the message: what it is, and what it must fit.
#[derive(Debug)]
pub(super) struct Beside {
    pub(super) table: DocumentTable,
    pub(super) gate: Gate,
}

/// The documents that a stylesheet made, as they stand in the wrapper.
type Wrapped = BTreeMap<String, Vec<u8>>;

impl Mapping {
    /// The names of the documents that it makes beside the message.
    pub fn documents(&self) -> impl Iterator<Item = &DocumentName> {
        self.beside.keys()
    }

    /// The media type of one of its documents, without a name of the message; `None` where it makes none that is called so.
    pub fn media_type_of(&self, name: Option<&DocumentName>) -> Option<&str> {
        match name {
            None => Some(self.media_type()),
            Some(name) => self.beside.get(name).map(|beside| beside.table.media_type.as_str()),
        }
    }

    /// The schema of one of its documents; without a name that of the message.
    pub fn schema_of(&self, name: Option<&DocumentName>) -> Option<&Schema> {
        match name {
            None => self.target_schema(),
            Some(name) => self.beside.get(name)?.gate.schema.as_ref(),
        }
    }

    /// The rules of a document beside the message.
    pub fn rules_of(&self, name: &DocumentName) -> Option<&Rules> {
        self.beside.get(name)?.gate.rules.as_ref()
    }

    /// For cases and `rohrpost map`: applies the mapping to data, or to an envelope as [`Mapping::apply_to_envelope`] does,
    /// and gives all that it makes.
    pub fn apply_to_case(&self, input: &Xml, facts: &Facts, limits: &Limits) -> Result<Output, MappingFault> {
        if self.takes_envelope() && input.root_name() == (envelope::ENVELOPE_NAMESPACE, "envelope") {
            return self.finished(self.transformed_envelope(input, facts, limits)?);
        }
        self.validate_source(input)?;
        match &self.transform {
            Some(transform) => {
                self.finished(self.run(transform, self.input(input, facts)?, facts, limits)?)
            }
            None => self.finished(Made::unseen(input.bytes().to_vec())),
        }
    }

    /// All documents of what the stylesheet made, if they are ones that the mapping may give.
    pub fn check_all(&self, made: Unchecked) -> Result<Output, MappingFault> {
        self.finished(made.0)
    }

    pub(super) fn finished(&self, made: Made) -> Result<Output, MappingFault> {
        if self.beside.is_empty() {
            let message = self.message(made)?;
            return Ok(Output { message, documents: BTreeMap::new() });
        }
        let mut wrapped = self.unwrapped(&made.bytes)?;
        let message = self.message(Made::unseen(wrapped.remove(MESSAGE).unwrap_or_default()))?;
        let one = |(name, beside): (&DocumentName, &Beside)| {
            let made = Made::unseen(wrapped.remove(name.as_str()).unwrap_or_default());
            let broken = |violations| MappingFault::Document(name.clone(), violations);
            Ok((
                name.clone(),
                document(made, beside.table.gives_json, &beside.table.media_type, &beside.gate, broken)?,
            ))
        };
        let documents = self.beside.iter().map(one).collect::<Result<_, MappingFault>>()?;
        Ok(Output { message, documents })
    }

    fn message(&self, made: Made) -> Result<Vec<u8>, MappingFault> {
        let gives_json = self.manifest.gives_json && self.transform.is_some();
        document(made, gives_json, self.media_type(), &self.target, MappingFault::Target)
    }

    /// Takes the documents out of their wrapper, each of the names that `mapping.toml` knows exactly once.
    fn unwrapped(&self, made: &[u8]) -> Result<Wrapped, MappingFault> {
        // What is wrapped may be as deep as a document of its own.
        let depth = XmlLimits::default().depth + 2;
        let limits = XmlLimits { bytes: usize::MAX, depth, ..XmlLimits::default() };
        let xml = Xml::parse(made, &limits).map_err(|bad| {
            let none = Violation::new("", String::new(), bad.message, "not-well-formed");
            fault(Violation { line: bad.line, column: bad.column, ..none })
        })?;
        let root = xml.doc().root().ok_or(MappingFault::Limit(Limit::Memory))?;
        if !is(root, "documents") {
            let what = "the stylesheet gives no d:documents, which a mapping with [document.…] does";
            return Err(fault(at(&xml, root, what.into())));
        }
        let mut found = Wrapped::new();
        for child in root.content() {
            let Some((name, content)) = self.one(&xml, child)? else { continue };
            if found.insert(name.clone(), content).is_some() {
                return Err(fault(at(&xml, child, format!("the document `{name}` is there twice"))));
            }
        }
        match self.names().find(|name| !found.contains_key(*name)) {
            Some(missing) => {
                let what =
                    format!("the document `{missing}` is missing; mapping.toml has: {}", self.listed());
                Err(fault(at(&xml, root, what)))
            }
            None => Ok(found),
        }
    }

    /// A document with its name; `None` for white space between documents.
    fn one(&self, xml: &Xml, child: Node<'_>) -> Result<Option<(String, Vec<u8>)>, MappingFault> {
        match child.own_text() {
            Some(text) if text.trim().is_empty() => return Ok(None),
            Some(_) => {
                let parent = child.parent().unwrap_or(child);
                return Err(fault(at(xml, parent, "beside documents stands text".into())));
            }
            None => {}
        }
        let name = child.attribute("name").filter(|_| is(child, "document"));
        let Some(name) = name else {
            let what = "in d:documents stands something else than d:document with a name";
            return Err(fault(at(xml, child, what.into())));
        };
        if !self.names().any(|known| known == name) {
            let what = format!("nobody asked for the document `{name}`; mapping.toml has: {}", self.listed());
            return Err(fault(at(xml, child, what)));
        }
        let content =
            if self.is_xml(&name) { element_of(xml, child, &name)? } else { text_of(xml, child, &name)? };
        Ok(Some((name, content)))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(MESSAGE).chain(self.beside.keys().map(DocumentName::as_str))
    }

    fn listed(&self) -> String {
        self.names().collect::<Vec<_>>().join(", ")
    }

    /// Whether a document is written as XML: one that is, or becomes JSON.
    fn is_xml(&self, name: &str) -> bool {
        let beside =
            self.beside.iter().find(|(known, _)| known.as_str() == name).map(|(_, beside)| &beside.table);
        let (json, media_type) = beside.map_or((self.manifest.gives_json, self.media_type()), |table| {
            (table.gives_json, &table.media_type)
        });
        json || is_xml(media_type)
    }
}

/// A schema holds for what the stylesheet made, before it becomes JSON.
fn document(
    made: Made,
    gives_json: bool,
    media_type: &str,
    gate: &Gate,
    broken: impl Fn(Vec<Violation>) -> MappingFault,
) -> Result<Vec<u8>, MappingFault> {
    let written_as = if gives_json { "application/xml" } else { media_type };
    let violations = check::output(&made, written_as, gate)?;
    if !violations.is_empty() {
        return Err(broken(violations));
    }
    match gives_json {
        true => check::json_of(&made.bytes).map_err(|violation| broken(vec![violation])),
        false => Ok(made.bytes),
    }
}

/// The one element in a document, as a document of its own.
fn element_of(xml: &Xml, document: Node<'_>, name: &str) -> Result<Vec<u8>, MappingFault> {
    let has_text = document.content().filter_map(|node| node.own_text()).any(|text| !text.trim().is_empty());
    let elements: Vec<_> = document.elements().collect();
    let [element] = elements.as_slice() else {
        let what = format!("the document `{name}` has {} elements; a document has one", elements.len());
        return Err(fault(at(xml, document, what)));
    };
    if has_text {
        return Err(fault(at(xml, document, format!("the document `{name}` has text beside its element"))));
    }
    let own = xml.doc().copy_of(*element).ok_or(MappingFault::Limit(Limit::Memory))?;
    let text = String::from_utf8(own.serialize()).map_err(|_| MappingFault::Limit(Limit::Memory))?;
    let is_there = |prefix: &str| own.root().is_some_and(|root| root.resolve(prefix).is_some());
    Ok(declared(text, document, is_there).into_bytes())
}

/// Names in content (`xsi:type="x:foo"`) mean the prefixes that the wrapper declares. Where such a prefix is named and not
/// declared, it is.
fn declared(text: String, document: Node<'_>, is_there: impl Fn(&str) -> bool) -> String {
    let mut declarations = String::new();
    let around = std::iter::successors(Some(document), Node::parent);
    let mut seen = Vec::new();
    for (prefix, namespace) in around.flat_map(|element| element.declarations()) {
        let wanted = !prefix.is_empty() && namespace != DOCUMENTS_NAMESPACE && !seen.contains(&prefix);
        seen.push(prefix);
        if wanted && !is_there(prefix) && text.contains(&format!("{prefix}:")) {
            declarations.push_str(&format!(" xmlns:{prefix}=\"{}\"", quick_xml::escape::escape(namespace)));
        }
    }
    let root = text.find("?>").map_or(0, |end| end + 2);
    let tag = text[root..].find('<').map_or(root, |begin| root + begin);
    let name_ends = text[tag..]
        .find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/'))
        .map_or(tag, |end| tag + end);
    let (before, after) = text.split_at(name_ends);
    format!("{before}{declarations}{after}")
}

/// The text in a document that is no XML.
fn text_of(xml: &Xml, document: Node<'_>, name: &str) -> Result<Vec<u8>, MappingFault> {
    match document.elements().next() {
        Some(element) => Err(fault(at(
            xml,
            element,
            format!("the document `{name}` is text, and an element stands in it"),
        ))),
        None => Ok(document.text().into_bytes()),
    }
}

fn is(node: Node<'_>, name: &str) -> bool {
    node.namespace() == DOCUMENTS_NAMESPACE && node.name() == name
}

fn fault(violation: Violation) -> MappingFault {
    MappingFault::Target(vec![violation])
}

/// What is wrong at an element of the wrapper.
fn at(xml: &Xml, element: Node<'_>, message: String) -> Violation {
    let located = element.located();
    let (text, starts) = xml.source();
    let (line, column) = starts.get(located.index).map_or((0, 0), |start| place::of(text, *start));
    Violation { line, column, ..Violation::new(element.name(), located.path, message, "documents") }
}
