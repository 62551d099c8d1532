//! Author, Sender, Reader: who a message is from and for.

use super::attribute_of;
use crate::names::{META, Name};
use crate::xml::{Element, Writer};

/// How a party is called, such as `ags:15091000` of type `xoev`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identifier {
    /// The identifier.
    pub value: String,
    /// How to read it, `xoev` in practice; some partners leave it out.
    pub kind: Option<String>,
    /// A name for people.
    pub name: Option<String>,
    /// Its role, in practice the category of the DVDV.
    pub category: Option<String>,
}

impl Identifier {
    /// An identifier as the XÖV standards use it.
    pub fn xoev(value: &str) -> Self {
        Self { value: value.to_owned(), kind: Some("xoev".to_owned()), name: None, category: None }
    }

    pub(super) fn read(element: &Element) -> Self {
        Self {
            value: element.trimmed().to_owned(),
            kind: attribute_of(element, "type"),
            name: attribute_of(element, "name"),
            category: attribute_of(element, "category"),
        }
    }

    pub(super) fn write(&self, name: Name, writer: &mut Writer) {
        let known = [("type", &self.kind), ("name", &self.name), ("category", &self.category)];
        let attributes: Vec<_> =
            known.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
        writer.leaf_with(name, &attributes, &self.value);
    }
}

/// A party with the tokens that it brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// How it is called.
    pub identifier: Identifier,
    /// Its `SecurityToken` elements as they came.
    pub tokens: Vec<Element>,
}

impl Party {
    /// A party of the XÖV standards.
    pub fn xoev(value: &str) -> Self {
        Self { identifier: Identifier::xoev(value), tokens: Vec::new() }
    }

    pub(crate) fn read(element: &Element) -> Self {
        let identifier = element.child((META, "Identifier")).map(Identifier::read).unwrap_or_default();
        Self { identifier, tokens: element.all((META, "SecurityToken")).cloned().collect() }
    }

    pub(crate) fn write(&self, name: Name, writer: &mut Writer) {
        writer.open(name);
        self.identifier.write((META, "Identifier"), writer);
        self.tokens.iter().for_each(|token| writer.element(token));
        writer.close();
    }
}
