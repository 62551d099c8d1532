//! A body of HTTP as it comes in: one part or many, and the tokens of the envelope in the first.

use super::multipart::{MultipartFault, PartHeaders, Piece, Splitter};
use super::{Limits, Unread};
use crate::xml::{Builder, Element, Position, Scanner, Tag, Token, XmlFault};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};

/// An error of somebody else.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// So many bytes are looked at together, however many arrive at once.
const PIECE: usize = 64 << 10;
/// So many elements make a header or a body without contents at most.
const MAX_ELEMENTS: usize = 200_000;

/// What comes in.
pub(super) enum Event {
    Part(PartHeaders),
    Data(Bytes),
    PartEnd,
    End,
}

pub(super) struct Events<'a> {
    stream: BoxStream<'a, Result<Bytes, BoxError>>,
    splitter: Option<Splitter>,
    rest: Bytes,
    read: u64,
    limits: Limits,
    ended: bool,
}

impl<'a> Events<'a> {
    pub(super) fn new<E: Into<BoxError>>(
        stream: impl Stream<Item = Result<Bytes, E>> + Send + 'a,
        splitter: Option<Splitter>,
        limits: Limits,
    ) -> Self {
        let stream = stream.map(|item| item.map_err(Into::into)).boxed();
        Self { stream, splitter, rest: Bytes::new(), read: 0, limits, ended: false }
    }

    pub(super) const fn has_parts(&self) -> bool {
        self.splitter.is_some()
    }

    /// The next bytes of the body; `None` at its end.
    async fn bytes(&mut self) -> Result<Option<Bytes>, Unread> {
        while self.rest.is_empty() {
            match self.stream.next().await {
                Some(bytes) => self.rest = bytes.map_err(Unread::Connection)?,
                None => return Ok(None),
            }
            self.read += self.rest.len() as u64;
            if self.read > self.limits.transfer() {
                return Err(Unread::ContentTooLarge(self.limits.content));
            }
        }
        let length = self.rest.len().min(PIECE);
        Ok(Some(self.rest.split_to(length)))
    }

    pub(super) async fn next(&mut self) -> Result<Event, Unread> {
        let Some(splitter) = &mut self.splitter else {
            if self.ended {
                return Ok(Event::End);
            }
            let bytes = self.bytes().await?;
            self.ended = bytes.is_none();
            return Ok(bytes.map_or(Event::PartEnd, Event::Data));
        };
        if let Some(piece) = splitter.next()? {
            return Ok(match piece {
                Piece::Headers(headers) => Event::Part(headers),
                Piece::Data(bytes) => Event::Data(bytes),
                Piece::PartEnd => Event::PartEnd,
                Piece::End => Event::End,
            });
        }
        let bytes = self.bytes().await?;
        if let Some(splitter) = &mut self.splitter {
            match bytes {
                Some(bytes) => splitter.feed(bytes),
                None => splitter.end(),
            }
        }
        Ok(Event::Data(Bytes::new()))
    }

    /// The headers of the next part; `None` at the end.
    pub(super) async fn part(&mut self) -> Result<Option<PartHeaders>, Unread> {
        loop {
            match self.next().await? {
                Event::Part(headers) => return Ok(Some(headers)),
                Event::End => return Ok(None),
                Event::Data(_) | Event::PartEnd => {}
            }
        }
    }

    /// The next bytes of this part; `None` at its end.
    pub(super) async fn data(&mut self) -> Result<Option<Bytes>, Unread> {
        match self.next().await? {
            Event::Data(bytes) => Ok(Some(bytes)),
            Event::PartEnd => Ok(None),
            Event::Part(_) | Event::End => Err(MultipartFault::Truncated.into()),
        }
    }
}

/// Which limit the tokens are counted against.
#[derive(Clone, Copy)]
pub(super) enum Stage {
    Header,
    Body,
    Contents,
}

