//! The loop of reading and mending.

use super::{Places, nearest};
use rohrpost_model::Fault;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeString, DeTable, DeValue, Error, ValueDeserializer};

type Node<'t> = Spanned<DeValue<'t>>;

/// A file with more faults than this gets a first part of them; each costs one reading of the file.
const FAULTS_MAX: usize = 100;

/// What a missing field is filled with in turn, until one fits its type. Where none does, its table is taken out.
const FILLINGS: usize = 11;

/// Reads a tree. Whoever writes a key that is unknown in its root may have meant one of `elsewhere`, too: of keys that
/// were there and are read by somebody else.
pub(super) fn read<T: DeserializeOwned>(
    places: &Places<'_>,
    node: Node<'_>,
    elsewhere: &[&str],
) -> Result<T, Vec<Fault>> {
    let (taken, filled) = (HashSet::new(), HashMap::new());
    let mut mending = Mending { places, node, elsewhere, faults: vec![], taken, filled };
    for _ in 0..FAULTS_MAX * FILLINGS {
        let read = serde_path_to_error::deserialize(ValueDeserializer::from(mending.node.clone()));
        match read {
            Ok(value) if mending.faults.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(error) => {
                if !mending.mend(&error) || mending.faults.len() >= FAULTS_MAX {
                    break;
                }
            }
        }
    }
    mending.faults.sort();
    mending.faults.dedup();
    Err(mending.faults)
}

/// One step of the way from the root to what is at fault.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

struct Mending<'p, 't> {
    places: &'p Places<'p>,
    node: Node<'t>,
    /// Keys of the root that are read by somebody else.
    elsewhere: &'p [&'p str],
    faults: Vec<Fault>,
    /// Keys that were taken out of a table, known by the table's span: that they are missing is no fault of its own.
    taken: HashSet<(Range<usize>, String)>,
    /// Fields that were filled in: which filling is in place. Fillings have spans beyond the end of the text.
    filled: HashMap<(Range<usize>, String), usize>,
}

