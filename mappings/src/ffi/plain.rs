//! Writes the tree that a stylesheet made, where it is a plain one.
//!
//! libxslt writes any tree, also one that is no document, so what it wrote must be parsed before it can be trusted. Nearly
//! every output is elements, attributes and texts in UTF-8. Those are written here, to the byte as libxslt writes them, and
//! all that could keep them from being a document within limits is looked at on the way: names, prefixes, doubled
//! attributes, characters, depth. At whatever else a tree holds, and at whatever is wrong with it, writing ends without a
//! word; then libxslt writes and the parser looks, and says what is wrong where.

use super::document::Doc;
use super::raw::{ELEMENT, TEXT, XmlAttr, XmlNode, XmlNs};
use crate::xml::XmlLimits;
use std::ffi::{CStr, c_char};

/// How a stylesheet wants its output written (`xsl:output`), where that is XML 1.0 in UTF-8.
#[derive(Debug)]
pub(super) struct Form {
    /// The XML declaration with the end of its line; empty where it is left out.
    pub(super) declaration: String,
    /// Whether elements stand on lines of their own.
    pub(super) indented: bool,
    /// Whether the root is followed by the end of a line.
    pub(super) ends_line: bool,
}

/// The bytes of a plain tree of at most `most` bytes and within `limits`; `None` for any other.
pub(super) fn write(doc: &Doc, form: &Form, limits: &XmlLimits, most: usize) -> Option<Vec<u8>> {
    let root = alone_in(doc)?;
    let out = form.declaration.as_bytes().to_vec();
    let mut writer = Writer { out, limits, most, scope: Vec::new(), open: Vec::new() };
    writer.tree(root, form.indented)?;
    if form.ends_line {
        writer.out.push(b'\n');
    }
    (writer.out.len() <= most).then_some(writer.out)
}

/// The root element of an XML document that holds nothing beside it.
fn alone_in(doc: &Doc) -> Option<&XmlNode> {
    const DOCUMENT: i32 = 9;
    // SAFETY: a document begins like a node, and only those fields are read of it; it lives while it is borrowed.
    let top: &XmlNode = unsafe { doc.raw().cast::<XmlNode>().as_ref() }?;
    // SAFETY: the children of a living document live as long as it, and nothing changes them meanwhile.
    let root = unsafe { top.children.as_ref() }?;
    (top.kind == DOCUMENT && root.kind == ELEMENT && root.next.is_null()).then_some(root)
}

/// The text behind `text`; `None` for NULL.
///
/// # Safety
/// `text` is NULL or a NUL-terminated string that lives as long as `'d`.
unsafe fn bytes<'d>(text: *const c_char) -> Option<&'d [u8]> {
    // SAFETY: not NULL, and the caller vouches for the rest.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_bytes())
}

impl XmlNode {
    fn name(&self) -> Option<&[u8]> {
        // SAFETY: the name of an element or text is NUL-terminated and lives as long as it.
        unsafe { bytes(self.name) }
    }

    fn content(&self) -> Option<&[u8]> {
        // SAFETY: the content of a text is NULL or NUL-terminated and lives as long as it.
        unsafe { bytes(self.content) }
    }

    fn namespace(&self) -> Option<&XmlNs> {
        // SAFETY: the namespace that an element refers to lives as long as its document.
        unsafe { self.ns.as_ref() }
    }

    fn child(&self) -> Option<&XmlNode> {
        // SAFETY: the children of a living node live as long as it.
        unsafe { self.children.as_ref() }
    }

    fn sibling(&self) -> Option<&XmlNode> {
        // SAFETY: siblings of a living node live as long as it.
        unsafe { self.next.as_ref() }
    }

    /// An element's attributes.
    fn given(&self) -> impl Iterator<Item = &XmlAttr> {
        // SAFETY: the attributes of a living element live as long as it.
        let at = |attribute: *const XmlAttr| unsafe { attribute.as_ref() };
        std::iter::successors(at(self.properties), move |attribute| at(attribute.next))
    }

    /// The namespaces that an element declares.
    fn declared(&self) -> impl Iterator<Item = &XmlNs> {
        // SAFETY: the declarations of a living element live as long as it.
        let at = |ns: *const XmlNs| unsafe { ns.as_ref() };
        std::iter::successors(at(self.ns_def), move |ns| at(ns.next))
    }
}

impl XmlAttr {
    fn name(&self) -> Option<&[u8]> {
        // SAFETY: NUL-terminated, and lives as long as the attribute.
        unsafe { bytes(self.name) }
    }

    fn namespace(&self) -> Option<&XmlNs> {
        // SAFETY: the namespace that an attribute refers to lives as long as its document.
        unsafe { self.ns.as_ref() }
    }

    fn child(&self) -> Option<&XmlNode> {
        // SAFETY: the texts of a living attribute live as long as it.
        unsafe { self.children.as_ref() }
    }
}

impl XmlNs {
    fn prefix(&self) -> Option<&[u8]> {
        // SAFETY: NULL or NUL-terminated, and lives as long as the namespace.
        unsafe { bytes(self.prefix) }
    }

