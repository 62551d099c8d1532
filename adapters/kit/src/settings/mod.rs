//! Reads TOML and reports every fault of a file in one run.
//!
//! Serde stops at its first fault. So the parsed tree is mended after each one (what is at fault is taken out, what is
//! missing is filled in) and read again, until nothing is left to complain about. A tree that had to be mended is
//! never returned: it only serves to find the other faults.
//!
//! Structs that are read take `#[serde(deny_unknown_fields)]`, and [`toml::Spanned`] for a field whose place is needed
//! by a later check; [`Places`] turns its span into a [`Fault`].

mod groups;
mod mend;
mod secret;
mod units;

pub use groups::read_groups;
pub use secret::{SecretRef, Secrets};
pub use units::{ByteSize, Duration};

use rohrpost_model::Fault;
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reads a whole file, or only the table `table` in it.
///
/// On failure it returns every fault found, in the order of the file. A syntax error is the only fault of its file.
pub fn read<T: DeserializeOwned>(file: &str, text: &str, table: Option<&str>) -> Result<T, Vec<Fault>> {
    let places = Places::new(file, text);
    let node = self::table(&places, table)?;
    mend::read(&places, node, &[])
}

/// A table of the file, or the whole of it.
fn table<'t>(places: &Places<'t>, name: Option<&str>) -> Result<Spanned<DeValue<'t>>, Vec<Fault>> {
    let mut root = parse(places)?;
    let Some(name) = name else { return Ok(whole(root)) };
    root.get_mut().remove(name).ok_or_else(|| {
        let fault = Fault::of_file(places.file, format!("the table [{name}] is missing"));
        vec![fault.hint(format!("add a table [{name}] with its settings"))]
    })
}

/// Reads a whole file except the tables named, which somebody else reads (an adapter its own).
pub fn read_without<T: DeserializeOwned>(file: &str, text: &str, tables: &[&str]) -> Result<T, Vec<Fault>> {
    let places = Places::new(file, text);
    let mut root = parse(&places)?;
    for table in tables {
        root.get_mut().remove(*table);
    }
    mend::read(&places, whole(root), &[])
}

fn parse<'t>(places: &Places<'t>) -> Result<Spanned<DeTable<'t>>, Vec<Fault>> {
    DeTable::parse(places.text).map_err(|error| {
        let (message, hint) = match error.message().split_once(", expected ") {
            Some((message, expected)) => (message.to_owned(), format!("expected {expected}")),
            None => (error.message().to_owned(), String::new()),
        };
        vec![places.fault(error.span().unwrap_or_default(), format!("not TOML: {message}")).hint(hint)]
    })
}

fn whole(root: Spanned<DeTable<'_>>) -> Spanned<DeValue<'_>> {
    let span = root.span();
    Spanned::new(span, DeValue::Table(root.into_inner()))
}

/// Turns byte spans of one file into faults with line and column.
#[derive(Clone, Copy, Debug)]
pub struct Places<'t> {
    file: &'t str,
    text: &'t str,
}

impl<'t> Places<'t> {
    /// The places of `text`, which is the content of `file`.
    pub const fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text }
    }

    /// Line and column (in characters) of a byte offset, both counted from 1.
    pub fn of(&self, offset: usize) -> (u32, u32) {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }

    /// A fault where `span` begins.
    pub fn fault(&self, span: Range<usize>, message: impl Into<String>) -> Fault {
        let (line, column) = self.of(span.start);
        Fault::at(self.file, line, column, message)
    }

    /// A fault where `value` stands.
    pub fn fault_at<T>(&self, value: &Spanned<T>, message: impl Into<String>) -> Fault {
        self.fault(value.span(), message)
    }
}

/// The one of `known` that `word` was probably meant to be, if one is near enough to be a slip of the hand.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(word, candidate);
    let allowed = (word.chars().count() / 3).max(1);
    known.into_iter().filter(|name| distance(name) <= allowed).min_by_key(|name| distance(name))
}

#[cfg(test)]
mod tests;
