//! A request's body of any size whose sender must keep on sending.

use axum::BoxError;
use axum::body::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use std::future::Future as _;
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;

/// Fails where the next piece takes too long, so that nobody holds a place by sending nothing. Only the time that the
/// reader waits counts: a reader that is slow itself is not the sender's fault.
pub(crate) struct Paced {
    body: Incoming,
    longest: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    pub(crate) const fn new(body: Incoming, longest: Duration) -> Self {
        Self { body, longest, waiting: None }
    }
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let longest = self.longest;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(longest)));
        ready!(waiting.as_mut().poll(context));
        let slow = Error::new(ErrorKind::TimedOut, "the sender of the body stopped sending");
        Poll::Ready(Some(Err(slow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
