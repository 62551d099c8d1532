//! The mappings that lie in the library beside this crate.

use crate::{
    Bundle, Case, CaseResult, Facts, Limits, Mapping, Xml, XmlLimits, canonical, envelope, run_case,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

struct Found {
    mapping: Mapping,
    folder: PathBuf,
    cases: Vec<Case>,
}

fn library() -> Vec<Found> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| path.join("mapping.toml").exists());
    folders.map(|folder| Found { mapping: compile(&folder), cases: cases(&folder), folder }).collect()
}

fn compile(folder: &Path) -> Mapping {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        files.insert(entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
    }
    let name = folder.file_name().unwrap().to_str().unwrap().parse().unwrap();
    Mapping::compile(&Bundle { name, files }).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn cases(folder: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for path in fs::read_dir(folder.join("cases")).unwrap().map(|entry| entry.unwrap().path()) {
        let Some(name) =
            path.file_name().unwrap().to_str().unwrap().strip_suffix(".in.xml").map(str::to_owned)
        else {
            continue;
        };
        let expected = ["xml", "json", "txt"]
            .iter()
            .find_map(|end| fs::read(path.with_file_name(format!("{name}.out.{end}"))).ok());
        cases.push(Case { input: fs::read(&path).unwrap(), expected: expected.unwrap(), name });
    }
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    cases
}

#[test]
fn every_case_passes_and_a_changed_one_fails() {
    let mut count = 0;
    for Found { mapping, mut cases, .. } in library() {
        for case in &cases {
            let result = run_case(&mapping, case, &Facts::sample());
            assert_eq!(result, CaseResult::Passed, "{} {}: {result:#?}", mapping.name(), case.name);
            count += 1;
        }
        let text = String::from_utf8(std::mem::take(&mut cases[0].expected)).unwrap();
        cases[0].expected = text.replacen("fall-0001", "fall-0002", 1).into_bytes();
        let CaseResult::Differs { difference: diff, .. } = run_case(&mapping, &cases[0], &Facts::sample())
        else {
            panic!("a changed case passed");
        };
        assert!(diff.lines().any(|line| line.starts_with('-') && line.contains("fall-0002")), "{diff}");
        assert!(diff.lines().any(|line| line.starts_with('+') && line.contains("fall-0001")), "{diff}");
    }
    println!("{count} cases");
}

#[test]
fn equals_xsltproc() {
    for Found { mapping, folder, cases } in library() {
        for case in cases {
            let input = Xml::parse(&case.input, &XmlLimits::default()).unwrap();
            let whole = input.root_name().0 == crate::ENVELOPE_NAMESPACE;
            let facts = Facts::sample();
            let (document, ours) = if whole {
                (case.input, mapping.apply_to_envelope(&input, &facts, &Limits::default()))
            } else {
                (envelope(&input, &facts), mapping.apply(&input, &facts, &Limits::default()))
            };
            let Some(theirs) = xsltproc(&folder.join("transform.xsl"), &document) else { return };
            let comparable = |bytes: &[u8]| match Xml::parse(bytes, &XmlLimits::default()) {
                Ok(xml) => canonical(&xml),
                Err(_) => bytes.to_vec(),
            };
            assert_eq!(comparable(&ours.unwrap()), comparable(&theirs), "{} {}", mapping.name(), case.name);
        }
    }
}

fn xsltproc(stylesheet: &Path, document: &[u8]) -> Option<Vec<u8>> {
    use std::io::Write;
    use std::process::Stdio;
    let piped = Command::new("xsltproc")
        .arg(stylesheet)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match piped {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            assert!(std::env::var_os("REQUIRE_PEERS").is_none(), "xsltproc is required and not installed");
            println!("skipped: xsltproc is not installed");
            return None;
        }
        child => child.unwrap(),
    };
    child.stdin.take().unwrap().write_all(document).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(output.stdout)
}
