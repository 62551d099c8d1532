//! The few things that are done to a file system, so that tests can let each of them fail and see their order.

use rustix::fs::{CWD, RenameFlags, renameat_with, statvfs};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A file system. All calls block.
pub(crate) trait Disk: Send + Sync {
    /// Makes a folder; one that is there already is good as well. A private one is closed to other users.
    fn make_folder(&self, path: &Path, private: bool) -> io::Result<()>;
    /// Makes a file, or empties it.
    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
    /// Brings the entries of a folder to the disk.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Moves a file or folder; fails with `AlreadyExists` if the name is taken.
    fn move_to_new(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder with all that is in it.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// The content of a file that fits into memory.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Whether something has this name.
    fn exists(&self, path: &Path) -> io::Result<bool>;
    /// Whether it is a folder, or a link to one.
    fn is_folder(&self, path: &Path) -> io::Result<bool>;
    /// How many bytes can be written there; none where there is no room for another file.
    fn room(&self, path: &Path) -> io::Result<u64>;
    /// Whether two files, or two folders with all that is in them, have the same content.
    fn same(&self, left: &Path, right: &Path) -> io::Result<bool>;
    /// What is in a folder: path and time of the last change.
    fn list(&self, path: &Path) -> io::Result<Vec<(PathBuf, std::time::SystemTime)>>;
}

/// A file that is written.
pub(crate) trait OpenFile: Send {
    /// Appends.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Brings it to the disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// The real file system.
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn make_folder(&self, path: &Path, private: bool) -> io::Result<()> {
        let made = fs::DirBuilder::new().mode(if private { 0o700 } else { 0o777 }).create(path);
        made.or_else(|error| if path.is_dir() { Ok(()) } else { Err(error) })
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        Ok(Box::new(file))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let synced = File::open(path)?.sync_all();
        // Some network mounts have no sync for folders; there the server is as durable as it is.
        synced.or_else(|error| match error.kind() {
            io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported => Ok(()),
            _ => Err(error),
        })
    }

    fn move_to_new(&self, from: &Path, to: &Path) -> io::Result<()> {
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

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        match path.symlink_metadata() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn is_folder(&self, path: &Path) -> io::Result<bool> {
        Ok(fs::metadata(path)?.is_dir())
    }

    fn room(&self, path: &Path) -> io::Result<u64> {
        let room = statvfs(path)?;
        // Some file systems have no bound for files and tell 0 of 0.
        let no_more_files = room.f_files > 0 && room.f_favail == 0;
        Ok(if no_more_files { 0 } else { room.f_bavail.saturating_mul(room.f_frsize) })
    }

    fn same(&self, left: &Path, right: &Path) -> io::Result<bool> {
        match (left.is_dir(), right.is_dir()) {
            (true, true) => same_folders(self, left, right),
            (false, false) => same_files(left, right),
            _ => Ok(false),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<(PathBuf, std::time::SystemTime)>> {
        let entries = fs::read_dir(path)?;
        entries
            .map(|entry| entry.and_then(|entry| Ok((entry.path(), entry.metadata()?.modified()?))))
            .collect()
    }
}

fn same_folders(disk: &RealDisk, left: &Path, right: &Path) -> io::Result<bool> {
    let names = |path: &Path| -> io::Result<BTreeSet<OsString>> {
        fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    };
    let inside = names(left)?;
    if inside != names(right)? {
        return Ok(false);
    }
    let mut pairs = inside.iter().map(|name| disk.same(&left.join(name), &right.join(name)));
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

impl OpenFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}
