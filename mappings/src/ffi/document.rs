//! Documents and their nodes.

use super::raw::{self, ATTRIBUTE, CDATA, ELEMENT, TEXT, XmlAttr, XmlDoc, XmlNode, XmlNs};
use super::report::{Event, Report, Session, borrowed, c_string};
use super::taken;
use std::collections::{HashMap, HashSet};
use std::ffi::{c_char, c_int};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Why a text is not a document.
#[derive(Debug)]
pub(crate) struct Malformed {
    /// Byte offset of the fault in the text.
    pub(crate) offset: usize,
    /// libxml2's code (`xmlParserErrors`).
    pub(crate) code: c_int,
    /// What is wrong, in libxml2's words.
    pub(crate) message: String,
}

/// A document, owned.
pub(crate) struct Doc {
    raw: NonNull<XmlDoc>,
    /// Held by every function of the libraries that gets the document.
    reading: Mutex<()>,
}

// SAFETY: a document and all that hangs on it belong to this value alone, and libxml2 keeps nothing about it in a
// thread.
unsafe impl Send for Doc {}
// SAFETY: a shared document is only read, but libxml2 may fill caches of the document meanwhile (the namespace of `xml:`,
// the table of IDs). So its functions run one at a time ([`Doc::reading`]). What [`Node`] reads without them (names,
// content, attributes, namespaces, neighbours) nothing writes after parsing; whoever changes a document has it `&mut`.
unsafe impl Sync for Doc {}

impl Drop for Doc {
    fn drop(&mut self) {
        // SAFETY: owned by this value, and no `Node` outlives it.
        unsafe { raw::xmlFreeDoc(self.raw.as_ptr()) }
    }
}

impl Doc {
    /// Parses UTF-8 strictly. The caller has refused a DOCTYPE and checked size, depth and attributes before.
    pub(crate) fn parse(text: &str, uri: Option<&str>) -> Result<Self, Malformed> {
        let uri = uri.map(c_string);
        let uri = uri.as_deref().map_or(std::ptr::null(), std::ffi::CStr::as_ptr);
        Self::parse_with(text, |bytes, length| {
            // SAFETY: `bytes` holds `length` bytes and libxml2 copies what it keeps; `uri` is NULL or NUL-terminated.
            unsafe { raw::rohrpost_parse(bytes, length, uri) }
        })
    }

    /// The same for a document that is read, copied, and given to a run of a stylesheet at most.
    pub(crate) fn parse_to_read(text: &str) -> Result<Self, Malformed> {
        Self::parse_with(text, |bytes, length| {
            // SAFETY: `bytes` holds `length` bytes, and libxml2 copies what it keeps.
            unsafe { raw::rohrpost_parse_to_read(bytes, length) }
        })
    }

    fn parse_with(
        text: &str,
        parse: impl FnOnce(*const c_char, c_int) -> *mut XmlDoc,
    ) -> Result<Self, Malformed> {
        let length = length_of(text)?;
        let session = Session::begin(None);
        let doc = parse(text.as_ptr().cast(), length);
        let collected = session.finish();
        // SAFETY: if not NULL, the document is new and nobody else owns it.
        unsafe { Self::own(doc) }.ok_or_else(|| first_error(collected.events))
    }

    /// Whether `text` is what [`Doc::parse`] takes, found out without building the document.
    pub(crate) fn check(text: &str) -> Result<(), Malformed> {
        let length = length_of(text)?;
        let session = Session::begin(None);
        // SAFETY: `text` holds `length` bytes, and libxml2 keeps none of them.
        let sound = unsafe { raw::rohrpost_check(text.as_ptr().cast(), length) } == 1;
        let collected = session.finish();
        if sound { Ok(()) } else { Err(first_error(collected.events)) }
    }

    /// # Safety
    /// `doc` is NULL or a document that nobody else owns.
    pub(super) unsafe fn own(doc: *mut XmlDoc) -> Option<Self> {
        NonNull::new(doc).map(|raw| Self { raw, reading: Mutex::default() })
    }

