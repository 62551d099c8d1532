//! Which patterns are checked, and abstract ones with their parameters filled in.

use super::tree::{Content, Element};
use rohrpost_model::Fault;

/// Bytes that all abstract patterns together may become.
const MOST_FILLED: usize = 8 << 20;

/// The patterns that a phase checks, none of them abstract.
pub(super) fn active(schema: &Element, phase: Option<&Element>, faults: &mut Vec<Fault>) -> Vec<Element> {
    let concrete = schema.called("pattern").filter(|pattern| !pattern.says("abstract", "true"));
    let wanted = |pattern: &&Element| phase.is_none_or(|phase| activates(phase, pattern));
    let mut filling = Filling { schema, left: MOST_FILLED };
    let filled = concrete.filter(wanted).map(|pattern| filling.filled(pattern));
    let found: Vec<_> = filled.filter_map(|filled| filled.map_err(|fault| faults.push(fault)).ok()).collect();
    if found.is_empty() && faults.is_empty() {
        faults.push(schema.place.fault("no pattern is checked: all are abstract, or none is active"));
    }
    found
}

fn activates(phase: &Element, pattern: &Element) -> bool {
    let id = pattern.attribute("id");
    id.is_some_and(|id| phase.called("active").any(|active| active.says("pattern", id)))
}

/// The phase of this name; of none, the one that the file names as its default; `None` where all patterns are active.
pub(super) fn phase<'e>(schema: &'e Element, wanted: Option<&str>) -> Result<Option<&'e Element>, Fault> {
    let named = wanted.filter(|wanted| *wanted != "#DEFAULT").or_else(|| schema.attribute("defaultPhase"));
    let Some(named) = named.filter(|named| *named != "#ALL") else { return Ok(None) };
    let found = schema.called("phase").find(|phase| phase.says("id", named));
    found.map(Some).ok_or_else(|| {
        let known: Vec<_> = schema.called("phase").filter_map(|phase| phase.attribute("id")).collect();
        let hint = format!("known: #ALL, #DEFAULT, {}", known.join(", "));
        schema.place.fault(format!("the rules have no phase `{named}`")).hint(hint)
    })
}

struct Filling<'s> {
    schema: &'s Element,
    /// Bytes that may still be made.
    left: usize,
}

impl Filling<'_> {
    /// The pattern; of an instance of an abstract one, that one with the values of its parameters.
    fn filled(&mut self, pattern: &Element) -> Result<Element, Fault> {
        let Some(wanted) = pattern.attribute("is-a") else { return Ok(pattern.clone()) };
        let is_meant = |known: &&Element| known.says("abstract", "true") && known.says("id", wanted);
        let meant = self
            .schema
            .called("pattern")
            .find(is_meant)
            .ok_or_else(|| pattern.place.fault(format!("there is no abstract pattern `{wanted}`")))?;
        let param = |param: &Element| {
            Some((param.attribute("name")?.to_owned(), param.attribute("value")?.to_owned()))
        };
        let params: Vec<_> = pattern.called("param").filter_map(param).collect();
        self.element(meant, &params).ok_or_else(|| {
            pattern.place.fault(format!(
                "the abstract patterns become more than {MOST_FILLED} bytes with their values"
            ))
        })
    }

    fn element(&mut self, element: &Element, params: &[(String, String)]) -> Option<Element> {
        let mut attributes = Vec::new();
        for (name, value) in &element.attributes {
            attributes.push((name.clone(), self.text(value, params)?));
        }
        let mut content = Vec::new();
        for child in &element.content {
            content.push(match child {
                Content::Text(text) => Content::Text(self.text(text, params)?),
                Content::Element(child) => Content::Element(self.element(child, params)?),
            });
        }
        let (name, kind) = (element.name.clone(), element.kind);
        Some(Element {
            name,
            kind,
            attributes,
            prefixes: element.prefixes.clone(),
            place: element.place.clone(),
            content,
        })
    }

    /// The text with `$name` replaced by what the parameter of this name says, in literals, too; `None` if that is too much.
    fn text(&mut self, text: &str, params: &[(String, String)]) -> Option<String> {
        let mut parts = text.split('$');
        let mut made = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| !(c.is_alphanumeric() || "-_.".contains(c))).unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            match params.iter().find(|(known, _)| known == name) {
                Some((_, value)) => made.push_str(value),
                None => made.extend(["$", name]),
            }
            made.push_str(rest);
            (made.len() <= self.left).then_some(())?;
        }
        self.left = self.left.checked_sub(made.len())?;
        Some(made)
    }
}
