//! What a mapping takes of the installed standards into its bundle.
//!
//! A delivery pins its mapping by the bundle's digest, so everything that a schema is compiled from must be in the bundle:
//! the loader copies the schema, all that it imports and includes, of whichever standard, and what each location in them
//! means, below [`RESERVED`]. Files that begin with a dot are no part of a mapping's folder, so nobody's own file can stand
//! there. A standard that is removed or installed anew later changes no bundle that was pinned.
//!
//! The schemas are kept as published. Only what is handed to libxml2 differs, in two ways:
//! - every location is replaced by the path that it means, so libxml2 resolves nothing;
//! - libxml2 takes the first `xs:import` of a namespace and skips all others, even of other files (`xbau-baukasten.xsd`
//!   imports two files of the Kernmodul). Where the imports of a namespace mean several files, all of them are led to one
//!   generated schema that includes each of these files. So it does not matter which import comes first.

use super::links::{self, Target};
use super::references::{Outline, Reference, outlines};
use super::{Shelf, StandardId};
use crate::bundle::Bundle;
use crate::ffi::{Files, uri_of};
use crate::schema::{Schema, sources};
use crate::{encoding, schematron};
use rohrpost_model::Fault;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

/// Where in a bundle the files of standards lie.
pub const RESERVED: &str = ".standards/";

/// The two schemas of a mapping.
pub const SIDES: [&str; 2] = ["source", "target"];

/// The rules of its two sides.
pub const RULES: [&str; 2] = ["source-rules", "target-rules"];

/// The slots of a document beside the message: its schema and its rules.
pub fn document_slots(name: &str) -> [String; 2] {
    [format!("document-{name}"), format!("rules-document-{name}")]
}

/// A schema of a standard, or a file of rules, with all that it needs.
#[derive(Debug)]
pub struct Picked {
    files: BTreeMap<String, Vec<u8>>,
    links: Links,
}

/// What is written beside the files in a bundle.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Links {
    /// The path of the schema that is meant.
    schema: String,
    #[serde(default, rename = "link")]
    links: Vec<Link>,
}

/// What a location in a file means.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    from: String,
    location: String,
    namespace: String,
    to: String,
}

/// The file in a bundle that says which schema of which standard a side takes.
pub(crate) fn side_file(side: &str) -> String {
    format!("{RESERVED}{side}.toml")
}

fn path_of(target: &Target) -> String {
    format!("{RESERVED}{}/{}", target.standard, target.path)
}

impl Picked {
    pub(super) fn take(shelf: &Shelf, id: &StandardId, schema: &str) -> Result<Self, Fault> {
        if is_rules(schema) {
            return Self::take_rules(shelf, id, schema);
        }
        let first = Target { standard: id.clone(), path: find(shelf, id, schema)? };
        let mut picked =
            Self { files: BTreeMap::new(), links: Links { schema: path_of(&first), links: Vec::new() } };
        let mut waiting = vec![first];
        while let Some(target) = waiting.pop() {
            if !picked.files.contains_key(&path_of(&target)) {
                waiting.extend(picked.add(shelf, &target)?);
            }
        }
        picked.links.links.sort_by(|one, other| {
            (&one.from, &one.location, &one.namespace).cmp(&(&other.from, &other.location, &other.namespace))
        });
        Ok(picked)
    }

    /// Rules include other files of their own standard only.
    fn take_rules(shelf: &Shelf, id: &StandardId, rules: &str) -> Result<Self, Fault> {
        let first = find(shelf, id, rules)?;
        let target = |path: &str| Target { standard: id.clone(), path: path.to_owned() };
        let links = Links { schema: path_of(&target(&first)), links: Vec::new() };
        let (mut files, mut waiting) = (BTreeMap::new(), vec![first]);
        let all = shelf.get(id).map(super::Standard::files);
        while let Some(path) = waiting.pop() {
            // What is included and not there is told with its place when the rules are compiled.
            let Some(bytes) = all.and_then(|all| all.get(&path)) else { continue };
            if files.insert(path_of(&target(&path)), bytes.clone()).is_none() {
                let text = encoding::decode(bytes).unwrap_or_default();
                waiting.extend(schematron::included(&text, &path));
            }
        }
        Ok(Self { files, links })
    }

