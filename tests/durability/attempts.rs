//! What a target sees of several attempts, and what a portal sees of them meanwhile.

use super::notice::{Notice, hand_in};
use super::{hasten, repeat_what_is_unknown};
use crate::support::client::Client;
use crate::support::hub::{Hub, Setup};
use crate::support::sink::{Recorded, Sink};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinSet, block_in_place};

/// How long the deliveries of one test may take altogether.
const PATIENCE: Duration = Duration::from_secs(90);

/// Tears the connection: the request was read, and no answer ever comes.
fn tear() -> Response {
    resume_unwind(Box::new("torn"))
}

async fn hand_in_to(hub: &Hub, notice: &Notice) -> String {
    let (_moved, mut address) = watch::channel(hub.api.clone());
    let (answer, _) = hand_in(&Client::of(hub, "portal"), notice, &mut address).await;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    answer["id"].as_str().expect("an id").to_owned()
}

/// All requests carry the same key and the same bytes, in a body and under a media type that are the same.
fn assert_the_same(requests: &[Recorded]) {
    for request in requests {
        assert!(!request.key().is_empty());
        assert_eq!(request.key(), requests[0].key());
        assert!(request.body == requests[0].body, "another body under the same key");
        assert_eq!(request.headers["content-type"], requests[0].headers["content-type"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_the_same_key_and_bytes_on_every_attempt() {
    let dms = Sink::answering(|number, _| match number {
        1 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        2 => tear(),
        3 => StatusCode::BAD_GATEWAY.into_response(),
        _ => "4711".into_response(),
    });
    let dms = dms.await;
    let setup = Setup::new(dms.address);
    hasten(&setup);
    repeat_what_is_unknown(&setup);
    let hub = block_in_place(|| setup.start());
    let id = hand_in_to(&hub, &Notice::of(1, &[1000, 700_000])).await;
    let submission = Client::of(&hub, "portal").completed(&id).await;

    let requests = dms.requests();
    assert_eq!(requests.len(), 4);
    assert_the_same(&requests);
    let delivery = &submission["deliveries"][1];
    assert_eq!(delivery["id"], requests[0].key());
    assert_eq!(delivery["attempts"], 4);
    assert_eq!(delivery["receipt"]["reference"], "4711");
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_unknown_is_parked_where_the_destination_says_so() {
    let dms =
        Sink::answering(|number, _| if number == 1 { tear() } else { number.to_string().into_response() });
    let dms = dms.await;
    let setup = Setup::new(dms.address);
    hasten(&setup);
    let hub = block_in_place(|| setup.start());
    let id = hand_in_to(&hub, &Notice::of(1, &[1000])).await;
    let submission =
        Client::of(&hub, "portal").follow(&id, |submission| submission["state"] == "attention").await;
    let delivery = &submission["deliveries"][1];
    assert_eq!(delivery["state"], "parked", "{submission:#}");
    assert_eq!(delivery["reason"]["code"], "no-word", "{submission:#}");
    assert_eq!((delivery["attempts"].as_u64(), &delivery["nextAt"]), (Some(1), &Value::Null));

    // Neither further work nor a crash makes the hub send it again.
    let other = hand_in_to(&hub, &Notice::of(2, &[1000])).await;
    Client::of(&hub, "portal").completed(&other).await;
    block_in_place(|| hub.kill());
    let hub = block_in_place(|| setup.start());
    let other = hand_in_to(&hub, &Notice::of(3, &[1000])).await;
    let portal = Client::of(&hub, "portal");
    portal.completed(&other).await;
    let key = delivery["id"].as_str().expect("an id");
    let arrived = || dms.requests().into_iter().filter(|request| request.key() == key).collect::<Vec<_>>();
    assert_eq!(arrived().len(), 1);

    // A person may: under the same key, with the same bytes.
    let retry = Client::of(&hub, "operator").request("POST", &format!("/v1/deliveries/{key}/retry"));
    let retry = retry.json(&json!({ "reason": "Im DMS nachgesehen: nicht da" })).send().await;
    assert_eq!(retry.expect("an answer").status(), StatusCode::OK);
    portal.completed(&id).await;
    assert_eq!(arrived().len(), 2);
    assert_the_same(&arrived());
}

/// What a portal must be able to see of a submission at any time. Returns the states of its deliveries.
fn assert_visible(submission: &Value) -> Vec<String> {
    let deliveries = submission["deliveries"].as_array().expect("deliveries");
    assert_eq!(deliveries.len(), 2, "one for each step: {submission:#}");
    let states = deliveries.iter().map(|delivery| {
        let state = delivery["state"].as_str().expect("a state");
        let has_reason = delivery["reason"]["text"]["de"].as_str().is_some_and(|text| !text.is_empty());
        let has_time = delivery["nextAt"].is_string();
        let fits = match state {
            "blocked" | "parked" => has_reason && !has_time,
            "unknown" | "awaiting" => has_reason && has_time,
            // Nothing happened yet to a delivery that is due for the first time.
            "due" => has_time && (has_reason || delivery["attempts"] == 0),
            "claimed" | "sending" | "delivered" => true,
            _ => false,
        };
        assert!(fits, "{delivery:#}");
        state.to_owned()
    });
    states.collect()
}

/// Hands in some notices and looks at them until each is delivered or parked. Returns all states that were seen.
async fn watch_them(client: Client, api: String, sender: usize) -> BTreeSet<String> {
    let (_moved, mut address) = watch::channel(api);
    let mut seen = BTreeSet::new();
    for number in 0..5 {
        let notice = Notice::new(7, sender, number);
        let (answer, _) = hand_in(&client, &notice, &mut address).await;
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let path = format!("/v1/submissions/{}", answer["id"].as_str().expect("an id"));
        loop {
            let submission = client.get(&path).await;
            let states = assert_visible(&submission);
            let settled = ["delivered", "parked"].contains(&states[1].as_str());
            seen.extend(states);
            if settled {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_every_delivery_is_always_in_a_visible_state_with_a_reason() {
    let dms = Sink::answering(|number, _| match number % 5 {
        0 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        1 => tear(),
        2 => StatusCode::BAD_REQUEST.into_response(),
        _ => number.to_string().into_response(),
    });
    let dms = dms.await;
    let setup = Setup::new(dms.address);
    hasten(&setup);
    let hub = block_in_place(|| setup.start());
    let client = Client::of(&hub, "portal");
    let mut watchers = JoinSet::new();
    for sender in 0..4 {
        watchers.spawn(watch_them(client.clone(), hub.api.clone(), sender));
    }
    let mut seen = BTreeSet::new();
    let all_settled = async {
        while let Some(watched) = watchers.join_next().await {
            seen.extend(watched.expect("nothing is invisible"));
        }
    };
    tokio::time::timeout(PATIENCE, all_settled).await.expect("every delivery comes to an end or to a person");
    for state in ["blocked", "due", "delivered", "parked"] {
        assert!(seen.contains(state), "{state} was never seen: {seen:?}");
    }
}
