//! No room on the disk: nothing is acknowledged, nothing is lost, reading goes on, nothing is tried without pause; and
//! when there is room again, everything goes on by itself.

use super::notice::Notice;
use super::{DMS, hasten};
use crate::support::client::{Client, until};
use crate::support::hub::{Hub, Setup};
use crate::support::sink::Sink;
use axum::body::Body;
use axum::response::Response;
use futures::stream;
use reqwest::StatusCode;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::block_in_place;

/// How the room is taken away and given back.
trait Room {
    fn take(&self, hub: &Hub);
    fn give_back(&self, hub: &Hub);
}

/// No file may grow beyond a size (`ulimit -f`).
struct Limit {
    data: PathBuf,
}

impl Limit {
    fn set(hub: &Hub, bytes: &str) {
        let limit = format!("--fsize={bytes}:unlimited");
        let status = Command::new("prlimit").arg(limit).args(["--pid", &hub.pid().to_string()]).status();
        assert!(status.expect("prlimit runs").success());
    }
}

impl Room for Limit {
    fn take(&self, hub: &Hub) {
        let log = fs::metadata(self.data.join("rohrpost.sqlite-wal")).expect("the database's log").len();
        Self::set(hub, &log.to_string());
    }

    fn give_back(&self, hub: &Hub) {
        Self::set(hub, "unlimited");
    }
}

/// A small file system of its own, filled to the last byte.
struct Mount {
    data: PathBuf,
}

impl Mount {
    /// `None` where nothing may be mounted.
    fn at(data: PathBuf) -> Option<Self> {
        fs::create_dir_all(&data).expect("the folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs"]).arg(&data);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self { data })
    }

    fn filler(&self) -> PathBuf {
        self.data.join("filler")
    }
}

impl Room for Mount {
    fn take(&self, _: &Hub) {
        fill(&self.filler());
    }

    fn give_back(&self, _: &Hub) {
        fs::remove_file(self.filler()).expect("the filler");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.data).status();
    }
}

/// Writes until there is no room any more.
fn fill(path: &Path) {
    let zeroes = [0; 4096];
    let mut file = fs::File::create(path).expect("a file");
    while std::io::Write::write_all(&mut file, &zeroes).is_ok() {}
}

/// A DMS that has the request and keeps its answer back while it is told so.
async fn holding(held: watch::Receiver<bool>) -> Sink {
    Sink::answering(move |number, _| {
        let mut held = held.clone();
        Response::new(Body::from_stream(stream::once(async move {
            let _ = held.wait_for(|held| !held).await;
            Ok::<_, std::io::Error>(number.to_string())
        })))
    })
    .await
}

async fn hand_in(client: &Client, notice: &Notice) -> (StatusCode, Value) {
    let response =
        client.submit(&notice.xml, &notice.attachments, Some(&notice.key)).await.expect("an answer");
    (response.status(), response.json().await.expect("JSON"))
}

async fn accepted(client: &Client, notice: &Notice) -> String {
    let (status, answer) = hand_in(client, notice).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    answer["id"].as_str().expect("an id").to_owned()
}

async fn refused(client: &Client, notice: &Notice) {
    let response =
        client.submit(&notice.xml, &notice.attachments, Some(&notice.key)).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::INSUFFICIENT_STORAGE);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert!(response.headers().contains_key("retry-after"));
    let problem: Value = response.json().await.expect("JSON");
    assert_eq!(problem["type"], "urn:rohrpost:problem:store-full", "{problem}");
}

/// How long the full disk is watched.
const WATCHED: Duration = Duration::from_secs(4);

/// At most so many lines may be logged meanwhile: a few in a second for each conversation that cannot be settled, and for
/// each destination whose work cannot be marked.
const MOST_LINES: usize = 60;

async fn scenario(setup: &Setup, room: &dyn Room, hold: watch::Sender<bool>, dms: &Sink) {
    let hub = block_in_place(|| setup.start());
    let client = Client::of(&hub, "portal");
    let notice = |number| Notice::of(number, &[2000]);
    let first = accepted(&client, &notice(0)).await;
    client.completed(&first).await;

    // Three are being sent, four wait for their folder.
    hold.send_replace(true);
    let mut ids = Vec::new();
    for number in 1..4 {
        ids.push(accepted(&client, &notice(number)).await);
    }
    until(async || dms.requests().len() == 4).await;
    let (folder, away) = (setup.path("fachverfahren"), setup.path("away"));
    fs::rename(&folder, &away).expect("the folder goes away");
    for number in 4..8 {
        ids.push(accepted(&client, &notice(number)).await);
    }

    room.take(&hub);
    let (small, large) = (notice(8), Notice::of(9, &[900_000]));
    refused(&client, &small).await;
    refused(&client, &large).await;
    let data = client.request("GET", &format!("/v1/submissions/{first}/data")).send().await;
    assert_eq!(data.expect("an answer").bytes().await.expect("the data"), notice(0).xml);
    hold.send_replace(false);
    until(async || setup.log().contains("not settled")).await;
    assert_calm(setup, dms).await;
    let segments = fs::read_dir(setup.path("data/segments")).expect("the segments").count();
    assert!(segments <= 2, "{segments} segments were begun in vain");

    fs::rename(&away, &folder).expect("the folder comes back");
    room.give_back(&hub);
    for notice in [&small, &large] {
        ids.push(accepted(&client, notice).await);
    }
    for (number, id) in ids.iter().enumerate() {
        let submission = client.completed(id).await;
        if number < 3 {
            assert_eq!(submission["deliveries"][1]["attempts"], 1, "{submission:#}");
        }
    }
    assert_eq!(dms.requests().len(), ids.len() + 1, "each arrived once");
}

/// Nothing is sent again, and nothing is tried without pause.
async fn assert_calm(setup: &Setup, dms: &Sink) {
    let lines = || setup.log().lines().count();
    let (before, sent) = (lines(), dms.requests().len());
    tokio::time::sleep(WATCHED).await;
    let logged = lines() - before;
    assert!(logged <= MOST_LINES, "{logged} lines in {WATCHED:?}: {}", setup.log());
    assert_eq!(dms.requests().len(), sent, "something was sent without a mark");
}

async fn full_house() -> (Setup, watch::Sender<bool>, Sink) {
    let (hold, held) = watch::channel(false);
    let dms = holding(held).await;
    let setup = Setup::new(dms.address);
    hasten(&setup);
    setup.edit(DMS, "timeout = \"30s\"", "timeout = \"5m\"");
    (setup, hold, dms)
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_where_no_file_may_grow_nothing_is_acknowledged_and_nothing_lost() {
    let (setup, hold, dms) = full_house().await;
    let room = Limit { data: setup.path("data") };
    scenario(&setup, &room, hold, &dms).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_on_a_full_disk_nothing_is_acknowledged_and_nothing_lost() {
    let (setup, hold, dms) = full_house().await;
    let Some(room) = Mount::at(setup.path("data")) else {
        return eprintln!("SKIPPED: only root may mount a small file system");
    };
    scenario(&setup, &room, hold, &dms).await;
}
