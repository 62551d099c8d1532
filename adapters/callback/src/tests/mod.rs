mod configuration;
mod peer;
mod requests;

use crate::Callback;
use async_trait::async_trait;
use rohrpost_kit::conformance::{self, FixedClock};
use rohrpost_kit::settings::Secrets;
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::Fault;
use rohrpost_model::ports::Target;
use secrecy::SecretString;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

const KEY: &str = "schluessel-der-signatur-0123456789abcdef";
const NEXT: &str = "der-naechste-schluessel-0123456789abcdef";

struct FixedSecrets;

impl Secrets for FixedSecrets {
    fn file(&self, path: &Path) -> Result<SecretString, String> {
        match path.to_str() {
            Some("key") => Ok(KEY.into()),
            Some("next") => Ok(NEXT.into()),
            Some("short") => Ok("ä".repeat(31).into()),
            _ => Err("the file is not there".into()),
        }
    }
    fn env(&self, name: &str) -> Result<SecretString, String> {
        Err(format!("the environment variable {name} is not set"))
    }
}

fn configure(text: &str) -> Result<Arc<dyn Target>, Vec<Fault>> {
    Callback.configure(&AdapterSource {
        file: "destinations/a.toml",
        text,
        folder: Path::new("/nowhere"),
        secrets: &FixedSecrets,
        clock: Arc::new(FixedClock::default()),
    })
}

/// A target whose file is this text, `{address}` in it replaced.
fn target(address: SocketAddr, text: &str) -> Arc<dyn Target> {
    configure(&text.replace("{address}", &address.to_string())).unwrap()
}

/// HMAC-SHA-256 by another library than the adapter's.
fn hmac(key: &str, parts: &[&[u8]]) -> String {
    let key = openssl::pkey::PKey::hmac(key.as_bytes()).unwrap();
    let mut signer = openssl::sign::Signer::new(openssl::hash::MessageDigest::sha256(), &key).unwrap();
    parts.iter().for_each(|part| signer.update(part).unwrap());
    hex::encode(signer.sign_to_vec().unwrap())
}

#[tokio::test]
async fn it_passes_the_conformance_suite() {
    conformance::run(async || peer::Portal::new(false).await).await;
}

#[tokio::test]
async fn with_a_portal_that_deduplicates_it_passes_the_conformance_suite() {
    conformance::run(async || peer::Portal::new(true).await).await;
}
