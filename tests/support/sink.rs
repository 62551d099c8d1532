//! A recording HTTP target on loopback: keeps every request and answers as the test says.

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Recorded {
    /// The idempotency key that the hub gave.
    pub fn key(&self) -> String {
        self.headers
            .get("idempotency-key")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    }
}

type Answering = dyn Fn(usize, &Recorded) -> Response + Send + Sync;

/// The sink. It lives as long as the runtime it was started on.
#[derive(Clone)]
pub struct Sink {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Recorded>>>,
    answer: Arc<Answering>,
}

impl Sink {
    /// Answers every request with 200 and a number.
    pub async fn start() -> Self {
        Self::answering(|number, _| (StatusCode::OK, number.to_string()).into_response()).await
    }

    /// Answers request number `n` (from 1) as `answer` says.
    pub async fn answering(answer: impl Fn(usize, &Recorded) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let sink = Self { address, requests: Arc::default(), answer: Arc::new(answer) };
        let app = Router::new().fallback(record).with_state(sink.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        sink
    }

    /// What came in so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().expect("no panic while recording").clone()
    }
}

async fn record(State(sink): State<Sink>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let recorded =
        Recorded { method: head.method.to_string(), path: head.uri.to_string(), headers: head.headers, body };
    let number = {
        let mut requests = sink.requests.lock().expect("no panic while recording");
        requests.push(recorded.clone());
        requests.len()
    };
    (sink.answer)(number, &recorded)
}
