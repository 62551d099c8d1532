//! A rules file as a tree, with what it includes put in place. Each element knows where it stands.

use super::expression::{Named, names};
use super::{ISO, XSL};
use crate::ffi::{Doc, Files, Node, file_of};
use crate::standard::{is_remote, path_from};
use crate::{place, scan};
use rohrpost_model::Fault;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Elements of all files together, each as often as it is included. Files that include each other many times would make
/// more of a few bytes.
const MOST_ELEMENTS: usize = 100_000;
const INCLUDED_DEEP: usize = 16;

/// Where something is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Place {
    pub(super) fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::at(&*self.file, self.line, self.column, message)
    }
}

/// An element of a rules file.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Those without a namespace.
    pub(super) attributes: Vec<(String, String)>,
    /// What the prefixes in its attributes mean by its own declarations, for one of XSLT.
    pub(super) prefixes: BTreeMap<String, String>,
    pub(super) place: Place,
    pub(super) content: Vec<Content>,
}

/// Whose element it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Schematron,
    Xslt,
    /// Anybody's: it explains something.
    Foreign,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Text(String),
    Element(Element),
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.kind == Kind::Schematron && self.name == name
    }

    pub(super) fn says(&self, name: &str, value: &str) -> bool {
        self.attribute(name) == Some(value)
    }

    pub(super) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.content.iter().filter_map(|content| match content {
            Content::Element(element) => Some(element),
            Content::Text(_) => None,
        })
    }

    pub(super) fn called<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.elements().filter(move |element| element.is(name))
    }
}

/// Reads the file at `path` with all that it includes.
pub(super) fn read(files: &Files, path: &str, faults: &mut Vec<Fault>) -> Option<Element> {
    let mut reader = Reader { files, faults, open: Vec::new(), elements: 0 };
    reader.file(path, None).map_err(|message| reader.faults.push(Fault::of_file(path, message))).ok()
}

/// The paths of the files that a file includes, as far as they are named by path, with the place of each.
pub(crate) fn included(text: &str, path: &str) -> Vec<String> {
    let Ok(doc) = Doc::parse(text, None) else { return Vec::new() };
    let all = doc.root().into_iter().flat_map(|root| root.descendants());
    let include = all.filter(|node| (node.namespace(), node.name()) == (ISO, "include"));
    let meant = include.filter_map(|node| Some(target(path, &node.attribute("href")?).0));
    meant.filter(|meant| !is_remote(meant)).collect()
}

/// The file, and the id of the element in it, that an `href` means.
fn target(from: &str, href: &str) -> (String, Option<String>) {
    let (location, id) =
        href.trim().split_once('#').map_or((href.trim(), None), |(file, id)| (file, Some(id)));
    let path = if is_remote(location) { location.to_owned() } else { path_from(from, &file_of(location)) };
    // As in addresses: nothing is above a bundle, and folders that mappings share lie in it.
    let path = path.trim_start_matches("../").to_owned();
    (path, id.map(str::to_owned))
}

struct Reader<'r> {
    files: &'r Files,
    faults: &'r mut Vec<Fault>,
    /// The files that are being read, each included by the one before.
    open: Vec<String>,
    elements: usize,
}

impl Reader<'_> {
    /// The root element of a file, or the element with this id.
    fn file(&mut self, path: &str, id: Option<&str>) -> Result<Element, String> {
        let text = self.files.get(path).ok_or_else(|| format!("there is no file `{path}` here"))?;
        let doc = Doc::parse(text, None).map_err(|bad| bad.message)?;
        let has = |node: &Node<'_>| match id {
            Some(id) => node.attribute("id").as_deref() == Some(id),
            None => true,
        };
        let all = doc.root().into_iter().flat_map(|root| root.descendants()).enumerate();
        let found = all.into_iter().find(|(_, node)| has(node));
        let (index, node) = found.ok_or_else(|| format!("`{path}` has no element with this id"))?;
        let tags = scan::start_tags(text);
        let mut cursor = place::Cursor::new(text);
        let places: Vec<_> = tags.iter().map(|tag| cursor.forward_to(tag.start)).collect();
        self.open.push(path.to_owned());
        let mut walk = Walk { file: Arc::from(path), places: places.into_iter().skip(index) };
        let element = self.element(node, &mut walk);
        self.open.pop();
        Ok(element)
    }

    fn element(&mut self, node: Node<'_>, walk: &mut Walk) -> Element {
        self.elements += 1;
        let place = walk.next();
        let mut content = Vec::new();
        for child in node.content() {
            match child.own_text() {
                Some(text) => content.push(Content::Text(text.to_owned())),
                None => {
                    let element = self.element(child, walk);
                    content.extend(self.in_place(element).map(Content::Element));
                }
            }
        }
        let own = node.attributes().filter(|attribute| attribute.namespace().is_empty());
        let attributes: Vec<_> = own.map(|own| (own.name().to_owned(), own.value())).collect();
        let (name, kind) = (node.name().to_owned(), kind(node));
        let prefixes = if kind == Kind::Xslt { prefixes(node, &attributes) } else { BTreeMap::new() };
        Element { name, kind, attributes, prefixes, place, content }
    }

    /// The element, or what stands in its place.
    fn in_place(&mut self, element: Element) -> Option<Element> {
        if !element.is("include") {
            return Some(element);
        }
        let included = self.include(&element);
        included.map_err(|message| self.faults.push(element.place.fault(message))).ok()
    }

    fn include(&mut self, include: &Element) -> Result<Element, String> {
        let href = include.attribute("href").ok_or("an include without `href`")?;
        let (path, id) = target(&include.place.file, href);
        if self.open.contains(&path) {
            return Err(format!("`{path}` includes itself"));
        }
        if self.open.len() >= INCLUDED_DEEP || self.elements > MOST_ELEMENTS {
            return Err(format!(
                "more is included than {MOST_ELEMENTS} elements, or deeper than {INCLUDED_DEEP} files"
            ));
        }
        if is_remote(&path) {
            return Err(format!("`{href}` leads out of the folder; put the file there"));
        }
        self.file(&path, id.as_deref())
    }
}

/// The places of a file's elements, in document order.
struct Walk {
    file: Arc<str>,
    places: std::iter::Skip<std::vec::IntoIter<(u32, u32)>>,
}

impl Walk {
    fn next(&mut self) -> Place {
        let (line, column) = self.places.next().unwrap_or((0, 0));
        Place { file: Arc::clone(&self.file), line, column }
    }
}

fn kind(node: Node<'_>) -> Kind {
    match node.namespace() {
        ISO => Kind::Schematron,
        XSL => Kind::Xslt,
        _ => Kind::Foreign,
    }
}

fn prefixes(node: Node<'_>, attributes: &[(String, String)]) -> BTreeMap<String, String> {
    let all = attributes.iter().flat_map(|(_, value)| names(value));
    let prefix = |named| match named {
        Named::Prefix(prefix) | Named::Function(prefix, _) => Some(prefix),
        Named::Variable(_) => None,
    };
    let meant = |prefix: String| node.resolve(&prefix).map(|meant| (prefix, meant.to_owned()));
    all.filter_map(prefix).filter(|prefix| !prefix.is_empty()).filter_map(meant).collect()
}