    fn uri(&self) -> Option<&[u8]> {
        // SAFETY: NULL or NUL-terminated, and lives as long as the namespace.
        unsafe { bytes(self.href) }
    }
}

struct Writer<'d> {
    out: Vec<u8>,
    limits: &'d XmlLimits,
    most: usize,
    /// Namespaces that are declared at this place, the innermost last.
    scope: Vec<&'d XmlNs>,
    open: Vec<Open<'d>>,
}

/// An element whose children are being written.
struct Open<'d> {
    node: &'d XmlNode,
    /// How many namespaces are declared around it.
    around: usize,
    /// Whether its children stand on lines of their own.
    indented: bool,
}

impl<'d> Writer<'d> {
    fn tree(&mut self, root: &'d XmlNode, indented: bool) -> Option<()> {
        let mut next = Some(root);
        loop {
            next = match next {
                Some(node) => {
                    let indented = self.open.last().map_or(indented, |open| open.indented);
                    self.begin(node, indented)?.or_else(|| self.after(node))
                }
                None => match self.open.pop() {
                    Some(open) => self.end(&open)?,
                    None => return Some(()),
                },
            };
        }
    }

    /// Writes a node, or the begin of one that has children: then the first of them.
    fn begin(&mut self, node: &'d XmlNode, indented: bool) -> Option<Option<&'d XmlNode>> {
        if self.out.len() > self.most {
            return None;
        }
        match node.kind {
            ELEMENT => self.element(node, indented),
            // Text that must not be escaped has another name.
            TEXT if node.name()? == b"text" => {
                self.escape(node.content().unwrap_or_default(), &IN_TEXT)?;
                Some(None)
            }
            _ => None,
        }
    }

    /// Goes on behind a node that is written: to its sibling.
    fn after(&mut self, node: &'d XmlNode) -> Option<&'d XmlNode> {
        let around = self.open.last()?;
        if around.indented {
            self.out.push(b'\n');
        }
        node.sibling()
    }

    fn element(&mut self, node: &'d XmlNode, indented: bool) -> Option<Option<&'d XmlNode>> {
        if self.open.len() >= self.limits.depth as usize {
            return None;
        }
        if indented {
            self.indent();
        }
        let around = self.scope.len();
        self.start_tag(node)?;
        let Some(child) = node.child() else {
            self.out.extend_from_slice(b"/>");
            self.scope.truncate(around);
            return Some(None);
        };
        let mut children = std::iter::successors(Some(child), |child| child.sibling());
        let indented = indented && !children.any(|child| child.kind == TEXT);
        self.out.extend_from_slice(if indented { b">\n" } else { b">" });
        self.open.push(Open { node, around, indented });
        Some(Some(child))
    }

    fn end(&mut self, open: &Open<'d>) -> Option<Option<&'d XmlNode>> {
        if open.indented {
            self.indent();
        }
        self.out.extend_from_slice(b"</");
        self.name(open.node.namespace(), open.node.name()?)?;
        self.out.push(b'>');
        self.scope.truncate(open.around);
        Some(self.after(open.node))
    }

    /// As deep as elements are open, up to where libxml2 ends.
    fn indent(&mut self) {
        const DEEPEST: usize = 30;
        let width = 2 * self.open.len().min(DEEPEST);
        self.out.resize(self.out.len() + width, b' ');
    }

    /// The start tag without its end.
    fn start_tag(&mut self, node: &'d XmlNode) -> Option<()> {
        let around = self.scope.len();
        self.scope.extend(node.declared().take(MOST + 1));
        let declared = self.scope.len() - around;
        if declared > MOST || self.scope.len() > self.limits.namespaces as usize {
            return None;
        }
        self.out.push(b'<');
        self.name(node.namespace(), node.name()?)?;
        for index in around..self.scope.len() {
            self.declaration(around, index)?;
        }
        if declared + node.given().take(MOST + 1).count() > MOST.min(self.limits.attributes as usize) {
            return None;
        }
        node.given().try_for_each(|attribute| self.attribute(node, attribute))
    }

    /// Writes a name, whose prefix must be declared here.
    fn name(&mut self, namespace: Option<&XmlNs>, local: &[u8]) -> Option<()> {
        if let Some(prefix) = namespace.and_then(XmlNs::prefix) {
            let means = self.scope.iter().rev().find(|declared| declared.prefix() == Some(prefix))?;
            if means.uri() != namespace.and_then(XmlNs::uri) {
                return None;
            }
            self.out.extend_from_slice(prefix);
            self.out.push(b':');
        }
        is_name(local).then(|| self.out.extend_from_slice(local))
    }

    /// Writes the declaration at `index` of those in scope; its element's begin at `first`.
    fn declaration(&mut self, first: usize, index: usize) -> Option<()> {
        let (before, declared) = (self.scope.get(first..index)?, self.scope.get(index)?);
        let (prefix, uri) = (declared.prefix(), declared.uri()?);
        let twice = before.iter().any(|other| other.prefix() == prefix);
        let none = uri.is_empty() && prefix.is_none();
        if twice || !(is_uri(uri) || none) {
            return None;
        }
        self.out.extend_from_slice(b" xmlns");
        if let Some(prefix) = prefix {
            if !is_name(prefix) || prefix.starts_with(b"xml") {
                return None;
            }
            self.out.push(b':');
            self.out.extend_from_slice(prefix);
        }
        self.out.extend_from_slice(b"=\"");
        self.out.extend_from_slice(uri);
        self.out.push(b'"');
        Some(())
    }

    fn attribute(&mut self, node: &'d XmlNode, attribute: &'d XmlAttr) -> Option<()> {
        let (namespace, local) = (attribute.namespace(), attribute.name()?);
        let before = node.given().take_while(|other| !std::ptr::eq(*other, attribute));
        let unprefixed = namespace.is_some_and(|namespace| namespace.prefix().is_none());
        let declares = namespace.is_none() && local == b"xmlns";
        if unprefixed
            || declares
            || before
                .filter(|other| other.name() == Some(local))
                .any(|other| same(namespace, other.namespace()))
        {
            return None;
        }
        self.out.push(b' ');
        self.name(namespace, local)?;
        self.out.extend_from_slice(b"=\"");
        for text in std::iter::successors(attribute.child(), |text| text.sibling()) {
            if text.kind != TEXT {
                return None;
            }
            self.escape(text.content().unwrap_or_default(), &IN_VALUE)?;
        }
        self.out.push(b'"');
        Some(())
    }

    /// Writes text as far as it is one of characters of XML.
    fn escape(&mut self, text: &[u8], classes: &[Class; 256]) -> Option<()> {
        let (mut from, mut at) = (0, 0);
        while let Some(byte) = text.get(at) {
            match classes[usize::from(*byte)] {
                Class::Plain => at += 1,
                Class::Wide => at += wide(&text[at..])?,
                Class::Written(instead) => {
                    self.out.extend_from_slice(&text[from..at]);
                    self.out.extend_from_slice(instead.as_bytes());
                    at += 1;
                    from = at;
                }
                Class::Forbidden => return None,
            }
        }
        self.out.extend_from_slice(&text[from..]);
        Some(())
    }
}

/// More declarations and attributes than a plain element has: they are compared each with each.
const MOST: usize = 32;

fn same(one: Option<&XmlNs>, other: Option<&XmlNs>) -> bool {
    one.and_then(XmlNs::uri) == other.and_then(XmlNs::uri)
}

/// Whether it is a name without a colon, of ASCII.
fn is_name(name: &[u8]) -> bool {
    const LONGEST: usize = 1000;
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    let begins = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    begins && name.len() <= LONGEST && name.iter().all(inner)
}

/// Whether it is surely a URI that a prefix may mean. libxml2 refuses namespaces that are none.
fn is_uri(uri: &[u8]) -> bool {
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._/".contains(byte);
    let xml = uri.starts_with(b"http://www.w3.org/XML") || uri.starts_with(b"http://www.w3.org/2000/xmlns");
    let urn =
        uri.strip_prefix(b"urn:").is_some_and(|rest| rest.iter().all(|byte| inner(byte) || *byte == b':'));
    let rest = uri.strip_prefix(b"http://").or_else(|| uri.strip_prefix(b"https://"));
    let url =
        rest.is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_alphabetic) && rest.iter().all(inner));
    (urn || url) && !xml
}

/// How many bytes the character has that `text` begins with, if it is one of XML beyond ASCII.
fn wide(text: &[u8]) -> Option<usize> {
    let length = match text.first()? {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let character = std::str::from_utf8(text.get(..length)?).ok()?;
    (!matches!(character, "\u{FFFE}" | "\u{FFFF}")).then_some(length)
}

/// What becomes of a byte.
#[derive(Clone, Copy)]
enum Class {
    Plain,
    /// This is written instead.
    Written(&'static str),
    /// It belongs to a character beyond ASCII.
    Wide,
    /// XML has no such character.
    Forbidden,
}

/// In texts libxml2 escapes the end of a line that a parser would change, in values all that it would make a space of.
static IN_TEXT: [Class; 256] = classes(&[]);
static IN_VALUE: [Class; 256] = classes(&[(b'"', "&quot;"), (b'\t', "&#9;"), (b'\n', "&#10;")]);

const fn classes(more: &[(u8, &'static str)]) -> [Class; 256] {
    let mut classes = [Class::Forbidden; 256];
    let mut byte = 0x20;
    while byte < 256 {
        classes[byte] = if byte < 0x80 { Class::Plain } else { Class::Wide };
        byte += 1;
    }
    classes[b'\t' as usize] = Class::Plain;
    classes[b'\n' as usize] = Class::Plain;
    let always = [(b'<', "&lt;"), (b'>', "&gt;"), (b'&', "&amp;"), (b'\r', "&#13;")];
    written(written(classes, &always), more)
}

const fn written(mut classes: [Class; 256], instead: &[(u8, &'static str)]) -> [Class; 256] {
    let mut index = 0;
    while index < instead.len() {
        let (byte, text) = instead[index];
        classes[byte as usize] = Class::Written(text);
        index += 1;
    }
    classes
}
