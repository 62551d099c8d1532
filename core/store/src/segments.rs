//! Content segments: append-only files of encrypted contents.
//!
//! A segment begins with a header of 16 bytes: `RPSEGMNT`, the format (u32, big-endian, 1) and its own number (u32,
//! big-endian). After it come contents without any frame: rows name them by offset and length. The writer appends the
//! contents of a whole group at once and syncs before the commit that names them, so what a crash leaves behind the
//! last named byte is named by nothing, and is cut off at the next start.

use crate::directory::{private_file, sync_directory};
use crate::fault::{damaged, disk};
use lru::LruCache;
use rohrpost_model::ports::{Location, StoreFault};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

const MAGIC: &[u8; 8] = b"RPSEGMNT";
const FORMAT: u32 = 1;
const HEADER: u64 = 16;

/// How many segments are kept open for reading.
const OPEN: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// Appends. Owned by the writer thread.
pub(crate) struct SegmentWriter {
    folder: PathBuf,
    limit: u64,
    last: u32,
    current: Option<Current>,
    /// What the running group appends.
    pending: Vec<u8>,
}

struct Current {
    number: u32,
    file: File,
    /// Where the next group begins: everything before it is synced and named.
    end: u64,
}

impl SegmentWriter {
    /// Goes on with the last of the segments that rows name; they say by number how much of each is named.
    pub(crate) fn open(folder: PathBuf, limit: u64, named: &BTreeMap<u32, u64>) -> Result<Self, StoreFault> {
        remove_unnamed(&folder, named).map_err(|error| disk("segments", &error))?;
        let mut writer = Self { folder, limit, last: 0, current: None, pending: Vec::new() };
        if let Some((number, length)) = named.last_key_value() {
            writer.last = *number;
            writer.resume(*number, *length)?;
        }
        Ok(writer)
    }

    /// Cuts off what no row names and appends there. A segment that lost named bytes is left as it is, for reading
    /// what is still there.
    fn resume(&mut self, number: u32, length: u64) -> Result<(), StoreFault> {
        let path = path(&self.folder, number);
        let readable = open_segment(&self.folder, number).and_then(|file| {
            let enough = file.metadata().map_err(|error| disk("segment", &error))?.len() >= length;
            if enough { Ok(()) } else { Err(damaged("segment: it is shorter than its rows say, it")) }
        });
        if let Err(fault) = readable {
            tracing::error!(segment = number, %fault, "a content segment lost content; a new one is begun");
            return Ok(());
        }
        let cut = || {
            let file = private_file().open(&path)?;
            file.set_len(length)?;
            sync_segment(&file)?;
            Ok(file)
        };
        let file = cut().map_err(|error: io::Error| disk("segment", &error))?;
        self.current = Some(Current { number, file, end: length });
        Ok(())
    }

    /// Where `content` will lie. It is written by [`Self::flush`].
    pub(crate) fn append(&mut self, content: &[u8]) -> Result<Location, StoreFault> {
        if self.pending.is_empty() && self.current.as_ref().is_some_and(|current| current.end >= self.limit) {
            self.current = None;
        }
        if self.current.is_none() {
            self.current = Some(self.begin().map_err(|error| disk("new segment", &error))?);
        }
        let Some(current) = &self.current else { return Err(damaged("segment")) };
        let offset = current.end + self.pending.len() as u64;
        self.pending.extend_from_slice(content);
        Ok(Location::Segment { segment: current.number, offset, length: content.len() as u64 })
    }

    fn begin(&mut self) -> io::Result<Current> {
        self.last += 1;
        let (number, path) = (self.last, path(&self.folder, self.last));
        let file = private_file().create_new(true).open(&path)?;
        let written = file.write_all_at(&header(number), 0).and_then(|()| file.sync_all());
        if let Err(error) = written.and_then(|()| sync_directory(&self.folder)) {
            // Where it cannot be removed either, the next start does.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Ok(Current { number, file, end: HEADER })
    }

    /// Writes and syncs what the group appended. Returns the segment's number and length to be named, if anything was.
    pub(crate) fn flush(&mut self) -> Result<Option<(u32, u64)>, StoreFault> {
        let Some(current) = self.current.as_ref().filter(|_| !self.pending.is_empty()) else {
            return Ok(None);
        };
        let fault = |error| disk("content segment", &error);
        let named = (current.number, current.end + self.pending.len() as u64);
        let written = current.file.write_all_at(&self.pending, current.end).map_err(fault);
        if let Err(full @ StoreFault::Full(_)) = written {
            // Not all of it was written, and nothing was synced: its place is written again.
            return Err(full);
        }
        if let Err(fault) = written.and_then(|()| sync_segment(&current.file).map_err(fault)) {
            self.abandon();
            return Err(fault);
        }
        Ok(Some(named))
    }

    /// The transaction is committed: what was appended stays.
    pub(crate) fn committed(&mut self) {
        let appended = self.pending.len() as u64;
        if let Some(current) = &mut self.current {
            current.end += appended;
        }
        self.clear();
    }

    /// The transaction was rolled back: its place is written again.
    pub(crate) fn rolled_back(&mut self) {
        self.clear();
    }

    /// Never writes this segment again: after a failed sync nobody knows what of it is on disk, and after a failed
    /// commit nobody knows what of it is named.
    pub(crate) fn abandon(&mut self) {
        self.current = None;
        self.clear();
    }

    fn clear(&mut self) {
        self.pending.clear();
        self.pending.shrink_to(1 << 20);
    }
}

/// Makes the appended contents durable, before the commit that names them (H1).
fn sync_segment(file: &File) -> io::Result<()> {
    file.sync_data()
}

fn path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:08}.seg"))
}

