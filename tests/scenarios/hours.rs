//! A destination that is closed is not in trouble: office hours over both changes of the clocks, and maintenance.

use super::rig::letters::letter;
use super::rig::office::{Answer, Call, Office, done, down};
use super::rig::{World, at, destination, hours, minutes, seconds, step};
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZoneDatabase;
use rohrpost_model::calendar::{Calendar, Closed, Weekdays, Weekly};
use rohrpost_model::destination::{Destination, Retry};
use rohrpost_model::{DeliveryId, Outcome, ReasonCode, Receipt, State, Timestamp};
use std::sync::Arc;

fn weekly(first: Weekday, last: Weekday, (from, until): ((i8, i8), (i8, i8))) -> Weekly {
    let time = |(hour, minute)| Time::constant(hour, minute, 0, 0);
    Weekly { days: Weekdays::span(first, last), from: time(from), until: time(until) }
}

/// A destination in Berlin.
fn in_berlin(name: &str, open: Option<((i8, i8), (i8, i8))>, closed: Vec<Closed>) -> Destination {
    let zone = TimeZoneDatabase::bundled().get("Europe/Berlin").unwrap();
    let open = open.map(|times| weekly(Weekday::Monday, Weekday::Sunday, times)).into_iter().collect();
    Destination { calendar: Calendar { zone, open, closed, ..Calendar::default() }, ..destination(name) }
}

fn times(calls: &[Call]) -> Vec<Timestamp> {
    calls.iter().map(|call| call.at).collect()
}

/// One night from 18:30 to 08:00 with a letter every half an hour, to an office that is open from 7 to 19 o'clock and to one
/// that works at night, from 02:30 to 05:00: the hour in which the clocks are changed.
struct Night {
    world: World,
    day: Arc<Office>,
    night: Arc<Office>,
    /// The delivery to the office that was handed in at 20:00.
    evening: DeliveryId,
}

impl Night {
    async fn over(start: &str, end: &str) -> Self {
        let mut world = World::at(start);
        let day = world.office(in_berlin("tags", Some(((7, 0), (19, 0))), Vec::new()));
        let night = world.office(in_berlin("nachts", Some(((2, 30), (5, 0))), Vec::new()));
        world.route([step("a", "tags"), step("b", "nachts")]);
        world.start().await;
        let (mut number, mut evening) = (0, None);
        while world.now() < at(end) {
            let delivery = world.submit(letter(format!("fall-{number:02}"))).await[0];
            if number == 3 {
                evening = Some(delivery);
            }
            number += 1;
            world.pass(minutes(30)).await;
        }
        Self { world, day, night, evening: evening.unwrap() }
    }

    /// Nothing was tried while it was closed, and waiting left no trace.
    async fn closed_is_no_failure(&self) {
        let detail = self.world.detail(self.evening).await;
        assert_eq!((detail.delivery.state, detail.attempts.len()), (State::Delivered, 1));
        let events = self.world.history(self.evening).await.len();
        assert_eq!(events, 2, "marked and taken, and nothing else");
    }
}

/// Frühjahr: Von 2 auf 3 Uhr. Was nachts ab 2:30 Uhr darf, darf ab 3 Uhr; das Amt öffnet um 7 Uhr Sommerzeit.
#[tokio::test]
async fn office_hours_keep_to_local_time_when_the_clocks_go_forward() {
    let night = Night::over("2026-03-28T18:30+01", "2026-03-29T08:00+02").await;
    let opens = at("2026-03-29T07:00+02");
    let mut expected = vec![at("2026-03-28T18:30+01")];
    expected.extend([opens; 23]); // those of 19:00 to 01:30 and of 03:00 to 06:30, and the one of 07:00
    expected.push(at("2026-03-29T07:30+02"));
    assert_eq!(times(&night.day.calls()), expected);
    let mut expected = vec![at("2026-03-29T03:00+02"); 16]; // those of 18:30 to 01:30, and the one of 03:00
    expected.extend(["03:30", "04:00", "04:30"].map(|time| at(&format!("2026-03-29T{time}+02"))));
    assert_eq!(times(&night.night.calls()), expected);
    night.closed_is_no_failure().await;
}

/// Herbst: Von 3 auf 2 Uhr. 2:30 Uhr gibt es zweimal, gemeint ist das erste Mal; das Amt öffnet um 7 Uhr Winterzeit.
#[tokio::test]
async fn office_hours_keep_to_local_time_when_the_clocks_go_back() {
    let night = Night::over("2026-10-24T18:30+02", "2026-10-25T08:00+01").await;
    let mut expected = vec![at("2026-10-24T18:30+02")];
    expected.extend([at("2026-10-25T07:00+01"); 27]);
    expected.push(at("2026-10-25T07:30+01"));
    assert_eq!(times(&night.day.calls()), expected);
    let mut expected = vec![at("2026-10-25T02:30+02"); 17];
    let later = ["02:00", "02:30", "03:00", "03:30", "04:00", "04:30"];
    expected.extend(later.map(|time| at(&format!("2026-10-25T{time}+01"))));
    assert_eq!(times(&night.night.calls()), expected);
    night.closed_is_no_failure().await;
}

