//! What a run of rules wrote, as violations with their places.

use super::Judgement;
use super::writer::Check;
use crate::ffi::{Doc, Node, locate};
use crate::schema::{MAX_VIOLATIONS, Violation, placed};
use crate::xml::Xml;

/// Characters of a message: rules can quote as much as they like.
const MOST_SAID: usize = 1000;

/// A check that a node does not pass.
struct Said<'c> {
    at: At,
    check: &'c Check,
    text: String,
}

/// Where a node stands: the numbers of the elements on the way from the document, which is the first step; of another node
/// its kind and number in its element.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct At {
    elements: Vec<usize>,
    other: Option<(char, usize)>,
}

impl At {
    fn read(written: &str) -> Option<Self> {
        let end = written.find(['@', 't', 'c', 'i']).unwrap_or(written.len());
        let (elements, other) = written.split_at(end);
        let mut rest = other.chars();
        let kind = rest.next();
        let other = kind.and_then(|kind| Some((kind, rest.as_str().parse().ok()?)));
        let elements = elements.split('/').map(|step| step.parse().ok()).collect::<Option<_>>()?;
        Some(Self { elements, other })
    }

    /// The element that it is, or that it stands in; of the document its root.
    fn element<'d>(&self, root: Node<'d>) -> Option<Node<'d>> {
        let below = self.elements.iter().skip(2);
        below.copied().try_fold(root, |node, number| node.elements().nth(number.checked_sub(1)?))
    }

    /// The path of the node in the element at `path`.
    fn path(&self, element: Node<'_>, path: &str) -> String {
        match self.other {
            None if self.elements.len() == 1 => "/".to_owned(),
            None => path.to_owned(),
            Some(('@', number)) => {
                let name = number.checked_sub(1).and_then(|index| element.attributes().nth(index));
                format!("{path}/@{}", name.map_or("*", |attribute| attribute.name()))
            }
            Some(('t', number)) => format!("{path}/text()[{number}]"),
            Some(('c', number)) => format!("{path}/comment()[{number}]"),
            Some((_, number)) => format!("{path}/processing-instruction()[{number}]"),
        }
    }
}

/// Reads what the stylesheet wrote about `element`; `None` if that is no report.
pub(super) fn read(output: &[u8], checks: &[Check], xml: &Xml, element: Node<'_>) -> Option<Judgement> {
    let doc = Doc::parse(std::str::from_utf8(output).ok()?, None).ok()?;
    let said = doc.root()?.elements().map(|violation| said(violation, checks)).collect::<Option<Vec<_>>>()?;
    let (mut warnings, mut violations): (Vec<_>, Vec<_>) =
        said.into_iter().partition(|said| said.check.warns);
    let told = |said: &mut Vec<Said<'_>>| {
        said.sort_by(|one, other| one.at.cmp(&other.at));
        said.truncate(MAX_VIOLATIONS);
        told(said, xml, element)
    };
    Some(Judgement { violations: told(&mut violations)?, warnings: told(&mut warnings)? })
}

fn said<'c>(violation: Node<'_>, checks: &'c [Check]) -> Option<Said<'c>> {
    let number: usize = violation.attribute("check")?.parse().ok()?;
    let words = violation.text();
    let text = words.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(Said {
        at: At::read(&violation.attribute("at")?)?,
        check: checks.get(number)?,
        text: shortened(text),
    })
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MOST_SAID) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn told(said: &[Said<'_>], xml: &Xml, root: Node<'_>) -> Option<Vec<Violation>> {
    let nodes: Vec<_> = said.iter().map(|said| said.at.element(root)).collect::<Option<_>>()?;
    let found = said.iter().zip(&nodes).zip(locate(&nodes)).map(|((said, node), located)| {
        let id = said.check.id.clone().map_or("schematron".into(), std::borrow::Cow::Owned);
        let message =
            if said.text.is_empty() { "the document breaks this rule".into() } else { said.text.clone() };
        let path = said.at.path(*node, &located.path);
        (located.index, Violation::new(node.name(), path, message, id))
    });
    Some(placed(found.collect(), xml))
}
