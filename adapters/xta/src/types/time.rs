//! Points in time and days as XML Schema writes them. A zone may be missing, and often is.

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, civil};

/// xs:dateTime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime {
    /// Clock and calendar.
    pub civil: civil::DateTime,
    /// The zone, where it was said.
    pub offset: Option<Offset>,
}

impl DateTime {
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (civil, offset) = split_zone(text)?;
        let (whole, fraction) = civil.split_once('.').unwrap_or((civil, "0"));
        let shaped = matches_shape(whole, "0000-00-00T00:00:00");
        let digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
        if !shaped || !digits {
            return None;
        }
        // More than nanoseconds is more than anyone keeps.
        let fraction = fraction.get(..9).unwrap_or(fraction);
        Some(Self { civil: format!("{whole}.{fraction}").parse().ok()?, offset })
    }

    /// The instant; where no zone was said, it is taken to be `zone`.
    pub fn instant(&self, zone: &TimeZone) -> Option<Timestamp> {
        match self.offset {
            Some(offset) => offset.to_timestamp(self.civil).ok(),
            None => zone.to_timestamp(self.civil).ok(),
        }
    }
}

impl From<Timestamp> for DateTime {
    fn from(instant: Timestamp) -> Self {
        Self { civil: Offset::UTC.to_datetime(instant), offset: Some(Offset::UTC) }
    }
}

impl std::fmt::Display for DateTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.civil, zone(self.offset))
    }
}

/// xs:date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// The day.
    pub day: civil::Date,
    /// The zone, where it was said.
    pub offset: Option<Offset>,
}

impl Date {
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (day, offset) = split_zone(text)?;
        let shaped = matches_shape(day, "0000-00-00");
        Some(Self { day: day.parse().ok().filter(|_| shaped)?, offset })
    }
}

impl From<civil::Date> for Date {
    fn from(day: civil::Date) -> Self {
        Self { day, offset: None }
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.day, zone(self.offset))
    }
}

fn zone(offset: Option<Offset>) -> String {
    match offset {
        None => String::new(),
        Some(Offset::UTC) => "Z".to_owned(),
        Some(offset) => {
            let minutes = offset.seconds() / 60;
            let sign = if minutes < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
        }
    }
}

/// Splits `Z` or `+01:00` off; a zone that is none leaves nothing.
fn split_zone(text: &str) -> Option<(&str, Option<Offset>)> {
    if let Some(civil) = text.strip_suffix('Z') {
        return Some((civil, Some(Offset::UTC)));
    }
    let at = text.len().checked_sub(6).filter(|at| text.is_char_boundary(*at));
    let Some((civil, zone)) =
        at.map(|at| text.split_at(at)).filter(|(_, zone)| zone.contains(':') && zone.starts_with(['+', '-']))
    else {
        return Some((text, None));
    };
    let (hours, minutes) = zone[1..].split_once(':').filter(|_| matches_shape(&zone[1..], "00:00"))?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let whole = hours * 60 + minutes;
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let offset = Offset::from_seconds(sign * whole * 60).ok().filter(|_| minutes < 60 && whole <= 14 * 60)?;
    Some((civil, Some(offset)))
}

/// Whether a text has digits where the shape has zeros, and is like it elsewhere.
fn matches_shape(text: &str, shape: &str) -> bool {
    let alike = |(have, want): (u8, u8)| if want == b'0' { have.is_ascii_digit() } else { have == want };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(alike)
}
