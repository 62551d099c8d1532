//! JSON as XML and back, in the vocabulary of XPath and XQuery Functions 3.1, section 17.4 (`fn:json-to-xml` and
//! `fn:xml-to-json`): `map`, `array`, `string`, `number`, `boolean`, `null`, with the key in `@key`.

use crate::ffi::Node;
use std::borrow::Cow;
use std::fmt::Write as _;

/// The namespace of the vocabulary.
pub const JSON_NAMESPACE: &str = "http://www.w3.org/2005/xpath-functions";

/// A JSON text as XML.
#[derive(Debug)]
pub(crate) struct Converted {
    pub(crate) xml: String,
    /// Where the value begins in the JSON text that became the element, by the element's number.
    pub(crate) offsets: Vec<usize>,
}

/// Why bytes are no JSON, and where (from 1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct NotJson {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// Keys that stand twice are kept; numbers stay as they are written; characters that XML cannot carry become U+FFFD.
pub(crate) fn to_xml(text: &str) -> Result<Converted, NotJson> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| NotJson {
        line: error.line(),
        column: error.column().max(1),
        message: error.to_string(),
    })?;
    Ok(Writer {
        text,
        at: 0,
        key: None,
        open: Vec::new(),
        out: Converted { xml: String::new(), offsets: Vec::new() },
    }
    .convert())
}

/// Walks through a text that is known to be JSON.
struct Writer<'t> {
    text: &'t str,
    at: usize,
    key: Option<Cow<'t, str>>,
    open: Vec<&'static str>,
    out: Converted,
}

impl<'t> Writer<'t> {
    fn convert(mut self) -> Converted {
        while let Some(byte) = self.text.as_bytes().get(self.at).copied() {
            match byte {
                b'{' => self.begin("map"),
                b'[' => self.begin("array"),
                b'}' | b']' => self.end(),
                b'"' => self.string(),
                b't' | b'f' | b'n' | b'-' | b'0'..=b'9' => self.word(),
                _ => self.at += 1,
            }
        }
        self.out
    }

    fn begin(&mut self, name: &'static str) {
        self.start_tag(name);
        self.open.push(name);
        self.at += 1;
    }

    fn end(&mut self) {
        let name = self.open.pop().unwrap_or_default();
        let _ = write!(self.out.xml, "</{name}>");
        self.at += 1;
    }

    fn start_tag(&mut self, name: &str) {
        self.out.offsets.push(self.at);
        let _ = write!(self.out.xml, "<{name}");
        if self.open.is_empty() {
            let _ = write!(self.out.xml, " xmlns=\"{JSON_NAMESPACE}\"");
        }
        if let Some(key) = self.key.take() {
            self.out.xml.push_str(" key=\"");
            put(&mut self.out.xml, &key);
            self.out.xml.push('"');
        }
        self.out.xml.push('>');
    }

    fn leaf(&mut self, name: &str, value: &str, length: usize) {
        self.start_tag(name);
        put(&mut self.out.xml, value);
        let _ = write!(self.out.xml, "</{name}>");
        self.at += length;
    }

    /// A string is a key where a colon follows it.
    fn string(&mut self) {
        let rest = &self.text[self.at..];
        let length = string_length(rest);
        let value: Cow<'t, str> = match &rest[1..length - 1] {
            plain if !plain.contains('\\') => Cow::Borrowed(plain),
            // Checked before; a half of a surrogate pair was refused there.
            _ => Cow::Owned(serde_json::from_str(&rest[..length]).unwrap_or_default()),
        };
        if rest[length..].trim_start().starts_with(':') {
            self.key = Some(value);
            self.at += length;
        } else {
            self.leaf("string", &value, length);
        }
    }

    fn word(&mut self) {
        let rest = &self.text[self.at..];
        let ends = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'));
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        match word {
            "null" => self.leaf("null", "", word.len()),
            "true" | "false" => self.leaf("boolean", word, word.len()),
            number => self.leaf("number", number, number.len()),
        }
    }
}

/// The length of the string at the begin of `rest`, with its quotation marks.
fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.bytes().enumerate().skip(1).find(|(_, byte)| match byte {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\\' => {
            escaped = true;
            false
        }
        byte => *byte == b'"',
    });
    end.map_or(rest.len(), |(at, _)| at + 1)
}

fn put(xml: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(xml, "&#{};", u32::from(character));
            }
            '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => xml.push('\u{FFFD}'),
            other => xml.push(other),
        }
    }
}

/// The JSON that an element of the vocabulary stands for, or what is wrong with which element.
pub(crate) fn of_element<'d>(element: Node<'d>) -> Result<String, (Node<'d>, String)> {
    let mut json = String::new();
    value(element, &mut json)?;
    Ok(json)
}

/// Elements are nested at most as deep as the limits of parsing say, so recursion is bounded.
fn value<'d>(element: Node<'d>, json: &mut String) -> Result<(), (Node<'d>, String)> {
    let wrong = |message: String| Err((element, message));
    if element.namespace() != JSON_NAMESPACE {
        return wrong(format!("`{}` is not in the namespace {JSON_NAMESPACE}", element.name()));
    }
    let text = || element.text();
    match element.name() {
        "map" => members(element, json),
        "array" => items(element, json),
        "string" => {
            json.push_str(&quoted(&text()));
            Ok(())
        }
        "number" => match text().trim() {
            number if is_number(number) => {
                json.push_str(number);
                Ok(())
            }
            other => wrong(format!("'{other}' is no number of JSON like 12.5")),
        },
        "boolean" => match text().trim() {
            "true" | "1" => {
                json.push_str("true");
                Ok(())
            }
            "false" | "0" => {
                json.push_str("false");
                Ok(())
            }
            other => wrong(format!("'{other}' is not true or false")),
        },
        "null" => {
            json.push_str("null");
            Ok(())
        }
        other => wrong(format!("`{other}` is none of map, array, string, number, boolean, null")),
    }
}

fn members<'d>(map: Node<'d>, json: &mut String) -> Result<(), (Node<'d>, String)> {
    let mut keys = std::collections::HashSet::new();
    json.push('{');
    for (index, member) in map.elements().enumerate() {
        let key =
            member.attribute("key").ok_or_else(|| (member, "a member of a map has a key".to_owned()))?;
        if index > 0 {
            json.push(',');
        }
        json.push_str(&quoted(&key));
        json.push(':');
        if !keys.insert(key) {
            return Err((member, "the key stands twice in its map".to_owned()));
        }
        value(member, json)?;
    }
    json.push('}');
    Ok(())
}

fn items<'d>(array: Node<'d>, json: &mut String) -> Result<(), (Node<'d>, String)> {
    json.push('[');
    for (index, item) in array.elements().enumerate() {
        if index > 0 {
            json.push(',');
        }
        value(item, json)?;
    }
    json.push(']');
    Ok(())
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

fn is_number(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(['"', '[', '{', 't', 'f', 'n'])
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}
