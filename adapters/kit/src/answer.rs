//! Reading something out of an answer: the reference by which the target knows a delivery.
//!
//! ```toml
//! reference = { json-pointer = "/id" }                    # RFC 6901
//! reference = { xpath = "/d:answer/d:id", namespaces = { d = "urn:example" } }
//! reference = { header = "Location" }
//! reference = { body = true }                             # the whole body is the reference
//! ```
//! With `optional = true` an answer without it is good as well.
//!
//! Of XPath only absolute paths of element names are known, with `/@name` or `/text()` at their end; the first match
//! in the document counts, and without either end it is the text of the element with all that is in it.

use crate::adapter::Faults;
use crate::http::{Answer, header::HeaderName};
use crate::settings::Places;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{NamespaceResolver, ResolveResult};
use quick_xml::reader::NsReader;
use rohrpost_model::Fault;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// What is longer is no reference.
const REFERENCE_MAX: usize = 1000;
/// How deep elements of an answer may be nested.
const DEPTH_MAX: usize = 256;

/// How it is written in the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExtractSettings {
    /// A JSON pointer (RFC 6901).
    json_pointer: Option<Spanned<String>>,
    /// A path of elements.
    xpath: Option<Spanned<String>>,
    /// Prefix → namespace, for the path.
    #[serde(default)]
    namespaces: BTreeMap<String, String>,
    /// A header.
    header: Option<Spanned<String>>,
    /// The whole body.
    #[serde(default)]
    body: bool,
    /// Whether an answer without it is good as well.
    #[serde(default)]
    optional: bool,
}

/// What is read out of an answer.
#[derive(Clone, Debug)]
pub struct Extract {
    way: Way,
    optional: bool,
}

#[derive(Clone, Debug)]
enum Way {
    Json(String),
    Xml(Path),
    Header(HeaderName),
    Body,
}

/// The answer does not hold what should be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotThere;

impl Extract {
    /// Checks how it is written.
    pub fn configured(settings: &Spanned<ExtractSettings>, places: &Places<'_>) -> Result<Self, Vec<Fault>> {
        let written = settings.get_ref();
        let mut faults = Faults::default();
        let mut ways = Vec::new();
        if let Some(pointer) = &written.json_pointer {
            ways.extend(faults.note(json_pointer(pointer, places)).map(Way::Json));
        }
        if let Some(path) = &written.xpath {
            ways.extend(faults.note(Path::configured(path, &written.namespaces, places)).map(Way::Xml));
        }
        if let Some(name) = &written.header {
            let parsed = name.get_ref().parse().map(Way::Header);
            ways.extend(
                faults.note(parsed.map_err(|_| places.fault_at(name, "this is no name of a header"))),
            );
        }
        if written.body {
            ways.push(Way::Body);
        }
        let (way, further) = (ways.pop(), !ways.is_empty());
        let whole = faults.finish(way.as_ref().map(|_| ()));
        match (whole, way) {
            (Ok(()), Some(way)) if !further => Ok(Self { way, optional: written.optional }),
            (Err(faults), _) if !faults.is_empty() => Err(faults),
            _ => Err(vec![
                places
                    .fault_at(settings, "exactly one way to read it is needed")
                    .hint("write one of json-pointer, xpath, header and body = true"),
            ]),
        }
    }

    /// Reads it. `Ok(None)` only where it is optional.
    pub fn read(&self, answer: &Answer) -> Result<Option<String>, NotThere> {
        let body = || answer.body.as_deref().ok();
        let found = match &self.way {
            Way::Json(pointer) => body().and_then(|body| at_pointer(body, pointer)),
            Way::Xml(path) => body().and_then(|body| path.first(std::str::from_utf8(body).ok()?)),
            Way::Header(name) => {
                answer.headers.get(name).and_then(|value| Some(value.to_str().ok()?.to_owned()))
            }
            Way::Body => body().and_then(|body| Some(std::str::from_utf8(body).ok()?.to_owned())),
        };
        match found.map(|text| text.trim().to_owned()).filter(|text| is_reference(text)) {
            None if !self.optional => Err(NotThere),
            found => Ok(found),
        }
    }
}

fn is_reference(text: &str) -> bool {
    !text.is_empty() && text.len() <= REFERENCE_MAX && !text.contains(char::is_control)
}

/// Checks a JSON pointer that stands in a configuration.
pub fn json_pointer(setting: &Spanned<String>, places: &Places<'_>) -> Result<String, Fault> {
    let text = setting.get_ref();
    let escapes = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    if (text.is_empty() || text.starts_with('/')) && escapes {
        return Ok(text.clone());
    }
    Err(places
        .fault_at(setting, "this is no JSON pointer")
        .hint("it begins with /, for instance /id or /items/0/id"))
}

/// The text, number or truth value at a JSON pointer.
pub fn at_pointer(body: &[u8], pointer: &str) -> Option<String> {
    match serde_json::from_slice::<serde_json::Value>(body).ok()?.pointer(pointer)? {
        serde_json::Value::String(text) => Some(text.clone()),
        value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_)) => Some(value.to_string()),
        _ => None,
    }
}

/// A name with its namespace, if it has one.
type Name = (Option<String>, String);

#[derive(Clone, Debug)]
struct Path {
    elements: Vec<Name>,
    end: End,
}

