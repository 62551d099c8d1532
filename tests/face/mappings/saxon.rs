//! Saxon, an engine of other people, with the functions of the hub written a second time (`functions.xsl`).

use super::{Ending, Example, comparable, examples, manifest};
use crate::support::hub::root;
use crate::support::peers;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Transforms a list of [stylesheet, document] and prints the results as JSON, `null` where the stylesheet refuses. The UUIDs
/// that functions.xsl left as marks are made here.
const SAXON: &str = r#"
import json, re, sys, uuid
from saxonche import PySaxonApiError, PySaxonProcessor

def version_5(mark):
    namespace, points = mark.group(1).split("|")
    return str(uuid.uuid5(uuid.UUID(namespace), "".join(chr(int(point)) for point in points.split("."))))

with PySaxonProcessor(license=False) as saxon:
    engine, programs, results = saxon.new_xslt30_processor(), {}, []
    for stylesheet, document in json.load(open(sys.argv[1])):
        if stylesheet not in programs:
            programs[stylesheet] = engine.compile_stylesheet(stylesheet_file=stylesheet)
        try:
            made = programs[stylesheet].transform_to_string(source_file=document)
            results.append(re.sub("\ue000(.*?)\ue001", version_5, made))
        except PySaxonApiError as error:
            if not re.search("refused: |terminated by xsl:message", str(error)):
                raise
            results.append(None)
    print(json.dumps(results))
"#;

fn href(path: &Path) -> String {
    format!("file://{}", path.display())
}

fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// Whether what the stylesheet makes is written as JSON.
fn gives_json(folder: &Path) -> bool {
    let manifest = manifest(folder);
    let format = manifest.get("target").and_then(|target| target.get("format"));
    format.and_then(toml::Value::as_str) == Some("json")
}

/// The code lists as functions.xsl wants them.
fn lists(manifest: &toml::Table, folder: &Path) -> String {
    let mut out = String::new();
    for (name, list) in manifest.get("lists").and_then(toml::Value::as_table).into_iter().flatten() {
        let word = |key: &str| list.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        let file = list.as_str().map_or_else(|| word("file"), str::to_owned);
        let (href, key, value) = (href(&folder.join(file)), word("key"), word("value"));
        let _ = writeln!(out, "<list name='{name}' href='{href}' key='{key}' value='{value}' xmlns=''/>");
    }
    out
}

/// A stylesheet around that of the mapping: with the functions, the code lists and the parameters of mapping.toml, and with
/// JSON written as JSON.
fn wrapper(mapping: &str, folder: &Path, into: &Path) -> PathBuf {
    let manifest = manifest(folder);
    let mut params = String::new();
    for (name, value) in manifest.get("params").and_then(toml::Value::as_table).into_iter().flatten() {
        let value = attribute(value.as_str().expect("a text"));
        let _ = writeln!(params, "<xsl:param name=\"{name}\">{value}</xsl:param>");
    }
    let json = "<xsl:output method='text'/>\
        <xsl:template match='/' priority='9'><xsl:variable name='made'><xsl:apply-imports/></xsl:variable>\
        <xsl:value-of select='xml-to-json($made)'/></xsl:template>";
    let text = format!(
        "<xsl:stylesheet version='3.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform' \
         xmlns:f='urn:rohrpost:functions:1'>\n<xsl:import href='{}'/>\n<xsl:include href='{}'/>\n\
         <xsl:variable name='f:lists' as='element(list)*'>{}</xsl:variable>\n{params}{}</xsl:stylesheet>\n",
        href(&folder.join("transform.xsl")),
        href(&root().join("tests/face/mappings/functions.xsl")),
        lists(&manifest, folder),
        if gives_json(folder) { json } else { "" },
    );
    let file = into.join(format!("{mapping}.xsl"));
    fs::write(&file, text).expect("a wrapper");
    file
}

/// What Saxon makes with each stylesheet of its document, in order; `None` where it is not installed.
pub fn transformed(list: &[(PathBuf, PathBuf)], folder: &Path) -> Option<Vec<Value>> {
    let python = root().join("target/peers/python/bin/python");
    let found = peers::run(Command::new(&python).args(["-c", "import saxonche"]))?;
    if !found.status.success() {
        peers::missing("saxonche (scripts/python-peers installs it)");
        return None;
    }
    let jobs = folder.join("jobs.json");
    fs::write(&jobs, serde_json::to_vec(&list).expect("JSON")).expect("a list of jobs");
    let printed = peers::run(Command::new(&python).args(["-c", SAXON]).arg(&jobs))?;
    let errors = String::from_utf8_lossy(&printed.stderr);
    assert!(printed.status.success(), "{errors}");
    let results: Vec<Value> = serde_json::from_slice(&printed.stdout).expect("JSON");
    assert_eq!(results.len(), list.len());
    Some(results)
}

/// What Saxon makes of the examples, in order; the same.
fn saxon(examples: &[&Example], folder: &Path) -> Option<Vec<Value>> {
    let wrapped = |it: &&Example| (wrapper(&it.mapping, &it.folder, folder), it.document.clone());
    let results = transformed(&examples.iter().map(wrapped).collect::<Vec<_>>(), folder)?;
    for (example, made) in examples.iter().zip(&results) {
        let refused = example.ending == Ending::RefusedByStylesheet;
        assert_eq!(made.is_null(), refused, "{} in Saxon", example.name());
    }
    Some(results)
}

/// XML in canonical form, JSON by value.
fn by_value(example: &Example, output: &[u8]) -> String {
    if !gives_json(&example.folder) {
        return comparable(output);
    }
    let value: Value = serde_json::from_slice(output).unwrap_or_else(|error| panic!("{error}"));
    serde_json::to_string_pretty(&value).expect("JSON")
}

/// It refuses the same cases, too. Those that a schema refuses it does not get to see, as the stylesheet does not.
#[test]
fn saxon_makes_the_same_of_every_case() {
    let folder = TempDir::new().expect("a temporary folder");
    let all = examples(&folder);
    let seen: Vec<_> = all.iter().filter(|it| it.ending != Ending::RefusedBySchema).collect();
    assert!(seen.len() >= 60, "only {} cases", seen.len());
    let Some(results) = saxon(&seen, folder.path()) else { return };
    for (example, theirs) in seen.iter().zip(&results) {
        if let Some(theirs) = theirs.as_str() {
            let (ours, theirs) = (by_value(example, &example.ours()), by_value(example, theirs.as_bytes()));
            assert_eq!(ours, theirs, "{}", example.name());
        }
    }
}
