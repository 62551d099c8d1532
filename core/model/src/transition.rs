//! The one table of a delivery's states. Every store asks it before it writes.
//!
//! ```text
//! Blocked → Due → Claimed → Sending → Delivered            end states: Delivered, Skipped, Discarded, Expired
//! Claimed → Due (crash, shutdown: nothing left the house) | Parked (Defect) | Skipped (condition false)
//! Sending → Sending when progress is recorded
//! Sending → Delivered | Awaiting | Due (Unavailable) | Parked (Refused) | Unknown (crash, time-out, torn connection)
//! Unknown → inquire: found → Delivered | Awaiting; surely absent → Due; no word → Due | Parked, or asked again later
//! Awaiting → Delivered | Awaiting (asked again later) | Due (surely undone) | Parked (refused later, deadline)
//! Sending, Unknown, Awaiting → Parked instead of Due where it was tried for long enough
//! Parked, Due, Blocked, Awaiting, Unknown → Due | Discarded by command; Parked, Blocked, Due → Expired by rule
//! Awaiting in a mailbox → Awaiting when its reader fetches it first, Delivered when the reader closes it
//! Awaiting → Awaiting when somebody outside said something of it, so that its target is asked at once
//! Parked, Due, Blocked, Awaiting, Unknown stay what they are when a person pauses or resumes them, and Parked, Blocked,
//! Due when the rule warns
//! ```

use crate::State;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What happens to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The steps it comes after are done.
    Released,
    /// Somebody takes the right to one attempt.
    Claimed,
    /// The attempt ended before the mark: a crash, a shutdown, or trouble of the hub's own that passes.
    GivenBack,
    /// Its condition is false.
    ConditionFalse,
    /// The hub's mapping or configuration is wrong.
    Defect,
    /// The mark is committed: the first byte may leave.
    Marked,
    /// One of several calls was made, and what came of it is kept.
    ProgressRecorded,
    /// The target has it, by its answer or by its word when asked.
    Taken,
    /// The target took it and owes its final word.
    TakenForNow,
    /// The target surely does not have it, or not yet all of it.
    NotTaken,
    /// The target will refuse it again.
    Refused,
    /// Nobody can tell whether the target has it.
    OutcomeLost,
    /// The target was asked and gave no word; it is asked again.
    NoWordYet,
    /// The target was asked and gave no word; the destination says `unknown = "retry"`.
    SendAgain,
    /// The target was asked and gave no word; the destination says `unknown = "park"`, or a deadline has passed.
    GivenUp,
    /// It would be sent again, but was tried for as long as its destination says.
    TriedLongEnough,
    /// A person asked for another attempt.
    RetryCommanded,
    /// A person gave it up.
    DiscardCommanded,
    /// A person paused it: it stays what it is, and nothing is done with it.
    PauseCommanded,
    /// A person let it go on.
    ResumeCommanded,
    /// The reader of its mailbox fetched it for the first time.
    FetchedByReader,
    /// The reader of its mailbox has it for good.
    ClosedByReader,
    /// Somebody outside said something of it; its target is asked at once.
    Notified,
    /// The route's rule will give it up soon.
    ExpiryWarned,
    /// The route's rule gave it up.
    ExpiredByRule,
}

impl Event {
    /// All events, in the order of a delivery's life.
    pub const ALL: [Self; 25] = [
        Self::Released,
        Self::Claimed,
        Self::GivenBack,
        Self::ConditionFalse,
        Self::Defect,
        Self::Marked,
        Self::ProgressRecorded,
        Self::Taken,
        Self::TakenForNow,
        Self::NotTaken,
        Self::Refused,
        Self::OutcomeLost,
        Self::NoWordYet,
        Self::SendAgain,
        Self::GivenUp,
        Self::TriedLongEnough,
        Self::RetryCommanded,
        Self::DiscardCommanded,
        Self::PauseCommanded,
        Self::ResumeCommanded,
        Self::FetchedByReader,
        Self::ClosedByReader,
        Self::Notified,
        Self::ExpiryWarned,
        Self::ExpiredByRule,
    ];
}

/// Somebody asked for a step that the table refuses: a defect of the hub, never of a sender or target. For commands it
/// is the plain answer that the delivery is not in a state where the command makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Impossible {
    /// The state that the delivery is in.
    pub state: State,
    /// What should have happened to it.
    pub event: Event,
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} cannot happen to a delivery that is {}", self.event, self.state)
    }
}

