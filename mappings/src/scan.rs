//! The look at a document before libxml2 sees it. It refuses what would be costly or dangerous there, and finds the
//! places of elements. It does not decide whether a document is well-formed: libxml2 does, on the same text.

use crate::xml::{XmlFault, XmlLimits};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::ops::Range;

/// What is wrong at which byte of the text.
pub(crate) struct Refused {
    pub(crate) offset: usize,
    pub(crate) code: XmlFault,
    pub(crate) message: String,
}

fn reader(text: &str) -> Reader<&[u8]> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    reader
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

/// Checks depth, attributes and namespace declarations, and that there is no DOCTYPE.
pub(crate) fn check(text: &str, limits: &XmlLimits) -> Result<(), Refused> {
    if is_ordinary(text, limits).is_some() {
        debug_assert!(look(text, limits).is_ok(), "the short look takes what the whole look refuses");
        return Ok(());
    }
    look(text, limits)
}

/// Something if the text is surely one that [`look`] takes, found out with a fraction of its work: a text of elements only,
/// with fewer namespace declarations in all than may be in scope at one place.
fn is_ordinary(text: &str, limits: &XmlLimits) -> Option<()> {
    let (mut rest, mut depth, mut namespaces) = (without_declaration(text)?, 0_u32, 0_u32);
    while let Some(begin) = rest.find('<') {
        let tag = Tag::read(rest.as_bytes().get(begin + 1..)?)?;
        namespaces += tag.namespaces;
        if depth >= limits.depth || tag.attributes > limits.attributes || namespaces > limits.namespaces {
            return None;
        }
        match tag.kind {
            Kind::Start => depth += 1,
            Kind::Empty => {}
            Kind::End => depth = depth.saturating_sub(1),
        }
        rest = rest.get(begin + 1 + tag.length..)?;
    }
    Some(())
}

fn without_declaration(text: &str) -> Option<&str> {
    match text.strip_prefix("<?xml ") {
        Some(declaration) => declaration.split_once("?>").map(|(_, rest)| rest),
        None => Some(text),
    }
}

enum Kind {
    Start,
    Empty,
    End,
}

/// A tag as a short look sees it.
struct Tag {
    kind: Kind,
    /// From behind its `<` to behind its `>`.
    length: usize,
    /// Not fewer than it has.
    attributes: u32,
    /// Not fewer than it declares.
    namespaces: u32,
}

impl Tag {
    /// The tag that `bytes` continue behind its `<`; `None` for all that is none, and for one with `<` in a value.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (mut quote, mut attributes, mut namespaces) = (None, 0, 0);
        let closed = matches!(bytes.first()?, b'/');
        if matches!(bytes.first()?, b'!' | b'?') {
            return None;
        }
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'<' => return None,
                b'"' | b'\'' if quote.is_none() && !closed => quote = Some(byte),
                _ if quote == Some(byte) => quote = None,
                _ if quote.is_some() => {}
                b'=' => attributes += 1,
                b'x' => namespaces += u32::from(bytes[at..].starts_with(b"xmlns")),
                b'>' => {
                    let empty = bytes[..at].last() == Some(&b'/');
                    let kind = if closed {
                        Kind::End
                    } else if empty {
                        Kind::Empty
                    } else {
                        Kind::Start
                    };
                    return Some(Self { kind, length: at + 1, attributes, namespaces });
                }
                _ => {}
            }
        }
        None
    }
}

fn look(text: &str, limits: &XmlLimits) -> Result<(), Refused> {
    let mut reader = reader(text);
    let mut scope = Scope { limits, namespaces: Vec::new() };
    loop {
        let begin = offset(reader.buffer_position());
        let refuse = |(code, message)| Refused { offset: begin, code, message };
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                let namespaces = scope.enter(&tag).map_err(refuse)?;
                scope.namespaces.push(namespaces);
            }
            Ok(Event::Empty(tag)) => drop(scope.enter(&tag).map_err(refuse)?),
            Ok(Event::End(_)) => drop(scope.namespaces.pop()),
            Ok(Event::DocType(_)) => return Err(refuse(doctype())),
            Ok(Event::Eof) => return Ok(()),
            Ok(_) => {}
            Err(_) => return Err(unfinished(text, offset(reader.error_position()))),
        }
    }
}

