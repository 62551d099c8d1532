//! Holds an element against the rules of the schema and says what breaks them. What comes in is read all the same; what
//! goes out must break none.

use super::rules::{AttributeRule, Body, Child, Lexical, Rule};
use super::time::{Date, DateTime};
use crate::xml::{Attribute, Element, Position};
use base64::Engine as _;

/// So many violations are noted at most.
const MAX_VIOLATIONS: usize = 200;

/// How something breaks the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Broken {
    /// An element is missing.
    MissingElement,
    /// An element stands more often than allowed.
    TooMany,
    /// An element stands in the wrong place among its siblings.
    Order,
    /// An element that the schema does not know here. It is left out of what is read.
    UnknownElement,
    /// An attribute is missing.
    MissingAttribute,
    /// An attribute that the schema does not know here.
    UnknownAttribute,
    /// A value that its type does not allow.
    Value,
    /// A value is empty that must say something.
    Empty,
    /// Text where only elements may stand.
    Text,
    /// A header block is missing.
    MissingHeader,
    /// A header block that must be understood, and is not.
    MustUnderstand,
    /// The action of HTTP and that of WS-Addressing differ.
    Action,
}

impl Broken {
    /// A word for machines.
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingElement => "missing-element",
            Self::TooMany => "too-many",
            Self::Order => "order",
            Self::UnknownElement => "unknown-element",
            Self::MissingAttribute => "missing-attribute",
            Self::UnknownAttribute => "unknown-attribute",
            Self::Value => "value",
            Self::Empty => "empty",
            Self::Text => "text",
            Self::MissingHeader => "missing-header",
            Self::MustUnderstand => "must-understand",
            Self::Action => "action",
        }
    }
}

/// One thing that breaks the schema. It quotes names, never values, so it may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The element or attribute, from the header block or the body's element on: `MessageMetaData/Qualifier/@x`.
    pub place: String,
    /// Where in the envelope the element stands.
    pub position: Position,
    /// In which way.
    pub broken: Broken,
    /// What would be right: a German sentence for whoever runs the hub.
    pub right: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}): {}", self.place, self.position, self.right)
    }
}

/// What breaks `rule` in an element and below it.
pub(crate) fn check(element: &Element, rule: &'static Rule, found: &mut Vec<Violation>) {
    element_against(element, rule, element.local.to_string(), found);
}

/// What breaks the rules of attributes alone, for an element whose content is streamed.
pub(crate) fn check_attributes(
    element: &Element,
    rule: &'static Rule,
    place: &str,
    found: &mut Vec<Violation>,
) {
    let mut note = Notes { place, position: element.position, found };
    attributes(element, rule.attributes, rule.open, &mut note);
}

struct Notes<'a> {
    place: &'a str,
    position: Position,
    found: &'a mut Vec<Violation>,
}

impl Notes<'_> {
    fn add(&mut self, below: &str, broken: Broken, right: String) {
        if self.found.len() < MAX_VIOLATIONS {
            let slash = if below.is_empty() { "" } else { "/" };
            let place = format!("{}{slash}{below}", self.place);
            self.found.push(Violation { place, position: self.position, broken, right });
        }
    }
}

fn element_against(element: &Element, rule: &'static Rule, place: String, found: &mut Vec<Violation>) {
    let mut note = Notes { place: &place, position: element.position, found };
    attributes(element, rule.attributes, rule.open, &mut note);
    match rule.body {
        Body::Text(kind) => {
            value(&element.text, kind, "", &mut note);
            no_children(element, &mut note);
        }
        Body::Empty => {
            no_text(element, &mut note);
            no_children(element, &mut note);
        }
        Body::Any => {}
        Body::Sequence(children) => {
            no_text(element, &mut note);
            in_sequence(element, children, &mut note);
            below(element, children, &place, found);
        }
        Body::Choice(children) => {
            no_text(element, &mut note);
            one_of(element, children, &mut note);
            below(element, children, &place, found);
        }
    }
}

fn below(element: &Element, rules: &'static [Child], place: &str, found: &mut Vec<Violation>) {
    for (number, child) in element.children.iter().enumerate() {
        let Some(rule) = rules.iter().find(|rule| child.is(rule.name)) else { continue };
        let earlier = element.children[..number].iter().filter(|it| it.is(rule.name)).count();
        let place = match rule.max {
            Some(1) => format!("{place}/{}", child.local),
            _ => format!("{place}/{}[{}]", child.local, earlier + 1),
        };
        element_against(child, rule.rule, place, found);
    }
}

fn in_sequence(element: &Element, rules: &[Child], note: &mut Notes<'_>) {
    let mut furthest = 0;
    for child in &element.children {
        match rules.iter().position(|rule| child.is(rule.name)) {
            None => unknown(child, note),
            Some(at) if at < furthest => {
                let names: Vec<_> = rules.iter().map(|rule| rule.name.1).collect();
                let right = format!("Die Reihenfolge muss sein: {}.", names.join(", "));
                note.add(&child.local, Broken::Order, right);
            }
            Some(at) => furthest = at,
        }
    }
    for rule in rules {
        let count = element.children.iter().filter(|child| child.is(rule.name)).count();
        let name = rule.name.1;
        if count < rule.min {
            note.add(name, Broken::MissingElement, format!("Das Element {name} muss angegeben werden."));
        }
        if rule.max.is_some_and(|max| count > max) {
            note.add(name, Broken::TooMany, format!("Das Element {name} darf nur einmal stehen."));
        }
    }
}

