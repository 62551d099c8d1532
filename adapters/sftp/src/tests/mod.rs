mod configuration;
mod peer;
mod servers;
mod torn;

use crate::Sftp;
use peer::{Serves, Sshd, is_there};
use rohrpost_kit::conformance::{self, FixedClock};
use rohrpost_kit::settings::Secrets;
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::Fault;
use rohrpost_model::ports::Target;
use secrecy::SecretString;
use std::path::Path;
use std::sync::Arc;

/// Secrets are files, as in the hub; the one variable is a password.
struct Files;

impl Secrets for Files {
    fn file(&self, path: &Path) -> Result<SecretString, String> {
        std::fs::read_to_string(path).map(Into::into).map_err(|_| "the file is not there".into())
    }
    fn env(&self, name: &str) -> Result<SecretString, String> {
        if name == "PASSWORD" { Ok("geheim-4711".into()) } else { Err(format!("{name} is not set")) }
    }
}

fn configure(text: &str) -> Result<Arc<dyn Target>, Vec<Fault>> {
    Sftp.configure(&AdapterSource {
        file: "destinations/a.toml",
        text,
        folder: Path::new("/nowhere"),
        secrets: &Files,
        clock: Arc::new(FixedClock::default()),
    })
}

/// Says that a peer is missing; false.
#[allow(clippy::disallowed_methods)] // whether peers are required is said by whoever runs the tests
fn missing(what: &str) -> bool {
    let required = std::env::var("REQUIRE_PEERS").is_ok_and(|value| !value.is_empty() && value != "0");
    assert!(!required, "REQUIRE_PEERS is set, but {what}");
    eprintln!("SKIPPED: {what}");
    false
}

#[tokio::test]
async fn flat_units_on_openssh_pass_the_conformance_suite() {
    if is_there() {
        conformance::run(async || Sshd::start(Serves::Relayed, "flat")).await;
    }
}

#[tokio::test]
async fn subfolders_on_openssh_pass_the_conformance_suite() {
    if is_there() {
        conformance::run(async || Sshd::start(Serves::Relayed, "subfolder")).await;
    }
}
