//! Who is responsible for a service in an area, and from when to when: what a municipality cannot say of its areas alone.
//!
//! The line that names the service more narrowly goes before, then the one that names the area more narrowly. A line that is
//! not in force on the day counts as not there. Looking one up takes as many steps as keys have digits, however many lines
//! there are.

use crate::names::BadName;
use crate::{Area, AreaPattern, DestinationName, ServiceKey, TenantName, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// The digits of a LeiKa key.
const LEIKA: usize = 14;

/// A service or a prefix of services: `99128001000000`, `99128*`, or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServicePattern {
    digits: String,
    open: bool,
}

impl ServicePattern {
    /// Whether `service` is the service named, or begins with the prefix.
    pub fn covers(&self, service: &ServiceKey) -> bool {
        let text = service.as_str();
        if self.open { text.starts_with(&self.digits) } else { text == self.digits }
    }

    /// The patterns that cover `service`, the narrowest first.
    fn covering(service: &ServiceKey) -> impl Iterator<Item = Self> {
        let text = service.as_str().to_owned();
        let exact = Self { digits: text.clone(), open: false };
        let prefix = move |length: usize| Self { digits: text.chars().take(length).collect(), open: true };
        std::iter::once(exact).chain((0..=LEIKA).rev().map(prefix))
    }
}

impl FromStr for ServicePattern {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let (digits, open) = text.strip_suffix('*').map_or((text, false), |digits| (digits, true));
        let whole = open || digits.parse::<ServiceKey>().is_ok();
        let is_prefix = digits.len() <= LEIKA && digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole && is_prefix {
            return Ok(Self { digits: digits.to_owned(), open });
        }
        Err(BadName(
            "a service is a LeiKa key of 14 digits that begins with 99, or a prefix followed by '*'".into(),
        ))
    }
}

impl fmt::Display for ServicePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.digits, if self.open { "*" } else { "" })
    }
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Responsibility {
    /// For which services.
    pub service: ServicePattern,
    /// In which areas.
    pub area: AreaPattern,
    /// Who.
    pub tenant: TenantName,
    /// What a route calls `{responsible}`.
    pub destination: Option<DestinationName>,
    /// The first day; none: since ever.
    pub from: Option<Date>,
    /// The last day; none: until further notice.
    pub until: Option<Date>,
    /// Where it stands, as `file:line`.
    pub place: String,
}

/// Whether a line is in force on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It is.
    Now,
    /// From this day on.
    NotYet(Date),
    /// This was its last day.
    Over(Date),
}

impl Responsibility {
    /// Whether it is in force on `day`.
    pub fn force(&self, day: Date) -> Force {
        match (self.from, self.until) {
            (Some(from), _) if day < from => Force::NotYet(from),
            (_, Some(until)) if day > until => Force::Over(until),
            _ => Force::Now,
        }
    }

    /// Whether it says who is responsible for the service in the area, on some day.
    pub fn covers(&self, service: &ServiceKey, area: &Area) -> bool {
        self.service.covers(service) && self.area.covers(area)
    }
}

/// All lines.
#[derive(Clone, Debug)]
pub struct Responsibilities {
    zone: TimeZone,
    lines: Vec<Responsibility>,
    /// Numbers of lines.
    by_service: HashMap<ServicePattern, HashMap<AreaPattern, Vec<usize>>>,
}

impl Default for Responsibilities {
    fn default() -> Self {
        Self::new(TimeZone::UTC, Vec::new())
    }
}

impl Responsibilities {
    /// Lines whose days are those of `zone`.
    pub fn new(zone: TimeZone, lines: Vec<Responsibility>) -> Self {
        let mut by_service: HashMap<_, HashMap<_, Vec<usize>>> = HashMap::new();
        for (number, line) in lines.iter().enumerate() {
            let of_service = by_service.entry(line.service.clone()).or_default();
            of_service.entry(line.area.clone()).or_default().push(number);
        }
        Self { zone, lines, by_service }
    }

    /// All lines, in the order of files and lines.
    pub fn lines(&self) -> &[Responsibility] {
        &self.lines
    }

