//! What an answer means for a delivery. Pure: the same answer always means the same.

use rohrpost_model::destination::{Destination, OnUnknown, Retry, Written};
use rohrpost_model::ports::{Attempted, Inquiry, Settlement};
use rohrpost_model::transition::Event;
use rohrpost_model::{Failure, Outcome, Reason, ReasonCode, Receipt, State, Timestamp};
use std::time::Duration;

/// How long an unknown delivery waits, at least and at most, before its target is asked again.
pub(crate) const ASK_AGAIN: Retry =
    Retry { first: Duration::from_secs(5), cap: Duration::from_secs(900), age: None };

/// How often a target is asked about an unknown delivery before the answer counts as "no word".
const ASKED_ENOUGH: u32 = 5;

/// The longest wait before anything is tried or asked again, whatever a target asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// The shortest wait before a target is asked again about what it took, whatever it says itself.
const SOONEST: Duration = Duration::from_secs(1);

/// What the judge looks at beside the answer.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The destination's policy.
    pub destination: &'a Destination,
    /// Whether the target drops repetitions by itself.
    pub deduplicates: bool,
    /// How many attempts were begun since acceptance or since a person's last retry, this one included.
    pub tries: u32,
    /// When the first of them began; `None`: now.
    pub tries_since: Option<Timestamp>,
    /// When the delivery came into the state that it is in.
    pub since: Timestamp,
    /// The time now.
    pub now: Timestamp,
    /// A random number from 0 to 1, for the jitter.
    pub chance: f64,
}

/// The longest that a delivery waits by itself for its next attempt or inquiry, but for one that is awaiting. What is due
/// later than that was written under a clock that was put back since, or its target asked to be left alone for longer,
/// which its gate knows.
pub(crate) fn longest_wait(destination: &Destination) -> Duration {
    destination.retry.cap.max(ASK_AGAIN.cap).saturating_add(Duration::from_secs(60))
}

/// The verdict on an attempt.
pub fn attempt(answer: Result<Outcome, Failure>, around: Circumstances<'_>) -> Settlement {
    match answer {
        Ok(outcome) => taken(outcome, Attempted::Attempt, around.now, around),
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
            let taken_at = if state == State::Awaiting { around.since } else { around.now };
            let found = taken(outcome, RULE, taken_at, around);
            if found.reason.is_none() { found.because(Reason::new(ReasonCode::Found)) } else { found }
        }
        Ok(Inquiry::Absent) => {
            not_taken(Reason::new(ReasonCode::SurelyAbsent), Some(Duration::ZERO), RULE, around)
        }
        // The target was asked, and can be asked for each call that is outstanding: no blind repetition (H5).
        Ok(Inquiry::Unfinished) => {
            not_taken(Reason::new(ReasonCode::Unfinished), Some(Duration::ZERO), RULE, around)
        }
        Err(Failure::Refused(reason) | Failure::Defect(reason)) => {
            settlement(Event::Refused, RULE, around.now).because(reason)
        }
        Ok(Inquiry::NoWord) if state == State::Awaiting => {
            await_longer(Reason::new(ReasonCode::InProgress), asked, around)
        }
        Err(failure) if state == State::Awaiting => await_longer(failure.reason().clone(), asked, around),
        Ok(Inquiry::NoWord) => no_word(around),
        // It said itself when there will be a word: that is no silence, however often it is said.
        Err(Failure::Unavailable { reason, retry_after: Some(pause) })
            if reason.code == ReasonCode::CallOutstanding =>
        {
            let due = later(around.now, pause.min(ASK_AGAIN.cap));
            settlement(Event::NoWordYet, RULE, around.now).because(reason).due(due)
        }
        Err(_) if asked >= ASKED_ENOUGH => no_word(around),
        Err(failure) => {
            let due = later(around.now, ASK_AGAIN.ceiling(asked.max(1)));
            settlement(Event::NoWordYet, RULE, around.now).because(failure.reason().clone()).due(due)
        }
    }
}

/// An inquiry is the hub's own rule: nothing is sent.
const RULE: Attempted = Attempted::Rule("inquiry");

/// Nobody can tell whether it arrived: repeat only where that does no harm (promise H5).
fn no_word(around: Circumstances<'_>) -> Settlement {
    let reason = Reason::new(ReasonCode::NoWord);
    if around.deduplicates || around.destination.unknown == OnUnknown::Retry {
        return again(Event::SendAgain, reason, wait(around), RULE, around);
    }
    settlement(Event::GivenUp, RULE, around.now).because(reason)
}

/// The target took it at that time.
fn taken(outcome: Outcome, cause: Attempted, taken_at: Timestamp, around: Circumstances<'_>) -> Settlement {
    match outcome {
        Outcome::Done(receipt) => settlement(Event::Taken, cause, around.now).with(receipt),
        Outcome::Accepted { receipt, ask_again_at } => {
            let reason = Reason::new(ReasonCode::InProgress);
            awaiting(Event::TakenForNow, reason, (taken_at, ask_again_at), cause, around).with(receipt)
        }
    }
}

