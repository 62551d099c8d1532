use super::*;
use jiff::tz::TimeZoneDatabase;

fn berlin() -> Calendar {
    let zone = TimeZoneDatabase::bundled().get("Europe/Berlin").unwrap();
    Calendar { zone, ..Calendar::default() }
}

fn weekly(first: Weekday, last: Weekday, from: &str, until: &str) -> Weekly {
    Weekly { days: Weekdays::span(first, last), from: from.parse().unwrap(), until: until.parse().unwrap() }
}

fn daily(from: &str, until: &str) -> Weekly {
    weekly(Weekday::Monday, Weekday::Sunday, from, until)
}

fn open(hours: &[Weekly]) -> Calendar {
    Calendar { open: hours.to_vec(), ..berlin() }
}

fn maintained(closed: Closed) -> Calendar {
    Calendar { closed: vec![closed], ..berlin() }
}

/// Local time with its distance from UTC, which tells the hours apart that exist twice.
fn at(written: &str) -> Timestamp {
    written.parse().unwrap()
}

#[track_caller]
fn closed_until(calendar: &Calendar, now: &str, why: Why, until: &str) {
    let closing = calendar.closed_at(at(now));
    assert_eq!(closing, Some(Closing { why, until: Some(at(until)) }), "at {now}");
}

#[track_caller]
fn is_open(calendar: &Calendar, now: &str) {
    assert_eq!(calendar.closed_at(at(now)), None, "at {now}");
}

#[test]
fn nothing_said_is_always_open() {
    is_open(&Calendar::default(), "2026-12-25T03:00+01");
}

#[test]
fn office_hours_end_before_their_last_moment_and_begin_on_the_next_day_that_has_some() {
    let calendar = open(&[
        weekly(Weekday::Monday, Weekday::Friday, "07:00", "19:00"),
        weekly(Weekday::Saturday, Weekday::Saturday, "08:00", "12:00"),
    ]);
    closed_until(&calendar, "2026-06-05T06:59:59.999+02", Why::OutsideHours, "2026-06-05T07:00+02");
    is_open(&calendar, "2026-06-05T07:00+02");
    is_open(&calendar, "2026-06-05T18:59:59.999+02");
    closed_until(&calendar, "2026-06-05T19:00+02", Why::OutsideHours, "2026-06-06T08:00+02");
    closed_until(&calendar, "2026-06-06T12:00+02", Why::OutsideHours, "2026-06-08T07:00+02");
}

#[test]
fn hours_may_pass_midnight_and_fill_the_day() {
    let night = open(&[weekly(Weekday::Friday, Weekday::Friday, "22:00", "04:00")]);
    is_open(&night, "2026-06-06T03:59+02");
    closed_until(&night, "2026-06-06T04:00+02", Why::OutsideHours, "2026-06-12T22:00+02");
    let all = open(&[daily("00:00", "00:00")]);
    for now in ["2026-06-05T00:00+02", "2026-06-05T23:59:59+02", "2026-10-25T02:30+02", "2026-10-25T02:30+01"]
    {
        is_open(&all, now);
    }
}

#[test]
fn a_holiday_closes_from_midnight_to_midnight_and_the_next_opening_counts() {
    let mut calendar = open(&[weekly(Weekday::Monday, Weekday::Friday, "07:00", "19:00")]);
    // Christmas 2026: Friday and Saturday.
    calendar.holidays.extend(["2026-12-25", "2026-12-26"].map(|day| day.parse::<Date>().unwrap()));
    closed_until(&calendar, "2026-12-25T00:00+01", Why::Holiday, "2026-12-28T07:00+01");
    closed_until(&calendar, "2026-12-24T19:00+01", Why::OutsideHours, "2026-12-28T07:00+01");
    let always = Calendar { open: Vec::new(), ..calendar };
    closed_until(&always, "2026-12-25T12:00+01", Why::Holiday, "2026-12-27T00:00+01");
    is_open(&always, "2026-12-24T23:59:59+01");
}

