//! The bounded pool for CPU-bound work: parse, map, validate, seal.

use rohrpost_model::{Reason, ReasonCode};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Runs CPU-bound work on threads of their own, as many at a time as the machine has processors, so that slow
/// conversations never wait for a transform. Who comes when all are busy waits; nothing queues elsewhere.
pub(crate) struct Workers {
    free: Arc<Semaphore>,
}

impl Workers {
    pub(crate) fn as_wide_as_the_machine() -> Self {
        let width = std::thread::available_parallelism().map_or(2, usize::from);
        Self { free: Arc::new(Semaphore::new(width)) }
    }

    /// Runs `work`. A panic in it (a defect of ours) ends as a reason, not as a dead task.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Reason> {
        let trouble = || Reason::new(ReasonCode::HubTrouble);
        let permit = Arc::clone(&self.free).acquire_owned().await.map_err(|_| trouble())?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        done.await.map_err(|panic| {
            tracing::error!(%panic, "a worker panicked");
            trouble()
        })
    }
}
