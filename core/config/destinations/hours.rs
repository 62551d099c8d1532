//! `[hours]` and `[[maintenance]]`: when a destination is off without being in trouble.

use crate::config::reader::{Entry, Placed, Table};
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use rohrpost_kit::settings::nearest;
use rohrpost_model::calendar::{Calendar, Closed, Weekdays, Weekly};
use std::str::FromStr;

/// The local time that is meant where nothing is said.
pub(super) const DEFAULT_ZONE: &str = "Europe/Berlin";

/// Reads both.
pub(super) fn read(hours: Table<'_>, maintenance: Vec<Table<'_>>, default_zone: &str) -> Calendar {
    let zone = hours.may("zone").text::<Zone>().map(|zone| zone.value.0);
    let open = hours.may("open");
    if hours.leave("open") && open.items().is_empty() {
        let fault = hours.place_of("open").fault("the list is empty, so the destination would never be open");
        hours.faults().note(fault.hint("name its hours, or leave `open` out: then it is always open"));
    }
    let open = open.texts::<Hours>().into_iter().map(|hours| hours.value.0).collect();
    let holidays = hours.may("holidays").texts::<Day>().into_iter().map(|day| day.value.0).collect();
    hours.end(&[]);
    let closed = maintenance.into_iter().filter_map(closed).collect();
    let zone = zone.or_else(|| find(default_zone)).unwrap_or(TimeZone::UTC);
    Calendar { zone, open, closed, holidays }
}

fn closed(table: Table<'_>) -> Option<Closed> {
    let (from, until, every) = (table.may("from"), table.may("until"), table.may("every"));
    let once = from.is_there() || until.is_there();
    if once == every.is_there() {
        let fault = table
            .place()
            .fault("a maintenance is either once, with `from` and `until`, or comes `every` week");
        table.faults().note(
            fault.hint(
                "write either `from = \"2026-12-01 22:00\"` and `until`, or `every = \"So 02:00-05:00\"`",
            ),
        );
    }
    let closed = if once {
        read_once(&table, from, until)
    } else {
        every.text::<Hours>().map(|hours| Closed::Weekly(hours.value.0))
    };
    table.end(&[]);
    closed
}

fn read_once(table: &Table<'_>, from: Entry<'_>, until: Entry<'_>) -> Option<Closed> {
    for (key, entry) in [("from", from), ("until", until)] {
        if !entry.is_there() {
            table.faults().note(table.place().fault(format!("the key `{key}` is missing")));
        }
    }
    let (from, until): (Placed<Moment>, Placed<Moment>) = (from.text()?, until.text()?);
    if until.0 <= from.0 {
        let fault = until.at.fault("the maintenance ends before it begins");
        table.faults().note(fault.hint("`until` must be later than `from`"));
    }
    Some(Closed::Once { from: from.value.0, until: until.value.0 })
}

/// The zone: the system's, which is kept up to date with the law, or else the one in the program.
fn find(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).or_else(|_| TimeZoneDatabase::bundled().get(name)).ok()
}

struct Zone(TimeZone);

impl FromStr for Zone {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        find(name).map(Self).ok_or_else(|| {
            let known: Vec<_> =
                TimeZoneDatabase::bundled().available().map(|zone| zone.to_string()).collect();
            match nearest(name, known.iter().map(String::as_str)) {
                Some(meant) => format!("unknown time zone `{name}`; did you mean `{meant}`?"),
                None => format!("unknown time zone `{name}`; a zone is written like `{DEFAULT_ZONE}`"),
            }
        })
    }
}

/// Days and hours: `Mo-Fr 07:00-19:00`, `Sa,So 22:00-04:00`.
struct Hours(Weekly);

const HOURS_FORM: &str =
    "hours are written like `Mo-Fr 07:00-19:00`, `Sa 08:00-12:00` or `Mo,Mi 22:00-04:00`";

impl FromStr for Hours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (days, hours) = text.trim().split_once(char::is_whitespace).ok_or(HOURS_FORM)?;
        let (from, until) = hours.trim().split_once('-').ok_or(HOURS_FORM)?;
        let (from, until) = (from.trim(), until.trim());
        let days = weekdays(days)?;
        if from == until {
            return Err(format!("the hours begin and end at {from}; a whole day is written `00:00-24:00`"));
        }
        let begin = time(from)?;
        // The end of the day is the beginning of the next one.
        let until = if until == "24:00" { Time::midnight() } else { time(until)? };
        Ok(Self(Weekly { days, from: begin, until }))
    }
}

fn weekdays(text: &str) -> Result<Weekdays, String> {
    let parts = text.split(',').map(|part| match part.split_once('-') {
        Some((first, last)) => Ok(Weekdays::span(weekday(first)?, weekday(last)?)),
        None => weekday(part).map(|day| Weekdays::span(day, day)),
    });
    parts.reduce(|days, more| Ok(days?.or(more?))).unwrap_or_else(|| Err(HOURS_FORM.into()))
}

/// In German or in English.
fn weekday(word: &str) -> Result<Weekday, String> {
    Ok(match word.trim().to_ascii_lowercase().as_str() {
        "mo" | "mon" => Weekday::Monday,
        "di" | "tu" | "tue" => Weekday::Tuesday,
        "mi" | "we" | "wed" => Weekday::Wednesday,
        "do" | "th" | "thu" => Weekday::Thursday,
        "fr" | "fri" => Weekday::Friday,
        "sa" | "sat" => Weekday::Saturday,
        "so" | "su" | "sun" => Weekday::Sunday,
        _ => {
            return Err(format!(
                "`{word}` is no day of the week; known: Mo Di Mi Do Fr Sa So, or Mo Tu We Th Fr Sa Su"
            ));
        }
    })
}

fn time(text: &str) -> Result<Time, String> {
    let wrong = || {
        format!(
            "`{text}` is no time of day; it is written like `07:30`, up to `23:59`, and `24:00` only as an end"
        )
    };
    let (hour, minute) = text.split_once(':').filter(|_| text.len() == 5).ok_or_else(wrong)?;
    let number = |digits: &str| digits.parse::<u8>().ok().and_then(|number| i8::try_from(number).ok());
    let (hour, minute) = number(hour).zip(number(minute)).ok_or_else(wrong)?;
    Time::new(hour, minute, 0, 0).map_err(|_| wrong())
}

struct Day(Date);

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        date(text)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no day of the calendar; it is written like `2026-12-25`"))
    }
}

fn date(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// A day and a time: `2026-12-01 22:00`.
struct Moment(DateTime);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form =
            || format!("`{text}` is no local time; it is written like `2026-12-01 22:00`, without a zone");
        let (day, clock) = text.split_once([' ', 'T']).ok_or_else(form)?;
        let day = date(day).ok_or_else(form)?;
        Ok(Self(day.to_datetime(time(clock).map_err(|_| form())?)))
    }
}
