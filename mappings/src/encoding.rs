//! Turns the bytes of a document into text, so that every later step sees the same characters at the same places.
//!
//! Decoded are UTF-8, US-ASCII, ISO-8859-1, ISO-8859-15, Windows-1252, and UTF-16 with a byte order mark. What XML 1.0
//! appendix F leaves to guessing is refused: a document says what it is, and what it says must be so.

use crate::place;
use std::ops::Range;

/// Why bytes are no text: the place and the reason.
#[derive(Debug)]
pub(crate) struct BadEncoding {
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) message: String,
}

/// The text without byte order mark. Where the bytes were not UTF-8, the declared encoding is blanked out, because the
/// text is UTF-8 from here on; every other character keeps its place.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, BadEncoding> {
    let text = characters(bytes)?;
    match text.find('\0') {
        // libxml2 takes a text that begins with zeros for UCS-4 and would read other characters than were checked.
        Some(zero) => Err(at_end_of(&text[..zero], "U+0000 is no character of XML")),
        None => Ok(text),
    }
}

fn characters(bytes: &[u8]) -> Result<String, BadEncoding> {
    match bytes {
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => marked_utf8(rest),
        [0, b'<', ..] | [b'<', 0, ..] => Err(at_begin("UTF-16 without a byte order mark")),
        _ => declared(bytes),
    }
}

fn at_begin(message: &str) -> BadEncoding {
    BadEncoding { line: 1, column: 1, message: message.into() }
}

fn contradiction(text: &str, declared: &Range<usize>, really: &str) -> BadEncoding {
    let (line, column) = place::of(text, declared.start);
    let message = format!("declared as {}, but the bytes are {really}", &text[declared.clone()]);
    BadEncoding { line, column, message }
}

fn marked_utf8(bytes: &[u8]) -> Result<String, BadEncoding> {
    let text = utf8(bytes)?;
    match declaration(text.as_bytes()) {
        Some(name) if !is(&text[name.clone()], &["utf-8"]) => {
            Err(contradiction(&text, &name, "UTF-8, as their byte order mark says"))
        }
        _ => Ok(text),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, BadEncoding> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    for decoded in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match decoded {
            Ok(character) => text.push(character),
            Err(_) => return Err(at_end_of(&text, "half a character of UTF-16")),
        }
    }
    if !odd.is_empty() {
        return Err(at_end_of(&text, "half a character of UTF-16 at the end"));
    }
    match declaration(text.as_bytes()) {
        Some(name) if !is(&text[name.clone()], &["utf-16", "utf-16le", "utf-16be"]) => {
            Err(contradiction(&text, &name, "UTF-16, as their byte order mark says"))
        }
        _ => Ok(undeclared(text)),
    }
}

fn at_end_of(text: &str, message: &str) -> BadEncoding {
    let (line, column) = place::of(text, text.len());
    BadEncoding { line, column, message: message.into() }
}

/// Bytes without a mark: UTF-8, or an encoding of one byte per character that the declaration names.
fn declared(bytes: &[u8]) -> Result<String, BadEncoding> {
    let Some(name) = declaration(bytes) else {
        return utf8(bytes);
    };
    let encoding = String::from_utf8_lossy(&bytes[name.clone()]).into_owned();
    if is(&encoding, &["utf-8"]) {
        return utf8(bytes);
    }
    let single: fn(u8) -> Option<char> = match encoding.to_ascii_lowercase().as_str() {
        "us-ascii" | "ascii" => |byte| byte.is_ascii().then_some(char::from(byte)),
        "iso-8859-1" | "latin1" | "iso_8859-1" => |byte| Some(char::from(byte)),
        "iso-8859-15" | "latin-9" => |byte| Some(latin9(byte)),
        "windows-1252" | "cp1252" => windows_1252,
        other => return Err(unsupported(bytes, name.start, other)),
    };
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match single(*byte) {
            Some(character) => text.push(character),
            None => {
                return Err(at_end_of(&text, &format!("the byte {byte:02X} is no character of {encoding}")));
            }
        }
    }
    Ok(undeclared(text))
}

fn unsupported(bytes: &[u8], at: usize, name: &str) -> BadEncoding {
    let (line, column) = place::of(&String::from_utf8_lossy(&bytes[..at]), at);
    let message = if name.starts_with("utf-16") {
        format!("declared as {name}, but without a byte order mark")
    } else {
        format!(
            "the encoding {name} is not read here; write UTF-8 (or ISO-8859-1, ISO-8859-15, Windows-1252, UTF-16)"
        )
    };
    BadEncoding { line, column, message }
}

fn utf8(bytes: &[u8]) -> Result<String, BadEncoding> {
    String::from_utf8(bytes.to_vec()).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(&bytes[..good]);
        at_end_of(&text, &format!("the byte {:02X} is no UTF-8", bytes[good]))
    })
}

fn is(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Where the XML declaration names the encoding (XML 1.0, production 80).
fn declaration(bytes: &[u8]) -> Option<Range<usize>> {
    if !bytes.starts_with(b"<?xml") {
        return None;
    }
    let head = &bytes[..find(bytes, b"?>")?];
    let key = find(head, b"encoding")?;
    let quote = head[key..].iter().position(|byte| matches!(byte, b'"' | b'\'')).map(|at| key + at)?;
    let length = head[quote + 1..].iter().position(|byte| *byte == head[quote])?;
    Some(quote + 1..quote + 1 + length)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn undeclared(mut text: String) -> String {
    if let Some(name) = declaration(text.as_bytes())
        && let Some(key) = find(text.as_bytes(), b"encoding")
    {
        let blanks = " ".repeat(name.end + 1 - key);
        text.replace_range(key..=name.end, &blanks);
    }
    text
}

/// ISO/IEC 8859-15: eight characters differ from ISO-8859-1.
fn latin9(byte: u8) -> char {
    match byte {
        0xA4 => '€',
        0xA6 => 'Š',
        0xA8 => 'š',
        0xB4 => 'Ž',
        0xB8 => 'ž',
        0xBC => 'Œ',
        0xBD => 'œ',
        0xBE => 'Ÿ',
        other => char::from(other),
    }
}

/// Windows-1252: 80 to 9F differ from ISO-8859-1, five of them are nothing.
fn windows_1252(byte: u8) -> Option<char> {
    const HIGH: [char; 32] = [
        '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’',
        '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9F => Some(HIGH[usize::from(byte - 0x80)]).filter(|character| *character != '\0'),
        other => Some(char::from(other)),
    }
}