    /// Takes one file, and says which ones it needs.
    fn add(&mut self, shelf: &Shelf, target: &Target) -> Result<Vec<Target>, Fault> {
        let gone = || {
            let message = format!("`{}` lacks {}/{}", self.links.schema, target.standard, target.path);
            Fault::of_file("", message).hint(format!("install {}: rohrpost standard add", target.standard))
        };
        let standard = shelf.get(&target.standard).ok_or_else(gone)?;
        let (bytes, outline) =
            standard.files().get(&target.path).zip(standard.outlines().get(&target.path)).ok_or_else(gone)?;
        let from = path_of(target);
        let mut needed = Vec::new();
        for reference in &outline.references {
            let Some(meant) = links::installed(standard, &target.path, reference) else { return Err(gone()) };
            let Reference { location, namespace, .. } = reference;
            let (location, namespace) = (location.clone(), namespace.clone());
            self.links.links.push(Link { from: from.clone(), location, namespace, to: path_of(&meant) });
            needed.push(meant);
        }
        self.files.insert(from, bytes.clone());
        Ok(needed)
    }

    pub(crate) fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    pub(crate) fn path(&self) -> &str {
        &self.links.schema
    }

    /// Puts it into a bundle for `slot`, one of [`SIDES`] or [`RULES`], or of [`document_slots`].
    pub fn put_into(self, bundle: &mut Bundle, slot: &str) {
        let links = toml::to_string(&self.links).unwrap_or_default();
        bundle.files.insert(side_file(slot), links.into_bytes());
        bundle.files.extend(self.files);
    }
}

/// The path of a schema that is named by its path or, where only one file is called so, by its name.
fn find(shelf: &Shelf, id: &StandardId, schema: &str) -> Result<String, Fault> {
    let Some(standard) = shelf.get(id) else {
        let message = format!("the standard `{id}` is not installed; installed: {}", shelf.known());
        return Err(Fault::of_file("", message).hint("rohrpost standard add"));
    };
    let (what, all): (_, Vec<_>) = match is_rules(schema) {
        true => ("rules", standard.files().keys().filter(|path| is_rules(path)).collect()),
        false => ("schema", standard.outlines().keys().collect()),
    };
    let called_so: Vec<_> = all.iter().copied().filter(|path| called(path, schema)).collect();
    match called_so.as_slice() {
        [one] => Ok((*one).clone()),
        _ if all.iter().any(|path| *path == schema) => Ok(schema.to_owned()),
        [] => {
            if let Some(fault) = standard.broken().iter().find(|fault| called(&fault.file, schema)) {
                let Fault { file, line, column, message, .. } = fault;
                let message = format!("`{id}` has {file}, which cannot be read: {line}:{column}: {message}");
                return Err(Fault::of_file("", message).hint("ask who publishes it for a sound one"));
            }
            let message = format!("`{id}` has no {what} `{schema}`");
            Err(Fault::of_file("", message).hint(format!("it has: {}", shortened(all.into_iter()))))
        }
        several => {
            let message = format!("`{id}` has several files `{schema}`");
            Err(Fault::of_file("", message)
                .hint(format!("write one of: {}", shortened(several.iter().copied()))))
        }
    }
}

fn is_rules(path: &str) -> bool {
    path.ends_with(".sch")
}

fn called(path: &str, schema: &str) -> bool {
    path.strip_suffix(schema).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
}

fn shortened<'p>(paths: impl Iterator<Item = &'p String>) -> String {
    const SHOWN: usize = 12;
    let all: Vec<_> = paths.map(String::as_str).collect();
    let rest = if all.len() > SHOWN { format!(" and {} more", all.len() - SHOWN) } else { String::new() };
    format!("{}{rest}", all[..all.len().min(SHOWN)].join(", "))
}

