//! Parsed XML, strictly: what is not well-formed, carries a DOCTYPE or is beyond a limit never becomes an [`Xml`].

use crate::encoding;
use crate::ffi::{Doc, Malformed};
use crate::json::{self, Converted, NotJson};
use crate::{place, scan};
use serde::Serialize;
use std::fmt;

/// What a document may have at most. Checked before libxml2 sees it, since some of its costs grow with the square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XmlLimits {
    /// Size of the document in bytes, at most 2 GB.
    pub bytes: usize,
    /// How deep elements may be nested.
    pub depth: u32,
    /// How many attributes a tag may have, namespace declarations included.
    pub attributes: u32,
    /// How many namespace declarations may be in scope at one place.
    pub namespaces: u32,
}

impl Default for XmlLimits {
    fn default() -> Self {
        Self { bytes: 16 << 20, depth: 256, attributes: 256, namespaces: 128 }
    }
}

/// What kind of fault keeps bytes from being a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum XmlFault {
    /// Not well-formed (XML 1.0) or not namespace-well-formed (Namespaces in XML 1.0).
    NotWellFormed,
    /// It carries a DOCTYPE.
    Doctype,
    /// Elements are nested too deep.
    TooDeep,
    /// A tag has too many attributes or namespace declarations.
    TooManyAttributes,
    /// It is too large.
    TooLarge,
    /// The bytes are not in the encoding they are declared in, or in one that is not read here.
    Encoding,
    /// It ends too early.
    Truncated,
    /// It holds nothing.
    Empty,
}

/// Why bytes are no document, and where. `message` may quote the document: it goes to the sender and into no log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotWellFormed {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The kind of fault.
    pub code: XmlFault,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for NotWellFormed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for NotWellFormed {}

/// A document, immutable. Many threads can use it at once.
pub struct Xml {
    doc: Doc,
    text: String,
    /// The bytes as they came, where they are not the text's.
    original: Option<Vec<u8>>,
    /// Where they came as JSON.
    json: Option<FromJson>,
}

struct FromJson {
    text: String,
    /// Where the value of each element begins.
    offsets: Vec<usize>,
}

impl Xml {
    /// Parses a document: UTF-8, or what it declares of US-ASCII, ISO-8859-1, ISO-8859-15, Windows-1252, or UTF-16 with a
    /// byte order mark. No DOCTYPE, no recovery, nothing is loaded.
    pub fn parse(bytes: &[u8], limits: &XmlLimits) -> Result<Self, NotWellFormed> {
        let text = decoded(bytes, limits)?;
        let doc = looked_through(&text, limits, Doc::parse_to_read)?;
        let original = (text.as_bytes() != bytes).then(|| bytes.to_vec());
        Ok(Self { doc, text, original, json: None })
    }

    /// The same for bytes that [`Xml::parse`] or [`Xml::check`] took before: limits and DOCTYPE are not looked for again.
    /// What is not well-formed is refused all the same.
    pub fn parse_again(bytes: &[u8]) -> Result<Self, NotWellFormed> {
        let text = decoded(bytes, &XmlLimits { bytes: usize::MAX, ..XmlLimits::default() })?;
        let doc = Doc::parse_to_read(&text).map_err(|malformed| not_well_formed(&text, malformed))?;
        let original = (text.as_bytes() != bytes).then(|| bytes.to_vec());
        Ok(Self { doc, text, original, json: None })
    }

    /// JSON as a document in the vocabulary of `fn:json-to-xml` ([`JSON_NAMESPACE`](crate::JSON_NAMESPACE)). Numbers stay as
    /// they are written, keys that stand twice are both kept.
    pub fn from_json(bytes: &[u8], limits: &XmlLimits) -> Result<Self, NotJson> {
        let not_json = |message: String| NotJson { line: 1, column: 1, message };
        let json = std::str::from_utf8(bytes).map_err(|_| not_json("the bytes are no UTF-8".into()))?;
        let json = json.strip_prefix('\u{FEFF}').unwrap_or(json);
        let Converted { xml, offsets } = json::to_xml(json)?;
        // It grows by names and brackets; what counts is the size that came.
        let limits = XmlLimits { bytes: usize::MAX, ..*limits };
        let doc = looked_through(&xml, &limits, Doc::parse_to_read).map_err(|bad| not_json(bad.message))?;
        let json = FromJson { text: json.to_owned(), offsets };
        Ok(Self { doc, text: xml, original: Some(bytes.to_vec()), json: Some(json) })
    }

