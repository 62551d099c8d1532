//! What libxml2 takes literally, and XML Schema does not.
//!
//! - White space around values is collapsed before a value of most types is judged (part 2, section 4.3.6). libxml2 does not
//!   do so for dates and times, and not before it compares an element with its fixed value.
//! - A fixed value is compared as a value: `1` is `true`. libxml2 compares the characters of elements.
//!
//! So where it finds a fault, the document is looked through for such values, and judged again without the white space.

use crate::ffi::{Doc, Node};
use crate::scan;
use crate::typed::actual_type;
use crate::types::{TypeRef, Types};
use std::collections::HashSet;
use std::ops::Range;

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// What of a document libxml2 takes too literally.
pub(crate) struct Literal {
    /// The document without the white space that means nothing, its elements as they were; `None` if it has none.
    pub(crate) trimmed: Option<Doc>,
    /// The numbers of the elements that hold an xs:boolean.
    booleans: HashSet<usize>,
}

impl Literal {
    /// Looks through `element`, whose number in the document is `index`, and all below it.
    pub(crate) fn of(types: &Types, text: &str, element: Node<'_>, index: usize) -> Self {
        let tags = scan::start_tags(text);
        let mut values = Values { types, text, tags, index, padding: Vec::new(), booleans: HashSet::new() };
        values.element(element, types.element(element.namespace(), element.name()));
        Self { trimmed: without(text, values.padding), booleans: values.booleans }
    }

    /// Whether a message of libxml2 about the element with this number refuses the value that is wanted, written differently.
    pub(crate) fn refuses_equal(&self, index: usize, message: &str) -> bool {
        let mut quoted = message.split('\'').skip(1).step_by(2);
        let values = quoted.next().and_then(boolean).zip(quoted.next().and_then(boolean));
        self.booleans.contains(&index)
            && message.contains("does not match the fixed value constraint")
            && values.is_some_and(|(value, fixed)| value == fixed)
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim_matches(SPACE) {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

fn without(text: &str, mut ranges: Vec<Range<usize>>) -> Option<Doc> {
    if ranges.is_empty() {
        return None;
    }
    ranges.sort_by_key(|range| range.start);
    let mut made = text.to_owned();
    for range in ranges.into_iter().rev() {
        made.replace_range(range, "");
    }
    // It was well-formed within the limits, and is only shorter.
    Doc::parse(&made, None).ok()
}

struct Values<'t> {
    types: &'t Types,
    text: &'t str,
    tags: Vec<Range<usize>>,
    /// Of the next element.
    index: usize,
    /// What is to be left out.
    padding: Vec<Range<usize>>,
    booleans: HashSet<usize>,
}

impl Values<'_> {
    /// Elements are nested at most as deep as the limits of parsing say, so recursion is bounded.
    fn element(&mut self, node: Node<'_>, declared: TypeRef) {
        let Some(tag) = self.tags.get(self.index).cloned() else { return };
        self.index += 1;
        let actual = actual_type(self.types, node, declared);
        if self.types.is_boolean(actual) {
            self.booleans.insert(self.index - 1);
        }
        for attribute in node.attributes() {
            let (namespace, name) = (attribute.namespace(), attribute.name());
            if attribute.value().contains(SPACE) && self.types.attribute_collapses(actual, namespace, name) {
                self.attribute(&tag, name);
            }
        }
        let mut children = node.elements().peekable();
        if children.peek().is_none() && self.types.collapses(actual) {
            self.content(tag.end);
        }
        for child in children {
            self.element(child, self.types.child(actual, child.namespace(), child.name()));
        }
    }

    fn attribute(&mut self, tag: &Range<usize>, local: &str) {
        let called_so = |name: &str| name.rsplit(':').next() == Some(local);
        let values = scan::attribute_values(self.text, tag);
        if let Some((_, value)) = values.into_iter().find(|(name, _)| called_so(name)) {
            self.around(value.clone());
        }
    }

    /// The text from `start` to the end tag. A comment in it is left alone, with the white space around the value.
    fn content(&mut self, start: usize) {
        let Some(length) = self.text[start..].find('<') else { return };
        if self.text[start + length..].starts_with("</") {
            self.around(start..start + length);
        }
    }

    fn around(&mut self, value: Range<usize>) {
        let text = &self.text[value.clone()];
        let first = value.start + text.len() - text.trim_start_matches(SPACE).len();
        let last = first + text.trim_matches(SPACE).len();
        self.padding.extend([value.start..first, last..value.end].into_iter().filter(|it| !it.is_empty()));
    }
}
