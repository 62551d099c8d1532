use super::{TOKEN, async_trait, target};
use futures::stream;
use rohrpost_kit::conformance::{Cut, Mood, Peer, REST};
use rohrpost_model::digest::Hasher;
use rohrpost_model::ports::{HIDDEN, Piece, Preview, Sends, Target};
use rohrpost_model::{DeliveryId, Digest};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// A server that takes multipart deliveries and knows which it has.
pub(super) struct HttpPeer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// The digests of the parts, and of the body as it came.
type Arrival = (Vec<Digest>, Digest);

struct Shared {
    deduplicates: bool,
    mood: Mutex<Mood>,
    /// The step of a probe that fails.
    broken: Mutex<String>,
    /// How many requests were neither questions nor probes.
    takes: AtomicUsize,
    requests: AtomicUsize,
    /// The request that it is cut off at.
    cut: Mutex<Option<(usize, Cut)>>,
    taken: Mutex<HashMap<String, Vec<Arrival>>>,
    reached: Notify,
    /// Of every delivery that came in.
    heads: Mutex<Vec<Head>>,
}

const SETTINGS: &str = r#"
[http]
url = "http://127.0.0.1:{port}/deliveries"
deduplicates = {deduplicates}
auth = { bearer = { token = { file = "token" } } }
[[http.part]]
name = "data"
content = "message"
file-name = "{case}.xml"
[[http.part]]
name = "signature"
content = "signature"
[[http.part]]
name = "{document}"
content = "documents"
file-name = "{case}-{document}.json"
[[http.part]]
name = "file{attachment-number}"
content = "attachments"
[http.answer]
reference = { json-pointer = "/id" }
[http.inquire]
url = "http://127.0.0.1:{port}/deliveries/{delivery-id}"
absent = [404]
reference = { json-pointer = "/id" }
[http.probe]
url = "http://127.0.0.1:{port}/session?secret={secret}"
"#;

/// What stands in the query of the probe's address.
const SECRET: &str = "sitzung-0815";

impl HttpPeer {
    pub(super) async fn new(deduplicates: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            deduplicates,
            mood: Mutex::new(Mood::Well),
            broken: Mutex::default(),
            takes: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            cut: Mutex::default(),
            taken: Mutex::default(),
            reached: Notify::new(),
            heads: Mutex::default(),
        });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(socket));
            }
        });
        Self { address, shared }
    }
}

#[derive(Clone)]
struct Head {
    line: String,
    headers: HashMap<String, String>,
}

async fn read_head(reader: &mut BufReader<OwnedReadHalf>) -> Option<Head> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Some(Head { line: lines[0].clone(), headers })
}