/// The path of the rules of a standard in a bundle for this slot.
pub(crate) fn rules_of_bundle(bundle: &Bundle, slot: &str) -> Option<String> {
    let links = std::str::from_utf8(bundle.files.get(&side_file(slot))?).ok()?;
    toml::from_str(links).ok().map(|links: Links| links.schema)
}

/// The schema of `side` in a bundle, with the files as libxml2 gets them; `None` if that side takes no standard.
pub(crate) fn of_bundle(bundle: &Bundle, texts: &Files, side: &str) -> Option<(String, Arc<Files>)> {
    let links = std::str::from_utf8(bundle.files.get(&side_file(side))?).ok()?;
    let links: Links = toml::from_str(links).ok()?;
    Some(prepared(&links, texts))
}

fn prepared(links: &Links, texts: &Files) -> (String, Arc<Files>) {
    let texts: Files = texts
        .iter()
        .filter(|(path, _)| path.starts_with(RESERVED))
        .map(|(path, text)| (path.clone(), text.clone()))
        .collect();
    let outlines = outlines(&texts);
    let doubled = doubled(links, &outlines);
    let generated = |namespace: &str| {
        let number = doubled.keys().position(|known| *known == namespace)?;
        Some(format!("{RESERVED}all-{number}.xsd"))
    };
    let meant = |from: &str, reference: &Reference| {
        if let Some(path) = generated(&reference.namespace).filter(|_| reference.import) {
            return Some(uri_of(&path));
        }
        let link = links.links.iter().find(|link| is(link, from, reference))?;
        Some(uri_of(&link.to))
    };
    let mut made: Files = outlines
        .iter()
        .filter_map(|(path, outline)| {
            let text = outline.relocated(texts.get(path)?, |reference| meant(path, reference));
            Some((path.clone(), text))
        })
        .collect();
    for (namespace, files) in &doubled {
        made.extend(generated(namespace).map(|path| (path, including(namespace, files))));
    }
    // The schema itself may be one of the files that are included together.
    let first = outlines.get(&links.schema).and_then(|outline| generated(&outline.namespace));
    (first.unwrap_or_else(|| links.schema.clone()), Arc::new(made))
}

fn is(link: &Link, from: &str, reference: &Reference) -> bool {
    (link.from.as_str(), &link.location, &link.namespace) == (from, &reference.location, &reference.namespace)
}

/// The namespaces whose imports mean several files, with these.
fn doubled<'l>(
    links: &'l Links,
    outlines: &'l BTreeMap<String, Outline>,
) -> BTreeMap<&'l str, BTreeSet<&'l str>> {
    let mut meant: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, outline) in outlines {
        for reference in outline.references.iter().filter(|reference| reference.import) {
            if let Some(link) = links.links.iter().find(|link| is(link, from, reference)) {
                meant.entry(&link.namespace).or_default().insert(&link.to);
            }
        }
    }
    // The schema itself counts as imported, too.
    if let Some(files) = outlines.get(&links.schema).and_then(|first| meant.get_mut(first.namespace.as_str()))
    {
        files.insert(&links.schema);
    }
    meant.retain(|_, files| files.len() > 1);
    meant
}

/// The schema that includes several files of one namespace.
fn including(namespace: &str, files: &BTreeSet<&str>) -> String {
    let mut text = format!(
        "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" targetNamespace=\"{}\">\n",
        quick_xml::escape::escape(namespace)
    );
    for file in files {
        let _ = writeln!(text, " <xs:include schemaLocation=\"{}\"/>", uri_of(file));
    }
    text.push_str("</xs:schema>\n");
    text
}

impl Schema {
    /// Compiles a schema of a standard.
    pub fn compile_picked(picked: &Picked) -> Result<Self, Vec<Fault>> {
        let (texts, faults) = sources(&picked.files, &["xsd"]);
        if !faults.is_empty() {
            return Err(faults);
        }
        let (path, files) = prepared(&picked.links, &texts);
        Self::compile_from(&files, &path)
    }
}
