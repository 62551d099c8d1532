//! The rule of a route gives up what has not left in time, after warnings.

use super::{House, Word, text};
use crate::face::metrics;
use crate::support::client::until;
use serde_json::{Value, json};

/// A hub knows when the next rule applies from its last look at all of them, which it takes when it starts.
const MORE: &str = "expiry = { after = \"20s\", warn = [\"19s\"] }\n[[step]]\nname = \"akte\"\nafter = [\"dms\"]\n\
                    destination = \"lk-beispiel-wasserbehoerde\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn h2_what_has_not_left_in_time_expires_after_a_warning() {
    let mut house = House::with(Word::Busy, MORE, |_| {}).await;
    let submission = house.hand_in("fall-1").await;
    let waits =
        house.until(&submission, |delivery| delivery["attempts"] == 1 && delivery["state"] == "due").await;
    let id = text(&waits, "id").to_owned();
    assert!(waits["expiresAt"].is_string(), "{waits:#}");
    let history =
        async |house: &House| house.delivery(&id).await["history"].as_array().expect("a history").clone();
    assert!(house.hub.stop());
    house.hub = house.setup.start();
    until(async || history(&house).await.iter().any(|entry| entry["event"] == "expiry-warned")).await;
    let warned = house.delivery(&id).await;
    assert_eq!(
        (&warned["state"], &warned["reason"]["code"]),
        (&json!("due"), &json!("target-busy")),
        "it stays what it is"
    );
    let shown = house.operator().follow(&submission, |it| it["state"] == "ended").await;
    let deliveries = shown["deliveries"].as_array().expect("deliveries");
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery["state"] == "expired" && delivery["reason"]["code"] == "expired")
    );
    assert_eq!(deliveries[0]["reason"]["params"]["after"], "20s");
    let entries = history(&house).await;
    let events: Vec<&Value> = entries.iter().map(|entry| &entry["event"]).collect();
    assert_eq!(events.last(), Some(&&json!("expired-by-rule")));
    let last = entries.last().expect("an entry");
    assert_eq!((&last["who"], &last["cause"]), (&json!("rohrpost"), &json!("expiry")));
    assert!(metrics(&house.hub.operations).await.contains("rohrpost_expired_total 2"));
    let late = house.queue(&["retry", &id, "--reason", "zu spät"]);
    assert_eq!(late.code, 1, "an end is an end");
}
