//! A folder of this machine, or one that is mounted here.

use crate::disk::RealDisk;
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use rohrpost_kit::files::Disk as _;
use rohrpost_kit::inbox::{Content, Entry, Files};
use rohrpost_model::Failure;
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// So much is read at once.
const PIECE: usize = 64 * 1024;

/// The files of one folder.
pub(super) struct Local {
    root: PathBuf,
}

impl Local {
    pub(super) const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    async fn off_runtime<T: Send + 'static>(
        &self,
        path: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let path = self.root.join(path);
        let done = tokio::task::spawn_blocking(move || work(&path)).await;
        done.unwrap_or_else(|_| Err(ErrorKind::Interrupted.into())).map_err(|error| RealDisk.failure(&error))
    }
}

#[async_trait]
impl Files for Local {
    async fn list(&self, folder: &str) -> Result<Option<Vec<Entry>>, Failure> {
        self.off_runtime(folder, |path| there(list(path))).await
    }

    async fn open(&self, file: &str) -> Result<Content, Failure> {
        let file = self.off_runtime(file, open).await?;
        Ok(futures::stream::try_unfold(file, |file| async {
            let read = tokio::task::spawn_blocking(move || piece(file)).await;
            let read = read.unwrap_or_else(|_| Err(ErrorKind::Interrupted.into()));
            read.map_err(|error| RealDisk.failure(&error))
        })
        .boxed())
    }

    async fn rename(&self, from: &str, to: &str) -> Result<bool, Failure> {
        let to = self.root.join(to);
        self.off_runtime(from, move |from| Ok(there(fs::rename(from, to))?.is_some())).await
    }

    async fn make_folder(&self, folder: &str) -> Result<(), Failure> {
        self.off_runtime(folder, |path| fs::create_dir_all(path)).await
    }

    async fn write(&self, file: &str, content: Bytes) -> Result<(), Failure> {
        self.off_runtime(file, move |path| {
            let mut file = File::create(path)?;
            file.write_all(&content)?;
            file.sync_all()
        })
        .await
    }

    async fn remove(&self, path: &str) -> Result<(), Failure> {
        self.off_runtime(path, |path| there(remove(path)).map(drop)).await
    }
}

/// `None` where there is nothing of this name.
fn there<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        done => done.map(Some),
    }
}

fn list(path: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        // A link is followed by nobody: it could lead anywhere.
        let Some(about) = there(entry.path().symlink_metadata())? else { continue };
        let Ok(name) = entry.file_name().into_string() else { continue };
        if about.is_file() || about.is_dir() {
            let modified = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let modified = i128::try_from(modified.as_nanos()).unwrap_or(i128::MAX);
            entries.push(Entry { name, is_folder: about.is_dir(), size: about.len(), modified });
        }
    }
    Ok(entries)
}

fn open(path: &Path) -> io::Result<File> {
    let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    OpenOptions::new().read(true).custom_flags(no_link).open(path)
}

/// The next piece, and the file to go on with.
fn piece(mut file: File) -> io::Result<Option<(Bytes, File)>> {
    let mut buffer = vec![0; PIECE];
    let read = file.read(&mut buffer)?;
    buffer.truncate(read);
    Ok((read > 0).then(|| (buffer.into(), file)))
}

fn remove(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}