    pub(super) fn raw(&self) -> *mut XmlDoc {
        self.raw.as_ptr()
    }

    /// While it is held, this thread alone may hand the document to functions of the libraries.
    pub(super) fn reading(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up the ownership to a function of the libraries.
    pub(super) fn into_raw(self) -> *mut XmlDoc {
        let doc = self.raw();
        std::mem::forget(self);
        doc
    }

    /// A copy that can be changed.
    pub(crate) fn copy(&self) -> Option<Self> {
        let _reading = self.reading();
        // SAFETY: a living document; the copy is new.
        unsafe { Self::own(raw::xmlCopyDoc(self.raw(), 1)) }
    }

    /// A document of its own with a copy of `element`, which is one of this document, as its root.
    pub(crate) fn copy_of(&self, element: Node<'_>) -> Option<Self> {
        let _reading = self.reading();
        // SAFETY: takes nothing of ours (NULL is version 1.0); the document is new.
        let made = unsafe { Self::own(raw::xmlNewDoc(std::ptr::null())) }?;
        // SAFETY: `element` lives during the call; the copy, with attributes and the namespaces that it needs, belongs to
        // the new document from the moment it is its root.
        unsafe {
            let copy = NonNull::new(raw::xmlDocCopyNode(element.raw.as_ptr(), made.raw(), 1))?;
            raw::xmlDocSetRootElement(made.raw(), copy.as_ptr());
        }
        Some(made)
    }

    /// The root element; a parsed document has one.
    pub(crate) fn root(&self) -> Option<Node<'_>> {
        // SAFETY: a living document; the node lives as long.
        unsafe { Node::at(raw::xmlDocGetRootElement(self.raw())) }
    }

    /// Puts a copy of the root of `other`, its namespaces untouched, at the end of the last child element of this
    /// document's root. `None` if there is no such place or no memory.
    pub(crate) fn adopt(&mut self, other: &Self) -> Option<()> {
        let parent = self.root()?.elements().last()?.raw.as_ptr();
        let element = other.root()?;
        let _reading = other.reading();
        // SAFETY: `element` lives during the call, and this document is borrowed mutably; the copy belongs to it from
        // the moment it is added. 1 copies the whole subtree with attributes and namespaces.
        unsafe {
            let copy = NonNull::new(raw::xmlDocCopyNode(element.raw.as_ptr(), self.raw(), 1))?;
            NonNull::new(raw::xmlAddChild(parent, copy.as_ptr())).map(drop)
        }
    }

    /// Takes away text of white space only that stands beside elements.
    pub(crate) fn strip_blanks(&mut self) {
        let Some(root) = self.root() else { return };
        let blank = |node: &Node<'_>| node.is_text() && node.raw_content().trim_ascii().is_empty();
        let beside_elements = |element: &Node<'_>| element.elements().next().is_some();
        let blanks: Vec<_> = root
            .descendants()
            .filter(beside_elements)
            .flat_map(|element| element.children().filter(blank).map(|node| node.raw).collect::<Vec<_>>())
            .collect();
        for node in blanks {
            // SAFETY: each is a node of this document, met once, and nothing refers to it any more.
            unsafe {
                raw::xmlUnlinkNode(node.as_ptr());
                raw::xmlFreeNode(node.as_ptr());
            }
        }
    }

    /// The document as UTF-8 with an XML declaration.
    pub(crate) fn serialize(&self) -> Vec<u8> {
        let (mut text, mut length) = (std::ptr::null_mut(), 0);
        let _reading = self.reading();
        // SAFETY: a living document; libxml2 writes a new string and its length to the two places.
        unsafe { raw::xmlDocDumpMemoryEnc(self.raw(), &raw mut text, &raw mut length, c"UTF-8".as_ptr()) };
        // SAFETY: NULL or a NUL-terminated string that is ours to free; XML holds no NUL.
        unsafe { taken(text) }.into_bytes()
    }

