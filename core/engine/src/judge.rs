//! What an answer means for a delivery. Pure: the same answer always means the same.

use rohrpost_model::destination::{Destination, OnUnknown, Retry};
use rohrpost_model::ports::{Attempted, Inquiry, Settlement};
use rohrpost_model::transition::Event;
use rohrpost_model::{Failure, Outcome, Reason, ReasonCode, Receipt, State, Timestamp};
use std::time::Duration;

/// How long an unknown or awaiting delivery waits, at least and at most, before its target is asked again.
pub(crate) const ASK_AGAIN: Retry =
    Retry { first: Duration::from_secs(5), cap: Duration::from_secs(900), age: None };

/// How often a target is asked about an unknown delivery before the answer counts as "no word".
const ASKED_ENOUGH: u32 = 5;

/// The longest wait that a target may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// What the judge looks at beside the answer.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The destination's policy.
    pub destination: &'a Destination,
    /// Whether the target drops repetitions by itself.
    pub deduplicates: bool,
    /// How many attempts were begun, this one included.
    pub attempts: u32,
    /// The time now.
    pub now: Timestamp,
    /// A random number from 0 to 1, for the jitter.
    pub chance: f64,
}

/// The longest wait that the hub gives itself: what is due later than that was written under another clock.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(2 * 24 * 3600);

/// The verdict on an attempt.
pub fn attempt(answer: Result<Outcome, Failure>, around: Circumstances<'_>) -> Settlement {
    match answer {
        Ok(outcome) => taken(outcome, Attempted::Attempt, around.now),
        Err(Failure::Unavailable { reason, retry_after }) => {
            not_taken(reason, retry_after, Attempted::Attempt, around)
        }
        Err(Failure::Refused(reason) | Failure::Defect(reason)) => {
            settlement(Event::Refused, Attempted::Attempt, around.now).because(reason)
        }
        // The target is asked soon, but not at once: what tore here may still be at work there, and would only then
        // be known.
        Err(Failure::Unknown(reason)) => {
            let due = later(around.now, ASK_AGAIN.first);
            settlement(Event::OutcomeLost, Attempted::Attempt, around.now).because(reason).due(due)
        }
    }
}

/// The verdict on an inquiry about an unknown or awaiting delivery. `asked` counts the inquiries since it became so.
pub fn inquiry(
    answer: Result<Inquiry, Failure>,
    state: State,
    asked: u32,
    around: Circumstances<'_>,
) -> Settlement {
    match answer {
        Ok(Inquiry::Found(outcome)) => {
            let found = taken(outcome, RULE, around.now);
            if found.reason.is_none() { found.because(Reason::new(ReasonCode::Found)) } else { found }
        }
        Ok(Inquiry::Absent) => {
            not_taken(Reason::new(ReasonCode::SurelyAbsent), Some(Duration::ZERO), RULE, around)
        }
        Ok(Inquiry::NoWord) if state == State::Awaiting => {
            ask_later(Reason::new(ReasonCode::InProgress), asked, around)
        }
        Ok(Inquiry::NoWord) => no_word(around),
        Err(Failure::Refused(reason) | Failure::Defect(reason)) => {
            settlement(Event::Refused, RULE, around.now).because(reason)
        }
        Err(Failure::Unavailable { .. } | Failure::Unknown(_))
            if state == State::Unknown && asked >= ASKED_ENOUGH =>
        {
            no_word(around)
        }
        Err(failure) => ask_later(failure.reason().clone(), asked, around),
    }
}

/// An inquiry is the hub's own rule: nothing is sent.
const RULE: Attempted = Attempted::Rule("inquiry");

/// Nobody can tell whether it arrived: repeat only where that does no harm (promise H5).
fn no_word(around: Circumstances<'_>) -> Settlement {
    let reason = Reason::new(ReasonCode::NoWord);
    if around.deduplicates || around.destination.unknown == OnUnknown::Retry {
        let due = later(around.now, wait(around.destination.retry, around));
        return settlement(Event::SendAgain, RULE, around.now).because(reason).due(due);
    }
    settlement(Event::GivenUp, RULE, around.now).because(reason)
}

fn taken(outcome: Outcome, cause: Attempted, now: Timestamp) -> Settlement {
    match outcome {
        Outcome::Done(receipt) => settlement(Event::Taken, cause, now).with(receipt),
        Outcome::Accepted { receipt, ask_again_at } => settlement(Event::TakenForNow, cause, now)
            .with(receipt)
            .because(Reason::new(ReasonCode::InProgress))
            .due(ask_again_at.max(now)),
    }
}

fn not_taken(
    reason: Reason,
    asked_for: Option<Duration>,
    cause: Attempted,
    around: Circumstances<'_>,
) -> Settlement {
    let pause = asked_for
        .map_or_else(|| wait(around.destination.retry, around), |pause| pause.min(LONGEST_RETRY_AFTER));
    settlement(Event::NotTaken, cause, around.now).because(reason).due(later(around.now, pause))
}

