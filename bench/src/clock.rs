//! The bench's own look at the clock. It is no part of the hub, whose only clock is the port `Clock`.

use rohrpost_model::Timestamp;
use std::time::{Duration, Instant};

/// Now, to measure with.
#[expect(clippy::disallowed_methods, reason = "a bench measures")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Now, as a date.
#[expect(clippy::disallowed_methods, reason = "a bench measures")]
pub(crate) fn timestamp() -> Timestamp {
    Timestamp::now()
}

/// Seconds since `begun`.
pub(crate) fn since(begun: Instant) -> f64 {
    instant().duration_since(begun).as_secs_f64()
}

/// Lets time pass where nothing tells when a process is done.
#[expect(clippy::disallowed_methods, reason = "a bench waits for processes that do not call back")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
