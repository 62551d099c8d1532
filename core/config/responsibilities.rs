//! `responsibilities/*.csv`: which tenant, and which destination, is responsible for a service in an area, and when.

use super::reader::{Faults, Place, Placed, Source};
use super::references::Known;
use rohrpost_kit::settings::nearest;
use rohrpost_model::responsibility::{Responsibilities, Responsibility, ServicePattern};
use rohrpost_model::{AreaPattern, Date, DestinationName, Fault, TenantName};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::rc::Rc;
use std::str::FromStr;

/// The columns that are known; the first three must be there. The last one is for people.
const COLUMNS: [&str; 7] = ["service", "area", "tenant", "destination", "valid-from", "valid-to", "note"];

/// How many of them must be there.
const NEEDED: usize = 3;

/// A byte order mark, which spreadsheets put before UTF-8.
const BOM: char = '\u{feff}';

/// A line as written.
pub struct LineDraft {
    /// For which services.
    pub service: ServicePattern,
    /// In which areas.
    pub area: AreaPattern,
    /// Who.
    pub tenant: Placed<TenantName>,
    /// What `{responsible}` stands for.
    pub destination: Option<Placed<DestinationName>>,
    /// The line.
    pub at: Place,
    from: Option<Date>,
    until: Option<Date>,
}

impl LineDraft {
    /// Checks what it names.
    pub fn check(&self, known: &Known, faults: &Faults) {
        known.tenants.check(&self.tenant, faults);
        if let Some(destination) = &self.destination {
            known.destinations.check(destination, faults);
        }
    }

    fn build(&self) -> Responsibility {
        Responsibility {
            service: self.service.clone(),
            area: self.area.clone(),
            tenant: self.tenant.value.clone(),
            destination: self.destination.as_ref().map(|name| name.value.clone()),
            from: self.from,
            until: self.until,
            place: self.at.line(),
        }
    }
}

/// The table of all lines. Days are those of `Europe/Berlin`.
pub fn build(lines: &[LineDraft]) -> Responsibilities {
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap_or(jiff::tz::TimeZone::UTC);
    Responsibilities::new(zone, lines.iter().map(LineDraft::build).collect())
}

/// Two lines that say of the same service and area, on a common day, who is responsible.
pub fn check_clashes(lines: &[LineDraft], faults: &Faults) {
    let places: BTreeMap<_, _> = lines.iter().map(|line| (line.at.line(), &line.at)).collect();
    for (line, other) in build(lines).clashes() {
        let Some(at) = places.get(&line.place) else { continue };
        let what = format!(
            "the service {} in the area {} is in {} already, on days in common",
            line.service, line.area, other.place
        );
        faults.note(
            at.fault(what)
                .hint("end one with valid-to before the other begins with valid-from, or narrow one"),
        );
    }
}

/// Reads one file.
pub fn read(source: &Source, faults: &Faults) -> Vec<LineDraft> {
    let text = source.text.strip_prefix(BOM).unwrap_or(&source.text);
    let separator = separator(text);
    let mut rows = Rows { file: &source.name, text, separator, at: 0, line: 1 };
    let mut reader = csv::ReaderBuilder::new();
    let mut reader =
        reader.delimiter(separator).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut columns: Option<Vec<Option<&str>>> = None;
    let mut lines = Vec::new();
    for record in reader.records().filter_map(Result::ok) {
        let start = record.position().map_or(0, |at| usize::try_from(at.byte()).unwrap_or(usize::MAX));
        rows.advance(start);
        let row = Row { rows: &rows, record: &record, faults };
        match &columns {
            None => columns = Some(row.heads()),
            Some(columns) => lines.extend(row.read(columns)),
        }
    }
    if columns.is_none() {
        let fault =
            Place::new(&source.name, 1, 1).fault("the file has no first line with the names of its columns");
        faults.note(fault.hint(known_columns()));
    }
    lines
}

/// What the first line has most of: semicolon, comma or tab.
fn separator(text: &str) -> u8 {
    let head = text.lines().next().unwrap_or_default();
    let count = |separator: &u8| head.bytes().filter(|byte| byte == separator).count();
    [b'\t', b',', b';'].into_iter().max_by_key(count).unwrap_or(b';')
}

fn known_columns() -> String {
    format!("columns: {}", COLUMNS.join(", "))
}

/// Where the reader stands.
struct Rows<'a> {
    file: &'a Rc<str>,
    text: &'a str,
    separator: u8,
    /// Where the row begins, and in which line.
    at: usize,
    line: usize,
}

