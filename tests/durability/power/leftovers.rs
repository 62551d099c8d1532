//! What a crash left unsynced looks like any other to the next process. It must be made durable before anything rests
//! on it: a power cut may still take it away.

use super::scene::Scene;
use super::shim::Moment;
use crate::durability::notice::Notice;
use reqwest::StatusCode;
use tokio::task::block_in_place;

#[tokio::test(flavor = "multi_thread")]
async fn h1_a_repetition_is_not_acknowledged_by_what_a_crash_left_unsynced() {
    let mut scene = Scene::new().await.without_route();
    let hub = scene.start();
    scene.hand_in(&hub, &Notice::of(1, &[1000])).await.expect("an answer");
    let notice = Notice::of(2, &[1000]);
    scene.shim.kill_at(Moment::SyncBegins, "rohrpost.sqlite-wal");
    assert!(scene.hand_in(&hub, &notice).await.is_none(), "the hub dies before it can answer");
    block_in_place(|| hub.gone());
    let hub = scene.start();
    let (status, answer) = scene.hand_in(&hub, &notice).await.expect("an answer");
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    block_in_place(|| hub.kill());
    scene.nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_a_key_that_a_crash_left_unsynced_is_durable_before_it_is_used() {
    let mut scene = Scene::new().await;
    let hub = scene.start();
    let notice = Notice::of(1, &[1000]);
    scene.shim.kill_at(Moment::Renamed, "keys/lk-beispiel/");
    assert!(scene.hand_in(&hub, &notice).await.is_none(), "the hub dies before it can answer");
    block_in_place(|| hub.gone());
    let hub = scene.start();
    let (status, answer) = scene.hand_in(&hub, &notice).await.expect("an answer");
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    block_in_place(|| hub.kill());
    scene.nothing_is_lost().await;
}
