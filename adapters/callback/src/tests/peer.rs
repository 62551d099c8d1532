use super::{KEY, NEXT, async_trait, hmac, target};
use rohrpost_kit::conformance::{Cut, Mood, Peer, REST};
use rohrpost_model::ports::{HIDDEN, Piece, Preview, Sends, Target};
use rohrpost_model::{DeliveryId, Digest};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// One call as it came.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) line: String,
    pub(super) headers: HashMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// A portal that is called back.
pub(super) struct Portal {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    deduplicates: bool,
    mood: Mutex<Mood>,
    requests: AtomicUsize,
    /// The request that it is cut off at.
    cut: Mutex<Option<(usize, Cut)>>,
    /// The step of a probe that fails.
    broken: Mutex<String>,
    takes: AtomicUsize,
    taken: Mutex<HashMap<String, Vec<Vec<u8>>>>,
    reached: Notify,
    calls: Mutex<Vec<Call>>,
}

const SETTINGS: &str = r#"
[callback]
url = "http://{address}/rohrpost?from=hub"
key = { file = "key" }
next-key = { file = "next" }
deduplicates = {deduplicates}
[callback.connection]
allow-addresses = ["127.0.0.1"]
"#;

impl Portal {
    pub(super) async fn new(deduplicates: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            deduplicates,
            mood: Mutex::new(Mood::Well),
            requests: AtomicUsize::new(0),
            cut: Mutex::default(),
            broken: Mutex::default(),
            takes: AtomicUsize::new(0),
            taken: Mutex::default(),
            reached: Notify::new(),
            calls: Mutex::default(),
        });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(socket));
            }
        });
        Self { address, shared }
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }
}

async fn read_call(reader: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Call> {
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
    let headers: HashMap<_, _> = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).await.ok()?;
    Some(Call { line: lines[0].clone(), headers, body })
}

impl Shared {
    async fn serve(self: Arc<Self>, socket: TcpStream) {
        let (reader, mut writer) = socket.into_split();
        let Some(call) = read_call(&mut BufReader::new(reader)).await else { return };
        self.takes.fetch_add(1, Ordering::Relaxed);
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let cut = self.cut.lock().unwrap().filter(|(at, _)| *at == number).map(|(_, cut)| cut);
        if let Some(status) = self.called(call, cut).await {
            let rest =
                if status == 429 { format!("Retry-After: {}\r\n", REST.as_secs()) } else { String::new() };
            let answer =
                format!("HTTP/1.1 {status} X\r\n{rest}Content-Length: 2\r\nConnection: close\r\n\r\nok");
            let _ = writer.write_all(answer.as_bytes()).await;
        }
    }

    async fn hang<T>(&self) -> T {
        self.reached.notify_one();
        std::future::pending().await
    }

    async fn called(&self, call: Call, cut: Option<Cut>) -> Option<u16> {
        assert_signed(&call);
        self.calls.lock().unwrap().push(call.clone());
        let mood = cut.map_or(*self.mood.lock().unwrap(), mood_of);
        match mood {
            Mood::Unavailable => return Some(if cut.is_some() { 429 } else { 503 }),
            Mood::Refusing => return Some(422),
            Mood::BreaksBefore if cut == Some(Cut::SilentBefore) => return self.hang().await,
            Mood::BreaksBefore => return None,
            Mood::Well | Mood::BreaksAfter | Mood::Silent => {}
        }
        {
            let mut taken = self.taken.lock().unwrap();
            let before = taken.entry(call.headers["rohrpost-delivery"].clone()).or_default();
            if before.is_empty() || !self.deduplicates {
                before.push(call.body);
            }
        }
        match mood {
            Mood::BreaksAfter => None,
            Mood::Silent => self.hang().await,
            _ => Some(204),
        }
    }
}

