mod configuration;
mod paid;
mod peer;

use crate::Girocheckout;
use peer::Cashier;
use rohrpost_kit::conformance;
use rohrpost_kit::settings::Secrets;
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::Fault;
use rohrpost_model::ports::{Clock, Target};
use secrecy::SecretString;
use std::path::Path;
use std::sync::Arc;

const PASSWORD: &str = "ZFV9ZXpUKuDM";

const SETTINGS: &str = r#"
[girocheckout]
url = "{url}/girocheckout/api/v2"
merchant = "1234567"
project = "123456"
password = { file = "password" }
notify-url = "https://hub.example.org/v1/notifications/bezahlung"
test = true
[girocheckout.order]
amount-cents = 4250
purpose = "SN 4711"
return-url = "https://portal.example.org/vorgang/{case}"
booking-data = { kassenzeichen = "KZ-{case}" }
[girocheckout.answer]
client = "amt"
[girocheckout.connection]
allow-plain-http = true
"#;

struct FixedSecrets;

impl Secrets for FixedSecrets {
    fn file(&self, path: &Path) -> Result<SecretString, String> {
        match path.to_str() {
            Some("password" | "secrets/bezahlung.password") => Ok(PASSWORD.into()),
            _ => Err("the file is not there".into()),
        }
    }
    fn env(&self, name: &str) -> Result<SecretString, String> {
        Err(format!("the environment variable {name} is not set"))
    }
}

fn configured(text: &str, clock: Arc<dyn Clock>) -> Result<Arc<dyn Target>, Vec<Fault>> {
    Girocheckout.configure(&AdapterSource {
        file: "destinations/a.toml",
        text,
        folder: Path::new("/nowhere"),
        secrets: &FixedSecrets,
        clock,
    })
}

#[tokio::test]
async fn it_passes_the_conformance_suite() {
    conformance::run(Cashier::new).await;
}
