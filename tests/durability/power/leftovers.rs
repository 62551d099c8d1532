//! What a crash left unsynced looks like any other to the next process. It must be made durable before anything rests
//! on it: a power cut may still take it away.

use super::check::{Expected, replica};
use super::disk::Disk;
use super::fate::{Fate, Mood};
use super::load::Recording;
use super::log;
use super::shim::{Moment, Shim};
use crate::durability::notice::Notice;
use crate::support::client::Client;
use crate::support::hub::{Hub, Setup};
use crate::support::sink::Sink;
use reqwest::StatusCode;
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::task::block_in_place;

/// A hub under the shim, with what it acknowledged.
pub struct Scene {
    recording: Recording,
    shim: Shim,
}

impl Scene {
    pub async fn new() -> Self {
        let dms = Sink::start().await;
        let setup = Setup::new(dms.address);
        let shim = Shim::recording(&setup);
        let recording = Recording { setup, dms, log: Vec::new(), deliveries: 2, handed: BTreeMap::new() };
        Self { recording, shim }
    }

    /// Nothing is delivered, so that nothing but what is handed in is ever written.
    pub fn without_route(mut self) -> Self {
        let route = self.recording.setup.config().join("routes/brunnenbohrung.toml");
        std::fs::remove_file(route).expect("the route");
        self.recording.deliveries = 1;
        self
    }

    pub fn start(&self) -> Hub {
        let setup = &self.recording.setup;
        block_in_place(|| setup.start_as(self.shim.under(setup.command())))
    }

    /// Hands in a notice under its own key; the status, and the answer if there was one.
    pub async fn hand_in(&mut self, hub: &Hub, notice: &Notice) -> Option<(StatusCode, Value)> {
        let client = Client::of(hub, "portal");
        let response = client.submit(&notice.xml, &notice.attachments, Some(&notice.key)).await.ok()?;
        let (status, answer) = (response.status(), response.json::<Value>().await.ok()?);
        if status == StatusCode::ACCEPTED {
            let id = answer["id"].as_str().expect("an id").to_owned();
            self.recording.handed.insert(id, notice.fingerprint());
        }
        Some((status, answer))
    }

    /// Cuts the power at the end, and after each answer before, and looks whether everything is there.
    pub async fn nothing_is_lost(mut self) {
        self.recording.log = log::read(self.shim.log());
        let log = &self.recording.log;
        let mut positions: Vec<_> =
            (0..log.len()).filter(|at| log[*at].acknowledges().is_some()).map(|at| at + 1).collect();
        positions.push(log.len());
        let mut disk = Disk::new();
        for position in positions {
            disk.advance(log, position, |_| true);
            let setup = replica(&self.recording, &self.recording.dms);
            block_in_place(|| disk.cut(&mut Fate::new(0, Mood::Strict), &setup.path("")));
            let looked = Expected::at(&self.recording, position).look(&setup, 0).await;
            looked.unwrap_or_else(|lost| panic!("cut before record {position} of {}: {lost}", log.len()));
        }
    }
}

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
