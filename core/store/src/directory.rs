//! The data directory: its layout, its lock, and what makes names in it durable.
//!
//! ```text
//! lock                     held as long as the store is open
//! rohrpost.sqlite (-wal, -shm)
//! segments/00000001.seg    content segments
//! blobs/<xx>/<uuid>        large contents, 256 folders
//! tmp/<uuid>               large contents that are coming in; emptied at start
//! ```

use crate::fault::{disk, unopened};
use rohrpost_model::ports::StoreFault;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The paths in one data directory.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    root: PathBuf,
}

impl Directory {
    /// Makes what is missing, durably.
    pub(crate) fn prepare(root: &Path) -> Result<Self, StoreFault> {
        let directory = Self { root: root.to_owned() };
        directory.make().map_err(|error| disk(&format!("data directory {}", root.display()), &error))?;
        Ok(directory)
    }

    fn make(&self) -> io::Result<()> {
        make_private_folders(&self.root)?;
        for folder in [self.segments(), self.blobs(), self.incoming()] {
            make_private_folders(&folder)?;
        }
        let shards = (0..=u8::MAX).map(|shard| self.blobs().join(format!("{shard:02x}")));
        for shard in shards {
            make_private_folders(&shard)?;
        }
        for folder in [self.blobs(), self.root.clone(), parent(&self.root)] {
            sync_directory(&folder)?;
        }
        Ok(())
    }

    /// Locks the directory for this process. The lock ends with the file.
    pub(crate) fn lock(&self) -> Result<File, StoreFault> {
        let path = self.root.join("lock");
        let file = private_file().create(true).truncate(false).open(&path);
        let file = file.map_err(|error| disk(&format!("lock {}", path.display()), &error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StoreFault::Unavailable(format!(
                "Im Datenverzeichnis {} läuft bereits ein anderes Rohrpost. Das andere beenden oder ein eigenes Datenverzeichnis einstellen.",
                self.root.display()
            ))),
            Err(TryLockError::Error(error)) => Err(disk(&format!("lock {}", path.display()), &error)),
        }
    }

    /// Refuses content without a database: nobody could read it, and a store that begins anew would remove it.
    pub(crate) fn check_whole(&self) -> Result<(), StoreFault> {
        let database = self.database();
        let is_there = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.len() > 0);
        if is_there(&database) {
            return Ok(());
        }
        let log = database.with_extension("sqlite-wal");
        if !is_there(&log) && !holds_files(&self.segments()) && !holds_files(&self.blobs()) {
            return Ok(());
        }
        Err(StoreFault::Damaged(format!(
            "{} fehlt oder ist leer, obwohl in {} Inhalte liegen. Aus der Sicherung wiederherstellen; es wurde nichts \
             verändert.",
            database.display(),
            self.root.display()
        )))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("rohrpost.sqlite")
    }

    pub(crate) fn segments(&self) -> PathBuf {
        self.root.join("segments")
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(crate) fn incoming(&self) -> PathBuf {
        self.root.join("tmp")
    }
}

/// A data directory that this process holds alone, before anything in it is opened. Whatever else only one process may
/// touch, its keys above all, is opened under it.
#[derive(Debug)]
pub struct HeldDirectory {
    pub(crate) directory: Directory,
    pub(crate) lock: File,
}

impl HeldDirectory {
    /// Takes the directory, which is made if it is missing (mode 0700). Blocks.
    ///
    /// [`StoreFault::Unavailable`] if another process has it.
    pub fn take(dir: &Path) -> Result<Self, StoreFault> {
        let directory = Directory::prepare(dir).map_err(|fault| unopened(dir, fault))?;
        let lock = directory.lock()?;
        Ok(Self { directory, lock })
    }
}

/// Whether there is a file in the folder or below. What cannot be read holds some.
fn holds_files(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return true };
    entries.flatten().any(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => holds_files(&entry.path()),
        _ => true,
    })
}

fn make_private_folders(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn parent(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or_else(|| Path::new(".")).to_owned()
}

/// Options for a file that only the hub's own user may read or write.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

/// Makes the names in a folder durable: a file that was created or renamed in it is found again after a power cut (H1).
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
