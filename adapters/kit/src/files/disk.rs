//! The few things that are done to a file system, so that tests can let each of them fail and see their order.

use async_trait::async_trait;
use rohrpost_model::{Failure, Reason, ReasonCode};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// A file system, here or on another machine.
#[async_trait]
pub trait Disk: Send + Sync {
    /// Whether calls block the thread that polls them; then they run where that does no harm.
    fn blocks(&self) -> bool;
    /// Makes a folder; one that is there already is good as well. A private one is closed to other users.
    async fn make_folder(&self, path: &Path, private: bool) -> io::Result<()>;
    /// Makes a file, or empties it.
    async fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
    /// Brings the entries of a folder to the disk.
    async fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Moves a file or folder; fails with `AlreadyExists` if the name is taken.
    async fn move_to_new(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    async fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder with all that is in it.
    async fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// The content of a file that fits into memory.
    async fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Whether something has this name.
    async fn exists(&self, path: &Path) -> io::Result<bool>;
    /// Whether it is a folder, or a link to one.
    async fn is_folder(&self, path: &Path) -> io::Result<bool>;
    /// How many bytes can be written there; none where there is no room for another file.
    async fn room(&self, path: &Path) -> io::Result<u64>;
    /// Whether both are files of the same content, or folders of the same files.
    async fn same(&self, left: &Path, right: &Path) -> io::Result<bool>;
    /// What is in a folder, and when it was last changed.
    async fn list(&self, path: &Path) -> io::Result<Vec<(PathBuf, SystemTime)>>;

    /// What an error means for a delivery that is surely not published.
    fn failure(&self, error: &io::Error) -> Failure {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        tracing::warn!(kind = %error.kind(), "the folder cannot be written");
        let code = if full { ReasonCode::FolderFull } else { ReasonCode::FolderUnavailable };
        Failure::unavailable(Reason::new(code))
    }
}

/// A file that is written.
#[async_trait]
pub trait OpenFile: Send {
    /// Appends.
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Brings it to the disk.
    async fn sync(&mut self) -> io::Result<()>;
}

/// Does what belongs together: at once, or where it may block.
pub(super) async fn run<T: Send + 'static>(
    disk: &Arc<dyn Disk>,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    if !disk.blocks() {
        return work.await;
    }
    let runtime = tokio::runtime::Handle::current();
    let done = tokio::task::spawn_blocking(move || runtime.block_on(work)).await;
    // The task ends early only when the runtime stops; where it was then, only an inquiry can tell.
    done.unwrap_or_else(|_| Err(Failure::Unknown(Reason::new(ReasonCode::Interrupted))))
}