impl<'t> Mending<'_, 't> {
    /// Records one fault and mends the tree so that the next reading gets past it. False if it cannot.
    fn mend(&mut self, error: &serde_path_to_error::Error<Error>) -> bool {
        let message = error.inner().message().trim_end().to_owned();
        let path = self.path(error.path());
        if let Some(key) = quoted(&message, "missing field `") {
            return self.missing(&path, key);
        }
        if let Some(filled) = self.filling_on(&path) {
            return self.fill_next(&filled);
        }
        if let Some((key, known)) = unknown_key(&message)
            && let Some(table) = self.holder(&path, key)
        {
            return self.unknown(&table, key, &known);
        }
        self.wrong(&path, error.inner().span(), &message)
    }

    /// The steps of serde's path that exist in the tree. (Serde's path also has the marks of `Spanned` in it.)
    fn path(&self, path: &serde_path_to_error::Path) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut node = Some(&self.node);
        for segment in path.iter() {
            let step = match segment {
                Segment::Map { key } | Segment::Enum { variant: key } => Step::Key(key.clone()),
                Segment::Seq { index } => Step::Index(*index),
                Segment::Unknown => break,
            };
            let Some(child) = node.and_then(|node| child(node, &step)) else { continue };
            node = Some(child);
            steps.push(step);
        }
        steps
    }

    fn at(&self, path: &[Step]) -> Option<&Node<'t>> {
        path.iter().try_fold(&self.node, child)
    }

    fn at_mut(&mut self, path: &[Step]) -> Option<&mut Node<'t>> {
        path.iter().try_fold(&mut self.node, child_mut)
    }

    fn span(&self, path: &[Step]) -> Range<usize> {
        self.at(path).map(Spanned::span).unwrap_or_default()
    }

    fn missing(&mut self, path: &[Step], key: &str) -> bool {
        let table = self.span(path);
        let id = (table.clone(), key.to_owned());
        if !self.taken.contains(&id) && table.start <= self.places.text.len() {
            self.faults.push(self.places.fault(table, format!("the key `{key}` is missing")));
        }
        let mut place = path.to_vec();
        place.push(Step::Key(key.to_owned()));
        self.filled.insert(id, 0);
        self.fill(&place, 0)
    }

    /// The way to the filling that lies on the way to a fault.
    fn filling_on(&self, path: &[Step]) -> Option<Vec<Step>> {
        let length =
            (1..=path.len()).find(|length| self.span(&path[..*length]).start > self.places.text.len());
        length.map(|length| path[..length].to_vec())
    }

    fn fill_next(&mut self, place: &[Step]) -> bool {
        let Some((Step::Key(key), table)) = place.split_last() else { return false };
        let id = (self.span(table), key.clone());
        let next = self.filled.get(&id).map_or(FILLINGS, |filling| filling + 1);
        self.filled.insert(id, next);
        self.fill(place, next)
    }

    fn fill(&mut self, place: &[Step], filling: usize) -> bool {
        let Some((Step::Key(key), table)) = place.split_last() else { return false };
        let Some(value) = filling_value(filling) else { return self.take(table) };
        let beyond = self.places.text.len() + 1;
        let span = beyond..beyond;
        if let Some(DeValue::Table(entries)) = self.at_mut(table).map(Spanned::get_mut) {
            entries.insert(Spanned::new(span.clone(), key.clone().into()), Spanned::new(span, value));
            return true;
        }
        false
    }

    /// Where a table with the key is: at the end of the path, before its end, or somewhere below it.
    fn holder(&self, path: &[Step], key: &str) -> Option<Vec<Step>> {
        let above = path.len().saturating_sub(1);
        [path, &path[..above]].into_iter().find_map(|start| {
            let node = self.at(start)?;
            let mut found = start.to_vec();
            find_key(node, key, &mut found).then_some(found)
        })
    }

    fn unknown(&mut self, table: &[Step], key: &str, known: &[&str]) -> bool {
        let Some(DeValue::Table(entries)) = self.at_mut(table).map(Spanned::get_mut) else { return false };
        let Some((place, _)) = entries.remove_entry(key) else { return false };
        let mut known = known.to_vec();
        if table.is_empty() {
            known.extend(self.elsewhere);
        }
        let hint = match (known.is_empty(), nearest(key, known.iter().copied())) {
            (true, _) => "no keys are known here".to_owned(),
            (_, Some(meant)) => format!("did you mean `{meant}`? Known keys: {}", known.join(", ")),
            (_, None) => format!("known keys: {}", known.join(", ")),
        };
        self.faults.push(self.places.fault(place.span(), format!("unknown key `{key}`")).hint(hint));
        true
    }

    fn wrong(&mut self, path: &[Step], span: Option<Range<usize>>, message: &str) -> bool {
        let own = self.span(path);
        let mended = |(table, _): &(Range<usize>, String)| *table == own;
        if self.taken.iter().any(mended) || self.filled.keys().any(mended) {
            // What is wrong with it as a whole may come from the mending.
            return self.take(path);
        }
        let span = span.filter(|span| span.end <= self.places.text.len() && !span.is_empty());
        let place = span.unwrap_or_else(|| self.span(path));
        let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
        let mut hint = if expected.is_empty() { String::new() } else { format!("expected {expected}") };
        let word = quoted(what, "unknown variant `").unwrap_or_default();
        if let Some(meant) = nearest(word, backticked(expected)) {
            hint.push_str(&format!("; did you mean `{meant}`?"));
        }
        self.faults.push(self.places.fault(place, what).hint(hint));
        self.take(path)
    }

    /// Takes the node at `path` out of the tree. False if it is the whole tree.
    fn take(&mut self, path: &[Step]) -> bool {
        let Some((last, parent)) = path.split_last() else { return false };
        let table = self.span(parent);
        if table.start > self.places.text.len() {
            return self.fill_next(parent);
        }
        let Some(node) = self.at_mut(parent) else { return false };
        match (last, node.get_mut()) {
            (Step::Key(key), DeValue::Table(entries)) => {
                let removed = entries.remove(key.as_str()).is_some();
                self.taken.insert((table, key.clone()));
                removed
            }
            (Step::Index(index), DeValue::Array(items)) => {
                let removed = remove_item(items, *index);
                self.taken.insert((table, String::new()));
                removed
            }
            _ => false,
        }
    }
}

