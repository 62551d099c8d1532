//! `send` and `queue` against a hub that answers as the API says.

use super::{Ran, Workshop, rohrpost_with};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::runtime::Runtime;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub(super) const ID: &str = "01990000-0000-7000-8000-000000000001";
const OTHER: &str = "01990000-0000-7000-8000-000000000002";

/// A hub for one test, and a configuration whose tokens it could know.
pub(super) struct Hub {
    runtime: Runtime,
    server: MockServer,
    shop: Workshop,
}

impl Hub {
    pub(super) fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let server = runtime.block_on(MockServer::start());
        Self { runtime, server, shop: Workshop::new() }
    }

    pub(super) fn answers(&self, mock: wiremock::MockBuilder, status: u16, body: Value) {
        let answer = ResponseTemplate::new(status).set_body_json(body);
        self.runtime.block_on(mock.respond_with(answer).mount(&self.server));
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        let url = self.server.uri();
        let all: Vec<_> = arguments.iter().copied().chain(["--url", &url]).collect();
        self.shop.run(&all)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.runtime.block_on(self.server.received_requests()).expect("recorded")
    }

    fn token(&self, client: &str) -> String {
        format!("Bearer {}", self.shop.read(&format!("config/secrets/{client}.token")))
    }
}

fn header<'r>(request: &'r Request, name: &str) -> &'r str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The parts of a form: name → (head, content).
fn parts(request: &Request) -> Vec<(String, Vec<u8>)> {
    let boundary = header(request, "content-type").split("boundary=").nth(1).expect("a boundary");
    let separator = format!("--{boundary}");
    let body = request.body.as_slice();
    let mut found = Vec::new();
    let mut starts: Vec<_> = body
        .windows(separator.len())
        .enumerate()
        .filter(|(_, w)| *w == separator.as_bytes())
        .map(|(i, _)| i)
        .collect();
    starts.push(body.len());
    for pair in starts.windows(2) {
        let piece = &body[pair[0] + separator.len()..pair[1]];
        if let Some(head) = piece.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&piece[..head]).trim().to_owned();
            found.push((text, piece[head + 4..piece.len() - 2].to_vec()));
        }
    }
    found
}

fn accepted() -> Value {
    json!({ "id": ID, "case": "fall-1", "receivedAt": "2026-01-15T08:00:00Z", "sha256": "00", "receipt": "a.b.c" })
}

