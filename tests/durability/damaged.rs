//! A damaged disk: the hub does not start on what cannot be read at all, and says why; what else is damaged waits for a
//! person with its reason, and the rest goes on.

use super::hasten;
use super::lifecycle::refused;
use super::notice::Notice;
use crate::support::client::Client;
use crate::support::hub::{Hub, Setup};
use crate::support::sink::Sink;
use reqwest::StatusCode;
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use tokio::task::block_in_place;

async fn hand_in(client: &Client, notice: &Notice) -> Value {
    let response = client.submit(&notice.xml, &notice.attachments, None).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    response.json().await.expect("JSON")
}

fn id(answer: &Value) -> String {
    answer["id"].as_str().expect("an id").to_owned()
}

/// A hub whose Fachverfahren is away, so that everything waits.
struct Waiting {
    setup: Setup,
    hub: Hub,
    client: Client,
}

impl Waiting {
    async fn start() -> Self {
        let setup = Setup::new(Sink::start().await.address);
        hasten(&setup);
        fs::remove_dir(setup.path("fachverfahren")).expect("the folder goes away");
        let hub = block_in_place(|| setup.start());
        let client = Client::of(&hub, "portal");
        Self { setup, hub, client }
    }

    /// Damages the data while the hub is down, and lets the Fachverfahren come back.
    fn damaged(self, damage: impl FnOnce(&Path)) -> Self {
        let Self { setup, hub, .. } = self;
        block_in_place(|| assert!(hub.stop(), "it ends in order"));
        damage(&setup.path("data"));
        fs::create_dir(setup.path("fachverfahren")).expect("the folder comes back");
        let hub = block_in_place(|| setup.start());
        let client = Client::of(&hub, "portal");
        Self { setup, hub, client }
    }

