//! Mailboxes over REST: what waits is fetched as often as wanted, byte for byte, until its reader closes it.

use super::{Answered, attachments, sample, sha256, text};
use crate::support::client::Client;
use crate::support::hub::{Hub, Setup};
use crate::support::sink::Sink;
use reqwest::StatusCode as Status;
use serde_json::Value;

const MAILBOX: &str = "/v1/mailboxes/lk-beispiel-wasserbehoerde/messages";

const CLIENTS: [(&str, &str, &str); 4] = [
    ("leser", "lk-beispiel", "\"fetch\""),
    ("nachbar", "lk-beispiel", "\"fetch\", \"view\", \"operate\""),
    ("auswaerts", "stadt", "\"fetch\""),
    ("betreiber", "lk-beispiel\", \"stadt", "\"view\", \"operate\", \"audit\""),
];

/// The shipped route whose first step ends in a mailbox of two tenants; `leser` may fetch for one of them, `auswaerts` for the other.
async fn house() -> (Setup, Hub, Sink) {
    let dms = Sink::start().await;
    let setup = Setup::new(dms.address);
    setup.write("tenants/stadt.toml", "name = \"stadt\"\ntitle = \"Stadt\"\nareas = [\"15003*\"]\n");
    for (name, tenant, roles) in CLIENTS {
        let text = format!(
            "name = \"{name}\"\ntokens = [{{ file = \"secrets/{name}.token\" }}]\n\
             [[grant]]\ntenants = [\"{tenant}\"]\nroles = [{roles}]\n"
        );
        setup.write(&format!("clients/{name}.toml"), &text);
        setup.write(&format!("secrets/{name}.token"), &format!("{name}-mit-einem-langen-wort-0123456789"));
    }
    setup.write(
        "destinations/lk-beispiel-wasserbehoerde.toml",
        "name = \"lk-beispiel-wasserbehoerde\"\ntenants = [\"lk-beispiel\", \"stadt\"]\nadapter = \"mailbox\"\n\
         [mailbox]\nreaders = [\"leser\", \"auswaerts\"]\n",
    );
    let hub = setup.start();
    (setup, hub, dms)
}

async fn waiting(client: &Client) -> Vec<Value> {
    client.get(MAILBOX).await["messages"].as_array().expect("a list").clone()
}

async fn ask(client: &Client, method: &str, path: &str) -> Answered {
    Answered::of(client.request(method, path).send().await.expect("an answer")).await
}

/// Hands in and waits until it lies in the mailbox.
async fn hand_in(hub: &Hub) -> Value {
    let portal = Client::of(hub, "portal");
    let sent = portal.submit(&sample("brunnenbohrung-1.xml"), &attachments(), None).await.expect("an answer");
    let answer = Answered::of(sent).await.accepted();
    portal.follow(text(&answer, "id"), |it| it["deliveries"][0]["state"] == "awaiting").await
}

