//! XTA 2 over mutual TLS, spoken by zeep, a SOAP client that was built from the original WSDL: every operation, every
//! fault, and the whole round from sending to a green report.

mod answers;
mod by_hand;
mod cxf;
mod pki;
mod raw;
mod round;

use super::sample;
use crate::support::client::Client;
use crate::support::hub::{Hub, Setup, root};
use crate::support::peers;
use crate::support::sink::Sink;
use axum::http::StatusCode as Status;
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::Authority;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The service of the shipped route, as a partner calls it.
const SERVICE: &str = "http://www.example.org/brunnen.wsdl";

/// Messages must be shorter than this, contents together.
const MOST: &str = "2 MB";

const LISTENER: &str = r#"
name = "xta"
adapter = "xta"
listen = "127.0.0.1:0"
seal = "siegel"

[tls]
certificate = "partner/server.pem"
key = { file = "partner/server.key" }
client-ca = "partner/ca.pem"
client-certificate = "optional"

[xta]
identity = "xta.example.org"
max-size = "MOST"

[[xta.account]]
client = "portal"
certificates = ["partner/portal.pem", "partner/expired.pem"]
identifiers = ["lap:15000000"]
services = ["SERVICE", "http://www.example.org/unbekannt.wsdl"]

[[xta.account]]
client = "leser"
certificates = ["partner/leser.pem"]
identifiers = ["wrb:15091000"]

[[xta.account]]
client = "portal"
certificates = ["partner/locked.pem"]
identifiers = ["lap:15000000"]
locked = true

[[xta.account]]
client = "portal"
certificates = ["partner/lenient.pem"]
identifiers = ["lap:99"]
lenient = true

[[xta.account]]
client = "portal"
certificates = ["partner/samples.pem"]
identifiers = ["bap:150200100000"]

[[xta.service]]
uri = "http://www.xleitstelle.de/xbau/2/6/XBau26-BH2BAB.wsdl"
service = "99012001000000"

[[xta.reader]]
identifier = "bab:15003000"
area = "150910000000"

[[xta.service]]
uri = "SERVICE"
service = "99128001000000"

[[xta.reader]]
identifier = "wrb:15091000"
area = "150910000000"

[[xta.mailbox]]
mailbox = "lk-beispiel-wasserbehoerde"
reader = "wrb:15091000"
author = "lap:15000000"
service = "SERVICE"
scenario = "BRUNNEN_DATA"
message-type = { list = "urn:example:nachrichten", code = "0201", schema = "urn:example:brunnen" }
"#;

const READER: &str = r#"
name = "leser"
tokens = [{ file = "secrets/leser.token" }]
[[grant]]
tenants = ["lk-beispiel"]
roles = ["fetch"]
"#;

struct House {
    setup: Setup,
    hub: Hub,
    dms: Sink,
    partner: PathBuf,
}

impl House {
    /// A hub with an XTA listener, whose first step ends in a mailbox that is read over XTA.
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same on a changed configuration.
    async fn with(change: impl Fn(&Setup)) -> Self {
        Self::before(Sink::start().await, change).await
    }

    /// The same with another DMS after the mailbox.
    async fn before(dms: Sink, change: impl Fn(&Setup)) -> Self {
        let setup = Setup::new(dms.address);
        let partner = setup.config().join("partner");
        fs::create_dir_all(&partner).expect("a folder");
        let authority = Authority::new("Testanker");
        fs::write(partner.join("ca.pem"), authority.pem()).expect("a file");
        for subject in
            ["server", "portal", "leser", "locked", "stranger", "lenient", "samples", "leser-stadt"]
        {
            authority.vouch(&partner, subject, (-1, 20));
        }
        authority.vouch(&partner, "expired", (-2, -1));
        Authority::new("Fremder Anker").vouch(&partner, "foreign", (-1, 20));
        setup.write("listeners/xta.toml", &LISTENER.replace("SERVICE", SERVICE).replace("MOST", MOST));
        setup.write("clients/leser.toml", READER);
        setup.write("secrets/leser.token", "leser-mit-einem-langen-wort-0123456789");
        setup.write(
            "destinations/lk-beispiel-wasserbehoerde.toml",
            "name = \"lk-beispiel-wasserbehoerde\"\ntenants = [\"lk-beispiel\"]\nadapter = \"mailbox\"\n\
             [mailbox]\nreaders = [\"leser\"]\n",
        );
        setup.edit("clients/portal.toml", "\"99128001000000\"", "\"99128001000000\", \"99012001000000\"");
        change(&setup);
        let hub = setup.start();
        Self { setup, hub, dms, partner }
    }

    /// The same house after its hub was killed.
    fn started_again(self) -> Self {
        let Self { setup, hub, dms, partner } = self;
        hub.gone();
        let hub = setup.start();
        Self { setup, hub, dms, partner }
    }

