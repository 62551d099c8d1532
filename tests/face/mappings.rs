//! The mappings that are shipped, against other engines: xsltproc and Saxon make of every case what `rohrpost map` makes.

mod copies;
mod saxon;
mod several;
mod standards;
mod xerces;

use crate::cli::rohrpost;
use crate::support::hub::root;
use crate::support::peers;
use rohrpost_mappings::{ENVELOPE_NAMESPACE, Facts, Xml, XmlLimits, canonical, envelope};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// One case of a shipped mapping.
struct Example {
    mapping: String,
    /// The mapping's folder.
    folder: PathBuf,
    /// What `rohrpost map` is given.
    input: PathBuf,
    /// The same as the document that a stylesheet sees, for other engines.
    document: PathBuf,
    ending: Ending,
}

/// How a case ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// With an output.
    Output,
    /// The schema of the source refuses it: the stylesheet never sees it.
    RefusedBySchema,
    /// The stylesheet refuses it.
    RefusedByStylesheet,
}

impl Example {
    fn new(mapping: &str, folder: &Path, input: PathBuf, documents: &Path) -> Self {
        let file = input.file_name().expect("a name").to_string_lossy().into_owned();
        let document = documents.join(format!("{mapping}-{file}"));
        fs::write(&document, seen_by_the_stylesheet(&input)).expect("a document");
        let faults = input.with_file_name(file.replace(".in.xml", ".out.faults"));
        let ending = match fs::read_to_string(faults) {
            Ok(told) if told.starts_with("transform.xsl:") => Ending::RefusedByStylesheet,
            Ok(_) => Ending::RefusedBySchema,
            Err(_) => Ending::Output,
        };
        Self { mapping: mapping.to_owned(), folder: folder.to_owned(), input, document, ending }
    }

    fn name(&self) -> String {
        format!("{} {}", self.mapping, self.input.file_name().unwrap_or_default().to_string_lossy())
    }

    fn stylesheet(&self) -> PathBuf {
        self.folder.join("transform.xsl")
    }

    fn ours(&self) -> Vec<u8> {
        let ran = rohrpost(&root(), &["map", &self.mapping, self.input.to_str().expect("a path")]);
        assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{}", self.name());
        ran.out
    }
}

/// The folders of the shipped mappings with their names, sorted.
fn library() -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(root().join("mappings")).expect("the library").flatten();
    let folders = entries.map(|entry| entry.path()).filter(|path| path.join("mapping.toml").exists());
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let mut found: Vec<_> = folders.map(|path| (name(&path), path)).collect();
    found.sort();
    found
}

fn manifest(folder: &Path) -> toml::Table {
    let text = fs::read_to_string(folder.join("mapping.toml")).expect("a mapping.toml");
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

/// Every case of every mapping; documents that the hub makes lie in `documents`.
fn examples(documents: &TempDir) -> Vec<Example> {
    let mut examples = Vec::new();
    for (mapping, folder) in library() {
        assert_eq!(
            manifest(&folder)["input"].as_str(),
            Some("envelope"),
            "a mapping without an envelope: say how others run it"
        );
        for case in fs::read_dir(folder.join("cases")).expect("cases").flatten() {
            if case.file_name().to_string_lossy().ends_with(".in.xml") {
                examples.push(Example::new(&mapping, &folder, case.path(), documents.path()));
            }
        }
    }
    examples
}

/// The case as it is where it is an envelope, else the envelope around it with the facts of all cases.
fn seen_by_the_stylesheet(case: &Path) -> Vec<u8> {
    let bytes = fs::read(case).expect("a case");
    let xml = Xml::parse(&bytes, &XmlLimits::default()).expect("XML");
    if xml.root_name().0 == ENVELOPE_NAMESPACE { bytes } else { envelope(&xml, &Facts::sample()) }
}

/// XML in canonical form; anything else byte for byte.
fn comparable(output: &[u8]) -> String {
    let read = Xml::parse(output, &XmlLimits::default()).map(|xml| canonical(&xml));
    String::from_utf8(read.unwrap_or_else(|_| output.to_vec())).expect("UTF-8")
}

/// Whether another engine of XSLT 1.0 can run the stylesheet: it calls no function of the hub and names no file beside it.
fn stands_alone(example: &Example) -> bool {
    !fs::read_to_string(example.stylesheet()).expect("a stylesheet").contains("urn:rohrpost:functions:1")
}

#[test]
fn xsltproc_makes_the_same_of_every_case_without_functions_of_the_hub() {
    let folder = TempDir::new().expect("a temporary folder");
    let all = examples(&folder);
    let plain = all.iter().filter(|example| stands_alone(example) && example.ending == Ending::Output);
    let mut compared = 0;
    for example in plain {
        let mut xsltproc = Command::new("xsltproc");
        let Some(theirs) = peers::succeed(xsltproc.arg(example.stylesheet()).arg(&example.document)) else {
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
        compared += 1;
    }
    assert!(compared >= 16, "only {compared} cases were compared");
}

#[test]
fn every_case_of_the_library_is_green() {
    let ran = rohrpost(&root(), &["test"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{}", ran.text);
    let folder = TempDir::new().expect("a temporary folder");
    let of_mappings = ran.text.lines().filter(|line| line.starts_with("ok ") && !line.contains(" route "));
    assert_eq!(of_mappings.count(), examples(&folder).len());
    assert!(ran.text.ends_with(" cases, 0 failed\n"), "{}", ran.text);
}

/// Eight that give an output, and one that is refused.
#[test]
fn every_mapping_has_its_cases() {
    let folder = TempDir::new().expect("a temporary folder");
    let all = examples(&folder);
    for (mapping, _) in library() {
        let of_it = |output: bool| {
            let these = all.iter().filter(|it| it.mapping == mapping);
            these.filter(|it| (it.ending == Ending::Output) == output).count()
        };
        assert!(of_it(true) >= 8 && of_it(false) >= 1, "{mapping}: {} and {}", of_it(true), of_it(false));
    }
}