/// The tokens of the envelope.
pub(super) struct Incoming<'a> {
    pub(super) events: Events<'a>,
    scanner: Scanner,
    ended: bool,
    stage: Stage,
    /// Where the stage began.
    began: u64,
    elements: usize,
    /// The bytes of the envelope, as long as it carries no content.
    pub(super) source: Option<Vec<u8>>,
    pub(super) limits: Limits,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(events: Events<'a>, limits: Limits) -> Self {
        Self {
            events,
            scanner: Scanner::new(limits.depth),
            ended: false,
            stage: Stage::Header,
            began: 0,
            elements: 0,
            source: Some(Vec::new()),
            limits,
        }
    }

    pub(super) fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.began = self.scanner.consumed();
        self.elements = 0;
        if matches!(stage, Stage::Contents) {
            self.source = None;
        }
    }

    pub(super) const fn position(&self) -> Position {
        self.scanner.position()
    }

    pub(super) fn depth(&self) -> usize {
        self.scanner.depth()
    }

    pub(super) fn bindings(&self) -> Vec<(String, String)> {
        self.scanner.bindings()
    }

    fn xml(&self, fault: XmlFault) -> Unread {
        Unread::Xml { fault, position: self.scanner.position() }
    }

    fn within_limits(&self) -> Result<(), Unread> {
        let length = self.scanner.consumed() - self.began;
        let many = self.elements > MAX_ELEMENTS;
        match self.stage {
            Stage::Header if many || length > self.limits.header => {
                Err(Unread::HeaderTooLarge(self.limits.header))
            }
            Stage::Body if many || length > self.limits.body => Err(Unread::BodyTooLarge(self.limits.body)),
            Stage::Contents if many => Err(Unread::BodyTooLarge(self.limits.body)),
            _ => Ok(()),
        }
    }

    /// The next token with its place; `None` at the end of the envelope.
    pub(super) async fn token(&mut self) -> Result<Option<(Token, Position)>, Unread> {
        loop {
            let position = self.scanner.position();
            let token = self.scanner.next().map_err(|fault| self.xml(fault))?;
            self.elements += usize::from(matches!(token, Some(Token::Start(_))));
            self.within_limits()?;
            if let Some(token) = token {
                return Ok(Some((token, position)));
            }
            if self.ended {
                self.scanner.finish().map_err(|fault| self.xml(fault))?;
                return Ok(None);
            }
            match self.events.data().await? {
                Some(bytes) => {
                    self.source.iter_mut().for_each(|source| source.extend_from_slice(&bytes));
                    self.scanner.feed(bytes);
                }
                None => self.ended = true,
            }
        }
    }

    /// The next start tag within the open element; `None` at the element's end.
    pub(super) async fn child(&mut self) -> Result<Option<(Tag, Position)>, Unread> {
        loop {
            match self.token().await? {
                Some((Token::Start(tag), position)) => return Ok(Some((tag, position))),
                Some((Token::End, _)) => return Ok(None),
                Some((Token::Text(text), _)) if text.iter().all(u8::is_ascii_whitespace) => {}
                Some((Token::Text(_), position)) => {
                    return Err(Unread::structure(position, "only elements may stand here, no text"));
                }
                None => return Err(self.xml(XmlFault::Truncated)),
            }
        }
    }

    /// The element that this tag began.
    pub(super) async fn element(&mut self, tag: Tag, position: Position) -> Result<Element, Unread> {
        let mut builder = Builder::new(tag, position);
        loop {
            let Some((token, position)) = self.token().await? else {
                return Err(self.xml(XmlFault::Truncated));
            };
            if let Some(element) = builder.take(token, position) {
                return Ok(element);
            }
        }
    }

    /// Passes over the rest of an element that has just begun.
    pub(super) async fn skip(&mut self) -> Result<(), Unread> {
        let depth = self.depth() - 1;
        loop {
            match self.token().await? {
                Some((Token::End, _)) if self.depth() == depth => return Ok(()),
                Some(_) => {}
                None => return Err(self.xml(XmlFault::Truncated)),
            }
        }
    }

    /// Reads to the end of the envelope; nothing but comments may follow.
    pub(super) async fn finish(&mut self) -> Result<(), Unread> {
        while let Some((token, position)) = self.token().await? {
            if !matches!(token, Token::End | Token::Text(_)) {
                return Err(Unread::structure(position, "nothing may follow the Body in the Envelope"));
            }
        }
        Ok(())
    }
}
