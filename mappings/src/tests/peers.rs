//! What the tests compare with, and the standards that they read. Where something is not there a test says so and is
//! skipped; where peers are required it fails.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[allow(clippy::disallowed_methods)] // whether peers are required is said by whoever runs the tests
fn missing<T>(what: &str) -> Option<T> {
    let required = std::env::var("REQUIRE_PEERS").is_ok_and(|value| !value.is_empty() && value != "0");
    assert!(!required, "REQUIRE_PEERS is set, but {what}");
    eprintln!("SKIPPED: {what}");
    None
}

/// The published standards beside the project.
pub(super) fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/standards");
    if folder.is_dir() { Some(folder) } else { missing(&format!("{} is not there", folder.display())) }
}

/// The verdicts of Xerces 2 on documents by schema, in order: the line of the first fault, `None` for a valid one. One Java
/// judges them all.
pub(super) fn xerces(documents: &[(PathBuf, Vec<PathBuf>)]) -> Option<Vec<Option<u32>>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let jars = root.join("../target/peers/java");
    if !jars.join(".xerces-2.12.2").exists() {
        return missing("Xerces is not there: scripts/java-peers");
    }
    let mut command = Command::new("java");
    // Whoever asks the network for a schema fails, instead of being slow and judging by something else.
    command.args(["http", "https"].map(|scheme| format!("-D{scheme}.proxyHost=127.0.0.1")));
    command.args(["http", "https"].map(|scheme| format!("-D{scheme}.proxyPort=1")));
    command.arg("-cp").arg(jars.join("*")).arg(root.join("src/tests/Verdicts.java"));
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut java) = piped.spawn() else { return missing("Java is not there: scripts/packages peers") };
    let mut input = String::new();
    for (schema, documents) in documents {
        let _ = writeln!(input, "schema {}", schema.display());
        for document in documents {
            let _ = writeln!(input, "{}", document.display());
        }
    }
    // It reads all of its input before it judges, so nobody waits for the other.
    java.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = java.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let line = |line: &str| line.strip_prefix("invalid ").map(|at| at.parse().unwrap());
    Some(String::from_utf8(output.stdout).unwrap().lines().map(line).collect())
}

/// The lines of the first faults that xmllint finds in documents, in order.
pub(super) fn xmllint(schema: &Path, documents: &[PathBuf]) -> Option<Vec<Option<u32>>> {
    let mut command = Command::new("xmllint");
    command.args(["--nonet", "--noout", "--schema"]).arg(schema).args(documents);
    let Ok(output) = command.output() else { return missing("xmllint is not there: scripts/packages peers") };
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!told.contains("failed to compile"), "{told}");
    let line = |document: &PathBuf| {
        let start = format!("{}:", document.display());
        told.lines().find_map(|line| line.strip_prefix(&start)?.split(':').next()?.parse().ok())
    };
    Some(documents.iter().map(line).collect())
}

/// What is asked of the reference implementation of Schematron: each of the rules, in its phase, of each document.
#[derive(serde::Serialize)]
pub(super) struct Rules<'r> {
    pub(super) rules: Vec<&'r str>,
    pub(super) phases: Vec<Option<&'r str>>,
    pub(super) documents: &'r [String],
}

/// Path and text of what fails in a document.
type Told = Vec<(String, String)>;

/// What is told, for each of the rules, of each document.
pub(super) fn isoschematron(asked: &Rules<'_>) -> Option<Vec<Vec<Told>>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("../target/peers/python/bin/python");
    let lxml = Command::new(&python).args(["-c", "import lxml.isoschematron"]).output();
    if !lxml.is_ok_and(|output| output.status.success()) {
        return missing("lxml is not there: scripts/python-peers");
    }
    let mut command = Command::new(python);
    let piped = command.arg(root.join("src/tests/rules.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut judge = piped.spawn().unwrap();
    judge.stdin.take().unwrap().write_all(&serde_json::to_vec(asked).unwrap()).unwrap();
    let output = judge.wait_with_output().unwrap();
    assert!(output.status.success(), "the reference implementation failed");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
