//! A large attachment goes in and out in pieces: the hub never holds it whole.

use super::{Answered, sample, text};
use crate::support::client::Client;
use crate::support::hub::{AREA, Hub, SERVICE, Setup};
use axum::Router;
use axum::extract::{Request, State};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use rohrpost_model::Digest;
use rohrpost_model::digest::Hasher;
use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// The attachment. What grows with it shows at this size, too.
const SIZE: u64 = 200 << 20;

/// The most memory that the hub may ever have held, in bytes.
const MEMORY: u64 = 150 << 20;

const PIECE: usize = 64 << 10;

/// Bytes that no compression makes smaller and no repetition hides: a fixed sequence of a xorshift generator.
fn content() -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let pieces = (0..SIZE / PIECE as u64).map(move |_| {
        let words = (0..PIECE / 8).flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        Ok(words.collect())
    });
    stream::iter(pieces)
}

/// Size and SHA-256 of what comes.
async fn digested<E: std::fmt::Debug>(
    mut pieces: impl Stream<Item = Result<Bytes, E>> + Unpin,
) -> (u64, Digest) {
    let (mut size, mut hasher) = (0, Hasher::default());
    while let Some(piece) = pieces.next().await {
        let piece = piece.expect("a piece");
        size += piece.len() as u64;
        hasher.update(&piece);
    }
    (size, hasher.finish())
}

fn digested_file(path: &Path) -> (u64, Digest) {
    let (mut file, mut size, mut hasher) = (File::open(path).expect("a file"), 0, Hasher::default());
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).expect("it can be read") {
            0 => return (size, hasher.finish()),
            length => {
                size += length as u64;
                hasher.update(&piece[..length]);
            }
        }
    }
}

/// A DMS that keeps nothing but size and SHA-256 of each file.
#[derive(Clone, Default)]
struct Dms(Arc<Mutex<Vec<(u64, Digest)>>>);

impl Dms {
    async fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let app = Router::new().fallback(take).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        address
    }
}

async fn take(State(dms): State<Dms>, request: Request) -> &'static str {
    let boundary = request.headers()["content-type"].to_str().map(multer::parse_boundary);
    let boundary = boundary.expect("a Content-Type").expect("a boundary");
    let mut parts = multer::Multipart::new(request.into_body().into_data_stream(), boundary);
    while let Some(part) = parts.next_field().await.expect("a part") {
        if part.name() == Some("file") {
            let taken = digested(part).await;
            dms.0.lock().expect("no panic").push(taken);
        }
    }
    "4711"
}

/// The most memory that the process has held so far, in bytes.
fn peak(hub: &Hub) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", hub.pid())).expect("its status");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("its peak");
    line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok()).expect("a number") * 1024
}

async fn hand_in(portal: &Client) -> String {
    let said = format!(r#"{{"service":"{SERVICE}","area":"{AREA}"}}"#);
    let part = |bytes: Vec<u8>, kind: &str| Part::bytes(bytes).mime_str(kind).expect("a media type");
    let large = Part::stream_with_length(Body::wrap_stream(content()), SIZE);
    let large = large.file_name("plan.pdf").mime_str("application/pdf").expect("a media type");
    let form = Form::new()
        .part("metadata", part(said.into_bytes(), "application/json"))
        .part("data", part(sample("brunnenbohrung-1.xml"), "application/xml"))
        .part("attachment", large);
    let answer = portal.request("POST", "/v1/submissions").multipart(form).send().await.expect("an answer");
    text(&Answered::of(answer).await.accepted(), "id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_attachment_goes_in_and_out_with_little_memory() {
    let dms = Dms::default();
    let setup = Setup::new(dms.start().await);
    let hub = setup.start();
    let expected = digested(content()).await;
    assert_eq!(expected.0, SIZE);
    let portal = Client::of(&hub, "portal");
    let id = hand_in(&portal).await;
    let taken_in = peak(&hub);
    let path = format!("/v1/submissions/{id}/attachments/1");
    let download = portal.request("GET", &path).send().await.expect("an answer");
    assert_eq!(digested(download.bytes_stream().boxed()).await, expected, "handed out again");

    portal.completed(&id).await;
    assert_eq!(*dms.0.lock().expect("no panic"), [expected], "over HTTP");
    let folder = std::fs::read_dir(setup.path("fachverfahren")).expect("the folder").flatten();
    let file = folder.map(|entry| entry.path()).find(|path| path.to_string_lossy().ends_with("plan.pdf"));
    assert_eq!(digested_file(&file.expect("the attachment")), expected, "in the folder");
    println!("peak after intake {} MiB, at the end {} MiB", taken_in >> 20, peak(&hub) >> 20);
    assert!(peak(&hub) < MEMORY, "{} MiB", peak(&hub) >> 20);
}