#[test]
fn a_maintenance_closes_once_or_every_week_and_may_last_for_months() {
    let once = |from: &str, until: &str| {
        maintained(Closed::Once { from: from.parse().unwrap(), until: until.parse().unwrap() })
    };
    let night = once("2026-12-01T22:00", "2026-12-02T04:00");
    is_open(&night, "2026-12-01T21:59+01");
    closed_until(&night, "2026-12-01T22:00+01", Why::Maintenance, "2026-12-02T04:00+01");
    is_open(&night, "2026-12-02T04:00+01");
    let long = once("2026-01-01T00:00", "2026-12-31T00:00");
    closed_until(&long, "2026-01-01T00:00+01", Why::Maintenance, "2026-12-31T00:00+01");
    let sundays = maintained(Closed::Weekly(weekly(Weekday::Sunday, Weekday::Sunday, "23:00", "01:00")));
    closed_until(&sundays, "2026-06-08T00:30+02", Why::Maintenance, "2026-06-08T01:00+02");
}

#[test]
fn a_maintenance_in_the_morning_delays_the_opening() {
    let mut calendar = open(&[daily("07:00", "19:00")]);
    calendar.closed.push(Closed::Weekly(daily("06:00", "08:30")));
    closed_until(&calendar, "2026-06-05T20:00+02", Why::OutsideHours, "2026-06-06T08:30+02");
    closed_until(&calendar, "2026-06-06T07:30+02", Why::Maintenance, "2026-06-06T08:30+02");
}

#[test]
fn a_calendar_that_never_opens_says_so() {
    let mut calendar = open(&[daily("07:00", "19:00")]);
    calendar.closed.push(Closed::Weekly(daily("06:00", "20:00")));
    let never = |why| Some(Closing { why, until: None });
    assert_eq!(calendar.closed_at(at("2026-06-05T12:00+02")), never(Why::Maintenance));
    assert_eq!(calendar.closed_at(at("2026-06-05T22:00+02")), never(Why::OutsideHours));
    assert_eq!(open(&[Weekly::never()]).closed_at(at("2026-06-05T22:00+02")), never(Why::OutsideHours));
}

impl Weekly {
    fn never() -> Self {
        Self { days: Weekdays::default(), from: Time::midnight(), until: Time::midnight() }
    }
}

/// On both days of the change in spring the clocks go from 02:00 to 03:00.
#[test]
fn what_begins_or_ends_in_the_hour_that_does_not_exist_does_so_when_the_clocks_change() {
    for day in ["2026-03-29", "2027-03-28"] {
        let on = |time: &str| format!("{day}T{time}");
        let begins = open(&[daily("02:30", "05:00")]);
        closed_until(&begins, &on("01:59:59+01"), Why::OutsideHours, &on("03:00+02"));
        is_open(&begins, &on("03:00+02"));
        closed_until(&begins, &on("05:00+02"), Why::OutsideHours, &next(day, "02:30+02"));
        let ends = open(&[daily("00:00", "02:30")]);
        is_open(&ends, &on("01:59:59+01"));
        closed_until(&ends, &on("03:00+02"), Why::OutsideHours, &next(day, "00:00+02"));
        let within = open(&[daily("02:15", "02:45")]);
        closed_until(&within, &on("01:59:59+01"), Why::OutsideHours, &next(day, "02:15+02"));
        closed_until(&within, &on("03:00+02"), Why::OutsideHours, &next(day, "02:15+02"));
        let maintenance = maintained(Closed::Weekly(daily("01:00", "02:30")));
        closed_until(&maintenance, &on("01:30+01"), Why::Maintenance, &on("03:00+02"));
    }
}

fn next(day: &str, time: &str) -> String {
    format!("{}T{time}", day.parse::<Date>().unwrap().tomorrow().unwrap())
}

