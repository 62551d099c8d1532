//! Codes of lists. The lists are open: any code is read and written.

use super::{attribute_of, text_of};
use crate::names::Name;
use crate::xml::{Element, Writer};

/// A code with the list that it is taken from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code {
    /// The list's URI.
    pub list: String,
    /// The list's version.
    pub version: String,
    /// The code.
    pub code: String,
    /// What it means, where that may be said.
    pub name: Option<String>,
}

impl Code {
    pub(super) fn read(element: &Element) -> Self {
        Self {
            list: attribute_of(element, "listURI").unwrap_or_default(),
            version: attribute_of(element, "listVersionID").unwrap_or_default(),
            code: text_of(element, ("", "code")).unwrap_or_default(),
            name: text_of(element, ("", "name")),
        }
    }

    pub(super) fn write(&self, name: Name, writer: &mut Writer) {
        self.write_with(name, &[], writer);
    }

    pub(super) fn write_with(&self, name: Name, further: &[(&str, &str)], writer: &mut Writer) {
        let mut attributes = vec![("listURI", self.list.as_str()), ("listVersionID", self.version.as_str())];
        attributes.extend_from_slice(further);
        writer.open_with(name, &attributes);
        writer.leaf(("", "code"), &self.code);
        writer.optional(("", "name"), self.name.as_deref());
        writer.close();
    }

    /// Where the schema has no place for the name.
    pub(super) fn write_bare(&self, name: Name, writer: &mut Writer) {
        Self { name: None, ..self.clone() }.write(name, writer);
    }
}
