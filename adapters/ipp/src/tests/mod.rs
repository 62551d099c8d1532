mod configuration;
mod peer;
mod printed;
mod proxy;
mod spooler;

use crate::settings::configure;
use async_trait::async_trait;
use peer::IppPeer;
use rohrpost_kit::AdapterSource;
use rohrpost_kit::conformance::{self, FixedClock};
use rohrpost_kit::settings::Secrets;
use rohrpost_model::ports::{Clock, Target};
use rohrpost_model::{Fault, Timestamp};
use secrecy::SecretString;
use spooler::Spooler;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PASSWORD: &str = "geheim-4711";

const SETTINGS: &str = r#"
[ipp]
printer = "ipp://{address}/ipp/print"
auth = { basic = { user = "hub", password = { file = "password" } } }
history = "1h"
longest-call = "20s"
[ipp.connection]
allow-plain-http = true
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

fn configured(text: &str, clock: Arc<dyn Clock>) -> Result<Arc<dyn Target>, Vec<Fault>> {
    let source = AdapterSource {
        file: "destinations/a.toml",
        text,
        folder: Path::new("/nowhere"),
        secrets: &FixedSecrets,
        clock,
    };
    Ok(Arc::new(configure(&source, "ipp")?))
}

#[tokio::test]
async fn a_real_printer_passes_the_conformance_suite() {
    let Some(spooler) = Spooler::start().map(Arc::new) else { return };
    conformance::run(async || IppPeer::new(Arc::clone(&spooler)).await).await;
}
