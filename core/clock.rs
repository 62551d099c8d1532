//! The system's clock, behind the port.

use async_trait::async_trait;
use rohrpost_model::Timestamp;
use rohrpost_model::ports::Clock;
use std::time::Duration;

/// The machine's wall clock. Sleeping is measured by the monotonic clock in pieces of at most a minute, so that a jump
/// of the wall clock is noticed soon.
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
        loop {
            let left = self.now().duration_until(deadline);
            match Duration::try_from(left) {
                Ok(left) if !left.is_zero() => tokio::time::sleep(left.min(LOOK)).await,
                _ => return,
            }
        }
    }
}
