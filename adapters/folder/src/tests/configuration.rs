use crate::{Adapter, Folder};
use rohrpost_kit::AdapterSource;
use rohrpost_kit::conformance::FixedClock;
use rohrpost_kit::settings::Secrets;
use secrecy::SecretString;
use std::path::Path;
use std::sync::Arc;

struct NoSecrets;

impl Secrets for NoSecrets {
    fn file(&self, _: &Path) -> Result<SecretString, String> {
        Err("none".into())
    }
    fn env(&self, _: &str) -> Result<SecretString, String> {
        Err("none".into())
    }
}

fn faults(text: &str) -> Vec<String> {
    let source = AdapterSource {
        file: "destinations/a.toml",
        text,
        folder: Path::new("/nowhere"),
        secrets: &NoSecrets,
        clock: Arc::new(FixedClock::default()),
    };
    let made = Folder.configure(&source);
    made.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn good_settings_have_no_faults() {
    assert!(faults("[folder]\npath = \"out\"\n").is_empty());
    assert!(faults("[folder]\npath = \"out\"\ndocument-name = \"{document}-{delivery-id}\"\n").is_empty());
    assert!(faults("[folder]\npath = \"out\"\nunit = \"subfolder\"\nname = \"{delivery-id}\"\n").is_empty());
}

#[test]
fn every_fault_is_told_with_its_place() {
    let found = faults("[folder]\npath = \"\"\nname = \"a/{case}\"\n");
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(
        found[0].starts_with("destinations/a.toml:3:8: the placeholder {delivery-id} is missing"),
        "{found:#?}"
    );
    let found = faults("[folder]\npath = \"x\"\ndocument-name = \"../{case}\"\n");
    assert_eq!(found.len(), 3, "{found:#?}");
    let told = found.join("\n");
    for wanted in [
        "3:17: the placeholder {delivery-id} is missing",
        "the placeholder {document} is missing",
        "no slash in it",
    ] {
        assert!(told.contains(wanted), "{told}");
    }
    assert!(
        faults("[folder]\npath = \"x\"\nname = \"{delivery-id}{document}\"\n")[0]
            .contains("unknown placeholder {document}")
    );
    let found = faults("[folder]\npth = \"x\"\nunit = \"flt\"\n");
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].contains(":1:1: the key `path` is missing"), "{found:#?}");
    let found = faults("[folder]\npath = \"x\"\nname = \"{delivery-id}{attempt}\"\n");
    assert!(
        found[0].contains("unknown placeholder {attempt}"),
        "the name is the same on every attempt: {found:#?}"
    );
}
