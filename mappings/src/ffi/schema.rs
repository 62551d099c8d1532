//! Compiled schemas.

use super::document::{Doc, Located, Node, locate};
use super::raw::{self, XmlSchema};
use super::report::{Collected, Event, Files, NodePlace, Report, Session, c_string, uri_of};
use std::collections::{HashMap, HashSet};
use std::ptr::NonNull;
use std::sync::Arc;

/// A compiled XML schema.
pub(crate) struct CompiledSchema(NonNull<XmlSchema>);

// SAFETY: a schema belongs to this value alone.
unsafe impl Send for CompiledSchema {}
// SAFETY: validating reads the schema and writes to its own context only. The one way in which libxml2 would extend a
// schema while it validates, `xsi:schemaLocation`, is open only to a context without a schema.
unsafe impl Sync for CompiledSchema {}

impl Drop for CompiledSchema {
    fn drop(&mut self) {
        // SAFETY: owned by this value, and no validation runs while it is dropped.
        unsafe { raw::xmlSchemaFree(self.0.as_ptr()) }
    }
}

impl CompiledSchema {
    /// Compiles the schema at `path` with all it includes and imports from `files`.
    pub(crate) fn compile(files: &Arc<Files>, path: &str) -> (Option<Self>, Collected) {
        let session = Session::begin(Some(Arc::clone(files)));
        let uri = c_string(&uri_of(path));
        // SAFETY: `uri` is NUL-terminated; the parser context is freed on every way, and the schema does not need it.
        let schema = unsafe {
            let parser = raw::xmlSchemaNewParserCtxt(uri.as_ptr());
            if parser.is_null() {
                return (None, session.finish());
            }
            let schema = raw::xmlSchemaParse(parser);
            raw::xmlSchemaFreeParserCtxt(parser);
            NonNull::new(schema).map(Self)
        };
        (schema, session.finish())
    }

    /// Validates an element of `doc` with all below it. The first answer is whether it is valid.
    pub(crate) fn validate(&self, doc: &Doc, element: Node<'_>) -> (bool, Collected) {
        let _reading = doc.reading();
        let session = Session::begin(None);
        // SAFETY: schema and element live during the call; the context is freed. The schema is not written to.
        let result = unsafe {
            let validator = raw::xmlSchemaNewValidCtxt(self.0.as_ptr());
            if validator.is_null() {
                return (false, session.finish());
            }
            let result = raw::xmlSchemaValidateOneElement(validator, element.raw());
            raw::xmlSchemaFreeValidCtxt(validator);
            result
        };
        let mut collected = session.finish();
        find_by_line(&mut collected, element);
        find_elements(&mut collected, element);
        (result == 0, collected)
    }
}

/// Of a reference without its key (`xs:keyref`) libxml2 tells no element, only the element's name and line.
fn find_by_line(collected: &mut Collected, top: Node<'_>) {
    let mut homeless: HashMap<u32, Vec<&mut Report>> = HashMap::new();
    for event in &mut collected.events {
        match event {
            Event::Error(report) if report.element == 0 && report.domain == Report::FROM_SCHEMA_VALIDATOR => {
                homeless.entry(report.line).or_default().push(report);
            }
            _ => {}
        }
    }
    if homeless.is_empty() {
        return;
    }
    for node in top.descendants() {
        let told = homeless.get_mut(&node.line()).into_iter().flatten();
        for report in told.filter(|report| report.element == 0 && names(&report.message, node.name())) {
            report.element = node.raw().addr();
        }
    }
}

/// Whether a message begins with `Element '{namespace}name'`.
fn names(message: &str, name: &str) -> bool {
    let element = message.strip_prefix("Element '").and_then(|rest| rest.split('\'').next());
    element.is_some_and(|element| element.rsplit('}').next() == Some(name))
}

/// Says of each error which element below `top` it is about.
fn find_elements(collected: &mut Collected, top: Node<'_>) {
    let errors = collected.events.iter_mut().filter_map(|event| match event {
        Event::Error(report) if report.element != 0 => Some(report),
        _ => None,
    });
    let mut errors: Vec<_> = errors.collect();
    let wanted: HashSet<_> = errors.iter().map(|report| report.element).collect();
    let met = top.descendants().filter(|node| wanted.contains(&node.raw().addr()));
    let nodes: Vec<_> = met.take(wanted.len()).collect();
    let places: HashMap<_, _> =
        nodes.iter().zip(locate(&nodes)).map(|(node, at)| (node.raw().addr(), (node, at))).collect();
    for report in &mut errors {
        if let Some((node, Located { index, path })) = places.get(&report.element) {
            let (name, path) = (node.name().to_owned(), path.clone());
            report.node = Some(NodePlace { file: String::new(), index: *index, name, path });
        }
    }
}
