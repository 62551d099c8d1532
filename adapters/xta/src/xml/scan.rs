//! Splits a stream of bytes into tags and pieces of text, however the bytes arrive. quick-xml, which reads the tags,
//! buffers a whole text: an envelope with a file of 250 MB in it would stand in memory.

use super::tag::{self, Tag};
use super::{Position, XmlFault, malformed};
use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr_iter, memchr2, memmem, memrchr};
use quick_xml::name::NamespaceResolver;

/// A tag or comment may be this long.
const MAX_MARKUP: usize = 64 << 10;
/// A reference such as `&#x10FFFF;` may be this long.
const MAX_REFERENCE: usize = 12;

/// What the scanner hands on.
#[derive(Debug)]
pub(crate) enum Token {
    Start(Tag),
    End,
    /// A piece of text, valid UTF-8, references resolved. A text may come in many pieces.
    Text(Bytes),
}

#[derive(Clone, Copy, PartialEq)]
enum Within {
    Content,
    CData,
}

/// The scanner. Feed it bytes, take tokens until there are none, feed it again.
pub(crate) struct Scanner {
    buffer: BytesMut,
    /// So many bytes of the buffer were looked through for the end of a tag, in vain.
    looked: usize,
    quote: Option<u8>,
    within: Within,
    /// Names of the open elements as they are written.
    open: Vec<String>,
    /// An element that was written `<a/>` and has yet to end.
    self_closed: bool,
    /// How many of `]]` stand at the end of the text so far.
    brackets: u8,
    seen_root: bool,
    at_start: bool,
    after_return: bool,
    max_depth: usize,
    namespaces: NamespaceResolver,
    position: Position,
    consumed: u64,
}

impl Scanner {
    pub(crate) fn new(max_depth: usize) -> Self {
        let mut namespaces = NamespaceResolver::default();
        namespaces.set_max_namespace_bindings(128);
        Self {
            buffer: BytesMut::new(),
            looked: 0,
            quote: None,
            within: Within::Content,
            open: Vec::new(),
            self_closed: false,
            brackets: 0,
            seen_root: false,
            at_start: true,
            after_return: false,
            max_depth,
            namespaces,
            position: Position { line: 1, column: 1 },
            consumed: 0,
        }
    }

    pub(crate) fn feed(&mut self, bytes: Bytes) {
        self.buffer.extend_from_slice(&bytes);
    }

    /// Where the next token begins.
    pub(crate) const fn position(&self) -> Position {
        self.position
    }

    /// How many bytes were made into tokens.
    pub(crate) const fn consumed(&self) -> u64 {
        self.consumed
    }

    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The next token; `None` if more bytes are needed for it.
    pub(crate) fn next(&mut self) -> Result<Option<Token>, XmlFault> {
        if std::mem::take(&mut self.self_closed) {
            return self.end_element().map(Some);
        }
        loop {
            if self.at_start && !self.begin()? {
                return Ok(None);
            }
            let before = self.consumed;
            let token = match (self.within, self.buffer.first()) {
                (_, None) => return Ok(None),
                (Within::CData, _) => self.cdata()?,
                (Within::Content, Some(b'<')) => self.markup()?,
                (Within::Content, Some(b'&')) => self.reference()?,
                (Within::Content, Some(_)) => self.text()?,
            };
            if token.is_some() || before == self.consumed {
                return Ok(token);
            }
        }
    }

    /// Nothing more comes.
    pub(crate) fn finish(&self) -> Result<(), XmlFault> {
        if !self.buffer.is_empty() || !self.open.is_empty() || !self.seen_root {
            return Err(XmlFault::Truncated);
        }
        Ok(())
    }

    /// Byte order mark and XML declaration; false if more bytes are needed.
    fn begin(&mut self) -> Result<bool, XmlFault> {
        if self.buffer.len() < 6 {
            // Shorter than any document.
            return Ok(false);
        }
        if self.buffer.starts_with(&[0xEF, 0xBB, 0xBF]) {
            self.buffer.advance(3);
            return Ok(self.buffer.len() >= 6 && self.begin()?);
        }
        if self.buffer.starts_with(&[0xFE, 0xFF])
            || self.buffer.starts_with(&[0xFF, 0xFE])
            || self.buffer[..2].contains(&0)
        {
            return Err(XmlFault::Encoding);
        }
        if self.buffer.starts_with(b"<?xml") && self.buffer[5].is_ascii_whitespace() {
            let Some(end) = memmem::find(&self.buffer, b"?>") else { return self.wait().map(|_| false) };
            let declaration = self.take(end + 2);
            tag::check_declaration(&declaration[5..end])?;
        }
        self.at_start = false;
        Ok(true)
    }

