//! A mapping that is changed while the hub is busy: when it takes effect, that nothing is lost over it, and that every
//! document is of the version which its delivery pinned.

use super::mending::begin_with;
use super::{Desk, House, Word, text};
use crate::support::client::{Client, until};
use crate::support::hub::Setup;
use rohrpost_mappings::Bundle;
use rohrpost_model::Digest;
use rohrpost_model::ports::Versions as _;
use rohrpost_model::version::VersionKind;
use rohrpost_seal::{KeyFolder, parse_hub_key};
use rohrpost_store::{SqliteStore, StoreOptions};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const MAPPING: &str = "brunnenbohrung-xfall";

/// How many versions follow each other, after the first.
const CHANGES: usize = 5;

const SENDERS: usize = 6;

/// Two seconds is the bound for a release build. A debug build is many times slower at compiling the library's mappings;
/// other tests run beside this one.
const BOUND: Duration = if cfg!(debug_assertions) { Duration::from_secs(10) } else { Duration::from_secs(2) };

/// How many may be on their way at most.
const AHEAD: usize = 40;

/// What stands in every document that version `number` of the mapping makes.
fn stamped(number: usize) -> String {
    format!("<xsl:comment>fassung-{number}</xsl:comment>")
}

/// The stamp in a stylesheet, or in what it made.
fn stamp(text: &[u8]) -> usize {
    let text = String::from_utf8_lossy(text);
    let rest = text.split("fassung-").nth(1).expect("a stamp");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

/// A submission that was acknowledged, and the last version that was confirmed as active before it was handed in.
struct Sent {
    id: String,
    after: usize,
}

/// What the senders share.
#[derive(Default)]
struct Load {
    stop: AtomicBool,
    /// The last version that was confirmed as active.
    confirmed: AtomicUsize,
    acknowledged: AtomicUsize,
}

/// Hands in one after the other until it is told to stop, as fast as the desk takes them: what is accepted beyond that waits
/// for its turn, and how long says nothing of configurations. Nothing may be refused.
async fn send(portal: Client, desk: Desk, load: Arc<Load>) -> Vec<Sent> {
    let (xml, mut sent) = (crate::face::sample("brunnenbohrung-1.xml"), Vec::new());
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    while !load.stop.load(Ordering::SeqCst) {
        if load.acknowledged.load(Ordering::SeqCst) >= came(&desk) + AHEAD {
            looks.tick().await;
            continue;
        }
        let after = load.confirmed.load(Ordering::SeqCst);
        let answer = portal.submit(&xml, &[], None).await.expect("an answer");
        assert_eq!(answer.status(), 202, "nothing is refused meanwhile");
        load.acknowledged.fetch_add(1, Ordering::SeqCst);
        let answer: Value = answer.json().await.expect("JSON");
        sent.push(Sent { id: text(&answer, "id").to_owned(), after });
    }
    sent
}

fn came(desk: &Desk) -> usize {
    desk.seen.lock().expect("no panic while recording").len()
}

/// Whether a document of this version came after the first `looked_at`, which it counts on.
fn came_of(desk: &Desk, number: usize, looked_at: &mut usize) -> bool {
    let seen = desk.seen.lock().expect("no panic while recording");
    let new = &seen[*looked_at..];
    *looked_at = seen.len();
    new.iter().any(|seen| stamp(&seen.body) == number)
}

/// The digest of the mapping in each version that was active, by the API.
async fn digests_of_versions(house: &House) -> Vec<String> {
    let operator = house.operator();
    let page = operator.get("/v1/config/versions").await;
    let mut digests = Vec::new();
    for activation in page["activations"].as_array().expect("activations").iter().rev() {
        let version = operator.get(&format!("/v1/config/versions/{}", text(activation, "version"))).await;
        digests.push(text(&version["mappings"], MAPPING).to_owned());
    }
    digests
}

/// The stamp in the stylesheet of each mapping, told by the store of a hub that was stopped.
async fn kept_stamps(setup: &Setup, digests: &[String]) -> Vec<usize> {
    let key = fs::read_to_string(setup.config().join("secrets/hub.key")).expect("the hub key");
    let key = parse_hub_key(key.trim()).expect("a hub key");
    let vault = Arc::new(KeyFolder::open(&setup.path("keys"), &key).expect("the keys"));
    let store = SqliteStore::open(&setup.path("data"), vault, StoreOptions::default()).expect("the store");
    let mut stamps = Vec::new();
    for digest in digests {
        let bundle = store.load(VersionKind::Mapping, &digest.parse().expect("a digest")).await;
        let bundle = Bundle::from_bytes(&bundle.expect("readable").expect("kept")).expect("a bundle");
        stamps.push(stamp(&bundle.files["transform.xsl"]));
    }
    stamps
}

/// Changes the mapping `CHANGES` times, and tells how long each took from the order to the first document at the desk.
#[allow(clippy::disallowed_methods)] // when it takes effect is measured by the test
async fn change_again_and_again(house: &House, load: &Load) -> Vec<Duration> {
    let (mut took, mut looked_at) = (Vec::new(), 0);
    let operator = house.operator();
    for number in 1..=CHANGES {
        begin_with(&house.setup, &stamped(number));
        let begun = Instant::now();
        let order = operator.request("POST", "/v1/config/activate").json(&json!({ "reason": "berichtigt" }));
        assert_eq!(order.send().await.expect("an answer").status(), 200);
        load.confirmed.store(number, Ordering::SeqCst);
        until(async || came_of(&house.desk, number, &mut looked_at)).await;
        took.push(begun.elapsed());
    }
    took
}

/// What came to the desk, by delivery: each once.
fn documents(house: &House) -> BTreeMap<String, Vec<u8>> {
    let mut documents = BTreeMap::new();
    for seen in house.desk.handed_over() {
        let twice = documents.insert(seen.key.clone(), seen.body.to_vec());
        assert!(twice.is_none(), "{} came twice", seen.key);
    }
    documents
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn h8_a_mapping_changed_under_load_takes_effect_soon_and_every_document_is_of_its_pinned_version() {
    let house = House::mapping(Word::Take, &stamped(0)).await;
    let load = Arc::new(Load::default());
    let sender =
        || tokio::spawn(send(Client::of(&house.hub, "portal"), house.desk.clone(), Arc::clone(&load)));
    let senders: Vec<_> = (0..SENDERS).map(|_| sender()).collect();
    until(async || came(&house.desk) > 0).await;
    let took = change_again_and_again(&house, &load).await;
    load.stop.store(true, Ordering::SeqCst);
    let mut sent = Vec::new();
    for sender in senders {
        sent.extend(sender.await.expect("a sender"));
    }
    println!("{} submissions by {SENDERS} senders; each change took effect after {took:?}", sent.len());
    assert!(took.iter().all(|took| *took < BOUND), "{took:?}");

    let digests = digests_of_versions(&house).await;
    assert_eq!(digests.iter().collect::<BTreeSet<_>>().len(), CHANGES + 1, "each change is a version");
    let mut pinned = BTreeMap::new();
    let operator = house.operator();
    for Sent { id, after } in &sent {
        let submission = operator.completed(id).await;
        let shown =
            operator.get(&format!("/v1/deliveries/{}", text(&submission["deliveries"][0], "id"))).await;
        let used = text(&shown["pinned"], "mappingSha256");
        let number = digests.iter().position(|digest| digest == used).expect("a version that was active");
        assert!(number >= *after, "accepted after {after} was confirmed, and made by {number}");
        let attempts = shown["attemptLog"].as_array().expect("attempts");
        assert_eq!(attempts.len(), 1, "{shown:#}");
        pinned
            .insert(text(&shown, "id").to_owned(), (number, text(&attempts[0], "contentSha256").to_owned()));
    }
    let documents = documents(&house);
    let came = documents.iter().map(|(id, body)| (id.clone(), (stamp(body), Digest::of(body).to_string())));
    assert_eq!(came.collect::<BTreeMap<_, _>>(), pinned, "each document is of the version that is pinned");
    assert_eq!(pinned.len(), sent.len(), "and none is missing");
    let used: BTreeSet<_> = pinned.values().map(|(number, _)| *number).collect();
    assert_eq!(used.len(), CHANGES + 1, "every version was used under load: {used:?}");
    assert!(sent.iter().any(|sent| sent.after < CHANGES), "they handed in all the while");

    let House { setup, hub, desk: _ } = house;
    assert!(tokio::task::block_in_place(|| hub.stop()));
    assert_eq!(kept_stamps(&setup, &digests).await, (0..=CHANGES).collect::<Vec<_>>());
}
