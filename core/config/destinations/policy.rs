//! How a destination is treated: how much at a time, how often again, when it is left alone.

use super::hours::{self, DEFAULT_ZONE};
use crate::config::reader::{Placed, Table};
use rohrpost_kit::settings::Duration as Length;
use rohrpost_model::calendar::Calendar;
use rohrpost_model::destination::{Awaiting, Breaker, Destination, OnUnknown, Ramp, Rate, Retry};
use rohrpost_model::{DestinationName, TenantName};
use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

/// The keys of a policy.
pub(super) const KEYS: [&str; 11] = [
    "stage",
    "concurrency",
    "timeout",
    "unknown",
    "rate",
    "retry",
    "breaker",
    "ramp",
    "awaiting",
    "hours",
    "maintenance",
];

/// The most that a rate counts: the gate remembers each.
const LARGEST_COUNT: u32 = 10_000;

/// The same for the first step of a ramp, which is doubled five times.
const LARGEST_FIRST: u32 = 1000;

/// The longest wait: what is due later counts as written under another clock.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What a destination's own keys say.
pub(super) struct Policy {
    /// Whether it takes test submissions, and only those.
    pub test: bool,
    concurrency: u16,
    timeout: Duration,
    unknown: OnUnknown,
    rate: Option<Rate>,
    retry: Retry,
    breaker: Option<Breaker>,
    ramp: Option<Ramp>,
    awaiting: Awaiting,
    calendar: Calendar,
}

impl Policy {
    /// Reads them out of the file's table.
    pub fn read(table: &Table<'_>) -> Self {
        let test = table.may("stage").word(&[("live", false), ("test", true)]);
        let concurrency = table.may("concurrency").number(1..=1000);
        let unknown = table.may("unknown").word(&[("park", OnUnknown::Park), ("retry", OnUnknown::Retry)]);
        Self {
            test: test.is_some_and(|test| test.value),
            concurrency: concurrency
                .and_then(|number| u16::try_from(number.value).ok())
                .unwrap_or(Destination::CONCURRENCY),
            timeout: positive(table, "timeout", Destination::TIMEOUT),
            unknown: unknown.map(|unknown| unknown.value).unwrap_or_default(),
            rate: table.may("rate").text().map(|rate: Placed<Written>| rate.value.0),
            retry: retry(table.may("retry").table()),
            breaker: breaker(table.may("breaker").table()),
            ramp: ramp(table.may("ramp").table()),
            awaiting: awaiting(table.may("awaiting").table()),
            calendar: hours::read(
                table.may("hours").table(),
                table.may("maintenance").tables(),
                DEFAULT_ZONE,
            ),
        }
    }

    /// The noun.
    pub fn of(self, name: DestinationName, tenants: BTreeSet<TenantName>) -> Destination {
        let Self { test, concurrency, timeout, unknown, rate, retry, breaker, ramp, awaiting, calendar } =
            self;
        Destination {
            name,
            tenants,
            test,
            concurrency,
            timeout,
            rate,
            retry,
            breaker,
            ramp,
            awaiting,
            calendar,
            unknown,
        }
    }
}

fn retry(table: Table<'_>) -> Retry {
    let default = Retry::default();
    let (first, cap) = first_and_cap(&table, "first", default.first, default.cap);
    let age = table.may("age").text::<Age>().map_or(default.age, |age| {
        if age.0.is_some_and(|age| age.is_zero()) {
            let fault = age.at.fault("`age` must be longer than nothing");
            table.faults().note(fault.hint("write \"never\" where it is to be tried for ever"));
        }
        age.value.0
    });
    table.end(&[]);
    Retry { first, cap, age }
}

fn breaker(table: Table<'_>) -> Option<Breaker> {
    let default = Breaker::default();
    let failures = table.may("failures").number(0..=1000).map_or(default.failures, |number| number.value);
    let (rest, cap) = first_and_cap(&table, "rest", default.rest, default.cap);
    table.end(&[]);
    (failures > 0).then_some(Breaker { failures, rest, cap })
}

fn ramp(table: Table<'_>) -> Option<Ramp> {
    let default = Ramp::default();
    let first = table.may("first").text::<Written>();
    if let Some(first) = first.as_ref().filter(|first| first.0.count > LARGEST_FIRST) {
        let fault = first.at.fault(format!("a ramp begins with {LARGEST_FIRST} at most"));
        table.faults().note(
            fault.hint("it doubles five times; begin with fewer, or write `over = \"0s\"` for no ramp"),
        );
    }
    let over = table.may("over").text::<Length>().map_or(default.over, |over| over.get());
    table.end(&[]);
    let first = first.map_or(default.first, |first| first.value.0);
    (!over.is_zero()).then_some(Ramp { first, over })
}

fn awaiting(table: Table<'_>) -> Awaiting {
    let default = Awaiting::default();
    let (first, cap) = first_and_cap(&table, "first", default.first, default.cap);
    let deadline = positive(&table, "deadline", default.deadline);
    table.end(&[]);
    Awaiting { first, cap, deadline }
}

/// A time that doubles, and what it doubles up to. Where only the first is said, the cap is no shorter.
fn first_and_cap(
    table: &Table<'_>,
    key: &'static str,
    first: Duration,
    cap: Duration,
) -> (Duration, Duration) {
    let first = positive(table, key, first);
    let cap = positive(table, "cap", cap.max(first));
    for (name, length) in [(key, first), ("cap", cap)] {
        if length > LONGEST && table.leave(name) {
            let fault = table.place_of(name).fault(format!("`{name}` is longer than a day"));
            table.faults().note(fault.hint("make it at most 1d: everything is looked at once a day"));
        }
    }
    if cap < first {
        let fault = table.place_of("cap").fault(format!("`cap` is shorter than `{key}`"));
        table.faults().note(fault.hint(format!("make it at least as long as `{key}`, which it limits")));
    }
    (first, cap)
}

fn positive(table: &Table<'_>, key: &'static str, default: Duration) -> Duration {
    let Some(length) = table.may(key).text::<Length>() else { return default };
    if length.get().is_zero() {
        table.faults().note(length.at.fault(format!("`{key}` must be longer than nothing")));
    }
    length.get()
}

/// A rate as people write it: `100/1m`, `5/s`.
struct Written(Rate);

const RATE_FORM: &str =
    "a rate is a number and a time: `100/1m` is a hundred in any minute, `5/s` five in any second";

impl FromStr for Written {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (count, time) = text.split_once('/').ok_or(RATE_FORM)?;
        let count: u32 = count.trim().parse().map_err(|_| RATE_FORM)?;
        if !(1..=LARGEST_COUNT).contains(&count) {
            return Err(format!(
                "the rate counts {count}; it may count from 1 to {LARGEST_COUNT}, so write a faster one for a shorter time"
            ));
        }
        let time = time.trim();
        let one = if time.starts_with(|first: char| first.is_ascii_digit()) { "" } else { "1" };
        let per = format!("{one}{time}").parse::<Length>().map_err(|_| RATE_FORM)?.get();
        if per.is_zero() {
            return Err("the rate's time must be longer than nothing".into());
        }
        Ok(Self(Rate { count, per }))
    }
}

/// How long something is tried: a duration, or `never` for no end.
struct Age(Option<Duration>);

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self(None));
        }
        text.parse::<Length>().map(|age| Self(Some(age.get()))).map_err(|form| format!("{form}, or `never`"))
    }
}
