//! The first half: who asks for what. No content has been touched when it is known, so a caller may still refuse.

use super::incoming::{BoxError, Events, Incoming, Stage};
use super::media::Media;
use super::multipart::{MultipartFault, Splitter};
use super::read::Contents;
use super::{Limits, Unread};
use crate::names::{Direction, META, OSCI, Operation, SOAP, SOAP_11, WSA};
use crate::types::{Broken, MessageMetaData, MsgBoxResponse, Party, Violation, check, rule_of};
use crate::xml::{Element, Position};
use bytes::Bytes;
use futures::Stream;

/// What HTTP says of the body.
#[derive(Clone, Copy, Debug)]
pub struct Wire<'a> {
    /// The header `Content-Type`.
    pub content_type: &'a str,
    /// The header `SOAPAction`, which SOAP 1.2 does not need and some clients send.
    pub soap_action: Option<&'a str>,
}

/// Which envelope is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// A request: its action says what it is.
    Request,
    /// The answer to this operation.
    Answer(Operation),
}

/// How contents go over the wire. An answer takes the form of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As base64 in the envelope.
    Inline,
    /// As parts beside it.
    Mtom,
}

/// The headers of WS-Addressing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addressing {
    /// What is wanted.
    pub action: Option<String>,
    /// The id of this envelope. Never that of the message: nothing may be keyed on it.
    pub message_id: Option<String>,
    /// The id of the envelope that this one answers.
    pub relates_to: Option<String>,
    /// Where to; clients write anything.
    pub to: Option<String>,
}

/// What stands before the body.
#[derive(Clone, Debug)]
pub struct Head {
    /// What is wanted.
    pub operation: Operation,
    /// Which way it goes.
    pub direction: Direction,
    /// How contents come.
    pub form: Form,
    /// WS-Addressing.
    pub addressing: Addressing,
    /// The header block `Author`.
    pub author: Option<Party>,
    /// The header block `MessageMetaData`.
    pub metadata: Option<MessageMetaData>,
    /// The header block `MsgBoxResponse`.
    pub msg_box: Option<MsgBoxResponse>,
    /// The header block `X509TokenContainer` as it came.
    pub tokens: Option<Element>,
    /// What breaks the schema so far.
    pub violations: Vec<Violation>,
}

impl Head {
    /// Who asks: the Author of the header, or of the metadata.
    pub fn who_asks(&self) -> Option<&Party> {
        self.author.as_ref().or(self.metadata.as_ref().map(|metadata| &metadata.author))
    }
}

/// Reads up to the body.
pub async fn read_head<'a, E: Into<BoxError>>(
    wire: Wire<'_>,
    expect: Expect,
    body: impl Stream<Item = Result<Bytes, E>> + Send + 'a,
    limits: Limits,
) -> Result<(Head, Contents<'a>), Unread> {
    let outer = Media::read(wire.content_type);
    let (splitter, form) = opened(&outer, wire.content_type)?;
    let mut events = Events::new(body, splitter, limits);
    let mut action = outer.action();
    let root =
        if events.has_parts() { root_part(&mut events, &outer, &mut action).await? } else { String::new() };
    let soap_action = wire.soap_action.map(|it| it.trim_matches('"').to_owned()).filter(|it| !it.is_empty());
    let action = action.or(soap_action);
    let mut incoming = Incoming::new(events, limits);
    envelope(&mut incoming).await?;
    let mut head = Blocks::default();
    let mut blocks = Vec::new();
    if header_comes(&mut incoming, &mut head).await? {
        while let Some((tag, position)) = incoming.child().await? {
            blocks.push(incoming.element(tag, position).await?);
        }
        body_comes(&mut incoming).await?;
    }
    blocks.iter().for_each(|block| head.take(block));
    let head = head.finish(expect, form, action, incoming.position())?;
    incoming.enter(Stage::Body);
    let contents = Contents::new(incoming, &head, root);
    Ok((head, contents))
}

/// Tells the two forms apart.
fn opened(outer: &Media, text: &str) -> Result<(Option<Splitter>, Form), Unread> {
    let unknown = || Unread::MediaType(text.chars().take(100).collect());
    let is_xop =
        |name| outer.parameter(name).is_some_and(|it| Media::read(it).essence == "application/xop+xml");
    let is_soap =
        |name| outer.parameter(name).is_some_and(|it| Media::read(it).essence == "application/soap+xml");
    match outer.essence.as_str() {
        "application/soap+xml" if utf8(outer) => Ok((None, Form::Inline)),
        // CXF sends parts without XOP, too, where it has no content.
        "multipart/related" if is_xop("type") || is_soap("type") || outer.parameter("type").is_none() => {
            let boundary = outer.parameter("boundary").ok_or(MultipartFault::NoBoundary)?;
            Ok((Some(Splitter::new(boundary)?), Form::Mtom))
        }
        _ => Err(unknown()),
    }
}

fn utf8(media: &Media) -> bool {
    media
        .parameter("charset")
        .is_none_or(|it| it.eq_ignore_ascii_case("utf-8") || it.eq_ignore_ascii_case("us-ascii"))
}

/// Finds the envelope among the parts: it comes first. Its Content-ID is handed back.
async fn root_part(
    events: &mut Events<'_>,
    outer: &Media,
    action: &mut Option<String>,
) -> Result<String, Unread> {
    let headers = events.part().await?.ok_or(MultipartFault::Truncated)?;
    let wanted = outer.parameter("start").map(|start| start.trim_matches(['<', '>']));
    if wanted.is_some_and(|wanted| wanted != headers.content_id) {
        return Err(MultipartFault::RootNotFirst.into());
    }
    let media = Media::read(&headers.content_type);
    let known = ["application/xop+xml", "application/soap+xml", ""].contains(&media.essence.as_str());
    if !known || !utf8(&media) {
        return Err(Unread::MediaType(headers.content_type.chars().take(100).collect()));
    }
    *action = action.take().or_else(|| media.action());
    Ok(headers.content_id)
}