fn doctype() -> (XmlFault, String) {
    (XmlFault::Doctype, "a DOCTYPE is refused: no document needs one, and entities are a known attack".into())
}

/// The tokenizer fails only on what never ends. A DOCTYPE is one even if it never ends.
fn unfinished(text: &str, offset: usize) -> Refused {
    let rest = text.get(offset..).unwrap_or_default();
    if rest.get(..9).is_some_and(|begin| begin.eq_ignore_ascii_case("<!DOCTYPE")) {
        let (code, message) = doctype();
        return Refused { offset, code, message };
    }
    Refused { offset, code: XmlFault::Truncated, message: "what begins here does not end".into() }
}

struct Scope<'l> {
    limits: &'l XmlLimits,
    /// Namespaces in scope, for each open element.
    namespaces: Vec<u32>,
}

impl Scope<'_> {
    /// The number of namespace declarations in scope inside `tag`.
    fn enter(&self, tag: &BytesStart<'_>) -> Result<u32, (XmlFault, String)> {
        let limits = self.limits;
        if self.namespaces.len() >= limits.depth as usize {
            let message = format!("elements are nested deeper than {}", limits.depth);
            return Err((XmlFault::TooDeep, message));
        }
        let (attributes, declared) = count(tag);
        if attributes > limits.attributes {
            return Err((
                XmlFault::TooManyAttributes,
                format!("a tag has more than {} attributes", limits.attributes),
            ));
        }
        let namespaces = self.namespaces.last().copied().unwrap_or(0).saturating_add(declared);
        if namespaces > limits.namespaces {
            let message = format!("more than {} namespace declarations are in scope", limits.namespaces);
            return Err((XmlFault::TooManyAttributes, message));
        }
        Ok(namespaces)
    }
}

/// Attributes of a tag and how many of them declare a namespace. Where the tag is broken, its `=` are counted instead,
/// which are never fewer.
fn count(tag: &BytesStart<'_>) -> (u32, u32) {
    let signs = number(tag.as_ref().bytes().filter(|byte| *byte == b'=').count());
    let (mut attributes, mut declared) = (0, 0);
    for attribute in tag.attributes().with_checks(false) {
        let Ok(attribute) = attribute else {
            return (signs, signs);
        };
        attributes += 1;
        declared += u32::from(attribute.key.as_ref().starts_with("xmlns"));
    }
    (attributes, declared)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The byte ranges of all start tags, in document order. The text is well-formed.
pub(crate) fn start_tags(text: &str) -> Vec<Range<usize>> {
    let mut reader = reader(text);
    let mut tags = Vec::new();
    loop {
        let begin = offset(reader.buffer_position());
        match reader.read_event() {
            Ok(Event::Start(_) | Event::Empty(_)) => tags.push(begin..offset(reader.buffer_position())),
            Ok(Event::Eof) | Err(_) => return tags,
            Ok(_) => {}
        }
    }
}

/// The attributes in a start tag of `text`, as they are written: name, and where the value stands without its quotation
/// marks. The text is well-formed.
pub(crate) fn attribute_values<'t>(text: &'t str, tag: &Range<usize>) -> Vec<(&'t str, Range<usize>)> {
    let (mut at, mut values) = (tag.start, Vec::new());
    // Values are skipped whole, so that a name inside of one is not taken for an attribute.
    while let Some(equals) = text[at..tag.end].find('=').map(|found| at + found) {
        let name = text[at..equals].trim_end().rsplit(|c: char| c.is_ascii_whitespace()).next();
        let open = text[equals..tag.end].find(['"', '\'']).map(|found| equals + found);
        let Some((name, open)) = name.zip(open) else { break };
        let quote = char::from(text.as_bytes()[open]);
        let Some(close) = text[open + 1..tag.end].find(quote).map(|found| open + 1 + found) else { break };
        values.push((name, open + 1..close));
        at = close + 1;
    }
    values
}
