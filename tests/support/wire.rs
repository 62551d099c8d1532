//! A target on the wire: with every request it does what a script says, step by step, and keeps what it got. So it can
//! be as rude as a real one: cut a connection anywhere, fall silent, answer nonsense, or have the hub killed.

use super::sink::Recorded;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// One thing that it does with a request.
#[derive(Clone)]
pub enum Step {
    /// Reads the head.
    Head,
    /// Reads the body: from now on the target has the request.
    Body,
    /// Takes its time.
    Pause(Duration),
    /// Waits until it turns true.
    Until(watch::Receiver<bool>),
    /// Says this.
    Write(Vec<u8>),
    /// Does something to somebody.
    Do(Arc<dyn Fn() + Send + Sync>),
    /// Says nothing more until the hub ends the connection.
    Mute,
    /// Ends the connection.
    Close,
}

/// What it does with one request. Then it waits for the next one on the same connection.
#[derive(Clone)]
pub struct Script {
    /// What it is called where requests are counted.
    pub name: &'static str,
    pub steps: Vec<Step>,
}

impl Script {
    /// Takes the request whole, and then does this.
    pub fn take(name: &'static str, then: impl IntoIterator<Item = Step>) -> Self {
        Self { name, steps: [Step::Head, Step::Body].into_iter().chain(then).collect() }
    }

    /// Takes the request and answers.
    pub fn answer(status: &'static str, headers: &str, body: &str) -> Self {
        Self::take(status, [Step::Write(answer(status, headers, body))])
    }
}

/// An answer: `status` with its words, each header with its line end.
pub fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A request whose head came in.
#[derive(Clone)]
pub struct Seen {
    /// The script's name.
    pub script: &'static str,
    /// The body is empty unless the request is `whole`.
    pub request: Recorded,
    /// Whether it was read to its end: the target has it.
    pub whole: bool,
    /// The status of the answer, if the target gave a whole one.
    pub status: Option<u16>,
    /// When the head came in.
    pub at: Instant,
}

impl Seen {
    /// Whether the target has it and did not say that it will not.
    pub fn taken(&self) -> bool {
        self.whole && self.status != Some(503)
    }

    /// The number of the attempt, where the destination has a header for it.
    pub fn attempt(&self) -> usize {
        let number = self.request.headers.get(ATTEMPT).and_then(|value| value.to_str().ok()?.parse().ok());
        number.expect("a request with the number of its attempt")
    }
}

/// The header that carries the number of the attempt.
pub const ATTEMPT: &str = "x-versuch";

type Scripts = dyn Fn(usize) -> Script + Send + Sync;

/// The target. It lives as long as the runtime it was started on.
#[derive(Clone)]
pub struct Wire {
    pub address: SocketAddr,
    begun: Arc<AtomicUsize>,
    seen: Arc<Mutex<BTreeMap<usize, Seen>>>,
    scripts: Arc<Scripts>,
}

impl Wire {
    /// Does with request number `n` (from 1) what `scripts` says.
    pub async fn start(scripts: impl Fn(usize) -> Script + Send + Sync + 'static) -> Self {
        Self::dropping(0, scripts).await
    }

    /// Ends each of the first `count` connections the moment it is there, and serves the others.
    pub async fn dropping(count: usize, scripts: impl Fn(usize) -> Script + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.expect("a free port"), count, scripts)
    }

    /// The same on a port that was chosen before.
    pub fn on(
        listener: TcpListener,
        drops: usize,
        scripts: impl Fn(usize) -> Script + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("an address");
        let wire = Self { address, begun: Arc::default(), seen: Arc::default(), scripts: Arc::new(scripts) };
        let serving = wire.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if serving.begun() < drops {
                    serving.begun.fetch_add(1, Ordering::SeqCst);
                } else {
                    tokio::spawn(serving.clone().converse(stream));
                }
            }
        });
        wire
    }

    /// How many requests (or dropped connections) there were so far.
    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    /// The requests whose head came in so far, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().values().cloned().collect()
    }

    /// The same, and forgets them.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.lock()).into_values().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, Seen>> {
        self.seen.lock().expect("no panic while recording")
    }

    async fn converse(self, stream: TcpStream) {
        let (reader, writer) = stream.into_split();
        let mut conversation = Conversation { reader: BufReader::new(reader), writer };
        while conversation.begins().await {
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let script = (self.scripts)(number);
            for step in script.steps {
                if !self.take_step(step, number, script.name, &mut conversation).await.unwrap_or(false) {
                    return;
                }
            }
        }
    }

    /// Whether the conversation goes on.
    async fn take_step(
        &self,
        step: Step,
        number: usize,
        script: &'static str,
        with: &mut Conversation,
    ) -> io::Result<bool> {
        match step {
            Step::Head => {
                let request = with.head().await?;
                self.lock().insert(number, seen(script, request));
            }
            Step::Body => {
                let length = self.lock().get(&number).map_or(0, |seen| length(&seen.request.headers));
                let mut body = vec![0; length];
                with.reader.read_exact(&mut body).await?;
                self.note(number, |seen| (seen.whole, seen.request.body) = (true, body.into()));
            }
            Step::Pause(pause) => tokio::time::sleep(pause).await,
            Step::Until(mut so) => drop(so.wait_for(|so| *so).await),
            Step::Write(bytes) => {
                self.note(number, |seen| seen.status = seen.status.or_else(|| status(&bytes)));
                with.writer.write_all(&bytes).await?;
            }
            Step::Do(deed) => tokio::task::block_in_place(|| deed()),
            Step::Mute => return with.fall_silent().await,
            Step::Close => return Ok(false),
        }
        Ok(true)
    }

    fn note(&self, number: usize, note: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.lock().get_mut(&number) {
            note(seen);
        }
    }
}

#[allow(clippy::disallowed_methods)] // when something came is measured by the test
fn seen(script: &'static str, request: Recorded) -> Seen {
    Seen { script, request, whole: false, status: None, at: Instant::now() }
}

fn length(headers: &HeaderMap) -> usize {
    let length = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    length.unwrap_or(0)
}

/// The status of a whole answer.
fn status(answer: &[u8]) -> Option<u16> {
    let (head, body) = std::str::from_utf8(answer).ok()?.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "))?;
    let whole = length.parse().is_ok_and(|length: usize| length == body.len());
    head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok().filter(|_| whole)
}

struct Conversation {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Conversation {
    /// Whether another request comes.
    async fn begins(&mut self) -> bool {
        self.reader.fill_buf().await.is_ok_and(|bytes| !bytes.is_empty())
    }

    async fn head(&mut self) -> io::Result<Recorded> {
        let mut words = self.line().await?;
        let mut headers = HeaderMap::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            let name: HeaderName = name.parse().expect("a header's name");
            headers.append(name, HeaderValue::from_str(value.trim()).expect("a header's value"));
        }
        let path = words.split_off(words.find(' ').expect("a request line"));
        let path = path.split(' ').nth(1).expect("a path").to_owned();
        Ok(Recorded { method: words, path, headers, body: bytes::Bytes::new() })
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    async fn fall_silent(&mut self) -> io::Result<bool> {
        loop {
            let read = self.reader.fill_buf().await?.len();
            if read == 0 {
                return Ok(false);
            }
            self.reader.consume(read);
        }
    }
}
