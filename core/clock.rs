//! The system's clock, behind the port.

use async_trait::async_trait;
use rohrpost_model::Timestamp;
use rohrpost_model::ports::Clock;
use std::time::Duration;

/// The machine's wall clock. Sleeping is measured by the monotonic clock in pieces of at most a minute: where the wall
/// clock is put forward that is noticed soon, and where it is put back nobody sleeps longer than was left before.
pub struct SystemClock;

/// The longest sleep without a look at the wall clock.
const LOOK: Duration = Duration::from_secs(60);

#[async_trait]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // this is the one place that reads the time
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        sleep_until(deadline, || self.now()).await;
    }
}

async fn sleep_until(deadline: Timestamp, now: impl Fn() -> Timestamp) {
    let left = || Duration::try_from(now().duration_until(deadline)).unwrap_or_default();
    let mut at_most = left();
    while !at_most.is_zero() {
        let piece = at_most.min(LOOK);
        tokio::time::sleep(piece).await;
        at_most = (at_most - piece).min(left());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn nobody_sleeps_longer_because_the_clock_was_put_back() {
        let (looks, start) = (AtomicU32::new(0), Timestamp::UNIX_EPOCH);
        // Right at the first look, and a day back from then on.
        let now = || match looks.fetch_add(1, Ordering::Relaxed) {
            0 => start,
            _ => start - Duration::from_secs(24 * 3600),
        };
        let sleep = sleep_until(start + Duration::from_millis(20), now);
        tokio::time::timeout(Duration::from_secs(30), sleep).await.expect("it wakes");
    }
}
