//! Syncs that fail: nothing is acknowledged that is not on the disk, and nothing that was is lost.

use super::scene::Scene;
use crate::durability::notice::Notice;
use crate::support::client::{Client, http};
use crate::support::hub::Hub;
use reqwest::StatusCode;
use serde_json::Value;
use std::time::Duration;
use tokio::task::block_in_place;

const ACCEPTED: StatusCode = StatusCode::ACCEPTED;
const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// All further ones.
const ALL: u32 = u32::MAX;

async fn status(url: String) -> StatusCode {
    http().get(url).send().await.expect("an answer").status()
}

/// The hub serves what it has, and says of itself that it takes nothing in.
async fn it_serves_reading_only(hub: &Hub, id: &str) {
    let client = Client::of(hub, "portal");
    client.get(&format!("/v1/submissions/{id}")).await;
    let data = client.request("GET", &format!("/v1/submissions/{id}/data")).send().await;
    assert_eq!(data.expect("an answer").status(), StatusCode::OK);
    assert_eq!(status(format!("{}/healthz", hub.operations)).await, StatusCode::OK);
    assert_eq!(status(format!("{}/readyz", hub.operations)).await, UNAVAILABLE);
}

fn says_what_to_do((status, problem): (StatusCode, Value)) {
    assert_eq!(status, UNAVAILABLE, "{problem}");
    assert_eq!(problem["type"], "urn:rohrpost:problem:store-stopped", "{problem}");
    let german = problem["meldung"].as_str().unwrap_or_default();
    assert!(german.contains("Datenträger prüfen, Rohrpost neu starten"), "{problem}");
}

/// How many lines the hub logs in two seconds.
async fn lines_in_two_seconds(scene: &Scene) -> usize {
    let lines = || scene.recording.setup.log().lines().count();
    let before = lines();
    tokio::time::sleep(Duration::from_secs(2)).await;
    lines() - before
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_after_a_failed_sync_of_the_log_nothing_is_acknowledged_until_a_restart_and_nothing_is_lost() {
    let mut scene = Scene::new().await;
    let hub = scene.start();
    let notices: Vec<_> = (1..=6).map(|number| Notice::of(number, &[1000, 300_000])).collect();
    let (accepted, answer) = scene.hand_in(&hub, &notices[0]).await.expect("an answer");
    assert_eq!(accepted, ACCEPTED);
    let id = answer["id"].as_str().expect("an id").to_owned();
    Client::of(&hub, "portal").completed(&id).await;
    scene.shim.fail_syncs("rohrpost.sqlite-wal", ALL);
    says_what_to_do(scene.hand_in(&hub, &notices[1]).await.expect("an answer"));
    // The disk is well again, and that is not believed: what failed before may be missing for ever.
    scene.shim.fail_syncs("rohrpost.sqlite-wal", 0);
    says_what_to_do(scene.hand_in(&hub, &notices[2]).await.expect("an answer"));
    it_serves_reading_only(&hub, &id).await;
    let lines = lines_in_two_seconds(&scene).await;
    assert!(lines < 20, "{lines} lines in two seconds: {}", scene.recording.setup.log());
    assert!(block_in_place(|| hub.stop()), "it ends in order");

    let hub = scene.start();
    for notice in &notices {
        let (status, answer) = scene.hand_in(&hub, notice).await.expect("an answer");
        assert_eq!(status, ACCEPTED, "{answer}");
    }
    block_in_place(|| hub.kill());
    scene.nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_what_a_failed_sync_left_in_the_cache_is_not_acknowledged_after_a_crash() {
    let mut scene = Scene::new().await.without_route();
    let hub = scene.start();
    let notices: Vec<_> = (1..=3).map(|number| Notice::of(number, &[1000])).collect();
    assert_eq!(scene.hand_in(&hub, &notices[0]).await.expect("an answer").0, ACCEPTED);
    scene.shim.fail_syncs("rohrpost.sqlite-wal", 1);
    assert_eq!(scene.hand_in(&hub, &notices[1]).await.expect("an answer").0, UNAVAILABLE);
    block_in_place(|| hub.kill());
    let hub = scene.start();
    for notice in &notices {
        assert_eq!(scene.hand_in(&hub, notice).await.expect("an answer").0, ACCEPTED);
    }
    block_in_place(|| hub.kill());
    scene.nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_a_checkpoint_that_fails_to_sync_stops_the_store_and_loses_nothing() {
    let mut scene = Scene::new().await.without_route();
    let hub = scene.start();
    scene.shim.fail_syncs("=data/rohrpost.sqlite", ALL);
    let mut acknowledged = 0;
    let refused = loop {
        let (status, answer) =
            scene.hand_in(&hub, &Notice::of(acknowledged, &[10])).await.expect("an answer");
        match status {
            ACCEPTED => acknowledged += 1,
            _ => break (status, answer),
        }
        assert!(acknowledged < 1000, "no checkpoint came");
    };
    says_what_to_do(refused);
    assert!(scene.shim.failed() > 0);
    scene.shim.fail_syncs("=data/rohrpost.sqlite", 0);
    block_in_place(|| hub.kill());
    let hub = scene.start();
    let (status, answer) = scene.hand_in(&hub, &Notice::of(acknowledged, &[10])).await.expect("an answer");
    assert_eq!(status, ACCEPTED, "{answer}");
    block_in_place(|| hub.kill());
    scene.nothing_is_lost_at_the_end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_content_and_keys_that_cannot_be_synced_are_not_acknowledged_and_are_written_anew() {
    let content = ["data/segments/", "data/tmp/", "data/blobs/", "=data/segments"];
    let keys = ["keys/lk-beispiel/", "=keys/lk-beispiel", "=keys"];
    for (number, failing) in keys.into_iter().chain(content).enumerate() {
        let mut scene = Scene::new().await.without_route();
        let hub = scene.start();
        let notice = Notice::of(number, &[1000, 300_000]);
        scene.shim.fail_syncs(failing, 1);
        let (status, problem) = scene.hand_in(&hub, &notice).await.expect("an answer");
        assert_eq!(status, UNAVAILABLE, "{failing}: {problem}");
        assert_eq!(scene.shim.failed(), 1, "{failing}");
        let (status, answer) = scene.hand_in(&hub, &notice).await.expect("an answer");
        assert_eq!(status, ACCEPTED, "{failing}: {answer}");
        assert_eq!(self::status(format!("{}/readyz", hub.operations)).await, StatusCode::OK);
        block_in_place(|| hub.kill());
        scene.nothing_is_lost().await;
    }
}
