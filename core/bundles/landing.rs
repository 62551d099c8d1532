//! What a hand over would change in this configuration, whether that would be in order, and putting it there.

use super::content::{HandOver, Place};
use crate::config::{Texts, read_bundle};
use crate::difference::{self, Changed, Files};
use crate::restore::{Plan, place};
use rohrpost_mappings::{STANDARDS_IN_BUNDLE, place_in_library, shared_folders};
use rohrpost_model::Timestamp;
use rohrpost_model::version::MAPPINGS;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A file that becomes another one.
pub type Change = Changed;

/// A hand over and the places where its files belong.
pub struct Landing<'a> {
    folder: &'a Path,
    library: &'a Path,
    wanted: Files,
    there: Files,
    /// What would be different, by path.
    pub changes: Vec<Change>,
}

impl<'a> Landing<'a> {
    /// Compares a hand over with what lies in `folder` and, of mappings, in `library`. What is there besides stays: cases of
    /// one's own, what cases of routes expect here, and whatever explains a mapping. A file in its folder that a mapping would
    /// depend on and that was not handed over goes.
    pub fn new(package: &HandOver, folder: &'a Path, library: &'a Path) -> io::Result<Self> {
        for name in package.manifest.shared.iter().filter(|name| !package.manifest.mappings.contains(*name)) {
            if library.join(name.as_str()).join("mapping.toml").exists() {
                let what =
                    "hier ein Mapping, in der Übergabe ein gemeinsamer Ordner: eines von beiden umbenennen";
                return Err(io::Error::other(format!("{MAPPINGS}/{name} ist {what}")));
            }
        }
        let own = package.members.iter().filter(|(path, _)| {
            let kept_here = is_expectation(path) && place(folder, library, path).exists();
            !is_of_standard(path) && !kept_here
        });
        let wanted: Files = own.map(|(path, content)| (path.clone(), content.clone())).collect();
        let mut there = Files::new();
        for path in wanted.keys() {
            match fs::read(place(folder, library, path)) {
                Ok(content) => drop(there.insert(path.clone(), content)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(io::Error::new(error.kind(), format!("{path}: {error}"))),
            }
        }
        for name in &package.manifest.mappings {
            let local = library.join(name.as_str());
            if local.is_dir() {
                let bundle = read_bundle(name.as_str(), &local).map_err(io::Error::other)?;
                let below = format!("{name}/");
                let places =
                    bundle.files.iter().map(|(file, content)| (place_in_library(&bundle, file), content));
                // Others may use what lies in a shared folder.
                let own = places.filter(|(path, _)| path.starts_with(&below));
                there.extend(own.map(|(path, content)| (format!("{MAPPINGS}/{path}"), content.clone())));
            }
        }
        let changes = difference::between(&there, &wanted);
        Ok(Self { folder, library, wanted, there, changes })
    }

    /// The files here that would be lost: other than what was handed over.
    pub fn overwritten(&self) -> Vec<&str> {
        let lost = self.changes.iter().filter(|change| change.change != "added");
        lost.map(|change| change.path.as_str()).collect()
    }

    /// How many files are as they were handed over.
    pub fn identical(&self) -> usize {
        let same = |(path, content): &(&String, &Vec<u8>)| self.there.get(*path) == Some(*content);
        self.wanted.iter().filter(same).count()
    }

    /// The whole configuration as it would be.
    pub fn afterwards(&self, package: &HandOver, mut texts: Texts) -> Texts {
        texts.files.extend(package.routes());
        let names = &package.manifest.mappings;
        texts.mappings.retain(|bundle| !names.contains(&bundle.name));
        // What this hub's own mappings share with those that are handed over changes for them, too.
        for bundle in &mut texts.mappings {
            for shared in shared_folders(bundle) {
                bundle.files.extend(package.shared(&shared));
            }
        }
        texts.mappings.extend(names.iter().map(|name| package.bundle(name)));
        texts
    }

    /// Puts it there, all or nothing. Returns where copies of what was replaced lie, if anything was.
    pub fn put(&self, at: Timestamp) -> io::Result<Option<PathBuf>> {
        let plan = Plan::stage_files(self.folder, self.library, (&self.wanted, &self.there), at)?;
        plan.carry_out(self.folder)?;
        Ok(plan.replaced().map(Path::to_owned))
    }
}

/// Whether a file is of an installed standard: it goes with the mapping to be compared, and is not written.
fn is_of_standard(path: &str) -> bool {
    let file = path.strip_prefix(MAPPINGS).and_then(|rest| rest.strip_prefix('/')?.split_once('/'));
    file.is_some_and(|(_, file)| file.starts_with(STANDARDS_IN_BUNDLE))
}

/// Whether a file says what comes of a route's case: that is so on one hub, and may be otherwise on another.
fn is_expectation(path: &str) -> bool {
    matches!(Place::of(path), Some(Place::RouteCase(_))) && path.contains("/expected/")
}
