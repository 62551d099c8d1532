//! The folder of an SFTP server, for the inbox.

use super::wire::{Told, Wire};
use crate::disk;
use crate::session::{Server, Trouble};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use rohrpost_kit::inbox::{Content, Entry, Files};
use rohrpost_model::{Failure, Reason, ReasonCode};
use russh_sftp::client::error::Error;
use russh_sftp::protocol::{FileAttributes, FileType};
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};

/// The files of one folder, over the connection of the round that is under way.
pub(super) struct Remote {
    server: Server,
    root: String,
    wire: Mutex<Option<Arc<Wire>>>,
}

/// The connection of a round. It is closed when this is dropped, whatever was under way.
pub(super) struct Connected<'r>(&'r Remote);

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

impl Remote {
    pub(super) fn new(server: Server, root: String) -> Self {
        Self { server, root, wire: Mutex::default() }
    }

    pub(super) const fn server(&self) -> &Server {
        &self.server
    }

    /// Connects for a round.
    pub(super) async fn connect(&self) -> Result<Connected<'_>, Failure> {
        let wire = Wire::open(&self.server).await.map_err(Trouble::failure)?;
        self.set(Some(Arc::new(wire)));
        Ok(Connected(self))
    }

    fn set(&self, wire: Option<Arc<Wire>>) {
        *self.wire.lock().unwrap_or_else(PoisonError::into_inner) = wire;
    }

    fn wire(&self) -> Result<Arc<Wire>, Failure> {
        let wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner).clone();
        wire.ok_or_else(|| Failure::unavailable(Reason::new(ReasonCode::Unreachable)))
    }

    fn path(&self, name: &str) -> String {
        match (name, self.root.ends_with('/')) {
            ("", _) => self.root.clone(),
            (name, true) => format!("{}{name}", self.root),
            (name, false) => format!("{}/{name}", self.root),
        }
    }
}

#[async_trait]
impl Files for Remote {
    async fn list(&self, folder: &str) -> Result<Option<Vec<Entry>>, Failure> {
        let (wire, path) = (self.wire()?, self.path(folder));
        let listed = match wire.list(&path).await {
            Ok(listed) => listed,
            // Not every server says "no such file" of a folder.
            Err(error) => return absent_or(&wire, &path, error).await,
        };
        Ok(Some(listed.into_iter().filter_map(entry).collect()))
    }

    async fn open(&self, file: &str) -> Result<Content, Failure> {
        let (wire, path) = (self.wire()?, self.path(file));
        // A link is followed by nobody: it could lead anywhere.
        if wire.look(&path).await.map_err(trouble)?.map(|about| about.file_type()) != Some(FileType::File) {
            return Err(Failure::unavailable(Reason::new(ReasonCode::FolderUnavailable)));
        }
        let handle = wire.open_file(&path).await.map_err(trouble)?;
        let reading = Reading { wire, handle: Some(handle), offset: 0 };
        Ok(futures::stream::try_unfold(reading, Reading::next).boxed())
    }

    async fn rename(&self, from: &str, to: &str) -> Result<bool, Failure> {
        let (wire, from, to) = (self.wire()?, self.path(from), self.path(to));
        moved(&wire, &from, &to).await.map_err(trouble)
    }

    async fn make_folder(&self, folder: &str) -> Result<(), Failure> {
        let (wire, path) = (self.wire()?, self.path(folder));
        let Err(error) = wire.make_folder(&path).await else { return Ok(()) };
        match wire.look(&path).await {
            Ok(Some(there)) if there.is_dir() => Ok(()),
            _ => Err(trouble(error)),
        }
    }

    async fn write(&self, file: &str, content: Bytes) -> Result<(), Failure> {
        self.wire()?.write(&self.path(file), &content).await.map_err(trouble)
    }

    async fn remove(&self, path: &str) -> Result<(), Failure> {
        let (wire, path) = (self.wire()?, self.path(path));
        removed(&wire, path).await.map_err(trouble)
    }
}

/// A file that is read.
struct Reading {
    wire: Arc<Wire>,
    /// None once it is closed.
    handle: Option<String>,
    offset: u64,
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            self.wire.leave(handle);
        }
    }
}

impl Reading {
    /// The next piece, and the file to go on with.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Failure> {
        let Some(handle) = &self.handle else { return Ok(None) };
        if let Some(piece) = self.wire.read(handle, self.offset).await.map_err(trouble)? {
            self.offset += piece.len() as u64;
            return Ok(Some((piece.into(), self)));
        }
        if let Some(handle) = self.handle.take() {
            self.wire.close(handle).await.map_err(trouble)?;
        }
        Ok(None)
    }
}

/// Moves, also at servers whose rename overwrites nothing: there a file of the new name makes room first. What is to be
/// moved lies in the inbox still, so whatever breaks in between loses nothing. False where it is not there any more.
async fn moved(wire: &Wire, from: &str, to: &str) -> Told<bool> {
    let Err(error) = wire.rename(from, to).await else { return Ok(true) };
    if !matches!(disk::told(error.clone()).kind(), ErrorKind::NotFound | ErrorKind::Other) {
        return Err(error);
    }
    let Some(moving) = wire.look(from).await? else { return Ok(false) };
    match wire.look(to).await? {
        Some(there) if !there.is_dir() && !moving.is_dir() => {
            wire.remove_file(to).await?;
            wire.rename(from, to).await.map(|()| true)
        }
        _ => Err(error),
    }
}

/// Removes a file, or a folder from the inside out.
async fn removed(wire: &Wire, path: String) -> Told<()> {
    match wire.look(&path).await? {
        None => return Ok(()),
        Some(about) if !about.is_dir() => return wire.remove_file(&path).await,
        Some(_) => {}
    }
    let (mut folders, mut at) = (vec![path], 0);
    while let Some(folder) = folders.get(at).cloned() {
        for (name, about) in wire.list(&folder).await?.into_iter().filter(|(name, _)| !is_dots(name)) {
            let path = format!("{folder}/{name}");
            if about.is_dir() { folders.push(path) } else { wire.remove_file(&path).await? }
        }
        at += 1;
    }
    for folder in folders.iter().rev() {
        wire.remove_folder(folder).await?;
    }
    Ok(())
}

async fn absent_or(wire: &Wire, path: &str, error: Error) -> Result<Option<Vec<Entry>>, Failure> {
    match wire.look(path).await {
        Ok(None) => Ok(None),
        _ => Err(trouble(error)),
    }
}

/// What is neither file nor folder is not seen, and no name that could not be said again: the library replaces what is not
/// UTF-8.
fn entry((name, about): (String, FileAttributes)) -> Option<Entry> {
    let is_folder = match about.file_type() {
        FileType::Dir => true,
        FileType::File => false,
        FileType::Symlink | FileType::Other => return None,
    };
    if is_dots(&name) || name.contains(['/', char::REPLACEMENT_CHARACTER]) {
        return None;
    }
    let modified = i128::from(about.mtime.unwrap_or_default());
    Some(Entry { name, is_folder, size: about.len(), modified })
}

fn is_dots(name: &str) -> bool {
    matches!(name, "." | "..")
}

/// The next round tries again, whatever it is.
fn trouble(error: Error) -> Failure {
    Failure::unavailable(disk::failure(&disk::told(error)).reason().clone())
}