impl Rows<'_> {
    /// Goes on to the row that begins at `start`, or after the empty lines there.
    fn advance(&mut self, start: usize) {
        let rest = self.text.get(start..).unwrap_or_default();
        let start = start + (rest.len() - rest.trim_start_matches(['\r', '\n']).len());
        self.line += self.text.get(self.at..start).unwrap_or_default().matches('\n').count();
        self.at = start;
    }

    /// Where a cell of the row begins.
    fn place(&self, cell: usize) -> Place {
        let row = self.text.get(self.at..).unwrap_or_default();
        let before = row.get(..self.offset(row, cell)).unwrap_or_default();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let line = self.line + before.matches('\n').count();
        Place::new(self.file, number(line), number(column))
    }

    fn offset(&self, row: &str, cell: usize) -> usize {
        let (mut quoted, mut left) = (false, cell);
        for (at, byte) in row.bytes().enumerate() {
            if left == 0 {
                return at;
            }
            quoted ^= byte == b'"';
            if byte == self.separator && !quoted {
                left -= 1;
            }
        }
        row.len()
    }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// One row.
struct Row<'a> {
    rows: &'a Rows<'a>,
    record: &'a csv::StringRecord,
    faults: &'a Faults,
}

impl Row<'_> {
    fn fault(&self, cell: usize, what: impl Into<String>) -> Fault {
        self.rows.place(cell).fault(what)
    }

    /// The columns of the first row; one that is not known is none.
    fn heads(&self) -> Vec<Option<&'static str>> {
        let mut found = Vec::new();
        for (cell, name) in self.record.iter().map(str::trim).enumerate() {
            let known = COLUMNS.into_iter().find(|known| *known == name);
            if known.is_none() {
                let hint = match nearest(name, COLUMNS) {
                    Some(meant) => format!("did you mean `{meant}`? {}", known_columns()),
                    None => known_columns(),
                };
                self.faults.note(self.fault(cell, format!("unknown column `{name}`")).hint(hint));
            } else if found.contains(&known) {
                let fault = self.fault(cell, format!("the column `{name}` is there already"));
                self.faults.note(fault.hint("take one of them out"));
            }
            found.push(known);
        }
        for needed in COLUMNS.into_iter().take(NEEDED).filter(|needed| !found.contains(&Some(*needed))) {
            self.faults
                .note(self.fault(0, format!("the column `{needed}` is missing")).hint(known_columns()));
        }
        found
    }

    fn read(&self, columns: &[Option<&str>]) -> Option<LineDraft> {
        if self.record.len() != columns.len() {
            let what = format!(
                "the row has {} cells, and the first line names {}",
                self.record.len(),
                columns.len()
            );
            let fault = self.fault(0, what).hint("put cells with a separator in them into quotes");
            self.faults.note(fault);
            return None;
        }
        let (service, area) = (self.must(columns, "service"), self.must(columns, "area"));
        let (tenant, destination) = (self.must(columns, "tenant"), self.may(columns, "destination"));
        let (from, until) = (self.day(columns, "valid-from"), self.day(columns, "valid-to"));
        if let (Some(from), Some(until)) = (&from, &until)
            && until.value < from.value
        {
            let fault = until.at.fault(format!("the last day, {}, is before the first, {}", **until, **from));
            self.faults.note(fault.hint("both days are included"));
        }
        Some(LineDraft {
            service: service?.value,
            area: area?.value,
            tenant: tenant?,
            destination,
            at: self.rows.place(0),
            from: from.map(|day| day.value),
            until: until.map(|day| day.value),
        })
    }

    /// The text of a cell that has one.
    fn cell(&self, columns: &[Option<&str>], name: &str) -> Option<(usize, &str)> {
        let cell = columns.iter().position(|column| *column == Some(name))?;
        Some((cell, self.record.get(cell)?.trim())).filter(|(_, text)| !text.is_empty())
    }

    fn may<T: FromStr<Err: Display>>(&self, columns: &[Option<&str>], name: &str) -> Option<Placed<T>> {
        let (cell, text) = self.cell(columns, name)?;
        match text.parse() {
            Ok(value) => Some(Placed { value, at: self.rows.place(cell) }),
            Err(wrong) => {
                self.faults.note(self.fault(cell, format!("`{text}` in the column `{name}`: {wrong}")));
                None
            }
        }
    }

    fn must<T: FromStr<Err: Display>>(&self, columns: &[Option<&str>], name: &str) -> Option<Placed<T>> {
        let column = columns.iter().position(|column| *column == Some(name))?;
        if self.cell(columns, name).is_none() {
            let fault = self.fault(column, format!("the column `{name}` is empty"));
            self.faults.note(fault.hint("fill it; `*` stands for all services or areas"));
        }
        self.may(columns, name)
    }

    fn day(&self, columns: &[Option<&str>], name: &str) -> Option<Placed<Date>> {
        let (cell, text) = self.cell(columns, name)?;
        let whole = text.len() == "2026-12-31".len();
        match text.parse().ok().filter(|_| whole) {
            Some(value) => Some(Placed { value, at: self.rows.place(cell) }),
            None => {
                let fault = self.fault(cell, format!("`{text}` in the column `{name}` is no day"));
                self.faults.note(fault.hint("write it like 2026-12-31"));
                None
            }
        }
    }
}
