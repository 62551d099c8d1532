//! The client against a server that behaves as it is told.

mod answers;
mod fetched;
mod judged;
mod peer;
mod settings;

use crate::{TransportStatus, XtaDestination};
use async_trait::async_trait;
use peer::Server;
use rohrpost_kit::conformance::{self, Cut, FixedClock, Mood, Peer};
use rohrpost_kit::settings::Secrets;
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::ports::{Piece, Preview, Target};
use rohrpost_model::{DeliveryId, Digest, Fault};
use secrecy::SecretString;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

pub(super) struct NoSecrets;

impl Secrets for NoSecrets {
    fn file(&self, _: &Path) -> Result<SecretString, String> {
        Err("the file is not there".into())
    }
    fn env(&self, name: &str) -> Result<SecretString, String> {
        Err(format!("the environment variable {name} is not set"))
    }
}

fn configure(text: &str) -> Result<Arc<dyn Target>, Vec<Fault>> {
    XtaDestination.configure(&AdapterSource {
        file: "destinations/a.toml",
        text,
        folder: Path::new("/nowhere"),
        secrets: &NoSecrets,
        clock: Arc::new(FixedClock::default()),
    })
}

const SETTINGS: &str = r#"
[xta]
send = "http://{address}/send"
management = "http://{address}/management"
author = "lap:15000000"
reader = { identifier = "wrb:15091000", category = "Wasserrechtsbehörde" }
service = "http://www.example.org/brunnen.wsdl"
scenario = "BRUNNEN_DATA"
message-type = { list = "urn:example:codeliste:nachrichten", code = "0201", schema = "urn:example:brunnen" }
subject = "Vorgang {case}"
"#;

fn target(address: SocketAddr, further: &str) -> Arc<dyn Target> {
    configure(&(SETTINGS.replace("{address}", &address.to_string()) + further)).unwrap()
}

struct XtaPeer {
    server: Arc<Server>,
    address: SocketAddr,
    mtom: bool,
    broken: Mutex<String>,
}

impl XtaPeer {
    async fn new(mtom: bool) -> Self {
        let server = Server::new();
        let address = server.listen().await;
        Self { server, address, mtom, broken: Mutex::default() }
    }
}

#[async_trait]
impl Peer for XtaPeer {
    fn target(&self) -> Arc<dyn Target> {
        let mtom = format!("mtom = {}\n", self.mtom);
        match self.broken.lock().unwrap().as_str() {
            "lookup" => {
                let settings = SETTINGS.replace("{address}", &format!("{}:80", "x".repeat(64)));
                configure(&(settings + &mtom + "[xta.connection]\nallow-plain-http = true\n")).unwrap()
            }
            "connect" => {
                let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
                target(nobody, &mtom)
            }
            _ => target(self.address, &mtom),
        }
    }

    async fn behave(&self, mood: Mood) -> bool {
        *self.server.mood.lock().unwrap() = Some(mood);
        true
    }

    async fn arrived(&self, key: DeliveryId) -> Vec<(Vec<Digest>, Digest)> {
        let kept = self.server.kept.lock().unwrap();
        let id = format!("message-{key}");
        let arrived = kept.iter().filter(|(_, kept)| kept.content_id == id);
        arrived.map(|(id, kept)| (kept.digests.clone(), Digest::of(id.as_bytes()))).collect()
    }

    fn foreseen(&self, _: &Preview, _: &dyn Fn(&Piece) -> Vec<u8>) -> (Vec<Digest>, Digest) {
        unreachable!("it has no preview")
    }

    /// XTA has no word for "later" of its own.
    async fn cut(&self, request: usize, cut: Cut) -> bool {
        *self.server.cut_at.lock().unwrap() = Some((request, cut));
        cut != Cut::Throttled
    }

    fn requests(&self) -> usize {
        self.server.requests.load(Ordering::Relaxed)
    }

    async fn reached(&self) {
        self.server.reached.notified().await;
    }

    fn inquires(&self) -> bool {
        true
    }

    async fn takes(&self) -> usize {
        self.server.sent.load(Ordering::Relaxed)
    }

    async fn break_step(&self, word: &str) {
        *self.broken.lock().unwrap() = word.to_owned();
        let operation = match word {
            "account" => "checkAccountActive",
            "reader" => "lookupService",
            _ => "",
        };
        *self.server.broken.lock().unwrap() = operation.to_owned();
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}

/// One after the other: the suite looks at the memory of the whole process.
#[tokio::test(flavor = "multi_thread")]
async fn an_xta_destination_behaves_as_every_target_must() {
    conformance::run(|| XtaPeer::new(true)).await;
    conformance::run(|| XtaPeer::new(false)).await;
}

fn light(server: &Server, light: TransportStatus) {
    *server.light.lock().unwrap() = light;
}
