//! Compares what was sent with what arrived, and with what the hub shows.

use super::digest;
use super::life::{Unknown, assert_allowed};
use super::notice::{Fingerprint, Handed, MARK};
use crate::support::client::Client;
use crate::support::sink::Recorded;
use crate::support::wire::Seen;
use futures::{StreamExt as _, stream};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

/// A unit that the Fachverfahren found in its folder.
pub struct Unit {
    delivery: String,
    message: String,
    /// Name and SHA-256 of each attachment, in order.
    attachments: Vec<(String, String)>,
}

impl Unit {
    /// Takes all units away, by submission. Every file of the folder belongs to exactly one, is there, and is what its
    /// sidecar says.
    pub fn take_all(folder: &Path) -> HashMap<String, Self> {
        let mut files: BTreeMap<String, Vec<u8>> = fs::read_dir(folder)
            .expect("the folder")
            .flatten()
            .filter(|entry| entry.file_type().expect("a kind of file").is_file())
            .map(|entry| {
                let bytes = fs::read(entry.path()).expect("a file of the Fachverfahren");
                fs::remove_file(entry.path()).expect("the Fachverfahren takes it");
                (entry.file_name().into_string().expect("a name"), bytes)
            })
            .collect();
        let sidecars: Vec<_> = files.keys().filter(|name| name.ends_with(".meta.json")).cloned().collect();
        let mut units = HashMap::new();
        for name in sidecars {
            let sidecar = files.remove(&name).expect("the sidecar");
            let sidecar: Value = serde_json::from_slice(&sidecar).expect("JSON");
            let submission = sidecar["submissionId"].as_str().expect("an id").to_owned();
            let unit = Self::of(&sidecar, &mut files);
            assert!(units.insert(submission, unit).is_none(), "{name}: a second unit of its submission");
        }
        assert!(files.is_empty(), "files of no unit: {:?}", files.keys());
        units
    }

    fn of(sidecar: &Value, files: &mut BTreeMap<String, Vec<u8>>) -> Self {
        let delivery = sidecar["deliveryId"].as_str().expect("an id").to_owned();
        let mut unit = Self { delivery, message: String::new(), attachments: Vec::new() };
        for part in sidecar["parts"].as_array().expect("parts") {
            let name = part["file"].as_str().expect("a file");
            let bytes = files.remove(name).unwrap_or_else(|| panic!("{name} is missing, or in two units"));
            let hash = digest(&bytes);
            assert_eq!(part["sha256"], hash, "{name}");
            match part["role"].as_str() {
                Some("message") => unit.message = String::from_utf8(bytes).expect("XML in UTF-8"),
                Some("attachment") => {
                    unit.attachments.push((part["name"].as_str().expect("a name").to_owned(), hash));
                }
                role => panic!("{name} is a {role:?}"),
            }
        }
        unit
    }
}

/// What arrived at the DMS.
pub struct Arrivals {
    /// What came under each key.
    by_key: HashMap<String, Arrival>,
}

/// What came under one key, as often as it came.
struct Arrival {
    /// Its requests, those that tore included.
    seen: Vec<Seen>,
    /// What it brought, if it came whole at least once.
    content: Option<Content>,
}

struct Content {
    index_data: String,
    attachments: Vec<(String, String)>,
}

impl Arrivals {
    /// Takes the requests apart. Under one key there may be one body only (promise H4).
    pub async fn of(seen: Vec<Seen>) -> Self {
        let mut requests: HashMap<String, Vec<Seen>> = HashMap::new();
        for seen in seen {
            requests.entry(seen.request.key()).or_default().push(seen);
        }
        assert!(!requests.contains_key(""), "a request without a key");
        let mut by_key = HashMap::new();
        for (key, seen) in requests {
            by_key.insert(key, Arrival::of(seen).await);
        }
        Self { by_key }
    }

    /// How many requests came whole.
    pub fn whole(&self) -> usize {
        self.by_key.values().flat_map(|arrival| &arrival.seen).filter(|seen| seen.whole).count()
    }

    /// The keys that the DMS took, and how often.
    pub fn taken(&self) -> HashMap<&str, usize> {
        let times = |arrival: &Arrival| arrival.seen.iter().filter(|seen| seen.taken()).count();
        let taken = self.by_key.iter().map(|(key, arrival)| (key.as_str(), times(arrival)));
        taken.filter(|(_, times)| *times > 0).collect()
    }

    /// How many keys the DMS took more than once.
    pub fn doubled(&self) -> usize {
        self.taken().values().filter(|times| **times > 1).count()
    }

    /// How often the DMS did what the script of this name says.
    pub fn count(&self, script: &str) -> usize {
        let all = self.by_key.values().flat_map(|arrival| &arrival.seen);
        all.filter(|seen| seen.script == script).count()
    }
}

/// Both have the same body under the same media type; of one that tore, what was announced is the same.
fn assert_the_same(one: &Recorded, other: &Recorded) {
    for header in ["content-type", "content-length"] {
        assert_eq!(one.headers[header], other.headers[header], "{}", one.key());
    }
    let torn = one.body.is_empty() || other.body.is_empty();
    assert!(torn || one.body == other.body, "{} came with two bodies", one.key());
}

