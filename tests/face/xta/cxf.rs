//! XTA 2 spoken by Apache CXF, which is what Fachverfahren are built with: its client comes from the original WSDL and has
//! the original schemas judge every envelope in both directions. See scripts/java-peers.

mod speaker;

use super::{House, MOST, SERVICE, base64, find, id, sample};
use crate::face::text;
use crate::support::client::{Client, until};
use crate::support::peers;
use serde_json::{Value, json};
use speaker::{Cxf, Form};
use std::fs;
use std::process::Command;

/// The reader's mailbox in the hub's own API.
const MAILBOX: &str = "/v1/mailboxes/lk-beispiel-wasserbehoerde/messages";

fn party(identifier: &str) -> Value {
    json!({ "Identifier": { "value": identifier, "type": "xoev" } })
}

/// What every request of a port but the send port says.
fn author(identifier: &str) -> Value {
    json!({ "Author": party(identifier) })
}

fn asking(identifier: &str, element: &str, body: &Value) -> Value {
    json!({ "Author": party(identifier), element: body })
}

fn of_message(message: &str) -> Value {
    asking("lap:15000000", "MessageID", &json!({ "value": message }))
}

fn selected(message: &str) -> Value {
    json!({ "MsgSelector": { "MessageID": [{ "value": message }] } })
}

fn lookup(service: &str) -> Value {
    let wish = json!({ "LookupService": { "Reader": party("wrb:15091000"), "ServiceType": service } });
    asking("lap:15000000", "LookupServiceRequest", &json!({ "LookupServiceRequestList": [wish] }))
}

/// A message for the water authority with one attachment.
fn message(id: &str, attachment: &[u8]) -> Value {
    let coded = |code: &str| json!({ "code": code, "listURI": "urn:x", "listVersionID": "1" });
    let mut kind = coded("0201");
    kind["payloadSchema"] = json!("urn:y");
    json!({
        "MessageMetaData": {
            "DeliveryAttributes": {},
            "Originators": { "Author": party("lap:15000000") },
            "Destinations": { "Reader": party("wrb:15091000") },
            "MsgIdentification": { "MessageID": { "value": id } },
            "Qualifier": {
                "Subject": "Anzeige", "Service": SERVICE,
                "BusinessScenario": { "Defined": coded("BRUNNEN_DATA") }, "MessageType": kind,
            },
            "MsgSize": 1000,
        },
        "GenericContentContainer": { "ContentContainer": {
            "Message": { "value": base64(sample("brunnenbohrung-1.xml")), "contentType": "text/xml", "id": "MESSAGE" },
            "Attachment": [{
                "value": base64(attachment), "contentType": "application/pdf", "filename": "lageplan.pdf", "id": "urn_uuid_1",
            }],
        } },
    })
}

/// The same with something else at a place, `null` for nothing.
fn with(mut message: Value, place: &str, value: Value) -> Value {
    *message.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = value;
    message
}

const DELIVERY: &str = "/MessageMetaData/DeliveryAttributes";
const QUALIFIER: &str = "/MessageMetaData/Qualifier";
const CONTENT: &str = "/GenericContentContainer/ContentContainer/Message/value";

/// Bytes that no compression and no guess of a charset leaves as they are.
fn random(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    openssl::rand::rand_bytes(&mut bytes).expect("chance");
    bytes
}

async fn in_mailbox(house: &House) {
    let portal = Client::of(&house.hub, "portal");
    until(async || portal.get("/v1/deliveries?state=awaiting").await["deliveries"] != json!([])).await;
}

/// Everything that a sender asks before and while it sends.
fn hand_in(cxf: &mut Cxf<'_>, attachment: &[u8]) -> String {
    cxf.answer("portal", "checkAccountActive", &author("lap:15000000"));
    let offered = cxf.answer("portal", "lookupService", &lookup(SERVICE));
    assert_eq!(find(&offered, "ServiceIsAvailable"), Some(json!(true)), "{offered:#}");
    let made = cxf.answer("portal", "createMessageId", &author("lap:15000000"));
    let made = made["MessageID"]["value"].as_str().expect("an id").to_owned();
    assert!(made.starts_with("urn:de:xta:messageid:rohrpost:"), "{made}");
    cxf.answer("portal", "sendMessage", &message(&made, attachment));
    assert_eq!(cxf.report(&made), json!(0), "it waits to be fetched");
    made
}

