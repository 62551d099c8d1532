//! What the hub knows of a foreign system beside how to talk to it.

use crate::calendar::Calendar;
use crate::{DestinationName, TenantName};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// The part of a configured foreign system that the engine needs. How to talk to it is its
/// [`Target`](crate::ports::Target)'s business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Its name.
    pub name: DestinationName,
    /// Whose submissions may reach it (promise H7). A shared destination lists several.
    pub tenants: BTreeSet<TenantName>,
    /// Takes only test submissions, or only live ones.
    pub test: bool,
    /// The most deliveries under way to it at one time.
    pub concurrency: u16,
    /// The longest time one attempt may take.
    pub timeout: Duration,
    /// How many conversations may begin in a time; `None`: as many as there are places.
    pub rate: Option<Rate>,
    /// When a delivery that was surely not taken is tried again.
    pub retry: Retry,
    /// When it is left alone after trouble; `None`: never.
    pub breaker: Option<Breaker>,
    /// How it is taken up again after the breaker had opened; `None`: with all its places at once.
    pub ramp: Option<Ramp>,
    /// When it is asked about what it took without a final word.
    pub awaiting: Awaiting,
    /// When it is off without being in trouble.
    pub calendar: Calendar,
    /// What becomes of a delivery whose outcome nobody can tell (promise H5).
    pub unknown: OnUnknown,
}

impl Destination {
    /// The most deliveries under way at one time, where nothing else is said.
    pub const CONCURRENCY: u16 = 4;

    /// The longest time of one attempt, where nothing else is said.
    pub const TIMEOUT: Duration = MINUTE;

    /// A live destination for nobody yet, with the policy that holds where the configuration says nothing.
    pub fn new(name: DestinationName) -> Self {
        Self {
            name,
            tenants: BTreeSet::new(),
            test: false,
            concurrency: Self::CONCURRENCY,
            timeout: Self::TIMEOUT,
            rate: None,
            retry: Retry::default(),
            breaker: Some(Breaker::default()),
            ramp: Some(Ramp::default()),
            awaiting: Awaiting::default(),
            calendar: Calendar::default(),
            unknown: OnUnknown::default(),
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// When a delivery is tried again: exponential, with full jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The longest wait after the first attempt; doubled with every further one.
    pub first: Duration,
    /// The longest wait at all.
    pub cap: Duration,
    /// How long it is tried at all, from the first attempt since acceptance or since a person's last retry; then it
    /// waits for a person. `None`: for ever.
    pub age: Option<Duration>,
}

impl Default for Retry {
    /// Fourteen days: longer than an outage over the holidays, short enough that somebody looks before the matter is
    /// forgotten.
    fn default() -> Self {
        Self { first: Duration::from_secs(30), cap: HOUR, age: Some(14 * DAY) }
    }
}

impl Retry {
    /// The longest wait after attempt number `attempt` (counted from 1).
    pub fn ceiling(&self, attempt: u32) -> Duration {
        doubled(self.first, self.cap, attempt)
    }
}

/// `first` after one time, doubled with each further one, never more than `cap`.
fn doubled(first: Duration, cap: Duration, times: u32) -> Duration {
    let doublings = times.saturating_sub(1).min(30);
    first.saturating_mul(1 << doublings).min(cap)
}

/// So many in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many, 1 at least.
    pub count: u32,
    /// In which time, longer than nothing.
    pub per: Duration,
}

/// When a destination is left alone because it is in trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// After how many conversations in a row that met trouble, 1 at least.
    pub failures: u32,
    /// How long it rests the first time; doubled each time that trouble goes on.
    pub rest: Duration,
    /// The longest rest.
    pub cap: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failures: 5, rest: Duration::from_secs(30), cap: 10 * MINUTE }
    }
}

impl Breaker {
    /// The longest rest after opening number `opening` (counted from 1).
    pub fn ceiling(&self, opening: u32) -> Duration {
        doubled(self.rest, self.cap, opening)
    }
}

/// How a destination that was in trouble is taken up again, so that what has gathered does not fall upon it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ramp {
    /// How many conversations may begin at first.
    pub first: Rate,
    /// How long its own limits do not hold yet.
    pub over: Duration,
}

impl Default for Ramp {
    fn default() -> Self {
        Self { first: Rate { count: 1, per: Duration::from_secs(1) }, over: MINUTE }
    }
}

impl Ramp {
    /// In how many steps of equal length it climbs.
    pub const STEPS: u32 = 6;

    /// How long a step lasts.
    pub fn step(&self) -> Duration {
        self.over / Self::STEPS
    }

    /// How many may begin in step number `step` (counted from 0): the first number, doubled with each step.
    pub fn rate(&self, step: u32) -> Rate {
        let count = self.first.count.saturating_mul(1 << step.min(Self::STEPS - 1));
        Rate { count, per: self.first.per }
    }
}

/// When a target is asked about what it took without a final word (a payment, a print job, a mailbox).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Awaiting {
    /// The wait after the first inquiry that brought no final word; doubled with every further one.
    pub first: Duration,
    /// The longest wait.
    pub cap: Duration,
    /// How long after it took the delivery its final word is waited for; then a person decides.
    pub deadline: Duration,
}

impl Default for Awaiting {
    fn default() -> Self {
        Self { first: MINUTE, cap: 6 * HOUR, deadline: 30 * DAY }
    }
}

impl Awaiting {
    /// The wait after inquiry number `asked` (counted from 1).
    pub fn ceiling(&self, asked: u32) -> Duration {
        doubled(self.first, self.cap, asked)
    }
}

/// What becomes of a delivery whose outcome nobody can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnknown {
    /// It waits for a person.
    #[default]
    Park,
    /// It is sent again, with the same key and the same bytes.
    Retry,
}

/// A duration as the configuration writes it, in the largest unit that needs no fraction: `14d`, `90s`, `250ms`.
#[derive(Clone, Copy, Debug)]
pub struct Written(pub Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
        let fitting = units.into_iter().find(|(_, unit)| millis > 0 && millis.is_multiple_of(*unit));
        let (name, unit) = fitting.unwrap_or(("ms", 1));
        write!(f, "{}{name}", millis / unit)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, Written(self.per))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_cap() {
        let retry = Retry::default();
        let waits: Vec<_> = [1, 2, 3, 7, 8, 400].map(|attempt| retry.ceiling(attempt).as_secs()).into();
        assert_eq!(waits, [30, 60, 120, 1920, 3600, 3600]);
        assert_eq!(Breaker::default().ceiling(6), Duration::from_secs(600));
    }

    #[test]
    fn the_ramp_doubles_in_six_steps() {
        let ramp = Ramp::default();
        let counts: Vec<_> = (0..7).map(|step| ramp.rate(step).count).collect();
        assert_eq!(counts, [1, 2, 4, 8, 16, 32, 32]);
        assert_eq!(ramp.step(), Duration::from_secs(10));
    }

    #[test]
    fn durations_are_written_as_the_configuration_reads_them() {
        let written = |millis| Written(Duration::from_millis(millis)).to_string();
        assert_eq!(
            [0, 250, 90_000, 120_000, 7_200_000, 14 * 86_400_000].map(written),
            ["0ms", "250ms", "90s", "2m", "2h", "14d"]
        );
        assert_eq!(Rate { count: 100, per: Duration::from_secs(60) }.to_string(), "100/1m");
    }
}