#[test]
fn office_hours_keep_to_local_time_over_both_changes() {
    let calendar = open(&[daily("07:00", "19:00")]);
    closed_until(&calendar, "2026-03-28T19:00+01", Why::OutsideHours, "2026-03-29T07:00+02");
    closed_until(&calendar, "2026-10-24T19:00+02", Why::OutsideHours, "2026-10-25T07:00+01");
    closed_until(&calendar, "2027-03-27T19:00+01", Why::OutsideHours, "2027-03-28T07:00+02");
    is_open(&calendar, "2026-10-25T18:59:59+01");
    closed_until(&calendar, "2026-10-25T19:00+01", Why::OutsideHours, "2026-10-26T07:00+01");
}

/// On 2026-10-25 the clocks go from 03:00 back to 02:00.
#[test]
fn in_the_hour_that_exists_twice_office_hours_mean_the_first_and_a_maintenance_ends_with_the_second() {
    let begins = open(&[daily("02:30", "05:00")]);
    closed_until(&begins, "2026-10-25T02:29:59+02", Why::OutsideHours, "2026-10-25T02:30+02");
    for now in ["2026-10-25T02:30+02", "2026-10-25T02:10+01", "2026-10-25T02:30+01", "2026-10-25T04:59+01"] {
        is_open(&begins, now);
    }
    let ends = open(&[daily("00:00", "02:30")]);
    is_open(&ends, "2026-10-25T02:29:59+02");
    closed_until(&ends, "2026-10-25T02:30+02", Why::OutsideHours, "2026-10-26T00:00+01");
    closed_until(&ends, "2026-10-25T02:10+01", Why::OutsideHours, "2026-10-26T00:00+01");
    let maintenance = maintained(Closed::Weekly(daily("02:15", "02:45")));
    is_open(&maintenance, "2026-10-25T02:14:59+02");
    closed_until(&maintenance, "2026-10-25T02:15+02", Why::Maintenance, "2026-10-25T02:45+01");
    closed_until(&maintenance, "2026-10-25T02:50+02", Why::Maintenance, "2026-10-25T02:45+01");
    is_open(&maintenance, "2026-10-25T02:45+01");
}

#[test]
fn a_week_of_days_runs_on_past_its_end() {
    let days = Weekdays::span(Weekday::Saturday, Weekday::Monday);
    let there: Vec<_> = Weekday::Monday.cycle_forward().take(7).map(|day| days.contains(day)).collect();
    assert_eq!(there, [true, false, false, false, false, true, true]);
    assert_eq!(days.or(Weekdays::span(Weekday::Tuesday, Weekday::Friday)), {
        Weekdays::span(Weekday::Monday, Weekday::Sunday)
    });
}

/// At every minute of the weeks of both changes: what is closed opens at the time told, and at none before.
#[test]
fn the_next_opening_is_the_first_moment_that_is_open() {
    let mut calendar = open(&[
        weekly(Weekday::Monday, Weekday::Friday, "07:00", "19:00"),
        weekly(Weekday::Saturday, Weekday::Saturday, "22:00", "02:30"),
        weekly(Weekday::Sunday, Weekday::Sunday, "02:30", "05:00"),
    ]);
    calendar.closed.push(Closed::Weekly(weekly(Weekday::Wednesday, Weekday::Wednesday, "18:00", "08:00")));
    calendar.holidays.insert("2026-03-27".parse().unwrap());
    for start in ["2026-03-23T00:00+01", "2026-10-19T00:00+02", "2027-03-22T00:00+01"] {
        let minutes = (0..8 * 24 * 60).map(|minute| at(start) + Duration::from_secs(60 * minute));
        let told: Vec<_> = minutes.map(|minute| (minute, calendar.closed_at(minute))).collect();
        for (index, (minute, closing)) in told.iter().enumerate() {
            let opened =
                told[index..].iter().find(|(_, closing)| closing.is_none()).map(|(minute, _)| *minute);
            let until = closing.map(|closing| closing.until.unwrap());
            assert!(
                opened.is_none() || until.is_none_or(|until| opened == Some(until)),
                "{minute}: {closing:?}"
            );
            assert!(opened.is_some() || until.is_some(), "{minute}");
        }
    }
}
