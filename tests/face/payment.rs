//! A fee: an authority orders it, the citizen is asked to pay, and what comes after depends on whether it was paid.

use crate::support::client::{Client, browser, until};
use crate::support::hub::{AREA, Hub, SERVICE, Setup};
use crate::support::provider::Provider;
use crate::support::sink::Sink;
use axum::http::StatusCode;
use reqwest::multipart::{Form, Part};
use rohrpost_kit::conformance::Cut;
use serde_json::{Value, json};

const AUTHORITY: &str = r#"
name = "amt"
tokens = [{ file = "secrets/amt.token" }]
[[grant]]
tenants = ["lk-beispiel"]
roles = ["submit", "view"]
services = ["99128001000000"]
"#;

const ANSWERS: &str = r#"
name = "antworten"
tenants = ["lk-beispiel"]
pull = true
[match]
kind = ["status", "payment-request", "payment-confirmation", "notice"]
"#;

/// The notice waits until the fee is paid.
const ORDERS: &str = r#"
name = "gebuehr"
tenants = ["lk-beispiel"]
[match]
kind = "payment-order"
[[step]]
name = "payment"
destination = "bezahlung"
[[step]]
name = "confirmation"
destination = "bestaetigung"
after = ["payment"]
when = "paid"
[[step]]
name = "notice"
destination = "bescheid"
after = ["payment"]
when = "paid"
[[step]]
name = "unpaid"
destination = "unbezahlt"
after = ["payment"]
when = "cancelled"
"#;

const RETURN: &str = "[xbezahldienste.return]\nurl = \"http://localhost/v1/notifications/bezahlung\"\n\
                      key = { file = \"secrets/return.key\" }\n";

fn reply(name: &str, kind: &str, text: &str) -> String {
    format!(
        "name = \"{name}\"\ntenants = [\"lk-beispiel\"]\nadapter = \"reply\"\n[reply]\nclient = \"amt\"\n\
         kind = \"{kind}\"\ntext = \"{text}\"\n"
    )
}

struct House {
    hub: Hub,
    provider: Provider,
    _setup: Setup,
}

impl House {
    async fn new(first_question: &str) -> Self {
        let (setup, provider) = (Setup::new(Sink::start().await.address), Provider::start().await);
        setup.write("clients/amt.toml", AUTHORITY);
        setup.write("secrets/amt.token", "amt-mit-einem-langen-wort-0123456789");
        setup.write("secrets/return.key", "return-mit-einem-langen-wort-0123456789");
        setup.write("routes/antworten.toml", ANSWERS);
        setup.write("routes/gebuehr.toml", ORDERS);
        setup.write("destinations/bezahlung.toml", &provider.destination("bezahlung", RETURN));
        setup.edit("destinations/bezahlung.toml", "first-question = \"1s\"", first_question);
        for (name, kind, text) in [
            ("bestaetigung", "payment-confirmation", "Ihre Zahlung ist eingegangen."),
            ("bescheid", "notice", "Ihr Bescheid liegt bei.\"\nattachments = true\n# \""),
            ("unbezahlt", "status", "Die Zahlung wurde abgebrochen."),
        ] {
            setup.write(&format!("destinations/{name}.toml"), &reply(name, kind, text));
        }
        Self { hub: setup.start(), provider, _setup: setup }
    }

    fn client(&self, name: &str) -> Client {
        Client::of(&self.hub, name)
    }

    /// The application, and the order to have its fee paid; the order's id.
    async fn ordered(&self) -> String {
        let portal = self.client("portal");
        let path = format!("/v1/submissions?service={SERVICE}&area={AREA}&case=2027:SN-1");
        let request = portal.request("POST", &path).header("content-type", "application/xml");
        let answer = request.body(super::sample("brunnenbohrung-1.xml")).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let answer = self.order(&json!({ "amountCents": 4250, "purpose": "Gebühr SN-1" })).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let answer: Value = answer.json().await.expect("JSON");
        answer["id"].as_str().expect("an id").to_owned()
    }

    async fn order(&self, payment: &Value) -> reqwest::Response {
        let said = json!({ "kind": "payment-order", "text": "Gebühr", "payment": payment }).to_string();
        let part = |text: &str, kind: &str| Part::text(text.to_owned()).mime_str(kind).expect("a type");
        let notice = part("%PDF-1.7", "application/pdf").file_name("bescheid.pdf");
        let form = Form::new().part("reply", part(&said, "application/json")).part("attachment", notice);
        let request = self.client("amt").request("POST", "/v1/cases/2027:SN-1/replies");
        request.multipart(form).send().await.expect("an answer")
    }

    /// What the portal pulls, by kind.
    async fn pulled(&self) -> Vec<Value> {
        let answer = self.client("portal").get("/v1/cases/2027:SN-1/replies?after=0").await;
        answer["replies"].as_array().expect("a list").clone()
    }

    async fn kinds(&self) -> Vec<String> {
        let pulled = self.pulled().await;
        pulled.iter().map(|reply| reply["kind"].as_str().expect("a kind").to_owned()).collect()
    }
}

