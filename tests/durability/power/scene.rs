//! A hub under the shim, to whom single notices are handed in.

use super::check::{Expected, replica};
use super::disk::Disk;
use super::fate::{Fate, Mood};
use super::load::Recording;
use super::log;
use super::shim::Shim;
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
    pub recording: Recording,
    pub shim: Shim,
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

    /// Cuts the power after each answer, and at the end, and looks whether everything is there.
    pub async fn nothing_is_lost(mut self) {
        let log = log::read(self.shim.log());
        let answers = (0..log.len()).filter(|at| log[*at].acknowledges().is_some());
        let positions = answers.map(|at| at + 1).chain([log.len()]).collect();
        self.recording.log = log;
        self.cut_at(positions).await;
    }

    /// The same at the end only.
    pub async fn nothing_is_lost_at_the_end(mut self) {
        self.recording.log = log::read(self.shim.log());
        let end = self.recording.log.len();
        self.cut_at(vec![end]).await;
    }

    async fn cut_at(self, positions: Vec<usize>) {
        let log = &self.recording.log;
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