impl Arrival {
    async fn of(mut seen: Vec<Seen>) -> Self {
        // What came whole stands first, so that all bodies are compared with one.
        seen.sort_by_key(|seen| !seen.whole);
        for other in &seen {
            assert_the_same(&seen[0].request, &other.request);
        }
        let content = match seen.first().filter(|seen| seen.whole) {
            Some(whole) => Some(Content::of(&whole.request).await),
            None => None,
        };
        Self { seen, content }
    }
}

impl Content {
    async fn of(request: &Recorded) -> Self {
        let media_type = request.headers["content-type"].to_str().expect("a media type");
        let boundary = multer::parse_boundary(media_type).expect("a boundary");
        let body = stream::iter([Ok::<_, std::io::Error>(request.body.clone())]);
        let mut parts = multer::Multipart::new(body, boundary);
        let mut content = Self { index_data: String::new(), attachments: Vec::new() };
        while let Some(part) = parts.next_field().await.expect("a part") {
            let file = part.file_name().map(str::to_owned);
            match part.name() {
                Some("data") => content.index_data = part.text().await.expect("text"),
                Some("file") => {
                    let bytes = part.bytes().await.expect("bytes");
                    content.attachments.push((file.expect("a name"), digest(&bytes)));
                }
                name => panic!("an unexpected part {name:?}"),
            }
        }
        content
    }
}

/// The marks of notices in a text.
fn marks(text: &str) -> BTreeSet<&str> {
    let mark = |(at, _)| text.get(at..at + MARK.len() + "00-0000".len()).expect("a whole mark");
    text.match_indices(MARK).map(mark).collect()
}

fn assert_of(sent: &Fingerprint, text: &str, attachments: &[(String, String)]) {
    assert_eq!(marks(text), BTreeSet::from([sent.mark.as_str()]), "mixed with another notice: {text}");
    assert_eq!(attachments, sent.attachments, "{}: attachments", sent.mark);
}

/// How many notices are looked at together.
const AT_ONCE: usize = 4;

/// Every acknowledged notice arrived once in the folder and under one key at the DMS, whole and unmixed, and the hub
/// shows it so: what came again at the DMS had to be unknown, and allowed to come again. And nothing else arrived.
pub async fn reconcile(
    client: &Client,
    handed: &[Handed],
    mut units: HashMap<String, Unit>,
    arrivals: &Arrivals,
    unknown: Unknown,
) {
    let look = |handed| {
        let unit = units.remove(&Handed::id(handed));
        (handed, unit.unwrap_or_else(|| panic!("{} is not in the folder", handed.sent.mark)))
    };
    let pairs: Vec<_> = handed.iter().map(look).collect();
    assert!(units.is_empty(), "in the folder, and never acknowledged: {:?}", units.keys());
    let keys = stream::iter(pairs).map(|(handed, unit)| arrived(client, handed, unit, arrivals, unknown));
    let keys: Vec<_> = keys.buffer_unordered(AT_ONCE).collect().await;
    let keys: BTreeSet<_> = keys.into_iter().collect();
    assert_eq!(keys.len(), handed.len(), "two notices under one key");
    for key in arrivals.by_key.keys() {
        assert!(keys.contains(key), "{key} arrived at the DMS and was never acknowledged");
    }
}

/// The key under which it came.
async fn arrived(
    client: &Client,
    handed: &Handed,
    unit: Unit,
    arrivals: &Arrivals,
    unknown: Unknown,
) -> String {
    let id = handed.id();
    assert_of(&handed.sent, &unit.message, &unit.attachments);
    assert!(unit.message.contains(&id), "the message names its submission");
    let submission = client.get(&format!("/v1/submissions/{id}")).await;
    let deliveries = submission["deliveries"].as_array().expect("deliveries");
    assert_eq!(deliveries.len(), 2, "{submission:#}");
    assert_eq!(deliveries[0]["id"], unit.delivery, "{submission:#}");
    let key = deliveries[1]["id"].as_str().expect("an id").to_owned();
    let arrival = arrivals.by_key.get(&key);
    let content = arrival.and_then(|arrival| arrival.content.as_ref());
    let content = content.unwrap_or_else(|| panic!("{key} is not in the DMS: {submission:#}"));
    assert_of(&handed.sent, &content.index_data, &content.attachments);
    assert!(content.index_data.contains(&id), "the index data name their submission");
    let detail = client.get(&format!("/v1/deliveries/{key}")).await;
    let seen: Vec<_> = arrival.into_iter().flat_map(|arrival| &arrival.seen).collect();
    assert_allowed(&detail, &seen, unknown);
    assert_kept(client, &id, &handed.sent).await;
    key
}

/// The hub gives back what was handed in, byte for byte.
async fn assert_kept(client: &Client, id: &str, sent: &Fingerprint) {
    let fetch = async |path: String| {
        let response = client.request("GET", &path).send().await.expect("an answer");
        assert!(response.status().is_success(), "{path}: {}", response.status());
        digest(&response.bytes().await.expect("the content"))
    };
    assert_eq!(fetch(format!("/v1/submissions/{id}/data")).await, sent.data);
    for (index, (_, hash)) in sent.attachments.iter().enumerate() {
        assert_eq!(&fetch(format!("/v1/submissions/{id}/attachments/{}", index + 1)).await, hash);
    }
}
