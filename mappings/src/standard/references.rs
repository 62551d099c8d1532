//! What a schema file declares, and which others it asks for.

use crate::ffi::Doc;
use crate::{place, scan};
use std::collections::BTreeMap;
use std::ops::Range;

const XS: &str = "http://www.w3.org/2001/XMLSchema";

/// A schema file as far as finding its neighbours goes.
pub(crate) struct Outline {
    /// The namespace it declares things in; empty for none.
    pub(crate) namespace: String,
    pub(crate) references: Vec<Reference>,
}

/// `xs:import`, `xs:include` or `xs:redefine` with a `schemaLocation`.
pub(crate) struct Reference {
    /// Whether it is an `xs:import`; the others stay in their namespace.
    pub(crate) import: bool,
    /// The namespace that is wanted; empty for none.
    pub(crate) namespace: String,
    /// As it is written.
    pub(crate) location: String,
    /// Line and column of the element.
    pub(crate) place: (u32, u32),
    /// Where in the text the value of `schemaLocation` stands, without its quotation marks.
    value: Range<usize>,
}

impl Outline {
    /// Reads a well-formed text; `None` if it is no schema.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let doc = Doc::parse(text, None).ok()?;
        let root = doc.root().filter(|root| (root.namespace(), root.name()) == (XS, "schema"))?;
        let namespace = root.attribute("targetNamespace").unwrap_or_default();
        let tags = scan::start_tags(text);
        let mut references = Vec::new();
        for (index, node) in root.descendants().enumerate().filter(|(_, node)| node.namespace() == XS) {
            let import = node.name() == "import";
            let (true, Some(location)) =
                (import || matches!(node.name(), "include" | "redefine"), node.attribute("schemaLocation"))
            else {
                continue;
            };
            let Some((tag, value)) = tags.get(index).and_then(|tag| Some((tag, value_in(text, tag)?))) else {
                continue;
            };
            let wanted = node.attribute("namespace").unwrap_or_default();
            references.push(Reference {
                import,
                namespace: if import { wanted } else { namespace.clone() },
                location: location.trim().to_owned(),
                place: place::of(text, tag.start),
                value,
            });
        }
        Some(Self { namespace, references })
    }

    /// The text with the locations for which `to` knows a URI replaced by it. Lines stay as they are.
    pub(crate) fn relocated(&self, text: &str, to: impl Fn(&Reference) -> Option<String>) -> String {
        let mut made = text.to_owned();
        for reference in self.references.iter().rev() {
            if let Some(uri) = to(reference) {
                let breaks = "\n".repeat(text[reference.value.clone()].matches('\n').count());
                made.replace_range(reference.value.clone(), &format!("{uri}{breaks}"));
            }
        }
        made
    }
}

/// Where the value of the attribute `schemaLocation` stands in a start tag of `text`.
fn value_in(text: &str, tag: &Range<usize>) -> Option<Range<usize>> {
    let values = scan::attribute_values(text, tag);
    values.into_iter().find(|(name, _)| *name == "schemaLocation").map(|(_, value)| value)
}

/// The outlines of all files that are schemas.
pub(crate) fn outlines(texts: &BTreeMap<String, String>) -> BTreeMap<String, Outline> {
    texts.iter().filter_map(|(path, text)| Some((path.clone(), Outline::read(text)?))).collect()
}

/// Whether a location names an address and not a neighbour.
pub(crate) fn is_remote(location: &str) -> bool {
    location.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// The path that a relative location means, seen from the file at `from`. One that leads out of the folder begins with
/// `..`.
pub(crate) fn path_from(from: &str, location: &str) -> String {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(location.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What stands after the last `/` or `:`.
pub(crate) fn last_segment(location: &str) -> &str {
    location.rsplit(['/', ':']).next().unwrap_or_default()
}

/// The text of a published schema with its document type declaration blanked out, lines and columns kept: W3C's schema of
/// XML signatures has one. Nothing of it is read. A schema that uses an entity from it is not well-formed then, and refused.
pub(crate) fn without_doctype(text: String) -> String {
    let Some(start) = text
        .find("<!DOCTYPE")
        .filter(|at| text[..*at].matches("<!--").count() == text[..*at].matches("-->").count())
    else {
        return text;
    };
    let (mut quote, mut inside) = (None, false);
    let end = text[start..].char_indices().find(|(_, c)| {
        match (quote, c) {
            (Some(open), c) if open == *c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(*c),
            (None, '[') => inside = true,
            (None, ']') => inside = false,
            (None, '>') => return !inside,
            _ => {}
        }
        false
    });
    let Some((length, _)) = end else { return text };
    let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
    let blanked: String = text[start..=start + length].chars().map(blank).collect();
    format!("{}{blanked}{}", &text[..start], &text[start + length + 1..])
}
