//! The mappings that are shipped, against other engines: xsltproc and Saxon make of every case what `rohrpost map` makes.

use crate::cli::rohrpost;
use crate::support::hub::root;
use crate::support::peers;
use rohrpost_mappings::{ENVELOPE_NAMESPACE, Facts, Xml, XmlLimits, canonical, envelope};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// One case of a shipped mapping.
struct Example {
    mapping: String,
    stylesheet: PathBuf,
    /// What `rohrpost map` is given.
    input: PathBuf,
    /// The same as the document that a stylesheet sees, for other engines.
    document: PathBuf,
}

impl Example {
    fn name(&self) -> String {
        format!("{} {}", self.mapping, self.input.file_name().unwrap_or_default().to_string_lossy())
    }

    fn ours(&self) -> Vec<u8> {
        let ran = rohrpost(&root(), &["map", &self.mapping, self.input.to_str().expect("a path")]);
        assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{}", self.name());
        ran.out
    }
}

/// Every case of every mapping; documents that the hub makes lie in `folder`.
fn examples(folder: &TempDir) -> Vec<Example> {
    let mut examples = Vec::new();
    for mapping in fs::read_dir(root().join("mappings")).expect("the library").flatten() {
        let Ok(manifest) = fs::read_to_string(mapping.path().join("mapping.toml")) else { continue };
        assert!(
            manifest.contains("input = \"envelope\""),
            "a mapping without an envelope: say how others run it"
        );
        let name = mapping.file_name().into_string().expect("a name");
        for case in fs::read_dir(mapping.path().join("cases")).expect("cases").flatten() {
            let file = case.file_name().into_string().expect("a name");
            if file.ends_with(".in.xml") {
                let document = folder.path().join(format!("{name}-{file}"));
                fs::write(&document, seen_by_the_stylesheet(&case.path())).expect("a document");
                let (mapping, stylesheet) = (name.clone(), mapping.path().join("transform.xsl"));
                examples.push(Example { mapping, stylesheet, input: case.path(), document });
            }
        }
    }
    assert!(examples.len() >= 10, "{}", examples.len());
    examples
}

/// The case as it is where it is an envelope, else the envelope around it with the facts of all cases.
fn seen_by_the_stylesheet(case: &PathBuf) -> Vec<u8> {
    let bytes = fs::read(case).expect("a case");
    let xml = Xml::parse(&bytes, &XmlLimits::default()).expect("XML");
    if xml.root_name().0 == ENVELOPE_NAMESPACE { bytes } else { envelope(&xml, &Facts::sample()) }
}

/// XML in canonical form; anything else byte for byte.
fn comparable(output: &[u8]) -> String {
    let read = Xml::parse(output, &XmlLimits::default()).map(|xml| canonical(&xml));
    String::from_utf8(read.unwrap_or_else(|_| output.to_vec())).expect("UTF-8")
}

#[test]
fn xsltproc_makes_the_same_of_every_case() {
    let folder = TempDir::new().expect("a temporary folder");
    for example in examples(&folder) {
        let mut xsltproc = Command::new("xsltproc");
        let Some(theirs) = peers::succeed(xsltproc.arg(&example.stylesheet).arg(&example.document)) else {
            return;
        };
        let ours = example.ours();
        assert_eq!(comparable(&ours), comparable(&theirs), "{}", example.name());
        if example.mapping == "brunnenbohrung-enaio" {
            assert_eq!(
                String::from_utf8_lossy(&ours),
                String::from_utf8_lossy(&theirs),
                "{}",
                example.name()
            );
        }
    }
}

/// Transforms a list of [stylesheet, document] and prints the results as JSON.
const SAXON: &str = r#"
import json, sys
from saxonche import PySaxonProcessor
with PySaxonProcessor(license=False) as saxon:
    engine, results = saxon.new_xslt30_processor(), []
    for stylesheet, document in json.load(open(sys.argv[1])):
        program = engine.compile_stylesheet(stylesheet_file=stylesheet)
        results.append(program.transform_to_string(source_file=document))
    print(json.dumps(results))
"#;

#[test]
fn saxon_makes_the_same_of_every_case() {
    let python = root().join("target/peers/python/bin/python");
    let folder = TempDir::new().expect("a temporary folder");
    let examples = examples(&folder);
    let list: Vec<_> = examples.iter().map(|example| [&example.stylesheet, &example.document]).collect();
    let jobs = folder.path().join("jobs.json");
    fs::write(&jobs, serde_json::to_vec(&list).expect("JSON")).expect("a list of jobs");
    let Some(found) = peers::run(Command::new(&python).args(["-c", "import saxonche"])) else { return };
    if !found.status.success() {
        return peers::missing("saxonche (scripts/python-peers installs it)");
    }
    let printed = peers::succeed(Command::new(&python).args(["-c", SAXON]).arg(&jobs)).expect("Python");
    let results: Vec<Value> = serde_json::from_slice(&printed).expect("JSON");
    assert_eq!(results.len(), examples.len());
    for (example, theirs) in examples.iter().zip(&results) {
        let theirs = theirs.as_str().unwrap_or_else(|| panic!("Saxon fails: {}", example.name()));
        assert_eq!(comparable(&example.ours()), comparable(theirs.as_bytes()), "{}", example.name());
    }
}

#[test]
fn every_case_of_the_library_is_green() {
    let ran = rohrpost(&root(), &["test"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{}", ran.text);
    let folder = TempDir::new().expect("a temporary folder");
    assert_eq!(
        ran.text.lines().last(),
        Some(format!("{} cases, 0 failed", examples(&folder).len()).as_str())
    );
}

#[test]
fn both_mappings_read_the_same_schema() {
    let read =
        |mapping: &str| fs::read(root().join("mappings").join(mapping).join("source.xsd")).expect("a schema");
    assert!(
        read("brunnenbohrung-xfall") == read("brunnenbohrung-enaio"),
        "the two copies of source.xsd differ"
    );
}
