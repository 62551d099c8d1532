//! Puts a version that was kept back into the configuration folder, or files that another hub handed over into it.
//!
//! 1. [`Plan::stage`] writes every file that differs beside its place, hidden, and a copy of every file that goes into
//!    `replaced/TIME/`. Whatever can fail for want of room or permission fails here, and the configuration is untouched.
//! 2. [`Plan::carry_out`] commits the plan as `.restore.json`, renames file by file, removes what the version does not
//!    have, and removes the plan.
//! 3. A crash in between leaves the plan. [`finish`] carries it out before a hub loads the folder, so that it never runs
//!    on half of each.
//!
//! Secrets, keys, certificates, cases of mappings and everything else in the folder stay as they are.

use crate::config::{Texts, write_whole};
use crate::difference::Files;
use rohrpost_model::Timestamp;
use rohrpost_model::version::MAPPINGS;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The committed plan, in the configuration folder.
const PLAN: &str = ".restore.json";

/// Where copies of replaced files go, in the configuration folder.
pub const REPLACED: &str = "replaced";

/// The format of [`Plan`] that is written.
const FORMAT: u32 = 1;

/// What is to be done, each step of it as often as need be. Paths are as the hub was given them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    format: u32,
    /// Staged file and its place.
    renames: Vec<(PathBuf, PathBuf)>,
    /// Files that the version does not have.
    removals: Vec<PathBuf>,
    /// Where copies of what is replaced lie, if anything is.
    replaced: Option<PathBuf>,
}

impl Plan {
    /// Makes ready to put `wanted` into `folder`, whose mappings go into `library`. Nothing that the hub reads is changed.
    pub fn stage(folder: &Path, library: &Path, wanted: &Texts, at: Timestamp) -> io::Result<Self> {
        Self::stage_files(folder, library, (&wanted.flat(), &at_places(folder, library)), at)
    }

    /// The same of some files only: what is `there` becomes what is `wanted`, and nothing else is touched.
    pub fn stage_files(
        folder: &Path,
        library: &Path,
        (wanted, there): (&Files, &Files),
        at: Timestamp,
    ) -> io::Result<Self> {
        let mut plan = Self { format: FORMAT, renames: Vec::new(), removals: Vec::new(), replaced: None };
        let staged = plan.stage_all(folder, library, (wanted, there), at);
        staged.inspect_err(|_| plan.discard()).map(|()| plan)
    }

    fn stage_all(
        &mut self,
        folder: &Path,
        library: &Path,
        (wanted, there): (&Files, &Files),
        at: Timestamp,
    ) -> io::Result<()> {
        let differs = |path: &&String| wanted.get(*path) != there.get(*path);
        let copies = folder.join(REPLACED).join(at.strftime("%Y-%m-%dT%H-%M-%S%.9fZ").to_string());
        for path in there.keys().filter(differs) {
            put(&copies.join(path), &there[path])?;
            self.replaced = Some(copies.clone());
        }
        for path in wanted.keys().filter(differs) {
            let place = place(folder, library, path);
            let staged = staged(&place);
            self.renames.push((staged.clone(), place));
            put(&staged, &wanted[path])?;
        }
        let gone = there.keys().filter(|path| !wanted.contains_key(*path));
        self.removals = gone.map(|path| place(folder, library, path)).collect();
        Ok(())
    }

    /// Takes back what was staged. What cannot be removed does no harm: it is hidden.
    pub fn discard(&self) {
        for (staged, _) in &self.renames {
            let _ = fs::remove_file(staged);
        }
        if let Some(replaced) = &self.replaced {
            let _ = fs::remove_dir_all(replaced);
        }
    }

    /// Where copies of what is replaced lie.
    pub fn replaced(&self) -> Option<&Path> {
        self.replaced.as_deref()
    }

    /// Commits the plan and does it.
    pub fn carry_out(&self, folder: &Path) -> io::Result<()> {
        write_whole(&folder.join(PLAN), &serde_json::to_vec(self)?, 0o600)?;
        self.finish(folder)
    }

    fn finish(&self, folder: &Path) -> io::Result<()> {
        for (staged, place) in &self.renames {
            unless_done(fs::rename(staged, place))?;
        }
        for place in &self.removals {
            unless_done(fs::remove_file(place))?;
        }
        let places = self.renames.iter().map(|(_, place)| place).chain(&self.removals);
        places.filter_map(|place| place.parent()).try_for_each(sync)?;
        unless_done(fs::remove_file(folder.join(PLAN)))?;
        sync(folder)
    }
}

/// Carries out the plan that a crash left in `folder`, if there is one. Returns whether there was.
pub fn finish(folder: &Path) -> io::Result<bool> {
    let text = match fs::read(folder.join(PLAN)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        text => text?,
    };
    let plan: Plan = serde_json::from_slice(&text)?;
    if plan.format != FORMAT {
        return Err(io::Error::other(format!("{PLAN} has a format of another Rohrpost")));
    }
    plan.finish(folder).map(|()| true)
}

/// The files as they lie at the places that a version is put to. Its library may be another than the folder's.
fn at_places(folder: &Path, library: &Path) -> Files {
    Texts::of_folder_with(folder, Some(library)).flat()
}

/// Where a file lies that a configuration calls `path`.
pub fn place(folder: &Path, library: &Path, path: &str) -> PathBuf {
    match path.strip_prefix(MAPPINGS).and_then(|rest| rest.strip_prefix('/')) {
        Some(below) => library.join(below),
        None => folder.join(path),
    }
}

/// Beside its place, with a name that neither the configuration nor a mapping reads.
fn staged(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.restored"))
}

fn put(path: &Path, content: &[u8]) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    write_whole(path, content, 0o644)
}

/// A step that was done before a crash is done.
fn unless_done(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn sync(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    unless_done(File::open(folder).and_then(|folder| folder.sync_all()))
}

#[cfg(test)]
mod tests;
