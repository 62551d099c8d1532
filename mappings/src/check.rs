//! Looks that libxml2 and libxslt do not take: at stylesheets before they are compiled, and at output before it leaves.

use crate::ffi::{Doc, Files, Node};
use crate::schema::{Schema, Violation};
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

/// What is wrong with an output of this media type.
pub(crate) fn output(output: &[u8], media_type: &str, schema: Option<&Schema>) -> Vec<Violation> {
    if is_xml(media_type) {
        return xml(output, schema);
    }
    if is_json(media_type)
        && let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(output)
    {
        let (line, column) = (number(error.line()), number(error.column()));
        return vec![at(line, column, error.to_string(), "json")];
    }
    Vec::new()
}

pub(crate) fn is_xml(media_type: &str) -> bool {
    matches!(media_type, "application/xml" | "text/xml") || media_type.ends_with("+xml")
}

pub(crate) fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || media_type.ends_with("+json")
}

/// Output may be nested as deep as a stylesheet's limit of output allows, but what a target reads has limits, too.
fn xml(output: &[u8], schema: Option<&Schema>) -> Vec<Violation> {
    let limits = XmlLimits { bytes: usize::MAX, ..XmlLimits::default() };
    let violations = match schema {
        Some(schema) => Xml::parse(output, &limits).map(|xml| schema.validate(&xml)),
        None => Xml::check(output, &limits).map(|()| Vec::new()),
    };
    violations.unwrap_or_else(|bad| vec![at(bad.line, bad.column, bad.message, "not-well-formed")])
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
