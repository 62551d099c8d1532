//! base64 in pieces of any length.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use memchr::{memchr, memchr3};

const WRITING: GeneralPurpose = base64::engine::general_purpose::STANDARD;
/// Bits behind the last byte may be set: they carry nothing.
const READING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Decodes text that comes in pieces. White space may stand anywhere.
#[derive(Default)]
pub(super) struct Decoder {
    /// Less than four characters.
    rest: Vec<u8>,
    padded: bool,
}

impl Decoder {
    pub(super) fn push(&mut self, text: &[u8]) -> Result<Bytes, &'static str> {
        let (padded, mut whole) = (self.padded, std::mem::take(&mut self.rest));
        let before = whole.len();
        without_space(text, &mut whole);
        if padded && whole.len() > before {
            return Err("characters follow the padding");
        }
        if whole.is_empty() {
            return Ok(Bytes::new());
        }
        self.rest = whole.split_off(whole.len() - whole.len() % 4);
        self.padded = padded || whole.last() == Some(&b'=');
        let decoded =
            READING.decode(&whole).map_err(|_| "a character that base64 does not have, or padding within")?;
        Ok(decoded.into())
    }

    pub(super) fn finish(&self) -> Result<(), &'static str> {
        if self.rest.is_empty() { Ok(()) } else { Err("it ends within a group of four characters") }
    }
}

/// Copies what stands between white space, line by line.
fn without_space(mut text: &[u8], into: &mut Vec<u8>) {
    while !text.is_empty() {
        let end = memchr3(b'\n', b'\r', b' ', text).unwrap_or(text.len());
        let mut line = &text[..end];
        while let Some(tab) = memchr(b'\t', line) {
            into.extend_from_slice(&line[..tab]);
            line = &line[tab + 1..];
        }
        into.extend_from_slice(line);
        text = text.get(end + 1..).unwrap_or_default();
    }
}

/// Encodes bytes that come in pieces, without line ends.
#[derive(Default)]
pub(super) struct Encoder {
    /// Less than three bytes.
    rest: Vec<u8>,
}

impl Encoder {
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        let mut whole = std::mem::take(&mut self.rest);
        whole.extend_from_slice(bytes);
        self.rest = whole.split_off(whole.len() - whole.len() % 3);
        WRITING.encode(whole)
    }

    pub(super) fn finish(&mut self) -> String {
        WRITING.encode(std::mem::take(&mut self.rest))
    }
}

/// Whether the beginning of a content is base64 of a file that is known by its first bytes: somebody encoded twice.
pub(super) fn hides_a_file(beginning: &[u8]) -> bool {
    let plain: Vec<u8> = beginning.iter().filter(|byte| !byte.is_ascii_whitespace()).copied().collect();
    let whole = plain.len() - plain.len() % 4;
    let Ok(decoded) = READING.decode(&plain[..whole]) else { return false };
    let decoded = decoded.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(&decoded);
    let element =
        |rest: &[u8]| rest.first().is_some_and(|next| next.is_ascii_alphabetic() || b"?!".contains(next));
    decoded.starts_with(b"%PDF-")
        || decoded.starts_with(b"PK\x03\x04")
        || decoded.strip_prefix(b"<").is_some_and(element)
}
