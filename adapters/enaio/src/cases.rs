//! One attempt at a time looks for the folder of a case and makes it.
//!
//! Neither of enaio's interfaces takes a key of the caller's, so two deliveries of one case that look at the same time both
//! find nothing and both make a folder. All attempts of this process take turns at each case; several processes on one case
//! are not kept apart.

use rohrpost_model::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;

/// When a folder or register was last begun whose outcome nobody knows.
pub(crate) type Doubt = Option<Timestamp>;

/// The cases that somebody works on, or whose folder is in doubt.
#[derive(Default)]
pub(crate) struct Cases(Mutex<HashMap<String, Arc<tokio::sync::Mutex<Doubt>>>>);

impl Cases {
    /// Waits for its turn at a case. This lock is held over calls: that is what it is for. It is bounded by the attempt's
    /// time, and only deliveries of the same case wait for it.
    pub(crate) async fn turn(&self, case: &str, late: Late) -> OwnedMutexGuard<Doubt> {
        let turn = {
            let mut cases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            cases.retain(|_, turn| is_needed(turn, late));
            Arc::clone(cases.entry(case.to_owned()).or_default())
        };
        turn.lock_owned().await
    }
}

fn is_needed(turn: &Arc<tokio::sync::Mutex<Doubt>>, late: Late) -> bool {
    Arc::strong_count(turn) > 1 || turn.try_lock().map_or(true, |doubt| late.remaining(*doubt).is_some())
}

/// How long a call that nobody waits for any more may still be at work at enaio. Until then "not there" is no answer.
#[derive(Clone, Copy)]
pub(crate) struct Late {
    pub(crate) now: Timestamp,
    pub(crate) after: Duration,
}

impl Late {
    /// How long what was begun then may still be at work.
    pub(crate) fn remaining(self, begun: Doubt) -> Option<Duration> {
        // Where the clock was put back since, nobody knows how long ago it was.
        let passed = Duration::try_from(self.now.duration_since(begun?)).unwrap_or_default();
        self.after.checked_sub(passed).filter(|remaining| !remaining.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_may_be_at_work_until_its_time_is_over() {
        let at = |second| Timestamp::from_second(second).ok();
        let late = |now| Late { now: at(now).unwrap(), after: Duration::from_secs(60) };
        assert_eq!(late(100).remaining(None), None);
        assert_eq!(late(100).remaining(at(90)), Some(Duration::from_secs(50)));
        assert_eq!(late(150).remaining(at(90)), None);
        assert_eq!(late(80).remaining(at(90)), Some(Duration::from_secs(60)), "the clock was put back");
    }

    #[tokio::test]
    async fn turns_that_nobody_needs_are_forgotten_and_doubts_are_kept_while_they_last() {
        let (cases, at) = (Cases::default(), |second| Timestamp::from_second(second).unwrap());
        let late = |now| Late { now: at(now), after: Duration::from_secs(60) };
        *cases.turn("a", late(0)).await = Some(at(0));
        drop(cases.turn("b", late(1)).await);
        assert_eq!(*cases.turn("a", late(59)).await, Some(at(0)));
        assert_eq!(cases.0.lock().unwrap().len(), 1, "b is forgotten");
        assert_eq!(*cases.turn("a", late(60)).await, None);
    }
}
