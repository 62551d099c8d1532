//! A mail on its way, piece by piece, so that a large attachment is never in memory.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::{StreamExt, stream};
use rohrpost_kit::parcel::{CheckedStream, ContentFault};
use std::fmt::Write;

/// Bytes of content in one line: 76 characters of Base64 (RFC 2045, 6.8).
const LINE: usize = 57;
/// A line with its end.
const WRITTEN: u64 = 78;

/// A piece of a mail as it is sent.
pub(crate) struct Piece(pub(crate) Bytes);

/// All of them.
pub(crate) type Pieces = stream::BoxStream<'static, Result<Piece, ContentFault>>;

/// What was written beforehand. Lines that begin with a dot get another (RFC 5321, 4.5.2); our own text may have one.
pub(crate) fn text(bytes: &[u8]) -> Pieces {
    let mut stuffed = Vec::with_capacity(bytes.len());
    let mut line_begins = true;
    for &byte in bytes {
        if line_begins && byte == b'.' {
            stuffed.push(b'.');
        }
        stuffed.push(byte);
        line_begins = byte == b'\n';
    }
    stream::iter([Ok(Piece(stuffed.into()))]).boxed()
}

/// Content in Base64. No line of it begins with a dot.
pub(crate) fn encoded(content: CheckedStream) -> Pieces {
    let lines = stream::unfold(Some((content, Vec::new())), |state| async {
        let (mut content, mut held): (CheckedStream, Vec<u8>) = state?;
        match content.next().await {
            Some(Ok(piece)) => {
                held.extend_from_slice(&piece);
                let rest = held.split_off(held.len() / LINE * LINE);
                Some((Ok(Piece(lines(&held))), Some((content, rest))))
            }
            Some(Err(fault)) => Some((Err(fault), None)),
            None => Some((Ok(Piece(lines(&held))), None)),
        }
    });
    lines.boxed()
}

fn lines(content: &[u8]) -> Bytes {
    let mut text = String::new();
    for line in content.chunks(LINE) {
        // Writing into a String cannot fail.
        let _ = write!(text, "{}\r\n", STANDARD.encode(line));
    }
    text.into()
}

/// How many bytes so much content is in a mail.
pub(crate) const fn encoded_size(size: u64) -> u64 {
    let rest = size % LINE as u64;
    let last = if rest == 0 { 0 } else { rest.div_ceil(3) * 4 + 2 };
    size / LINE as u64 * WRITTEN + last
}
