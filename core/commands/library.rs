//! Mappings by name, for commands that work on files. They need the mapping library, but no configuration without faults:
//! who writes a mapping has other worries than a certificate that ran out.

use super::Context;
use crate::config::{self, compile_mapping, find_mappings};
use crate::faults::Stop;
use crate::standards::read_shelf;
use rohrpost_kit::settings::nearest;
use rohrpost_mappings::{Mapping, MappingFault, Shelf, Violation, Xml, XmlLimits};
use rohrpost_model::Fault;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// A mapping that may have faults.
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The installed standards.
    shelf: Rc<Shelf>,
}

impl Entry {
    /// The mapping, compiled. Faults name its files as they were found.
    pub fn compile(&self) -> Result<Arc<Mapping>, Stop> {
        let mapped =
            compile_mapping(&self.name, &self.folder, &self.folder.display().to_string(), &self.shelf);
        Ok(mapped?.mapping)
    }

    /// A file of the mapping as people find it: in its folder, or in one that it shares with others.
    fn shown(&self, file: &str) -> String {
        let shared = self.folder.with_file_name(file);
        let is_shared = !self.folder.join(file).exists() && shared.exists();
        let path = if is_shared { shared } else { self.folder.join(file) };
        path.display().to_string()
    }
}

/// All mappings of the library that hub.toml names, by name.
pub fn all(context: &Context<'_>) -> Result<Vec<Entry>, Stop> {
    let library = config::library_folder(&context.folder).ok_or_else(|| {
        let hub = context.folder.join("hub.toml");
        Stop::Failed(format!("{} names no folder of mappings; add mappings = \"…\"", hub.display()))
    })?;
    let found = find_mappings(&library).map_err(|error| Stop::file(&library, &error))?;
    // What is wrong with a standard is `check`'s business; a mapping that names it finds it not installed.
    let shelf = Rc::new(read_shelf(&context.folder).0);
    let entry = |(name, folder)| Entry { name, folder, shelf: Rc::clone(&shelf) };
    Ok(found.into_iter().map(entry).collect())
}

/// One of them.
pub fn one(name: &str, context: &Context<'_>) -> Result<Entry, Stop> {
    let mut entries = all(context)?;
    match entries.iter().position(|entry| entry.name == name) {
        Some(index) => Ok(entries.swap_remove(index)),
        None => Err(unknown(
            "mapping",
            name,
            &entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(),
        )),
    }
}

/// Nothing is called so.
pub fn unknown(kind: &str, name: &str, known: &[&str]) -> Stop {
    let all = known.join(", ");
    Stop::Usage(match nearest(name, known.iter().copied()) {
        Some(meant) => format!("there is no {kind} `{name}`; did you mean `{meant}`? Known: {all}"),
        None => format!("there is no {kind} `{name}`; known: {all}"),
    })
}

/// A file as XML.
pub fn read_xml(path: &Path) -> Result<Xml, Stop> {
    let bytes = super::read_file(path)?;
    let limits = XmlLimits { bytes: bytes.len(), ..XmlLimits::default() };
    Xml::parse(&bytes, &limits).map_err(|bad| {
        let file = path.display().to_string();
        Stop::Faults(vec![Fault::at(file, bad.line, bad.column, bad.message)])
    })
}

/// A file as the source of a mapping: JSON where it takes JSON, unless an envelope is given, which begins with `<`.
pub fn read_source(path: &Path, mapping: &Mapping) -> Result<Xml, Stop> {
    let bytes = super::read_file(path)?;
    if !mapping.takes_json() || bytes.trim_ascii_start().starts_with(b"<") {
        return read_xml(path);
    }
    Xml::from_json(&bytes, &XmlLimits::default()).map_err(|bad| {
        let place = |count| u32::try_from(count).unwrap_or(u32::MAX);
        let file = path.display().to_string();
        Stop::Faults(vec![Fault::at(file, place(bad.line), place(bad.column), bad.message)])
    })
}

/// What breaks a schema in `file`.
pub fn violations(file: &str, found: &[Violation]) -> Vec<Fault> {
    let fault = |violation: &Violation| {
        let fault = Fault::at(file, violation.line, violation.column, violation.message.clone());
        if violation.path.is_empty() { fault } else { fault.hint(format!("at {}", violation.path)) }
    };
    found.iter().map(fault).collect()
}

/// Why a mapping gave nothing for `source`. What it wrote and its target schema refuses is called `output`.
pub fn mapping_faults(fault: MappingFault, source: &Path, entry: &Entry) -> Stop {
    let source = source.display().to_string();
    Stop::Faults(match fault {
        MappingFault::Source(found) => violations(&source, &found),
        MappingFault::Target(found) => violations("output", &found),
        MappingFault::Document(name, found) => violations(&format!("output#{name}"), &found),
        MappingFault::Limit(limit) => {
            vec![Fault::of_file(source, format!("the mapping exceeds its limit: {limit}"))]
        }
        MappingFault::Transform(faults) => {
            faults.into_iter().map(|fault| Fault { file: entry.shown(&fault.file), ..fault }).collect()
        }
    })
}