    /// zeep, connected to the hub; `None` where zeep or the standard is missing, which is said.
    fn speaker(&self) -> Option<Speaker> {
        let python = root().join("target/peers/python/bin/python3");
        peers::run(Command::new(&python).args(["-c", "import zeep, requests"]))?;
        let wsdl = root().join("../shared/standards/xta/2.1.1/XTA.wsdl");
        if !wsdl.is_file() {
            peers::missing("the standard XTA 2.1.1");
            return None;
        }
        let address = self.hub.listeners["xta"].replace("http://", "https://");
        let mut child = Command::new(python)
            .arg(root().join("tests/face/xta/client.py"))
            .args([
                wsdl.as_os_str(),
                address.as_ref(),
                self.partner.join("ca.pem").as_ref(),
                self.partner.as_ref(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("zeep starts");
        let said = child.stdin.take().expect("its input");
        let told = BufReader::new(child.stdout.take().expect("its output"));
        Some(Speaker { child, said, told })
    }
}

/// A client that speaks for any partner.
struct Speaker {
    child: Child,
    said: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Speaker {
    /// What came of one call.
    fn call(&mut self, partner: &str, operation: &str, said: &Value) -> Value {
        writeln!(self.said, "{}", json!([partner, operation, said])).expect("it listens");
        let mut line = String::new();
        self.told.read_line(&mut line).expect("it answers");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{operation}: {line}"))
    }

    /// The same where an answer is expected.
    fn answer(&mut self, partner: &str, operation: &str, said: &Value) -> Value {
        let told = self.call(partner, operation, said);
        assert!(told.get("answer").is_some(), "{operation}: {told:#}");
        told["answer"].clone()
    }

    /// The same where a fault is expected: its code and its exception.
    fn fault(&mut self, partner: &str, operation: &str, said: &Value) -> (String, String) {
        let told = self.call(partner, operation, said);
        let text =
            |key: &str| told[key].as_str().unwrap_or_else(|| panic!("{operation}: {told:#}")).to_owned();
        (text("fault"), text("exception"))
    }

    /// The status of a message's transport report.
    fn report(&mut self, id: &str) -> Value {
        let report =
            self.answer("portal", "getTransportReport", &json!({ "author": "lap:15000000", "id": id }));
        find(&report, "Status").unwrap_or_else(|| panic!("a status in {report:#}"))
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        // It has ended, or nobody needs it any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first value of this key, wherever it stands.
fn find(value: &Value, key: &str) -> Option<Value> {
    match value {
        Value::Object(map) => map
            .get(key)
            .filter(|one| !one.is_null())
            .cloned()
            .or_else(|| map.values().find_map(|one| find(one, key))),
        Value::Array(list) => list.iter().find_map(|one| find(one, key)),
        _ => None,
    }
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// A message for the water authority.
fn message(id: &str) -> Value {
    let attachment = json!({ "name": "lageplan.pdf", "id": "urn_uuid_1", "content": base64(b"%PDF-1.7 x") });
    json!({
        "id": id, "author": "lap:15000000", "reader": "wrb:15091000", "service": SERVICE,
        "message": base64(sample("brunnenbohrung-1.xml")), "attachments": [attachment],
    })
}

fn with(mut message: Value, key: &str, value: Value) -> Value {
    message[key] = value;
    message
}

fn id(number: u32) -> String {
    format!("urn:de:xta:messageid:Testportal:000ca2fe-f4e1-45c2-8233-{number:012}")
}

#[tokio::test(flavor = "multi_thread")]
async fn zeep_sends_fetches_closes_and_reads_a_green_report() {
    let house = House::new().await;
    let Some(mut zeep) = house.speaker() else { return };
    let (portal, reader) = (json!({ "author": "lap:15000000" }), json!({ "author": "wrb:15091000" }));
    zeep.answer("portal", "checkAccountActive", &portal);
    let offered = json!({ "author": "lap:15000000", "reader": "wrb:15091000", "service": SERVICE });
    let offered = zeep.answer("portal", "lookupService", &offered);
    assert_eq!(find(&offered, "ServiceIsAvailable"), Some(json!(true)), "{offered:#}");
    let made = zeep.answer("portal", "createMessageId", &portal).to_string();
    assert!(made.contains("urn:de:xta:messageid:rohrpost:"), "{made}");

    zeep.answer("portal", "sendMessage", &message(&id(1)));
    assert_eq!(zeep.report(&id(1)), json!(0), "it waits to be fetched");
    let leser = Client::of(&house.hub, "portal");
    let submissions = async || leser.get("/v1/deliveries?state=awaiting").await;
    crate::support::client::until(async || submissions().await["deliveries"] != json!([])).await;

    let list = zeep.answer("leser", "getStatusList", &with(reader.clone(), "form", json!("MessageMetaData")));
    let listed = find(&list, "MsgIdentification").and_then(|it| find(&it, "MessageID")).expect("an id");
    let message_id = listed["_value_1"].as_str().expect("text").to_owned();
    let brief = zeep.answer("leser", "getStatusList", &with(reader.clone(), "most", json!(1)));
    assert!(brief.to_string().contains(&message_id), "{brief:#}");
    let request = find(&brief, "MsgBoxRequestID").expect("an iterator");
    let next = with(with(reader.clone(), "request", request), "ids", json!([message_id]));
    assert!(!zeep.answer("leser", "getNextStatusList", &next).to_string().contains(&message_id));

    let wanted = with(reader.clone(), "ids", json!([message_id]));
    let first = zeep.answer("leser", "getMessage", &wanted);
    let container = find(&first, "ContentContainer").expect("contents");
    let sealed = STANDARD.decode(container["Message"]["_value_1"].as_str().expect("base64")).expect("base64");
    assert!(String::from_utf8_lossy(&sealed).contains("SignatureValue"), "it is sealed");
    assert_eq!(container["Attachment"][0]["_value_1"], base64(b"%PDF-1.7 x"), "the attachment");
    assert_eq!(
        find(&zeep.answer("leser", "getMessage", &wanted), "ContentContainer"),
        Some(container),
        "repeated"
    );
    let unselected = zeep.answer("leser", "getMessage", &reader);
    let request = find(&unselected, "MsgBoxRequestID").expect("an iterator");
    let next = with(wanted.clone(), "request", request);
    let none = zeep.answer("leser", "getNextMessage", &next);
    assert!(none.to_string().contains("NoMatch"), "there is no second one: {none:#}");
    assert_eq!(zeep.report(&id(1)), json!(0), "fetched is not closed");

    let close = with(wanted.clone(), "request", json!("1"));
    zeep.answer("leser", "close", &close);
    zeep.answer("leser", "close", &close);
    assert_eq!(zeep.fault("leser", "getMessage", &wanted).0, "9070");
    crate::support::client::until(async || !house.dms.requests().is_empty()).await;
    let mut green = Value::Null;
    crate::support::client::until(async || {
        green = zeep.report(&id(1));
        green != json!(0)
    })
    .await;
    assert_eq!(green, json!(1), "all was delivered at the first attempt");
    assert!(house.setup.log().contains("closed") || !house.setup.log().contains("Mustermann"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_has_the_code_and_the_exception_of_the_standard() {
    let house = House::new().await;
    let Some(mut zeep) = house.speaker() else { return };
    let portal = json!({ "author": "lap:15000000" });
    let said = |code: &str, exception: &str| (code.to_owned(), format!("{exception}Exception"));
    let mut expect = |partner: &str, operation: &str, asked: &Value, code: &str, exception: &str| {
        assert_eq!(
            zeep.fault(partner, operation, asked),
            said(code, exception),
            "{partner} {operation} {asked}"
        );
    };
    expect("expired", "checkAccountActive", &portal, "9010", "PermissionDenied");
    expect("locked", "checkAccountActive", &portal, "9011", "PermissionDenied");
    expect("stranger", "checkAccountActive", &portal, "9012", "PermissionDenied");
    expect("nobody", "checkAccountActive", &portal, "9012", "PermissionDenied");
    expect("portal", "checkAccountActive", &json!({ "author": "lap:16000000" }), "9014", "PermissionDenied");
    expect("portal", "getStatusList", &json!({ "author": "wrb:15091000" }), "9014", "PermissionDenied");
    let other = with(message(&id(1)), "service", json!("http://www.example.org/fremd.wsdl"));
    expect("portal", "sendMessage", &other, "9013", "PermissionDenied");
    let unknown = with(message(&id(1)), "service", json!("http://www.example.org/unbekannt.wsdl"));
    expect("portal", "sendMessage", &unknown, "9013", "PermissionDenied");
    expect("portal", "sendMessageSync", &message(&id(1)), "9080", "SyncAsync");
    let broken = with(message(&id(1)), "message", json!(base64(b"<nicht/>")));
    expect("portal", "sendMessage", &broken, "9050", "MessageSchemaViolation");
    let large = base64(vec![b'x'; 3_000_000]);
    let large = json!([{ "name": "gross.pdf", "id": "a", "content": large }]);
    expect(
        "portal",
        "sendMessage",
        &with(message(&id(1)), "attachments", large),
        "9023",
        "ParameterIsNotValid",
    );
    let asked = json!({ "author": "lap:15000000", "id": id(1) });
    expect("portal", "getTransportReport", &asked, "9070", "InvalidMessageID");

    zeep.answer("portal", "sendMessage", &message(&id(1)));
    let mut expect = |partner: &str, operation: &str, asked: &Value, code: &str, exception: &str| {
        assert_eq!(
            zeep.fault(partner, operation, asked),
            said(code, exception),
            "{partner} {operation} {asked}"
        );
    };
    expect("portal", "sendMessage", &message(&id(1)), "9024", "ParameterIsNotValid");
    let again = with(message(&id(1).to_uppercase()), "test", json!(false));
    expect("portal", "sendMessage", &again, "9024", "ParameterIsNotValid");
    expect("portal", "cancelMessage", &asked, "9101", "CancelDenied");
    let gone = json!({ "author": "wrb:15091000", "request": "1", "ids": [id(77)] });
    expect("leser", "close", &gone, "9070", "InvalidMessageID");
    let foreign = zeep.call("foreign", "checkAccountActive", &portal);
    assert!(foreign.get("connection").is_some(), "a foreign authority ends in the handshake: {foreign}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_for_later_waits_and_can_be_called_off_until_then() {
    let house = House::new().await;
    let Some(mut zeep) = house.speaker() else { return };
    let later = with(message(&id(1)), "NotBefore", json!("2099-01-01T00:00:00"));
    zeep.answer("portal", "sendMessage", &later);
    let operator = Client::of(&house.hub, "portal");
    let deliveries = operator.get("/v1/deliveries").await;
    assert_eq!(deliveries["deliveries"][0]["state"], "due", "{deliveries:#}");
    assert_eq!(deliveries["deliveries"][0]["reason"]["code"], "not-before", "{deliveries:#}");
    assert_eq!(zeep.report(&id(1)), json!(0));
    zeep.answer("portal", "cancelMessage", &json!({ "author": "lap:15000000", "id": id(1) }));
    assert_eq!(zeep.report(&id(1)), json!(3), "what was called off never arrives");
    let past = with(message(&id(2)), "ObsoleteAfter", json!("2020-01-01"));
    assert_eq!(zeep.fault("portal", "sendMessage", &past).1, "ParameterIsNotValidException");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_stays_open_while_anything_waits_and_turns_red_when_it_is_given_up() {
    // The DMS, which comes after the mailbox, refuses everything: a person is needed.
    let house =
        House::before(Sink::answering(|_, _| (Status::BAD_REQUEST, "no").into_response()).await, |_| {})
            .await;
    let Some(mut zeep) = house.speaker() else { return };
    zeep.answer("portal", "sendMessage", &message(&id(1)));
    let portal = Client::of(&house.hub, "portal");
    let in_state =
        async |state: &str| portal.get(&format!("/v1/deliveries?state={state}")).await["deliveries"].clone();
    crate::support::client::until(async || in_state("awaiting").await != json!([])).await;
    let list = zeep.answer(
        "leser",
        "getStatusList",
        &json!({ "author": "wrb:15091000", "form": "MessageMetaData" }),
    );
    let listed = find(&list, "MsgIdentification").and_then(|it| find(&it, "MessageID")).expect("an id");
    let close = json!({ "author": "wrb:15091000", "request": "1", "ids": [listed["_value_1"]] });
    zeep.answer("leser", "close", &close);
    crate::support::client::until(async || in_state("parked").await != json!([])).await;
    let asked = json!({ "author": "lap:15000000", "id": id(1) });
    let report = zeep.answer("portal", "getTransportReport", &asked);
    assert_eq!(find(&report, "Status"), Some(json!(0)), "one is delivered, the other waits: {report:#}");
    assert!(find(&report, "WarnList").is_some_and(|list| list.to_string().contains("parked")), "{report:#}");
    let parked = in_state("parked").await[0]["id"].as_str().expect("an id").to_owned();
    let operator = Client::of(&house.hub, "operator");
    let discard = json!({ "reason": "erledigt" });
    let discarded = operator.request("POST", &format!("/v1/deliveries/{parked}/discard")).json(&discard);
    assert!(discarded.send().await.expect("an answer").status().is_success());
    assert_eq!(zeep.report(&id(1)), json!(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_that_cannot_stand_in_a_report_is_refused_before_anybody_asks_for_one() {
    let house = House::new().await;
    let seal =
        "form = \"cms\"\nkey = { file = \"secrets/siegel.key\" }\ncertificate = \"secrets/siegel.pem\"\n";
    house.setup.write("seals/dokumente.toml", seal);
    house.setup.edit("listeners/xta.toml", "\"siegel\"", "\"dokumente\"");
    let checked = house.setup.command().arg("check").output().expect("the program runs");
    let said = String::from_utf8_lossy(&checked.stderr) + String::from_utf8_lossy(&checked.stdout);
    assert!(!checked.status.success() && said.contains("name a seal of the form xml-dsig"), "{said}");
}
