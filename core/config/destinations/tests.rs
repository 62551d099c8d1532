use super::policy::Policy;
use crate::config::reader::{Faults, Source, Table};
use jiff::civil::Weekday;
use rohrpost_model::calendar::{Closed, Weekdays, Weekly};
use rohrpost_model::destination::{Awaiting, Breaker, Destination, OnUnknown, Ramp, Rate, Retry};
use std::collections::BTreeSet;
use std::time::Duration;

/// The policy that a text makes, which must have no fault.
#[track_caller]
fn read(text: &str) -> Destination {
    let (source, faults) = (Source { name: "ziel.toml".into(), text: text.into() }, Faults::default());
    let tree = source.parse(&faults);
    let table = Table::whole(&source, &tree, &faults);
    let policy = Policy::read(&table);
    table.end(&[]);
    assert_eq!(faults.sorted(), []);
    policy.of("ziel".parse().unwrap(), BTreeSet::new())
}

fn weekly(days: Weekdays, from: &str, until: &str) -> Weekly {
    Weekly { days, from: from.parse().unwrap(), until: until.parse().unwrap() }
}

#[test]
fn what_is_not_said_is_as_the_model_says() {
    let mut expected = Destination::new("ziel".parse().unwrap());
    let read = read("");
    assert_eq!(read.calendar.zone.iana_name(), Some("Europe/Berlin"));
    expected.calendar.zone = read.calendar.zone.clone();
    assert_eq!(read, expected);
}

#[test]
fn what_is_said_is_kept() {
    let seconds = Duration::from_secs;
    let text = "concurrency = 7\ntimeout = \"9s\"\nunknown = \"retry\"\nstage = \"test\"\nrate = \"100/1m\"\n\
                [retry]\nfirst = \"1s\"\ncap = \"2s\"\nage = \"3s\"\n[breaker]\nfailures = 4\nrest = \"5s\"\ncap = \"6s\"\n\
                [ramp]\nfirst = \"5/s\"\nover = \"8s\"\n[awaiting]\nfirst = \"10s\"\ncap = \"11s\"\ndeadline = \"12s\"\n";
    let read = read(text);
    assert_eq!((read.concurrency, read.timeout, read.test), (7, seconds(9), true));
    assert_eq!(read.unknown, OnUnknown::Retry);
    assert_eq!(read.rate, Some(Rate { count: 100, per: seconds(60) }));
    assert_eq!(read.retry, Retry { first: seconds(1), cap: seconds(2), age: Some(seconds(3)) });
    assert_eq!(read.breaker, Some(Breaker { failures: 4, rest: seconds(5), cap: seconds(6) }));
    assert_eq!(read.ramp, Some(Ramp { first: Rate { count: 5, per: seconds(1) }, over: seconds(8) }));
    let expected = Awaiting { first: seconds(10), cap: seconds(11), deadline: seconds(12) };
    assert_eq!(read.awaiting, expected);
}

#[test]
fn what_is_switched_off_is_not_there_and_a_long_first_wait_lifts_the_cap() {
    let read = read(
        "[retry]\nfirst = \"2h\"\nage = \"never\"\n[breaker]\nfailures = 0\n[ramp]\nover = \"0s\"\n[awaiting]\nfirst = \"1d\"",
    );
    let hour = Duration::from_secs(3600);
    assert_eq!(read.retry, Retry { first: 2 * hour, cap: 2 * hour, age: None });
    assert_eq!((read.breaker, read.ramp, read.awaiting.cap), (None, None, 24 * hour));
}

#[test]
fn days_are_german_or_english_and_hours_may_pass_midnight() {
    use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    let day = |day| Weekdays::span(day, day);
    let read = read(
        "[hours]\nzone = \"Europe/Vienna\"\nholidays = [\"2026-12-25\"]\n\
         open = [\"Mo 01:00-02:00\", \"Di,tue 02:00-03:00\", \"Mi,We 03:00-04:00\", \"Do,Thu 04:00-05:00\", \
         \"fr-MO 22:00-04:00\", \"Sa,So,Su 00:00-24:00\"]\n\
         [[maintenance]]\nfrom = \"2026-12-01 22:00\"\nuntil = \"2026-12-02T04:00\"\n\
         [[maintenance]]\nevery = \"So 02:00-05:00\"",
    );
    let expected = [
        weekly(day(Monday), "01:00", "02:00"),
        weekly(day(Tuesday), "02:00", "03:00"),
        weekly(day(Wednesday), "03:00", "04:00"),
        weekly(day(Thursday), "04:00", "05:00"),
        weekly(Weekdays::span(Friday, Monday), "22:00", "04:00"),
        weekly(Weekdays::span(Saturday, Sunday), "00:00", "00:00"),
    ];
    assert_eq!(read.calendar.open, expected);
    let once = Closed::Once {
        from: "2026-12-01T22:00".parse().unwrap(),
        until: "2026-12-02T04:00".parse().unwrap(),
    };
    assert_eq!(read.calendar.closed, [once, Closed::Weekly(weekly(day(Sunday), "02:00", "05:00"))]);
    assert!(read.calendar.holidays.iter().map(ToString::to_string).eq(["2026-12-25"]));
    assert_eq!(read.calendar.zone.iana_name(), Some("Europe/Vienna"));
}