/// What a cut is at a call.
fn mood_of(cut: Cut) -> Mood {
    match cut {
        Cut::TornBefore | Cut::SilentBefore => Mood::BreaksBefore,
        Cut::TornAfter => Mood::BreaksAfter,
        Cut::SilentAfter => Mood::Silent,
        Cut::Throttled => Mood::Unavailable,
    }
}

/// Every call is signed by both keys.
fn assert_signed(call: &Call) {
    let (timestamp, delivery) = (&call.headers["rohrpost-timestamp"], &call.headers["rohrpost-delivery"]);
    let code = |key| {
        hmac(key, &[timestamp.as_bytes(), b".".as_slice(), delivery.as_bytes(), b".".as_slice(), &call.body])
    };
    assert_eq!(call.headers["rohrpost-signature"], format!("v1={},v1={}", code(KEY), code(NEXT)));
}

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[async_trait]
impl Peer for Portal {
    fn target(&self) -> Arc<dyn Target> {
        let settings = SETTINGS.replace("{deduplicates}", &self.shared.deduplicates.to_string());
        match self.shared.broken.lock().unwrap().as_str() {
            // A label of more than 63 characters is in no name server's world, so none is asked.
            "lookup" => {
                let host = "x".repeat(64);
                target(self.address, &settings.replace("http://{address}", &format!("https://{host}")))
            }
            "connect" => target(nobody(), &settings),
            _ => target(self.address, &settings),
        }
    }

    async fn behave(&self, mood: Mood) -> bool {
        *self.shared.mood.lock().unwrap() = mood;
        true
    }

    async fn arrived(&self, key: DeliveryId) -> Vec<(Vec<Digest>, Digest)> {
        let taken = self.shared.taken.lock().unwrap();
        let bodies = taken.get(&key.to_string()).into_iter().flatten();
        bodies.map(|body| (vec![Digest::of(body)], Digest::of(body))).collect()
    }

    fn foreseen(&self, preview: &Preview, whole: &dyn Fn(&Piece) -> Vec<u8>) -> (Vec<Digest>, Digest) {
        let Sends::Request { method, url, headers, body } = &preview.sends else { panic!("{preview:?}") };
        let calls = self.calls();
        let call = calls.last().unwrap();
        assert_eq!(call.line, format!("{method} /rohrpost?from=hub HTTP/1.1"));
        assert_eq!(*url, format!("http://{}/rohrpost?from=hub", self.address));
        for (name, value) in headers {
            let hidden = name == "rohrpost-signature" && value == HIDDEN;
            assert!(hidden || call.headers[name] == *value, "{name}: {value}");
        }
        let ours = call.headers.keys().filter(|name| name.starts_with("rohrpost-")).count();
        assert_eq!(headers.iter().filter(|(name, _)| name.starts_with("rohrpost-")).count(), ours);
        let all: Vec<u8> = body.iter().flat_map(whole).collect();
        (vec![Digest::of(&all)], Digest::of(&all))
    }

    async fn reached(&self) {
        self.shared.reached.notified().await;
    }

    fn inquires(&self) -> bool {
        false
    }

    fn takes_signatures(&self) -> bool {
        false
    }

    fn takes_attachments(&self) -> bool {
        false
    }

    async fn cut(&self, request: usize, cut: Cut) -> bool {
        *self.shared.cut.lock().unwrap() = Some((request, cut));
        true
    }

    fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// A portal can be asked nothing.
    fn parks(&self) -> bool {
        !self.shared.deduplicates
    }

    async fn takes(&self) -> usize {
        self.shared.takes.load(Ordering::Relaxed)
    }

    async fn break_step(&self, word: &str) {
        *self.shared.broken.lock().unwrap() = word.to_owned();
    }

    /// The signatures are no secret for whoever is called, but nobody else may read them while they are fresh.
    fn secrets(&self) -> Vec<String> {
        let signatures = self.calls().into_iter().map(|call| call.headers["rohrpost-signature"].clone());
        [KEY.to_owned(), NEXT.to_owned()].into_iter().chain(signatures).collect()
    }
}
