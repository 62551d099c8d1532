use super::Ended;
use rohrpost_model::Timestamp;
use rohrpost_model::destination::{Breaker, Destination, Ramp, Rate};
use std::time::Duration;

/// The circuit breaker and the ramp after it.
///
/// ```text
/// Closed ─ so many in a row met trouble ─→ Open ─ its rest is over, and one that tries it reaches it ─→ Ramping
///   ↑                                        ↑ └─ the one that tries it meets trouble: rests longer ─┘     │ │
///   │                                        └── so many in a row met trouble: rests longer ───────────────┘ │
///   └─────────────────────────────────────────────────── all steps climbed: the next outage rests anew ──────┘
/// ```
///
/// Only conversations that began since the breaker opened the last time are evidence. What was under way when it opened
/// and ends later neither closes it (that answer is about a time before) nor lengthens its rest (a batch that fails
/// together is one outage).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Circuit {
    state: State,
    /// How often the breaker has opened.
    era: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { troubled: u32 },
    Open { outage: Outage, until: Duration, probing: Option<Timestamp> },
    Ramping { outage: Outage, step: u32, began: Duration, troubled: u32 },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { troubled: 0 }
    }
}

/// From the first opening to the end of the ramp.
#[derive(Clone, Copy, Debug)]
struct Outage {
    since: Timestamp,
    openings: u32,
}

impl Circuit {
    /// The circuit at this time: at most one step of the ramp further, and as the policy now is.
    pub fn after(mut self, policy: &Destination, at: Duration) -> Self {
        self.state = match (self.state, policy.breaker, policy.ramp) {
            // The configuration has no breaker any more.
            (State::Open { outage, .. }, None, _) => recovering(policy, outage, at),
            (State::Open { outage, until, probing }, Some(breaker), _) => {
                State::Open { outage, until: until.min(at + breaker.cap), probing }
            }
            (State::Ramping { .. }, _, None) => State::default(),
            (State::Ramping { outage, step, began, troubled }, _, Some(ramp)) => {
                climbed(ramp, outage, (step, began), troubled, at)
            }
            (closed, ..) => closed,
        };
        self
    }

    /// Since when it is in trouble and until when it rests.
    pub fn resting(&self, at: Duration) -> Option<(Timestamp, Duration)> {
        match self.state {
            State::Open { outage, until, .. } if until > at => Some((outage.since, until)),
            _ => None,
        }
    }

    /// Since when a conversation tries whether the target is back.
    pub fn probing(&self) -> Option<Timestamp> {
        match self.state {
            State::Open { probing, .. } => probing,
            _ => None,
        }
    }

    /// Whether a conversation would only try whether the target is back.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// How many may begin on this step of the ramp; `None`: it is not on the ramp.
    pub fn ramp(&self, policy: &Destination) -> Option<Rate> {
        match self.state {
            State::Ramping { step, .. } => policy.ramp.map(|ramp| ramp.rate(step)),
            _ => None,
        }
    }

    /// What its beginnings are counted by: on the ramp its step, and before it the first step, so that the one that tried
    /// whether the target is back is the first of the ramp.
    pub fn counted_by(&self, policy: &Destination) -> Option<Rate> {
        match self.state {
            State::Open { .. } => policy.ramp.map(|ramp| ramp.rate(0)),
            _ => self.ramp(policy),
        }
    }

    /// When the next step of the ramp begins.
    pub fn next_step(&self, policy: &Destination, at: Duration) -> Duration {
        match (self.state, policy.ramp) {
            (State::Ramping { began, .. }, Some(ramp)) => began + ramp.step(),
            _ => at,
        }
    }

    /// A conversation begins. Returns the era that it is evidence for.
    pub fn begin(&mut self, now: Timestamp) -> u64 {
        if let State::Open { probing, .. } = &mut self.state {
            probing.get_or_insert(now);
        }
        self.era
    }

    /// A conversation of that era ended.
    pub fn end(
        &mut self,
        policy: &Destination,
        era: u64,
        ended: Ended,
        (at, now): (Duration, Timestamp),
        chance: f64,
    ) {
        if era != self.era {
            return;
        }
        match ended {
            Ended::Untouched => {
                if let State::Open { probing, .. } = &mut self.state {
                    *probing = None;
                }
            }
            Ended::Reached => self.reached(policy, at),
            Ended::Troubled { .. } => self.troubled(policy, at, now, chance),
        }
    }

    fn reached(&mut self, policy: &Destination, at: Duration) {
        match &mut self.state {
            State::Open { outage, .. } => self.state = recovering(policy, *outage, at),
            State::Closed { troubled } | State::Ramping { troubled, .. } => *troubled = 0,
        }
    }

    fn troubled(&mut self, policy: &Destination, at: Duration, now: Timestamp, chance: f64) {
        let Some(breaker) = policy.breaker else { return };
        let (outage, enough) = match &mut self.state {
            State::Open { outage, .. } => (*outage, true),
            State::Closed { troubled } => {
                *troubled = troubled.saturating_add(1);
                (Outage { since: now, openings: 0 }, *troubled >= breaker.failures)
            }
            State::Ramping { outage, troubled, .. } => {
                *troubled = troubled.saturating_add(1);
                (*outage, *troubled >= breaker.failures)
            }
        };
        if enough {
            self.open(breaker, outage, at, chance);
        }
    }

    /// Rests for between half and the whole of what is due after so many openings.
    fn open(&mut self, breaker: Breaker, outage: Outage, at: Duration, chance: f64) {
        let outage = Outage { openings: outage.openings.saturating_add(1), ..outage };
        let rest = breaker.ceiling(outage.openings).mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0);
        self.state = State::Open { outage, until: at + rest, probing: None };
        self.era += 1;
    }
}

/// The first step of the ramp, or closed where there is none.
fn recovering(policy: &Destination, outage: Outage, at: Duration) -> State {
    match policy.ramp {
        Some(_) => State::Ramping { outage, step: 0, began: at, troubled: 0 },
        None => State::default(),
    }
}

/// At most one step further. A look that comes more than a step late found nothing to do, or a clock that leapt; either
/// way the target has not borne this step yet, so the next one begins only now.
fn climbed(ramp: Ramp, outage: Outage, (step, began): (u32, Duration), troubled: u32, at: Duration) -> State {
    let length = ramp.step();
    if at < began + length {
        return State::Ramping { outage, step, began, troubled };
    }
    if step + 1 >= Ramp::STEPS {
        return State::Closed { troubled };
    }
    let began = if at < began + 2 * length { began + length } else { at };
    State::Ramping { outage, step: step + 1, began, troubled }
}
