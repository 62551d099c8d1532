//! The whole round between two hubs: one sends by XTA and fetches by XTA, the other is the server between. Whichever of
//! them is killed in the middle, nothing is lost, nothing is doubled, and the report is right.

use super::{House, SERVICE};
use crate::face::sample;
use crate::support::client::{Client, soon, until};
use crate::support::hub::{AREA, Hub, Setup};
use crate::support::sink::Sink;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the portal asks for, and what comes back out of the mailbox.
pub const ASKED: &str = "99012001000000";
pub const ANSWERED: &str = "99012002000000";

const DESTINATION: &str = r#"
name = "lk-beispiel-gateway"
tenants = ["lk-beispiel"]
adapter = "xta"
retry = { first = "1s", cap = "1s" }
breaker = { failures = 0 }
ramp = { over = "0s" }
awaiting = { first = "1s", cap = "1s" }
[xta]
send = "ADDRESS/xta/send"
management = "ADDRESS/xta/management"
author = "lap:15000000"
reader = "wrb:15091000"
service = "SERVICE"
scenario = "BRUNNEN_DATA"
message-type = { list = "urn:example:nachrichten", code = "0201", schema = "urn:example:brunnen" }
report-after = "1s"
mtom = true
[xta.connection]
ca = ["partner/ca.pem"]
system-ca = false
client-pkcs12 = "partner/portal.p12"
client-pkcs12-password = { file = "partner/password" }
"#;

const SOURCE: &str = r#"
adapter = "xta"
client = "gateway"
interval = "1s"
[xta]
msgbox = "ADDRESS/xta/msgbox"
reader = "wrb:15091000"
[[xta.service]]
uri = "SERVICE"
service = "ANSWERED"
kind = "notice"
[[xta.area]]
identifier = "wrb:15091000"
area = "150910000000"
[xta.connection]
ca = ["partner/ca.pem"]
system-ca = false
client-certificate = "partner/leser.pem"
client-key = { file = "partner/leser.key" }
"#;

const CLIENT: &str = r#"
name = "gateway"
tokens = [{ file = "secrets/gateway.token" }]
[[grant]]
tenants = ["lk-beispiel"]
roles = ["submit", "view"]
services = ["ANSWERED"]
"#;

const SENT: &str = r#"
name = "hinaus"
tenants = ["lk-beispiel"]
[match]
kind = "application"
service = "ASKED"
[[step]]
name = "gateway"
destination = "{tenant}-gateway"
"#;

const FETCHED: &str = r#"
name = "herein"
tenants = ["lk-beispiel"]
[match]
kind = "notice"
service = "ANSWERED"
[[step]]
name = "ablage"
destination = "{tenant}-wasserbehoerde"
"#;

/// The hub that sends and fetches.
pub struct Sender {
    setup: Setup,
    hub: Option<Hub>,
}

impl Sender {
    /// Its configuration. It does not run yet.
    pub fn prepared(dms: &Sink, partner: &Path, server: &str) -> Self {
        let setup = Setup::new(dms.address);
        fs::create_dir_all(setup.config().join("partner")).expect("a folder");
        for file in ["ca.pem", "leser.pem", "leser.key"] {
            fs::copy(partner.join(file), setup.config().join("partner").join(file)).expect("a file");
        }
        let p12 = super::pki::pkcs12(partner, "portal", "geheim-0815");
        fs::write(setup.config().join("partner/portal.p12"), p12).expect("a file");
        setup.write("partner/password", "geheim-0815\n");
        let filled = |text: &str| {
            let text = text.replace("ADDRESS", server).replace("SERVICE", SERVICE);
            text.replace("ASKED", ASKED).replace("ANSWERED", ANSWERED)
        };
        setup.write("destinations/lk-beispiel-gateway.toml", &filled(DESTINATION));
        setup.write("sources/postfach.toml", &filled(SOURCE));
        setup.write("clients/gateway.toml", &filled(CLIENT));
        setup.write("secrets/gateway.token", "gateway-mit-einem-langen-wort-0123456789");
        setup.write("routes/hinaus.toml", &filled(SENT));
        setup.write("routes/herein.toml", &filled(FETCHED));
        setup.edit("clients/portal.toml", "\"99128001000000\"", &format!("\"99128001000000\", \"{ASKED}\""));
        let named = "{received-at:%Y%m%dT%H%M%SZ}_{case}_{delivery-id}";
        setup.edit("destinations/lk-beispiel-wasserbehoerde.toml", named, "{case}--{delivery-id}");
        Self { setup, hub: None }
    }

    fn running(dms: &Sink, partner: &Path, server: &str) -> Self {
        let mut sender = Self::prepared(dms, partner, server);
        sender.start();
        sender
    }

    pub fn start(&mut self) {
        self.hub = Some(self.setup.start());
    }

    pub fn hub(&self) -> &Hub {
        self.hub.as_ref().expect("it runs")
    }

    pub fn command(&self) -> Command {
        self.setup.command()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.setup.path(name)
    }

    pub fn edit(&self, name: &str, from: &str, to: &str) {
        self.setup.edit(name, from, to);
    }

    pub fn write(&self, name: &str, text: &str) {
        self.setup.write(name, text);
    }

    /// What a file of its configuration says.
    pub fn config(&self, name: &str) -> String {
        fs::read_to_string(self.setup.config().join(name)).expect("a file")
    }

    fn kill_and_start(&mut self) {
        self.hub.take().expect("it runs").kill();
        self.start();
    }

