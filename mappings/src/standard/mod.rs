//! Standards as they are published (XÖV and others): a folder of schemas and code lists, pinned by hash, whose imports are
//! resolved by a catalog and never from the network.
//!
//! | To find | Look in |
//! |---|---|
//! | how a standard is called | `id` |
//! | what a schema asks for, and where | `references` |
//! | what is written down of an installed one | `record` |
//! | how a package becomes a standard, and what it lacks | `package` |
//! | which file an import means | `links` |
//! | what a mapping takes of one into its bundle | `picked` |

mod id;
mod links;
mod package;
mod picked;
mod record;
mod references;

pub use id::{NotAStandard, StandardId};
pub use package::{Root, Standard};
pub use picked::{Picked, RESERVED, RULES, SIDES};
pub(crate) use picked::{document_slots, of_bundle, rules_of_bundle, side_file};
pub use record::STANDARD_MANIFEST;
pub(crate) use references::{is_remote, path_from, without_doctype};

use rohrpost_model::Fault;
use std::collections::BTreeMap;

/// The standards that are installed.
#[derive(Debug, Default)]
pub struct Shelf {
    standards: BTreeMap<StandardId, Standard>,
}

impl Shelf {
    /// Puts one there.
    pub fn put(&mut self, standard: Standard) {
        self.standards.insert(standard.id().clone(), standard);
    }

    /// One of them.
    pub fn get(&self, id: &StandardId) -> Option<&Standard> {
        self.standards.get(id)
    }

    /// All of them, by name and version.
    pub fn all(&self) -> impl Iterator<Item = &Standard> {
        self.standards.values()
    }

    /// What a schema of a standard, or a file of rules (`.sch`), needs to be compiled: a path in the standard, or the name of exactly one of its files.
    /// A fault names no file: its place is where the schema is asked for.
    pub fn pick(&self, id: &StandardId, schema: &str) -> Result<Picked, Fault> {
        Picked::take(self, id, schema)
    }

    fn known(&self) -> String {
        let known: Vec<_> = self.standards.keys().map(ToString::to_string).collect();
        if known.is_empty() { "none".into() } else { known.join(", ") }
    }
}