    /// Consumes bytes and moves the position past them.
    fn take(&mut self, length: usize) -> Bytes {
        let taken = self.buffer.split_to(length).freeze();
        let lines = memchr_iter(b'\n', &taken).count();
        let since = memrchr(b'\n', &taken).map_or(taken.len(), |at| taken.len() - at - 1);
        let column = if lines == 0 { self.position.column } else { 1 };
        self.position.line = self.position.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.position.column = column.saturating_add(u32::try_from(since).unwrap_or(u32::MAX));
        self.consumed += length as u64;
        self.looked = 0;
        self.quote = None;
        taken
    }

    /// More bytes are needed for the markup at the start of the buffer, unless there are too many of them already.
    fn wait(&self) -> Result<Option<Token>, XmlFault> {
        if self.buffer.len() > MAX_MARKUP { Err(XmlFault::LongMarkup(MAX_MARKUP)) } else { Ok(None) }
    }

    fn markup(&mut self) -> Result<Option<Token>, XmlFault> {
        self.brackets = 0;
        self.after_return = false;
        match self.buffer.get(1) {
            None => Ok(None),
            Some(b'?') => Err(XmlFault::ProcessingInstruction),
            Some(b'!') => self.declared(),
            Some(_) => match self.end_of_tag() {
                None => self.wait(),
                Some(end) if end > MAX_MARKUP => Err(XmlFault::LongMarkup(MAX_MARKUP)),
                Some(end) => self.tag(end).map(Some),
            },
        }
    }

    /// The place of the `>` that closes the tag at the start of the buffer.
    fn end_of_tag(&mut self) -> Option<usize> {
        let from = self.looked.max(1);
        for (at, byte) in self.buffer.iter().enumerate().skip(from) {
            match (self.quote, byte) {
                (None, b'>') => return Some(at),
                (None, b'"' | b'\'') => self.quote = Some(*byte),
                (Some(quote), byte) if quote == *byte => self.quote = None,
                _ => {}
            }
        }
        self.looked = self.buffer.len();
        None
    }

    /// What begins with `<!`.
    fn declared(&mut self) -> Result<Option<Token>, XmlFault> {
        const CDATA: &[u8] = b"<![CDATA[";
        let starts = |known: &[u8]| {
            let length = known.len().min(self.buffer.len());
            self.buffer[..length] == known[..length]
        };
        let (comment, cdata, doctype) = (starts(b"<!--"), starts(CDATA), starts(b"<!DOCTYPE"));
        if doctype && self.buffer.len() > 2 {
            return Err(XmlFault::Doctype);
        }
        if comment && self.buffer.len() >= 4 {
            return self.comment();
        }
        if cdata && self.buffer.len() >= CDATA.len() {
            self.within_root("a CDATA section")?;
            self.take(CDATA.len());
            self.within = Within::CData;
            return Ok(None);
        }
        if comment || cdata || doctype {
            Ok(None)
        } else {
            Err(malformed("`<!` begins nothing that is known"))
        }
    }

    fn comment(&mut self) -> Result<Option<Token>, XmlFault> {
        let Some(end) = memmem::find(&self.buffer[4..], b"--") else { return self.wait() };
        match self.buffer.get(4 + end + 2) {
            None => self.wait(),
            Some(b'>') if end > MAX_MARKUP => Err(XmlFault::LongMarkup(MAX_MARKUP)),
            Some(b'>') => {
                let comment = self.take(4 + end + 3);
                checked(&comment)?;
                Ok(None)
            }
            Some(_) => Err(malformed("`--` stands within a comment")),
        }
    }

    fn tag(&mut self, end: usize) -> Result<Token, XmlFault> {
        let whole = self.take(end + 1);
        let text = checked(&whole[1..end])?;
        if let Some(name) = text.strip_prefix('/') {
            let name = name.trim_end_matches([' ', '\t', '\r', '\n']);
            if self.open.last().is_none_or(|open| open != name) {
                return Err(malformed(format!("the end tag `{name}` closes another element")));
            }
            return self.end_element();
        }
        if self.open.is_empty() && self.seen_root {
            return Err(malformed("a second root element"));
        }
        let (text, closed) = text.strip_suffix('/').map_or((text, false), |text| (text, true));
        let tag = tag::read(text, &mut self.namespaces)?;
        self.open.push(tag.written.clone());
        self.seen_root = true;
        self.self_closed = closed;
        if self.open.len() > self.max_depth {
            return Err(XmlFault::Depth(self.max_depth));
        }
        Ok(Token::Start(tag))
    }

    fn end_element(&mut self) -> Result<Token, XmlFault> {
        self.open.pop();
        self.namespaces.pop();
        Ok(Token::End)
    }