/// It was asked about what it took, and has not said its final word.
fn await_longer(reason: Reason, asked: u32, around: Circumstances<'_>) -> Settlement {
    let ask_again_at = later(around.now, around.destination.awaiting.ceiling(asked.max(1)));
    awaiting(Event::NoWordYet, reason, (around.since, ask_again_at), RULE, around)
}

/// Its final word is waited for until the deadline, at which it is asked a last time.
fn awaiting(
    event: Event,
    reason: Reason,
    (taken_at, ask_again_at): (Timestamp, Timestamp),
    cause: Attempted,
    around: Circumstances<'_>,
) -> Settlement {
    let patience = around.destination.awaiting.deadline;
    let deadline = later(taken_at, patience);
    if around.now >= deadline {
        let reason = Reason::new(ReasonCode::AwaitingTooLong).with("deadline", Written(patience));
        return settlement(Event::GivenUp, cause, around.now).because(reason);
    }
    let (soonest, latest) = (later(around.now, SOONEST), later(around.now, LONGEST_PAUSE));
    let due = ask_again_at.max(soonest).min(latest).min(deadline);
    settlement(event, cause, around.now).because(reason).due(due)
}

fn not_taken(
    reason: Reason,
    asked_for: Option<Duration>,
    cause: Attempted,
    around: Circumstances<'_>,
) -> Settlement {
    let pause = asked_for.unwrap_or_else(|| wait(around));
    again(Event::NotTaken, reason, pause, cause, around)
}

/// It is sent again after the pause, unless it was tried for long enough. A pause that would go on past that time ends
/// at it, so that the last attempt is made as late as the destination says.
fn again(
    event: Event,
    reason: Reason,
    pause: Duration,
    cause: Attempted,
    around: Circumstances<'_>,
) -> Settlement {
    let due = later(around.now, pause.min(LONGEST_PAUSE));
    let Some(age) = around.destination.retry.age else {
        return settlement(event, cause, around.now).because(reason).due(due);
    };
    let last = later(around.tries_since.unwrap_or(around.now), age);
    if around.now >= last {
        return settlement(Event::TriedLongEnough, cause, around.now).because(long_enough(age, reason));
    }
    settlement(event, cause, around.now).because(reason).due(due.min(last))
}

/// The attempt that was the last one keeps its own reason's word and parameters.
fn long_enough(age: Duration, last: Reason) -> Reason {
    let code = last.code;
    let reason = Reason { code: ReasonCode::TriedLongEnough, ..last };
    reason.with("age", Written(age)).with("last", code)
}

