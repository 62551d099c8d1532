//! Reads TOML so that nothing stops at the first fault: what is wrong is noted with its place and left out, and the
//! rest goes on to be checked for its meaning. So a file with a wrong type *and* an unknown reference has two faults.
//!
//! ([`rohrpost_kit::settings::read`] fills typed structs and gives nothing where a file has a fault; adapters want
//! that. Here half-read items are wanted, because routes, tenants and destinations are checked against each other.)

use rohrpost_kit::settings::{Places, SecretRef, nearest};
use rohrpost_model::Fault;
use std::cell::RefCell;
use std::fmt::Display;
use std::ops::{Deref, Range};
use std::rc::Rc;
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Gathers faults.
#[derive(Debug, Default)]
pub struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    /// Notes one.
    pub fn note(&self, fault: Fault) {
        self.0.borrow_mut().push(fault);
    }

    /// Notes several.
    pub fn extend(&self, faults: impl IntoIterator<Item = Fault>) {
        self.0.borrow_mut().extend(faults);
    }

    /// All, in the order of files, lines and columns, each once.
    pub fn sorted(self) -> Vec<Fault> {
        let mut faults = self.0.into_inner();
        faults.sort();
        faults.dedup();
        faults
    }
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    file: Rc<str>,
    line: u32,
    column: u32,
}

impl Place {
    /// A line and a column of a file.
    pub fn new(file: &Rc<str>, line: u32, column: u32) -> Self {
        Self { file: Rc::clone(file), line, column }
    }

    /// As `file:line`.
    pub fn line(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// A fault here.
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::at(&*self.file, self.line, self.column, message)
    }

    /// The file.
    pub fn file(&self) -> &str {
        &self.file
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub at: Place,
}

impl<T> Deref for Placed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A configuration file: its name relative to the configuration folder, and its text.
#[derive(Debug)]
pub struct Source {
    /// The name, as faults show it.
    pub name: Rc<str>,
    /// The text.
    pub text: String,
}

impl Source {
    /// The tree, as far as it can be read; syntax errors are noted.
    pub fn parse(&self, faults: &Faults) -> Spanned<DeTable<'_>> {
        let (tree, errors) = DeTable::parse_recoverable(&self.text);
        let places = Places::new(&self.name, &self.text);
        faults.extend(errors.iter().map(|error| {
            let (what, expected) = error.message().split_once(", expected ").unwrap_or((error.message(), ""));
            let hint = if expected.is_empty() { String::new() } else { format!("expected {expected}") };
            places.fault(error.span().unwrap_or_default(), format!("not TOML: {what}")).hint(hint)
        }));
        tree
    }

    /// The whole file as a place.
    pub fn place(&self) -> Place {
        Place { file: self.name.clone(), line: 1, column: 1 }
    }

    /// What an adapter read from here, with its place.
    pub fn placed<T: Clone>(&self, value: &Spanned<T>) -> Placed<T> {
        Placed { value: value.get_ref().clone(), at: self.at(value.span()) }
    }

    fn at(&self, span: Range<usize>) -> Place {
        let (line, column) = Places::new(&self.name, &self.text).of(span.start);
        Place { file: self.name.clone(), line, column }
    }
}

