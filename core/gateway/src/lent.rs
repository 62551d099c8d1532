//! Lends a request's body to a handler, and takes it back when the handler refuses.
//!
//! A sender that is refused while it still sends often sees a torn connection instead of the answer, because closing a
//! socket with unread bytes resets it. So what is left of the body is read away first, within bounds, and then the
//! answer leaves.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use futures::future::poll_fn;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// How much is read away, in bytes.
const MOST: u64 = 32 << 20;

/// How long it is read away.
const LONGEST: Duration = Duration::from_secs(5);

/// A body that two hold: the handler reads it, and the middleware reads away what is left.
#[derive(Clone)]
struct Lent(Arc<Mutex<Held>>);

struct Held {
    body: Body,
    touched: bool,
    ended: bool,
}

impl Lent {
    fn new(body: Body) -> Self {
        let ended = body.is_end_stream();
        Self(Arc::new(Mutex::new(Held { body, touched: false, ended })))
    }

    /// The lock is held for one poll only, never across an await.
    fn with<T>(&self, look: impl FnOnce(&mut Held) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn read_away(mut self) {
        let mut left = MOST;
        while left > 0 {
            match poll_fn(|context| Pin::new(&mut self).poll_frame(context)).await {
                Some(Ok(frame)) => {
                    left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len() as u64))
                }
                _ => return,
            }
        }
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.with(|held| {
            held.touched = true;
            let polled = Pin::new(&mut held.body).poll_frame(context);
            if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
                held.ended = true;
            }
            polled
        })
    }

    fn is_end_stream(&self) -> bool {
        self.with(|held| held.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|held| held.body.size_hint())
    }
}

/// Reads away what a refused request still sends.
pub(crate) async fn read_away_what_is_refused(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let waits_for_a_word = parts.headers.contains_key(header::EXPECT);
    let lent = Lent::new(body);
    let response = next.run(Request::from_parts(parts, Body::new(lent.clone()))).await;
    let (touched, ended) = lent.with(|held| (held.touched, held.ended || held.body.is_end_stream()));
    let still_sends = !ended && (touched || !waits_for_a_word);
    let refused = response.status().is_client_error() || response.status().is_server_error();
    // Whoever was too slow has had its time.
    if still_sends && refused && response.status() != StatusCode::REQUEST_TIMEOUT {
        // Running out of time is no fault: the answer leaves anyway.
        let _ = tokio::time::timeout(LONGEST, lent.read_away()).await;
    }
    response
}
