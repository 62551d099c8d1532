//! The library of mappings: one folder each, compiled here so that every fault of a stylesheet or schema is known before
//! a submission meets it.

use super::mapping_ref::MappingRef;
use super::reader::{Faults, Placed};
use crate::faults::plain;
use crate::standards::in_standards;
use rohrpost_engine::catalog::Mapped;
use rohrpost_mappings::{
    Bundle, Mapping, Shelf, StandardId, WantedStandard, place_in_library, shared_folders, wanted_standards,
};
use rohrpost_model::{Digest, Fault, MappingName};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder with this file in it is a mapping.
const MANIFEST: &str = "mapping.toml";

/// The examples of a mapping. It does not depend on them, so they do not change its version.
const CASES: &str = "cases";

/// The mappings of a library; `None` for those with faults.
#[derive(Default)]
pub struct Library {
    mappings: BTreeMap<MappingName, Option<Mapped>>,
}

impl Library {
    /// The library that hub.toml names; `None` if it cannot be read.
    pub fn of_hub(folder: &Path, named: &Placed<PathBuf>, shelf: &Shelf, faults: &Faults) -> Option<Self> {
        let found = find_mappings(&folder.join(&named.value)).map_err(|error| {
            let what = format!("{} cannot be read: {}", named.display(), plain(&error));
            faults.note(named.at.fault(what).hint("name the folder of the mapping library"));
        });
        let read = |(name, path): (String, PathBuf)| {
            let shown = format!("{}/{name}", named.display());
            let mapped = compile(&name, &path, &shown, shelf).map_err(|found| faults.extend(found)).ok();
            Some((name.parse().ok()?, mapped))
        };
        Some(Self { mappings: found.ok()?.into_iter().filter_map(read).collect() })
    }

    /// The library of a version that was kept; `named` is what its hub.toml calls the library.
    pub fn of_kept(bundles: &[Bundle], named: &Placed<PathBuf>, shelf: &Shelf, faults: &Faults) -> Self {
        let read = |bundle: &Bundle| {
            let shown = format!("{}/{}", named.display(), bundle.name);
            let mapped = compile_kept(bundle, &shown, shelf).map_err(|found| faults.extend(found)).ok();
            (bundle.name.clone(), mapped)
        };
        Self { mappings: bundles.iter().map(read).collect() }
    }

    /// The names of all mappings, those with faults included.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.mappings.keys().map(ToString::to_string)
    }

    /// The media type of what a mapping makes; `None` for one that is not there or has faults.
    pub fn media_type(&self, named: &MappingRef) -> Option<String> {
        let mapped = self.mappings.get(&named.name)?.as_ref()?;
        mapped.mapping.media_type_of(named.document.as_ref()).map(str::to_owned)
    }

    /// The names of the documents that a mapping makes beside its message; the same.
    pub fn documents(&self, name: &str) -> Option<Vec<String>> {
        let mapped = self.mappings.get(name)?.as_ref()?;
        Some(mapped.mapping.documents().map(ToString::to_string).collect())
    }

    /// The names of the parameters of a mapping; `None` for one that is not there or has faults.
    pub fn params(&self, name: &str) -> Option<Vec<String>> {
        let mapped = self.mappings.get(name)?.as_ref()?;
        Some(mapped.mapping.params().map(|(name, _)| name.to_owned()).collect())
    }

    /// Those without faults, each with its version.
    pub fn versions(&self) -> impl Iterator<Item = (&MappingName, Digest)> {
        self.mappings.iter().filter_map(|(name, mapped)| Some((name, mapped.as_ref()?.mapping.digest())))
    }

    /// Those without faults.
    pub fn build(self) -> BTreeMap<MappingName, Mapped> {
        self.mappings.into_iter().filter_map(|(name, mapped)| Some((name, mapped?))).collect()
    }
}

/// Names and folders of the mappings in a library, sorted by name.
pub fn find_mappings(library: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(library)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        found.extend(name.filter(|_| path.join(MANIFEST).is_file()).map(|name| (name, path)));
    }
    found.sort();
    Ok(found)
}

/// Reads and compiles the mapping in `path`, with what it takes of the standards on `shelf`. Faults name files below
/// `shown`.
pub fn compile(name: &str, path: &Path, shown: &str, shelf: &Shelf) -> Result<Mapped, Vec<Fault>> {
    let mut bundle = read_bundle(name, path).map_err(|message| vec![Fault::of_file(shown, message)])?;
    let faults = take_standards(&mut bundle, shelf);
    if !faults.is_empty() {
        return Err(below(shown, &bundle, faults));
    }
    compile_bundle(bundle, shown)
}

