//! The gate before every signature: what is parsed here is the one reading of the bytes that is signed or judged.

use bergshamra::xml::uppsala::{Document, NodeId, NodeKind, Parser, XmlError};
use std::borrow::Cow;

/// Deeper nesting is refused; the same bound holds for all XML in the house.
const DEPTH_MAX: u32 = 256;

/// The namespace of XML-DSig (XMLDSIG Core 1.1, section 1.3).
pub(crate) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// A well-formed XML document without a DTD.
pub(crate) struct Parsed<'a> {
    pub(crate) doc: Document<'a>,
    pub(crate) root: NodeId,
}

/// The text of a document as [`parse`] wants it: UTF-8 without byte order mark, with the two normalizations that every
/// XML processor must make and the parser makes only in part. Without them a signature over such a document would fit
/// for nobody else.
pub(crate) fn read(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the document is not UTF-8; convert it".to_owned())?;
    Ok(match normalize_line_ends(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        Cow::Borrowed(text) => normalize_attributes(text),
        Cow::Owned(text) => Cow::Owned(normalize_attributes(&text).into_owned()),
    })
}

/// Where in `bytes` stands what stands at `offset` of what [`read`] made of them.
pub(crate) fn source_offset(bytes: &[u8], offset: usize) -> usize {
    let start = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let source = bytes.get(start..).unwrap_or_default();
    let dropped = |at: usize| source.get(at) == Some(&b'\r') && source.get(at + 1) == Some(&b'\n');
    let mut read = 0;
    let mut at = 0;
    while read < offset {
        read += usize::from(!dropped(at));
        at += 1;
    }
    start + at
}

/// Parses strictly what [`read`] gave. The error names the place, never a value of the document (promise H10).
pub(crate) fn parse(text: &str) -> Result<Parsed<'_>, String> {
    let parser = Parser::new().with_forbid_dtd(true).with_max_depth(DEPTH_MAX);
    let doc = parser.parse(text).map_err(|error| describe(&error))?;
    check_encoding(&doc)?;
    let root = doc.document_element().ok_or("the document has no root element")?;
    Ok(Parsed { doc, root })
}

fn describe(error: &XmlError) -> String {
    // The parser has no kind of error of its own for this; its text does not quote the document here.
    if error.to_string().contains("DOCTYPE") {
        return "the document carries a DTD, which is refused; remove <!DOCTYPE …>".to_owned();
    }
    let (line, column) = match error {
        XmlError::WellFormedness(at) => (at.line, at.column),
        XmlError::Namespace(at) => (at.line, at.column),
        XmlError::Parse(at) => (at.line, at.column),
        _ => return "the document is not well-formed XML: it ends too early".to_owned(),
    };
    format!(
        "the document is not well-formed XML, or nested deeper than {DEPTH_MAX}: line {line}, column {column}"
    )
}

/// Bytes that are UTF-8 but declared as something else would be read differently by another parser.
fn check_encoding(doc: &Document<'_>) -> Result<(), String> {
    let declared = doc.xml_declaration.as_ref().and_then(|declaration| declaration.encoding.as_deref());
    match declared {
        None => Ok(()),
        Some(name) if name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("us-ascii") => Ok(()),
        Some(_) => Err("the document declares an encoding other than UTF-8; convert it".to_owned()),
    }
}

/// The child elements of `parent`.
pub(crate) fn child_elements<'d>(doc: &'d Document<'_>, parent: NodeId) -> impl Iterator<Item = NodeId> + 'd {
    doc.children(parent).into_iter().filter(|&child| doc.element(child).is_some())
}

/// Whether `node` is the element `local` of XML-DSig.
pub(crate) fn is_dsig(doc: &Document<'_>, node: NodeId, local: &str) -> bool {
    doc.element(node).is_some_and(|element| element.matches_name_ns(DSIG, local))
}

/// All text under `node`, without comments, white space removed: how base64 stands in XML.
pub(crate) fn packed_text(doc: &Document<'_>, node: NodeId) -> String {
    let mut text = String::new();
    for child in doc.children(node) {
        if let Some(NodeKind::Text(piece) | NodeKind::CData(piece)) = doc.node_kind(child) {
            text.extend(piece.chars().filter(|c| !c.is_ascii_whitespace()));
        }
    }
    text
}

/// Makes every line end a line feed, before anything else is read (XML 1.0, section 2.11).
fn normalize_line_ends(text: &str) -> Cow<'_, str> {
    if !text.contains('\r') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Replaces literal white space in attribute values by spaces (XML 1.0, section 3.3.3). White space written as a
/// reference (`&#10;`) stays, which is why this cannot be done after parsing. Lengths stay the same.
fn normalize_attributes(text: &str) -> Cow<'_, str> {
    let mut normal = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(open) = text.get(at..).and_then(|rest| rest.find('<')) {
        at += open;
        let rest = text.get(at..).unwrap_or_default();
        if let Some(length) = opaque_markup(rest) {
            at += length;
            continue;
        }
        let tag = tag_length(rest);
        let source = rest.get(..tag).unwrap_or(rest);
        if source.contains(['\t', '\n']) {
            normal.push_str(text.get(copied..at).unwrap_or_default());
            push_normalized_tag(source, &mut normal);
            copied = at + source.len();
        }
        at += source.len();
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    normal.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(normal)
}

/// The length of a comment, CDATA section or processing instruction at the start of `rest`; the rest of the text where
/// it does not end, which the parser will refuse.
fn opaque_markup(rest: &str) -> Option<usize> {
    let forms = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];
    let (begin, end) = forms.into_iter().find(|(begin, _)| rest.starts_with(begin))?;
    let body = rest.get(begin.len()..)?;
    Some(body.find(end).map_or(rest.len(), |length| begin.len() + length + end.len()))
}

/// The length of the tag at the start of `rest`, up to the `>` that stands in no attribute value.
fn tag_length(rest: &str) -> usize {
    let mut quote = None;
    for (at, byte) in rest.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at + 1,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if byte == open => quote = None,
            _ => {}
        }
    }
    rest.len()
}

fn push_normalized_tag(tag: &str, normal: &mut String) {
    let mut quote = None;
    for character in tag.chars() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if character == open => quote = None,
            _ => {}
        }
        let space = quote.is_some() && matches!(character, '\t' | '\n');
        normal.push(if space { ' ' } else { character });
    }
}
