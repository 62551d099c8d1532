//! Answers in a case: an authority gives them over the API, the portal pulls them, and sends what was asked for.

use super::sample;
use crate::support::client::Client;
use crate::support::hub::{AREA, Hub, SERVICE, Setup};
use crate::support::sink::Sink;
use axum::http::StatusCode;
use reqwest::Response;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

pub(super) const AUTHORITY: &str = r#"
name = "amt"
tokens = [{ file = "secrets/amt.token" }]
[[grant]]
tenants = ["lk-beispiel"]
roles = ["submit", "view"]
services = ["99128001000000"]
"#;

/// What goes back is pulled by the portal.
pub(super) const ANSWERS: &str = r#"
name = "antworten"
tenants = ["lk-beispiel"]
pull = true
[match]
kind = ["receipt", "status", "query", "document-request", "payment-request", "payment-confirmation", "notice"]
"#;

/// A Nachreichung goes where the application went.
pub(super) const AMENDMENTS: &str = r#"
name = "nachreichung"
tenants = ["lk-beispiel"]
[match]
kind = "amendment"
service = "99128001000000"
[[step]]
name = "fachverfahren"
destination = "{tenant}-wasserbehoerde"
ordered = true
"#;

/// Answers by itself: when something came in, and when the Fachverfahren has it.
const RECEIPT: &str = r#"
name = "lk-beispiel-eingang"
tenants = ["lk-beispiel"]
adapter = "reply"
[reply]
client = "amt"
kind = "receipt"
text = "Ihre Anzeige ist eingegangen. Vorgang: {case}."
"#;

/// A hub with a portal, an authority that answers in the portal's cases, and answers that are pulled.
pub(super) struct House {
    pub(super) hub: Hub,
    pub(super) setup: Setup,
}

