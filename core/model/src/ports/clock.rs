use crate::Timestamp;
use async_trait::async_trait;

/// The only source of time.
///
/// Wall time is for due times, receipts and histories; it is never used to decide what happened first (the store's
/// sequence says that). It may jump in both directions. Implementations answer [`Clock::now`] at once and from any
/// thread.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Returns when `deadline` has come; at once if it is past. Where the clock is put back meanwhile it returns when as
    /// much time has passed as was left at first, so nobody sleeps for a day too long.
    async fn sleep_until(&self, deadline: Timestamp);
}
