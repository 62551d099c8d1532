//! A data directory that a disk damaged while no hub ran: nothing is answered or sent that is not what was handed in,
//! what cannot be read says so, and everything else goes on.

mod pages;

use super::notice::Notice;
use super::{DMS, digest, hasten};
use crate::support::client::Client;
use crate::support::hub::{Hub, Setup};
use crate::support::sink::Sink;
use axum::http::StatusCode as Answer;
use axum::response::IntoResponse as _;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use tokio::task::block_in_place;

/// The destinations of the shipped route, in its order.
const FOLDER: &str = "lk-beispiel-wasserbehoerde";
const ENAIO: &str = "lk-beispiel-enaio";

/// What stands in the file name of a notice that the DMS is too busy for.
const BUSY: &str = "vollmacht.pdf";

/// Larger than what is kept in a segment, and than what is read in one go.
const LARGE: usize = 700_000;

/// A hub with its DMS, whose data can be damaged between two lives.
struct House {
    setup: Setup,
    dms: Sink,
}

/// A notice that was acknowledged.
struct Handed {
    id: String,
    notice: Notice,
    /// Where its small contents lie in the segment.
    place: Range<u64>,
    /// Its large content.
    blob: Option<PathBuf>,
}

impl House {
    /// The DMS takes everything but what has two attachments.
    async fn new() -> Self {
        let dms =
            Sink::answering(|number, request| match memchr::memmem::find(&request.body, BUSY.as_bytes()) {
                Some(_) => Answer::SERVICE_UNAVAILABLE.into_response(),
                None => (Answer::OK, number.to_string()).into_response(),
            });
        let dms = dms.await;
        let setup = Setup::new(dms.address);
        hasten(&setup);
        setup.edit(DMS, "first = \"50ms\"\ncap = \"500ms\"", "first = \"1h\"\ncap = \"1h\"");
        Self { setup, dms }
    }

    fn start(&self) -> Hub {
        block_in_place(|| self.setup.start())
    }

    fn segment(&self) -> PathBuf {
        self.setup.path("data/segments/00000001.seg")
    }

    fn blobs(&self) -> Vec<PathBuf> {
        let shards = fs::read_dir(self.setup.path("data/blobs")).expect("the blobs").flatten();
        let files = shards.flat_map(|shard| fs::read_dir(shard.path()).expect("a shard").flatten());
        files.map(|file| file.path()).collect()
    }

    /// Hands in, and tells what it wrote until `state` shows.
    async fn hand_in(&self, hub: &Hub, notice: Notice, so: impl Fn(&Value) -> bool) -> Handed {
        let length = || fs::metadata(self.segment()).map_or(16, |found| found.len());
        let (before, blobs) = (length(), self.blobs());
        let client = Client::of(hub, "portal");
        let answer =
            client.submit(&notice.xml, &notice.attachments, Some(&notice.key)).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let answer: Value = answer.json().await.expect("JSON");
        let id = answer["id"].as_str().expect("an id").to_owned();
        client.follow(&id, so).await;
        let blob = self.blobs().into_iter().find(|blob| !blobs.contains(blob));
        Handed { id, notice, place: before..length(), blob }
    }

    /// Lets both destinations go on, and waits until nothing of these moves by itself any more.
    async fn let_go(&self, hub: &Hub, all: &[&Handed]) {
        for destination in [FOLDER, ENAIO] {
            order(hub, destination, "resume").await;
        }
        let client = Client::of(hub, "portal");
        for handed in all {
            client.follow(&handed.id, at_rest).await;
        }
    }

    /// That it arrived at both targets, whole and once.
    async fn assert_arrived(&self, hub: &Hub, handed: &Handed) {
        Client::of(hub, "portal").completed(&handed.id).await;
        let requests = self.dms.requests();
        let at_dms = requests.iter().filter(|it| holds(&it.body, handed.notice.mark.as_bytes()));
        let at_dms: Vec<_> = at_dms.collect();
        assert_eq!(at_dms.len(), 1, "{}", handed.notice.mark);
        for (_, bytes) in &handed.notice.attachments {
            assert!(holds(&at_dms[0].body, bytes), "its attachment is not the one that was handed in");
        }
    }