/// The only message of the mailbox: lists, the message twice, and that there is no other. Its id there, and its XML.
fn fetch(cxf: &mut Cxf<'_>, attachment: &[u8]) -> (String, String) {
    let ask = |element: &str, body: Value| asking("wrb:15091000", element, &body);
    let whole = ask("MsgBoxStatusListRequest", json!({ "ListForm": "MessageMetaData" }));
    let list = cxf.answer("leser", "getStatusList", &whole);
    let listed = find(&list["MsgStatusList"], "MsgIdentification").expect("a message");
    let listed = listed["MessageID"]["value"].as_str().expect("an id").to_owned();
    let brief = ask("MsgBoxStatusListRequest", json!({ "maxListItems": 1, "ListForm": "MsgAtrributes" }));
    let brief = cxf.answer("leser", "getStatusList", &brief);
    assert_eq!(brief["MsgStatusList"]["MsgAttributes"][0]["MessageID"]["value"], listed, "{brief:#}");
    let next = |answer: &Value| {
        let request = &answer["MsgBoxResponse"]["MsgBoxRequestID"];
        let last = json!({ "MsgBoxRequestID": request, "LastMsgReceived": [{ "value": listed }] });
        ask("MsgBoxGetNextRequest", last)
    };
    let rest = cxf.answer("leser", "getNextStatusList", &next(&brief));
    assert!(!rest.to_string().contains(&listed), "{rest:#}");

    let wanted = ask("MsgBoxFetchRequest", selected(&listed));
    let first = cxf.answer("leser", "getMessage", &wanted);
    let contents = &first["GenericContentContainer"]["ContentContainer"];
    assert!(contents["Attachment"][0]["value"] == base64(attachment), "the attachment, byte for byte");
    let again = cxf.answer("leser", "getMessage", &wanted);
    assert!(again["GenericContentContainer"]["ContentContainer"] == *contents, "repeated");
    let unselected = cxf.answer("leser", "getMessage", &ask("MsgBoxFetchRequest", json!({})));
    let none = cxf.answer("leser", "getNextMessage", &next(&unselected));
    assert!(find(&none, "reason").is_some_and(|reason| reason.to_string().contains("NoMatch")), "{none:#}");
    (listed, contents["Message"]["value"].as_str().expect("base64").to_owned())
}

/// The hub has the message as it was sent, and hands it out by XTA as by its own API, byte for byte.
async fn is_exact(house: &House, got: &str) {
    let bytes = async |client: &Client, path: String| {
        let response = client.request("GET", &path).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        response.bytes().await.expect("bytes")
    };
    let (portal, reader) = (Client::of(&house.hub, "portal"), Client::of(&house.hub, "leser"));
    let waiting = reader.get(MAILBOX).await["messages"][0].clone();
    let (submission, id) = (text(&waiting, "submission"), text(&waiting, "id"));
    let data = bytes(&portal, format!("/v1/submissions/{submission}/data")).await;
    assert!(data == sample("brunnenbohrung-1.xml"), "in, byte for byte");
    let message = bytes(&reader, format!("{MAILBOX}/{id}/parts/message")).await;
    assert!(got == base64(message), "out, byte for byte");
}

fn closing(message: &str) -> Value {
    let body = json!({ "MsgBoxRequestID": "1", "LastMsgReceived": [{ "value": message }] });
    asking("wrb:15091000", "MsgBoxCloseRequest", &body)
}

async fn round(form: Form, attachment: &[u8]) {
    let house = House::with(|setup| setup.edit("listeners/xta.toml", MOST, "20 MB")).await;
    let Some(mut cxf) = Cxf::of(&house) else { return };
    cxf.form = form;
    let sent = hand_in(&mut cxf, attachment);
    in_mailbox(&house).await;
    let (listed, message) = fetch(&mut cxf, attachment);
    is_exact(&house, &message).await;
    assert_eq!(cxf.report(&sent), json!(0), "fetched is not closed");
    cxf.answer("leser", "close", &closing(&listed));
    let gone = asking("wrb:15091000", "MsgBoxFetchRequest", &selected(&listed));
    assert_eq!(cxf.fault("leser", "getMessage", &gone).1, "InvalidMessageIDException");
    let mut green = Value::Null;
    until(async || {
        green = cxf.report(&sent);
        green != json!(0)
    })
    .await;
    assert_eq!(green, json!(1), "all was delivered at the first attempt");
}

