//! Which file a reference means: the neighbour it names by path, else the one that the catalog names, else the one of the
//! package, else of the installed standards, that declares the wanted namespace.

use super::id::StandardId;
use super::package::Standard;
use super::references::{Reference, is_remote, last_segment, path_from};
use super::{Shelf, record::CatalogEntry};
use std::collections::BTreeSet;

/// A file of a standard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    pub(crate) standard: StandardId,
    pub(crate) path: String,
}

/// Why a reference means no file.
pub(crate) enum Unlinked {
    /// Nothing has it.
    Missing,
    /// Several standards, or several files of one, could be meant.
    Several(Vec<Target>),
}

/// The location as the catalog knows it.
pub(crate) fn key(from: &str, reference: &Reference) -> String {
    match is_remote(&reference.location) {
        true => reference.location.clone(),
        false => path_from(from, &crate::ffi::file_of(&reference.location)),
    }
}

/// What a reference in an installed standard means.
pub(crate) fn installed(standard: &Standard, from: &str, reference: &Reference) -> Option<Target> {
    let key = key(from, reference);
    if !is_remote(&reference.location) && standard.outlines().contains_key(&key) {
        return Some(Target { standard: standard.id().clone(), path: key });
    }
    let entries = &mut standard.catalog().iter();
    let entry = entries.find(|entry| entry.location == key && entry.namespace == reference.namespace)?;
    let owner = entry.standard.as_ref().unwrap_or(standard.id());
    Some(Target { standard: owner.clone(), path: entry.file.clone() })
}

/// What it means in a package that is about to be installed: nothing to note for a neighbour, else an entry of the catalog.
pub(crate) fn find(
    package: &Standard,
    shelf: &Shelf,
    among: &[StandardId],
    from: &str,
    reference: &Reference,
) -> Result<Option<CatalogEntry>, Unlinked> {
    let key = key(from, reference);
    if !is_remote(&reference.location) && package.outlines().contains_key(&key) {
        return Ok(None);
    }
    let mut found = candidates(package, from, reference);
    // An include stays in its own package: nobody splits a namespace over two.
    if found.is_empty() && reference.import {
        let asked = shelf.all().filter(|other| among.is_empty() || among.contains(other.id()));
        found = asked.flat_map(|other| candidates(other, "", reference)).collect();
    }
    match found.as_slice() {
        [] => Err(Unlinked::Missing),
        [one] => {
            let standard = Some(one.standard.clone()).filter(|owner| owner != package.id());
            let (namespace, file) = (reference.namespace.clone(), one.path.clone());
            Ok(Some(CatalogEntry { location: key, namespace, standard, file }))
        }
        _ => Err(Unlinked::Several(found)),
    }
}

/// The files of one standard that declare the wanted namespace. Where several do, the one that is called like the location,
/// else those that no other of them includes.
fn candidates(standard: &Standard, from: &str, reference: &Reference) -> Vec<Target> {
    let declares = standard
        .outlines()
        .iter()
        .filter(|(path, outline)| outline.namespace == reference.namespace && path.as_str() != from);
    let mut found: Vec<&String> = declares.map(|(path, _)| path).collect();
    let name = last_segment(&reference.location);
    if found.iter().any(|path| last_segment(path) == name) {
        found.retain(|path| last_segment(path) == name);
    }
    if found.len() > 1 {
        let included = included(standard);
        found.retain(|path| !included.contains(*path));
    }
    found.into_iter().map(|path| Target { standard: standard.id().clone(), path: path.clone() }).collect()
}

/// The files that another one of the same standard includes.
fn included(standard: &Standard) -> BTreeSet<String> {
    let references = standard
        .outlines()
        .iter()
        .flat_map(|(from, outline)| outline.references.iter().map(move |reference| (from, reference)));
    references
        .filter(|(_, reference)| !reference.import)
        .map(|(from, reference)| key(from, reference))
        .collect()
}