/// Wer abends wartet, liest, wann das Amt wieder öffnet; und ein Ziel, das geschlossen ist, gilt nicht als gestört.
#[tokio::test]
async fn outside_its_hours_a_delivery_says_until_when_and_nothing_counts_as_trouble() {
    let policy = in_berlin("amt", Some(((7, 0), (19, 0))), Vec::new());
    let (world, office) = World::with("2026-03-28T18:59:30+01", policy).await;
    office.answers(|_| Answer::After(minutes(10), Ok(Outcome::Done(Receipt::default()))));
    let (slow, soon) = (world.post(letter("lang")).await, at("2026-03-28T20:00+01"));
    world.until(soon).await;
    // Its time limit is a minute, so it was cut off; its target is asked when it opens.
    assert_eq!(world.state(slow).await, State::Unknown);
    let waiting = world.post(letter("abends")).await;
    let told = Some((ReasonCode::OutsideHours, "until=2026-03-29T05:00:00Z".to_owned()));
    assert_eq!((world.waits(waiting).await, world.waits(slow).await), (told.clone(), told));
    let hold = world.engine().destinations().remove(0).hold.unwrap();
    assert_eq!(hold.code, ReasonCode::OutsideHours);
    office.answers(|_| done());
    world.leap(hours(9), minutes(7)).await;
    assert_eq!(office.calls().len(), 1, "nothing begins at night, and nobody is asked");
    world.until(at("2026-03-29T07:00+02")).await;
    assert_eq!(world.state(waiting).await, State::Delivered);
    assert_eq!(office.inquiries()[0].at, at("2026-03-29T07:00+02"));
}

/// Über Nacht vergeht die Zeit, in der versucht wird; doch den letzten Versuch bekommt jede Zustellung, wenn geöffnet ist.
#[tokio::test]
async fn a_night_does_not_end_the_tries_without_a_last_one_in_the_morning() {
    let retry = Retry { first: minutes(20), cap: minutes(20), age: Some(hours(2)) };
    let policy = Destination { retry, ..in_berlin("amt", Some(((7, 0), (19, 0))), Vec::new()) };
    let (world, office) = World::with("2026-05-04T18:58+02", policy).await;
    office.answers(|_| down());
    let delivery = world.post(letter("abends")).await;
    world.until(at("2026-05-05T06:59+02")).await;
    let tries = office.calls().len();
    assert!(office.calls()[tries - 1].at < at("2026-05-04T19:00+02"));
    assert_eq!(world.state(delivery).await, State::Due, "it waits, and is not given up");
    office.answers(|_| done());
    world.until(at("2026-05-05T07:00+02")).await;
    assert_eq!(world.state(delivery).await, State::Delivered);
    assert_eq!(office.calls().len(), tries + 1);
}

/// Während einer Wartung geht nichts hinaus, auch wenn das Ziel sonst immer offen ist: einmal angekündigt, oder jede Woche.
#[tokio::test]
async fn during_a_maintenance_nothing_begins_be_it_once_or_every_week() {
    let once = Closed::Once {
        from: "2026-05-05T22:00".parse().unwrap(),
        until: "2026-05-06T04:00".parse().unwrap(),
    };
    let weekly = Closed::Weekly(weekly(Weekday::Sunday, Weekday::Sunday, ((2, 0), (5, 0))));
    let (world, office) =
        World::with("2026-05-05T21:30+02", in_berlin("amt", None, vec![once, weekly])).await;
    let until = |end| Some((ReasonCode::Maintenance, format!("until={end}")));
    let nights = [
        ("2026-05-05T21:59:59+02", "2026-05-05T22:00+02", "2026-05-06T04:00+02", "2026-05-06T02:00:00Z"),
        ("2026-05-10T01:59:59+02", "2026-05-10T02:00+02", "2026-05-10T05:00+02", "2026-05-10T03:00:00Z"),
        ("2026-05-17T01:59:59+02", "2026-05-17T02:00+02", "2026-05-17T05:00+02", "2026-05-17T03:00:00Z"),
    ];
    for (before, begins, ends, told) in nights {
        world.leap_until(at(before), hours(1)).await;
        let last = world.post(letter("davor")).await;
        assert_eq!(world.state(last).await, State::Delivered);
        world.until(at(begins)).await;
        let first = world.post(letter("nachts")).await;
        assert_eq!(world.waits(first).await, until(told));
        world.until(at(ends) - seconds(1)).await;
        assert_eq!((world.state(first).await, world.detail(first).await.attempts.len()), (State::Due, 0));
        world.until(at(ends)).await;
        assert_eq!(world.state(first).await, State::Delivered);
        assert_eq!(times(&office.calls()).split_off(office.calls().len() - 2), [at(before), at(ends)]);
    }
}
