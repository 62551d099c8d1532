//! Compares what was sent with what arrived, and with what the hub shows.

use super::digest;
use super::notice::{Fingerprint, Handed, MARK};
use crate::support::client::Client;
use crate::support::sink::{Recorded, Sink};
use futures::stream;
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
    /// All units by submission. Every file of the folder belongs to exactly one, is there, and is what its sidecar says.
    pub fn all(folder: &Path) -> HashMap<String, Self> {
        let mut files: BTreeMap<String, Vec<u8>> = fs::read_dir(folder)
            .expect("the folder")
            .flatten()
            .filter(|entry| entry.file_type().expect("a kind of file").is_file())
            .map(|entry| {
                let bytes = fs::read(entry.path()).expect("a file of the Fachverfahren");
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
    /// All requests.
    pub requests: usize,
    /// What came under each key.
    pub by_key: HashMap<String, Arrival>,
}

/// What came under one key, as often as it came.
pub struct Arrival {
    times: usize,
    index_data: String,
    attachments: Vec<(String, String)>,
}

impl Arrivals {
    /// Takes the requests apart. Under one key there may be one body only (promise H4).
    pub async fn of(dms: &Sink) -> Self {
        let requests = dms.requests();
        let mut bodies: HashMap<String, (usize, &Recorded)> = HashMap::new();
        for request in &requests {
            let (times, first) = bodies.entry(request.key()).or_insert((0, request));
            *times += 1;
            assert_eq!(first.body, request.body, "{} came with two bodies", request.key());
            assert_eq!(first.headers["content-type"], request.headers["content-type"]);
        }
        assert!(!bodies.contains_key(""), "a request without a key");
        let mut by_key = HashMap::new();
        for (key, (times, request)) in bodies {
            by_key.insert(key, Arrival::of(times, request).await);
        }
        Self { requests: requests.len(), by_key }
    }
}

impl Arrival {
    async fn of(times: usize, request: &Recorded) -> Self {
        let media_type = request.headers["content-type"].to_str().expect("a media type");
        let boundary = multer::parse_boundary(media_type).expect("a boundary");
        let body = stream::iter([Ok::<_, std::io::Error>(request.body.clone())]);
        let mut parts = multer::Multipart::new(body, boundary);
        let mut arrival = Self { times, index_data: String::new(), attachments: Vec::new() };
        while let Some(part) = parts.next_field().await.expect("a part") {
            let file = part.file_name().map(str::to_owned);
            match part.name() {
                Some("data") => arrival.index_data = part.text().await.expect("text"),
                Some("file") => {
                    let bytes = part.bytes().await.expect("bytes");
                    arrival.attachments.push((file.expect("a name"), digest(&bytes)));
                }
                name => panic!("an unexpected part {name:?}"),
            }
        }
        arrival
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

/// Every acknowledged notice arrived once in the folder and under one key at the DMS, whole and unmixed, and the hub
/// shows it so; and nothing else arrived.
pub async fn reconcile(
    client: &Client,
    handed: &[Handed],
    mut units: HashMap<String, Unit>,
    arrivals: &Arrivals,
) {
    let mut keys = BTreeSet::new();
    for handed in handed {
        let id = handed.id();
        let unit = units.remove(&id).unwrap_or_else(|| panic!("{} is not in the folder", handed.sent.mark));
        assert_of(&handed.sent, &unit.message, &unit.attachments);
        assert!(unit.message.contains(&id), "the message names its submission");
        let submission = client.get(&format!("/v1/submissions/{id}")).await;
        let deliveries = submission["deliveries"].as_array().expect("deliveries");
        assert_eq!(deliveries.len(), 2, "{submission:#}");
        assert_eq!(deliveries[0]["id"], unit.delivery, "{submission:#}");
        let key = deliveries[1]["id"].as_str().expect("an id");
        let arrival = arrivals.by_key.get(key).unwrap_or_else(|| panic!("{key} is not in the DMS"));
        assert_of(&handed.sent, &arrival.index_data, &arrival.attachments);
        assert!(arrival.index_data.contains(&id), "the index data name their submission");
        assert!(keys.insert(key.to_owned()), "{key} is there twice");
        assert_attempts(client, &deliveries[1], arrival).await;
        assert_kept(client, &id, &handed.sent).await;
    }
    assert!(units.is_empty(), "in the folder, and never acknowledged: {:?}", units.keys());
    assert_eq!(keys.len(), arrivals.by_key.len(), "something arrived at the DMS that was never acknowledged");
}

/// No arrival without an attempt, and all attempts sent the same.
async fn assert_attempts(client: &Client, delivery: &Value, arrival: &Arrival) {
    let detail = client.get(&format!("/v1/deliveries/{}", delivery["id"].as_str().expect("an id"))).await;
    let attempts = detail["attemptLog"].as_array().expect("attempts");
    assert!(arrival.times <= attempts.len(), "it arrived {} times: {detail:#}", arrival.times);
    let sent: BTreeSet<_> =
        attempts.iter().map(|attempt| attempt["sentSha256"].as_str().expect("a digest")).collect();
    assert_eq!(sent.len(), 1, "{detail:#}");
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
