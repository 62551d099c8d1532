//! The port `Blobs`: content segments, files, and what was written lately.

use crate::fault::disk;
use crate::stage::{Inflow, off_runtime};
use crate::store::SqliteStore;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{StreamExt, once, try_unfold};
use lru::LruCache;
use rohrpost_model::ports::{
    Blobs, ContentKey, ContentStream, Location, Slot, Stage, StagedContent, StoreFault, StreamOpener,
};
use std::fs::File;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

/// Encrypted bytes of a file that are read in one go.
const STEP: usize = 256 << 10;

#[async_trait]
impl Blobs for SqliteStore {
    fn stage(&self, key: Arc<dyn ContentKey>, slot: Slot) -> Box<dyn Stage> {
        Box::new(Inflow::new(&*key, slot, self.inline_bytes, self.files.clone()))
    }

    async fn open(
        &self,
        key: Arc<dyn ContentKey>,
        slot: Slot,
        location: &Location,
    ) -> Result<ContentStream, StoreFault> {
        match location {
            Location::Segment { segment, offset, length } => {
                let plain = self.open_small(key, slot, (*segment, *offset, *length)).await?;
                Ok(once(async move { Ok(plain) }).boxed())
            }
            Location::File { name, length } => {
                let (files, name, length) = (self.files.clone(), name.clone(), *length);
                let file = off_runtime(move || files.open(&name, length)).await?;
                Ok(outflow(file, key.opener(&slot.context())))
            }
        }
    }
}

impl SqliteStore {
    /// A small content is decrypted as a whole before any of it is handed out.
    async fn open_small(
        &self,
        key: Arc<dyn ContentKey>,
        slot: Slot,
        (segment, offset, length): (u32, u64, u64),
    ) -> Result<Bytes, StoreFault> {
        let stored = match self.recent.get((segment, offset)) {
            Some(stored) if stored.len() as u64 == length => stored,
            _ => {
                let segments = Arc::clone(&self.segments);
                off_runtime(move || segments.read(segment, offset, length)).await?.into()
            }
        };
        Ok(key.open(&slot.context(), &stored)?.into())
    }
}

/// A file that is decrypted as it is read.
struct Outflow {
    file: File,
    opener: Box<dyn StreamOpener>,
    buffer: Vec<u8>,
}

fn outflow(file: File, opener: Box<dyn StreamOpener>) -> ContentStream {
    let begin = Some(Outflow { file, opener, buffer: Vec::new() });
    let pieces = try_unfold(begin, |flow| async move {
        let Some(flow) = flow else { return Ok(None) };
        off_runtime(move || flow.next()).await.map(Some)
    });
    pieces.boxed()
}

impl Outflow {
    /// The next piece, and what comes after it: nothing after the last, which is given only if the content is whole.
    fn next(mut self) -> Result<(Bytes, Option<Self>), StoreFault> {
        let mut plain = Vec::with_capacity(STEP);
        while plain.is_empty() {
            self.buffer.clear();
            let limit = STEP as u64;
            let read = Read::by_ref(&mut self.file).take(limit).read_to_end(&mut self.buffer);
            if read.map_err(|error| disk("content file", &error))? == 0 {
                self.opener.finish(&mut plain)?;
                return Ok((plain.into(), None));
            }
            self.opener.push(&self.buffer, &mut plain)?;
        }
        Ok((plain.into(), Some(self)))
    }
}

/// Contents that were written lately, still encrypted: what was just accepted is handed on, not read back.
pub(crate) struct Recent {
    limit: usize,
    inner: Mutex<Held>,
}

struct Held {
    contents: LruCache<(u32, u64), Bytes>,
    bytes: usize,
}

impl Recent {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, inner: Mutex::new(Held { contents: LruCache::unbounded(), bytes: 0 }) }
    }

    /// Takes contents whose places were just committed: files stay, small ones are remembered.
    pub(crate) fn keep(&self, contents: Vec<StagedContent>, places: &[Location]) {
        for (content, place) in contents.into_iter().zip(places) {
            match (content, place) {
                (StagedContent::File(file), _) => file.keep(),
                (StagedContent::Small(sealed), Location::Segment { segment, offset, .. }) => {
                    self.put((*segment, *offset), sealed.into());
                }
                (StagedContent::Small(_), Location::File { .. }) => {}
            }
        }
    }

    fn put(&self, place: (u32, u64), sealed: Bytes) {
        let mut held = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        held.bytes += sealed.len();
        if let Some(before) = held.contents.put(place, sealed) {
            held.bytes -= before.len();
        }
        while held.bytes > self.limit {
            let Some((_, oldest)) = held.contents.pop_lru() else { break };
            held.bytes -= oldest.len();
        }
    }

    fn get(&self, place: (u32, u64)) -> Option<Bytes> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).contents.get(&place).cloned()
    }
}
