//! Who takes contents, and how they are handed over.

use super::base64::{Decoder, hides_a_file};
use super::incoming::BoxError;
use super::{Form, Unread};
use crate::types::{ContentKind, ContentOutline};
use crate::xml::Position;
use async_trait::async_trait;
use bytes::Bytes;

/// So many first bytes tell whether a content is base64 itself.
const BEGINNING: usize = 96;

/// What is known of a content before its first byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentFacts {
    /// Which one it is.
    pub kind: ContentKind,
    /// What its sender says of it.
    pub outline: ContentOutline,
    /// How it comes.
    pub form: Form,
}

/// What is known of a content after its last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentEnd {
    /// Its size in bytes.
    pub size: u64,
    /// It begins like base64 of XML, a PDF or a ZIP: its sender encoded it twice. It is handed on as it came.
    pub encoded_twice: bool,
    /// Its sender stated another size.
    pub size_differs: bool,
}

/// Takes contents. They come one after the other; parts come in the order of the stream, which need not be that of the
/// container. What a sink refuses ends the reading.
#[async_trait]
pub trait ContentSink: Send {
    /// A content begins.
    async fn begin(&mut self, facts: &ContentFacts) -> Result<(), BoxError>;
    /// Its next bytes, never none.
    async fn piece(&mut self, bytes: Bytes) -> Result<(), BoxError>;
    /// It has ended.
    async fn end(&mut self, end: &ContentEnd) -> Result<(), BoxError>;
}

/// Refuses every content; for operations that have none.
pub struct NoContent;

#[async_trait]
impl ContentSink for NoContent {
    async fn begin(&mut self, _: &ContentFacts) -> Result<(), BoxError> {
        Err("no content was expected".into())
    }
    async fn piece(&mut self, _: Bytes) -> Result<(), BoxError> {
        Ok(())
    }
    async fn end(&mut self, _: &ContentEnd) -> Result<(), BoxError> {
        Ok(())
    }
}

/// A sink with the count of what went into it.
pub(super) struct Taker<'s> {
    sink: &'s mut dyn ContentSink,
    /// So much may still come.
    left: u64,
    limit: u64,
    pub(super) ended: Vec<(ContentFacts, ContentEnd)>,
}

/// A content on its way into the sink.
pub(super) struct Item {
    facts: ContentFacts,
    decoder: Decoder,
    size: u64,
    beginning: Vec<u8>,
}

impl<'s> Taker<'s> {
    pub(super) fn new(sink: &'s mut dyn ContentSink, limit: u64) -> Self {
        Self { sink, left: limit, limit, ended: Vec::new() }
    }

    pub(super) async fn begin(&mut self, facts: ContentFacts) -> Result<Item, Unread> {
        self.sink.begin(&facts).await.map_err(Unread::Sink)?;
        Ok(Item { facts, decoder: Decoder::default(), size: 0, beginning: Vec::new() })
    }

    pub(super) async fn raw(&mut self, item: &mut Item, bytes: Bytes) -> Result<(), Unread> {
        if bytes.is_empty() {
            return Ok(());
        }
        let length = bytes.len() as u64;
        self.left = self.left.checked_sub(length).ok_or(Unread::ContentTooLarge(self.limit))?;
        item.size += length;
        let wanted = BEGINNING.saturating_sub(item.beginning.len()).min(bytes.len());
        item.beginning.extend_from_slice(&bytes[..wanted]);
        self.sink.piece(bytes).await.map_err(Unread::Sink)
    }

    pub(super) async fn encoded(&mut self, item: &mut Item, text: &[u8], at: Position) -> Result<(), Unread> {
        let bytes = item.decoder.push(text).map_err(|what| item.broken(what, at))?;
        self.raw(item, bytes).await
    }

    pub(super) async fn end(&mut self, item: Item, at: Position) -> Result<(), Unread> {
        item.decoder.finish().map_err(|what| item.broken(what, at))?;
        let Item { facts, size, beginning, .. } = item;
        let end = ContentEnd {
            size,
            encoded_twice: facts.kind != ContentKind::Encrypted && hides_a_file(&beginning),
            size_differs: facts.outline.size.is_some_and(|stated| stated != size),
        };
        self.sink.end(&end).await.map_err(Unread::Sink)?;
        self.ended.push((facts, end));
        Ok(())
    }
}

impl Item {
    fn broken(&self, what: &'static str, position: Position) -> Unread {
        let place = match self.facts.kind {
            ContentKind::Message => "Message".to_owned(),
            ContentKind::Attachment(number) => format!("Attachment[{}]", number + 1),
            ContentKind::Encrypted => "EncryptedData".to_owned(),
        };
        Unread::Base64 { place, position, what }
    }
}