async fn envelope(incoming: &mut Incoming<'_>) -> Result<(), Unread> {
    let Some((tag, _)) = incoming.child().await? else { return Err(Unread::NotAnEnvelope) };
    match (tag.namespace.as_str(), tag.local.as_str()) {
        (SOAP, "Envelope") => Ok(()),
        (SOAP_11, "Envelope") => Err(Unread::Soap11),
        _ => Err(Unread::NotAnEnvelope),
    }
}

/// Whether the first child of the envelope is a header; if it is the body, there is none.
async fn header_comes(incoming: &mut Incoming<'_>, head: &mut Blocks) -> Result<bool, Unread> {
    match incoming.child().await? {
        Some((tag, _)) if tag.is((SOAP, "Header")) => Ok(true),
        Some((tag, _)) if tag.is((SOAP, "Body")) => {
            head.without_header = true;
            Ok(false)
        }
        Some((_, position)) => {
            Err(Unread::structure(position, "an Envelope holds a Header and a Body, nothing else"))
        }
        None => Err(Unread::structure(incoming.position(), "the Envelope has no Body")),
    }
}

async fn body_comes(incoming: &mut Incoming<'_>) -> Result<(), Unread> {
    match incoming.child().await? {
        Some((tag, _)) if tag.is((SOAP, "Body")) => Ok(()),
        Some((_, position)) => Err(Unread::structure(position, "the Body must follow the Header")),
        None => Err(Unread::structure(incoming.position(), "the Envelope has no Body")),
    }
}

/// The header blocks as they come.
#[derive(Default)]
struct Blocks {
    without_header: bool,
    addressing: Addressing,
    author: Option<Party>,
    metadata: Option<MessageMetaData>,
    msg_box: Option<MsgBoxResponse>,
    tokens: Option<Element>,
    violations: Vec<Violation>,
}

impl Blocks {
    fn take(&mut self, block: &Element) {
        let text = || Some(block.trimmed().to_owned()).filter(|text| !text.is_empty());
        let name = (&*block.namespace, &*block.local);
        match name {
            (WSA, "Action") => self.addressing.action = text(),
            (WSA, "MessageID") => self.addressing.message_id = text(),
            (WSA, "RelatesTo") => self.addressing.relates_to = text(),
            // Clients leave placeholders in it, so it is not held against anything.
            (WSA, "To") => return self.addressing.to = text(),
            (META, "Author") => self.author = Some(Party::read(block)),
            (META, "MessageMetaData") => self.metadata = Some(MessageMetaData::read(block)),
            (OSCI, "MsgBoxResponse") => self.msg_box = Some(MsgBoxResponse::read(block)),
            (OSCI, "X509TokenContainer") => self.tokens = Some(block.clone()),
            _ => {}
        }
        match rule_of(name) {
            Some(rule) => check(block, rule, &mut self.violations),
            None => self.unknown(block),
        }
    }

    /// A block of somebody else matters only if it says so.
    fn unknown(&mut self, block: &Element) {
        let says = |it: &&crate::xml::Attribute| &*it.namespace == SOAP && &*it.local == "mustUnderstand";
        let must = block.attributes.iter().find(says).is_some_and(|it| ["1", "true"].contains(&&*it.value));
        if must {
            let right = "Dieser Kopfblock verlangt, verstanden zu werden; er ist hier unbekannt.";
            self.note(&block.local, block.position, Broken::MustUnderstand, right.to_owned());
        }
    }

    fn note(&mut self, place: &str, position: Position, broken: Broken, right: String) {
        let place = place.chars().take(60).collect();
        self.violations.push(Violation { place, position, broken, right });
    }

    fn has(&self, name: (&str, &str)) -> bool {
        match name.1 {
            "Author" => self.author.is_some(),
            "MessageMetaData" => self.metadata.is_some(),
            _ => self.msg_box.is_some(),
        }
    }

    fn finish(
        mut self,
        expect: Expect,
        form: Form,
        http: Option<String>,
        end: Position,
    ) -> Result<Head, Unread> {
        let (operation, direction) = match expect {
            Expect::Answer(operation) => (operation, Direction::Answer),
            Expect::Request => {
                let action =
                    http.clone().or_else(|| self.addressing.action.clone()).ok_or(Unread::NoAction)?;
                let unknown = || Unread::UnknownAction(action.chars().take(200).collect());
                (Operation::of_action(&action).ok_or_else(unknown)?, Direction::Request)
            }
        };
        self.compare_actions(operation, http.as_deref(), end);
        if self.without_header {
            self.note(
                "Header",
                end,
                Broken::MissingHeader,
                "Der Umschlag muss einen Header haben.".to_owned(),
            );
        }
        if direction == Direction::Request && !self.has(operation.who_asks()) {
            let name = operation.who_asks().1;
            self.note(
                name,
                end,
                Broken::MissingHeader,
                format!("Der Kopfblock {name} muss angegeben werden."),
            );
        }
        let Self { addressing, author, metadata, msg_box, tokens, violations, .. } = self;
        Ok(Head { operation, direction, form, addressing, author, metadata, msg_box, tokens, violations })
    }

    fn compare_actions(&mut self, operation: Operation, http: Option<&str>, end: Position) {
        let wanted = operation.action();
        let other = |action: Option<&str>| action.is_some_and(|action| action.trim() != wanted);
        if other(self.addressing.action.as_deref()) || other(http) {
            let right = format!("Content-Type und wsa:Action müssen beide {wanted} nennen.");
            self.note("Action", end, Broken::Action, right);
        }
    }
}