fn one_of(element: &Element, rules: &[Child], note: &mut Notes<'_>) {
    let names = || rules.iter().map(|rule| rule.name.1).collect::<Vec<_>>().join(" oder ");
    let known = |child: &&Element| rules.iter().any(|rule| child.is(rule.name));
    match element.children.iter().filter(known).count() {
        0 => note.add("", Broken::MissingElement, format!("Hier muss {} stehen.", names())),
        1 => {}
        _ => note.add("", Broken::TooMany, format!("Hier darf nur eines stehen: {}.", names())),
    }
    element.children.iter().filter(|child| !known(child)).for_each(|child| unknown(child, note));
}

fn unknown(child: &Element, note: &mut Notes<'_>) {
    let right =
        format!("Das Element {} ist hier nicht vorgesehen und wurde nicht übernommen.", short(&child.local));
    note.add(&short(&child.local), Broken::UnknownElement, right);
}

fn no_children(element: &Element, note: &mut Notes<'_>) {
    element.children.iter().for_each(|child| unknown(child, note));
}

fn no_text(element: &Element, note: &mut Notes<'_>) {
    if !element.trimmed().is_empty() {
        note.add("", Broken::Text, "Hier dürfen nur Elemente stehen, kein Text.".to_owned());
    }
}

fn attributes(element: &Element, rules: &[AttributeRule], open: bool, note: &mut Notes<'_>) {
    const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
    for rule in rules {
        let name = format!("@{}", rule.name);
        match element.attribute(rule.name) {
            Some(text) => value(text, rule.kind, &name, note),
            None if rule.required => {
                let right = format!("Das Attribut {} muss angegeben werden.", rule.name);
                note.add(&name, Broken::MissingAttribute, right);
            }
            None => {}
        }
    }
    let known = |it: &Attribute| {
        let ours = it.namespace.is_empty() && rules.iter().any(|rule| rule.name == &*it.local);
        let general = &*it.namespace == INSTANCE && ["type", "nil", "schemaLocation"].contains(&&*it.local);
        // A header block carries attributes of SOAP.
        ours || general || &*it.namespace == crate::names::SOAP || (open && !it.namespace.is_empty())
    };
    for attribute in element.attributes.iter().filter(|attribute| !known(attribute)) {
        let name = short(&attribute.local);
        let right = format!("Das Attribut {name} ist hier nicht vorgesehen.");
        note.add(&format!("@{name}"), Broken::UnknownAttribute, right);
    }
}

/// Names of others are shortened before they are kept.
fn short(name: &str) -> String {
    name.chars().take(60).collect()
}

fn value(text: &str, kind: Lexical, below: &str, note: &mut Notes<'_>) {
    let trimmed = text.trim_matches([' ', '\t', '\r', '\n']);
    let (good, right): (bool, &str) = match kind {
        Lexical::Any => return,
        Lexical::NonEmpty => (!text.is_empty(), "einen Wert enthalten"),
        // An empty one is allowed by the letter of the schema, and names nothing.
        Lexical::Uri => (is_uri(trimmed), "eine URI enthalten"),
        Lexical::DateTime => {
            (DateTime::read(trimmed).is_some(), "ein Zeitpunkt wie 2026-01-15T12:00:00Z sein")
        }
        Lexical::Date => (Date::read(trimmed).is_some(), "ein Datum wie 2026-01-15 sein"),
        Lexical::Boolean => (boolean(trimmed).is_some(), "true oder false sein"),
        // An empty one stands for the fixed value.
        Lexical::True => (text.is_empty() || boolean(trimmed) == Some(true), "true sein"),
        Lexical::Positive => {
            (digits(trimmed) && trimmed.contains(|c: char| c != '0' && c != '+'), "eine ganze Zahl ab 1 sein")
        }
        Lexical::NonNegative => (digits(trimmed), "eine ganze Zahl ab 0 sein"),
        Lexical::Integer => (digits(trimmed.strip_prefix('-').unwrap_or(trimmed)), "eine ganze Zahl sein"),
        Lexical::Int => (trimmed.parse::<i32>().is_ok(), "eine ganze Zahl bis 2147483647 sein"),
        Lexical::Language => (is_language(trimmed), "ein Sprachkürzel wie de oder de-DE sein"),
        Lexical::Base64 => (is_base64(text), "base64-kodiert sein"),
        Lexical::OneOf(allowed) => {
            if !allowed.contains(&trimmed) {
                note.add(
                    below,
                    Broken::Value,
                    format!("Der Wert muss einer von diesen sein: {}.", allowed.join(", ")),
                );
            }
            return;
        }
    };
    if !good {
        let broken = if trimmed.is_empty() { Broken::Empty } else { Broken::Value };
        note.add(below, broken, format!("Der Wert muss {right}."));
    }
}

/// xs:boolean.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn digits(text: &str) -> bool {
    let text = text.strip_prefix('+').unwrap_or(text);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// xs:anyURI takes nearly everything; what never is one is caught: white space, brackets, a broken escape, two fragments.
fn is_uri(text: &str) -> bool {
    let escapes = text
        .split('%')
        .skip(1)
        .all(|after| after.len() >= 2 && after.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit));
    let first_segment = text.split(['/', '?', '#']).next().unwrap_or_default();
    let scheme = first_segment.split_once(':').is_none_or(|(scheme, _)| {
        let mut characters = scheme.chars();
        characters.next().is_some_and(|first| first.is_ascii_alphabetic())
            && characters.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    !text.is_empty() && escapes && scheme && text.matches('#').count() < 2
}

fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let plain = |part: &str, alphabetic: bool| {
        (1..=8).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphabetic() || (!alphabetic && byte.is_ascii_digit()))
    };
    parts.next().is_some_and(|first| plain(first, true)) && parts.all(|part| plain(part, false))
}

fn is_base64(text: &str) -> bool {
    let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')).collect();
    base64::engine::general_purpose::STANDARD.decode(plain).is_ok()
}
