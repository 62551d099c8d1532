//! A container that its author encrypted. It is one content that nobody here understands, handed on as a document of its
//! own: what its prefixes mean is declared on its root.

use super::base64::Encoder;
use super::incoming::Incoming;
use super::parts::cid_of;
use super::sink::{Item, Taker};
use super::{ContentFacts, Form, Unread};
use crate::names::XOP;
use crate::types::{ContentKind, ContentOutline};
use crate::xml::{Tag, Token, XmlFault};
use bytes::Bytes;
use quick_xml::escape::{escape, partial_escape};
use std::fmt::Write as _;

/// The media type of XML Encryption.
const MEDIA_TYPE: &str = "application/xenc+xml";
/// So much may follow the cipher value.
const MAX_REST: usize = 64 << 10;

/// A part that belongs into the document, and what follows it.
pub(super) struct Hole {
    pub(super) cid: String,
    item: Item,
    rest: String,
}

/// Reads the element that this tag began. What is handed back waits for a part.
pub(super) async fn read(
    incoming: &mut Incoming<'_>,
    taker: &mut Taker<'_>,
    tag: Tag,
) -> Result<Option<Hole>, Unread> {
    let outline = ContentOutline::of_type(MEDIA_TYPE);
    let facts = ContentFacts { kind: ContentKind::Encrypted, outline, form: Form::Inline };
    let mut item = taker.begin(facts).await?;
    let mut open = vec![tag.written.clone()];
    let mut hole: Option<String> = None;
    let mut text = root(incoming, &tag);
    loop {
        if hole.is_none() && !text.is_empty() {
            taker.raw(&mut item, Bytes::from(std::mem::take(&mut text))).await?;
        }
        if text.len() > MAX_REST {
            return Err(Unread::structure(incoming.position(), "too much follows the CipherValue"));
        }
        match incoming.token().await? {
            Some((Token::Start(tag), position)) if tag.is((XOP, "Include")) => {
                if hole.replace(cid_of(tag.attribute("href"))?).is_some() {
                    return Err(Unread::structure(position, "EncryptedData holds one xop:Include at most"));
                }
                incoming.skip().await?;
            }
            Some((Token::Start(tag), _)) => {
                let _ = write!(text, "<{}>", tag.source);
                open.push(tag.written);
            }
            Some((Token::Text(piece), _)) => {
                let piece = String::from_utf8_lossy(&piece);
                text.push_str(&partial_escape(piece.as_ref()).replace('\r', "&#13;"));
            }
            Some((Token::End, _)) => {
                let _ = write!(text, "</{}>", open.pop().unwrap_or_default());
                if open.is_empty() {
                    break;
                }
            }
            None => return Err(Unread::Xml { fault: XmlFault::Truncated, position: incoming.position() }),
        }
    }
    match hole {
        Some(cid) => Ok(Some(Hole { cid, item, rest: text })),
        None => {
            taker.raw(&mut item, Bytes::from(text)).await?;
            taker.end(item, incoming.position()).await.map(|()| None)
        }
    }
}

/// The start tag with all prefixes that are in scope.
fn root(incoming: &Incoming<'_>, tag: &Tag) -> String {
    let mut text = format!("<{}", tag.source);
    for (prefix, namespace) in incoming.bindings() {
        let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
        let declared =
            tag.source.split_ascii_whitespace().any(|word| word.split('=').next() == Some(name.as_str()));
        if !declared {
            let _ = write!(text, " {name}=\"{}\"", escape(namespace.as_str()));
        }
    }
    text.push('>');
    text
}

impl Hole {
    /// Puts the part that has just begun where it belongs.
    pub(super) async fn fill(
        mut self,
        incoming: &mut Incoming<'_>,
        taker: &mut Taker<'_>,
    ) -> Result<(), Unread> {
        let mut encoder = Encoder::default();
        while let Some(piece) = incoming.events.data().await? {
            taker.raw(&mut self.item, Bytes::from(encoder.push(&piece))).await?;
        }
        let end = encoder.finish() + &self.rest;
        taker.raw(&mut self.item, Bytes::from(end)).await?;
        taker.end(self.item, incoming.position()).await
    }
}
