//! The document in which a stylesheet with `input = "envelope"` finds the data together with the hub's facts.
//!
//! ```xml
//! <hub:envelope xmlns:hub="urn:rohrpost:envelope:1">
//!   <hub:submission id="…" case="…" received-at="…" kind="…" service="…" area="…" tenant="…" test="false"/>
//!   <hub:attachments><hub:attachment number="1" name="…" media-type="…" size="…" sha256="…"/>…</hub:attachments>
//!   <hub:receipts><hub:receipt step="…" reference="…" at="…" code="…" result="…"/>…</hub:receipts>
//!   <hub:data>the root of the data, as it came</hub:data>
//! </hub:envelope>
//! ```
//! (without the white space). What is not known has no attribute. With `[attachments]` in `mapping.toml` each attachment has
//! `id` and `file-name`, too, as far as there is a rule for them. It is a plain document, so the same stylesheet runs in
//! any XSLT engine.

use crate::attachments::NamedAttachment;
use crate::facts::{AttachmentFact, Facts, ReceiptFact};
use crate::ffi::{Doc, Node};
use crate::xml::Xml;
use std::collections::BTreeMap;

/// The namespace of the envelope.
pub const ENVELOPE_NAMESPACE: &str = "urn:rohrpost:envelope:1";

/// The attribute with what the mapping's rule calls an attachment.
const ID: &str = "id";

/// The one with its file name by the rule.
const FILE_NAME: &str = "file-name";

/// The envelope of `data` and `facts`, as UTF-8. Whatever `data` is, it becomes the content of `hub:data`.
pub fn envelope(data: &Xml, facts: &Facts) -> Vec<u8> {
    wrap(data, facts).map_or_else(Vec::new, |doc| doc.serialize())
}

/// The envelope as a document; `None` only without memory.
pub(crate) fn wrap(data: &Xml, facts: &Facts) -> Option<Doc> {
    let mut doc = Doc::parse(&head(facts), None).ok()?;
    doc.adopt(data.doc())?;
    Some(doc)
}

/// The root of the data in an envelope; `None` if `xml` is no envelope with exactly one element of data.
pub(crate) fn data_of(xml: &Xml) -> Option<Node<'_>> {
    let root = xml.doc().root().filter(|root| is(*root, "envelope"))?;
    let mut data = root.elements().find(|child| is(*child, "data"))?.elements();
    data.next().filter(|_| data.next().is_none())
}

/// The facts that an envelope tells, as far as they are parameters.
pub(crate) fn facts_of(xml: &Xml) -> Option<Facts> {
    let root = xml.doc().root().filter(|root| is(*root, "envelope"))?;
    let submission = root.elements().find(|child| is(*child, "submission"))?;
    let told = |name| submission.attribute(name).unwrap_or_default();
    Some(Facts {
        submission_id: told("id"),
        case: told("case"),
        received_at: told("received-at"),
        service: told("service"),
        area: told("area"),
        tenant: told("tenant"),
        kind: told("kind"),
        test: told("test") == "true",
        attachments: attachments_of(root).map(|(_, attachment)| attachment).collect(),
        receipts: Vec::new(),
        params: BTreeMap::new(),
    })
}

/// The attachments that an envelope tells, each with its element.
fn attachments_of<'d>(root: Node<'d>) -> impl Iterator<Item = (Node<'d>, AttachmentFact)> {
    let all = root.elements().filter(|child| is(*child, "attachments")).flat_map(|child| child.elements());
    all.filter(|element| is(*element, "attachment")).map(|element| {
        let told = |name| element.attribute(name).unwrap_or_default();
        let attachment = AttachmentFact {
            number: told("number").parse().unwrap_or(0),
            name: element.attribute("name"),
            media_type: told("media-type"),
            size: told("size").parse().unwrap_or(0),
            sha256: told("sha256"),
            id: element.attribute(ID),
            file_name: element.attribute(FILE_NAME),
        };
        (element, attachment)
    })
}

