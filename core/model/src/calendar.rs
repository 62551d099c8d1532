//! When a destination is off without being in trouble: office hours, holidays, maintenance. Pure; the time comes in as
//! an argument.
//!
//! Everything is written in local time, which is not always one with the world's: in spring an hour does not exist, in
//! autumn one exists twice.
//!
//! | A boundary | Is |
//! |---|---|
//! | in the hour that does not exist | the moment at which the clocks are put forward |
//! | of office hours, in the hour that exists twice | the first time |
//! | the beginning of a maintenance, in the hour that exists twice | the first time |
//! | the end of a maintenance, in the hour that exists twice | the second time: in doubt it goes on |

use crate::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often the search for the next opening goes on to the end of the next closure: some two months of a destination
/// that is closed every night and every noon, and any length of a single closure.
const CLOSURES: usize = 200;

/// When a destination is open. The default is always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Whose local time it is written in.
    pub zone: TimeZone,
    /// Office hours; none: always open.
    pub open: Vec<Weekly>,
    /// Maintenance.
    pub closed: Vec<Closed>,
    /// Dates on which it is closed from midnight to midnight.
    pub holidays: BTreeSet<Date>,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { zone: TimeZone::UTC, open: Vec::new(), closed: Vec::new(), holidays: BTreeSet::new() }
    }
}

/// A time that comes every week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weekly {
    /// On which days it begins.
    pub days: Weekdays,
    /// When it begins.
    pub from: Time,
    /// When it ends; on the following day unless it is later than `from`. So 00:00 to 00:00 is the whole day.
    pub until: Time,
}

/// A time in which a destination is maintained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Once.
    Once {
        /// The first moment.
        from: DateTime,
        /// The first moment after.
        until: DateTime,
    },
    /// Every week.
    Weekly(Weekly),
}

/// Days of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weekdays([bool; 7]);

impl Weekdays {
    /// The days from `first` to `last`, both included; from Saturday to Monday is three.
    pub fn span(first: Weekday, last: Weekday) -> Self {
        let mut days = Self::default();
        let mut day = first;
        days.add(day);
        while day != last {
            day = day.next();
            days.add(day);
        }
        days
    }

    /// Adds a day.
    pub fn add(&mut self, day: Weekday) {
        self.0[index(day)] = true;
    }

    /// The days of either.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (day, there) in self.0.iter_mut().zip(other.0) {
            *day |= there;
        }
        self
    }

    /// Whether the day is among them.
    pub fn contains(self, day: Weekday) -> bool {
        self.0[index(day)]
    }
}

fn index(day: Weekday) -> usize {
    usize::from(day.to_monday_zero_offset().unsigned_abs())
}

/// Why a destination is closed, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// What closes it now.
    pub why: Why,
    /// When it opens, everything considered; `None`: not for as long as the calendar was searched.
    pub until: Option<Timestamp>,
}

/// What closes a destination. Where several do, the first in this order is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is being maintained.
    Maintenance,
    /// The whole day is closed.
    Holiday,
    /// It is not in its office hours.
    OutsideHours,
}

/// From the first moment to the first moment after.
#[derive(Clone, Copy)]
struct Span {
    from: Timestamp,
    until: Timestamp,
}

impl Span {
    fn contains(self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

impl Calendar {
    /// Why it is closed at this time; `None`: it is open.
    pub fn closed_at(&self, now: Timestamp) -> Option<Closing> {
        let (why, end) = self.closure(now)?;
        Some(Closing { why, until: end.and_then(|end| self.open_from(end)) })
    }

    /// The first moment from this one on at which it is open.
    fn open_from(&self, mut at: Timestamp) -> Option<Timestamp> {
        for _ in 0..CLOSURES {
            match self.closure(at) {
                None => return Some(at),
                // Whatever the zone does, the search gets on.
                Some((_, end)) => at = end?.max(at.checked_add(Duration::from_secs(1)).ok()?),
            }
        }
        None
    }

    /// What closes it at this time, and when that ends.
    fn closure(&self, at: Timestamp) -> Option<(Why, Option<Timestamp>)> {
        let today = self.zone.to_datetime(at).date();
        if let Some(until) = self.maintained(at, today) {
            return Some((Why::Maintenance, Some(until)));
        }
        if self.holidays.contains(&today) {
            let midnight = today
                .tomorrow()
                .ok()
                .and_then(|day| self.moment(day.to_datetime(Time::midnight()), Twice::First));
            return Some((Why::Holiday, midnight));
        }
        let open = self.open.iter().any(|hours| self.ends(*hours, at, today, Twice::First).is_some());
        let outside = !open && !self.open.is_empty();
        outside.then(|| (Why::OutsideHours, self.opening(at, today)))
    }

    /// Until when the maintenance goes on that is under way at this time.
    fn maintained(&self, at: Timestamp, today: Date) -> Option<Timestamp> {
        let ends = self.closed.iter().filter_map(|closed| match closed {
            Closed::Once { from, until } => {
                let span = Span {
                    from: self.moment(*from, Twice::First)?,
                    until: self.moment(*until, Twice::Last)?,
                };
                span.contains(at).then_some(span.until)
            }
            Closed::Weekly(weekly) => self.ends(*weekly, at, today, Twice::Last),
        });
        ends.max()
    }

    /// When the office hours begin next.
    fn opening(&self, at: Timestamp, today: Date) -> Option<Timestamp> {
        // Two weeks: the hours of one week may all lie in an hour that does not exist.
        let days = std::iter::successors(Some(today), |day| day.tomorrow().ok()).take(15);
        let spans = days
            .flat_map(|day| self.open.iter().filter_map(move |hours| self.span(*hours, day, Twice::First)));
        spans.filter(|span| span.from > at && span.from < span.until).map(|span| span.from).min()
    }

    /// When that which comes every week ends, if it is under way at this time.
    fn ends(&self, weekly: Weekly, at: Timestamp, today: Date, end: Twice) -> Option<Timestamp> {
        let days = [today.yesterday().ok(), Some(today)].into_iter().flatten();
        let spans = days.filter_map(|day| self.span(weekly, day, end));
        spans.filter(|span| span.contains(at)).map(|span| span.until).max()
    }

    /// From when to when it is, if it begins on this day.
    fn span(&self, weekly: Weekly, day: Date, end: Twice) -> Option<Span> {
        if !weekly.days.contains(day.weekday()) {
            return None;
        }
        let last = if weekly.until > weekly.from { day } else { day.tomorrow().ok()? };
        let from = self.moment(day.to_datetime(weekly.from), Twice::First)?;
        Some(Span { from, until: self.moment(last.to_datetime(weekly.until), end)? })
    }

    /// The moment of a local time.
    fn moment(&self, local: DateTime, twice: Twice) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(local);
        match (ambiguous.offset(), twice) {
            (AmbiguousOffset::Unambiguous { .. }, _) => ambiguous.unambiguous().ok(),
            (AmbiguousOffset::Fold { .. }, Twice::First) => ambiguous.earlier().ok(),
            (AmbiguousOffset::Fold { .. }, Twice::Last) => ambiguous.later().ok(),
            (AmbiguousOffset::Gap { .. }, _) => {
                let after = ambiguous.later().ok()?.checked_add(Duration::from_secs(1)).ok()?;
                self.zone.preceding(after).next().map(|change| change.timestamp())
            }
        }
    }
}

/// Which of two moments a local time means that exists twice.
#[derive(Clone, Copy)]
enum Twice {
    First,
    Last,
}

#[cfg(test)]
mod tests;