    /// That nothing of it reached the DMS.
    fn assert_nothing_at_dms(&self, handed: &Handed) {
        let arrived = self.dms.requests().iter().any(|it| holds(&it.body, handed.notice.mark.as_bytes()));
        assert!(!arrived, "{} was sent", handed.notice.mark);
    }
}

fn holds(text: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(text, word).is_some()
}

/// Whether each delivery is delivered, waits for one that is parked, or is parked; or waits for an hour.
fn at_rest(submission: &Value) -> bool {
    let deliveries = submission["deliveries"].as_array().expect("deliveries");
    let parked = deliveries.iter().any(|it| it["state"] == "parked");
    deliveries.iter().all(|it| match it["state"].as_str().unwrap_or_default() {
        "delivered" | "parked" => true,
        "blocked" => parked,
        _ => false,
    })
}

async fn order(hub: &Hub, destination: &str, order: &str) {
    let path = format!("/v1/destinations/{destination}/{order}");
    let request = Client::of(hub, "operator").request("POST", &path);
    let answer = request.json(&json!({ "reason": "Datenträger geprüft" })).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK, "{order} {destination}");
}

/// Writes something else over these bytes.
fn overwrite(path: &Path, place: Range<u64>) {
    let file = OpenOptions::new().read(true).write(true).open(path).expect("a file of the data");
    let mut bytes = vec![0; usize::try_from(place.end - place.start).expect("a length")];
    file.read_exact_at(&mut bytes, place.start).expect("the bytes");
    bytes.iter_mut().for_each(|byte| *byte ^= 0xa5);
    file.write_all_at(&bytes, place.start).expect("other bytes");
}

/// What a client gets that asks for a content: the bytes, or that they are damaged, or a connection that breaks off.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    /// Their SHA-256.
    Whole(String),
    Damaged,
    BrokenOff,
}

async fn got(hub: &Hub, path: &str) -> Got {
    let answer = Client::of(hub, "portal").request("GET", path).send().await.expect("an answer");
    if answer.status() == StatusCode::OK {
        return answer.bytes().await.map_or(Got::BrokenOff, |bytes| Got::Whole(digest(&bytes)));
    }
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
    let problem: Value = answer.json().await.expect("JSON");
    assert_eq!(problem["type"], "urn:rohrpost:problem:content-damaged", "{problem}");
    Got::Damaged
}

/// Asks for the data (0), or for an attachment.
async fn content(hub: &Hub, handed: &Handed, number: usize) -> Got {
    match number {
        0 => got(hub, &format!("/v1/submissions/{}/data", handed.id)).await,
        _ => got(hub, &format!("/v1/submissions/{}/attachments/{number}", handed.id)).await,
    }
}

async fn assert_readable(hub: &Hub, handed: &Handed, numbers: &[usize]) {
    let sent = handed.notice.fingerprint();
    for number in numbers {
        let right = match number {
            0 => sent.data.clone(),
            _ => sent.attachments[number - 1].1.clone(),
        };
        assert_eq!(content(hub, handed, *number).await, Got::Whole(right), "{number} of {}", handed.id);
    }
}

/// That the delivery on a step waits for a person, because its content is damaged.
async fn assert_parked(hub: &Hub, handed: &Handed, step: usize) {
    let submission = Client::of(hub, "portal").get(&format!("/v1/submissions/{}", handed.id)).await;
    let delivery = &submission["deliveries"][step];
    assert_eq!(delivery["state"], "parked", "{submission:#}");
    assert_eq!(delivery["reason"]["code"], "content-damaged", "{submission:#}");
    let german = delivery["reason"]["text"]["de"].as_str().unwrap_or_default();
    assert!(german.contains("aus der Sicherung wiederherstellen"), "{german}");
}

fn nothing_yet(_: &Value) -> bool {
    true
}

