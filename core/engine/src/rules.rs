//! The rules of routes: what has not left in time is given up, after warnings (promise H2).

use crate::Engine;
use crate::dispatch::after;
use rohrpost_model::Timestamp;
use std::time::Duration;
use tokio::sync::watch;

/// How many deliveries one transaction warns of or gives up.
const AT_ONCE: usize = 100;

/// The longest time without a look. A rule that begins in between is applied so much later at most.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

impl Engine {
    /// Applies the rules until `stop` turns true.
    pub(crate) async fn keep_rules(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let look_again = self.apply_rules().await;
            tokio::select! {
                _ = stop.changed() => {}
                () = self.ports.clock.sleep_until(look_again) => {}
            }
        }
    }

    /// Applies what applies now. Returns when to look again.
    async fn apply_rules(&self) -> Timestamp {
        loop {
            let now = self.ports.clock.now();
            let later = after(now, LOOK_AGAIN);
            let done = match self.ports.outbox.expire(now, AT_ONCE).await {
                Ok(done) => done,
                Err(fault) => {
                    tracing::error!(%fault, "the rules of routes cannot be applied");
                    return later;
                }
            };
            if done.warned + done.expired == 0 {
                return done.next_at.map_or(later, |next| next.clamp(now, later));
            }
            metrics::counter!("rohrpost_expiry_warnings_total").increment(done.warned);
            metrics::counter!("rohrpost_expired_total").increment(done.expired);
            tracing::warn!(
                warned = done.warned,
                expired = done.expired,
                "deliveries near or past their time"
            );
            self.wake.notify_one();
        }
    }
}
