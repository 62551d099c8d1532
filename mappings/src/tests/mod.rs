mod apply;
mod attachments;
mod compile;
mod differences;
mod documents;
mod functions;
mod json;
mod keep;
mod mutations;
mod peers;
mod queries;
mod sandbox;
mod schemas;
mod schematron;
mod schematron_peer;
mod standards;
mod strict;
mod verdicts;
mod written;

use crate::{Bundle, Facts, Limits, Mapping, MappingFault, Xml, XmlLimits};
use rohrpost_model::Fault;
use std::collections::BTreeMap;

fn files(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

fn bundle(contents: &[(&str, &str)]) -> Bundle {
    Bundle { name: "probe".parse().unwrap(), files: files(contents) }
}

/// A stylesheet with these declarations.
fn stylesheet(body: &str) -> String {
    format!(
        "<xsl:stylesheet version=\"1.0\" xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\" \
         xmlns:date=\"http://exslt.org/dates-and-times\" xmlns:math=\"http://exslt.org/math\" \
         xmlns:str=\"http://exslt.org/strings\" xmlns:func=\"http://exslt.org/functions\" \
         xmlns:exsl=\"http://exslt.org/common\" xmlns:my=\"urn:my\" xmlns:hub=\"urn:rohrpost:envelope:1\" \
         extension-element-prefixes=\"func exsl\" exclude-result-prefixes=\"date math str my hub\">\n{body}\n</xsl:stylesheet>"
    )
}

const TRANSFORM: &str = "transform = \"t.xsl\"\n";

/// A mapping that is only a stylesheet with these declarations.
fn transform(body: &str) -> Mapping {
    Mapping::compile(&bundle(&[("mapping.toml", TRANSFORM), ("t.xsl", &stylesheet(body))])).unwrap()
}

fn compile_faults(contents: &[(&str, &str)]) -> Vec<Fault> {
    Mapping::compile(&bundle(contents)).unwrap_err()
}

fn xml(text: &str) -> Xml {
    Xml::parse(text.as_bytes(), &XmlLimits::default()).unwrap()
}

fn apply(mapping: &Mapping, source: &str) -> Result<String, MappingFault> {
    let output = mapping.apply(&xml(source), &Facts::sample(), &Limits::default());
    output.map(|bytes| String::from_utf8(bytes).unwrap())
}

fn applied(mapping: &Mapping, source: &str) -> String {
    apply(mapping, source).unwrap()
}

/// The faults of a transform that must fail.
fn failed(mapping: &Mapping, source: &str) -> Vec<Fault> {
    match apply(mapping, source) {
        Err(MappingFault::Transform(faults)) => faults,
        other => panic!("expected the stylesheet to fail, got {other:?}"),
    }
}