#[derive(Clone, Debug)]
enum End {
    Whole,
    OwnText,
    Attribute(Name),
}

impl Path {
    fn configured(
        setting: &Spanned<String>,
        namespaces: &BTreeMap<String, String>,
        places: &Places<'_>,
    ) -> Result<Self, Fault> {
        Self::parse(setting.get_ref(), namespaces).map_err(|message| {
            places
                .fault_at(setting, message)
                .hint("known are absolute paths of element names: /a/b, /p:a/p:b/@c, /a/text()")
        })
    }

    fn parse(text: &str, namespaces: &BTreeMap<String, String>) -> Result<Self, String> {
        let steps = text.strip_prefix('/').ok_or("the path does not begin with /")?;
        let mut elements = Vec::new();
        let mut end = End::Whole;
        for step in steps.split('/') {
            if !matches!(end, End::Whole) {
                return Err("nothing may follow an attribute or text()".into());
            }
            match step.strip_prefix('@') {
                Some(name) => end = End::Attribute(resolve(name, namespaces)?),
                None if step == "text()" => end = End::OwnText,
                None => elements.push(resolve(step, namespaces)?),
            }
        }
        if elements.is_empty() { Err("the path names no element".into()) } else { Ok(Self { elements, end }) }
    }

    /// The text of the first match. `None` as well for what is not XML, or has a DTD.
    fn first(&self, xml: &str) -> Option<String> {
        let mut reader = NsReader::from_str(xml);
        reader.config_mut().expand_empty_elements = true;
        let (mut depth, mut matched) = (0, 0);
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) if depth < DEPTH_MAX => {
                    let next = self.elements.get(matched).filter(|_| matched == depth);
                    depth += 1;
                    let fits = next.is_some_and(|name| {
                        let (namespace, local) = reader.resolver().resolve_element(start.name());
                        is(name, &namespace, local.into_inner())
                    });
                    matched += usize::from(fits);
                    if fits && matched == self.elements.len() {
                        match self.found(&start, &mut reader) {
                            Step::Found(text) => return Some(text),
                            Step::Nothing => return None,
                            Step::GoOn => {}
                        }
                    }
                }
                Event::End(_) => {
                    matched -= usize::from(matched == depth);
                    depth = depth.checked_sub(1)?;
                }
                Event::Start(_) | Event::DocType(_) | Event::Eof => return None,
                _ => {}
            }
        }
    }

    fn found(&self, start: &BytesStart<'_>, reader: &mut NsReader<&[u8]>) -> Step {
        match &self.end {
            End::Attribute(name) => attribute(start, name, reader.resolver()).map_or(Step::GoOn, Step::Found),
            End::Whole => text_of(reader, true).map_or(Step::Nothing, Step::Found),
            End::OwnText => text_of(reader, false).map_or(Step::Nothing, Step::Found),
        }
    }
}

enum Step {
    Found(String),
    Nothing,
    GoOn,
}

fn resolve(name: &str, namespaces: &BTreeMap<String, String>) -> Result<Name, String> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    let valid = |part: &str| !part.is_empty() && part.chars().all(allowed);
    let (prefix, local) = name.split_once(':').map_or((None, name), |(prefix, local)| (Some(prefix), local));
    if !valid(local) || !prefix.is_none_or(valid) {
        return Err(format!("`{name}` is no name of an element"));
    }
    let namespace = prefix.map(|prefix| namespaces.get(prefix).cloned().ok_or(prefix)).transpose();
    let namespace =
        namespace.map_err(|prefix| format!("the prefix `{prefix}` has no namespace in `namespaces`"))?;
    Ok((namespace, local.to_owned()))
}

fn is(name: &Name, namespace: &ResolveResult<'_>, local: &str) -> bool {
    let fits = match (namespace, &name.0) {
        (ResolveResult::Bound(found), Some(wanted)) => found.0 == wanted,
        (ResolveResult::Unbound, None) => true,
        _ => false,
    };
    fits && name.1 == local
}

fn attribute(start: &BytesStart<'_>, name: &Name, resolver: &NamespaceResolver) -> Option<String> {
    start.attributes().flatten().find_map(|attribute| {
        let (namespace, local) = resolver.resolve_attribute(attribute.key);
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0);
        is(name, &namespace, local.into_inner()).then(|| value.ok().map(|value| value.into_owned()))?
    })
}

/// The text up to the end of the element that was just begun.
fn text_of(reader: &mut NsReader<&[u8]>, with_inner: bool) -> Option<String> {
    let (mut text, mut inner) = (String::new(), 0_usize);
    loop {
        let event = reader.read_event().ok()?;
        match event {
            Event::Start(_) => inner += 1,
            Event::End(_) if inner == 0 => return Some(text),
            Event::End(_) => inner -= 1,
            Event::Eof | Event::DocType(_) => return None,
            _ if inner > 0 && !with_inner => {}
            Event::Text(piece) => text.push_str(&piece.xml10_content()),
            Event::CData(piece) => text.push_str(&piece.xml10_content()),
            Event::GeneralRef(entity) => match entity.resolve_char_ref().ok()? {
                Some(character) => text.push(character),
                None => text.push_str(quick_xml::escape::resolve_predefined_entity(&entity.xml10_content())?),
            },
            _ => {}
        }
        if text.len() > REFERENCE_MAX {
            return None;
        }
    }
}

#[cfg(test)]
mod tests;