    /// Whether [`Xml::parse`] would take it. Costs about half, because no document is built.
    pub fn check(bytes: &[u8], limits: &XmlLimits) -> Result<(), NotWellFormed> {
        looked_through(&decoded(bytes, limits)?, limits, Doc::check)
    }

    /// The bytes as they came.
    pub fn bytes(&self) -> &[u8] {
        self.original.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// Whether it came as JSON.
    pub fn is_json(&self) -> bool {
        self.json.is_some()
    }

    /// Namespace (empty for none) and local name of the root element.
    pub fn root_name(&self) -> (&str, &str) {
        self.doc.root().map_or(("", ""), |root| (root.namespace(), root.name()))
    }

    pub(crate) fn doc(&self) -> &Doc {
        &self.doc
    }

    pub(crate) fn into_doc(self) -> Doc {
        self.doc
    }

    /// The document's text as XML; for JSON, what it was made into.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text as it came, and where in it each element begins.
    pub(crate) fn source(&self) -> (&str, Vec<usize>) {
        match &self.json {
            Some(json) => (&json.text, json.offsets.clone()),
            None => (&self.text, scan::start_tags(&self.text).iter().map(|tag| tag.start).collect()),
        }
    }
}

impl fmt::Debug for Xml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Xml({} bytes)", self.text.len())
    }
}

/// The document in canonical form (Exclusive XML Canonicalization 1.0, without comments), to compare documents.
pub fn canonical(xml: &Xml) -> Vec<u8> {
    xml.doc.canonical().unwrap_or_default()
}

fn decoded(bytes: &[u8], limits: &XmlLimits) -> Result<String, NotWellFormed> {
    if bytes.len() > limits.bytes {
        return Err(too_large(bytes, limits.bytes));
    }
    encoding::decode(bytes).map_err(|bad| NotWellFormed {
        line: bad.line,
        column: bad.column,
        code: XmlFault::Encoding,
        message: bad.message,
    })
}

/// Checks and parses a text; `uri` is the name under which libxml2 knows it.
pub(crate) fn parse_text(text: &str, limits: &XmlLimits, uri: Option<&str>) -> Result<Doc, NotWellFormed> {
    looked_through(text, limits, |text| Doc::parse(text, uri))
}

/// What libxml2 makes of a text that it may see.
fn looked_through<T>(
    text: &str,
    limits: &XmlLimits,
    read: impl FnOnce(&str) -> Result<T, Malformed>,
) -> Result<T, NotWellFormed> {
    if text.trim().is_empty() {
        return Err(at(text, 0, XmlFault::Empty, "the document is empty".into()));
    }
    match scan::check(text, limits) {
        Ok(()) => {}
        Err(refused) if refused.code == XmlFault::Truncated => return Err(unfinished(text, refused)),
        Err(refused) => return Err(at(text, refused.offset, refused.code, refused.message)),
    }
    read(text).map_err(|malformed| not_well_formed(text, malformed))
}

fn at(text: &str, offset: usize, code: XmlFault, message: String) -> NotWellFormed {
    let (line, column) = place::of(text, offset);
    NotWellFormed { line, column, code, message }
}

/// libxml2 says more exactly what is wrong with a construct that never ends. It is asked only where that is cheap.
fn unfinished(text: &str, refused: scan::Refused) -> NotWellFormed {
    const CHEAP: usize = 16 << 10;
    if text.len() - refused.offset.min(text.len()) <= CHEAP
        && let Err(malformed) = Doc::parse(text, None)
    {
        return not_well_formed(text, malformed);
    }
    at(text, refused.offset, refused.code, refused.message)
}

fn not_well_formed(text: &str, malformed: Malformed) -> NotWellFormed {
    const DOCUMENT_EMPTY: i32 = 4;
    let at_end = malformed.offset >= text.trim_end().len();
    let code = match malformed.code {
        DOCUMENT_EMPTY if text.trim().is_empty() => XmlFault::Empty,
        _ if at_end => XmlFault::Truncated,
        _ => XmlFault::NotWellFormed,
    };
    at(text, malformed.offset, code, malformed.message)
}

fn too_large(bytes: &[u8], limit: usize) -> NotWellFormed {
    let begin = String::from_utf8_lossy(&bytes[..limit]);
    let message = format!("the document has {} bytes; {limit} are allowed", bytes.len());
    at(&begin, begin.len(), XmlFault::TooLarge, message)
}