impl House {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl Fn(&Setup)) -> Self {
        let setup = Setup::new(Sink::start().await.address);
        setup.write("clients/amt.toml", AUTHORITY);
        setup.write("secrets/amt.token", "amt-mit-einem-langen-wort-0123456789");
        setup.write("routes/antworten.toml", ANSWERS);
        setup.write("routes/nachreichung.toml", AMENDMENTS);
        change(&setup);
        let hub = setup.start();
        Self { hub, setup }
    }

    pub(super) fn killed_and_started(self) -> Self {
        let Self { hub, setup } = self;
        hub.kill();
        let hub = setup.start();
        Self { hub, setup }
    }

    pub(super) fn client(&self, name: &str) -> Client {
        Client::of(&self.hub, name)
    }

    pub(super) async fn submit(&self, kind: &str) -> Value {
        self.submit_in(kind, "2027:BR-1").await
    }

    pub(super) async fn submit_in(&self, kind: &str, case: &str) -> Value {
        let metadata = json!({ "service": SERVICE, "area": AREA, "kind": kind, "case": case }).to_string();
        let part = |bytes: Vec<u8>, kind: &str| Part::bytes(bytes).mime_str(kind).expect("a media type");
        let form = Form::new()
            .part("metadata", part(metadata.into_bytes(), "application/json"))
            .part("data", part(sample("brunnenbohrung-1.xml"), "application/xml"));
        let answer = self.client("portal").request("POST", "/v1/submissions").multipart(form).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        answer.json().await.expect("JSON")
    }

    pub(super) async fn answer(&self, client: &str, said: &Value) -> Response {
        let request = self.client(client).request("POST", "/v1/cases/2027:BR-1/replies");
        request.json(said).send().await.expect("an answer")
    }

    pub(super) async fn answered(&self, said: &Value) -> Value {
        let answer = self.answer("amt", said).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED, "{said}");
        answer.json().await.expect("JSON")
    }

    pub(super) async fn pulled(&self, after: u64) -> Vec<Value> {
        self.pulled_in("2027:BR-1", after).await
    }

    pub(super) async fn pulled_in(&self, case: &str, after: u64) -> Vec<Value> {
        let path = format!("/v1/cases/{case}/replies?after={after}");
        self.client("portal").get(&path).await["replies"].as_array().expect("a list").clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_goes_to_the_portal_and_its_answer_comes_back_in_the_case() {
    let house = House::new().await;
    let application = house.submit("application").await;
    house
        .answered(
            &json!({ "kind": "receipt", "text": "Ihre Anzeige ist eingegangen.", "reference": "WB 4711/26" }),
        )
        .await;
    let asked = json!({
        "kind": "document-request", "text": "Bitte reichen Sie den Lageplan nach.",
        "documents": ["Lageplan"], "deadline": "2027-01-31",
    });
    house.answered(&asked).await;
    let pulled = house.pulled(0).await;
    assert_eq!(pulled.len(), 2, "{pulled:#?}");
    assert_eq!((&pulled[0]["kind"], &pulled[0]["reference"]), (&"receipt".into(), &"WB 4711/26".into()));
    let question = &pulled[1];
    assert_eq!(question["text"], asked["text"]);
    assert_eq!((&question["documents"], &question["deadline"]), (&asked["documents"], &asked["deadline"]));
    let id = question["id"].as_str().expect("an id");
    let state = house.client("amt").get(&format!("/v1/submissions/{id}")).await;
    assert_eq!(
        (&state["state"], &state["deliveries"]),
        (&"completed".into(), &json!([])),
        "it waits to be pulled"
    );

    let amendment = house.submit("amendment").await;
    assert_eq!(amendment["case"], application["case"]);
    house.client("portal").completed(amendment["id"].as_str().expect("an id")).await;
    let last = question["sequence"].as_u64().expect("a number");
    assert_eq!(house.pulled(last).await, Vec::<Value>::new(), "an amendment is no answer");
    let part = |bytes: &[u8], kind: &str| Part::bytes(bytes.to_vec()).mime_str(kind).expect("a media type");
    let notice = json!({ "kind": "notice", "text": "Die Bohrung ist angezeigt." }).to_string();
    let form = Form::new()
        .part("reply", part(notice.as_bytes(), "application/json"))
        .part("attachment", part(b"%PDF-1.7 Bescheid", "application/pdf").file_name("Bescheid.pdf"));
    let request = house.client("amt").request("POST", "/v1/cases/2027:BR-1/replies").multipart(form);
    assert_eq!(request.send().await.expect("an answer").status(), StatusCode::ACCEPTED);
    let pulled = house.pulled(last).await;
    assert_eq!((pulled.len(), &pulled[0]["kind"]), (1, &"notice".into()));
    assert_eq!(pulled[0]["attachments"][0]["name"], "Bescheid.pdf");
    let content = format!("/v1/submissions/{}/attachments/1", pulled[0]["id"].as_str().expect("an id"));
    let content = house.client("portal").request("GET", &content).send().await.expect("an answer");
    assert_eq!(content.bytes().await.expect("content").as_ref(), b"%PDF-1.7 Bescheid");
    let case = house.client("amt").get("/v1/cases/2027:BR-1").await;
    let kinds: Vec<_> =
        case["submissions"].as_array().expect("a list").iter().map(|it| it["kind"].clone()).collect();
    assert_eq!(
        kinds,
        ["application", "receipt", "document-request", "amendment", "notice"],
        "both directions"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_wrong_is_refused_with_what_would_be_right() {
    let house = House::new().await;
    house.submit("application").await;
    for (said, expected) in [
        (json!({ "kind": "application", "text": "x" }), "handed in by the portal"),
        (json!({ "kind": "document-request", "text": "x" }), "names 1 to 50 documents"),
        (json!({ "kind": "status" }), "missing field `text`"),
        (json!({ "kind": "status", "text": "x", "frist": "heute" }), "unknown field `frist`"),
        (json!({ "kind": "status", "text": "x", "deadline": "31.01.2027" }), "a day like 2027-01-31"),
    ] {
        let answer = house.answer("amt", &said).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{said}");
        let problem: Value = answer.json().await.expect("JSON");
        assert!(problem["detail"].as_str().expect("a detail").contains(expected), "{problem:#}");
    }
    assert_eq!(house.pulled(0).await.len(), 0, "nothing was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_and_h7_hold_for_answers() {
    let house = House::new().await;
    house.submit("application").await;
    let said = json!({ "kind": "status", "text": "In Arbeit." });
    let twice = async || {
        let request = house.client("amt").request("POST", "/v1/cases/2027:BR-1/replies");
        let answer = request.header("idempotency-key", "a-1").json(&said).send().await.expect("an answer");
        answer.json::<Value>().await.expect("JSON")["id"].clone()
    };
    assert_eq!(twice().await, twice().await, "h3: one answer, however often it is sent");
    assert_eq!(house.pulled(0).await.len(), 1);
    let unknown = house.client("amt").request("POST", "/v1/cases/2027:BR-9/replies").json(&said).send().await;
    assert_eq!(unknown.expect("an answer").status(), StatusCode::NOT_FOUND);
    let operator = house.answer("operator", &said).await;
    assert_eq!(operator.status(), StatusCode::FORBIDDEN, "who may not hand in may not answer");
    let pulls = house.client("amt").request("GET", "/v1/cases/2027:BR-1/replies").send().await;
    assert_eq!(pulls.expect("an answer").status(), StatusCode::FORBIDDEN, "answers are content");
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_what_is_answered_by_itself_is_answered_once_whenever_the_hub_is_killed() {
    const COUNT: usize = 8;
    let mut house = House::with(|setup| {
        setup.write("destinations/lk-beispiel-eingang.toml", RECEIPT);
        let handed_over = RECEIPT.replace("eingang\"", "uebergabe\"").replace("\"receipt\"", "\"status\"");
        let handed_over = handed_over.replace("ist eingegangen", "liegt im Fachverfahren");
        setup.write("destinations/lk-beispiel-uebergabe.toml", &handed_over);
        setup.edit(
            "routes/brunnenbohrung.toml",
            "[[step]]\nname = \"dms\"",
            "[[step]]\nname = \"eingang\"\ndestination = \"{tenant}-eingang\"\n\
             [[step]]\nname = \"uebergabe\"\nafter = [\"fachverfahren\"]\ndestination = \"{tenant}-uebergabe\"\n\
             [[step]]\nname = \"dms\"",
        );
        setup.edit("destinations/lk-beispiel-enaio.toml", "unknown = \"park\"", "unknown = \"retry\"");
    })
    .await;
    let mut sent = Vec::new();
    for number in 0..COUNT {
        sent.push(house.submit_in("application", &format!("2027:BR-{number}")).await);
        if number % 3 == 2 {
            house = house.killed_and_started();
        }
    }
    for submission in &sent {
        house.client("portal").completed(submission["id"].as_str().expect("an id")).await;
        let case = submission["case"].as_str().expect("a case");
        let pulled = house.pulled_in(case, 0).await;
        let mut kinds: Vec<_> =
            pulled.iter().map(|answer| answer["kind"].as_str().expect("a kind")).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["receipt", "status"], "{case}: one of each");
        let text = format!("Ihre Anzeige ist eingegangen. Vorgang: {case}.");
        assert!(pulled.iter().any(|answer| answer["text"] == text.as_str()), "{pulled:#?}");
    }
}
