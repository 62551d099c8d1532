//! Taking content in while it is hashed and encrypted.

use crate::files::{FileHome, Incoming};
use async_trait::async_trait;
use bytes::Bytes;
use rohrpost_model::digest::Hasher;
use rohrpost_model::ports::{ContentKey, Slot, Stage, Staged, StagedContent, StoreFault, StreamSealer};

/// Plain bytes that are hashed and encrypted in one go, and encrypted bytes that are written in one go.
const STEP: usize = 256 << 10;

/// Keeps small content in memory. What grows beyond `inline` bytes goes to a file, written off the runtime's threads,
/// so that at most one step of it is in memory.
pub(crate) struct Inflow {
    sealer: Box<dyn StreamSealer>,
    hasher: Hasher,
    size: u64,
    sealed: Vec<u8>,
    file: Option<Incoming>,
    /// A write failed: the content is not whole any more.
    broken: bool,
    inline: usize,
    home: FileHome,
}

impl Inflow {
    pub(crate) fn new(key: &dyn ContentKey, slot: Slot, inline: usize, home: FileHome) -> Self {
        Self {
            sealer: key.sealer(&slot.context()),
            hasher: Hasher::default(),
            size: 0,
            sealed: Vec::new(),
            file: None,
            broken: false,
            inline,
            home,
        }
    }

    fn is_ready_to_spill(&self) -> bool {
        let limit = if self.file.is_some() { STEP } else { self.inline };
        self.sealed.len() > limit
    }

    /// Moves what is encrypted to the file, and begins one if there is none yet.
    async fn spill(&mut self) -> Result<(), StoreFault> {
        let (file, home) = (self.file.take(), self.home.clone());
        let mut sealed = std::mem::take(&mut self.sealed);
        self.broken = true;
        let (file, sealed) = off_runtime(move || {
            let mut file = file.map_or_else(|| home.begin(), Ok)?;
            file.write(&sealed)?;
            sealed.clear();
            Ok((file, sealed))
        })
        .await?;
        self.broken = false;
        self.file = Some(file);
        self.sealed = sealed;
        Ok(())
    }

    fn check(&self) -> Result<(), StoreFault> {
        if self.broken {
            return Err(StoreFault::Unavailable("a write to this content failed before".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl Stage for Inflow {
    async fn write(&mut self, piece: Bytes) -> Result<(), StoreFault> {
        self.check()?;
        for step in piece.chunks(STEP) {
            self.hasher.update(step);
            self.size += step.len() as u64;
            self.sealer.push(step, &mut self.sealed)?;
            if self.is_ready_to_spill() {
                self.spill().await?;
            }
        }
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<Staged, StoreFault> {
        self.check()?;
        let mut inflow = *self;
        inflow.sealer.finish(&mut inflow.sealed)?;
        let (size, sha256) = (inflow.size, inflow.hasher.finish());
        if inflow.file.is_none() && inflow.sealed.len() <= inflow.inline {
            return Ok(Staged { size, sha256, content: StagedContent::Small(inflow.sealed) });
        }
        let (file, home, sealed) = (inflow.file, inflow.home, inflow.sealed);
        let staged = off_runtime(move || {
            let mut file = file.map_or_else(|| home.begin(), Ok)?;
            file.write(&sealed)?;
            home.land(file)
        })
        .await?;
        Ok(Staged { size, sha256, content: StagedContent::File(staged) })
    }
}

/// Runs what blocks off the runtime's threads. Whoever calls waits for it, so no more of it runs than callers there are.
pub(crate) async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreFault> + Send + 'static,
) -> Result<T, StoreFault> {
    let stopped = |_| StoreFault::Unavailable("work on the disk was broken off".into());
    tokio::task::spawn_blocking(work).await.map_err(stopped)?
}