    /// The first delivery of a submission is parked, because its content is damaged.
    async fn is_parked(&self, delivery: &str) {
        let operator = Client::of(&self.hub, "operator");
        let path = format!("/v1/deliveries/{delivery}");
        let mut shown = operator.get(&path).await;
        for _ in 0..600 {
            if shown["state"] == "parked" {
                assert_eq!(shown["reason"]["code"], "content-damaged", "{shown:#}");
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            shown = operator.get(&path).await;
        }
        panic!("it is not parked: {shown:#}");
    }

    async fn status(&self, path: &str) -> StatusCode {
        self.client.request("GET", path).send().await.expect("an answer").status()
    }
}

/// The id of the first delivery of a submission.
async fn first_delivery(client: &Client, submission: &str) -> String {
    let submission = client.get(&format!("/v1/submissions/{submission}")).await;
    submission["deliveries"][0]["id"].as_str().expect("an id").to_owned()
}

fn overwrite(path: &Path, from: u64, length: usize) {
    let file = OpenOptions::new().write(true).open(path).expect("a file");
    file.write_all_at(&vec![0xa5; length], from).expect("it is damaged");
}

fn cut(path: &Path, length: u64) {
    OpenOptions::new().write(true).open(path).expect("a file").set_len(length).expect("it is cut");
}

/// The only large content.
fn blob(data: &Path) -> PathBuf {
    let shards = fs::read_dir(data.join("blobs")).expect("the folders").flatten();
    let mut files = shards.flat_map(|shard| fs::read_dir(shard.path()).expect("a folder").flatten());
    files.next().expect("a file").path()
}

type Damage = fn(&Path);

#[tokio::test(flavor = "multi_thread")]
async fn h2_damaged_content_parks_its_delivery_with_the_reason_and_the_others_go_on() {
    let segment = |data: &Path| data.join("segments/00000001.seg");
    let damages: [(&str, Damage); 7] = [
        ("bytes of a segment", move |data| overwrite(&segment(data), 16, 2000)),
        ("the end of a segment", move |data| cut(&segment(data), 100)),
        ("the header of a segment", move |data| overwrite(&segment(data), 0, 16)),
        ("a segment", move |data| fs::remove_file(segment(data)).expect("it is removed")),
        ("bytes of a file", |data| overwrite(&blob(data), 300_000, 5000)),
        ("the end of a file", |data| cut(&blob(data), 300_000)),
        ("a file", |data| fs::remove_file(blob(data)).expect("it is removed")),
    ];
    for (what, damage) in damages {
        let waiting = Waiting::start().await;
        let damaged = id(&hand_in(&waiting.client, &Notice::of(1, &[1000, 600_000])).await);
        let delivery = first_delivery(&waiting.client, &damaged).await;
        let waiting = waiting.damaged(damage);
        let whole = id(&hand_in(&waiting.client, &Notice::of(2, &[1000, 600_000])).await);
        waiting.client.completed(&whole).await;
        waiting.is_parked(&delivery).await;
        let content = if what.contains("segment") { "data" } else { "attachments/2" };
        let path = format!("/v1/submissions/{damaged}/{content}");
        let response = waiting.client.request("GET", &path).send().await.expect("an answer");
        let given_out = response.status() == StatusCode::OK && response.bytes().await.is_ok();
        assert!(!given_out, "{what}: it was given out as content");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_a_damaged_page_of_the_database_parks_its_delivery_and_the_others_go_on() {
    let waiting = Waiting::start().await;
    let mut answers = Vec::new();
    for number in 0..12 {
        answers.push(hand_in(&waiting.client, &Notice::of(number, &[1000])).await);
    }
    let damaged = id(&answers[0]);
    let delivery = first_delivery(&waiting.client, &damaged).await;
    let receipt = answers[0]["receipt"].as_str().expect("a receipt").to_owned();
    let waiting = waiting.damaged(|data| {
        let database = data.join("rohrpost.sqlite");
        let bytes = fs::read(&database).expect("the database");
        let place = memchr::memmem::find(&bytes, receipt.as_bytes()).expect("the receipt in its row");
        overwrite(&database, place as u64 / 4096 * 4096, 4096);
    });
    let new = id(&hand_in(&waiting.client, &Notice::of(20, &[1000])).await);
    for whole in answers.iter().skip(8).map(id).chain([new]) {
        waiting.client.completed(&whole).await;
    }
    waiting.is_parked(&delivery).await;
    assert_eq!(
        waiting.status(&format!("/v1/submissions/{damaged}")).await,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    assert!(waiting.setup.log().contains("malformed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_a_store_that_cannot_be_read_is_refused_at_start_and_left_as_it_is() {
    let waiting = Waiting::start().await;
    let notice = Notice::of(1, &[1000, 600_000]);
    let handed = id(&hand_in(&waiting.client, &notice).await);
    let Waiting { setup, hub, .. } = waiting;
    block_in_place(|| assert!(hub.stop(), "it ends in order"));
    let (data, backup) = (setup.path("data"), setup.path("backup"));
    copy(&data, &backup);
    let database = |data: &Path| data.join("rohrpost.sqlite");
    let beyond_repair = "aus der Sicherung wiederherstellen";
    let damages: [(Damage, &str); 5] = [
        (move |data| overwrite(&database(data), 0, 100), "ist keine Datenbank von Rohrpost oder beschädigt"),
        (move |data| overwrite(&database(data), 100, 3996), "beschädigt (database disk image is malformed)"),
        (move |data| cut(&database(data), 8192), "beschädigt"),
        (move |data| cut(&database(data), 0), "fehlt oder ist leer"),
        (move |data| fs::remove_file(database(data)).expect("it is removed"), "fehlt oder ist leer"),
    ];
    for (damage, expected) in damages {
        fs::remove_dir_all(&data).expect("the data");
        copy(&backup, &data);
        damage(&data);
        let said = block_in_place(|| refused(&setup));
        assert!(said.contains(expected), "{said}");
        assert!(said.to_lowercase().contains(&beyond_repair.to_lowercase()), "{said}");
        fs::copy(database(&backup), database(&data)).expect("it is restored");
        let hub = block_in_place(|| setup.start());
        let client = Client::of(&hub, "portal");
        for (path, content) in [("data", &notice.xml), ("attachments/2", &notice.attachments[1].1)] {
            let found = client.request("GET", &format!("/v1/submissions/{handed}/{path}")).send().await;
            assert!(found.expect("an answer").bytes().await.expect("content") == *content, "{path}");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file");
        }
    }
}
