//! Orderly ends, and starts that are refused.

use super::life::Unknown;
use super::notice::{Notice, Senders};
use super::reconcile::{Arrivals, Unit, reconcile};
use super::{hasten, late};
use crate::support::client::Client;
use crate::support::hub::{Hub, Setup};
use crate::support::sink::Sink;
use crate::support::wire::Wire;
use serde_json::Value;
use std::fs;
use std::process::Output;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::block_in_place;

/// How long an orderly end may take while every conversation goes on.
const IN_TIME: Duration = Duration::from_secs(15);

#[allow(clippy::disallowed_methods)] // how long it takes is measured by the test
fn stop_in_time(hub: Hub) {
    let asked = Instant::now();
    assert!(block_in_place(|| hub.stop()), "the hub ends with success");
    assert!(asked.elapsed() < IN_TIME, "it took {:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_a_stop_under_load_ends_in_time_loses_nothing_and_is_no_attempt() {
    let dms = Wire::start(|number| late(number, 300)).await;
    let setup = Setup::new(dms.address);
    hasten(&setup);
    let mut hub = block_in_place(|| setup.start());
    let client = Client::of(&hub, "portal");
    let (moved, address) = watch::channel(hub.api.clone());
    let senders = Senders::start(11, 8, &client, &address);
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        stop_in_time(hub);
        hub = block_in_place(|| setup.start());
        moved.send_replace(hub.api.clone());
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let load = senders.end().await;
    stop_in_time(hub);
    let left = load.handed.len() - dms.seen().len();
    assert!(left > 0, "there was nothing left to do when it was stopped");

    let hub = block_in_place(|| setup.start());
    let client = Client::of(&hub, "portal");
    for handed in &load.handed {
        let submission = client.completed(&handed.id()).await;
        for delivery in submission["deliveries"].as_array().expect("deliveries") {
            assert_eq!(delivery["attempts"], 1, "{submission:#}");
        }
    }
    let arrivals = Arrivals::of(dms.take()).await;
    assert_eq!(arrivals.whole(), load.handed.len());
    let units = Unit::take_all(&setup.path("fachverfahren"));
    reconcile(&client, &load.handed, units, &arrivals, Unknown::Park).await;
    assert!(!setup.log().contains("interrupted"), "a stop left something behind: {}", setup.log());
}

/// Hands in a notice and waits until it is delivered.
async fn deliver(hub: &Hub, number: usize) -> String {
    let id = hand_in(hub, number).await;
    Client::of(hub, "portal").completed(&id).await;
    id
}

pub async fn hand_in(hub: &Hub, number: usize) -> String {
    let notice = Notice::of(number, &[1000]);
    let response = Client::of(hub, "portal").submit(&notice.xml, &notice.attachments, None).await;
    let answer: Value = response.expect("an answer").json().await.expect("JSON");
    answer["id"].as_str().expect("an id").to_owned()
}

/// Tries to start a hub that must be refused, and returns what it said.
pub fn refused(setup: &Setup) -> String {
    let Output { status, stderr, .. } = setup.command().arg("serve").output().expect("it runs");
    let said = String::from_utf8(stderr).expect("text");
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_a_second_process_on_the_same_data_is_refused() {
    let dms = Sink::start().await;
    let setup = Setup::new(dms.address);
    let hub = block_in_place(|| setup.start());
    let said = block_in_place(|| refused(&setup));
    let data = fs::canonicalize(setup.path("data")).expect("the data");
    assert!(said.contains("läuft bereits ein anderes Rohrpost"), "{said}");
    assert!(said.contains(data.file_name().and_then(|name| name.to_str()).expect("a name")), "{said}");
    deliver(&hub, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_a_second_process_is_refused_before_it_touches_any_key() {
    let setup = Setup::new(Sink::start().await.address);
    let hub = block_in_place(|| setup.start());
    setup.edit("hub.toml", "keys = \"../keys\"", "keys = \"../other-keys\"");
    let said = block_in_place(|| refused(&setup));
    assert!(said.contains("läuft bereits ein anderes Rohrpost"), "{said}");
    assert!(!setup.path("other-keys").exists(), "it made keys");
    deliver(&hub, 1).await;
}

fn start_twice(setup: &Setup) -> [Result<Hub, String>; 2] {
    let start = || setup.try_start_as(setup.command());
    std::thread::scope(|scope| {
        [scope.spawn(start), scope.spawn(start)].map(|starting| starting.join().expect("no panic"))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_of_two_first_starts_at_the_same_moment_one_serves_and_the_other_is_refused() {
    for round in 0..5 {
        let setup = Setup::new(Sink::start().await.address);
        // Makes the secrets of the demo.
        assert!(block_in_place(|| setup.command().arg("check").output()).expect("it runs").status.success());
        let both = block_in_place(|| start_twice(&setup));
        let ([Ok(hub), Err(said)] | [Err(said), Ok(hub)]) = both else {
            panic!("round {round}: not exactly one of both serves")
        };
        assert!(said.contains("läuft bereits ein anderes Rohrpost"), "round {round}: {said}");
        deliver(&hub, 1).await;
        stop_in_time(hub);
        deliver(&block_in_place(|| setup.start()), 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h9_the_wrong_hub_key_is_refused_at_start_and_changes_nothing() {
    let dms = Sink::start().await;
    let setup = Setup::new(dms.address);
    let hub = block_in_place(|| setup.start());
    let id = deliver(&hub, 1).await;
    stop_in_time(hub);
    let right = fs::read_to_string(setup.config().join("secrets/hub.key")).expect("the hub key");
    setup.write("secrets/hub.key", &"0".repeat(64));
    let said = block_in_place(|| refused(&setup));
    assert!(said.contains("Hub-Schlüssel passt nicht"), "{said}");

    setup.write("secrets/hub.key", &right);
    let hub = block_in_place(|| setup.start());
    let data = Client::of(&hub, "portal").request("GET", &format!("/v1/submissions/{id}/data"));
    let data = data.send().await.expect("an answer").bytes().await.expect("the data");
    assert_eq!(data, Notice::of(1, &[1000]).xml, "what was kept before can be read");
    deliver(&hub, 2).await;
}
