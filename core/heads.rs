//! Keeps signed heads of the history in a folder apart from the data: `<number of the row>.jws`, one for each time that
//! something was added. Against them `rohrpost audit verify` notices that the history was written anew or cut off.

use crate::config::{self, write_whole};
use crate::faults::Stop;
use rohrpost_engine::Engine;
use rohrpost_engine::audit::SignedHead;
use rohrpost_model::Digest;
use rohrpost_model::ports::{Head, HeadClaims, StoreFault};
use rohrpost_seal::open_audit_head;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{Mutex, watch};

/// How the files end.
const EXTENSION: &str = "jws";

/// Keeps heads. A folder that cannot be written is told in the log, each time, and stops nothing.
pub struct Heads {
    settings: config::Heads,
    engine: Arc<Engine>,
    /// The head that was kept last. Held while one is kept, so that this is done once at a time.
    kept: Mutex<u64>,
}

impl Heads {
    /// Where the configuration wants it: looks at what was kept before, and tells if the history does not fit to it.
    pub async fn open(settings: Option<config::Heads>, engine: Arc<Engine>) -> Option<Arc<Self>> {
        let settings = settings?;
        let kept = match newest(settings.folder.clone()).await {
            Ok(Some((file, head))) => {
                let there = engine.audit_hash_at(head.seq).await;
                if tell_whether_it_fits(&file, head, there) { head.seq } else { 0 }
            }
            Ok(None) => 0,
            Err(error) => {
                tracing::error!(%error, "the folder of heads of the history cannot be read");
                0
            }
        };
        Some(Arc::new(Self { settings, engine, kept: Mutex::new(kept) }))
    }

    /// Keeps a head again and again, until the hub stops.
    pub async fn run(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let clock = self.engine.clock();
        loop {
            let next = clock.now().checked_add(self.settings.every).unwrap_or(rohrpost_model::Timestamp::MAX);
            // That the sender is gone means that the hub stops, too.
            let stopping = async { drop(stopped.wait_for(|stopped| *stopped).await) };
            tokio::select! {
                () = clock.sleep_until(next) => self.keep().await,
                () = stopping => return,
            }
        }
    }

    /// Keeps the head as it is now, if something was added since the last one.
    pub async fn keep(&self) {
        let mut kept = self.kept.lock().await;
        match self.keep_after(*kept).await {
            Ok(seq) => *kept = seq,
            Err(fault) => tracing::error!(%fault, "a head of the history could not be kept"),
        }
    }

    async fn keep_after(&self, kept: u64) -> Result<u64, StoreFault> {
        if self.engine.audit_end().await?.seq <= kept {
            return Ok(kept);
        }
        let SignedHead { head, jws, .. } = self.engine.audit_head().await?;
        let path = self.settings.folder.join(format!("{}.{EXTENSION}", head.seq));
        let writing = tokio::task::spawn_blocking(move || write(&path, head, &jws));
        let written = writing.await.unwrap_or_else(|_| Err(ErrorKind::Interrupted.into()));
        written.map_err(|error| StoreFault::Unavailable(format!("folder of heads: {error}")))?;
        Ok(head.seq)
    }
}

/// What was kept is evidence: it is never overwritten.
fn write(path: &Path, head: Head, jws: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match read_head(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            write_whole(path, format!("{jws}\n").as_bytes(), 0o644)
        }
        Ok(before) if before == head => Ok(()),
        Ok(_) => {
            Err(io::Error::other("an earlier head of this row says otherwise: the history was written anew"))
        }
        Err(error) => Err(error),
    }
}

/// The head in a file. Whose signature it is does not matter here: it is compared, not believed.
fn read_head(path: &Path) -> io::Result<Head> {
    let invalid = |_| io::Error::new(ErrorKind::InvalidData, "this is no head of a history");
    let opened = open_audit_head(&fs::read_to_string(path)?).map_err(|fault| invalid(fault.to_string()))?;
    let claims = serde_json::from_slice::<HeadClaims>(opened.claims());
    claims.map(|claims| claims.head()).map_err(|error| invalid(error.to_string()))
}

/// The head of the highest row in the folder, and its file. A folder that is not there has none.
async fn newest(folder: PathBuf) -> io::Result<Option<(PathBuf, Head)>> {
    let reading = tokio::task::spawn_blocking(move || {
        let files = match files(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            files => files?,
        };
        let number = |path: &PathBuf| path.file_stem()?.to_str()?.parse::<u64>().ok();
        let Some(newest) = files.into_iter().max_by_key(number) else { return Ok(None) };
        let head = read_head(&newest)?;
        Ok(Some((newest, head)))
    });
    reading.await.unwrap_or_else(|_| Err(ErrorKind::Interrupted.into()))
}

/// The heads in a folder, by name.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The heads that are named: a file, or all in a folder.
pub fn named(path: &Path) -> Result<Vec<PathBuf>, Stop> {
    if path.is_dir() {
        return files(path).map_err(|error| Stop::file(path, &error));
    }
    Ok(vec![path.to_owned()])
}

fn tell_whether_it_fits(file: &Path, head: Head, there: Result<Option<Digest>, StoreFault>) -> bool {
    let file = file.display();
    match there {
        Ok(Some(hash)) if hash == head.hash => return true,
        Ok(Some(_)) => tracing::error!(%file, "the history is not the one that this head was taken from"),
        Ok(None) => tracing::error!(%file, "the history ends before the row of this head: rows are missing"),
        Err(fault) => tracing::error!(%fault, "the history cannot be compared with its last head"),
    }
    false
}
