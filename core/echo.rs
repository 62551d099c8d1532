//! An inbound adapter that tells who speaks to it: what tests of the house have foreign systems call.

use axum::extract::Extension;
use axum::routing::get;
use axum::{Json, Router};
use rohrpost_kit::inbound::{Hub, Inbound, Names};
use rohrpost_kit::{AdapterSource, InboundAdapter};
use rohrpost_model::ports::{Asked, Peer, Reader};
use rohrpost_model::{ClientName, DestinationName, Digest, Fault};
use serde::Deserialize;
use serde_json::{Value, json};
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