/// A table that is being read. Every key is asked for once; what was not asked for is unknown.
pub struct Table<'a> {
    source: &'a Source,
    faults: &'a Faults,
    entries: Option<&'a DeTable<'a>>,
    at: Place,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub fn whole(source: &'a Source, tree: &'a Spanned<DeTable<'a>>, faults: &'a Faults) -> Self {
        Self::new(source, faults, Some(tree.get_ref()), source.place())
    }

    fn new(source: &'a Source, faults: &'a Faults, entries: Option<&'a DeTable<'a>>, at: Place) -> Self {
        Self { source, faults, entries, at, asked: RefCell::default() }
    }

    /// Where it begins.
    pub fn place(&self) -> &Place {
        &self.at
    }

    /// Where faults are noted.
    pub fn faults(&self) -> &'a Faults {
        self.faults
    }

    /// A key that must be there.
    pub fn must(&self, key: &'static str) -> Entry<'a> {
        let entry = self.may(key);
        if entry.node.is_none() && self.entries.is_some() {
            self.faults.note(self.at.fault(format!("the key `{key}` is missing")));
        }
        entry
    }

    /// A key that may be there.
    pub fn may(&self, key: &'static str) -> Entry<'a> {
        self.asked.borrow_mut().push(key);
        let node = self.entries.and_then(|entries| entries.get(key));
        Entry { source: self.source, faults: self.faults, node }
    }

    /// Leaves a key to somebody else, who reads it and notes its faults.
    pub fn leave(&self, key: &str) -> bool {
        self.entries.is_some_and(|entries| entries.contains_key(key))
    }

    /// Where a key itself stands.
    pub fn place_of(&self, key: &str) -> Place {
        let entry = self.entries.and_then(|entries| entries.get_key_value(key));
        entry.map_or_else(|| self.at.clone(), |(key, _)| self.source.at(key.span()))
    }

    /// Notes the keys that nobody asked for, except those in `left`.
    pub fn end(self, left: &[&str]) {
        let asked = self.asked.into_inner();
        let Some(entries) = self.entries else { return };
        for key in entries.keys() {
            let name: &str = key.get_ref();
            if !asked.contains(&name) && !left.contains(&name) {
                let fault = self.source.at(key.span()).fault(format!("unknown key `{name}`"));
                self.faults.note(fault.hint(known_keys(name, &asked)));
            }
        }
    }
}

fn known_keys(word: &str, known: &[&'static str]) -> String {
    let all = known.join(", ");
    match nearest(word, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`? Known keys: {all}"),
        None => format!("known keys: {all}"),
    }
}

/// The value of a key, if it has one.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    source: &'a Source,
    faults: &'a Faults,
    node: Option<&'a Spanned<DeValue<'a>>>,
}

impl<'a> Entry<'a> {
    /// A text that is written as its type asks.
    pub fn text<T: FromStr<Err: Display>>(self) -> Option<Placed<T>> {
        let text = self.node?.get_ref().as_str();
        self.read("a text in quotes", text, |text| text.parse().map_err(|error: T::Err| error.to_string()))
    }

    /// One of a list of words.
    pub fn word<T: Copy>(self, words: &[(&str, T)]) -> Option<Placed<T>> {
        let text = self.node?.get_ref().as_str();
        self.read("a text in quotes", text, |text| one_of(text, words))
    }

    /// `true` or `false`.
    pub fn flag(self) -> Option<Placed<bool>> {
        self.read("`true` or `false`", self.node?.get_ref().as_bool(), Ok)
    }

    /// A whole number in a range.
    pub fn number(self, range: std::ops::RangeInclusive<u32>) -> Option<Placed<u32>> {
        let number = self.node?.get_ref().as_integer().map(|number| {
            let digits = number.as_str().replace('_', "");
            i64::from_str_radix(&digits, number.radix()).unwrap_or(i64::MAX)
        });
        self.read("a whole number", number, |number| {
            let fitting = u32::try_from(number).ok().filter(|number| range.contains(number));
            fitting.ok_or_else(|| {
                format!("the number is {number}; it lies from {} to {}", range.start(), range.end())
            })
        })
    }

    /// Where a secret is to be found. A secret that stands here itself is not quoted.
    pub fn secret(self) -> Option<Placed<SecretRef>> {
        let node = self.node?;
        let entries = node.get_ref().as_table().filter(|entries| entries.len() == 1);
        let entry = entries.and_then(|entries| entries.iter().next());
        let reference = entry.and_then(|(key, value)| {
            let value = value.get_ref().as_str()?;
            match key.get_ref().as_ref() {
                "file" => Some(SecretRef::File(value.into())),
                "env" => Some(SecretRef::Env(value.into())),
                _ => None,
            }
        });
        let at = self.source.at(node.span());
        if reference.is_none() {
            let form = "a secret is written as { file = \"…\" } or { env = \"…\" }, never as itself";
            self.faults.note(at.fault(form));
        }
        reference.map(|value| Placed { value, at })
    }

    /// The items of a list, or the one value that stands alone.
    pub fn items(self) -> Vec<Entry<'a>> {
        let with = |node| Entry { node: Some(node), ..self };
        match self.node.map(|node| (node, node.get_ref())) {
            None => Vec::new(),
            Some((_, DeValue::Array(items))) => items.iter().map(with).collect(),
            Some((node, _)) => vec![with(node)],
        }
    }

    /// The texts of a list, or the one text that stands alone.
    pub fn texts<T: FromStr<Err: Display>>(self) -> Vec<Placed<T>> {
        self.items().into_iter().filter_map(Entry::text).collect()
    }

    /// The same, of which there must be one at least.
    pub fn some_texts<T: FromStr<Err: Display>>(self, what: &str) -> Vec<Placed<T>> {
        if self.items().is_empty()
            && let Some(at) = self.place()
        {
            self.faults.note(at.fault("the list is empty").hint(format!("name at least one {what}")));
        }
        self.texts()
    }

    /// A table; an empty one where there is none, so that its keys can be asked for all the same.
    pub fn table(self) -> Table<'a> {
        let entries = self.node.and_then(|node| node.get_ref().as_table());
        if let Some(node) = self.node.filter(|_| entries.is_none()) {
            self.wrong_type(node, "a table");
        }
        let at = self.place().unwrap_or_else(|| self.source.place());
        Table::new(self.source, self.faults, entries, at)
    }

    /// The tables of `[[…]]`.
    pub fn tables(self) -> Vec<Table<'a>> {
        self.items().into_iter().map(Entry::table).filter(|table| table.entries.is_some()).collect()
    }

    /// Text keys and values of a table.
    pub fn pairs(self) -> Vec<(String, Placed<String>)> {
        let table = self.table();
        let entries = table.entries.into_iter().flat_map(DeTable::iter);
        let read = entries.filter_map(|(key, node)| {
            let value = Entry { node: Some(node), ..self }.text::<String>()?;
            Some((key.get_ref().to_string(), value))
        });
        read.collect()
    }

    /// Whether there is a value.
    pub fn is_there(self) -> bool {
        self.node.is_some()
    }

    /// Whether the value is a text.
    pub fn is_text(self) -> bool {
        self.node.is_some_and(|node| node.get_ref().is_str())
    }

    /// Where the value stands.
    pub fn place(self) -> Option<Place> {
        self.node.map(|node| self.source.at(node.span()))
    }

    /// `found` is the value if it has the right type; `check` judges it.
    fn read<V, T>(
        self,
        form: &str,
        found: Option<V>,
        check: impl FnOnce(V) -> Result<T, String>,
    ) -> Option<Placed<T>> {
        let node = self.node?;
        let Some(found) = found else {
            self.wrong_type(node, form);
            return None;
        };
        let at = self.source.at(node.span());
        match check(found) {
            Ok(value) => Some(Placed { value, at }),
            Err(message) => {
                self.faults.note(at.fault(message));
                None
            }
        }
    }

    fn wrong_type(self, node: &Spanned<DeValue<'_>>, form: &str) {
        let what = match node.get_ref().type_str() {
            "string" => "a text",
            "integer" => "a whole number",
            "float" => "a number with a fraction",
            "boolean" => "`true` or `false`",
            "datetime" => "a date",
            "array" => "a list",
            _ => "a table",
        };
        self.faults.note(
            self.source.at(node.span()).fault(format!("this is {what}")).hint(format!("it must be {form}")),
        );
    }
}

fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    let all = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    Err(match nearest(text, known) {
        Some(meant) => format!("unknown word `{text}`; did you mean `{meant}`? Known: {all}"),
        None => format!("unknown word `{text}`; known: {all}"),
    })
}
