//! Dates as Germans write them and as XML Schema does.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::sync::LazyLock;

/// By the rules that the hub brings, not by the machine's: the same document comes out everywhere.
static GERMANY: LazyLock<Option<TimeZone>> =
    LazyLock::new(|| TimeZoneDatabase::bundled().get("Europe/Berlin").ok());

/// The date in `dd.mm.yyyy`, `yyyy-mm-dd`, or a point in time, of which it is the date in Germany.
pub(super) fn date(given: &str) -> Result<Date, String> {
    let bare = given.trim();
    let read = match bare {
        dotted if dotted.contains('.') && !dotted.contains('T') => dotted_date(dotted),
        moment if moment.contains('T') => local(moment).map(|at| at.date()),
        iso => (iso.len() == 10).then(|| iso.parse().ok()).flatten(),
    };
    read.ok_or_else(|| format!("'{given}' is no date like 31.12.2026 or 2026-12-31"))
}

fn dotted_date(dotted: &str) -> Option<Date> {
    let mut parts = dotted.split('.');
    let mut number = |longest: usize| {
        let part = parts.next().filter(|part| (1..=longest).contains(&part.len()))?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<i16>().ok()).flatten()
    };
    let (day, month, year) = (number(2)?, number(2)?, number(4).filter(|year| *year >= 1000)?);
    let end = parts.next().is_none();
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok().filter(|_| end)
}

fn local(moment: &str) -> Option<DateTime> {
    let moment: Timestamp = moment.parse().ok()?;
    Some(GERMANY.as_ref()?.to_datetime(moment))
}

/// `dd.mm.yyyy`.
pub(super) fn german(date: Date) -> String {
    format!("{:02}.{:02}.{:04}", date.day(), date.month(), date.year())
}

/// `dd.mm.yyyy hh:mm` in Germany.
pub(super) fn german_time(given: &str) -> Result<String, String> {
    let at = local(given.trim())
        .ok_or_else(|| format!("'{given}' is no point in time like 2026-12-31T12:00:00Z"))?;
    Ok(format!("{} {:02}:{:02}", german(at.date()), at.hour(), at.minute()))
}