fn child<'n, 't>(node: &'n Node<'t>, step: &Step) -> Option<&'n Node<'t>> {
    match (node.get_ref(), step) {
        (DeValue::Table(entries), Step::Key(key)) => entries.get(key.as_str()),
        (DeValue::Array(items), Step::Index(index)) => items.get(*index),
        _ => None,
    }
}

fn child_mut<'n, 't>(node: &'n mut Node<'t>, step: &Step) -> Option<&'n mut Node<'t>> {
    match (node.get_mut(), step) {
        (DeValue::Table(entries), Step::Key(key)) => entries.get_mut(key.as_str()),
        (DeValue::Array(items), Step::Index(index)) => items.get_mut(*index),
        _ => None,
    }
}

/// Finds the nearest table below `node` that has `key`, and extends `path` to it.
fn find_key(node: &Node<'_>, key: &str, path: &mut Vec<Step>) -> bool {
    let children: Vec<(Step, &Node<'_>)> = match node.get_ref() {
        DeValue::Table(entries) if entries.contains_key(key) => return true,
        DeValue::Table(entries) => {
            entries.iter().map(|(name, child)| (Step::Key(name.get_ref().to_string()), child)).collect()
        }
        DeValue::Array(items) => items.iter().enumerate().map(|(i, item)| (Step::Index(i), item)).collect(),
        _ => return false,
    };
    for (step, child) in children {
        path.push(step);
        if find_key(child, key, path) {
            return true;
        }
        path.pop();
    }
    false
}

fn remove_item(items: &mut DeArray<'_>, index: usize) -> bool {
    let all = std::mem::replace(items, DeArray::new());
    let before = all.len();
    for (i, item) in all.into_iter().enumerate() {
        if i != index {
            items.push(item);
        }
    }
    items.len() < before
}

fn filling_value<'t>(filling: usize) -> Option<DeValue<'t>> {
    let text = |text: &'static str| DeValue::String(DeString::Borrowed(text));
    Some(match filling {
        0 => text("x"),
        1 => DeValue::Integer(DeInteger::default()),
        2 => DeValue::Boolean(false),
        3 => DeValue::Array(DeArray::default()),
        4 => DeValue::Table(DeTable::default()),
        5 => text("1s"),
        6 => text("1 MB"),
        7 => text("99000000000000"),
        8 => text("00"),
        9 => text("127.0.0.1:1"),
        10 => secret_reference(),
        _ => return None,
    })
}

fn secret_reference<'t>() -> DeValue<'t> {
    let mut reference = DeTable::default();
    let value = DeValue::String(DeString::Borrowed("x"));
    reference.insert(Spanned::new(0..0, "file".into()), Spanned::new(0..0, value));
    DeValue::Table(reference)
}

/// The key that is not known, and those that are: from serde's message, or from the one that the toml crate has for
/// an enum's struct variants.
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    if let Some(key) = quoted(message, "unknown field `") {
        return Some((key, backticked(message).skip(1).collect()));
    }
    let (keys, known) =
        message.strip_prefix("unexpected keys in table: ")?.split_once(", available keys: ")?;
    Some((keys.split(", ").next()?, known.split(", ").collect()))
}

/// The text between `prefix`, which ends in a backtick, and the next backtick, if the message begins with it.
fn quoted<'m>(message: &'m str, prefix: &str) -> Option<&'m str> {
    message.strip_prefix(prefix)?.split('`').next()
}

/// All texts in backticks.
fn backticked(message: &str) -> impl Iterator<Item = &str> {
    message.split('`').skip(1).step_by(2)
}
