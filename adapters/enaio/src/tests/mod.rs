mod configuration;
mod filed;
mod peer;

use crate::cases::Cases;
use crate::settings::configure;
use async_trait::async_trait;
use peer::EnaioPeer;
use rohrpost_kit::AdapterSource;
use rohrpost_kit::conformance::{self, FixedClock};
use rohrpost_kit::settings::Secrets;
use rohrpost_model::ports::{Clock, Target};
use rohrpost_model::{Fault, Timestamp};
use secrecy::SecretString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PASSWORD: &str = "geheim-4711";
const FOLDER: &str = "Typ_Akte";
const REGISTER: &str = "Typ_Register";
const DOCUMENT: &str = "Typ_Dokument";
const ATTACHMENT: &str = "Typ_Anlage";

const SETTINGS: &str = r#"
[enaio]
url = "{url}"
interface = "{interface}"
auth = { {login} = { user = "hub", password = { file = "password" } } }
index = "kopfdaten"
[enaio.connection]
allow-plain-http = true
[enaio.folder]
type = "Typ_Akte"
key-field = "Kennung"
fields = { Titel = "Vorgang {case}", Amt = "32" }
[enaio.register]
type = "Typ_Register"
key-field = "Kennung"
key = "{case}"
[enaio.document]
type = "Typ_Dokument"
key-field = "Kennung"
file-name = "{case}.xml"
fields = { Betreff = "Antrag" }
[enaio.attachment]
type = "Typ_Anlage"
key-field = "Kennung"
fields = { Betreff = "{attachment-name}" }
"#;

struct FixedSecrets;

impl Secrets for FixedSecrets {
    fn file(&self, path: &Path) -> Result<SecretString, String> {
        if path == Path::new("password") { Ok(PASSWORD.into()) } else { Err("the file is not there".into()) }
    }
    fn env(&self, name: &str) -> Result<SecretString, String> {
        Err(format!("the environment variable {name} is not set"))
    }
}

/// A clock that goes on when a test says so.
#[derive(Default)]
struct StepClock(AtomicU64);

impl StepClock {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

#[async_trait]
impl Clock for StepClock {
    fn now(&self) -> Timestamp {
        FixedClock::default().0 + Duration::from_millis(self.0.load(Ordering::Relaxed))
    }

    async fn sleep_until(&self, _: Timestamp) {
        std::future::pending().await
    }
}

fn configured(text: &str, cases: Arc<Cases>, clock: Arc<dyn Clock>) -> Result<Arc<dyn Target>, Vec<Fault>> {
    let source = AdapterSource {
        file: "destinations/a.toml",
        text,
        folder: Path::new("/nowhere"),
        secrets: &FixedSecrets,
        clock,
    };
    Ok(Arc::new(configure(&source, "enaio", cases)?))
}

fn target(
    (interface, login): (&str, &str),
    url: &str,
    cases: Arc<Cases>,
    clock: Arc<dyn Clock>,
) -> Arc<dyn Target> {
    let text = SETTINGS.replace("{url}", url).replace("{interface}", interface).replace("{login}", login);
    configured(&text, cases, clock).unwrap()
}

#[tokio::test]
async fn osrest_passes_the_conformance_suite() {
    conformance::run(async || EnaioPeer::new("osrest", "basic").await).await;
}

#[tokio::test]
async fn the_dms_service_passes_the_conformance_suite() {
    conformance::run(async || EnaioPeer::new("dms", "basic").await).await;
}

#[tokio::test]
async fn with_a_session_it_passes_the_conformance_suite() {
    conformance::run(async || EnaioPeer::new("osrest", "session").await).await;
}