impl Shared {
    async fn serve(self: Arc<Self>, socket: TcpStream) {
        let (reader, mut writer) = socket.into_split();
        let mut reader = BufReader::new(reader);
        let Some(head) = read_head(&mut reader).await else { return };
        assert_eq!(head.headers["authorization"], format!("Bearer {TOKEN}"));
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let cut = self.cut.lock().unwrap().filter(|(at, _)| *at == number).map(|(_, cut)| cut);
        let answer = if head.line.starts_with("GET /session?") {
            Some(self.probed())
        } else if head.line.starts_with("GET ") {
            Some(self.asked(&head.line))
        } else {
            self.takes.fetch_add(1, Ordering::Relaxed);
            self.delivered(&head, reader, cut).await
        };
        if let Some((status, body)) = answer {
            let length = body.len();
            let retry =
                if status == 429 { format!("Retry-After: {}\r\n", REST.as_secs()) } else { String::new() };
            let text = format!(
                "HTTP/1.1 {status} X\r\n{retry}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            let _ = writer.write_all(text.as_bytes()).await;
        }
    }

    async fn hang<T>(&self) -> T {
        self.reached.notify_one();
        std::future::pending().await
    }

    fn probed(&self) -> (u16, String) {
        let status = match self.broken.lock().unwrap().as_str() {
            "answer" => 500,
            "credentials" => 401,
            _ => 200,
        };
        (status, TOKEN.to_owned())
    }

    fn asked(&self, line: &str) -> (u16, String) {
        let key = line.split(['/', ' ']).nth(3).unwrap_or_default();
        match self.taken.lock().unwrap().contains_key(key) {
            true => (200, format!("{{\"id\":\"R-{key}\"}}")),
            false => (404, String::new()),
        }
    }

    async fn delivered(
        &self,
        head: &Head,
        reader: BufReader<OwnedReadHalf>,
        cut: Option<Cut>,
    ) -> Option<(u16, String)> {
        let mood = cut.map_or(*self.mood.lock().unwrap(), mood_of);
        let arrived = take_in(head, reader).await?;
        self.heads.lock().unwrap().push(head.clone());
        match mood {
            Mood::Unavailable => return Some((if cut.is_some() { 429 } else { 503 }, String::new())),
            Mood::Refusing => return Some((422, TOKEN.to_owned())),
            Mood::BreaksBefore if cut == Some(Cut::SilentBefore) => return self.hang().await,
            Mood::BreaksBefore => return None,
            Mood::Well | Mood::BreaksAfter | Mood::Silent => {}
        }
        let key = head.headers["idempotency-key"].clone();
        {
            let mut taken = self.taken.lock().unwrap();
            let before = taken.entry(key.clone()).or_default();
            if before.is_empty() || !self.deduplicates {
                before.push(arrived);
            }
        }
        match mood {
            Mood::BreaksAfter => None,
            Mood::Silent => self.hang().await,
            _ => Some((201, format!("{{\"id\":\"R-{key}\"}}"))),
        }
    }
}

/// What a cut is at a request that delivers.
fn mood_of(cut: Cut) -> Mood {
    match cut {
        Cut::TornBefore | Cut::SilentBefore => Mood::BreaksBefore,
        Cut::TornAfter => Mood::BreaksAfter,
        Cut::SilentAfter => Mood::Silent,
        Cut::Throttled => Mood::Unavailable,
    }
}

/// The digests of the parts and of the whole body; `None` if it broke off.
async fn take_in(head: &Head, reader: BufReader<OwnedReadHalf>) -> Option<Arrival> {
    let length: u64 = head.headers["content-length"].parse().unwrap();
    let boundary = multer::parse_boundary(&head.headers["content-type"]).unwrap();
    let raw = Arc::new(Mutex::new((Hasher::default(), 0)));
    let noting = raw.clone();
    let body = stream::try_unfold(reader.take(length), move |mut reader| {
        let noting = noting.clone();
        async move {
            let mut piece = vec![0; 64 * 1024];
            let read = reader.read(&mut piece).await?;
            piece.truncate(read);
            let mut noting = noting.lock().unwrap();
            noting.0.update(&piece);
            noting.1 += read as u64;
            Ok::<_, std::io::Error>((read > 0).then_some((piece, reader)))
        }
    });
    let mut form = multer::Multipart::new(body, boundary);
    let mut digests = Vec::new();
    while let Some(mut field) = form.next_field().await.ok()? {
        let mut hasher = Hasher::default();
        while let Some(piece) = field.chunk().await.ok()? {
            hasher.update(&piece);
        }
        digests.push(hasher.finish());
    }
    digests.sort();
    let (hasher, read) = raw.lock().unwrap().clone();
    (read == length).then(|| (digests, hasher.finish()))
}

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[async_trait]
impl Peer for HttpPeer {
    fn target(&self) -> Arc<dyn Target> {
        let settings = SETTINGS.replace("{deduplicates}", &self.shared.deduplicates.to_string());
        let settings = settings.replace("{secret}", SECRET);
        match self.shared.broken.lock().unwrap().as_str() {
            // A label of more than 63 characters is in no name server's world, so none is asked.
            "lookup" => {
                let plain = "[http.connection]\nallow-plain-http = true\n";
                target(self.address, &(settings.replace("127.0.0.1", &"x".repeat(64)) + plain))
            }
            "connect" => target(nobody(), &settings),
            _ => target(self.address, &settings),
        }
    }

    fn foreseen(&self, preview: &Preview, whole: &dyn Fn(&Piece) -> Vec<u8>) -> (Vec<Digest>, Digest) {
        let Sends::Request { method, url, headers, body } = &preview.sends else { panic!("{preview:?}") };
        let heads = self.shared.heads.lock().unwrap();
        let came = heads.last().unwrap();
        assert_eq!(came.line, format!("{method} /deliveries HTTP/1.1"));
        assert_eq!(*url, format!("http://{}/deliveries", self.address));
        assert!(headers.iter().any(|(name, _)| name == "idempotency-key"), "{headers:?}");
        for (name, value) in headers {
            let sent = &came.headers[name];
            let hidden = name == "authorization" && value == HIDDEN && sent.contains(TOKEN);
            assert!(hidden || sent == value, "{name}: {value}, but sent was {sent}");
        }
        let all: Vec<u8> = body.iter().flat_map(whole).collect();
        let parts = body.iter().filter(|piece| !matches!(piece, Piece::Bytes(_)));
        let mut digests: Vec<_> = parts.map(|piece| Digest::of(&whole(piece))).collect();
        digests.sort();
        (digests, Digest::of(&all))
    }

    async fn takes(&self) -> usize {
        self.shared.takes.load(Ordering::Relaxed)
    }

    async fn break_step(&self, word: &str) {
        *self.shared.broken.lock().unwrap() = word.to_owned();
    }

    async fn behave(&self, mood: Mood) -> bool {
        *self.shared.mood.lock().unwrap() = mood;
        true
    }

    async fn arrived(&self, key: DeliveryId) -> Vec<(Vec<Digest>, Digest)> {
        self.shared.taken.lock().unwrap().get(&key.to_string()).cloned().unwrap_or_default()
    }

    async fn cut(&self, request: usize, cut: Cut) -> bool {
        *self.shared.cut.lock().unwrap() = Some((request, cut));
        true
    }

    fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }

    async fn reached(&self) {
        self.shared.reached.notified().await;
    }

    fn inquires(&self) -> bool {
        true
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.into(), SECRET.into()]
    }
}