/// What lies in a mapping's folder, and in those of the library that it shares with others; else what is wrong.
pub fn read_bundle(name: &str, path: &Path) -> Result<Bundle, String> {
    let name = name.parse().map_err(|error| format!("the folder's name is no mapping's name: {error}"))?;
    let mut files = BTreeMap::new();
    read_files(path, "", &mut files).map_err(|error| plain(&error))?;
    let mut bundle = Bundle { name, files };
    for shared in shared_folders(&bundle) {
        let prefix = format!("{shared}/");
        if bundle.files.keys().any(|file| file.starts_with(&prefix)) {
            return Err(format!("the mapping has a folder `{shared}` of its own, and names a shared one"));
        }
        let folder = path.parent().unwrap_or(Path::new("..")).join(&shared);
        match read_files(&folder, &prefix, &mut bundle.files) {
            // That it is not there is told with its place in mapping.toml.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(format!("{shared}: {}", plain(&error)));
            }
            _ => {}
        }
    }
    Ok(bundle)
}

/// A mapping of a kept version has in it what it took of standards. Put back into the folder, it takes them from the shelf
/// again: where that is not the same, the folder would become another configuration than the one that is active.
fn compile_kept(kept: &Bundle, shown: &str, shelf: &Shelf) -> Result<Mapped, Vec<Fault>> {
    let mut anew = kept.without_standards();
    let mut faults = take_standards(&mut anew, shelf);
    if faults.is_empty() && anew != *kept {
        let fault = |wanted: WantedStandard| {
            let message =
                format!("what is installed as {} is not what this version has of it", wanted.standard);
            Fault::at(MANIFEST, wanted.line, wanted.column, message)
                .hint("install the package that it was then: rohrpost standard remove, rohrpost standard add")
        };
        faults = wanted_standards(kept).into_iter().map(fault).collect();
    }
    if faults.is_empty() { compile_bundle(kept.clone(), shown) } else { Err(below(shown, kept, faults)) }
}

/// Compiles a mapping that has in it what it took of standards. Faults name files below `shown`.
pub fn compile_bundle(bundle: Bundle, shown: &str) -> Result<Mapped, Vec<Fault>> {
    let mapping = Mapping::compile(&bundle).map_err(|faults| below(shown, &bundle, faults))?;
    Ok(Mapped { bundle: Arc::new(bundle), mapping: Arc::new(mapping) })
}

/// Faults of a mapping by the files of the configuration: its own lie below `shown`, shared ones beside it, those of
/// standards where they are installed.
fn below(shown: &str, bundle: &Bundle, faults: Vec<Fault>) -> Vec<Fault> {
    let library = shown.rsplit_once('/').map_or("", |(library, _)| library);
    let named = |fault: Fault| match in_standards(fault.clone()) {
        moved if moved.file != fault.file => moved,
        fault if fault.file.is_empty() => Fault { file: shown.to_owned(), ..fault },
        fault => Fault { file: format!("{library}/{}", place_in_library(bundle, &fault.file)), ..fault },
    };
    faults.into_iter().map(named).collect()
}

/// Puts the schemas and rules of standards that a mapping names into its bundle, with all that they import: what a delivery pins must
/// not depend on what is installed later.
pub fn take_standards(bundle: &mut Bundle, shelf: &Shelf) -> Vec<Fault> {
    let mut faults = Vec::new();
    for wanted in wanted_standards(bundle) {
        match shelf.pick(&wanted.standard, &wanted.file) {
            Ok(picked) => picked.put_into(bundle, &wanted.slot),
            Err(fault) => {
                faults.push(Fault {
                    file: MANIFEST.into(),
                    line: wanted.line,
                    column: wanted.column,
                    ..fault
                });
            }
        }
    }
    faults
}

/// The mappings of a library that name a standard, with their folders.
pub fn that_name(id: &StandardId, library: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for (name, folder) in find_mappings(library)? {
        let manifest = fs::read(folder.join(MANIFEST))?;
        let Ok(mapping) = name.parse() else { continue };
        let bundle = Bundle { name: mapping, files: BTreeMap::from([(MANIFEST.to_owned(), manifest)]) };
        if wanted_standards(&bundle).iter().any(|wanted| wanted.standard == *id) {
            found.push(name);
        }
    }
    Ok(found)
}

/// All files below `folder` that a mapping can depend on, by path with `/`: not its cases, what explains it, and what
/// editors leave behind.
fn read_files(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let aside = name.starts_with('.') || name.ends_with('~') || name.ends_with(".md");
        if aside || prefix.is_empty() && name == CASES {
            continue;
        }
        let below = format!("{prefix}{name}");
        if path.is_dir() {
            read_files(&path, &format!("{below}/"), files)?;
        } else {
            files.insert(below, fs::read(&path)?);
        }
    }
    Ok(())
}
