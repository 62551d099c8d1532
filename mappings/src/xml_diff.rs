//! What differs between two documents, for people: only the places that differ, each with its XPath, readable, and blind to
//! what canonical form is blind to (order of attributes, quotes, declarations, comments, CDATA). White space between
//! elements is not shown either; where nothing else differs, the caller has to say so.

use crate::diff;
use crate::ffi::Node;
use std::collections::BTreeMap;

/// So many lines of an element are shown on each side.
const LINES: usize = 12;

/// The differences; empty where there are none that are shown.
pub(crate) fn differences(expected: Node<'_>, made: Node<'_>) -> String {
    let mut differ = Differ { out: String::new() };
    differ.elements(expected, made);
    differ.out
}

/// What stands in an element.
enum Item<'d> {
    Element(Node<'d>),
    Text(String),
}

impl Item<'_> {
    fn shown(&self) -> String {
        match self {
            Self::Element(node) => shown(*node),
            Self::Text(text) => text.clone(),
        }
    }

    /// Whether the other could be what became of this one.
    fn is_like(&self, other: &Item<'_>) -> bool {
        match (self, other) {
            (Self::Element(one), Item::Element(two)) => name(*one) == name(*two),
            (Self::Text(_), Item::Text(_)) => true,
            _ => false,
        }
    }
}

type Name = (String, String);

fn name(node: Node<'_>) -> Name {
    (node.namespace().to_owned(), node.qualified_name())
}

fn attributes(node: Node<'_>) -> BTreeMap<Name, String> {
    let all = node.attributes();
    all.map(|it| ((it.namespace().to_owned(), it.name().to_owned()), it.value())).collect()
}

fn items(node: Node<'_>) -> Vec<Item<'_>> {
    let mut items: Vec<Item<'_>> = Vec::new();
    for child in node.content() {
        match (child.own_text(), items.last_mut()) {
            (None, _) => items.push(Item::Element(child)),
            (Some(text), Some(Item::Text(before))) => before.push_str(text),
            (Some(text), _) => items.push(Item::Text(text.to_owned())),
        }
    }
    items.retain(|item| !matches!(item, Item::Text(text) if text.trim().is_empty()));
    items
}

struct Differ {
    out: String,
}

impl Differ {
    fn elements(&mut self, expected: Node<'_>, made: Node<'_>) {
        if name(expected) != name(made) {
            return self.place(&expected.located().path, Some(&shown(expected)), Some(&shown(made)));
        }
        self.attributes(expected, made);
        let (old, new) = (items(expected), items(made));
        if old.iter().chain(&new).all(|item| matches!(item, Item::Text(_))) {
            let texts = |items: &[Item<'_>]| items.iter().map(Item::shown).collect::<String>();
            if texts(&old) != texts(&new) {
                self.place(&expected.located().path, Some(&shown(expected)), Some(&shown(made)));
            }
            return;
        }
        self.contents(expected, made, &old, &new);
    }

    fn attributes(&mut self, expected: Node<'_>, made: Node<'_>) {
        let (old, new) = (attributes(expected), attributes(made));
        for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
            if old.get(key) != new.get(key) {
                let path = format!("{}/@{}", expected.located().path, key.1);
                self.place(&path, old.get(key).map(String::as_str), new.get(key).map(String::as_str));
            }
        }
    }

    /// Contents are held beside each other by what is the same on both sides; what lies between is held against its like.
    fn contents(&mut self, expected: Node<'_>, made: Node<'_>, old: &[Item<'_>], new: &[Item<'_>]) {
        let (old_shown, new_shown): (Vec<_>, Vec<_>) =
            (old.iter().map(Item::shown).collect(), new.iter().map(Item::shown).collect());
        let (mut i, mut j) = (0, 0);
        let ends = [(old.len(), new.len())];
        for (to_old, to_new) in diff::common(&old_shown, &new_shown).into_iter().chain(ends) {
            self.between(expected, made, &old[i..to_old], &new[j..to_new]);
            (i, j) = (to_old + 1, to_new + 1);
        }
    }

    fn between(&mut self, expected: Node<'_>, made: Node<'_>, old: &[Item<'_>], new: &[Item<'_>]) {
        let mut left: Vec<&Item<'_>> = new.iter().collect();
        for item in old {
            match left.iter().position(|other| item.is_like(other)).map(|at| left.remove(at)) {
                Some(other) => self.pair(expected, item, other),
                None => self.place(&path(item, expected), Some(&item.shown()), None),
            }
        }
        left.into_iter().for_each(|item| self.place(&path(item, made), None, Some(&item.shown())));
    }

    fn pair(&mut self, around: Node<'_>, old: &Item<'_>, new: &Item<'_>) {
        match (old, new) {
            (Item::Element(old), Item::Element(new)) => self.elements(*old, *new),
            _ => self.place(&path(old, around), Some(&old.shown()), Some(&new.shown())),
        }
    }

    fn place(&mut self, path: &str, old: Option<&str>, new: Option<&str>) {
        self.out.push_str(&format!("at {path}\n"));
        for (sign, side) in [('-', old), ('+', new)] {
            let Some(text) = side else { continue };
            text.lines().take(LINES).for_each(|line| self.out.push_str(&format!("{sign} {line}\n")));
            let left = text.lines().count().saturating_sub(LINES);
            if left > 0 {
                self.out.push_str(&format!("{sign} … {left} more lines\n"));
            }
        }
    }
}

fn path(item: &Item<'_>, around: Node<'_>) -> String {
    match item {
        Item::Element(node) => node.located().path,
        Item::Text(_) => format!("{}/text()", around.located().path),
    }
}

/// An element with all in it, indented, its attributes by name.
fn shown(node: Node<'_>) -> String {
    let mut out = String::new();
    put(node, 0, &mut out);
    out
}

fn put(node: Node<'_>, deep: usize, out: &mut String) {
    let (indent, name, items) = ("  ".repeat(deep), node.qualified_name(), items(node));
    let attributes: String =
        attributes(node).iter().map(|((_, name), value)| format!(" {name}=\"{value}\"")).collect();
    match items.as_slice() {
        [] => out.push_str(&format!("{indent}<{name}{attributes}/>\n")),
        [Item::Text(text)] => out.push_str(&format!("{indent}<{name}{attributes}>{text}</{name}>\n")),
        items => {
            out.push_str(&format!("{indent}<{name}{attributes}>\n"));
            for item in items {
                match item {
                    Item::Element(child) => put(*child, deep + 1, out),
                    Item::Text(text) => out.push_str(&format!("{indent}  {}\n", text.trim())),
                }
            }
            out.push_str(&format!("{indent}</{name}>\n"));
        }
    }
}
