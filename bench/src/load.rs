//! The senders: each holds one connection and hands in one submission after the other, or at set times.
//!
//! With a rate, submission number n is due n/rate seconds after the start, and its latency counts from then, whoever
//! was late: what a slow hub delays is not left out.

use crate::clock::{instant, since};
use crate::{Result, message, small_runtime};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// Different contents that are handed in in turn.
const CONTENTS: usize = 64;

/// What the senders do.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Where the API is served.
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// A file with the bearer token.
    #[arg(long)]
    pub(crate) token: PathBuf,
    /// The service that submissions are for.
    #[arg(long)]
    pub(crate) service: String,
    /// The area that submissions are for.
    #[arg(long)]
    pub(crate) area: String,
    /// Senders at one time.
    #[arg(long)]
    pub(crate) senders: usize,
    /// Submissions in all.
    #[arg(long)]
    pub(crate) count: usize,
    /// No submission is begun after so many seconds.
    #[arg(long)]
    pub(crate) seconds: f64,
    /// Submissions per second; as many as can be without it.
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// Before every idempotency key, so that no run meets those of another.
    #[arg(long)]
    pub(crate) prefix: String,
    /// The file that the acknowledged ids are written to, one per line.
    #[arg(long)]
    pub(crate) acknowledged: PathBuf,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Submissions that were acknowledged.
    pub(crate) accepted: usize,
    /// From the first request to the last answer.
    pub(crate) seconds: f64,
    /// Latency in milliseconds: median, 99th percentile, greatest.
    pub(crate) p50: f64,
    /// See `p50`.
    pub(crate) p99: f64,
    /// See `p50`.
    pub(crate) max: f64,
    /// Everything else than 202, by status or kind of fault.
    pub(crate) others: BTreeMap<String, usize>,
    /// Bytes of one submission.
    pub(crate) bytes: usize,
}

/// What the senders share; they run on one thread.
struct Shared {
    arguments: Arguments,
    uri: String,
    authorization: String,
    bodies: Vec<Bytes>,
    begun: Instant,
    next: Cell<usize>,
    seen: RefCell<Seen>,
}

#[derive(Default)]
struct Seen {
    latencies: Vec<u32>,
    ids: Vec<u8>,
    others: BTreeMap<String, usize>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let outcome = small_runtime()?.block_on(LocalSet::new().run_until(send_all(arguments.clone())))?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

async fn send_all(arguments: Arguments) -> Result<Outcome> {
    let token = std::fs::read_to_string(&arguments.token)?;
    let file = arguments.acknowledged.clone();
    let senders = arguments.senders;
    let mut connections = Vec::new();
    for _ in 0..senders {
        connections.push(connect(arguments.address).await?);
    }
    let shared = Rc::new(Shared {
        uri: format!("/v1/submissions?service={}&area={}", arguments.service, arguments.area),
        authorization: format!("Bearer {}", token.trim()),
        bodies: (0..CONTENTS).map(message::notice).collect(),
        begun: instant(),
        next: Cell::new(0),
        seen: RefCell::default(),
        arguments,
    });
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|connection| tokio::task::spawn_local(Rc::clone(&shared).sender(connection)))
        .collect();
    for task in tasks {
        task.await?;
    }
    let seconds = since(shared.begun);
    let seen = std::mem::take(&mut *shared.seen.borrow_mut());
    std::fs::File::create(file)?.write_all(&seen.ids)?;
    Ok(outcome(seen, seconds, shared.bodies[0].len()))
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(connection);
    Ok(sender)
}

impl Shared {
    async fn sender(self: Rc<Self>, mut connection: SendRequest<Full<Bytes>>) {
        while let Some((number, due)) = self.take_turn().await {
            let answer = self.hand_in(&mut connection, number).await;
            let latency = instant().duration_since(due);
            let torn = answer.is_err();
            self.note(answer, latency);
            if torn {
                match connect(self.arguments.address).await {
                    Ok(again) => connection = again,
                    Err(_) => return,
                }
            }
        }
    }

    /// The number of the next submission, at its time.
    async fn take_turn(&self) -> Option<(usize, Instant)> {
        let number = self.next.get();
        if number >= self.arguments.count || since(self.begun) >= self.arguments.seconds {
            return None;
        }
        self.next.set(number + 1);
        let Some(rate) = self.arguments.rate else { return Some((number, instant())) };
        let due = self.begun + Duration::from_secs_f64(number as f64 / rate);
        tokio::time::sleep_until(due.into()).await;
        // The timer rounds up to milliseconds; that is the sender's delay and not the hub's.
        let now = instant();
        let late = now.saturating_duration_since(due) > Duration::from_millis(2);
        Some((number, if late { due } else { now }))
    }

    async fn hand_in(
        &self,
        connection: &mut SendRequest<Full<Bytes>>,
        number: usize,
    ) -> Result<(StatusCode, Bytes)> {
        let request = Request::post(&self.uri)
            .header(header::HOST, "127.0.0.1")
            .header(header::AUTHORIZATION, &self.authorization)
            .header(header::CONTENT_TYPE, "application/xml")
            .header("idempotency-key", format!("{}-{number}", self.arguments.prefix))
            .body(Full::new(self.bodies[number % CONTENTS].clone()))?;
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }

    fn note(&self, answer: Result<(StatusCode, Bytes)>, latency: Duration) {
        let seen = &mut *self.seen.borrow_mut();
        let other = match answer {
            Ok((StatusCode::ACCEPTED, body)) => {
                seen.latencies.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
                match id_in(&body) {
                    Some(id) => {
                        seen.ids.extend_from_slice(id);
                        seen.ids.push(b'\n');
                        return;
                    }
                    None => "202 without an id".to_owned(),
                }
            }
            Ok((status, _)) => status.as_u16().to_string(),
            Err(fault) => format!("torn: {fault}"),
        };
        *seen.others.entry(other).or_default() += 1;
    }
}

/// The value of `"id"`, as both hub and bare loop write it.
fn id_in(body: &[u8]) -> Option<&[u8]> {
    const BEFORE: &[u8] = br#""id":""#;
    let start = body.windows(BEFORE.len()).position(|window| window == BEFORE)? + BEFORE.len();
    body.get(start..start + 36)
}

fn outcome(mut seen: Seen, seconds: f64, bytes: usize) -> Outcome {
    seen.latencies.sort_unstable();
    let at = |share: f64| {
        let last = seen.latencies.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        seen.latencies.get(index).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
    };
    Outcome {
        accepted: seen.latencies.len(),
        seconds,
        p50: at(0.5),
        p99: at(0.99),
        max: at(1.0),
        others: seen.others,
        bytes,
    }
}