/// Full jitter: anything from nothing to the ceiling, so that what failed together does not come back together.
fn wait(around: Circumstances<'_>) -> Duration {
    around.destination.retry.ceiling(around.tries).mul_f64(around.chance.clamp(0.0, 1.0))
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

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn around(destination: &Destination, deduplicates: bool) -> Circumstances<'_> {
        let now = at(0);
        Circumstances { destination, deduplicates, tries: 3, tries_since: None, since: now, now, chance: 1.0 }
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
    fn h5_what_is_unfinished_goes_on_at_once_only_because_the_target_was_asked() {
        let destination = destination(OnUnknown::Park);
        let word = inquiry(Ok(Inquiry::Unfinished), State::Unknown, 1, around(&destination, false));
        assert_eq!((word.event, word.due_at), (Event::NotTaken, Some(at(0))));
        assert_eq!(word.reason, Some(Reason::new(ReasonCode::Unfinished)));
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
        circumstances.tries = 9;
        assert_eq!(due(circumstances, None), 60);
        circumstances.chance = 0.5;
        assert_eq!(due(circumstances, None), 30);
        assert_eq!(due(circumstances, Some(Duration::from_secs(7))), 7);
        assert_eq!(due(circumstances, Some(Duration::from_secs(1 << 40))), 86_400);
    }
    fn unreachable() -> Failure {
        Failure::unavailable(Reason::new(ReasonCode::Unreachable))
    }

    #[test]
    fn what_was_tried_for_as_long_as_its_destination_says_waits_for_a_person() {
        let mut destination = destination(OnUnknown::Retry);
        destination.retry.age = Some(Duration::from_secs(3600));
        let verdict = |now, answer: fn() -> Failure| {
            let around =
                Circumstances { now: at(now), tries_since: Some(at(0)), ..around(&destination, false) };
            attempt(Err(answer()), around)
        };
        assert_eq!(verdict(3500, unreachable).due_at, Some(at(3540)));
        assert_eq!(
            verdict(3590, unreachable).due_at,
            Some(at(3600)),
            "the last attempt is made when the age is reached"
        );
        let asked = || Failure::Unavailable {
            reason: Reason::new(ReasonCode::TargetBusy).with("status", 503),
            retry_after: Some(Duration::from_secs(600)),
        };
        assert_eq!(verdict(3590, asked).due_at, Some(at(3600)), "whatever the target asked for");
        let last = verdict(3600, asked);
        assert_eq!((last.event, last.due_at), (Event::TriedLongEnough, None));
        let told = Reason::new(ReasonCode::TriedLongEnough)
            .with("age", "1h")
            .with("last", "target-busy")
            .with("status", 503);
        assert_eq!(last.reason, Some(told), "what was the matter at last is not lost");
        assert_eq!(verdict(3600, torn).event, Event::OutcomeLost, "that is asked about first");
    }

    #[test]
    fn a_target_that_says_when_it_will_know_is_asked_then_and_does_not_count_as_silent() {
        let destination = destination(OnUnknown::Park);
        let later = |code, pause| Failure::Unavailable {
            reason: Reason::new(code),
            retry_after: Some(Duration::from_secs(pause)),
        };
        let verdict = |failure| inquiry(Err(failure), State::Unknown, 9, around(&destination, false));
        let waits = verdict(later(ReasonCode::CallOutstanding, 40));
        assert_eq!((waits.event, waits.due_at), (Event::NoWordYet, Some(at(40))));
        let capped = verdict(later(ReasonCode::CallOutstanding, 10_000));
        assert_eq!(capped.due_at, Some(at(900)), "no longer than between any two inquiries");
        assert_eq!(verdict(later(ReasonCode::TargetBusy, 40)).event, Event::GivenUp);
    }

    #[test]
    fn an_unknown_one_that_may_be_repeated_is_not_repeated_past_its_age_either() {
        let mut destination = destination(OnUnknown::Retry);
        destination.retry.age = Some(Duration::from_secs(3600));
        let event = |now, answer| {
            let around =
                Circumstances { now: at(now), tries_since: Some(at(0)), ..around(&destination, false) };
            inquiry(Ok(answer), State::Unknown, 1, around).event
        };
        assert_eq!(event(3599, Inquiry::NoWord), Event::SendAgain);
        assert_eq!(event(3600, Inquiry::NoWord), Event::TriedLongEnough);
        assert_eq!(event(3599, Inquiry::Absent), Event::NotTaken);
        assert_eq!(event(3600, Inquiry::Absent), Event::TriedLongEnough);
    }

    #[test]
    fn without_an_age_it_is_tried_for_ever() {
        let destination = destination(OnUnknown::Park);
        let around =
            Circumstances { now: at(1 << 32), tries_since: Some(at(0)), ..around(&destination, false) };
        assert_eq!(attempt(Err(unreachable()), around).event, Event::NotTaken);
    }

    fn for_now(ask_again_at: i64) -> Outcome {
        Outcome::Accepted { receipt: Receipt::default(), ask_again_at: at(ask_again_at) }
    }

    #[test]
    fn what_was_taken_is_asked_about_at_times_that_stretch_out_and_last_at_the_deadline() {
        let mut destination = destination(OnUnknown::Park);
        destination.awaiting.deadline = Duration::from_secs(86_400);
        let due = |now, asked, answer| {
            let around = Circumstances { now: at(now), ..around(&destination, false) };
            inquiry(answer, State::Awaiting, asked, around).due_at.unwrap().as_second() - now
        };
        let waits: Vec<_> = (1..=10).map(|asked| due(100, asked, Ok(Inquiry::NoWord))).collect();
        assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3840, 7680, 15_360, 21_600]);
        assert_eq!(due(100, 3, Err(unreachable())), 240);
        assert_eq!(due(86_000, 10, Ok(Inquiry::NoWord)), 400);
        assert_eq!(due(86_000, 10, Ok(Inquiry::Found(for_now(1 << 30)))), 400, "whatever the target says");
        assert_eq!(due(100, 1, Ok(Inquiry::Found(for_now(150)))), 50);
        assert_eq!(due(100, 1, Ok(Inquiry::Found(for_now(50)))), 1, "never at once");
    }

    #[test]
    fn what_was_taken_and_stays_without_a_final_word_waits_for_a_person_after_the_deadline() {
        let destination = destination(OnUnknown::Park);
        let deadline = 30 * 86_400;
        for answer in
            [Ok(Inquiry::NoWord), Ok(Inquiry::Found(for_now(1 << 33))), Err(unreachable()), Err(torn())]
        {
            let around = Circumstances { now: at(deadline), ..around(&destination, false) };
            let verdict = inquiry(answer.clone(), State::Awaiting, 9, around);
            assert_eq!((verdict.event, verdict.due_at), (Event::GivenUp, None), "{answer:?}");
            let told = Reason::new(ReasonCode::AwaitingTooLong).with("deadline", "30d");
            assert_eq!(verdict.reason, Some(told));
        }
        let around = Circumstances { now: at(deadline), ..around(&destination, false) };
        let found = inquiry(Ok(Inquiry::Found(for_now(1 << 33))), State::Unknown, 1, around);
        assert_eq!(found.event, Event::TakenForNow, "taken now, as far as anybody knows");
        assert_eq!(found.due_at, Some(at(deadline + 86_400)), "asked about every day at least");
        let done = inquiry(Ok(Inquiry::Found(Outcome::Done(Receipt::default()))), State::Awaiting, 1, around);
        assert_eq!(done.event, Event::Taken, "a final word counts whenever it comes");
    }
}
