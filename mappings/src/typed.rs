//! The pass over a document after libxml2's: what it does not see of xs:ID, xs:IDREF(S) and xs:base64Binary.

use crate::ffi::{Node, locate};
use crate::schema::{MAX_VIOLATIONS, Violation};
use crate::types::{Special, TypeRef, Types};
use std::collections::HashSet;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Violations with the number of their element in the document.
pub(crate) fn check(types: &Types, root: Node<'_>) -> Vec<(usize, Violation)> {
    if !types.has_special() {
        return Vec::new();
    }
    let mut pass = Pass { types, ids: HashSet::new(), references: Vec::new(), found: Vec::new() };
    pass.element(root, types.element(root.namespace(), root.name()));
    pass.dangling();
    let nodes: Vec<_> = pass.found.iter().map(|(node, ..)| *node).collect();
    let found = pass.found.into_iter().zip(locate(&nodes));
    found
        .map(|((node, message, code), at)| (at.index, Violation::new(node.name(), at.path, message, code)))
        .collect()
}

struct Pass<'t, 'd> {
    types: &'t Types,
    ids: HashSet<String>,
    references: Vec<(Node<'d>, String)>,
    found: Vec<(Node<'d>, String, &'static str)>,
}

impl<'d> Pass<'_, 'd> {
    /// Elements are nested at most as deep as the limits of parsing say, so recursion is bounded.
    fn element(&mut self, node: Node<'d>, declared: TypeRef) {
        let actual = actual_type(self.types, node, declared);
        for attribute in node.attributes() {
            if let Some(special) = self.types.attribute(actual, attribute.namespace(), attribute.name()) {
                self.value(node, special, &attribute.value());
            }
        }
        if let Some(special) = self.types.special(actual) {
            self.value(node, special, &node.text());
        }
        for child in node.elements() {
            self.element(child, self.types.child(actual, child.namespace(), child.name()));
        }
    }

    /// So many are reported at most; the rest is not put into words.
    fn report(&mut self, node: Node<'d>, message: impl FnOnce() -> String, code: &'static str) {
        if self.found.len() < MAX_VIOLATIONS {
            self.found.push((node, message(), code));
        }
    }

    fn value(&mut self, node: Node<'d>, special: Special, value: &str) {
        let mut words = value.split_ascii_whitespace().map(str::to_owned);
        match special {
            Special::Id => {
                let id = words.next().unwrap_or_default();
                if !self.ids.insert(id.clone()) {
                    let message =
                        || format!("the ID '{id}' is taken; expected is one that is unique in the document");
                    self.report(node, message, "cvc-id");
                }
            }
            Special::IdRef | Special::IdRefs => self.references.extend(words.map(|word| (node, word))),
            Special::Base64 => {
                if let Err(message) = base64(value) {
                    self.report(node, || message.into(), "cvc-datatype-valid");
                }
            }
        }
    }

    fn dangling(&mut self) {
        for (node, reference) in std::mem::take(&mut self.references) {
            if !self.ids.contains(&reference) {
                let message = || {
                    format!("there is no ID '{reference}'; expected is the ID of an element of the document")
                };
                self.report(node, message, "cvc-id");
            }
        }
    }
}

/// The type of an element: the one that it states itself (`xsi:type`), else the declared one.
pub(crate) fn actual_type(types: &Types, node: Node<'_>, declared: TypeRef) -> TypeRef {
    let stated = node.attributes().find(|it| (it.namespace(), it.name()) == (XSI, "type"));
    stated.map_or(declared, |stated| stated_type(types, node, &stated.value()))
}

fn stated_type(types: &Types, node: Node<'_>, value: &str) -> TypeRef {
    let (prefix, local) = value.trim().split_once(':').unwrap_or(("", value.trim()));
    types.named(node.resolve(prefix).unwrap_or_default(), local)
}

/// The lexical form of xs:base64Binary (XML Schema part 2, section 3.2.16), white space between characters allowed.
fn base64(value: &str) -> Result<(), &'static str> {
    let (mut digits, mut padding, mut last) = (0_usize, 0_usize, b'A');
    for byte in value.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        match byte {
            b'=' => padding += 1,
            _ if padding > 0 => return Err("base64 goes on after its padding '='"),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => (digits, last) = (digits + 1, byte),
            _ => {
                return Err(
                    "a character is not of base64; expected are A-Z, a-z, 0-9, '+', '/' and '=' at the end",
                );
            }
        }
    }
    let ends_well = match padding {
        0 => true,
        1 => b"AEIMQUYcgkosw048".contains(&last),
        2 => b"AQgw".contains(&last),
        _ => false,
    };
    match (digits + padding).is_multiple_of(4) && ends_well {
        true => Ok(()),
        false => {
            Err("base64 is incomplete; expected are groups of four characters, the last filled up with '='")
        }
    }
}