    /// Exclusive XML canonicalization 1.0 without comments (W3C xml-exc-c14n).
    pub(crate) fn canonical(&self) -> Option<Vec<u8>> {
        const EXCLUSIVE: c_int = 1;
        let mut text: *mut c_char = std::ptr::null_mut();
        let _reading = self.reading();
        // SAFETY: a living document, no node set, no prefixes, no comments; a new string is written to `text`.
        let length = unsafe {
            raw::xmlC14NDocDumpMemory(
                self.raw(),
                std::ptr::null(),
                EXCLUSIVE,
                std::ptr::null(),
                0,
                &raw mut text,
            )
        };
        // SAFETY: NULL or a NUL-terminated string that is ours to free.
        let canonical = unsafe { taken(text) };
        (length >= 0).then(|| canonical.into_bytes())
    }
}

fn length_of(text: &str) -> Result<c_int, Malformed> {
    let too_large = |_| Malformed { offset: 0, code: 0, message: "too large".into() };
    c_int::try_from(text.len()).map_err(too_large)
}

fn first_error(events: Vec<Event>) -> Malformed {
    let errors = events.into_iter().filter_map(|event| match event {
        Event::Error(report) if report.level > Report::WARNING => Some(report),
        _ => None,
    });
    match errors.into_iter().next() {
        Some(first) => Malformed {
            offset: first.offset.unwrap_or(0),
            code: first.code,
            message: first.message.trim_end().to_owned(),
        },
        None => Malformed { offset: 0, code: 0, message: "not well-formed".into() },
    }
}

/// An element or text of a document.
#[derive(Clone, Copy)]
pub(crate) struct Node<'d> {
    raw: NonNull<XmlNode>,
    doc: PhantomData<&'d Doc>,
}

impl<'d> Node<'d> {
    /// # Safety
    /// `node` is NULL or a node that lives as long as `'d`.
    unsafe fn at(node: *mut XmlNode) -> Option<Self> {
        NonNull::new(node).map(|raw| Self { raw, doc: PhantomData })
    }

    /// The element that `node` is, or that the attribute or text `node` stands in.
    ///
    /// # Safety
    /// `node` is NULL or a node that lives as long as `'d`.
    pub(super) unsafe fn element_at(node: *mut XmlNode) -> Option<Self> {
        // SAFETY: as the caller vouches. `kind` and `parent` lie at the same place in every kind of node.
        let node = unsafe { Self::at(node) }?;
        match node.get().kind {
            ELEMENT => Some(node),
            // SAFETY: the parent of a living node lives.
            ATTRIBUTE | TEXT | CDATA => unsafe { Self::at(node.get().parent) }.filter(Node::is_element),
            _ => None,
        }
    }

