//! A disk that notes what is done to it, and fails where a test wants it.

use crate::disk::RealDisk;
use async_trait::async_trait;
use rohrpost_kit::files::{Disk, OpenFile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// What is done to a disk and changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    MakeFolder(PathBuf),
    Create(PathBuf),
    Write(PathBuf),
    SyncFile(PathBuf),
    SyncFolder(PathBuf),
    Move(PathBuf, PathBuf),
    Remove(PathBuf),
}

type Predicate = Box<dyn Fn(&Op) -> bool + Send>;

#[derive(Default)]
struct State {
    log: Vec<Op>,
    /// What fails, and with which error.
    fails: Option<(Predicate, io::ErrorKind)>,
    /// After a crash nothing works any more.
    crashes: bool,
    crashed: bool,
    /// How much room there seems to be.
    room: Option<u64>,
}

#[derive(Clone, Default)]
pub(super) struct FaultyDisk(Arc<Mutex<State>>);

impl FaultyDisk {
    pub(super) fn works(&self) {
        *self.0.lock().unwrap() = State::default();
    }

    /// The process dies just before the first operation that fits.
    pub(super) fn crashes_at(&self, predicate: impl Fn(&Op) -> bool + Send + 'static) {
        let fails = Some((Box::new(predicate) as Predicate, io::ErrorKind::Other));
        *self.0.lock().unwrap() = State { fails, crashes: true, ..State::default() };
    }

    /// The operation with this number, counted from 0, and every one that fits, fails once.
    pub(super) fn fails_at(&self, number: usize, kind: io::ErrorKind) {
        let counter = Mutex::new(0);
        let predicate = move |_: &Op| {
            let mut counter = counter.lock().unwrap();
            *counter += 1;
            *counter == number + 1
        };
        *self.0.lock().unwrap() = State { fails: Some((Box::new(predicate), kind)), ..State::default() };
    }

    /// The process dies just before the operation with this number, counted from 0.
    pub(super) fn crashes_before(&self, number: usize) {
        self.fails_at(number, io::ErrorKind::Other);
        self.0.lock().unwrap().crashes = true;
    }

    /// Everything that fits fails, again and again.
    pub(super) fn refuses(&self, predicate: impl Fn(&Op) -> bool + Send + 'static, kind: io::ErrorKind) {
        *self.0.lock().unwrap() = State { fails: Some((Box::new(predicate), kind)), ..State::default() };
    }

    /// From now on there are so many bytes of room.
    pub(super) fn has_room(&self, bytes: u64) {
        self.0.lock().unwrap().room = Some(bytes);
    }

    pub(super) fn log(&self) -> Vec<Op> {
        self.0.lock().unwrap().log.clone()
    }

    fn before(&self, op: Op) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if state.crashed {
            return Err(io::ErrorKind::Other.into());
        }
        if let Some((fits, kind)) = &state.fails
            && fits(&op)
        {
            let kind = *kind;
            state.crashed = state.crashes;
            return Err(kind.into());
        }
        state.log.push(op);
        Ok(())
    }
}

#[async_trait]
impl Disk for FaultyDisk {
    fn blocks(&self) -> bool {
        true
    }

    async fn make_folder(&self, path: &Path, private: bool) -> io::Result<()> {
        self.before(Op::MakeFolder(path.into()))?;
        RealDisk.make_folder(path, private).await
    }

    async fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.before(Op::Create(path.into()))?;
        let file = RealDisk.create(path).await?;
        Ok(Box::new(FaultyFile { disk: self.clone(), path: path.into(), file }))
    }

    async fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.before(Op::SyncFolder(path.into()))?;
        RealDisk.sync_folder(path).await
    }

    async fn move_to_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.before(Op::Move(from.into(), to.into()))?;
        RealDisk.move_to_new(from, to).await
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        self.before(Op::Remove(path.into()))?;
        RealDisk.remove(path).await
    }

    async fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.before(Op::Remove(path.into()))?;
        RealDisk.remove_folder(path).await
    }

    async fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        RealDisk.read(path).await
    }

    async fn exists(&self, path: &Path) -> io::Result<bool> {
        RealDisk.exists(path).await
    }

    async fn is_folder(&self, path: &Path) -> io::Result<bool> {
        RealDisk.is_folder(path).await
    }

    async fn room(&self, path: &Path) -> io::Result<u64> {
        let room = self.0.lock().unwrap().room;
        match room {
            Some(room) => Ok(room),
            None => RealDisk.room(path).await,
        }
    }

    async fn same(&self, left: &Path, right: &Path) -> io::Result<bool> {
        RealDisk.same(left, right).await
    }

    async fn list(&self, path: &Path) -> io::Result<Vec<(PathBuf, SystemTime)>> {
        RealDisk.list(path).await
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    path: PathBuf,
    file: Box<dyn OpenFile>,
}

#[async_trait]
impl OpenFile for FaultyFile {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.disk.before(Op::Write(self.path.clone())) {
            // A write that fails may have written a part.
            let _ = self.file.write(&bytes[..bytes.len() / 2]).await;
            return Err(error);
        }
        self.file.write(bytes).await
    }

    async fn sync(&mut self) -> io::Result<()> {
        self.disk.before(Op::SyncFile(self.path.clone()))?;
        self.file.sync().await
    }
}