#[tokio::test(flavor = "multi_thread")]
async fn cxf_sends_fetches_and_closes_by_mtom_what_its_schemas_call_valid() {
    round(Form::Mtom, &random(5_000_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cxf_sends_fetches_and_closes_inline_what_its_schemas_call_valid() {
    round(Form::Inline, &random(100_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_reaches_cxf_as_the_exception_of_its_wsdl() {
    let house = House::new().await;
    let Some(mut cxf) = Cxf::of(&house) else { return };
    let own = author("lap:15000000");
    let good = message(&id(1), b"%PDF-1.7 x");
    let but = |place: &str, value: Value| with(good.clone(), place, value);
    let (service, attachments) =
        (format!("{QUALIFIER}/Service"), "/GenericContentContainer/ContentContainer/Attachment");
    let large = message(&id(1), &random(3_000_000));
    let past = json!({ "ObsoleteAfter": "2020-01-01" });
    let wanted = asking("wrb:15091000", "MsgBoxFetchRequest", &selected(&id(77)));
    let next = json!({ "MsgBoxRequestID": "1", "LastMsgReceived": [{ "value": id(77) }] });
    let next = asking("wrb:15091000", "MsgBoxGetNextRequest", &next);
    let list = asking("lap:16000000", "MsgBoxStatusListRequest", &json!({}));
    let cases: Vec<(&str, &str, Value, &str, &str)> = vec![
        ("expired", "checkAccountActive", own.clone(), "9010", "PermissionDenied"),
        ("locked", "createMessageId", own.clone(), "9011", "PermissionDenied"),
        ("stranger", "checkAccountActive", own.clone(), "9012", "PermissionDenied"),
        ("nobody", "checkAccountActive", own.clone(), "9012", "PermissionDenied"),
        // Java shows no certificate of an authority that the hub does not name.
        ("foreign", "checkAccountActive", own.clone(), "9012", "PermissionDenied"),
        ("expired", "sendMessage", good.clone(), "9010", "PermissionDenied"),
        ("portal", "checkAccountActive", author("lap:16000000"), "9014", "PermissionDenied"),
        ("leser", "getStatusList", list, "9014", "PermissionDenied"),
        ("leser", "getNextStatusList", with(next.clone(), "/Author", party("x")), "9014", "PermissionDenied"),
        ("leser", "getNextMessage", with(next, "/Author", party("x")), "9014", "PermissionDenied"),
        (
            "portal",
            "sendMessage",
            but(&service, json!("http://www.example.org/fremd.wsdl")),
            "9013",
            "PermissionDenied",
        ),
        (
            "portal",
            "sendMessage",
            but(&service, json!("http://www.example.org/unbekannt.wsdl")),
            "9013",
            "PermissionDenied",
        ),
        ("portal", "sendMessage", large, "9023", "ParameterIsNotValid"),
        ("portal", "sendMessage", but(DELIVERY, past), "9000", "ParameterIsNotValid"),
        ("portal", "sendMessage", but(CONTENT, json!(base64(b"<nicht/>"))), "9050", "MessageSchemaViolation"),
        ("portal", "sendMessageSync", but(attachments, json!([])), "9080", "SyncAsync"),
        ("portal", "getTransportReport", of_message(&id(1)), "9070", "InvalidMessageID"),
        ("portal", "cancelMessage", of_message(&id(1)), "9000", "XTAWSTechnicalProblem"),
        ("leser", "getMessage", wanted, "9070", "InvalidMessageID"),
        ("leser", "close", closing(&id(77)), "9070", "InvalidMessageID"),
    ];
    for (partner, operation, said, code, exception) in cases {
        let expected = (code.to_owned(), format!("{exception}Exception"));
        assert_eq!(cxf.fault(partner, operation, &said), expected, "{partner} {operation}");
    }
    cxf.answer("portal", "sendMessage", &good);
    let taken = ("9024".to_owned(), "ParameterIsNotValidException".to_owned());
    assert_eq!(cxf.fault("portal", "sendMessage", &good), taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn cxf_calls_off_what_is_sent_for_later_and_nothing_else() {
    let house = House::new().await;
    let Some(mut cxf) = Cxf::of(&house) else { return };
    let denied = |code: &str| (code.to_owned(), "CancelDeniedException".to_owned());
    for (number, not_before) in
        [(1, Some("2099-01-01T00:00:00")), (2, Some("2020-01-01T00:00:00")), (3, None)]
    {
        let times = not_before.map_or(json!({}), |time| json!({ "NotBefore": time }));
        cxf.answer("portal", "sendMessage", &with(message(&id(number), b"x"), DELIVERY, times));
    }
    assert_eq!(cxf.report(&id(1)), json!(0));
    cxf.answer("portal", "cancelMessage", &of_message(&id(1)));
    assert_eq!(cxf.report(&id(1)), json!(3), "what was called off never arrives");
    assert_eq!(cxf.fault("portal", "cancelMessage", &of_message(&id(2))), denied("9100"));
    assert_eq!(cxf.fault("portal", "cancelMessage", &of_message(&id(3))), denied("9101"));
}

/// That CXF judges at all, and what the hub says where it does not.
#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_the_schemas_leaves_cxf_only_unchecked_and_is_refused_with_what_is_wrong() {
    let house = House::new().await;
    let Some(mut cxf) = Cxf::of(&house) else { return };
    let broken = with(message(&id(1), b"x"), &format!("{QUALIFIER}/BusinessScenario"), Value::Null);
    let refused = cxf.call("portal", "sendMessage", &broken);
    let why = refused["trouble"].as_str().unwrap_or_default();
    assert!(why.contains("cvc-complex-type") && why.contains("BusinessScenario"), "{refused:#}");
    cxf.checked = false;
    let told = cxf.call("portal", "sendMessage", &broken);
    assert_eq!(
        (&told["fault"], &told["exception"]),
        (&json!("9052"), &json!("MessageSchemaViolationException"))
    );
    assert!(told["reason"].to_string().contains("BusinessScenario"), "{told:#}");
    let empty = asking("lap:15000000", "LookupServiceRequest", &json!({}));
    let told = cxf.fault("portal", "lookupService", &empty);
    assert_eq!(told.1, "ParameterIsNotValidException", "{told:?}");
    let headless = with(message(&id(1), b"x"), "/MessageMetaData", Value::Null);
    assert_eq!(cxf.fault("portal", "sendMessage", &headless).0, "9020");
}

/// The report as a document of its own, exactly as it stands in the envelope.
fn report_in(envelope: &str) -> &str {
    let end = envelope.find("</xta:TransportReport>").expect("a report") + "</xta:TransportReport>".len();
    &envelope[envelope.find("<xta:TransportReport").expect("a report")..end]
}

#[tokio::test(flavor = "multi_thread")]
async fn xmlsec1_and_santuario_believe_a_report_as_it_came_and_no_other() {
    let house = House::new().await;
    let Some(mut cxf) = Cxf::of(&house) else { return };
    cxf.answer("portal", "sendMessage", &message(&id(1), b"x"));
    let secrets = house.setup.config().join("secrets");
    let anchor = secrets.join("trust/demo-ca.pem");
    let file = house.setup.path("report.xml");
    for form in [Form::Mtom, Form::Inline] {
        cxf.form = form;
        let told = cxf.call("portal", "getTransportReport", &of_message(&id(1)));
        let report = report_in(told["wire"]["envelope"].as_str().expect("an envelope"));
        let greener = report.replace(">0</xta:Status>", ">1</xta:Status>");
        assert_ne!(report, greener, "{report}");
        for (document, good) in [(report, true), (&greener, false)] {
            fs::write(&file, document).expect("a file");
            let verified = cxf.java.ask(&json!({
                "operation": "verify", "report": document, "certificate": secrets.join("siegel.pem"),
            }));
            assert_eq!(verified["verified"], good, "Santuario: {verified:#} {document}");
            let xmlsec1 = peers::run(
                Command::new("xmlsec1").args(["--verify", "--trusted-pem"]).arg(&anchor).arg(&file),
            );
            let Some(xmlsec1) = xmlsec1 else { return };
            let said = String::from_utf8_lossy(&xmlsec1.stderr);
            assert_eq!(xmlsec1.status.success(), good, "xmlsec1: {said} {document}");
        }
    }
}