    fn get(&self) -> &'d XmlNode {
        // SAFETY: the node lives as long as `'d`, and nothing changes it while it is borrowed. For attributes only the
        // fields are read that every kind of node has.
        unsafe { self.raw.as_ref() }
    }

    pub(super) fn raw(&self) -> *mut XmlNode {
        self.raw.as_ptr()
    }

    pub(super) fn document(&self) -> *mut XmlDoc {
        self.get().doc
    }

    fn is_element(&self) -> bool {
        self.get().kind == ELEMENT
    }

    fn is_text(&self) -> bool {
        matches!(self.get().kind, TEXT | CDATA)
    }

    fn raw_content(&self) -> &'d [u8] {
        // SAFETY: the content of a text node is NULL or NUL-terminated and lives as long as the node.
        unsafe { borrowed(self.get().content) }.as_bytes()
    }

    /// The local name.
    pub(crate) fn name(&self) -> &'d str {
        // SAFETY: an element's name is NUL-terminated and lives as long as the node.
        unsafe { borrowed(self.get().name) }
    }

    /// The line of its start tag as libxml2 knows it, which is not exact beyond 65,534.
    pub(crate) fn line(&self) -> u32 {
        // SAFETY: a living node, which is only read.
        u32::try_from(unsafe { raw::xmlGetLineNo(self.raw()) }).unwrap_or(0)
    }

    fn ns(&self) -> Option<&'d XmlNs> {
        // SAFETY: the namespace that a node refers to lives as long as its document.
        unsafe { self.get().ns.as_ref() }
    }

    /// The namespace; empty for none.
    pub(crate) fn namespace(&self) -> &'d str {
        // SAFETY: NULL or NUL-terminated, and lives as long as the namespace.
        self.ns().map_or("", |ns| unsafe { borrowed(ns.href) })
    }

    /// The prefix as it is written; empty for none.
    pub(crate) fn prefix(&self) -> &'d str {
        // SAFETY: NULL or NUL-terminated, and lives as long as the namespace.
        self.ns().map_or("", |ns| unsafe { borrowed(ns.prefix) })
    }

    /// The name as it is written.
    pub(crate) fn qualified_name(&self) -> String {
        match self.prefix() {
            "" => self.name().to_owned(),
            prefix => format!("{prefix}:{}", self.name()),
        }
    }

    /// The element around this one.
    pub(crate) fn parent(&self) -> Option<Self> {
        // SAFETY: the parent of a living node lives; the topmost is the document, which is no element.
        unsafe { Self::at(self.get().parent) }.filter(Node::is_element)
    }

    fn children(&self) -> impl Iterator<Item = Self> + use<'d> {
        // SAFETY: children and siblings of a living node live.
        let first = unsafe { Self::at(self.get().children) };
        // SAFETY: as above.
        std::iter::successors(first, |node| unsafe { Self::at(node.get().next) })
    }

    /// The child elements and texts, in order; without comments and processing instructions.
    pub(crate) fn content(&self) -> impl Iterator<Item = Self> + use<'d> {
        self.children().filter(|child| child.is_element() || child.is_text())
    }

    /// The text that this node is; `None` for an element.
    pub(crate) fn own_text(&self) -> Option<&'d str> {
        self.is_text().then(|| std::str::from_utf8(self.raw_content()).unwrap_or_default())
    }

    /// The child elements, in order.
    pub(crate) fn elements(&self) -> impl Iterator<Item = Self> + use<'d> {
        self.children().filter(Node::is_element)
    }

    /// This element and all below it, in document order.
    pub(crate) fn descendants(&self) -> impl Iterator<Item = Self> + use<'d> {
        let top = *self;
        std::iter::successors(Some(top), move |node| node.next_within(&top))
    }

    fn next_within(&self, top: &Self) -> Option<Self> {
        if let Some(child) = self.elements().next() {
            return Some(child);
        }
        let mut node = *self;
        while node.raw != top.raw {
            if let Some(next) = node.next_element() {
                return Some(next);
            }
            node = node.parent()?;
        }
        None
    }

    fn next_element(&self) -> Option<Self> {
        // SAFETY: siblings of a living node live.
        let next = |node: &Self| unsafe { Self::at(node.get().next) };
        std::iter::successors(next(self), next).find(Node::is_element)
    }

    /// All text in the element.
    pub(crate) fn text(&self) -> String {
        // SAFETY: a living node; the string is new and ours to free.
        unsafe { taken(raw::xmlNodeGetContent(self.raw.as_ptr())) }
    }

    /// The attributes without namespace declarations.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = Attribute<'d>> + use<'d> {
        let first = if self.is_element() { self.get().properties } else { std::ptr::null() };
        // SAFETY: the attributes of a living element live as long as it.
        let at = |attribute: *const XmlAttr| unsafe { attribute.as_ref() }.map(Attribute);
        std::iter::successors(at(first), move |attribute| at(attribute.0.next))
    }

    /// The value of an attribute without namespace.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        let called = |attribute: &Attribute<'_>| attribute.namespace().is_empty() && attribute.name() == name;
        self.attributes().find(called).map(|attribute| attribute.value())
    }

    /// The namespace that `prefix` means here (empty: the default namespace).
    pub(crate) fn resolve(&self, prefix: &str) -> Option<&'d str> {
        if prefix == "xml" {
            return Some("http://www.w3.org/XML/1998/namespace");
        }
        std::iter::successors(Some(*self), Node::parent).find_map(|element| element.declared(prefix))
    }

    fn declared(&self, prefix: &str) -> Option<&'d str> {
        self.declarations().find(|(declared, _)| *declared == prefix).map(|(_, namespace)| namespace)
    }

    /// The prefixes (empty: the default namespace) that this element declares, with their namespaces.
    pub(crate) fn declarations(&self) -> impl Iterator<Item = (&'d str, &'d str)> + use<'d> {
        // SAFETY: the declarations of a living element live as long as it.
        let at = |ns: *const XmlNs| unsafe { ns.as_ref() };
        std::iter::successors(at(self.get().ns_def), move |ns| at(ns.next))
            // SAFETY: both are NULL or NUL-terminated, and live as long as the declaration.
            .map(|ns| unsafe { (borrowed(ns.prefix), borrowed(ns.href)) })
    }

    /// Where it stands in its document.
    pub(crate) fn located(&self) -> Located {
        locate(&[*self]).pop().unwrap_or_default()
    }

    fn has_alike_after(&self) -> bool {
        let alike = |node: &Self| node.name() == self.name() && node.namespace() == self.namespace();
        std::iter::successors(self.next_element(), Self::next_element).any(|node| alike(&node))
    }
}

