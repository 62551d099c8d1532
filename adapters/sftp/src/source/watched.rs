//! Knows when a stream is at its end. The library forgets a request that is made in the moment in which its connection
//! dies: whoever asks would wait for nobody.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

/// A stream that is known to be gone when whoever reads and writes it drops it.
pub(super) struct Watched<S> {
    stream: S,
    _there: watch::Sender<()>,
}

/// Whether it is gone.
#[derive(Clone)]
pub(super) struct Gone(watch::Receiver<()>);

impl Gone {
    /// Waits until it is.
    pub(super) async fn gone(mut self) {
        // Nothing is ever sent: it ends when the sender is dropped.
        let _ = self.0.changed().await;
    }
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S) -> (Self, Gone) {
        let (there, gone) = watch::channel(());
        (Self { stream, _there: there }, Gone(gone))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
