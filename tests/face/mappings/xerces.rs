//! Xerces 2, which shares no code with libxml2, on schemas and documents of the shipped mappings.

use super::{Ending, Example, examples, library};
use crate::support::hub::root;
use crate::support::peers;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Its verdicts on documents by schema, in order: `valid`, or `invalid` and a line; `None` where it is not installed.
pub fn verdicts(documents: &[(PathBuf, Vec<PathBuf>)]) -> Option<Vec<String>> {
    let jars = root().join("target/peers/java");
    if !jars.join(".xerces-2.12.2").exists() {
        peers::missing("Xerces (scripts/java-peers fetches it)");
        return None;
    }
    let mut command = Command::new("java");
    // Whoever asks the network for a schema fails, instead of judging by something else.
    command.args(["http", "https"].map(|scheme| format!("-D{scheme}.proxyHost=127.0.0.1")));
    command.args(["http", "https"].map(|scheme| format!("-D{scheme}.proxyPort=1")));
    command.arg("-cp").arg(jars.join("*")).arg(root().join("mappings/src/tests/Verdicts.java"));
    let Ok(mut java) = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        peers::missing("java");
        return None;
    };
    let mut asked = String::new();
    for (schema, documents) in documents {
        let _ = writeln!(asked, "schema {}", schema.display());
        for document in documents {
            let _ = writeln!(asked, "{}", document.display());
        }
    }
    // It reads all of its input before it judges, so nobody waits for the other.
    java.stdin.take().expect("its input").write_all(asked.as_bytes()).expect("it reads");
    let told = java.wait_with_output().expect("it ends");
    assert!(told.status.success(), "Xerces fails");
    Some(String::from_utf8_lossy(&told.stdout).lines().map(str::to_owned).collect())
}

/// The data of a case without the envelope around them, as a file.
fn data_of(example: &Example, folder: &Path) -> PathBuf {
    let text = fs::read_to_string(&example.input).expect("a case");
    let data = text.split_once("<hub:data>").and_then(|(_, rest)| rest.split_once("</hub:data>"));
    let file = folder.join(format!("data-{}.xml", example.name().replace(' ', "-")));
    fs::write(&file, data.map_or(text.as_str(), |(data, _)| data.trim())).expect("a file");
    file
}

/// Every source, valid unless the case says that the schema refuses it, and every output, which is valid.
fn expected(example: &Example, folder: &Path) -> Vec<(PathBuf, PathBuf, bool)> {
    let source = example.folder.join("source.xsd");
    let mut documents = vec![(source, data_of(example, folder), example.ending != Ending::RefusedBySchema)];
    let target = example.folder.join("target.xsd");
    let output = PathBuf::from(example.input.to_string_lossy().replace(".in.xml", ".out.xml"));
    if target.exists() && example.ending == Ending::Output {
        documents.push((target, output, true));
    }
    documents
}

#[test]
fn xerces_judges_sources_and_outputs_as_the_hub_does() {
    let folder = TempDir::new().expect("a temporary folder");
    let all = examples(&folder);
    let mut documents: Vec<_> = all.iter().flat_map(|example| expected(example, folder.path())).collect();
    documents.sort();
    assert!(documents.len() > all.len() && library().len() >= 8);
    let asked: Vec<_> =
        documents.iter().map(|(schema, file, _)| (schema.clone(), vec![file.clone()])).collect();
    let Some(verdicts) = verdicts(&asked) else { return };
    assert_eq!(verdicts.len(), documents.len());
    for ((_, file, valid), verdict) in documents.iter().zip(&verdicts) {
        assert_eq!(verdict == "valid", *valid, "Xerces on {}: {verdict}", file.display());
    }
}