/// An envelope in which each attachment is called as the rule calls it: what is not there is added. The error names the
/// first that is called otherwise.
pub(crate) fn called_by_rule(envelope: &Xml, names: &[NamedAttachment]) -> Result<Option<Xml>, String> {
    let Some(root) = envelope.doc().root() else { return Ok(None) };
    let (mut text, starts) = (envelope.text().to_owned(), envelope.source().1);
    // From the last to the first, so that places stay what they are.
    for (element, attachment) in attachments_of(root).collect::<Vec<_>>().into_iter().rev() {
        let Some(named) = names.iter().find(|named| named.number == attachment.number) else { continue };
        let mut missing = String::new();
        let both = [(ID, &attachment.id, &named.id), (FILE_NAME, &attachment.file_name, &named.file_name)];
        for (what, told, wanted) in both {
            match (told, wanted) {
                (None, Some(wanted)) => missing.push_str(&format!(" {what}=\"{wanted}\"")),
                (Some(told), Some(wanted)) if told != wanted => {
                    let number = attachment.number;
                    return Err(format!(
                        "the envelope calls attachment {number} {what}=\"{told}\", and the rule {wanted}"
                    ));
                }
                _ => {}
            }
        }
        let after_name = 1 + element.qualified_name().len();
        let place = starts.get(element.located().index).map(|start| start + after_name);
        place.into_iter().for_each(|place| text.insert_str(place, &missing));
    }
    Ok(Xml::parse_again(text.as_bytes()).ok())
}

fn is(node: Node<'_>, name: &str) -> bool {
    node.namespace() == ENVELOPE_NAMESPACE && node.name() == name
}

fn head(facts: &Facts) -> String {
    let mut text = format!("<hub:envelope xmlns:hub=\"{ENVELOPE_NAMESPACE}\">");
    let submission =
        facts.texts().map(|(name, value)| (if name == "submission-id" { "id" } else { name }, value));
    element(&mut text, "submission", submission.map(|(name, value)| (name, Some(value))));
    text.push_str("<hub:attachments>");
    facts.attachments.iter().for_each(|attachment| put_attachment(&mut text, attachment));
    text.push_str("</hub:attachments><hub:receipts>");
    facts.receipts.iter().for_each(|receipt| put_receipt(&mut text, receipt));
    text.push_str("</hub:receipts><hub:data/></hub:envelope>");
    text
}

fn put_attachment(text: &mut String, attachment: &AttachmentFact) {
    let (number, size) = (attachment.number.to_string(), attachment.size.to_string());
    let attributes = [
        ("number", Some(number.as_str())),
        ("name", attachment.name.as_deref()),
        ("media-type", Some(attachment.media_type.as_str())),
        ("size", Some(size.as_str())),
        ("sha256", Some(attachment.sha256.as_str())),
        (ID, attachment.id.as_deref()),
        (FILE_NAME, attachment.file_name.as_deref()),
    ];
    element(text, "attachment", attributes);
}

fn put_receipt(text: &mut String, receipt: &ReceiptFact) {
    let attributes = [
        ("step", Some(receipt.step.as_str())),
        ("reference", receipt.reference.as_deref()),
        ("at", receipt.at.as_deref()),
        ("code", receipt.code.as_deref()),
        ("result", receipt.result.as_deref()),
    ];
    element(text, "receipt", attributes);
}

fn element<const N: usize>(text: &mut String, name: &str, attributes: [(&str, Option<&str>); N]) {
    text.push_str("<hub:");
    text.push_str(name);
    for (name, value) in attributes.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        text.push(' ');
        text.push_str(name);
        text.push_str("=\"");
        value.chars().for_each(|character| put_escaped(text, character));
        text.push('"');
    }
    text.push_str("/>");
}

/// A character of an attribute's value. What XML 1.0 cannot carry (production 2) becomes U+FFFD: a file name may hold
/// anything.
fn put_escaped(text: &mut String, character: char) {
    match character {
        '&' => text.push_str("&amp;"),
        '<' => text.push_str("&lt;"),
        '>' => text.push_str("&gt;"),
        '"' => text.push_str("&quot;"),
        '\t' | '\n' | '\r' => text.push_str(&format!("&#{};", u32::from(character))),
        '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => text.push('\u{FFFD}'),
        other => text.push(other),
    }
}
