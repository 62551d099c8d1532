mod configuration;
mod peer;
mod servers;
pub(crate) mod sshd;
mod taken_in;
mod torn;

use crate::{Sftp, SftpInbox};
use peer::{Serves, Sshd, is_there};
use rohrpost_kit::conformance::{self, FixedClock};
use rohrpost_kit::settings::Secrets;
use rohrpost_kit::{Adapter, AdapterSource, SourceAdapter};
use rohrpost_model::Fault;
use rohrpost_model::ports::{Source, Target};
use secrecy::SecretString;
use sshd::missing;
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

fn given(text: &str) -> AdapterSource<'_> {
    AdapterSource {
        file: "a.toml",
        text,
        folder: Path::new("/nowhere"),
        secrets: &Files,
        clock: Arc::new(FixedClock::default()),
    }
}

fn configure(text: &str) -> Result<Arc<dyn Target>, Vec<Fault>> {
    Sftp.configure(&given(text))
}

fn source(text: &str) -> Result<Arc<dyn Source>, Vec<Fault>> {
    SftpInbox.configure(&given(text))
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
