//! Starts a hub on what a power cut left, and looks for what it must have.

use super::load::{Known, NEXT_EPOCH, Recording};
use super::shim::Shim;
use crate::durability::notice::{Fingerprint, Notice};
use crate::durability::{DMS, digest};
use crate::support::client::{Client, http};
use crate::support::hub::{Hub, Setup};
use crate::support::sink::Sink;
use serde_json::Value;
use std::fs;
use std::time::Duration;
use tokio::task::block_in_place;

/// How long a hub may take to start and to show everything.
const PATIENCE: Duration = Duration::from_secs(120);

/// The content of so many submissions is looked at: of the latest, and of some earlier ones.
const LOOKS: usize = 12;

/// A setup that has what the recorded hub was configured with, and a DMS of its own.
pub fn replica(recording: &Recording, dms: &Sink) -> Setup {
    let setup = recording.setup.again();
    setup.edit(DMS, &recording.dms.address.to_string(), &dms.address.to_string());
    setup
}

/// What is to be found.
pub struct Expected {
    /// Id and content of what was acknowledged, the latest last.
    acknowledged: Vec<(String, Fingerprint)>,
    /// Keys of deliveries that were begun to be sent.
    sent: Vec<String>,
    /// How many deliveries each submission has.
    deliveries: usize,
}

impl Expected {
    pub fn at(recording: &Recording, position: usize) -> Self {
        let Known { acknowledged, sent } = recording.known_at(position);
        let content = |id: &str| (id.to_owned(), recording.handed[id].clone());
        Self {
            acknowledged: acknowledged.into_iter().map(content).collect(),
            sent: sent.into_iter().map(str::to_owned).collect(),
            deliveries: recording.deliveries,
        }
    }

    /// Starts a hub and looks. An error says what was lost.
    pub async fn look(&self, setup: &Setup, seed: u64) -> Result<(), String> {
        let hub = block_in_place(|| setup.try_start_as(setup.command()))?;
        in_time(setup, self.look_at(&hub, seed)).await
    }

    /// Starts a hub and waits until everything that was acknowledged is delivered.
    pub async fn wait_for_all(&self, setup: &Setup) -> Result<(), String> {
        // What the recorded hub planned in its next epoch is due there.
        let shim = Shim::quiet(setup);
        shim.clock_forward(NEXT_EPOCH);
        fs::create_dir_all(setup.path("fachverfahren")).expect("the Fachverfahren's folder");
        let hub = block_in_place(|| setup.try_start_as(shim.under(setup.command())))?;
        in_time(setup, self.all_arrive(&hub)).await
    }

    async fn all_arrive(&self, hub: &Hub) -> Result<(), String> {
        let client = Client::of(hub, "portal");
        for (id, _) in &self.acknowledged {
            while json(&client, &format!("/v1/submissions/{id}")).await?["state"] != "completed" {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    async fn look_at(&self, hub: &Hub, seed: u64) -> Result<(), String> {
        let client = Client::of(hub, "portal");
        let ready = http().get(format!("{}/readyz", hub.operations)).send().await;
        ready.and_then(reqwest::Response::error_for_status).map_err(|error| error.to_string())?;
        for (id, _) in &self.acknowledged {
            is_visible(&json(&client, &format!("/v1/submissions/{id}")).await?, self.deliveries)?;
        }
        for (id, sent) in pick(&self.acknowledged, seed) {
            has_content(&client, id, sent).await?;
        }
        for key in pick(&self.sent, seed) {
            was_attempted(&json(&client, &format!("/v1/deliveries/{key}")).await?)?;
        }
        takes_in(&client, seed).await
    }
}

async fn in_time(setup: &Setup, looking: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let looked = tokio::time::timeout(PATIENCE, looking).await;
    let looked = looked.unwrap_or_else(|_| Err("the hub does not come to an end".to_owned()));
    looked.map_err(|lost| format!("{lost}\nthe hub's log:\n{}", setup.log()))
}

/// The latest half, and some others.
fn pick<T>(all: &[T], seed: u64) -> impl Iterator<Item = &T> {
    let mut random = fastrand::Rng::with_seed(seed);
    let (earlier, late) = all.split_at(all.len().saturating_sub(LOOKS / 2));
    let others: Vec<_> = (0..LOOKS / 2).filter_map(|_| random.choice(earlier)).collect();
    late.iter().chain(others)
}

async fn bytes(client: &Client, path: &str) -> Result<Vec<u8>, String> {
    let trouble = |error: reqwest::Error| format!("{path}: {error}");
    let response = client.request("GET", path).send().await.map_err(trouble)?;
    let status = response.status();
    let body = response.bytes().await.map_err(trouble)?;
    if status.is_success() {
        Ok(body.into())
    } else {
        Err(format!("{path}: {status} {}", String::from_utf8_lossy(&body)))
    }
}

async fn json(client: &Client, path: &str) -> Result<Value, String> {
    serde_json::from_slice(&bytes(client, path).await?).map_err(|error| format!("{path}: {error}"))
}

/// Every delivery is there, in a state with a reason (H2).
fn is_visible(submission: &Value, count: usize) -> Result<(), String> {
    let deliveries = submission["deliveries"].as_array().map_or(&[][..], Vec::as_slice);
    let visible = |delivery: &Value| {
        let explained = delivery["reason"]["text"]["de"].as_str().is_some_and(|text| !text.is_empty());
        match delivery["state"].as_str() {
            Some("due" | "claimed" | "sending" | "delivered") => true,
            Some("blocked" | "unknown" | "parked") => explained,
            _ => false,
        }
    };
    if deliveries.len() == count && deliveries.iter().all(visible) {
        return Ok(());
    }
    Err(format!("not every delivery is there with a reason: {submission:#}"))
}

async fn has_content(client: &Client, id: &str, sent: &Fingerprint) -> Result<(), String> {
    let is = |what: &str, found: &[u8], hash: &str| {
        if digest(found) == hash { Ok(()) } else { Err(format!("{what} of {id} is not what was handed in")) }
    };
    is("the data", &bytes(client, &format!("/v1/submissions/{id}/data")).await?, &sent.data)?;
    for (index, (name, hash)) in sent.attachments.iter().enumerate() {
        is(name, &bytes(client, &format!("/v1/submissions/{id}/attachments/{}", index + 1)).await?, hash)?;
    }
    Ok(())
}

/// What may have left the house was marked before (H5).
fn was_attempted(delivery: &Value) -> Result<(), String> {
    if delivery["attempts"].as_u64().is_some_and(|attempts| attempts > 0) {
        return Ok(());
    }
    Err(format!("it was sent and is shown as never attempted: {delivery:#}"))
}

async fn takes_in(client: &Client, seed: u64) -> Result<(), String> {
    let notice = Notice::of(usize::from(seed as u16), &[1000]);
    let answer =
        client.submit(&notice.xml, &notice.attachments, None).await.map_err(|error| error.to_string())?;
    if answer.status() == reqwest::StatusCode::ACCEPTED {
        Ok(())
    } else {
        Err(format!("it takes nothing: {}", answer.status()))
    }
}