fn delivered(submission: &Value) -> bool {
    submission["state"] == "completed"
}

/// The second delivery was tried once and waits for an hour.
fn busy(submission: &Value) -> bool {
    let second = &submission["deliveries"][1];
    second["state"] == "due" && second["attempts"] == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn h8_content_that_a_segment_lost_is_neither_sent_nor_shown_and_all_else_goes_on() {
    let house = House::new().await;
    let hub = house.start();
    let notice = |number| Notice::of(number, &[30_000]);
    let read = house.hand_in(&hub, notice(0), delivered).await;
    let untouched = house.hand_in(&hub, notice(1), delivered).await;
    let tried = house.hand_in(&hub, Notice::of(2, &[20_000, 9_000]), busy).await;
    order(&hub, FOLDER, "pause").await;
    let data = house.hand_in(&hub, notice(3), nothing_yet).await;
    let between = house.hand_in(&hub, notice(4), nothing_yet).await;
    let attachment = house.hand_in(&hub, notice(5), nothing_yet).await;
    let last = house.hand_in(&hub, notice(6), nothing_yet).await;
    assert!(block_in_place(|| hub.stop()));

    // Data lie before attachments, what was made of them behind.
    for start in [read.place.start, data.place.start] {
        overwrite(&house.segment(), start + 500..start + 600);
    }
    overwrite(&house.segment(), attachment.place.end - 9000..attachment.place.end - 8999);
    overwrite(&house.segment(), tried.place.end - 300..tried.place.end - 100);

    let hub = house.start();
    let client = Client::of(&hub, "operator");
    let submission = client.get(&format!("/v1/submissions/{}", tried.id)).await;
    let path = format!("/v1/deliveries/{}/retry", submission["deliveries"][1]["id"].as_str().expect("an id"));
    let retried = client.request("POST", &path).json(&json!({ "reason": "DMS frei" })).send().await;
    assert_eq!(retried.expect("an answer").status(), StatusCode::OK);
    house.let_go(&hub, &[&read, &untouched, &tried, &data, &between, &attachment, &last]).await;
    for (handed, step) in [(&data, 0), (&attachment, 0), (&tried, 1)] {
        assert_parked(&hub, handed, step).await;
    }
    for handed in [&data, &attachment] {
        house.assert_nothing_at_dms(handed);
    }
    for handed in [&read, &untouched, &between, &last] {
        house.assert_arrived(&hub, handed).await;
    }
    assert_eq!(content(&hub, &read, 0).await, Got::Damaged);
    assert_eq!(content(&hub, &data, 0).await, Got::Damaged);
    assert_eq!(content(&hub, &attachment, 1).await, Got::Damaged);
    for (handed, numbers) in [(&read, &[1][..]), (&data, &[1]), (&attachment, &[0]), (&tried, &[0, 1, 2])] {
        assert_readable(&hub, handed, numbers).await;
    }
    for handed in [&untouched, &between, &last] {
        assert_readable(&hub, handed, &[0, 1]).await;
    }
    assert_calm(&house.setup);
}

/// A name, and what is done to the file.
type Way = (&'static str, fn(&Path));

/// How a file is damaged.
const WAYS: [Way; 4] = [
    ("cut off", |blob| {
        let file = OpenOptions::new().write(true).open(blob).expect("a blob");
        file.set_len(LARGE as u64 / 2).expect("it is cut off");
    }),
    ("flipped at the beginning", |blob| overwrite(blob, 5000..5001)),
    ("flipped at the end", |blob| overwrite(blob, LARGE as u64 - 5000..LARGE as u64 - 4999)),
    ("removed", |blob| fs::remove_file(blob).expect("a blob")),
];

#[tokio::test(flavor = "multi_thread")]
async fn h8_a_large_content_that_is_damaged_or_gone_is_neither_sent_nor_shown_and_all_else_goes_on() {
    let house = House::new().await;
    let hub = house.start();
    order(&hub, ENAIO, "pause").await;
    let large = |number| Notice::of(number, &[LARGE]);
    let first_done = |it: &Value| it["deliveries"][0]["state"] == "delivered";
    let (mut to_dms, mut to_folder) = (Vec::new(), Vec::new());
    for number in 0..WAYS.len() {
        to_dms.push(house.hand_in(&hub, large(number), first_done).await);
    }
    let other = house.hand_in(&hub, large(10), first_done).await;
    order(&hub, FOLDER, "pause").await;
    for number in 0..WAYS.len() {
        to_folder.push(house.hand_in(&hub, large(20 + number), nothing_yet).await);
    }
    let last = house.hand_in(&hub, large(30), nothing_yet).await;
    block_in_place(|| hub.kill());
    for handed in [&to_dms, &to_folder] {
        for (handed, (_, damage)) in handed.iter().zip(WAYS) {
            damage(handed.blob.as_deref().expect("a file of its own"));
        }
    }

    let hub = house.start();
    let all: Vec<_> = to_dms.iter().chain(&to_folder).chain([&other, &last]).collect();
    house.let_go(&hub, &all).await;
    for (step, handed) in [(1, &to_dms), (0, &to_folder)] {
        for (handed, (way, _)) in handed.iter().zip(WAYS) {
            eprintln!("{way}, step {step}");
            assert_parked(&hub, handed, step).await;
            house.assert_nothing_at_dms(handed);
            let shown = if way == "flipped at the end" { Got::BrokenOff } else { Got::Damaged };
            assert_eq!(content(&hub, handed, 1).await, shown, "{way}");
            assert_readable(&hub, handed, &[0]).await;
        }
    }
    for handed in [&other, &last] {
        house.assert_arrived(&hub, handed).await;
        assert_readable(&hub, handed, &[0, 1]).await;
    }
    assert_calm(&house.setup);
}

/// At most so many lines may be logged: a few for each content that is damaged.
const MOST_LINES: usize = 60;

fn assert_calm(setup: &Setup) {
    let log = setup.log();
    assert!(!log.contains("panicked"), "{log}");
    // What a test asks for again and again is answered, and logged, each time.
    let own = log.lines().filter(|line| !line.contains("rohrpost_gateway::problem"));
    let complaints = own.filter(|line| line.contains("WARN") || line.contains("ERROR")).count();
    assert!(complaints <= MOST_LINES, "{complaints} complaints: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_behind_the_last_commit_the_log_may_hold_anything() {
    let house = House::new().await;
    let hub = house.start();
    let first = house.hand_in(&hub, Notice::of(0, &[2000]), delivered).await;
    order(&hub, ENAIO, "pause").await;
    let mut all = vec![first];
    for number in 1..5 {
        all.push(house.hand_in(&hub, Notice::of(number, &[2000]), nothing_yet).await);
    }
    let wal = house.setup.path("data/rohrpost.sqlite-wal");
    // What a frame begins with, and nonsense; and a piece of the log once more, which was valid in its own place.
    type Tail = fn(&[u8]) -> Vec<u8>;
    let tails: [Tail; 3] = [
        |_| vec![0xa5; 10_000],
        |log| log[32..log.len().min(32 + 3 * 4120)].to_vec(),
        |log| log[..100].to_vec(),
    ];
    let mut hub = hub;
    for tail in tails {
        block_in_place(|| hub.kill());
        let log = fs::read(&wal).expect("the log");
        assert!(log.len() > 4152, "there is no log");
        let mut file = OpenOptions::new().append(true).open(&wal).expect("the log");
        file.write_all(&tail(&log)).expect("a tail");
        drop(file);
        hub = house.start();
        for handed in &all {
            assert_readable(&hub, handed, &[0, 1]).await;
        }
        all.push(house.hand_in(&hub, Notice::of(all.len(), &[2000]), nothing_yet).await);
    }
    house.let_go(&hub, &all.iter().collect::<Vec<_>>()).await;
    for handed in &all {
        house.assert_arrived(&hub, handed).await;
    }
    assert_calm(&house.setup);
}
