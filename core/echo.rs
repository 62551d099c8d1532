//! An inbound adapter that tells who speaks to it: what tests of the house have foreign systems call.

use crate::config::FileSecrets;
use axum::extract::Extension;
use axum::routing::get;
use axum::{Json, Router};
use rohrpost_kit::inbound::{Hub, Inbound, Names};
use rohrpost_kit::{AdapterSource, InboundAdapter};
use rohrpost_model::ports::{Asked, Clock, Peer, Reader, SealForm};
use rohrpost_model::{ClientName, DestinationName, Digest, Fault};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use toml::Spanned;

/// Answers `GET /PATH` with the peer and what it sees of the hub.
pub struct Echo;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    path: String,
    #[serde(default)]
    clients: Vec<Spanned<ClientName>>,
    #[serde(default)]
    mailboxes: Vec<Mailbox>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mailbox {
    mailbox: Spanned<DestinationName>,
    reader: ClientName,
}

impl InboundAdapter for Echo {
    fn kind(&self) -> &'static str {
        "echo"
    }

    fn example(&self) -> &'static str {
        "[echo]\n# Unter welchem Pfad {{name}} antwortet:\npath = \"wer\"\n"
    }

    fn schema(&self) -> &'static str {
        r#"{ "type": "object", "properties": { "path": { "type": "string" }, "clients": { "type": "array" },
            "mailboxes": { "type": "array" } }, "required": ["path"], "additionalProperties": false }"#
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Inbound>, Vec<Fault>> {
        Ok(Arc::new(source.read::<Settings>("echo")?))
    }
}

impl Inbound for Settings {
    fn names(&self) -> Names<'_> {
        Names {
            clients: self.clients.iter().collect(),
            mailboxes: self.mailboxes.iter().map(|it| (&it.mailbox, &it.reader)).collect(),
            seal: Some(SealForm::XmlDsig),
        }
    }

    fn routes(&self, hub: Hub) -> Router {
        let answer = move |Extension(peer): Extension<Peer>| {
            let hub = hub.clone();
            async move { Json(told(&peer, &hub).await) }
        };
        Router::new().route(&format!("/{}", self.path), get(answer))
    }
}

async fn told(peer: &Peer, hub: &Hub) -> Value {
    let reader = Reader { client: "portal".parse().unwrap(), mailbox: "nowhere".parse().unwrap() };
    let waiting = hub.mailbox.waiting(&reader, &Asked { limit: 1, ..Asked::default() }).await;
    let handed_in = hub.desk.handed_in(&reader.client, "nothing").await;
    json!({
        "address": peer.address,
        "certificate": peer.certificate.as_deref().map(|der| Digest::of(der).to_string()),
        "mailbox": waiting.unwrap().len(),
        "desk": handed_in.unwrap().is_none(),
        "seal": hub.seal.is_some(),
        "year": hub.clock.now().strftime("%Y").to_string().len(),
    })
}

/// A copy of the shipped configuration with secrets of its own and free ports.
pub fn shipped() -> tempfile::TempDir {
    let (root, copy) = (Path::new(env!("CARGO_MANIFEST_DIR")), tempfile::tempdir().unwrap());
    let config = copy.path().join("config");
    for kind in ["tenants", "clients", "destinations", "seals", "routes"] {
        std::fs::create_dir_all(config.join(kind)).unwrap();
        for file in std::fs::read_dir(root.join("config").join(kind)).unwrap().flatten() {
            if file.path().is_file() {
                std::fs::copy(file.path(), config.join(kind).join(file.file_name())).unwrap();
            }
        }
    }
    let hub = std::fs::read_to_string(root.join("config/hub.toml")).unwrap();
    let hub = hub.replace("\"../mappings\"", &format!("{:?}", root.join("mappings")));
    std::fs::write(config.join("hub.toml"), hub.replace(":8480", ":0").replace(":8481", ":0")).unwrap();
    crate::config::demo_secrets(&config, crate::clock::SystemClock.now()).unwrap();
    copy
}

/// Writes a file of a configuration.
pub fn write(copy: &tempfile::TempDir, name: &str, text: &str) {
    let path = copy.path().join("config").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// What is loaded of it.
pub fn load(copy: &tempfile::TempDir) -> Result<crate::config::Configuration, Vec<Fault>> {
    let folder = copy.path().join("config");
    let secrets = FileSecrets { folder: folder.clone(), environment: &NOTHING };
    let clock: Arc<dyn Clock> = Arc::new(crate::clock::SystemClock);
    crate::config::load(&folder, &secrets, crate::assemble::ALL, &clock)
}

/// An environment without anything.
pub const NOTHING: crate::config::Environment = |_| None;
