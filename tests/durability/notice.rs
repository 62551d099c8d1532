//! Notices of which each can be told from all others wherever its content turns up, and their senders.

use super::digest;
use crate::support::client::Client;
use crate::support::hub::root;
use reqwest::StatusCode;
use serde_json::Value;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Stored contents above this become files of their own.
const FILE_BYTES: usize = 256 << 10;

/// The attachments that the sample names.
const NAMES: [&str; 2] = ["lageplan.pdf", "vollmacht.pdf"];

/// A valid notice with a mark and attachments of its own. It can be made again out of its seed.
#[derive(Clone)]
pub struct Notice {
    /// The sender's idempotency key.
    pub key: String,
    /// Stands in the notice, in the message for the Fachverfahren and in the index data of the DMS.
    pub mark: String,
    pub xml: Vec<u8>,
    pub attachments: Vec<(&'static str, Vec<u8>)>,
}

/// What a notice's mark begins with.
pub const MARK: &str = "Kennung-";

impl Notice {
    /// Notice `number` of a sender.
    pub fn new(seed: u64, sender: usize, number: usize) -> Self {
        let mut random =
            fastrand::Rng::with_seed(seed.wrapping_add((sender as u64) << 32).wrapping_add(number as u64));
        let attachments = (0..=random.usize(..2)).map(|index| (NAMES[index], content(&mut random))).collect();
        Self::with(format!("absender-{sender}-{number}"), sender, number, attachments)
    }

    /// A notice with these attachments.
    pub fn of(number: usize, sizes: &[usize]) -> Self {
        let mut random = fastrand::Rng::with_seed(number as u64);
        let attached =
            sizes.iter().zip(NAMES).map(|(size, name)| (name, (0..*size).map(|_| random.u8(..)).collect()));
        Self::with(format!("einzeln-{number}"), 99, number, attached.collect())
    }

