//! How many conversations with a destination may begin now, and why not more. One gate per destination, in memory:
//! what it knows is about the target, not about deliveries, and a restart may forget it. Pure: time and chance come in
//! as arguments.
//!
//! A gate keeps a time of its own, which never runs backwards: where the clock is put back it stands still for that
//! look, so every rest goes on for what was left of it and none gets longer. Where the clock leaps forward, rests are
//! over, but one look never takes more than one step: from open to a single probe, from one step of the ramp to the
//! next, one period's worth of the rate.

mod circuit;
mod hold;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use hold::Hold;

use circuit::Circuit;
use rohrpost_model::calendar::Why;
use rohrpost_model::destination::Destination;
use rohrpost_model::{Failure, ReasonCode, Timestamp};
use std::time::Duration;
use window::Window;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The longest rest that a target may ask for.
const LONGEST_ASKED: Duration = DAY;

/// When a calendar is looked at again in which no opening was found.
const CALENDAR_AGAIN: Duration = DAY;

/// The gate of one destination. The default has seen nothing yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate {
    time: GateTime,
    under_way: usize,
    circuit: Circuit,
    /// Until then the target asked to be left alone.
    rest_until: Option<Duration>,
    /// What began, for the rate.
    rated: Window,
    /// What began, for the ramp.
    ramped: Window,
}

/// A conversation that began; to be given back to [`Gate::end`]. It tells what ends now from what was under way
/// already when the breaker opened.
#[derive(Debug)]
#[must_use = "a conversation that never ends keeps its place for ever"]
pub(crate) struct Begun {
    era: u64,
}

/// How a conversation ended, as evidence about the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It answered, be it with a refusal: it lives.
    Reached,
    /// It was not available, too slow, tore the connection, said that it is in trouble, or refused the credentials.
    Troubled {
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// It was not spoken to.
    Untouched,
}

/// How many conversations may begin now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// So many.
    pub may_begin: usize,
    /// Why not more, where the places are not what bounds it.
    pub held: Option<Hold>,
    /// When more may begin by the passing of time alone, once all that may begin now has begun.
    pub look_again_at: Option<Timestamp>,
}

impl Allowance {
    const fn none(held: Hold, look_again_at: Option<Timestamp>) -> Self {
        Self { may_begin: 0, held: Some(held), look_again_at }
    }
}

impl Gate {
    /// How many conversations may begin now.
    pub fn allowance(&mut self, policy: &Destination, now: Timestamp) -> Allowance {
        let at = self.advance(policy, now);
        self.judge(policy, &self.circuit, at, now)
    }

    /// Why none may begin now, to be shown; changes nothing.
    pub fn hold(&self, policy: &Destination, now: Timestamp) -> Option<Hold> {
        let at = self.time.at(now);
        let allowance = self.judge(policy, &self.circuit.after(policy, at), at, now);
        allowance.held.filter(|_| allowance.may_begin == 0)
    }

    /// One conversation begins, a delivery or an inquiry. Its place is free again after [`Gate::end`].
    pub fn begin(&mut self, policy: &Destination, now: Timestamp) -> Begun {
        let at = self.advance(policy, now);
        self.under_way += 1;
        self.rated.note(policy.rate, at);
        self.ramped.note(self.circuit.counted_by(policy), at);
        Begun { era: self.circuit.begin(now) }
    }

    /// A conversation ended. `chance` is a random number from 0 to 1, for the jitter of the breaker's rest.
    pub fn end(&mut self, policy: &Destination, begun: Begun, ended: Ended, now: Timestamp, chance: f64) {
        let at = self.advance(policy, now);
        self.under_way = self.under_way.saturating_sub(1);
        if let Ended::Troubled { retry_after: Some(asked) } = ended {
            self.rest_until = self.rest_until.max(Some(at + asked.min(LONGEST_ASKED)));
        }
        self.circuit.end(policy, begun.era, ended, (at, now), chance);
    }

    fn advance(&mut self, policy: &Destination, now: Timestamp) -> Duration {
        let at = self.time.at(now);
        self.time = GateTime { wall: Some(now), passed: at };
        self.circuit = self.circuit.after(policy, at);
        self.rest_until = self.rest_until.filter(|until| *until > at);
        at
    }

