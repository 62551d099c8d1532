mod configuration;
mod judged;
mod lines;
mod peer;
mod written;

use crate::Smtp;
use peer::{Exim, PASSWORD, Way, is_there};
use rohrpost_kit::conformance::{self, FixedClock};
use rohrpost_kit::settings::Secrets;
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::Fault;
use rohrpost_model::ports::Target;
use secrecy::SecretString;
use std::path::Path;
use std::sync::Arc;

struct Variables;

impl Secrets for Variables {
    fn file(&self, _: &Path) -> Result<SecretString, String> {
        Err("the file is not there".into())
    }
    fn env(&self, name: &str) -> Result<SecretString, String> {
        match name {
            "PASSWORD" => Ok(PASSWORD.into()),
            "WRONG" => Ok("falsch".into()),
            _ => Err(format!("{name} is not set")),
        }
    }
}

fn configure(text: &str) -> Result<Arc<dyn Target>, Vec<Fault>> {
    Smtp.configure(&AdapterSource {
        file: "destinations/a.toml",
        text,
        folder: Path::new("/nowhere"),
        secrets: &Variables,
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
async fn mail_with_content_to_exim_passes_the_conformance_suite() {
    if is_there() {
        conformance::run(async || Exim::start(Way::Relayed, true).await).await;
    }
}

#[tokio::test]
async fn mail_with_content_over_starttls_passes_the_conformance_suite() {
    if is_there() {
        conformance::run(async || Exim::start(Way::StartTls, true).await).await;
    }
}

#[tokio::test]
async fn notices_over_tls_pass_the_conformance_suite() {
    if is_there() {
        conformance::run(async || Exim::start(Way::Tls, false).await).await;
    }
}
