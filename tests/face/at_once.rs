//! What a Fachverfahren answers to the delivery itself: the portal pulls it from the case, and there is one of it.

use super::replies::House;
use crate::support::client::until;
use crate::support::hub::Setup;
use crate::support::sink::Sink;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use rohrpost_kit::conformance::{Cut, Mood, Said, StandIn};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;

const SAID: &str =
    r#"{"kind":"status","text":"Ihre Anzeige liegt der Wasserbehörde vor.","reference":"WB 4711/26"}"#;

const DMS: &str = "destinations/lk-beispiel-enaio.toml";

/// In the place of the DMS.
fn destination(address: SocketAddr, answer: &str) -> String {
    format!(
        "name = \"lk-beispiel-enaio\"\ntenants = [\"lk-beispiel\"]\nadapter = \"http\"\nunknown = \"park\"\n\
         [retry]\nfirst = \"50ms\"\ncap = \"500ms\"\n\
         [http]\nurl = \"http://{address}/eingang\"\ndeduplicates = true\n\
         [http.answer]\nclient = \"amt\"\n{answer}"
    )
}

const WITH_REFERENCE: &str = "reference = { json-pointer = \"/reference\" }\n";

const TRANSFORM: &str = r#"<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
    xmlns="http://www.w3.org/2005/xpath-functions">
  <xsl:template match="/eingang">
    <map>
      <string key="text"><xsl:value-of select="satz"/></string>
    </map>
  </xsl:template>
</xsl:stylesheet>"#;

fn with_mapping(setup: &Setup) {
    setup.copy_library();
    let mapping = setup.path("mappings/eingangsantwort");
    fs::create_dir_all(&mapping).expect("a folder");
    let manifest = "transform = \"t.xsl\"\n[target]\nformat = \"json\"\n";
    fs::write(mapping.join("mapping.toml"), manifest).expect("a manifest");
    fs::write(mapping.join("t.xsl"), TRANSFORM).expect("a stylesheet");
}

fn id(submission: &Value) -> &str {
    submission["id"].as_str().expect("an id")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_fachverfahren_answers_at_once_the_portal_pulls_from_the_case() {
    let sink = Sink::answering(|_, _| (StatusCode::CREATED, SAID).into_response()).await;
    let house = House::with(|setup| setup.write(DMS, &destination(sink.address, WITH_REFERENCE))).await;
    let application = house.submit("application").await;
    let ended = house.client("portal").completed(id(&application)).await;
    assert_eq!(ended["deliveries"][1]["receipt"]["reference"], "WB 4711/26", "{ended:#}");
    let pulled = house.pulled(0).await;
    assert_eq!(pulled.len(), 1, "{pulled:#?}");
    assert_eq!((&pulled[0]["kind"], &pulled[0]["reference"]), (&"status".into(), &"WB 4711/26".into()));
    assert_eq!(pulled[0]["text"], "Ihre Anzeige liegt der Wasserbehörde vor.");
    let log = house.setup.log();
    assert!(!log.contains("WB 4711/26") && !log.contains("liegt der"), "h10: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_makes_an_answer_of_the_fachverfahrens_own_form() {
    let sink = Sink::answering(|_, _| "<eingang><satz>Eingegangen.</satz></eingang>".into_response()).await;
    let answer = "kind = \"receipt\"\nmapping = \"eingangsantwort\"\n";
    let house = House::with(|setup| {
        with_mapping(setup);
        setup.write(DMS, &destination(sink.address, answer));
    })
    .await;
    let application = house.submit("application").await;
    house.client("portal").completed(id(&application)).await;
    let pulled = house.pulled(0).await;
    assert_eq!((&pulled[0]["kind"], &pulled[0]["text"]), (&"receipt".into(), &"Eingegangen.".into()));
}

/// What it answered is no answer: it waits for a person, and a retry asks again under the same key.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_none_waits_for_a_person_who_has_it_asked_for_again() {
    let sink = Sink::answering(|number, _| {
        let said = if number == 1 { "<html>Danke, Erika Mustermann</html>" } else { SAID };
        said.into_response()
    })
    .await;
    let house = House::with(|setup| setup.write(DMS, &destination(sink.address, ""))).await;
    let application = house.submit("application").await;
    let operator = house.client("operator");
    let parked = |submission: &Value| submission["deliveries"][1]["state"] == "parked";
    let parked = operator.follow(id(&application), parked).await;
    let (delivery, reason) = (&parked["deliveries"][1], &parked["deliveries"][1]["reason"]);
    assert_eq!((&reason["code"], &reason["params"]["why"]), (&"answer-refused".into(), &"malformed".into()));
    assert_eq!((house.pulled(0).await.len(), sink.requests().len()), (0, 1), "it is not sent for ever");
    let path = format!("/v1/deliveries/{}/retry", id(delivery));
    let asked = operator.request("POST", &path).json(&json!({ "reason": "Antwort berichtigt" })).send().await;
    assert!(asked.expect("an answer").status().is_success());
    operator.completed(id(&application)).await;
    let requests = sink.requests();
    assert_eq!((requests.len(), requests[0].key()), (2, requests[1].key()));
    assert_eq!(house.pulled(0).await.len(), 1);
    assert!(!house.setup.log().contains("Mustermann"), "h10: {}", house.setup.log());
}

async fn fachverfahren() -> (StandIn, House) {
    let stand_in = StandIn::start(|_| true, |_| Said::new(200, SAID)).await.expect("a port");
    let destination = destination(stand_in.address(), WITH_REFERENCE);
    let house = House::with(|setup| setup.write(DMS, &destination)).await;
    (stand_in, house)
}

async fn there_is_one(house: &House, stand_in: &StandIn, submission: &Value, context: &str) {
    house.client("portal").completed(id(submission)).await;
    let pulled = house.pulled(0).await;
    assert_eq!(pulled.len(), 1, "{context}: {pulled:#?}");
    let keys: Vec<_> = stand_in.calls().iter().map(|call| call.headers["idempotency-key"].clone()).collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "{context}: {keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_killed_while_the_fachverfahren_answers_there_is_one_answer() {
    for cut in [Cut::SilentBefore, Cut::SilentAfter] {
        let (stand_in, house) = fachverfahren().await;
        stand_in.cut(1, cut);
        let application = house.submit("application").await;
        stand_in.reached().await;
        let house = house.killed_and_started();
        stand_in.behave(Mood::Well);
        there_is_one(&house, &stand_in, &application, &format!("{cut:?}")).await;
    }
}

/// As soon as the answer can be pulled, so while the hub is about to note that the delivery is done, or just did.
#[tokio::test(flavor = "multi_thread")]
async fn h5_killed_once_the_answer_is_in_the_case_there_is_one_answer() {
    for round in 0..3 {
        let (stand_in, house) = fachverfahren().await;
        let application = house.submit("application").await;
        until(async || !house.pulled(0).await.is_empty()).await;
        let house = house.killed_and_started();
        there_is_one(&house, &stand_in, &application, &format!("round {round}")).await;
        assert_eq!(stand_in.calls().len(), 1, "what is in the case is not asked for again");
    }
}