    /// The day at a point in time.
    pub fn day(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// The line that says who is responsible on `day`.
    pub fn find(&self, service: &ServiceKey, area: &Area, day: Date) -> Option<&Responsibility> {
        if self.lines.is_empty() {
            return None;
        }
        let areas: Vec<_> = AreaPattern::covering(area).collect();
        ServicePattern::covering(service).find_map(|pattern| {
            let of_service = self.by_service.get(&pattern)?;
            let numbers = areas.iter().filter_map(|area| of_service.get(area)).flatten();
            let mut lines = numbers.filter_map(|number| self.lines.get(*number));
            lines.find(|line| line.force(day) == Force::Now)
        })
    }

    /// Pairs of lines that say of the same service and area, on a common day, who is responsible: the later line first.
    pub fn clashes(&self) -> Vec<(&Responsibility, &Responsibility)> {
        let groups = self.by_service.values().flat_map(HashMap::values);
        groups.flat_map(|numbers| self.clashes_of(numbers)).collect()
    }

    fn clashes_of(&self, numbers: &[usize]) -> Vec<(&Responsibility, &Responsibility)> {
        let mut lines: Vec<_> =
            numbers.iter().filter_map(|number| Some((*number, self.lines.get(*number)?))).collect();
        lines.sort_by_key(|(_, line)| line.from);
        let mut found = Vec::new();
        let mut longest: Option<(usize, &Responsibility)> = None;
        for (number, line) in lines {
            let Some((other, before)) = longest else {
                longest = Some((number, line));
                continue;
            };
            let common = before.until.is_none_or(|until| line.from.is_none_or(|from| from <= until));
            if common {
                found.push(if number > other { (line, before) } else { (before, line) });
            }
            if line.until.is_none_or(|until| before.until.is_some_and(|longest| longest < until)) {
                longest = Some((number, line));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Responsibility {
        let mut cells = text.split(' ');
        let mut cell = || cells.next().unwrap_or_default();
        Responsibility {
            service: cell().parse().unwrap(),
            area: cell().parse().unwrap(),
            tenant: cell().parse().unwrap(),
            destination: None,
            from: cell().parse().ok(),
            until: cell().parse().ok(),
            place: text.to_owned(),
        }
    }

    fn table(lines: &[&str]) -> Responsibilities {
        Responsibilities::new(TimeZone::UTC, lines.iter().map(|text| line(text)).collect())
    }

    fn who<'t>(table: &'t Responsibilities, service: &str, area: &str, day: &str) -> Option<&'t str> {
        let found = table.find(&service.parse().unwrap(), &area.parse().unwrap(), day.parse().unwrap());
        found.map(|line| line.tenant.as_str())
    }

    const WELL: &str = "99128001000000";

    #[test]
    fn the_narrower_service_goes_before_and_then_the_narrower_area() {
        let table = table(&[
            "* * land - -",
            "99128* 15091* kreis - -",
            "99128* 150910010000 stadt - -",
            "99128001000000 15* bergamt - -",
        ]);
        assert_eq!(who(&table, WELL, "150910010000", "2026-01-01"), Some("bergamt"));
        assert_eq!(who(&table, "99128000000000", "150910010000", "2026-01-01"), Some("stadt"));
        assert_eq!(who(&table, "99128000000000", "150910020000", "2026-01-01"), Some("kreis"));
        assert_eq!(who(&table, "99000000000000", "150910010000", "2026-01-01"), Some("land"));
        assert_eq!(who(&table, WELL, "01", "2026-01-01"), Some("land"));
    }

    #[test]
    fn both_days_are_included_and_what_is_not_in_force_lets_the_wider_line_stand() {
        let table = table(&[
            "99128001000000 15091* alt - 2026-06-30",
            "99128001000000 15091* neu 2026-07-01 2026-12-31",
            "99128001000000 15* land - -",
        ]);
        let on = |day| who(&table, WELL, "15091", day);
        assert_eq!(on("1990-01-01"), Some("alt"));
        assert_eq!((on("2026-06-30"), on("2026-07-01")), (Some("alt"), Some("neu")));
        assert_eq!((on("2026-12-31"), on("2027-01-01")), (Some("neu"), Some("land")));
        assert_eq!(who(&table, "99128001000001", "15091", "2026-01-01"), None);
    }

    #[test]
    fn two_lines_clash_where_they_have_a_day_in_common() {
        let clashes = |lines: &[&str]| {
            let table = table(lines);
            let mut found: Vec<_> = table
                .clashes()
                .iter()
                .map(|(one, other)| format!("{}-{}", one.tenant, other.tenant))
                .collect();
            found.sort();
            found
        };
        let follows = ["* 15* a - 2026-06-30", "* 15* b 2026-07-01 -", "* 16* c - -", "99* 15* d - -"];
        assert!(clashes(&follows).is_empty());
        assert_eq!(clashes(&["* 15* a - 2026-06-30", "* 15* b 2026-06-30 -"]), ["b-a"]);
        assert_eq!(
            clashes(&["* 15* a - -", "* 15* b 2026-06-30 2026-07-01", "* 15* c 2027-01-01 -"]),
            ["b-a", "c-a"]
        );
        assert_eq!(
            clashes(&["* 15* a 2026-01-01 -", "* 15* b - -"]),
            ["b-a"],
            "the later line is told first"
        );
    }

    #[test]
    fn a_day_is_one_of_the_zone() {
        let zone = jiff::tz::TimeZoneDatabase::bundled().get("Europe/Berlin").unwrap();
        let table = Responsibilities::new(zone, Vec::new());
        let day = |at: &str| table.day(at.parse().unwrap()).to_string();
        assert_eq!(
            (day("2026-06-30T21:59:59Z"), day("2026-06-30T22:00:00Z")),
            ("2026-06-30".into(), "2026-07-01".into())
        );
        assert_eq!(day("2026-12-31T23:00:00Z"), "2027-01-01");
    }
}