/// An attribute of an element.
pub(crate) struct Attribute<'d>(&'d XmlAttr);

impl<'d> Attribute<'d> {
    /// The local name.
    pub(crate) fn name(&self) -> &'d str {
        // SAFETY: NUL-terminated, and lives as long as the attribute.
        unsafe { borrowed(self.0.name) }
    }

    /// The namespace; empty for none.
    pub(crate) fn namespace(&self) -> &'d str {
        // SAFETY: the namespace that an attribute refers to lives as long as its document, and so does its text.
        unsafe { self.0.ns.as_ref().map_or("", |ns| borrowed(ns.href)) }
    }

    /// The value.
    pub(crate) fn value(&self) -> String {
        // SAFETY: an attribute is a node for `xmlNodeGetContent`; the string is new and ours to free.
        unsafe { taken(raw::xmlNodeGetContent(std::ptr::from_ref(self.0).cast())) }
    }
}

/// Where an element stands in its document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Located {
    /// Its number, counted from 0 in document order.
    pub(crate) index: usize,
    /// Names as they are written and positions among siblings of the same name, from the root: an XPath, if prefixes
    /// mean what they mean in the document. An element in a default namespace stands there without a prefix.
    pub(crate) path: String,
}

/// An open element on the way through a document.
struct Open<'d> {
    node: Node<'d>,
    /// Its position among the siblings of the same name.
    position: usize,
    /// How many children of each namespace and name were met.
    met: HashMap<(&'d str, &'d str), usize>,
}

/// Where elements of one document stand, in the order of `wanted`, found on one way through the document.
pub(crate) fn locate(wanted: &[Node<'_>]) -> Vec<Located> {
    let Some(top) = wanted.first().and_then(|first| std::iter::successors(Some(*first), Node::parent).last())
    else {
        return Vec::new();
    };
    let mut missing: HashSet<_> = wanted.iter().map(|node| node.raw).collect();
    let mut found = HashMap::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    for (index, node) in top.descendants().enumerate() {
        let parent = node.parent().map(|parent| parent.raw);
        while open.last().is_some_and(|last| Some(last.node.raw) != parent) {
            open.pop();
        }
        let position = open.last_mut().map_or(1, |parent| {
            let met = parent.met.entry((node.namespace(), node.name())).or_default();
            *met += 1;
            *met
        });
        open.push(Open { node, position, met: HashMap::new() });
        if missing.remove(&node.raw) {
            found.insert(node.raw, Located { index, path: open.iter().map(Open::step).collect() });
        }
        if missing.is_empty() {
            break;
        }
    }
    wanted.iter().map(|node| found.get(&node.raw).cloned().unwrap_or_default()).collect()
}

impl Open<'_> {
    fn step(&self) -> String {
        let name = self.node.qualified_name();
        let alone = self.position == 1 && !self.node.has_alike_after();
        if alone { format!("/{name}") } else { format!("/{name}[{}]", self.position) }
    }
}
