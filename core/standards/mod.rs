//! Installed standards: their folders in the configuration, and packages on their way there.
//!
//! `standards/<name>/<version>/` holds the files of an edition and `standard.toml`, which pins each of them. What a package
//! is and how its imports are resolved is the business of `rohrpost_mappings`; here are only files.

mod archive;
mod folder;
mod install;
mod package;

pub use install::{Installed, install, remove};
pub use package::{bad_name, read as read_package, read_archive};

use crate::faults::plain;
use rohrpost_mappings::{STANDARD_MANIFEST, STANDARDS_IN_BUNDLE, Shelf, Standard, StandardId};
use rohrpost_model::Fault;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder in the configuration.
pub const STANDARDS: &str = "standards";

/// Where an edition lies, seen from the configuration folder.
pub fn folder_of(id: &StandardId) -> PathBuf {
    Path::new(STANDARDS).join(id.name()).join(id.version())
}

/// All installed standards, and the faults of those that are not as they were installed; those are left out. `config` is
/// the configuration folder.
pub fn read_shelf(config: &Path) -> (Shelf, Vec<Fault>) {
    let (mut shelf, mut faults) = (Shelf::default(), Vec::new());
    let found = editions(config).unwrap_or_else(|error| {
        faults.push(Fault::of_file(STANDARDS, plain(&error)));
        Vec::new()
    });
    for id in found {
        match read_one(config, id) {
            Ok(standard) => shelf.put(standard),
            Err(found) => faults.extend(found),
        }
    }
    (shelf, faults)
}

/// A fault in a file that a bundle holds of a standard, named as it lies in the configuration.
pub fn in_standards(fault: Fault) -> Fault {
    let inside = fault.file.strip_prefix(STANDARDS_IN_BUNDLE).and_then(|rest| rest.split_once('/'));
    let found = inside.and_then(|(id, path)| Some(folder_of(&id.parse().ok()?).join(path)));
    match found {
        Some(path) => Fault { file: path.display().to_string(), ..fault },
        None => fault,
    }
}

fn read_one(config: &Path, id: StandardId) -> Result<Standard, Vec<Fault>> {
    let folder = folder_of(&id);
    let below = |fault: Fault| Fault { file: folder.join(&fault.file).display().to_string(), ..fault };
    let files = folder::read(&config.join(&folder)).map_err(|fault| vec![below(fault)])?;
    Standard::of_folder(id, files).map_err(|faults| faults.into_iter().map(below).collect())
}

/// The editions that have a folder. What is on its way in or out begins with a dot.
pub fn editions(config: &Path) -> io::Result<Vec<StandardId>> {
    let mut found = Vec::new();
    for name in names_in(&config.join(STANDARDS))? {
        for version in names_in(&config.join(STANDARDS).join(&name))? {
            found.extend(StandardId::new(&name, &version));
        }
    }
    found.sort();
    Ok(found)
}

/// The installed standards whose `standard.toml` names another one. It is not read as anything else, so that one that was
/// changed keeps what it needs, too.
pub fn standards_that_name(id: &StandardId, config: &Path) -> io::Result<Vec<StandardId>> {
    let named = format!("\"{id}\"");
    let names = |other: &StandardId| {
        let manifest = config.join(folder_of(other)).join(STANDARD_MANIFEST);
        other != id && fs::read_to_string(manifest).is_ok_and(|text| text.contains(&named))
    };
    Ok(editions(config)?.into_iter().filter(names).collect())
}

/// The names of the folders in a folder; none if it is not there.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        names.extend(entry.file_name().into_string().ok().filter(|_| entry.path().is_dir()));
    }
    Ok(names)
}
