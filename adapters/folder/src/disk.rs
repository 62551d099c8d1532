//! The file system of this machine. All calls block.

use async_trait::async_trait;
use rohrpost_kit::files::{Disk, OpenFile};
use rustix::fs::{CWD, RenameFlags, renameat_with, statvfs};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The real file system.
pub(crate) struct RealDisk;

#[async_trait]
impl Disk for RealDisk {
    fn blocks(&self) -> bool {
        true
    }

    async fn make_folder(&self, path: &Path, private: bool) -> io::Result<()> {
        let made = fs::DirBuilder::new().mode(if private { 0o700 } else { 0o777 }).create(path);
        made.or_else(|error| if path.is_dir() { Ok(()) } else { Err(error) })
    }

    async fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        Ok(Box::new(Opened(file)))
    }

    async fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let synced = File::open(path)?.sync_all();
        // Some network mounts have no sync for folders; there the server is as durable as it is.
        synced.or_else(|error| match error.kind() {
            io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported => Ok(()),
            _ => Err(error),
        })
    }

    async fn move_to_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                if to.symlink_metadata().is_ok() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                fs::rename(from, to)
            }
            moved => Ok(moved?),
        }
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    async fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    async fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    async fn exists(&self, path: &Path) -> io::Result<bool> {
        match path.symlink_metadata() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn is_folder(&self, path: &Path) -> io::Result<bool> {
        Ok(fs::metadata(path)?.is_dir())
    }

    async fn room(&self, path: &Path) -> io::Result<u64> {
        let room = statvfs(path)?;
        // Some file systems have no bound for files and tell 0 of 0.
        let no_more_files = room.f_files > 0 && room.f_favail == 0;
        Ok(if no_more_files { 0 } else { room.f_bavail.saturating_mul(room.f_frsize) })
    }

    async fn same(&self, left: &Path, right: &Path) -> io::Result<bool> {
        same_content(left, right)
    }

    async fn list(&self, path: &Path) -> io::Result<Vec<(PathBuf, std::time::SystemTime)>> {
        let entries = fs::read_dir(path)?;
        entries
            .map(|entry| entry.and_then(|entry| Ok((entry.path(), entry.metadata()?.modified()?))))
            .collect()
    }
}

fn same_content(left: &Path, right: &Path) -> io::Result<bool> {
    match (left.is_dir(), right.is_dir()) {
        (true, true) => same_folders(left, right),
        (false, false) => same_files(left, right),
        _ => Ok(false),
    }
}

fn same_folders(left: &Path, right: &Path) -> io::Result<bool> {
    let names = |path: &Path| -> io::Result<BTreeSet<OsString>> {
        fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    };
    let inside = names(left)?;
    if inside != names(right)? {
        return Ok(false);
    }
    let mut pairs = inside.iter().map(|name| same_content(&left.join(name), &right.join(name)));
    pairs.try_fold(true, |all, one| Ok(all && one?))
}

fn same_files(left: &Path, right: &Path) -> io::Result<bool> {
    let (mut left, mut right) = (BufReader::new(File::open(left)?), BufReader::new(File::open(right)?));
    loop {
        let (a, b) = (left.fill_buf()?, right.fill_buf()?);
        let common = a.len().min(b.len());
        if common == 0 || a[..common] != b[..common] {
            return Ok(a.is_empty() && b.is_empty());
        }
        left.consume(common);
        right.consume(common);
    }
}

struct Opened(File);

#[async_trait]
impl OpenFile for Opened {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    async fn sync(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }
}
