//! `kill -9` at every request to a payment provider, before and after it did what was asked (promise H5).

use super::{PLAIN, hand_in_plain};
use crate::support::client::{Client, until};
use crate::support::hub::Setup;
use crate::support::provider::Provider;
use futures::{StreamExt as _, stream};
use rohrpost_kit::conformance::{Cut, Mood};
use serde_json::Value;
use std::fs;
use tokio::task::block_in_place;

const ROUTE: &str = r#"name = "gebuehr"
tenants = ["lk-beispiel"]
[match]
kind = "notice"
[[step]]
name = "payment"
destination = "bezahlung"
"#;

const ANSWERS: &str = r#"name = "antworten"
tenants = ["lk-beispiel"]
pull = true
[match]
kind = "payment-request"
"#;

const AUTHORITY: &str = r#"name = "amt"
tokens = [{ file = "secrets/amt.token" }]
[[grant]]
tenants = ["lk-beispiel"]
roles = ["submit", "view"]
"#;

/// A fee that is the same for all.
const FEE: &str =
    "return-url = \"https://portal.example.org/vorgang\"\namount-cents = 4250\npurpose = \"Gebuehr\"";

/// The beginning, and the question what became of it.
const REQUESTS: usize = 2;

async fn killed_at(request: usize, cut: Cut) {
    let context = format!("request {request}, {cut:?}");
    let provider = Provider::start().await;
    provider.stand_in.cut(request, cut);
    let setup = Setup::new("127.0.0.1:9");
    fs::remove_file(setup.config().join("routes/brunnenbohrung.toml")).expect("the shipped route");
    setup.write("routes/gebuehr.toml", ROUTE);
    setup.write("routes/antworten.toml", ANSWERS);
    setup.write("clients/amt.toml", AUTHORITY);
    setup.write("secrets/amt.token", "amt-mit-einem-langen-wort-0123456789");
    setup.write("destinations/bezahlung.toml", &provider.destination("bezahlung", ""));
    setup.edit("destinations/bezahlung.toml", "return-url = \"https://portal.example.org/vorgang\"", FEE);
    let hub = block_in_place(|| setup.start());
    let id = hand_in_plain(&Client::of(&hub, "portal"), "notice", PLAIN).await;
    provider.stand_in.reached().await;
    block_in_place(|| hub.kill());

    provider.stand_in.behave(Mood::Well);
    let hub = block_in_place(|| setup.start());
    let amt = Client::of(&hub, "amt");
    let ended = |submission: &Value| submission["deliveries"][0]["state"].as_str().map(str::to_owned);
    // Only a payment whose beginning was not answered is nobody's: it parks.
    let lost = (request, cut) == (1, Cut::SilentAfter);
    if lost {
        let parked = amt.follow(&id, |it| ended(it).as_deref() == Some("parked")).await;
        assert_eq!(parked["deliveries"][0]["reason"]["code"], "payment-exists", "{context}");
    } else {
        until(async || !provider.payments().is_empty()).await;
        provider.decides("PAYED");
        let submission = amt.completed(&id).await;
        assert_eq!(submission["deliveries"][0]["receipt"]["result"], "paid", "{context}");
    }
    assert_eq!(provider.payments().len(), 1, "{context}: one payment");
    let submission = amt.get(&format!("/v1/submissions/{id}")).await;
    let case = submission["case"].as_str().expect("a case");
    let replies = Client::of(&hub, "portal").get(&format!("/v1/cases/{case}/replies?after=0")).await;
    let asked = replies["replies"].as_array().expect("a list");
    let asked = asked.iter().filter(|reply| reply["kind"] == "payment-request").count();
    assert_eq!(asked, usize::from(!lost), "{context}: the citizen is asked once");
    let log = setup.log();
    assert!(!log.contains("Mustermann"), "h10: {context}: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_killed_at_any_request_there_is_one_payment_and_the_citizen_is_asked_once() {
    let moments =
        (1..=REQUESTS).flat_map(|request| [(request, Cut::SilentBefore), (request, Cut::SilentAfter)]);
    stream::iter(moments).for_each_concurrent(4, |(request, cut)| killed_at(request, cut)).await;
}