    pub fn portal(&self) -> Client {
        Client::of(self.hub(), "portal")
    }

    pub async fn submit(&self, number: usize) -> String {
        let metadata = format!(
            r#"{{"service":"{ASKED}","area":"{AREA}","kind":"application","case":"2026:BR-{number}"}}"#
        );
        let part =
            |bytes: Vec<u8>, media_type: &str| Part::bytes(bytes).mime_str(media_type).expect("a media type");
        let plan = format!("%PDF-1.7 {number}").into_bytes();
        let form = Form::new()
            .part("metadata", part(metadata.into_bytes(), "application/json"))
            .part("data", part(sample("brunnenbohrung-1.xml"), "application/xml"))
            .part("attachment", part(plan, "application/pdf").file_name("plan.pdf"));
        let request = self.portal().request("POST", "/v1/submissions").multipart(form);
        let answer = request.header("idempotency-key", format!("round-{number}")).send().await;
        let answer: Value = answer.expect("an answer").json().await.expect("JSON");
        answer["id"].as_str().unwrap_or_else(|| panic!("{answer:#}")).to_owned()
    }

    /// What came back: the case and the delivery of each arrival.
    pub fn arrived(&self) -> BTreeSet<(String, String)> {
        let entries = fs::read_dir(self.setup.path("fachverfahren")).expect("the folder");
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let parts = |name: String| {
            let (case, delivery) = name.split_once("--")?;
            let delivery = delivery.split('.').next().unwrap_or_default();
            Some((case.to_owned(), delivery.chars().take(36).collect()))
        };
        names.filter_map(parts).collect()
    }
}

/// What is not through yet at a hub.
pub async fn open(hub: &Hub) -> Vec<Value> {
    let all = Client::of(hub, "operator").get("/v1/deliveries").await;
    let all = all["deliveries"].as_array().cloned().unwrap_or_default();
    all.into_iter().filter(|one| one["state"] != "delivered").collect()
}

/// An address that nobody listens on, that the system gives to nobody who asks for any, and that no other test of this
/// process gets: its hub is killed in between, and then the address is free.
fn free_address() -> String {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let first = 20_000 + std::process::id() % 10_000;
    let mut addresses =
        (first..32_000).map(|_| format!("127.0.0.1:{}", first + GIVEN.fetch_add(1, Ordering::Relaxed)));
    addresses.find(|address| std::net::TcpListener::bind(address).is_ok()).expect("a free port")
}

impl House {
    fn killed_and_started(self) -> Self {
        let Self { setup, hub, dms, partner } = self;
        hub.kill();
        let hub = setup.start();
        Self { setup, hub, dms, partner }
    }

    /// A hub that listens where it can be found after it was killed.
    async fn at_a_fixed_port() -> Self {
        let free = free_address();
        Self::with(|setup| {
            setup.edit("listeners/xta.toml", "127.0.0.1:0", &free);
            // The step after the mailbox: what a DMS cannot say is not what is shown here.
            setup.edit("destinations/lk-beispiel-enaio.toml", "unknown = \"park\"", "unknown = \"retry\"");
        })
        .await
    }

    pub fn origin(&self) -> String {
        self.hub.listeners["xta"].replace("http://", "https://")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_round_and_its_report_turns_green() {
    let server = House::at_a_fixed_port().await;
    let sender = Sender::running(&server.dms, &server.partner, &server.origin());
    let id = sender.submit(1).await;
    let sent = sender.portal().completed(&id).await;
    let receipt = &sent["deliveries"][0]["receipt"];
    assert_eq!(receipt["code"], "1", "the report is green: {sent:#}");
    let arrived = sender.arrived();
    assert_eq!(arrived.len(), 1, "{arrived:?}");
    assert!(arrived.iter().all(|(case, _)| case == "2026_BR-1"), "{arrived:?}");
    let case = sender.portal().get("/v1/cases/2026:BR-1").await;
    assert_eq!(case["submissions"].as_array().map(Vec::len), Some(2), "the answer is in the case: {case:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_side_is_killed_nothing_is_lost_and_nothing_doubled() {
    const COUNT: usize = 12;
    let mut server = House::at_a_fixed_port().await;
    let mut sender = Sender::running(&server.dms, &server.partner, &server.origin());
    let mut sent = Vec::new();
    for number in 0..COUNT {
        sent.push(sender.submit(number).await);
        match number % 4 {
            1 => sender.kill_and_start(),
            3 => server = server.killed_and_started(),
            _ => {}
        }
    }
    for seen in [2, 4, 6] {
        until(async || sender.arrived().len() >= seen).await;
        sender.kill_and_start();
        server = server.killed_and_started();
    }
    if !soon(async || open(sender.hub()).await.is_empty() && open(&server.hub).await.is_empty()).await {
        let (here, there) = (open(sender.hub()).await, open(&server.hub).await);
        panic!("all goes through: {here:#?} {there:#?}");
    }
    for id in &sent {
        let sent = sender.portal().completed(id).await;
        let code = sent["deliveries"][0]["receipt"]["code"].as_str().unwrap_or_default().to_owned();
        assert!(["1", "2"].contains(&code.as_str()), "the report is right: {sent:#}");
    }
    let arrived = sender.arrived();
    let cases: BTreeSet<_> = arrived.iter().map(|(case, _)| case).collect();
    assert_eq!((arrived.len(), cases.len()), (COUNT, COUNT), "each once: {arrived:?}");
}
