//! Splits a stream of bytes into parts. It keeps no more of a part than may be the beginning of a boundary; multer, which
//! reads forms elsewhere, takes in all that a fast sender has ready.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;

/// Headers of a part may be this long, and so may what stands before the first part.
const MAX_HEADERS: usize = 16 << 10;

/// Why parts cannot be told apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultipartFault {
    /// The media type names no boundary.
    #[error("the media type names no boundary, or one that is longer than 70 characters")]
    NoBoundary,
    /// The boundary does not come.
    #[error("the boundary that the media type names does not stand at the beginning")]
    BoundaryNotFound,
    /// Headers of a part are too long.
    #[error("the headers of a part are longer than {MAX_HEADERS} bytes")]
    LongHeaders,
    /// Headers of a part are none.
    #[error("the headers of a part cannot be read")]
    BadHeaders,
    /// A part is encoded.
    #[error("a part has the transfer encoding `{0}`; only binary, 8bit and 7bit are read")]
    TransferEncoding(String),
    /// The end is missing.
    #[error("the last boundary is missing: the message was cut off")]
    Truncated,
    /// The first part is not the one that the media type names.
    #[error("the part that `start` names does not come first")]
    RootNotFirst,
    /// Two parts of one name.
    #[error("two parts have the Content-ID `{0}`")]
    SameContentId(String),
}

/// What comes out.
#[derive(Debug)]
pub(super) enum Piece {
    Headers(PartHeaders),
    Data(Bytes),
    PartEnd,
    End,
}

/// What a part says of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct PartHeaders {
    pub(super) content_type: String,
    /// Without its brackets.
    pub(super) content_id: String,
}

enum State {
    Preamble,
    Headers,
    Data,
    Done,
}

pub(super) struct Splitter {
    buffer: BytesMut,
    /// Line end, two hyphens, boundary.
    delimiter: Vec<u8>,
    state: State,
    ended: bool,
}

impl Splitter {
    pub(super) fn new(boundary: &str) -> Result<Self, MultipartFault> {
        if boundary.is_empty() || boundary.len() > 70 {
            return Err(MultipartFault::NoBoundary);
        }
        // So the first boundary is found like the others.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        Ok(Self {
            buffer,
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            state: State::Preamble,
            ended: false,
        })
    }

    pub(super) fn feed(&mut self, bytes: Bytes) {
        // What follows the last boundary is nobody's.
        if !matches!(self.state, State::Done) {
            self.buffer.extend_from_slice(&bytes);
        }
    }

    /// The stream has ended.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The next piece; `None` if more bytes are needed.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, MultipartFault> {
        let piece = match self.state {
            State::Preamble => self.preamble()?,
            State::Headers => self.headers()?,
            State::Data => self.data()?,
            State::Done => {
                self.buffer.clear();
                Some(Piece::End)
            }
        };
        match piece {
            None if self.ended => Err(match self.state {
                State::Preamble => MultipartFault::BoundaryNotFound,
                _ => MultipartFault::Truncated,
            }),
            piece => Ok(piece),
        }
    }

    fn preamble(&mut self) -> Result<Option<Piece>, MultipartFault> {
        let found = memmem::find(&self.buffer, &self.delimiter);
        if found.unwrap_or(self.buffer.len()) > MAX_HEADERS {
            return Err(MultipartFault::BoundaryNotFound);
        }
        let Some(at) = found else { return Ok(None) };
        match self.after_delimiter(at) {
            After::Unknown => Ok(None),
            After::NoBoundary => Err(MultipartFault::BoundaryNotFound),
            After::Part(length) => {
                self.buffer.advance(at + length);
                self.state = State::Headers;
                self.headers()
            }
            After::End => Err(MultipartFault::Truncated),
        }
    }

    fn headers(&mut self) -> Result<Option<Piece>, MultipartFault> {
        // The line end of the boundary is still there, so a part without headers has its empty line, too.
        let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") else {
            let long = self.buffer.len() > MAX_HEADERS;
            return if long { Err(MultipartFault::LongHeaders) } else { Ok(None) };
        };
        if end > MAX_HEADERS {
            return Err(MultipartFault::LongHeaders);
        }
        let headers = part_headers(&self.buffer[..end])?;
        self.buffer.advance(end + 4);
        self.state = State::Data;
        Ok(Some(Piece::Headers(headers)))
    }

    fn data(&mut self) -> Result<Option<Piece>, MultipartFault> {
        let Some(at) = memmem::find(&self.buffer, &self.delimiter) else {
            let keep = self.delimiter.len() - 1;
            let sure = self.buffer.len().saturating_sub(keep);
            return Ok((sure > 0).then(|| Piece::Data(self.buffer.split_to(sure).freeze())));
        };
        if at > 0 {
            return Ok(Some(Piece::Data(self.buffer.split_to(at).freeze())));
        }
        match self.after_delimiter(0) {
            After::Unknown => Ok(None),
            // A longer word that begins like the boundary is data.
            After::NoBoundary => Ok(Some(Piece::Data(self.buffer.split_to(self.delimiter.len()).freeze()))),
            After::Part(length) => {
                self.buffer.advance(length);
                self.state = State::Headers;
                Ok(Some(Piece::PartEnd))
            }
            After::End => {
                self.state = State::Done;
                Ok(Some(Piece::PartEnd))
            }
        }
    }

    /// What the delimiter at this place is followed by.
    fn after_delimiter(&self, at: usize) -> After {
        let after = &self.buffer[at + self.delimiter.len()..];
        if after.starts_with(b"--") {
            return After::End;
        }
        let padding = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        match &after[padding..] {
            [b'\r', b'\n', ..] => After::Part(self.delimiter.len() + padding),
            [] | [b'\r'] if !self.ended && padding < 128 => After::Unknown,
            [b'-'] if padding == 0 && !self.ended => After::Unknown,
            _ => After::NoBoundary,
        }
    }
}

enum After {
    Unknown,
    NoBoundary,
    /// A part begins after so many bytes, the delimiter's own included and its line end left out.
    Part(usize),
    End,
}

fn part_headers(bytes: &[u8]) -> Result<PartHeaders, MultipartFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| MultipartFault::BadHeaders)?;
    let unfolded = text.replace("\r\n ", " ").replace("\r\n\t", " ");
    let mut headers = PartHeaders::default();
    for line in unfolded.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(MultipartFault::BadHeaders)?;
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "content-type" => headers.content_type = value.to_owned(),
            "content-id" => headers.content_id = value.trim_matches(['<', '>']).to_owned(),
            "content-transfer-encoding"
                if !["binary", "8bit", "7bit"].contains(&value.to_ascii_lowercase().as_str()) =>
            {
                return Err(MultipartFault::TransferEncoding(value.chars().take(40).collect()));
            }
            _ => {}
        }
    }
    Ok(headers)
}
