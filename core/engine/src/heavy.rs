//! Mappings whose work takes long, which leave room to all others: one that loops until its limit must not take every
//! thread from those that are done in a moment.

use rohrpost_model::Digest;
use rustix::time::{ClockId, clock_gettime};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Processor time from which on work is heavy, in milliseconds. Ordinary mappings take a few.
const LONG: i64 = 500;

/// Which mappings took long when they were applied last, by their version.
#[derive(Clone, Default)]
pub(crate) struct Heavy(Arc<Mutex<HashSet<Digest>>>);

impl Heavy {
    /// Whether it took long.
    pub(crate) fn has(&self, mapping: Option<Digest>) -> bool {
        mapping.is_some_and(|mapping| self.lock().contains(&mapping))
    }

    /// Applies a mapping on this thread and remembers whether it took long.
    pub(crate) fn watched<T>(&self, mapping: Option<Digest>, work: impl FnOnce() -> T) -> T {
        let before = processor_time();
        let done = work();
        if let Some(mapping) = mapping {
            self.remember(mapping, processor_time() - before >= LONG);
        }
        done
    }

    fn remember(&self, mapping: Digest, took_long: bool) {
        let mut heavy = self.lock();
        let _ = if took_long { heavy.insert(mapping) } else { heavy.remove(&mapping) };
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Digest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What this thread used of a processor, in milliseconds. It is no time of day, and stands still while the thread waits.
fn processor_time() -> i64 {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    used.tv_sec * 1000 + used.tv_nsec / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_long_last_is_heavy() {
        let (heavy, mapping) = (Heavy::default(), Some(Digest::of(b"a mapping")));
        let busy = || {
            let end = processor_time() + LONG;
            while processor_time() < end {}
        };
        heavy.watched(mapping, busy);
        assert!(heavy.has(mapping) && !heavy.has(None) && !heavy.has(Some(Digest::of(b"another"))));
        heavy.watched(mapping, || ());
        assert!(!heavy.has(mapping));
        heavy.watched(None, busy);
        assert!(!heavy.has(mapping));
    }
}
