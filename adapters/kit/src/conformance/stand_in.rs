//! An HTTP server on loopback that stands in for a service nobody has here: it answers as a test says, remembers what it was asked,
//! and breaks off as the suite asks.

use super::{Cut, Mood, REST};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The headers, their names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Said {
    /// The status.
    pub status: u16,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Said {
    /// A status and a body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }
}

type Handler = dyn Fn(&Call) -> Said + Send + Sync;

/// The server; it ends with the runtime that it was started in.
#[derive(Clone)]
pub struct StandIn(Arc<Shared>);

struct Shared {
    address: SocketAddr,
    /// Whether a request makes something: moods are about those.
    makes: fn(&Call) -> bool,
    handler: Box<Handler>,
    state: Mutex<State>,
    reached: Notify,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    mood: Option<Mood>,
    cut: Option<(usize, Cut)>,
    instead: Option<(String, Said)>,
}

impl StandIn {
    /// Starts one. `handler` answers what is not broken off; `makes` tells requests that make something from questions.
    pub async fn start(
        makes: fn(&Call) -> bool,
        handler: impl Fn(&Call) -> Said + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let shared = Arc::new(Shared {
            address: listener.local_addr()?,
            makes,
            handler: Box::new(handler),
            state: Mutex::default(),
            reached: Notify::new(),
        });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&serving)));
            }
        });
        Ok(Self(shared))
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// What it was asked so far.
    pub fn calls(&self) -> Vec<Call> {
        self.0.state().calls.clone()
    }

    /// From now on it behaves so towards requests that make something.
    pub fn behave(&self, mood: Mood) {
        let mut state = self.0.state();
        (state.mood, state.cut) = (Some(mood), None);
    }

    /// It is cut off so, once, at its request with this number.
    pub fn cut(&self, request: usize, cut: Cut) {
        self.0.state().cut = Some((request, cut));
    }

    /// The next request whose method and path contain this is answered so, and nothing is done.
    pub fn answers(&self, what: &str, said: Said) {
        self.0.state().instead = Some((what.to_owned(), said));
    }

    /// Returns when it does not answer any more.
    pub async fn reached(&self) {
        self.0.reached.notified().await;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request; how it is broken off, and what it is answered without anything being done.
    fn comes(&self, call: &Call) -> (Option<Cut>, Option<Said>) {
        let mut state = self.state();
        state.calls.push(call.clone());
        let number = state.calls.len();
        let cut = state.cut.filter(|(at, _)| *at == number).map(|(_, cut)| cut);
        let told = format!("{} {}", call.method, call.path);
        let instead = state.instead.take_if(|(what, _)| told.contains(what.as_str())).map(|(_, said)| said);
        let mood = state.mood.filter(|_| (self.makes)(call));
        match (cut, instead, mood) {
            (Some(Cut::Throttled), ..) => (None, Some(throttled())),
            (_, Some(said), _) => (cut, Some(said)),
            (_, _, Some(Mood::Unavailable)) => (cut, Some(Said::new(503, ""))),
            (_, _, Some(Mood::Refusing)) => (cut, Some(Said::new(422, "{}"))),
            (_, _, Some(Mood::BreaksBefore)) => (Some(Cut::TornBefore), None),
            (_, _, Some(Mood::BreaksAfter)) => (Some(Cut::TornAfter), None),
            (_, _, Some(Mood::Silent)) => (Some(Cut::SilentAfter), None),
            _ => (cut, None),
        }
    }
}

fn throttled() -> Said {
    Said { headers: vec![("Retry-After".into(), REST.as_secs().to_string())], ..Said::new(429, "") }
}

async fn serve(socket: TcpStream, shared: Arc<Shared>) {
    let mut stream = BufReader::new(socket);
    let Some(call) = read(&mut stream).await else { return };
    let (cut, instead) = shared.comes(&call);
    match cut {
        Some(Cut::TornBefore) => return,
        Some(Cut::SilentBefore) => return silent(&shared).await,
        _ => {}
    }
    let said = instead.unwrap_or_else(|| (shared.handler)(&call));
    match cut {
        Some(Cut::TornAfter) => return,
        Some(Cut::SilentAfter) => return silent(&shared).await,
        _ => {}
    }
    let more: String = said.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = said.body.len();
    let head =
        format!("HTTP/1.1 {} X\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n", said.status);
    let _ = stream.write_all(&[head.as_bytes(), &said.body].concat()).await;
    let _ = stream.shutdown().await;
}

async fn silent(shared: &Shared) {
    shared.reached.notify_one();
    std::future::pending().await
}

/// `None` if it broke off.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Call> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let mut first = lines.first()?.split(' ').map(str::to_owned);
    let (method, path) = (first.next()?, first.next()?);
    let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
    let headers: HashMap<_, _> =
        headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length = headers.get("content-length").map_or(Some(0), |length| length.parse().ok())?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Call { method, path, headers, body })
}
