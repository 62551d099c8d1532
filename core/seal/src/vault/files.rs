//! Small files that must not be lost, and must not be read by others.

use rohrpost_model::ports::VaultFault;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// The whole file, or `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, VaultFault> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unavailable(path, &error)),
    }
}

/// Writes the file so that after any crash there is either the old one or the whole new one, and after the return
/// surely the new one: temporary name, fsync, rename, fsync of the folder. Its folder must exist.
pub(super) fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), VaultFault> {
    try_write(path, bytes).map_err(|error| unavailable(path, &error))
}

fn try_write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_parent(path)
}

/// Makes durable a file that is there: whoever wrote it may have crashed before the last sync, and then it looks like any
/// other until the power goes.
pub(super) fn settle(path: &Path) -> Result<(), VaultFault> {
    let synced = File::open(path).and_then(|file| file.sync_all()).and_then(|()| sync_parent(path));
    synced.map_err(|error| unavailable(path, &error))
}

/// Makes the folder and those above it where they are missing, durably: a new folder exists for sure only when the
/// folder that names it is synced.
pub(super) fn make_folder(path: &Path) -> Result<(), VaultFault> {
    try_make_folder(path).map_err(|error| unavailable(path, &error))
}

fn try_make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        try_make_folder(parent)?;
    }
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => sync_parent(path),
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Whether the folder holds other folders.
pub(super) fn holds_folders(folder: &Path) -> Result<bool, VaultFault> {
    let entries = fs::read_dir(folder).map_err(|error| unavailable(folder, &error))?;
    Ok(entries.flatten().any(|entry| entry.path().is_dir()))
}

fn unavailable(path: &Path, error: &io::Error) -> VaultFault {
    VaultFault::Unavailable(format!("{}: {error}", path.display()))
}