    fn with(key: String, sender: usize, number: usize, attachments: Vec<(&'static str, Vec<u8>)>) -> Self {
        let mark = format!("{MARK}{sender:02}-{number:04}");
        let sample = root().join("config/samples/brunnenbohrung-1.xml");
        let sample = std::fs::read_to_string(sample).expect("the sample");
        let parcel = 10_000 + sender * 800 + number % 800;
        let xml = sample
            .replace("<zaehler>123</zaehler>", &format!("<zaehler>{parcel}</zaehler>"))
            .replace("Brunnen zur Bewässerung", &format!("{mark}: Brunnen zur Bewässerung"));
        assert!(xml.contains(&mark), "the sample has no place for the mark");
        Self { key, mark, xml: xml.into_bytes(), attachments }
    }

    /// What was sent, as it must be found again.
    pub fn fingerprint(&self) -> Fingerprint {
        let attachments =
            self.attachments.iter().map(|(name, bytes)| ((*name).to_owned(), digest(bytes))).collect();
        Fingerprint { mark: self.mark.clone(), data: digest(&self.xml), attachments }
    }
}

/// Mostly small, sometimes large enough to become a file.
fn content(random: &mut fastrand::Rng) -> Vec<u8> {
    let size = match random.u8(..8) {
        0 | 1 => random.usize(FILE_BYTES + 1..2 * FILE_BYTES),
        2 => random.usize(FILE_BYTES - 64..FILE_BYTES + 64),
        _ => random.usize(1..40_000),
    };
    (0..size).map(|_| random.u8(..)).collect()
}

/// The hashes of a notice's parts.
#[derive(Clone, Debug)]
pub struct Fingerprint {
    pub mark: String,
    /// SHA-256 of the data.
    pub data: String,
    /// Name and SHA-256 of each attachment, in order.
    pub attachments: Vec<(String, String)>,
}

/// A notice that was acknowledged.
pub struct Handed {
    pub sender: usize,
    pub number: usize,
    pub sent: Fingerprint,
    /// The hub's answer, byte for byte.
    pub answer: String,
}

impl Handed {
    /// The submission's id.
    pub fn id(&self) -> String {
        let answer: Value = serde_json::from_str(&self.answer).expect("JSON");
        answer["id"].as_str().expect("an id").to_owned()
    }
}

/// How often a sender tries one notice, at most twice in a second.
const MOST_TRIES: u32 = 200;

/// Hands in until acknowledged, over every crash: each repetition under the same key. Returns the answer, byte for
/// byte, and how often it was tried.
pub async fn hand_in(client: &Client, notice: &Notice, hub: &mut watch::Receiver<String>) -> (String, u32) {
    for tries in 1..=MOST_TRIES {
        let client = client.moved_to(&hub.borrow_and_update().clone());
        if let Some(answer) = hand_in_once(&client, notice).await {
            return (answer, tries);
        }
        // The hub is gone and comes back elsewhere; if it was only the connection, it is still where it was.
        let _ = tokio::time::timeout(Duration::from_millis(500), hub.changed()).await;
    }
    panic!("{} was not acknowledged after {MOST_TRIES} tries", notice.key)
}

/// `None` if nobody knows whether it arrived, or the hub says that it cannot take it now.
async fn hand_in_once(client: &Client, notice: &Notice) -> Option<String> {
    let response = client.submit(&notice.xml, &notice.attachments, Some(&notice.key)).await.ok()?;
    let status = response.status();
    let answer = response.text().await.ok()?;
    match status {
        StatusCode::ACCEPTED => Some(answer),
        StatusCode::SERVICE_UNAVAILABLE => None,
        _ => panic!("{} was answered {status}: {answer}", notice.key),
    }
}

/// Senders that hand in notice after notice.
pub struct Senders {
    tasks: JoinSet<Load>,
    over: watch::Sender<bool>,
}

/// What senders did.
#[derive(Default)]
pub struct Load {
    pub handed: Vec<Handed>,
    /// How often the same was handed in again because nobody had answered.
    pub repeated: u32,
}

impl Senders {
    /// Starts so many, each with notices of its own, to the hub whose address `hub` tells.
    pub fn start(seed: u64, count: usize, client: &Client, hub: &watch::Receiver<String>) -> Self {
        Self::start_from(0, seed, count, client, hub)
    }

    /// The same; the notices of each are numbered from `first`.
    pub fn start_from(
        first: usize,
        seed: u64,
        count: usize,
        client: &Client,
        hub: &watch::Receiver<String>,
    ) -> Self {
        let (over, ended) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for sender in 0..count {
            tasks.spawn(send(seed, (sender, first), client.clone(), hub.clone(), ended.clone()));
        }
        Self { tasks, over }
    }

    /// Lets each hand in what it is about to hand in, until it is acknowledged.
    pub async fn end(mut self) -> Load {
        self.over.send_replace(true);
        let mut load = Load::default();
        while let Some(sent) = self.tasks.join_next().await {
            let sent = sent.expect("a sender");
            load.handed.extend(sent.handed);
            load.repeated += sent.repeated;
        }
        load
    }
}

async fn send(
    seed: u64,
    (sender, first): (usize, usize),
    client: Client,
    mut hub: watch::Receiver<String>,
    over: watch::Receiver<bool>,
) -> Load {
    let mut random = fastrand::Rng::with_seed(seed ^ sender as u64);
    let mut load = Load::default();
    while !*over.borrow() {
        let number = first + load.handed.len();
        let notice = Notice::new(seed, sender, number);
        let (answer, tries) = hand_in(&client, &notice, &mut hub).await;
        load.repeated += tries - 1;
        if random.u8(..4) == 0 {
            let (again, _) = hand_in(&client, &notice, &mut hub).await;
            assert_eq!(again, answer, "a repetition gets the same answer");
        }
        load.handed.push(Handed { sender, number, sent: notice.fingerprint(), answer });
        tokio::time::sleep(Duration::from_millis(random.u64(50..600))).await;
    }
    load
}
