//! The server's file system.

use crate::session::Session;
use async_trait::async_trait;
use rohrpost_kit::files::{Disk, OpenFile};
use rohrpost_model::{Failure, Reason, ReasonCode};
use russh_sftp::client::error::Error;
use russh_sftp::client::fs::{File, Metadata};
use russh_sftp::protocol::{OpenFlags, StatusCode};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What is read into memory (plans, sidecars) is no larger.
const READ_MAX: u64 = 16 << 20;
/// How much of two files is compared at a time.
const COMPARED: usize = 64 * 1024;

/// The file system behind a session.
pub(crate) struct Remote {
    session: Arc<Session>,
    /// Where room is looked for when a write fails.
    folder: String,
}

impl Remote {
    pub(crate) fn new(session: Session, folder: &Path) -> Self {
        Self { session: Arc::new(session), folder: text(folder) }
    }

    async fn try_make(&self, path: &str) -> io::Result<()> {
        match self.session.sftp.create_dir(path).await {
            Ok(()) => Ok(()),
            Err(error) => match self.session.sftp.metadata(path).await {
                Ok(there) if there.is_dir() => Ok(()),
                _ => Err(told(error)),
            },
        }
    }

    async fn equal(&self, left: &Path, right: &Path) -> io::Result<bool> {
        let (mut left, mut right) = (self.open(left).await?, self.open(right).await?);
        let (mut a, mut b) = (Vec::new(), Vec::new());
        loop {
            a.clear();
            b.clear();
            (&mut left).take(COMPARED as u64).read_to_end(&mut a).await.map_err(torn_or_other)?;
            (&mut right).take(COMPARED as u64).read_to_end(&mut b).await.map_err(torn_or_other)?;
            if a != b || a.is_empty() {
                return Ok(a == b);
            }
        }
    }

    async fn open(&self, path: &Path) -> io::Result<File> {
        self.session.sftp.open(text(path)).await.map_err(told)
    }

    async fn entries(&self, path: &Path) -> io::Result<Vec<(PathBuf, Metadata)>> {
        let read = self.session.sftp.read_dir(text(path)).await.map_err(told)?;
        Ok(read.map(|entry| (path.join(entry.file_name()), entry.metadata())).collect())
    }

    async fn meta(&self, path: &Path) -> io::Result<Metadata> {
        self.session.sftp.metadata(text(path)).await.map_err(told)
    }