    fn judge(&self, policy: &Destination, circuit: &Circuit, at: Duration, now: Timestamp) -> Allowance {
        let wall = |until: Duration| later(now, until.saturating_sub(at));
        let rests = [
            closed(policy, now),
            self.rest_until
                .map(wall)
                .filter(|until| *until > now)
                .map(|until| (Hold::AskedToRest { until }, until)),
            circuit.resting(at).map(|(since, until)| {
                let until = wall(until);
                (Hold::BreakerOpen { since, until }, until)
            }),
        ];
        if let Some((hold, until)) = rests.into_iter().flatten().max_by_key(|(_, until)| *until) {
            return Allowance::none(hold, Some(until));
        }
        if let Some(since) = circuit.probing() {
            return Allowance::none(Hold::Probing { since }, None);
        }
        let free = usize::from(policy.concurrency).saturating_sub(self.under_way);
        if free == 0 {
            return Allowance::none(Hold::Full { under_way: self.under_way }, None);
        }
        self.bounded(policy, circuit, at, now, free)
    }

    /// The tightest of the bounds that leave something over, and of two alike the one that lasts longer.
    fn bounded(
        &self,
        policy: &Destination,
        circuit: &Circuit,
        at: Duration,
        now: Timestamp,
        free: usize,
    ) -> Allowance {
        let wall = |until: Duration| later(now, until.saturating_sub(at));
        let rate = policy.rate.map(|rate| {
            let until = wall(self.rated.more_at(rate, at));
            (self.rated.free(rate, at), Hold::Rate { until }, Some(until))
        });
        let ramp = circuit.ramp(policy).map(|rate| {
            let until = wall(self.ramped.more_at(rate, at).min(circuit.next_step(policy, at)));
            (self.ramped.free(rate, at), Hold::Ramp { until }, Some(until))
        });
        let probe = circuit.is_open().then_some((1, Hold::Probing { since: now }, None));
        let bounds = [rate, ramp, probe].into_iter().flatten().filter(|(most, ..)| *most < free);
        let tightest = bounds.min_by_key(|(most, _, until)| (*most, std::cmp::Reverse(*until)));
        match tightest {
            Some((may_begin, hold, look_again_at)) => {
                Allowance { may_begin, held: Some(hold), look_again_at }
            }
            None => Allowance { may_begin: free, held: None, look_again_at: None },
        }
    }
}

impl Ended {
    /// What an answer, or its absence, says about the target.
    pub fn of<T>(answer: &Result<T, Failure>) -> Self {
        match answer {
            Ok(_) => Self::Reached,
            // Its content could not be read: nothing was sent.
            Err(Failure::Unavailable { reason, .. }) if reason.code == ReasonCode::HubTrouble => {
                Self::Untouched
            }
            // One delivery waits for one call: nothing is wrong with the target.
            Err(Failure::Unavailable { reason, .. }) if reason.code == ReasonCode::CallOutstanding => {
                Self::Reached
            }
            Err(Failure::Unavailable { retry_after, .. }) => Self::Troubled { retry_after: *retry_after },
            // The next delivery would meet the same.
            Err(Failure::Refused(reason))
                if matches!(reason.code, ReasonCode::CredentialsRefused | ReasonCode::HostKeyDiffers) =>
            {
                Self::Troubled { retry_after: None }
            }
            Err(Failure::Refused(_)) => Self::Reached,
            Err(Failure::Unknown(reason)) if reason.code == ReasonCode::UnexpectedAnswer => {
                let status = reason.params.get("status").and_then(|status| status.parse::<u16>().ok());
                let fine = status.is_some_and(|status| status < 500);
                if fine { Self::Reached } else { Self::Troubled { retry_after: None } }
            }
            Err(Failure::Unknown(_)) => Self::Troubled { retry_after: None },
            Err(Failure::Defect(_)) => Self::Untouched,
        }
    }
}

/// The time since the gate's first look, which never runs backwards.
#[derive(Clone, Copy, Debug, Default)]
struct GateTime {
    /// What the clock said at the last look.
    wall: Option<Timestamp>,
    passed: Duration,
}

impl GateTime {
    fn at(self, now: Timestamp) -> Duration {
        let since = self.wall.map(|wall| Duration::try_from(now.duration_since(wall)).unwrap_or_default());
        self.passed.saturating_add(since.unwrap_or_default())
    }
}

/// Why the calendar closes the destination, and until when.
fn closed(policy: &Destination, now: Timestamp) -> Option<(Hold, Timestamp)> {
    let closing = policy.calendar.closed_at(now)?;
    let until = closing.until.unwrap_or_else(|| later(now, CALENDAR_AGAIN));
    let hold = match closing.why {
        Why::OutsideHours => Hold::Hours { until },
        Why::Maintenance => Hold::Maintenance { until },
        Why::Holiday => Hold::Holiday { until },
    };
    Some((hold, until))
}

/// `pause` after `now`; the end of time where that cannot be written.
fn later(now: Timestamp, pause: Duration) -> Timestamp {
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}
