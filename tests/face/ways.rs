//! Where an answer goes is decided by where its submission wants it.

use super::replies::House;
use super::{Answered, sample, text};
use crate::support::client::until;
use crate::support::hub::{AREA, SERVICE, Setup};
use crate::support::multipart::{body, data, metadata};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One route, and a step for each way.
const ANSWERS: &str = r#"
name = "antworten"
tenants = ["lk-beispiel"]
[match]
kind = "status"
[[step]]
name = "rueckruf"
destination = "ablage"
when = { reply = "callback" }
[[step]]
name = "mail"
destination = "ablage"
when = { reply = "mail" }
[[step]]
name = "sonst"
destination = "ablage"
when = { reply = ["none", "post-box"] }
"#;

const SHELF: &str = r#"
name = "ablage"
tenants = ["lk-beispiel"]
adapter = "folder"
[folder]
path = "../ablage"
"#;

async fn house() -> House {
    House::with(|setup| {
        setup.write("routes/status.toml", &ANSWERS.replace("\"antworten\"", "\"status\""));
        setup.edit("routes/antworten.toml", "\"status\", ", "");
        setup.write("destinations/ablage.toml", SHELF);
        std::fs::create_dir_all(setup.path("ablage")).expect("a folder");
    })
    .await
}

impl House {
    async fn submit_wanting(&self, case: &str, reply: &Value) -> Answered {
        let mut said = json!({ "service": SERVICE, "area": AREA, "case": case });
        if !reply.is_null() {
            said["reply"] = reply.clone();
        }
        let parts = [metadata(&said.to_string()), data("application/xml", sample("brunnenbohrung-1.xml"))];
        let request = self.client("portal").request("POST", "/v1/submissions").body(body("b", &parts));
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        Answered::of(request.send().await.expect("an answer")).await
    }

    /// How the steps of an answer in the case ended.
    async fn ended(&self, case: &str) -> BTreeMap<String, String> {
        let said = json!({ "kind": "status", "text": "In Arbeit." });
        let request = self.client("amt").request("POST", &format!("/v1/cases/{case}/replies")).json(&said);
        let answer = Answered::of(request.send().await.expect("an answer")).await.accepted();
        let path = format!("/v1/submissions/{}", text(&answer, "id"));
        let client = self.client("amt");
        until(async || client.get(&path).await["state"] == "completed").await;
        let submission = client.get(&path).await;
        let deliveries = submission["deliveries"].as_array().expect("deliveries").clone();
        deliveries.iter().map(|one| (text(one, "step").to_owned(), text(one, "state").to_owned())).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reply_channel_decides_which_steps_are_made() {
    let house = house().await;
    for (case, reply, way) in [
        ("V-1", json!({ "callback": { "url": "https://portal.example.org/r" } }), "rueckruf"),
        ("V-2", json!({ "mail": { "address": "erika.mustermann@example.org" } }), "mail"),
        ("V-3", json!({ "post-box": { "system": "bundid", "handle": "h" } }), "sonst"),
        ("V-4", Value::Null, "sonst"),
    ] {
        house.submit_wanting(case, &reply).await.accepted();
        for (step, state) in house.ended(case).await {
            let expected = if step == way { "delivered" } else { "skipped" };
            assert_eq!(state, expected, "{case}: {step}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_none_is_refused_and_its_address_not_repeated() {
    let house = house().await;
    for reply in [
        json!({ "mail": { "address": "erika" } }),
        json!({ "mail": { "address": "erika@example.org\r\nBcc: max@example.org" } }),
        json!({ "xta": { "message_id": "urn:de:xta:messageid:x:1" } }),
        json!({ "mail": { "adress": "erika@example.org" } }),
    ] {
        let refused = house.submit_wanting("V-1", &reply).await;
        assert_eq!(
            (refused.status.as_u16(), refused.word().as_str()),
            (400, "malformed-metadata"),
            "{reply}"
        );
        assert!(!refused.text().contains("erika"), "{refused:?}");
    }
}

#[test]
fn a_way_that_is_none_is_a_fault() {
    let setup = Setup::new("127.0.0.1:1");
    setup.write("destinations/ablage.toml", SHELF);
    let told = |from: &str, to: &str| {
        setup.write("routes/antworten.toml", &ANSWERS.replace(from, to));
        let ran = setup.command().arg("check").output().expect("it runs");
        String::from_utf8_lossy(&ran.stderr).into_owned()
    };
    let wrong = told("\"mail\" }", "\"fax\" }");
    assert!(
        wrong.contains("routes/antworten.toml:13:18: ")
            && wrong.contains("the ways are post-box, callback, mail, xta, none"),
        "{wrong}"
    );
    let both = told("\"mail\" }", "\"mail\", xpath = \"true()\" }");
    assert!(both.contains("xpath"), "{both}");
    assert!(!told("", "").contains("routes/"), "{}", told("", ""));
}