    /// Folders of units hold files only, so one look into each is enough.
    async fn same_folders(&self, left: &Path, right: &Path) -> io::Result<bool> {
        let (ours, theirs) = (self.entries(left).await?, self.entries(right).await?);
        if ours.len() != theirs.len() {
            return Ok(false);
        }
        for (path, meta) in ours {
            let Some(other) = path.file_name().map(|name| right.join(name)) else { return Ok(false) };
            let fits = theirs.iter().any(|(path, its)| *path == other && its.size == meta.size);
            if !fits || !self.equal(&path, &other).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[async_trait]
impl Disk for Remote {
    fn blocks(&self) -> bool {
        false
    }

    async fn make_folder(&self, path: &Path, private: bool) -> io::Result<()> {
        let path = text(path);
        self.try_make(&path).await?;
        if private {
            let mode = Metadata { permissions: Some(0o700), ..Metadata::empty() };
            // A server without modes has no others to close it to.
            let _ = self.session.sftp.set_metadata(path, mode).await;
        }
        Ok(())
    }

    async fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::WRITE;
        let file = self.session.sftp.open_with_flags(text(path), flags).await.map_err(told)?;
        Ok(Box::new(Written { file, session: Arc::clone(&self.session), folder: self.folder.clone() }))
    }

    /// The protocol has nothing for it.
    async fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    /// The protocol's rename overwrites nothing; as not every server keeps to that, the name is looked at first.
    async fn move_to_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.exists(to).await? {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.session.sftp.rename(text(from), text(to)).await.map_err(told)
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        self.session.sftp.remove_file(text(path)).await.map_err(told)
    }

    async fn remove_folder(&self, path: &Path) -> io::Result<()> {
        let mut folders = vec![path.to_owned()];
        let mut at = 0;
        while let Some(folder) = folders.get(at).cloned() {
            for (path, meta) in self.entries(&folder).await? {
                if meta.is_dir() { folders.push(path) } else { self.remove(&path).await? }
            }
            at += 1;
        }
        for folder in folders.iter().rev() {
            self.session.sftp.remove_dir(text(folder)).await.map_err(told)?;
        }
        Ok(())
    }

    async fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let read = self.open(path).await?.take(READ_MAX).read_to_end(&mut content).await;
        read.map(|_| content).map_err(torn_or_other)
    }

    async fn exists(&self, path: &Path) -> io::Result<bool> {
        match self.session.sftp.symlink_metadata(text(path)).await.map_err(told) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn is_folder(&self, path: &Path) -> io::Result<bool> {
        Ok(self.meta(path).await?.is_dir())
    }

    async fn room(&self, path: &Path) -> io::Result<u64> {
        let room = self.session.sftp.fs_info(text(path)).await.map_err(told)?;
        let room = room.ok_or(ErrorKind::Unsupported)?;
        let no_more_files = room.inodes > 0 && room.inodes_avail == 0;
        Ok(if no_more_files { 0 } else { room.blocks_avail.saturating_mul(room.fragment_size) })
    }

    async fn same(&self, left: &Path, right: &Path) -> io::Result<bool> {
        let (ours, theirs) = (self.meta(left).await?, self.meta(right).await?);
        match (ours.is_dir(), theirs.is_dir()) {
            (true, true) => self.same_folders(left, right).await,
            (false, false) if ours.size == theirs.size => self.equal(left, right).await,
            _ => Ok(false),
        }
    }

    async fn list(&self, path: &Path) -> io::Result<Vec<(PathBuf, SystemTime)>> {
        let entries = self.entries(path).await?.into_iter();
        entries.map(|(path, meta)| Ok((path, meta.modified()?))).collect()
    }

    fn failure(&self, error: &io::Error) -> Failure {
        failure(error)
    }
}

/// What an error of the server means for a delivery that is surely not published.
pub(crate) fn failure(error: &io::Error) -> Failure {
    tracing::warn!(kind = %error.kind(), "the folder of the SFTP server cannot be worked in");
    let told = |code| Failure::unavailable(Reason::new(code));
    match error.kind() {
        ErrorKind::PermissionDenied => {
            Failure::Refused(Reason::new(ReasonCode::TargetRefused).with("status", "permission-denied"))
        }
        ErrorKind::ConnectionAborted => told(ReasonCode::Unreachable),
        ErrorKind::StorageFull => told(ReasonCode::FolderFull),
        _ => told(ReasonCode::FolderUnavailable),
    }
}

/// A file that is written. Pieces are on their way while the next ones are made.
struct Written {
    file: File,
    session: Arc<Session>,
    folder: String,
}

#[async_trait]
impl OpenFile for Written {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.file.write_all(bytes).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.full_or(error).await),
        }
    }

    async fn sync(&mut self) -> io::Result<()> {
        if let Err(error) = self.file.flush().await {
            return Err(self.full_or(error).await);
        }
        self.file.sync_all().await.map_err(told)?;
        match self.file.shutdown().await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.full_or(error).await),
        }
    }
}

impl Written {
    /// The protocol knows no error for a full disk: it is a "failure", and then the room that is left is looked at.
    async fn full_or(&self, error: io::Error) -> io::Error {
        let error = torn_or_other(error);
        if error.kind() != ErrorKind::Other {
            return error;
        }
        match self.session.sftp.fs_info(self.folder.clone()).await {
            Ok(Some(room)) if room.blocks_avail == 0 => ErrorKind::StorageFull.into(),
            _ => error,
        }
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The server's word, or that there is none. Its own text is not kept: it may quote a name.
pub(crate) fn told(error: Error) -> io::Error {
    let kind = match &error {
        Error::Status(status) => match status.status_code {
            StatusCode::NoSuchFile => ErrorKind::NotFound,
            StatusCode::PermissionDenied => ErrorKind::PermissionDenied,
            StatusCode::OpUnsupported => ErrorKind::Unsupported,
            StatusCode::NoConnection | StatusCode::ConnectionLost => ErrorKind::ConnectionAborted,
            _ => ErrorKind::Other,
        },
        _ => ErrorKind::ConnectionAborted,
    };
    kind.into()
}

/// The same for errors that come through reading and writing, where a status of the server is only a text.
fn torn_or_other(error: io::Error) -> io::Error {
    match error.get_ref().and_then(|cause| cause.downcast_ref::<Error>()) {
        Some(cause) => told(cause.clone()),
        None => ErrorKind::Other.into(),
    }
}
