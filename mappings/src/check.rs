//! Looks that libxml2 and libxslt do not take: at stylesheets before they are compiled, and at output before it leaves.

use crate::ffi::{Doc, Files, Made, Node};
use crate::mapping::MappingFault;
use crate::schema::{Schema, Violation};
use crate::schematron::Rules;
use crate::xml::{Xml, XmlLimits};
use crate::{calls, faults, json, place};
use rohrpost_model::Fault;
use std::collections::HashSet;

pub(crate) const XSL: &str = "http://www.w3.org/1999/XSL/Transform";
const EXSLT_FUNCTIONS: &str = "http://exslt.org/functions";

/// What the stylesheets of a bundle show.
#[derive(Default)]
pub(crate) struct Look {
    pub(crate) faults: Vec<Fault>,
    /// Whether one declares a function with `func:function`.
    pub(crate) declares_functions: bool,
}

/// Looks at every stylesheet of a bundle for what libxslt accepts and what would fail or differ only when it runs.
pub(crate) fn stylesheets<'l>(files: &Files, lists: impl Iterator<Item = &'l String> + Clone) -> Look {
    let parsed = files.iter().filter_map(|(path, text)| Some((path, text, Doc::parse(text, None).ok()?)));
    let parsed: Vec<_> =
        parsed.filter(|(_, _, doc)| doc.root().is_some_and(|root| root.namespace() == XSL)).collect();
    let elements = || {
        parsed.iter().flat_map(|(path, text, doc)| {
            let all = doc.root().into_iter().flat_map(|root| root.descendants()).enumerate();
            all.map(move |(index, node)| (*path, *text, index, node))
        })
    };
    let templates: HashSet<String> = elements()
        .filter(|(.., node)| is(*node, "template"))
        .filter_map(|(.., node)| node.attribute("name"))
        .collect();
    let mut look = Look::default();
    for (path, text, index, node) in elements() {
        look.declares_functions |= node.namespace() == EXSLT_FUNCTIONS && node.name() == "function";
        let own = fault(node, &templates).map(|(message, hint)| (message, hint.to_owned()));
        for (message, hint) in own.into_iter().chain(calls::faults(node, lists.clone())) {
            let (line, column) = faults::of_element(text, index);
            look.faults.push(Fault::at(path, line, column, message).hint(hint));
        }
    }
    look
}

fn is(node: Node<'_>, name: &str) -> bool {
    node.namespace() == XSL && node.name() == name
}

fn fault(node: Node<'_>, templates: &HashSet<String>) -> Option<(String, &'static str)> {
    if is(node, "sort") && node.attribute("lang").is_some() {
        let message = "xsl:sort with lang sorts as the machine's locales say, so the output would depend on the machine";
        return Some((message.into(), "leave lang out: sorting is by code point then"));
    }
    let called = node.attribute("name").filter(|_| is(node, "call-template"))?;
    let unknown = !called.contains(':') && !templates.contains(&called);
    unknown.then(|| (format!("there is no template `{called}`"), "name one of the mapping's stylesheets"))
}

/// What a side of a mapping must fit.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pub(crate) schema: Option<Schema>,
    pub(crate) rules: Option<Rules>,
}

impl Gate {
    /// What breaks schema or rules. Rules are about documents that fit the schema, so others are not asked of them.
    pub(crate) fn violations(&self, xml: &Xml, element: Node<'_>) -> Result<Vec<Violation>, MappingFault> {
        let found =
            self.schema.as_ref().map_or_else(Vec::new, |schema| schema.validate_element(xml, element));
        match self.rules.as_ref().filter(|_| found.is_empty()) {
            Some(rules) => rules.judge_element(xml, element).map(|judged| judged.violations),
            None => Ok(found),
        }
    }

    /// The same for a whole document.
    pub(crate) fn of_document(&self, xml: &Xml) -> Result<Vec<Violation>, MappingFault> {
        xml.doc().root().map_or_else(|| Ok(Vec::new()), |root| self.violations(xml, root))
    }

    fn is_open(&self) -> bool {
        self.schema.is_none() && self.rules.is_none()
    }
}

/// What is wrong with an output of this media type.
pub(crate) fn output(output: &Made, media_type: &str, gate: &Gate) -> Result<Vec<Violation>, MappingFault> {
    if is_xml(media_type) {
        return xml(output, gate);
    }
    if is_json(media_type)
        && let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&output.bytes)
    {
        let (line, column) = (number(error.line()), number(error.column()));
        return Ok(vec![at(line, column, error.to_string(), "json")]);
    }
    Ok(Vec::new())
}

pub(crate) fn is_xml(media_type: &str) -> bool {
    matches!(media_type, "application/xml" | "text/xml") || media_type.ends_with("+xml")
}

pub(crate) fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || media_type.ends_with("+json")
}

/// Output may be nested as deep as a stylesheet's limit of output allows, but what a target reads has limits, too.
fn xml(output: &Made, gate: &Gate) -> Result<Vec<Violation>, MappingFault> {
    let limits = XmlLimits { bytes: usize::MAX, ..XmlLimits::default() };
    let bad = match gate.is_open() {
        true if output.sound => {
            debug_assert_eq!(Xml::check(&output.bytes, &limits), Ok(()));
            None
        }
        true => Xml::check(&output.bytes, &limits).err(),
        false => match Xml::parse(&output.bytes, &limits) {
            Ok(xml) => return gate.of_document(&xml),
            Err(bad) => Some(bad),
        },
    };
    Ok(bad.into_iter().map(|bad| at(bad.line, bad.column, bad.message, "not-well-formed")).collect())
}

/// What an output in the vocabulary of `fn:xml-to-json` is as JSON.
pub(crate) fn json_of(output: &[u8]) -> Result<Vec<u8>, Violation> {
    let limits = XmlLimits { bytes: usize::MAX, ..XmlLimits::default() };
    let xml = Xml::parse(output, &limits)
        .map_err(|bad| at(bad.line, bad.column, bad.message, "not-well-formed"))?;
    let root = xml.doc().root().ok_or_else(|| at(1, 1, "there is no element".into(), "json"))?;
    json::of_element(root).map(String::into_bytes).map_err(|(element, message)| {
        let located = element.located();
        let (text, starts) = xml.source();
        let (line, column) = starts.get(located.index).map_or((0, 0), |start| place::of(text, *start));
        Violation { line, column, ..Violation::new(element.name(), located.path, message, "json") }
    })
}

fn at(line: u32, column: u32, message: String, code: &'static str) -> Violation {
    Violation { line, column, ..Violation::new("", String::new(), message, code) }
}

fn number(count: usize) -> u32 {
    place::number(count)
}