impl std::error::Error for Impossible {}

/// The state after `event`, or the refusal.
pub const fn next(state: State, event: Event) -> Result<State, Impossible> {
    use Event as E;
    use State as S;
    let next = match (state, event) {
        (S::Blocked, E::Released) => S::Due,
        (S::Due, E::Claimed) => S::Claimed,
        (S::Claimed, E::GivenBack) => S::Due,
        (S::Claimed | S::Blocked, E::ConditionFalse) => S::Skipped,
        (S::Claimed, E::Defect) => S::Parked,
        (S::Claimed, E::Marked) => S::Sending,
        (S::Sending, E::ProgressRecorded) => S::Sending,

        (S::Sending | S::Unknown | S::Awaiting, E::Taken) => S::Delivered,
        (S::Sending | S::Unknown | S::Awaiting, E::TakenForNow) => S::Awaiting,
        (S::Sending | S::Unknown | S::Awaiting, E::NotTaken) => S::Due,
        (S::Sending | S::Unknown | S::Awaiting, E::Refused) => S::Parked,
        (S::Awaiting, E::FetchedByReader | E::Notified) => S::Awaiting,
        (S::Awaiting, E::ClosedByReader) => S::Delivered,
        (S::Sending, E::OutcomeLost) => S::Unknown,
        (S::Unknown, E::NoWordYet) => S::Unknown,
        (S::Awaiting, E::NoWordYet) => S::Awaiting,
        (S::Unknown, E::SendAgain) => S::Due,
        (S::Unknown | S::Awaiting, E::GivenUp) => S::Parked,
        (S::Sending | S::Unknown | S::Awaiting, E::TriedLongEnough) => S::Parked,

        (S::Parked | S::Due | S::Blocked | S::Awaiting | S::Unknown, E::RetryCommanded) => S::Due,
        (S::Parked | S::Due | S::Blocked | S::Awaiting | S::Unknown, E::DiscardCommanded) => S::Discarded,
        (
            S::Parked | S::Due | S::Blocked | S::Awaiting | S::Unknown,
            E::PauseCommanded | E::ResumeCommanded,
        )
        | (S::Parked | S::Blocked | S::Due, E::ExpiryWarned) => state,
        (S::Parked | S::Blocked | S::Due, E::ExpiredByRule) => S::Expired,
        _ => return Err(Impossible { state, event }),
    };
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_events_is_complete() {
        // Whoever reads an unknown word is told all that are known.
        let told = serde_json::from_str::<Event>("\"?\"").unwrap_err().to_string();
        let listed: Vec<_> =
            Event::ALL.iter().map(|event| serde_json::to_string(event).unwrap().replace('"', "`")).collect();
        assert!(told.contains(&format!("expected one of {}", listed.join(", "))), "{told}");
        assert_eq!(told.matches('`').count(), 2 * (listed.len() + 1), "{told}");
    }

    #[test]
    fn h2_nothing_follows_an_end_state() {
        for state in State::ALL.into_iter().filter(|state| state.is_end()) {
            for event in Event::ALL {
                assert!(next(state, event).is_err(), "{event:?} must not change {state}");
            }
        }
    }

    #[test]
    fn h2_every_open_state_has_a_way_on() {
        for state in State::ALL.into_iter().filter(|state| !state.is_end()) {
            let leaves = |event: &Event| next(state, *event).is_ok_and(|to| to != state);
            assert!(Event::ALL.iter().any(leaves), "{state} is a dead end");
        }
    }

    #[test]
    fn h5_only_a_mark_leads_to_sending_and_a_lost_outcome_never_straight_to_due() {
        for state in State::ALL {
            for event in Event::ALL {
                let to = next(state, event);
                assert!(to != Ok(State::Sending) || event == Event::Marked || state == State::Sending);
                assert!(event != Event::OutcomeLost || !matches!(to, Ok(State::Due)));
            }
        }
    }

    #[test]
    fn h6_a_claimed_or_sending_delivery_takes_no_command() {
        for state in [State::Claimed, State::Sending] {
            assert!(next(state, Event::RetryCommanded).is_err());
            assert!(next(state, Event::DiscardCommanded).is_err());
        }
    }
}
