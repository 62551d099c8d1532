//! Large contents as files of their own: written in `tmp`, synced, renamed into `blobs/<xx>/`, and synced in that
//! folder, all before a row names them (H1).

use crate::directory::{Directory, private_file, sync_directory};
use crate::fault::{Fault, damaged, disk};
use rohrpost_model::ports::{StagedFile, StoreFault};
use rusqlite::Connection;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Where large contents live.
#[derive(Clone, Debug)]
pub(crate) struct FileHome {
    incoming: PathBuf,
    blobs: PathBuf,
}

/// A file that is being written. Dropping it removes it.
pub(crate) struct Incoming {
    name: String,
    path: PathBuf,
    file: File,
    length: u64,
    landed: bool,
}

impl FileHome {
    pub(crate) fn new(directory: &Directory) -> Self {
        Self { incoming: directory.incoming(), blobs: directory.blobs() }
    }

    /// Begins a file under a name of its own. Blocks, as everything here.
    pub(crate) fn begin(&self) -> Result<Incoming, StoreFault> {
        let name = Uuid::new_v4().hyphenated().to_string();
        let path = self.incoming.join(&name);
        let file = private_file().create_new(true).open(&path).map_err(|error| disk("new file", &error))?;
        Ok(Incoming { name, path, file, length: 0, landed: false })
    }

    /// Makes the file durable under its last name.
    pub(crate) fn land(&self, mut incoming: Incoming) -> Result<StagedFile, StoreFault> {
        let shard = self.shard(&incoming.name);
        let target = shard.join(&incoming.name);
        sync_file(&incoming.file).map_err(|error| disk("content file", &error))?;
        fs::rename(&incoming.path, &target).map_err(|error| disk("content file", &error))?;
        // From here on a failure removes the file under its last name.
        incoming.path.clone_from(&target);
        sync_directory(&shard).map_err(|error| disk("content folder", &error))?;
        incoming.landed = true;
        let (name, length) = (std::mem::take(&mut incoming.name), incoming.length);
        Ok(StagedFile::new(name, length, move || remove(target)))
    }

    /// Opens a kept file. One that is shorter or longer than its row says is damaged.
    pub(crate) fn open(&self, name: &str, length: u64) -> Result<File, StoreFault> {
        if Uuid::try_parse(name).is_err() {
            return Err(damaged("the name of a content file"));
        }
        let file = File::open(self.shard(name).join(name)).map_err(|error| disk("content file", &error))?;
        let found = file.metadata().map_err(|error| disk("content file", &error))?.len();
        if found != length {
            return Err(StoreFault::Damaged("a content file has another length than was written".into()));
        }
        Ok(file)
    }

    fn shard(&self, name: &str) -> PathBuf {
        self.blobs.join(name.get(..2).unwrap_or("00"))
    }

    /// Removes what was coming in when the hub stopped, and files that no row names. Returns how many.
    pub(crate) fn sweep(&self, connection: &Connection) -> Result<u64, Fault> {
        let mut swept = 0;
        let trouble = |error: io::Error| Fault::Group(disk("sweep of content files", &error));
        for path in entries(&self.incoming).map_err(trouble)? {
            fs::remove_file(path).map_err(trouble)?;
            swept += 1;
        }
        for shard in entries(&self.blobs).map_err(trouble)? {
            for path in entries(&shard).map_err(trouble)? {
                if !is_named(connection, &path)? {
                    fs::remove_file(path).map_err(trouble)?;
                    swept += 1;
                }
            }
        }
        Ok(swept)
    }
}

impl Incoming {
    pub(crate) fn write(&mut self, sealed: &[u8]) -> Result<(), StoreFault> {
        self.file.write_all(sealed).map_err(|error| disk("content file", &error))?;
        self.length += sealed.len() as u64;
        Ok(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.landed {
            remove_now(&self.path);
        }
    }
}

/// Makes a file's bytes durable (H1).
fn sync_file(file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Off the runtime's threads: taking away a large file takes a while.
fn remove(path: PathBuf) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(move || remove_now(&path))),
        Err(_) => remove_now(&path),
    }
}

/// What cannot be removed now is swept at the next start.
fn remove_now(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(%error, "a content file that nobody needs could not be removed");
    }
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

fn is_named(connection: &Connection, path: &Path) -> Result<bool, Fault> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    crate::rows::first(connection, "SELECT EXISTS (SELECT 1 FROM files WHERE name = ?1)", [name])
}