    fn within_root(&self, what: &str) -> Result<(), XmlFault> {
        if self.open.is_empty() { Err(malformed(format!("{what} outside the root element"))) } else { Ok(()) }
    }

    fn text(&mut self) -> Result<Option<Token>, XmlFault> {
        let end = memchr2(b'<', b'&', &self.buffer).unwrap_or(self.buffer.len());
        let length = whole_characters(&self.buffer[..end])?;
        if length < end && end < self.buffer.len() {
            return Err(XmlFault::Encoding);
        }
        if length == 0 {
            return Ok(None);
        }
        let piece = self.take(length);
        if self.open.is_empty() {
            let blank = piece.iter().all(u8::is_ascii_whitespace);
            return if blank { Ok(None) } else { Err(malformed("text outside the root element")) };
        }
        self.no_section_end(&piece)?;
        checked(&piece)?;
        Ok(Some(Token::Text(self.normalised(piece))))
    }

    /// `]]>` may not stand in text, nor come together from two pieces of it.
    fn no_section_end(&mut self, piece: &[u8]) -> Result<(), XmlFault> {
        let first = piece.iter().position(|byte| *byte != b']').unwrap_or(piece.len());
        let across = usize::from(self.brackets) + first >= 2 && piece.get(first) == Some(&b'>');
        if across || memmem::find(piece, b"]]>").is_some() {
            return Err(malformed("`]]>` stands in a text"));
        }
        let last = piece.iter().rev().take_while(|byte| **byte == b']').count();
        let all = if last == piece.len() { last + usize::from(self.brackets) } else { last };
        self.brackets = u8::try_from(all.min(2)).unwrap_or(2);
        Ok(())
    }

    /// Line ends as XML wants them.
    fn normalised(&mut self, piece: Bytes) -> Bytes {
        let continues = std::mem::replace(&mut self.after_return, piece.ends_with(b"\r"));
        let piece = if continues && piece.starts_with(b"\n") { piece.slice(1..) } else { piece };
        if memchr::memchr(b'\r', &piece).is_none() {
            return piece;
        }
        let text = String::from_utf8_lossy(&piece);
        Bytes::from(text.replace("\r\n", "\n").replace('\r', "\n"))
    }

    fn reference(&mut self) -> Result<Option<Token>, XmlFault> {
        self.within_root("a reference")?;
        self.brackets = 0;
        self.after_return = false;
        let window = &self.buffer[1..self.buffer.len().min(MAX_REFERENCE)];
        let Some(end) = memchr::memchr(b';', window) else {
            let full = window.len() + 1 == MAX_REFERENCE;
            return if full { Err(malformed("`&` begins no reference")) } else { Ok(None) };
        };
        let whole = self.take(end + 2);
        let character = tag::resolve(checked(&whole[1..=end])?)?;
        Ok(Some(Token::Text(Bytes::from(character.to_string()))))
    }

    fn cdata(&mut self) -> Result<Option<Token>, XmlFault> {
        let (end, closed) = match memmem::find(&self.buffer, b"]]>") {
            Some(end) => (end, true),
            None => (self.buffer.len().saturating_sub(2), false),
        };
        let length = whole_characters(&self.buffer[..end])?;
        if closed && length < end {
            return Err(XmlFault::Encoding);
        }
        let piece = self.take(length);
        checked(&piece)?;
        let piece = self.normalised(piece);
        if closed {
            self.take(3);
            self.within = Within::Content;
            self.after_return = false;
        }
        Ok(if piece.is_empty() { None } else { Some(Token::Text(piece)) })
    }

    /// The prefixes in scope with what they stand for.
    pub(crate) fn bindings(&self) -> Vec<(String, String)> {
        tag::bindings(&self.namespaces)
    }
}

/// How many of the bytes are whole characters; the rest may be the beginning of one.
fn whole_characters(bytes: &[u8]) -> Result<usize, XmlFault> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(bytes.len()),
        Err(fault) if fault.error_len().is_none() => Ok(fault.valid_up_to()),
        Err(_) => Err(XmlFault::Encoding),
    }
}

/// The text of these bytes, if all its characters may stand in XML.
pub(super) fn checked(bytes: &[u8]) -> Result<&str, XmlFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| XmlFault::Encoding)?;
    let forbidden = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    // U+FFFE and U+FFFF both begin with these two bytes.
    let noncharacter = || text.contains(['\u{FFFE}', '\u{FFFF}']);
    if bytes.iter().any(forbidden) || (memmem::find(bytes, &[0xEF, 0xBF]).is_some() && noncharacter()) {
        return Err(malformed("a character that XML does not allow"));
    }
    Ok(text)
}
