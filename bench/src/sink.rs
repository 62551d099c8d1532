//! The target: takes documents, answers 200 at once, and remembers what came how often.
//!
//! `POST` anything is a document: header `Idempotency-Key` names the delivery, `X-Submission` what was acknowledged.
//! `GET /reset` forgets; `GET /wait?count=N&seconds=S` answers once N documents are there, or after S seconds;
//! `GET /seen` gives one line for each document: what was acknowledged, and the delivery.

use crate::clock::{instant, since};
use crate::{Result, small_runtime};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::LocalSet;

/// Nothing but what every sink needs.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Arguments {}

/// The textual UUIDs of a document: what was acknowledged, and the delivery.
type Named = ([u8; 36], [u8; 36]);

#[derive(Default)]
struct Recorded {
    documents: RefCell<Vec<Named>>,
    /// Documents whose headers name nothing.
    nameless: Cell<usize>,
    /// So many documents are waited for.
    wanted: Cell<usize>,
    enough: Notify,
}

/// Runs the command: prints its address and serves until it is killed.
pub(crate) fn run(_: &Arguments) -> Result<()> {
    small_runtime()?.block_on(LocalSet::new().run_until(serve()))
}

async fn serve() -> Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", listener.local_addr()?);
    let recorded = Rc::new(Recorded::default());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let recorded = Rc::clone(&recorded);
        tokio::task::spawn_local(async move {
            let answering = service_fn(move |request| answer(Rc::clone(&recorded), request));
            // A connection that ends early is the other side's matter: what did not arrive is not counted.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answering).await;
        });
    }
}

async fn answer(
    recorded: Rc<Recorded>,
    request: Request<Incoming>,
) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.method() == Method::POST {
        let (head, mut body) = request.into_parts();
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                *response.status_mut() = StatusCode::BAD_REQUEST;
                return Ok(response);
            }
        }
        recorded.record(&head.headers);
        return Ok(response);
    }
    let query = request.uri().query().unwrap_or_default();
    match request.uri().path() {
        "/reset" => recorded.reset(),
        "/wait" => recorded.wait(number_in(query, "count"), number_in(query, "seconds")).await,
        "/seen" => *response.body_mut() = Full::from(recorded.seen()),
        _ => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    Ok(response)
}

fn number_in(query: &str, name: &str) -> usize {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

impl Recorded {
    fn record(&self, headers: &HeaderMap) {
        let named = |name: &str| headers.get(name)?.as_bytes().try_into().ok();
        match named("x-submission").zip(named("idempotency-key")) {
            Some(document) => self.documents.borrow_mut().push(document),
            None => self.nameless.set(self.nameless.get() + 1),
        }
        if self.documents.borrow().len() >= self.wanted.get() {
            self.enough.notify_waiters();
        }
    }

    fn reset(&self) {
        self.documents.borrow_mut().clear();
        self.nameless.set(0);
    }

    async fn wait(&self, count: usize, seconds: usize) {
        let begun = instant();
        self.wanted.set(count);
        while self.documents.borrow().len() < count && since(begun) < seconds as f64 {
            // Documents are recorded on this thread: none comes between the look and the wait.
            let _ = tokio::time::timeout(Duration::from_millis(250), self.enough.notified()).await;
        }
        self.wanted.set(usize::MAX);
    }

    fn seen(&self) -> Vec<u8> {
        let documents = self.documents.borrow();
        let mut text = Vec::with_capacity(documents.len() * 74);
        for (submission, delivery) in documents.iter() {
            text.extend_from_slice(submission);
            text.push(b' ');
            text.extend_from_slice(delivery);
            text.push(b'\n');
        }
        for _ in 0..self.nameless.get() {
            text.extend_from_slice(b"? ?\n");
        }
        text
    }
}