#[test]
fn send_hands_in_a_form_and_prints_the_id() {
    let hub = Hub::new();
    hub.answers(Mock::given(method("POST")).and(path("/v1/submissions")), 202, accepted());
    hub.shop.write("anlage.pdf", vec![7; 200_000]);
    let ran = hub.run(&[
        "send",
        "config/samples/brunnenbohrung-1.xml",
        "--service",
        "99128001000000",
        "--area",
        "150910000000",
        "--kind",
        "amendment",
        "--case",
        "fall-1",
        "--attach",
        "anlage.pdf",
        "--attach",
        "config/samples/lageplan.pdf",
        "--idempotency-key",
        "k-1",
    ]);
    assert_eq!((ran.code, ran.text.as_str(), ran.errors.as_str()), (0, format!("{ID}\n").as_str(), ""));
    let request = &hub.requests()[0];
    assert_eq!(header(request, "authorization"), hub.token("portal"));
    assert_eq!(header(request, "idempotency-key"), "k-1");
    assert_eq!(header(request, "content-length"), request.body.len().to_string());
    let parts = parts(request);
    assert_eq!(parts.len(), 4);
    let metadata: BTreeMap<String, String> = serde_json::from_slice(&parts[0].1).expect("metadata");
    let said =
        [("area", "150910000000"), ("case", "fall-1"), ("kind", "amendment"), ("service", "99128001000000")];
    assert_eq!(metadata, said.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    assert!(parts[1].0.contains("name=\"data\"") && parts[1].0.contains("application/xml"), "{}", parts[1].0);
    assert_eq!(parts[1].1, hub.shop.read("config/samples/brunnenbohrung-1.xml").into_bytes());
    assert!(parts[2].0.contains("name=\"attachment\"; filename=\"anlage.pdf\""), "{}", parts[2].0);
    assert_eq!(parts[2].1, vec![7; 200_000]);
}

#[test]
fn send_for_machines_prints_the_whole_answer() {
    let hub = Hub::new();
    hub.answers(Mock::given(method("POST")), 202, accepted());
    let ran = hub.run(&[
        "send",
        "config/samples/brunnenbohrung-1.xml",
        "--service",
        "99128001000000",
        "--area",
        "15091",
        "--json",
    ]);
    assert_eq!(ran.json(), accepted());
}

#[test]
fn what_the_hub_refuses_is_told_with_its_places() {
    let hub = Hub::new();
    let problem = json!({
        "type": "urn:rohrpost:problem:schema-violation", "title": "The data do not fit the schema", "status": 422,
        "detail": "The data break their schema in 1 place(s)", "meldung": "Die Daten verletzen ihr Schema.",
        "violations": [{ "line": 3, "column": 7, "path": "/a/b", "message": "element b is not expected" }],
    });
    hub.answers(Mock::given(method("POST")), 422, problem);
    let ran = hub.run(&[
        "send",
        "config/samples/brunnenbohrung-1.xml",
        "--service",
        "99128001000000",
        "--area",
        "15091",
    ]);
    assert_eq!(ran.code, 1);
    let expected =
        "rohrpost: Antwort des Hubs 422: Die Daten verletzen ihr Schema.\n  3:7: element b is not expected\n";
    assert_eq!(ran.errors, expected);
}

#[test]
fn tokens_come_from_option_file_environment_or_the_demo_and_are_never_printed() {
    let hub = Hub::new();
    hub.answers(
        Mock::given(method("GET")).and(path("/v1/deliveries")),
        401,
        json!({ "title": "Log-in needed" }),
    );
    hub.shop.write("token", "aus-der-datei\n");
    let url = hub.server.uri();
    let from_environment = rohrpost_with(
        hub.shop.path(),
        &["queue", "list", "--url", &url],
        &[("ROHRPOST_TOKEN", "aus-der-umgebung")],
    );
    let given = hub.run(&["queue", "list", "--token", "von-hand"]);
    let from_file = hub.run(&["queue", "list", "--token-file", "token"]);
    let of_demo = hub.run(&["queue", "list"]);
    let sent: Vec<_> =
        hub.requests().iter().map(|request| header(request, "authorization").to_owned()).collect();
    let expected =
        ["Bearer aus-der-umgebung", "Bearer von-hand", "Bearer aus-der-datei", &hub.token("operator")];
    assert_eq!(sent, expected);
    for (ran, sent) in [from_environment, given, from_file, of_demo].iter().zip(sent) {
        assert_eq!((ran.code, ran.errors.as_str()), (1, "rohrpost: Antwort des Hubs 401: Log-in needed\n"));
        assert!(!ran.text.contains(sent.trim_start_matches("Bearer ")));
    }
    hub.shop.edit("config/hub.toml", "demo = true ", "demo = false");
    let nobody = hub.run(&["queue", "list"]);
    assert_eq!(nobody.code, 2, "{nobody:?}");
}

#[test]
fn no_hub_and_plain_http_to_another_machine() {
    let shop = Workshop::new();
    let free =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let ran = shop.run(&["queue", "list", "--url", &format!("http://{free}")]);
    assert_eq!(
        ran.errors,
        format!("rohrpost: no hub answers at {free}; is it running? (`rohrpost serve`)\n")
    );
    assert_eq!(ran.code, 1);
    let far = shop.run(&["queue", "list", "--url", "http://rohrpost.example/"]);
    assert_eq!(far.code, 2);
    assert!(far.errors.contains("plain http is only for this machine; use https"), "{}", far.errors);
}

fn delivery(id: &str, state: &str) -> Value {
    json!({
        "id": id, "submission": ID, "tenant": "lk-beispiel", "case": "fall-1", "step": "dms",
        "destination": "lk-beispiel-enaio", "state": state, "attempts": 2, "receipt": null, "nextAt": null,
        "reason": { "code": "target-busy", "params": {}, "text": { "de": "Das Ziel ist belegt.", "en": "Busy." } },
    })
}

#[test]
fn queue_list_follows_the_pages_and_tells_why_in_german() {
    let hub = Hub::new();
    let second = Mock::given(path("/v1/deliveries")).and(query_param("cursor", "0000000000000001"));
    hub.answers(second, 200, json!({ "deliveries": [delivery(OTHER, "parked")], "next": null }));
    let first = json!({ "deliveries": [delivery(ID, "parked")], "next": "0000000000000001" });
    hub.answers(Mock::given(path("/v1/deliveries")), 200, first);
    let ran = hub.run(&[
        "queue",
        "list",
        "--state",
        "parked",
        "--state",
        "unknown",
        "--destination",
        "lk-beispiel-enaio",
        "--case",
        "fall-1",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let rows: Vec<_> = ran.text.lines().collect();
    assert_eq!(rows.len(), 3, "{}", ran.text);
    assert!(rows[0].starts_with("LIEFERUNG") && rows[2].starts_with(OTHER), "{}", ran.text);
    assert!(rows[1].ends_with("Das Ziel ist belegt."), "{}", ran.text);
    let asked = hub.requests()[0].url.query().expect("a query").to_owned();
    assert_eq!(asked, "state=parked%2Cunknown&destination=lk-beispiel-enaio&case=fall-1&limit=100");
    let limited = hub.run(&["queue", "list", "--limit", "1", "--json"]).json();
    assert_eq!((limited["deliveries"].as_array().map(Vec::len), &limited["more"]), (Some(1), &json!(true)));
}

#[test]
fn queue_search_says_what_it_looks_for_in_the_body() {
    let hub = Hub::new();
    let hit = json!({
        "tenant": "lk-beispiel", "case": "fall-1", "submission": ID, "kind": "application",
        "service": "99128001000000", "receivedAt": "2027-01-04T08:00:00.5Z",
    });
    hub.answers(Mock::given(path("/v1/search")), 200, json!({ "found": [hit], "more": true }));
    let ran = hub.run(&["queue", "search", "AZ 4711/26"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let rows: Vec<_> = ran.text.lines().collect();
    assert!(rows[0].starts_with("MANDANT") && rows[1].contains("fall-1"), "{}", ran.text);
    assert!(rows[1].ends_with("2027-01-04T08:00:00Z") && rows[2].contains("weitere"), "{}", ran.text);
    hub.run(&["queue", "search", "--receipt", "0000-1"]);
    hub.run(&["queue", "search", "--file-name", "Lageplan.pdf"]);
    let asked: Vec<_> = hub.requests().iter().map(|asked| asked.body_json::<Value>().unwrap()).collect();
    let wanted = [
        json!({ "foreignId": "AZ 4711/26" }),
        json!({ "receipt": "0000-1" }),
        json!({ "fileName": "Lageplan.pdf" }),
    ];
    assert_eq!(asked, wanted);
    assert!(hub.requests().iter().all(|asked| asked.url.query().is_none()));
}

#[test]
fn queue_show_tells_attempts_and_history() {
    let hub = Hub::new();
    let mut shown = delivery(ID, "parked");
    shown["attemptLog"] = json!([{
        "number": 1, "startedAt": "2026-01-15T08:00:00Z", "endedAt": "2026-01-15T08:00:01.571501992Z", "destination": "x",
        "contentSha256": "aa", "sentSha256": "bb", "outcome": "unavailable", "reason": null,
    }]);
    shown["history"] = json!([{ "at": "2026-01-15T08:00:01Z", "event": "unavailable", "state": "due", "cause": "attempt 1", "who": "rohrpost", "reason": null }]);
    hub.answers(Mock::given(path(format!("/v1/deliveries/{ID}"))), 200, shown.clone());
    let ran = hub.run(&["queue", "show", ID]);
    assert!(
        ran.text.contains("Zustand      parked\n")
            && ran.text.contains("attempt 1")
            && ran.text.contains("bb")
            && ran.text.contains(" 2026-01-15T08:00:01Z "),
        "{}",
        ran.text
    );
    assert_eq!(hub.run(&["queue", "show", ID, "--json"]).json(), shown);
}

#[test]
fn queue_retry_goes_on_after_a_refusal_and_ends_with_1() {
    let hub = Hub::new();
    let refused = json!({ "title": "Not possible in this state", "detail": "It is delivered." });
    hub.answers(Mock::given(path(format!("/v1/deliveries/{ID}/retry"))), 409, refused);
    hub.answers(
        Mock::given(path(format!("/v1/deliveries/{OTHER}/retry"))),
        200,
        json!({ "id": OTHER, "state": "due" }),
    );
    let ran = hub.run(&["queue", "retry", ID, OTHER, "--reason", "DMS läuft wieder"]);
    assert_eq!((ran.code, ran.text.as_str()), (1, format!("{OTHER}  due\n").as_str()));
    assert_eq!(ran.errors, format!("rohrpost: {ID}: Antwort des Hubs 409: It is delivered.\n"));
    let bodies: Vec<Value> =
        hub.requests().iter().map(|request| request.body_json().expect("JSON")).collect();
    assert_eq!(bodies, [json!({ "reason": "DMS läuft wieder" }), json!({ "reason": "DMS läuft wieder" })]);
}

#[test]
fn queue_discard_says_what_becomes_of_dependents() {
    let hub = Hub::new();
    hub.answers(
        Mock::given(path(format!("/v1/deliveries/{ID}/discard"))),
        200,
        json!({ "id": ID, "state": "discarded" }),
    );
    let ran = hub.run(&["queue", "discard", ID, "--reason", "doppelt", "--dependents", "release", "--json"]);
    assert_eq!(ran.json(), json!([{ "id": ID, "answer": { "id": ID, "state": "discarded" } }]));
    let body: Value = hub.requests()[0].body_json().expect("JSON");
    assert_eq!(body, json!({ "reason": "doppelt", "dependents": "release" }));
}
