mod configuration;
mod paid;
mod peer;

use crate::Xbezahldienste;
use async_trait::async_trait;
use peer::Provider;
use rohrpost_kit::conformance::{self, FixedClock};
use rohrpost_kit::settings::Secrets;
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::ports::{Clock, Target};
use rohrpost_model::{Fault, Timestamp};
use secrecy::SecretString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PASSWORD: &str = "geheim-4711";
const RETURN_KEY: &str = "ein-schluessel-der-lang-genug-ist-4711";

const SETTINGS: &str = r#"
[xbezahldienste]
url = "{url}/api/v1.0.0/"
originator = "sondernutzung"
end-point = "15091"
auth = {auth}
[xbezahldienste.order]
{fee}
return-url = "https://portal.example.org/vorgang/{case}"
booking-data = { haushaltsstelle = "0123.4567" }
[xbezahldienste.answer]
client = "amt"
[xbezahldienste.return]
url = "https://hub.example.org/v1/notifications/bezahlung"
key = { file = "return-key" }
"#;

const BASIC: &str = r#"{ basic = { user = "hub", password = { file = "password" } } }"#;
const FEE: &str = "amount-cents = 4250\npurpose = \"SN 4711\"\ndescription = \"Gebühr Sondernutzung\"";

struct FixedSecrets;

impl Secrets for FixedSecrets {
    fn file(&self, path: &Path) -> Result<SecretString, String> {
        match path.to_str() {
            Some("password") => Ok(PASSWORD.into()),
            Some("return-key") => Ok(RETURN_KEY.into()),
            Some("short") => Ok("kurz".into()),
            _ => Err("the file is not there".into()),
        }
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
    Xbezahldienste.configure(&AdapterSource {
        file: "destinations/a.toml",
        text,
        folder: Path::new("/nowhere"),
        secrets: &FixedSecrets,
        clock,
    })
}

fn settings(url: &str, auth: &str, fee: &str) -> String {
    SETTINGS.replace("{url}", url).replace("{auth}", auth).replace("{fee}", fee)
}

#[tokio::test]
async fn it_passes_the_conformance_suite() {
    conformance::run(async || Provider::new().await).await;
}