#[tokio::test(flavor = "multi_thread")]
async fn h8_a_message_is_fetched_as_often_as_wanted_and_stays_until_it_is_closed() {
    let (setup, hub, dms) = house().await;
    let submission = hand_in(&hub).await;
    let leser = Client::of(&hub, "leser");
    let first = waiting(&leser).await;
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(first[0]["submission"], submission["id"]);
    assert_eq!(first[0]["fetchedAt"], Value::Null, "nobody has fetched it");
    let path = format!("{MAILBOX}/{}", text(&first[0], "id"));
    let message = ask(&leser, "GET", &format!("{path}/parts/message")).await;
    assert_eq!((message.status, message.media_type.as_str()), (Status::OK, "application/xml"));
    assert!(message.text().contains("Signature"), "it is sealed");
    let sent = attachments();
    for (number, (name, bytes)) in (1..).zip(&sent) {
        let attachment = ask(&leser, "GET", &format!("{path}/parts/{number}")).await;
        assert_eq!(attachment.body, *bytes, "{name}");
    }
    assert_eq!(ask(&leser, "GET", &format!("{path}/parts/3")).await.status, Status::NOT_FOUND);
    let listed = waiting(&leser).await;
    assert_eq!(listed[0]["attachments"][0]["sha256"], sha256(&sent[0].1), "{listed:?}");
    let fetched_at = listed[0]["fetchedAt"].clone();
    assert!(fetched_at.is_string(), "the first fetch is kept: {listed:?}");
    assert!(leser.get(&format!("{MAILBOX}?unfetched=true")).await["messages"].as_array().unwrap().is_empty());
    assert!(dms.requests().is_empty(), "the step after it waits for the reader's word");

    // What waits, and that it was fetched, outlives a crash.
    hub.kill();
    let hub = setup.start();
    let leser = leser.moved_to(&hub.api);
    assert_eq!(waiting(&leser).await[0]["fetchedAt"], fetched_at, "the first time stays the first");
    let again = ask(&leser, "GET", &format!("{path}/parts/message")).await;
    assert_eq!(again, message, "the same bytes");

    for _ in 0..2 {
        assert_eq!(ask(&leser, "DELETE", &path).await.status, Status::NO_CONTENT, "closing twice is closing");
    }
    assert!(waiting(&leser).await.is_empty());
    assert_eq!(ask(&leser, "GET", &format!("{path}/parts/message")).await.status, Status::NOT_FOUND);
    let completed = Client::of(&hub, "portal").completed(text(&submission, "id")).await;
    assert_eq!(completed["deliveries"][0]["state"], "delivered");
    assert_eq!(dms.requests().len(), 1, "the step after it went on");
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_fetching_and_closing_stand_in_the_history_with_who() {
    let (_setup, hub, _dms) = house().await;
    hand_in(&hub).await;
    let (leser, operator) = (Client::of(&hub, "leser"), Client::of(&hub, "betreiber"));
    let id = text(&waiting(&leser).await[0], "id").to_owned();
    let path = format!("{MAILBOX}/{id}");
    let before = operator.get(&format!("/v1/deliveries/{id}")).await;
    assert!(before.to_string().contains("in-mailbox"), "why it waits: {before:#}");
    ask(&leser, "GET", &path).await;
    ask(&leser, "GET", &path).await;
    ask(&leser, "DELETE", &path).await;
    let history = operator.get(&format!("/v1/deliveries/{id}")).await["history"].clone();
    let told: Vec<_> = history.as_array().expect("a history").iter().collect();
    let by_reader: Vec<_> = told
        .iter()
        .filter(|entry| entry["cause"] == "mailbox")
        .map(|entry| (text(entry, "event"), text(entry, "who"), text(entry, "state")))
        .collect();
    let wanted = [("fetched-by-reader", "leser", "awaiting"), ("closed-by-reader", "leser", "delivered")];
    assert_eq!(by_reader, wanted, "{history:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h7_a_mailbox_is_there_for_its_readers_and_holds_for_each_only_what_it_may_fetch() {
    let (_setup, hub, _dms) = house().await;
    hand_in(&hub).await;
    let id = text(&waiting(&Client::of(&hub, "leser")).await[0], "id").to_owned();
    let path = format!("{MAILBOX}/{id}");
    for stranger in ["nachbar", "betreiber", "portal"] {
        let stranger = Client::of(&hub, stranger);
        for (method, path) in [("GET", MAILBOX), ("GET", path.as_str()), ("DELETE", path.as_str())] {
            assert_eq!(ask(&stranger, method, path).await.status, Status::NOT_FOUND, "{method} {path}");
        }
    }
    // It is among the readers, but may fetch for another tenant only.
    let foreign = Client::of(&hub, "auswaerts");
    assert!(waiting(&foreign).await.is_empty());
    for (method, path) in [("GET", path.as_str()), ("DELETE", path.as_str())] {
        assert_eq!(ask(&foreign, method, path).await.status, Status::NOT_FOUND, "{method}");
    }
    assert_eq!(waiting(&Client::of(&hub, "leser")).await.len(), 1, "nobody took it away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_a_person_holds_back_hands_out_nothing() {
    let (_setup, hub, _dms) = house().await;
    hand_in(&hub).await;
    let (leser, operator) = (Client::of(&hub, "leser"), Client::of(&hub, "betreiber"));
    let order = async |word: &str| {
        let path = format!("/v1/destinations/lk-beispiel-wasserbehoerde/{word}");
        let request = operator.request("POST", &path).json(&serde_json::json!({ "reason": "Umzug" }));
        assert!(request.send().await.expect("an answer").status().is_success(), "{word}");
    };
    order("pause").await;
    assert!(waiting(&leser).await.is_empty());
    order("resume").await;
    assert_eq!(waiting(&leser).await.len(), 1);
}