fn ask_later(reason: Reason, asked: u32, around: Circumstances<'_>) -> Settlement {
    let due = later(around.now, ASK_AGAIN.ceiling(asked.max(1)));
    settlement(Event::NoWordYet, RULE, around.now).because(reason).due(due)
}

/// Full jitter: anything from nothing to the ceiling, so that what failed together does not come back together.
fn wait(retry: Retry, around: Circumstances<'_>) -> Duration {
    retry.ceiling(around.attempts).mul_f64(around.chance.clamp(0.0, 1.0))
}

/// A settlement without anything but its event.
pub(crate) fn settlement(event: Event, cause: Attempted, at: Timestamp) -> Settlement {
    Settlement { at, event, cause, reason: None, due_at: None, receipt: None, begins: Vec::new() }
}

/// `pause` after `now`; the end of time where that cannot be written.
fn later(now: Timestamp, pause: Duration) -> Timestamp {
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}

pub(crate) trait Saying: Sized {
    fn because(self, reason: Reason) -> Self;
    fn due(self, at: Timestamp) -> Self;
    fn with(self, receipt: Receipt) -> Self;
}

impl Saying for Settlement {
    fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    fn due(mut self, at: Timestamp) -> Self {
        self.due_at = Some(at);
        self
    }

    fn with(mut self, receipt: Receipt) -> Self {
        self.receipt = Some(receipt);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rohrpost_model::DestinationName;

    fn destination(unknown: OnUnknown) -> Destination {
        let name: DestinationName = "ziel".parse().unwrap();
        let retry = Retry { first: Duration::from_secs(10), cap: Duration::from_secs(60), age: None };
        Destination { retry, unknown, ..Destination::new(name) }
    }

    fn around(destination: &Destination, deduplicates: bool) -> Circumstances<'_> {
        Circumstances { destination, deduplicates, attempts: 3, now: Timestamp::UNIX_EPOCH, chance: 1.0 }
    }

    fn torn() -> Failure {
        Failure::Unknown(Reason::new(ReasonCode::Torn))
    }

    #[test]
    fn h5_an_unknown_attempt_is_asked_about_and_not_repeated() {
        let verdict = attempt(Err(torn()), around(&destination(OnUnknown::Retry), true));
        assert_eq!(verdict.event, Event::OutcomeLost);
        assert_eq!(verdict.due_at.unwrap().as_second(), 5);
    }

    #[test]
    fn h5_without_a_word_only_a_deduplicating_or_permitting_destination_repeats() {
        let event = |unknown, deduplicates| {
            inquiry(Ok(Inquiry::NoWord), State::Unknown, 1, around(&destination(unknown), deduplicates)).event
        };
        assert_eq!(event(OnUnknown::Park, false), Event::GivenUp);
        assert_eq!(event(OnUnknown::Park, true), Event::SendAgain);
        assert_eq!(event(OnUnknown::Retry, false), Event::SendAgain);
    }

    #[test]
    fn h5_a_target_that_cannot_be_asked_is_asked_again_then_counts_as_no_word() {
        let destination = destination(OnUnknown::Park);
        let unreachable = || Err(Failure::unavailable(Reason::new(ReasonCode::Unreachable)));
        let first = inquiry(unreachable(), State::Unknown, 1, around(&destination, false));
        assert_eq!(first.event, Event::NoWordYet);
        let last = inquiry(unreachable(), State::Unknown, ASKED_ENOUGH, around(&destination, false));
        assert_eq!(last.event, Event::GivenUp);
        let awaiting = inquiry(unreachable(), State::Awaiting, 1000, around(&destination, false));
        assert_eq!(awaiting.event, Event::NoWordYet, "what was taken is asked about for as long as it takes");
    }

    #[test]
    fn unavailable_waits_longer_each_time_up_to_the_cap_or_as_the_target_says() {
        let destination = destination(OnUnknown::Park);
        let mut circumstances = around(&destination, false);
        let due = |circumstances, after| {
            let failure =
                Failure::Unavailable { reason: Reason::new(ReasonCode::TargetBusy), retry_after: after };
            attempt(Err(failure), circumstances).due_at.unwrap().as_second()
        };
        assert_eq!(due(circumstances, None), 40);
        circumstances.attempts = 9;
        assert_eq!(due(circumstances, None), 60);
        circumstances.chance = 0.5;
        assert_eq!(due(circumstances, None), 30);
        assert_eq!(due(circumstances, Some(Duration::from_secs(7))), 7);
        assert_eq!(due(circumstances, Some(Duration::from_secs(1 << 40))), 86_400);
    }
}
