//! H3: one submission per client and idempotency key.

use super::{Answered, attachments, sample, text};
use crate::support::client::Client;
use crate::support::hub::{AREA, Hub, SERVICE, Setup};
use crate::support::multipart::{Part, attachment, body, data, metadata};
use crate::support::sink::Sink;
use serde_json::Value;
use std::collections::BTreeSet;

const KEY: &str = "antrag-2026-0001";

/// A second portal of the same tenant.
const OTHER_PORTAL: &str = r#"
name = "zweites-portal"
tokens = [{ file = "secrets/zweites-portal.token" }]
[[grant]]
tenants = ["lk-beispiel"]
roles = ["submit", "view"]
"#;

struct House {
    setup: Setup,
    hub: Hub,
}

impl House {
    async fn new() -> Self {
        let setup = Setup::new(Sink::start().await.address);
        setup.write("clients/zweites-portal.toml", OTHER_PORTAL);
        setup.write("secrets/zweites-portal.token", "ein-langes-wort-das-niemand-erraet-0123456789");
        let hub = setup.start();
        Self { setup, hub }
    }

    async fn hand_in(&self, client: &str, parts: &[Part], boundary: &str) -> Answered {
        let request = Client::of(&self.hub, client).request("POST", "/v1/submissions");
        let request = request.header("idempotency-key", KEY);
        let request = request.header("content-type", format!("multipart/form-data; boundary={boundary}"));
        Answered::of(request.body(body(boundary, parts)).send().await.expect("an answer")).await
    }

    /// Ids of all submissions that the operator sees.
    async fn submissions(&self) -> BTreeSet<String> {
        let page = Client::of(&self.hub, "operator").get("/v1/deliveries?limit=500").await;
        let deliveries = page["deliveries"].as_array().expect("deliveries").clone();
        deliveries.iter().map(|delivery| text(delivery, "submission").to_owned()).collect()
    }
}

fn said() -> Part {
    metadata(&format!(r#"{{"service":"{SERVICE}","area":"{AREA}"}}"#))
}

fn parts() -> Vec<Part> {
    let files = attachments().map(|(name, content)| attachment(name, content));
    [said(), data("application/xml", sample("brunnenbohrung-1.xml"))].into_iter().chain(files).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_repetition_gets_the_same_answer_and_its_receipt_byte_for_byte() {
    let house = House::new().await;
    let first = house.hand_in("portal", &parts(), "a").await;
    let id = text(&first.accepted(), "id").to_owned();
    assert_eq!(house.hand_in("portal", &parts(), "a").await, first);
    // Also when it has gone on meanwhile, and after the hub was away.
    Client::of(&house.hub, "portal").completed(&id).await;
    assert_eq!(house.hand_in("portal", &parts(), "a").await, first);
    let House { setup, hub } = house;
    hub.kill();
    let house = House { hub: setup.start(), setup };
    assert_eq!(house.hand_in("portal", &parts(), "a").await, first);
    assert_eq!(house.submissions().await, BTreeSet::from([id]));
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_calls_that_race_make_one_submission() {
    let house = House::new().await;
    let parts = parts();
    let calls = (0..32).map(|_| house.hand_in("portal", &parts, "a"));
    let answers = futures::future::join_all(calls).await;
    let first = answers[0].accepted();
    for answer in &answers {
        assert_eq!(answer.accepted(), first);
        assert_eq!(answer.body, answers[0].body);
    }
    assert_eq!(house.submissions().await, BTreeSet::from([text(&first, "id").to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_contents_are_compared_not_envelopes() {
    let house = House::new().await;
    let first = house.hand_in("portal", &parts(), "a").await;
    first.accepted();
    let boundary = "----------------------------0a1b2c3d4e5f";
    assert_eq!(house.hand_in("portal", &parts(), boundary).await, first, "another boundary");
    let mut turned = parts();
    for (head, _) in &mut turned {
        let (disposition, media_type) = head.split_once("\r\n").expect("two headers");
        *head = format!("{media_type}\r\nX-Sent-By: another library\r\n{disposition}");
    }
    assert_eq!(house.hand_in("portal", &turned, "a").await, first, "another order of headers");
    let mut spaced = parts();
    spaced[0].1 = format!("{{ \"area\": \"{AREA}\",\n \"service\": \"{SERVICE}\" }}").into_bytes();
    assert_eq!(house.hand_in("portal", &spaced, "a").await, first, "the same metadata, written otherwise");
    let mut moved = parts();
    moved[1..].rotate_left(1);
    assert_eq!(house.hand_in("portal", &moved, "a").await, first, "the data after the attachments");
    assert_eq!(house.submissions().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_other_content_under_the_same_key_is_refused() {
    let house = House::new().await;
    let first = house.hand_in("portal", &parts(), "a").await;
    first.accepted();
    let changed = |at: usize, content: Vec<u8>| {
        let mut parts = parts();
        parts[at].1 = content;
        parts
    };
    let mut renamed = parts();
    renamed[2].0 = renamed[2].0.replace("lageplan", "plan");
    let mut swapped = parts();
    swapped.swap(2, 3);
    let kind = format!(r#"{{"service":"{SERVICE}","area":"{AREA}","kind":"withdrawal"}}"#);
    let others = [
        ("other data", changed(1, sample("brunnenbohrung-3.xml"))),
        ("another attachment", changed(2, sample("vollmacht.pdf"))),
        ("one attachment less", parts()[..3].to_vec()),
        ("another kind", changed(0, kind.into_bytes())),
        ("another file name", renamed),
        ("another order of attachments", swapped),
    ];
    for (what, other) in others {
        let refused = house.hand_in("portal", &other, "a").await;
        assert_eq!((refused.status.as_u16(), refused.word().as_str()), (422, "other-content"), "{what}");
    }
    assert_eq!(house.hand_in("portal", &parts(), "a").await, first, "the first still stands");
    assert_eq!(house.submissions().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_another_clients_key_is_another_submission() {
    let house = House::new().await;
    let id = |answer: &Value| text(answer, "id").to_owned();
    let ours = house.hand_in("portal", &parts(), "a").await.accepted();
    let theirs = house.hand_in("zweites-portal", &parts(), "a").await.accepted();
    assert_ne!(id(&ours), id(&theirs));
    assert_eq!(house.submissions().await, BTreeSet::from([id(&ours), id(&theirs)]));
}
