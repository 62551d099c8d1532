//! What others call a case: learned from senders, targets and answers, shown with the case, and found by whoever has it on
//! paper and may view it.

use super::replies::House;
use super::{Answered, sample, text};
use crate::support::client::Client;
use crate::support::hub::{AREA, SERVICE};
use crate::support::multipart::{attachment, body, data, metadata};
use serde_json::{Value, json};

const CASE: &str = "2027:BR-1";

impl House {
    /// Hands in an application with an identifier of the portal's own and an attachment; its id.
    pub(super) async fn submit_called(&self, case: &str, called: &str) -> String {
        let said =
            json!({ "service": SERVICE, "area": AREA, "case": case, "foreignIds": [called] }).to_string();
        let parts = [
            metadata(&said),
            data("application/xml", sample("brunnenbohrung-1.xml")),
            attachment("Lageplan.pdf", "x"),
        ];
        let request = self.client("portal").request("POST", "/v1/submissions").body(body("b", &parts));
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        let answer = Answered::of(request.send().await.expect("an answer")).await.accepted();
        text(&answer, "id").to_owned()
    }

    async fn search(&self, client: &str, sought: &Value) -> Answered {
        let request = self.client(client).request("POST", "/v1/search").json(sought);
        Answered::of(request.send().await.expect("an answer")).await
    }

    /// The cases that are found, and the kinds of what they were found by.
    async fn found(&self, client: &str, sought: &Value) -> Vec<String> {
        let answer = self.search(client, sought).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let hits = answer.json()["found"].as_array().expect("a list").clone();
        hits.iter().map(|hit| format!("{} {}", text(hit, "case"), text(hit, "kind"))).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_known_by_all_that_others_call_it_and_found_by_each() {
    let house = House::new().await;
    let id = house.submit_called(CASE, "Antrag M\u{fc}ller 7").await;
    house.submit_called("2027:BR-2", "Antrag 8").await;
    let completed = house.client("portal").completed(&id).await;
    let receipt = text(&completed["deliveries"][0]["receipt"], "reference").to_owned();
    house.answered(&json!({ "kind": "receipt", "text": "Eingegangen.", "reference": "WB 4711/26" })).await;

    let house = house.killed_and_started();
    let case = house.client("operator").get(&format!("/v1/cases/{CASE}")).await;
    let known: Vec<_> = case["foreignIds"].as_array().expect("a list").iter().collect();
    let called = |value: &str| {
        let one =
            known.iter().find(|one| one["value"] == value).unwrap_or_else(|| panic!("{value}: {case:#}"));
        (text(one, "from").to_owned(), text(one, "system").to_owned())
    };
    assert_eq!(called("Antrag M\u{fc}ller 7"), ("sender".to_owned(), "portal".to_owned()));
    assert_eq!(called(&receipt), ("receipt".to_owned(), "lk-beispiel-wasserbehoerde".to_owned()));
    assert_eq!(called("WB 4711/26"), ("answer".to_owned(), "amt".to_owned()));

    let application = [format!("{CASE} application")];
    for sought in [
        json!({ "foreignId": "antrag MU\u{308}LLER 7 " }),
        json!({ "foreignId": receipt }),
        json!({ "receipt": receipt }),
    ] {
        assert_eq!(house.found("operator", &sought).await, application, "{sought}");
    }
    assert_eq!(
        house.found("operator", &json!({ "foreignId": "wb 4711 / 26" })).await,
        [format!("{CASE} receipt")]
    );
    let files = house.found("operator", &json!({ "fileName": "lageplan.pdf" })).await;
    assert_eq!(
        files,
        ["2027:BR-2 application".to_owned(), format!("{CASE} application")],
        "the newest first"
    );
    for nothing in [json!({ "receipt": "WB 4711/26" }), json!({ "foreignId": "Lageplan.pdf" })] {
        assert_eq!(house.found("operator", &nothing).await, Vec::<String>::new(), "{nothing}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h7_a_search_finds_what_its_client_may_view_and_nothing_else() {
    let house = House::with(|setup| {
        setup.write("tenants/stadt.toml", "name = \"stadt\"\ntitle = \"Stadt\"\nareas = [\"15003*\"]\n");
        setup.write(
            "clients/stadtbetrieb.toml",
            "name = \"stadtbetrieb\"\ntokens = [{ file = \"secrets/stadtbetrieb.token\" }]\n\
             [[grant]]\ntenants = [\"stadt\"]\nroles = [\"view\", \"audit\"]\n",
        );
        setup.write("secrets/stadtbetrieb.token", "stadtbetrieb-mit-einem-langen-wort-0123456789");
        setup.write("clients/bote.toml", BEARER);
        setup.write("secrets/bote.token", "bote-mit-einem-langen-wort-0123456789");
    })
    .await;
    house.submit_called(CASE, "AZ 1").await;
    let sought = json!({ "foreignId": "AZ 1" });
    assert_eq!(house.found("operator", &sought).await.len(), 1);
    assert_eq!(house.found("stadtbetrieb", &sought).await, Vec::<String>::new());
    let refused = house.search("bote", &sought).await;
    assert_eq!((refused.status.as_u16(), refused.word().as_str()), (403, "forbidden"));
    assert_eq!(refused.json()["role"], "view");
}

/// May hand in, and not view.
const BEARER: &str = r#"
name = "bote"
tokens = [{ file = "secrets/bote.token" }]
[[grant]]
tenants = ["lk-beispiel"]
roles = ["submit"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_search_says_what_it_looks_for_and_only_in_its_body() {
    let house = House::new().await;
    for wrong in [
        json!({}),
        json!({ "foreignId": " " }),
        json!({ "foreignId": "a", "receipt": "a" }),
        json!({ "name": "a" }),
        json!({ "fileName": "x".repeat(501) }),
    ] {
        let answer = house.search("operator", &wrong).await;
        assert_eq!((answer.status.as_u16(), answer.word().as_str()), (400, "malformed-request"), "{wrong}");
    }
    let in_url = Client::of(&house.hub, "operator").request("POST", "/v1/search?foreignId=a");
    let in_url = in_url.json(&json!({ "foreignId": "a" })).send().await.expect("an answer");
    assert_eq!(in_url.status(), 400);
    let said = json!({ "service": SERVICE, "area": AREA, "foreignIds": vec!["a"; 11] }).to_string();
    let parts = [metadata(&said), data("application/xml", sample("brunnenbohrung-1.xml"))];
    let request = house.client("portal").request("POST", "/v1/submissions").body(body("b", &parts));
    let request = request.header("content-type", "multipart/form-data; boundary=b");
    let answer = Answered::of(request.send().await.expect("an answer")).await;
    assert_eq!((answer.status.as_u16(), answer.word().as_str()), (400, "malformed-metadata"));
}
