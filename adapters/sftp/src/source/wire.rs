//! A session whose requests are made one by one: the inbox moves files in one step, which the library's file system has no
//! call for.

use super::watched::{Gone, Watched};
use crate::session::{self, Judge, Server, Trouble};
use russh::client::Handle;
use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error;
use russh_sftp::client::rawsession::Limits;
use russh_sftp::protocol::{FileAttributes, OpenFlags, Packet, StatusCode};
use std::sync::{Mutex, PoisonError};

/// Moves in one step, as `rename(2)` does, and in place of a file of the new name.
const POSIX_RENAME: &str = "posix-rename@openssh.com";
const LIMITS: &str = "limits@openssh.com";

/// So much is read or written at once where the server does not say what it can: what every server has to know.
const PIECE: u32 = 32 * 1024;
/// The most that is asked for at once.
const PIECE_MAX: u64 = 255 * 1024;

pub(super) type Told<T> = Result<T, Error>;

/// An open session; dropping it closes the connection.
pub(super) struct Wire {
    sftp: RawSftpSession,
    gone: Gone,
    /// Whether the server moves in one step.
    moves: bool,
    piece: u32,
    /// Handles of files that were not read to their end. They are closed before the next is opened.
    left: Mutex<Vec<String>>,
    _handle: Handle<Judge>,
}

impl Wire {
    pub(super) async fn open(server: &Server) -> Result<Self, Trouble> {
        let all = async {
            let (stream, handle) = server.log_in_raw().await?;
            let (stream, gone) = Watched::new(stream);
            let sftp = RawSftpSession::new_with_config(stream, session::config());
            let (moves, piece, left) = (false, PIECE, Mutex::default());
            let wire = Self { sftp, gone, moves, piece, left, _handle: handle };
            wire.begin().await.map_err(|_| Trouble::torn())
        };
        server.in_time(all).await
    }

    /// Asks what the server can.
    async fn begin(mut self) -> Told<Self> {
        let version = self.answer(self.sftp.init()).await?;
        let knows = |name| version.extensions.get(name).is_some_and(|version| version == "1");
        if knows(LIMITS) {
            let limits = Limits::from(self.answer(self.sftp.limits()).await?);
            self.sftp.set_limits(limits);
            let read = limits.read_len.unwrap_or(u64::from(PIECE)).min(PIECE_MAX);
            self.piece = u32::try_from(read).unwrap_or(PIECE);
        }
        self.moves = knows(POSIX_RENAME);
        Ok(self)
    }

    /// The answer to a request, or that nobody is there any more to give one.
    async fn answer<T>(&self, request: impl Future<Output = Told<T>>) -> Told<T> {
        tokio::select! {
            biased;
            answer = request => answer,
            () = self.gone.clone().gone() => Err(Error::UnexpectedBehavior("the connection is gone".into())),
        }
    }

    /// What lies in a folder, by name.
    pub(super) async fn list(&self, folder: &str) -> Told<Vec<(String, FileAttributes)>> {
        let handle = self.answer(self.sftp.opendir(folder)).await?.handle;
        let mut entries = Vec::new();
        while let Some(read) = at_its_end(self.answer(self.sftp.readdir(handle.as_str())).await)? {
            entries.extend(read.files.into_iter().map(|file| (file.filename, file.attrs)));
        }
        self.close(handle).await?;
        Ok(entries)
    }

    /// What is under a name, whatever it is: a link is not followed. `None` where there is nothing.
    pub(super) async fn look(&self, path: &str) -> Told<Option<FileAttributes>> {
        match self.answer(self.sftp.lstat(path)).await {
            Err(Error::Status(status)) if status.status_code == StatusCode::NoSuchFile => Ok(None),
            looked => looked.map(|looked| Some(looked.attrs)),
        }
    }

    /// Opens a file to be read.
    pub(super) async fn open_file(&self, path: &str) -> Told<String> {
        let left = std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        for handle in left {
            self.close(handle).await?;
        }
        self.open_with(path, OpenFlags::READ).await
    }

    async fn open_with(&self, path: &str, flags: OpenFlags) -> Told<String> {
        Ok(self.answer(self.sftp.open(path, flags, FileAttributes::empty())).await?.handle)
    }

    /// The next piece of an open file; `None` at its end.
    pub(super) async fn read(&self, handle: &str, offset: u64) -> Told<Option<Vec<u8>>> {
        let read = at_its_end(self.answer(self.sftp.read(handle, offset, self.piece)).await)?;
        Ok(read.map(|read| read.data).filter(|data| !data.is_empty()))
    }

    pub(super) async fn close(&self, handle: String) -> Told<()> {
        self.answer(self.sftp.close(handle)).await.map(drop)
    }

    /// The file is not read to its end.
    pub(super) fn leave(&self, handle: String) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
    }

    /// Moves; in one step where the server can. Whether it overwrites is the server's choice.
    pub(super) async fn rename(&self, from: &str, to: &str) -> Told<()> {
        if !self.moves {
            return self.answer(self.sftp.rename(from, to)).await.map(drop);
        }
        let names = [from, to].map(|name| [&length(name)[..], name.as_bytes()].concat()).concat();
        match self.answer(self.sftp.extended(POSIX_RENAME, names)).await? {
            Packet::Status(status) if status.status_code == StatusCode::Ok => Ok(()),
            Packet::Status(status) => Err(Error::Status(status)),
            _ => Err(Error::UnexpectedPacket),
        }
    }

    pub(super) async fn make_folder(&self, folder: &str) -> Told<()> {
        self.answer(self.sftp.mkdir(folder, FileAttributes::empty())).await.map(drop)
    }

    /// Makes a file of this content, or gives it to one that is there.
    pub(super) async fn write(&self, path: &str, content: &[u8]) -> Told<()> {
        let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::WRITE;
        let handle = self.open_with(path, flags).await?;
        let mut offset = 0;
        for piece in content.chunks(PIECE as usize / 2) {
            self.answer(self.sftp.write(handle.as_str(), offset, piece.to_vec())).await?;
            offset += piece.len() as u64;
        }
        self.close(handle).await
    }

    pub(super) async fn remove_file(&self, path: &str) -> Told<()> {
        self.answer(self.sftp.remove(path)).await.map(drop)
    }

    pub(super) async fn remove_folder(&self, path: &str) -> Told<()> {
        self.answer(self.sftp.rmdir(path)).await.map(drop)
    }
}

/// `None` where the server says that there is nothing more.
fn at_its_end<T>(read: Told<T>) -> Told<Option<T>> {
    match read {
        Err(Error::Status(status)) if status.status_code == StatusCode::Eof => Ok(None),
        read => read.map(Some),
    }
}

/// How long a text is, as the protocol writes it.
fn length(text: &str) -> [u8; 4] {
    u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes()
}