fn header(number: u32) -> [u8; HEADER as usize] {
    let mut header = [0; HEADER as usize];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&FORMAT.to_be_bytes());
    header[12..].copy_from_slice(&number.to_be_bytes());
    header
}

/// Removes segments that were begun but never named by a commit.
fn remove_unnamed(folder: &Path, named: &BTreeMap<u32, u64>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let number =
            name.to_str().and_then(|name| name.strip_suffix(".seg")).and_then(|n| n.parse::<u32>().ok());
        if number.is_some_and(|number| !named.contains_key(&number)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn open_segment(folder: &Path, number: u32) -> Result<File, StoreFault> {
    let file = File::open(path(folder, number)).map_err(|error| disk("content segment", &error))?;
    let mut found = [0; HEADER as usize];
    file.read_exact_at(&mut found, 0).map_err(|error| disk("content segment", &error))?;
    if found != header(number) {
        return Err(damaged("content segment: its header"));
    }
    Ok(file)
}

/// Reads. Shared by all.
pub(crate) struct SegmentReader {
    folder: PathBuf,
    open: Mutex<LruCache<u32, Arc<File>>>,
}

impl SegmentReader {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, open: Mutex::new(LruCache::new(OPEN)) }
    }

    /// The stored bytes. Blocks.
    pub(crate) fn read(&self, segment: u32, offset: u64, length: u64) -> Result<Vec<u8>, StoreFault> {
        let file = self.file(segment)?;
        let end = file.metadata().map_err(|error| disk("content segment", &error))?.len();
        if offset.checked_add(length).is_none_or(|last| last > end) {
            return Err(StoreFault::Damaged("a content segment is cut off".into()));
        }
        let mut stored = vec![0; usize::try_from(length).map_err(|_| damaged("length of content"))?];
        file.read_exact_at(&mut stored, offset).map_err(|error| disk("content segment", &error))?;
        Ok(stored)
    }

    fn file(&self, segment: u32) -> Result<Arc<File>, StoreFault> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(open_segment(&self.folder, segment)?);
        open.put(segment, Arc::clone(&file));
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(location: &Location) -> (u32, u64) {
        match location {
            Location::Segment { segment, offset, .. } => (*segment, *offset),
            Location::File { .. } => panic!("not in a segment"),
        }
    }

    fn writer(folder: &tempfile::TempDir, limit: u64) -> SegmentWriter {
        SegmentWriter::open(folder.path().to_owned(), limit, &BTreeMap::new()).unwrap()
    }

    /// Goes on in this file in place of the first segment.
    fn instead(writer: &mut SegmentWriter, file: &str) -> Option<Current> {
        let file = private_file().open(file).unwrap();
        writer.current.replace(Current { number: 1, file, end: HEADER + 3 })
    }

    #[test]
    fn h1_a_segment_that_could_not_be_synced_is_never_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(&folder, 1000);
        assert_eq!(place(&writer.append(b"one").unwrap()), (1, HEADER));
        writer.flush().unwrap();
        writer.committed();
        // It takes everything and cannot be synced.
        instead(&mut writer, "/dev/null");
        writer.append(b"two").unwrap();
        assert!(matches!(writer.flush(), Err(StoreFault::Unavailable(_))));
        writer.rolled_back();
        assert_eq!(place(&writer.append(b"three").unwrap()), (2, HEADER));
        writer.flush().unwrap();
        let reader = SegmentReader::new(folder.path().to_owned());
        assert_eq!(reader.read(1, HEADER, 3).unwrap(), b"one");
        assert_eq!(reader.read(2, HEADER, 5).unwrap(), b"three");
    }

    #[test]
    fn without_room_no_further_segment_is_begun() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(&folder, 1000);
        writer.append(b"one").unwrap();
        writer.flush().unwrap();
        writer.committed();
        let segment = instead(&mut writer, "/dev/full");
        for _ in 0..3 {
            assert_eq!(place(&writer.append(b"two").unwrap()), (1, HEADER + 3));
            assert!(matches!(writer.flush(), Err(StoreFault::Full(_))));
            writer.rolled_back();
        }
        writer.current = segment;
        assert_eq!(place(&writer.append(b"two").unwrap()), (1, HEADER + 3));
        writer.flush().unwrap();
        assert_eq!(SegmentReader::new(folder.path().to_owned()).read(1, HEADER, 6).unwrap(), b"onetwo");
    }

    #[test]
    fn a_rolled_back_place_is_used_again_and_a_full_segment_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(&folder, 20);
        writer.append(b"nothing").unwrap();
        writer.flush().unwrap();
        writer.rolled_back();
        assert_eq!(place(&writer.append(b"something").unwrap()), (1, HEADER));
        assert_eq!(writer.flush().unwrap(), Some((1, HEADER + 9)));
        writer.committed();
        assert_eq!(place(&writer.append(b"more").unwrap()), (2, HEADER));
    }
}
