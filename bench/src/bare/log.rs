//! The log: one thread appends what waits and syncs once for all of it.

use crate::Result;
use bytes::Bytes;
use rohrpost_model::SubmissionId;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot};

/// What waits for the log before callers wait.
const WAITING: usize = 1024;

/// So many bytes share one sync at most.
const GROUP: usize = 8 << 20;

/// What is appended.
pub(super) enum Record {
    /// A submission came in.
    Accepted(SubmissionId, Bytes),
    /// Its document was taken.
    Settled(SubmissionId),
}

type Waiting = (Record, oneshot::Sender<io::Result<()>>);

/// The way to the log.
pub(super) struct Log {
    queue: mpsc::Sender<Waiting>,
    groups: Arc<AtomicU64>,
}

impl Log {
    /// A log in a new file.
    pub(super) fn start(path: &Path) -> Result<Self> {
        let file = File::options().create_new(true).append(true).open(path)?;
        file.sync_all()?;
        let (queue, waiting) = mpsc::channel(WAITING);
        let groups = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&groups);
        std::thread::Builder::new().name("log".into()).spawn(move || write_all(file, waiting, &counted))?;
        Ok(Self { queue, groups })
    }

    /// Appends; when this returns, the record is on disk.
    pub(super) async fn append(&self, record: Record) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.queue.send((record, reply)).await.map_err(|_| "the log has ended")?;
        Ok(answer.await??)
    }

    /// How many groups were synced.
    pub(super) fn groups(&self) -> u64 {
        self.groups.load(Ordering::Relaxed)
    }
}

fn write_all(mut file: File, mut waiting: mpsc::Receiver<Waiting>, groups: &AtomicU64) {
    let (mut bytes, mut replies) = (Vec::new(), Vec::new());
    while let Some(first) = waiting.blocking_recv() {
        let mut next = Some(first);
        while let Some((record, reply)) = next {
            put(&mut bytes, &record);
            replies.push(reply);
            next = if bytes.len() < GROUP { waiting.try_recv().ok() } else { None };
        }
        let written = file.write_all(&bytes).and_then(|()| file.sync_data());
        groups.fetch_add(1, Ordering::Relaxed);
        for reply in replies.drain(..) {
            // Whoever asked may be gone.
            let _ = reply.send(written.as_ref().copied().map_err(|fault| fault.kind().into()));
        }
        bytes.clear();
    }
}

/// Kind, id, length, content.
fn put(bytes: &mut Vec<u8>, record: &Record) {
    let (kind, id, data): (u8, _, &[u8]) = match record {
        Record::Accepted(id, data) => (b'a', id, data),
        Record::Settled(id) => (b's', id, &[]),
    };
    bytes.push(kind);
    bytes.extend_from_slice(id.as_bytes());
    bytes.extend_from_slice(&(data.len() as u64).to_be_bytes());
    bytes.extend_from_slice(data);
}
