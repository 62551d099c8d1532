//! Into the configuration folder and out of it, whole or not at all.
//!
//! A new edition is written below a name that begins with a dot, synced file by file, and renamed; a removed one is renamed
//! away before it is deleted. So a crash leaves an edition whole or not there, and at most a folder that nobody reads.

use super::{STANDARDS, folder_of};
use crate::faults::Stop;
use rohrpost_mappings::{STANDARD_MANIFEST, Standard, StandardId};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What became of an edition.
#[derive(Debug, PartialEq, Eq)]
pub enum Installed {
    /// It is there now.
    New,
    /// It was there with the same content.
    Same,
}

/// Installs an edition. `config` is the configuration folder.
pub fn install(standard: &Standard, config: &Path) -> Result<Installed, Stop> {
    let folder = config.join(folder_of(standard.id()));
    let manifest = standard.manifest();
    if folder.exists() {
        let there = fs::read_to_string(folder.join(STANDARD_MANIFEST)).unwrap_or_default();
        return if there == manifest { Ok(Installed::Same) } else { Err(other_content(standard.id())) };
    }
    let temporary = aside(config, standard.id(), "new");
    let written =
        write_all(standard, &manifest, &temporary).and_then(|()| moved(&temporary, &folder, config));
    written.map_err(|error| {
        // What is left of it is of no use; the error that is told is the first one.
        let _ = fs::remove_dir_all(&temporary);
        Stop::file(&folder, &error)
    })?;
    Ok(Installed::New)
}

/// Takes an edition away.
pub fn remove(id: &StandardId, config: &Path) -> Result<(), Stop> {
    let folder = config.join(folder_of(id));
    let temporary = aside(config, id, "old");
    let gone = fs::rename(&folder, &temporary)
        .and_then(|()| sync(folder.parent().unwrap_or(config)))
        .and_then(|()| fs::remove_dir_all(&temporary));
    gone.map_err(|error| Stop::file(&folder, &error))?;
    // The folder of the name stays where another version is in it.
    let _ = fs::remove_dir(config.join(STANDARDS).join(id.name()));
    Ok(())
}

fn other_content(id: &StandardId) -> Stop {
    Stop::Failed(format!(
        "{id} is installed with another content; install this one under another version, or remove that one first: \
         rohrpost standard remove {id}"
    ))
}

fn aside(config: &Path, id: &StandardId, word: &str) -> PathBuf {
    config.join(STANDARDS).join(format!(".{word}-{id}-{}", std::process::id()))
}

fn write_all(standard: &Standard, manifest: &str, into: &Path) -> io::Result<()> {
    fs::create_dir_all(into)?;
    for (path, bytes) in standard.files() {
        write(&into.join(path), bytes)?;
    }
    write(&into.join(STANDARD_MANIFEST), manifest.as_bytes())?;
    sync_folders(into)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_folders(&path)?;
        }
    }
    sync(folder)
}

fn moved(temporary: &Path, folder: &Path, config: &Path) -> io::Result<()> {
    let parent = folder.parent().unwrap_or(config);
    fs::create_dir_all(parent)?;
    fs::rename(temporary, folder)?;
    sync(parent)?;
    sync(&config.join(STANDARDS))?;
    sync(config)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