fn states(submission: &Value) -> Vec<(&str, &str)> {
    let deliveries = submission["deliveries"].as_array().expect("deliveries");
    deliveries
        .iter()
        .map(|delivery| {
            (delivery["step"].as_str().expect("a step"), delivery["state"].as_str().expect("a state"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paid_goes_on_and_the_citizen_has_the_notice() {
    let house = House::new("first-question = \"1s\"").await;
    let order = house.ordered().await;
    until(async || !house.pulled().await.is_empty()).await;
    let asked = house.pulled().await.remove(0);
    assert_eq!(asked["kind"], "payment-request");
    let payment = json!({
        "amountCents": 4250, "purpose": "Gebuehr SN-1", "url": "https://bezahlen.example.org/seite?tx=0",
    });
    assert_eq!(asked["payment"], payment, "{asked:#}");
    house.provider.decides("PAYED");
    let submission = house.client("amt").completed(&order).await;
    let ends = [
        ("payment", "delivered"),
        ("confirmation", "delivered"),
        ("notice", "delivered"),
        ("unpaid", "skipped"),
    ];
    assert_eq!(states(&submission), ends);
    let receipt = &submission["deliveries"][0]["receipt"];
    assert_eq!((&receipt["result"], &receipt["reference"]), (&json!("paid"), &json!("420000000000")));
    let mut kinds = house.kinds().await;
    kinds[1..].sort();
    assert_eq!(kinds, ["payment-request", "notice", "payment-confirmation"], "and never the order itself");
    let notice = house.pulled().await.into_iter().find(|reply| reply["kind"] == "notice").expect("it");
    assert_eq!(notice["attachments"][0]["name"], "bescheid.pdf", "{notice:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_goes_another_way() {
    let house = House::new("first-question = \"1s\"").await;
    let order = house.ordered().await;
    until(async || !house.pulled().await.is_empty()).await;
    house.provider.decides("CANCELED");
    let submission = house.client("amt").completed(&order).await;
    let ends = [
        ("payment", "delivered"),
        ("confirmation", "skipped"),
        ("notice", "skipped"),
        ("unpaid", "delivered"),
    ];
    assert_eq!(states(&submission), ends);
    assert_eq!(house.kinds().await, ["payment-request", "status"]);
}

/// The hub would ask in an hour; the browser that comes back makes it ask now.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_comes_back_makes_the_hub_ask_at_once() {
    let house = House::new("first-question = \"1h\"").await;
    let order = house.ordered().await;
    until(async || !house.pulled().await.is_empty()).await;
    house.provider.decides("PAYED");
    let address = house.provider.payments()[0].request["redirectUrl"].as_str().expect("a text").to_owned();
    let path = address.strip_prefix("http://localhost").expect("the hub's own").to_owned();
    let back = async |path: &str| {
        let url = format!("{}{path}", house.hub.api);
        browser().get(url).send().await.expect("an answer")
    };
    let forged = back(&path.replace("code=", "code=0")).await;
    assert_eq!(forged.status(), StatusCode::BAD_REQUEST);
    assert_eq!(back("/v1/notifications/bescheid?delivery=x").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(back("/v1/notifications/nirgends").await.status(), StatusCode::NOT_FOUND);
    let pending = house.client("amt").get(&format!("/v1/submissions/{order}")).await;
    assert_eq!(states(&pending)[0], ("payment", "awaiting"));
    let answer = back(&path).await;
    assert_eq!(
        (answer.status(), &answer.headers()["location"]),
        (StatusCode::SEE_OTHER, &"https://portal.example.org/vorgang".parse().expect("a value"))
    );
    let submission = house.client("amt").completed(&order).await;
    let history = house.client("operator");
    let delivery = submission["deliveries"][0]["id"].as_str().expect("an id");
    let detail = history.get(&format!("/v1/deliveries/{delivery}")).await;
    let events = detail["history"].as_array().expect("a list");
    assert!(
        events.iter().any(|entry| entry["event"] == "notified" && entry["who"] == "bezahlung"),
        "{detail:#}"
    );
    assert_eq!(back(&path).await.status(), StatusCode::SEE_OTHER, "again, when all is over");
    assert_eq!(house.kinds().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_cannot_be_paid_is_refused_when_it_is_handed_in() {
    let house = House::new("first-question = \"1s\"").await;
    house.ordered().await;
    for payment in [
        json!({ "amountCents": 0, "purpose": "x" }),
        json!({ "amountCents": 100, "purpose": "Gebühr für eine Sondernutzung" }),
        json!({ "amountCents": 100, "purpose": "x", "url": "https://bezahlen.example.org" }),
    ] {
        let answer = house.order(&payment).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{payment}");
        let problem: Value = answer.json().await.expect("JSON");
        assert!(problem["detail"].as_str().expect("a text").contains("`payment`"), "{problem}");
    }
}

/// The provider has it, and nobody knows under which id: a person decides.
#[tokio::test(flavor = "multi_thread")]
async fn h5_a_payment_whose_beginning_was_not_answered_parks_and_no_second_one_is_begun() {
    let house = House::new("first-question = \"1s\"").await;
    house.provider.stand_in.cut(1, Cut::TornAfter);
    let order = house.ordered().await;
    let parked = async |order: &str| {
        house.client("amt").follow(order, |it| it["deliveries"][0]["state"] == "parked").await
    };
    let submission = parked(&order).await;
    let reason = &submission["deliveries"][0]["reason"];
    assert_eq!(reason["code"], "payment-exists", "{submission:#}");
    let delivery = submission["deliveries"][0]["id"].as_str().expect("an id");
    let retry = house.client("operator").request("POST", &format!("/v1/deliveries/{delivery}/retry"));
    let answer = retry.json(&json!({ "reason": "noch einmal" })).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    parked(&order).await;
    assert_eq!((house.provider.payments().len(), house.kinds().await.len()), (1, 0));
}
