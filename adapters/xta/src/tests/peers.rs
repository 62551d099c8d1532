//! What the tests compare with. Where it is not there a test says so and is skipped; where peers are required it fails.

use std::path::{Path, PathBuf};
use std::process::Command;

#[allow(clippy::disallowed_methods)] // whether peers are required is said by whoever runs the tests
pub(super) fn missing<T>(what: &str) -> Option<T> {
    let required = std::env::var("REQUIRE_PEERS").is_ok_and(|value| !value.is_empty() && value != "0");
    assert!(!required, "REQUIRE_PEERS is set, but {what}");
    eprintln!("SKIPPED: {what}");
    None
}

/// The published web service 2.1.1 beside the project.
pub(super) fn standard() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/standards/xta/2.1.1");
    if folder.is_dir() { Some(folder) } else { missing(&format!("{} is not there", folder.display())) }
}

/// A Python with zeep and lxml, see `scripts/python-peers`.
pub(super) fn python() -> Option<Command> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/peers/python/bin/python3");
    let there =
        Command::new(&python).args(["-c", "import zeep, lxml"]).output().is_ok_and(|it| it.status.success());
    if there { Some(Command::new(python)) } else { missing("zeep is not there: scripts/python-peers") }
}
