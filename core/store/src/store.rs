//! The store as a whole.

use crate::blobs::Recent;
use crate::claims::Claims;
use crate::counts::Counts;
use crate::directory::{Directory, HeldDirectory};
use crate::fault::{Fault, disk, unopened};
use crate::files::FileHome;
use crate::fresh::Fresh;
use crate::keys::Keys;
use crate::ledger::Ledger;
use crate::notices::Notices;
use crate::options::StoreOptions;
use crate::readers::Readers;
use crate::ready::Ready;
use crate::records::Look;
use crate::rows::number;
use crate::schema::{open_reader, open_writer};
use crate::segments::{SegmentReader, SegmentWriter};
use crate::writer::Writer;
use rohrpost_model::ports::{StoreFault, Vault};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

/// The embedded store: SQLite, content segments and files in one directory that it holds alone. It is the ports
/// `Outbox`, `Records`, `Blobs` and `Versions`.
///
/// Dropping it lets the writer finish what waits, and gives the directory free.
pub struct SqliteStore {
    pub(crate) writer: Writer,
    pub(crate) readers: Arc<Readers>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) vault: Arc<dyn Vault>,
    pub(crate) claims: Arc<Claims>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) notices: Arc<Notices>,
    pub(crate) ready: Arc<Ready>,
    /// Who fills the mirror.
    pub(crate) filling: tokio::sync::Mutex<()>,
    pub(crate) recent: Arc<Recent>,
    pub(crate) fresh: Arc<Fresh>,
    pub(crate) segments: Arc<SegmentReader>,
    pub(crate) files: FileHome,
    pub(crate) inline_bytes: usize,
    /// Declared last: the directory is free only when everything else has ended.
    _lock: File,
}

impl SqliteStore {
    /// Takes the directory `dir` and opens the store in it.
    pub fn open(dir: &Path, vault: Arc<dyn Vault>, options: StoreOptions) -> Result<Arc<Self>, StoreFault> {
        Self::open_in(HeldDirectory::take(dir)?, vault, options)
    }

    /// Opens the store in a directory that is held: brings the schema up to date, and removes what a crash left behind.
    /// Blocks; call it before the runtime serves, or off its threads.
    ///
    /// [`StoreFault::Unavailable`] if a newer Rohrpost wrote it; [`StoreFault::Damaged`] if it is not a store.
    pub fn open_in(
        held: HeldDirectory,
        vault: Arc<dyn Vault>,
        options: StoreOptions,
    ) -> Result<Arc<Self>, StoreFault> {
        let HeldDirectory { directory, lock } = held;
        directory.check_whole()?;
        let connection = open_writer(&directory.database())?;
        let told = |fault| unopened(directory.root(), fault);
        let synced = crate::directory::sync_directory(directory.root());
        synced.map_err(|error| told(disk("data directory", &error)))?;
        let assembled = Self::assemble(&directory, lock, connection, vault, options);
        assembled.map_err(|fault| told(fault.into_store()))
    }

    pub(crate) fn assemble(
        directory: &Directory,
        lock: File,
        connection: Connection,
        vault: Arc<dyn Vault>,
        options: StoreOptions,
    ) -> Result<Arc<Self>, Fault> {
        let files = FileHome::new(directory);
        let swept = files.sweep(&connection)?;
        if swept > 0 {
            tracing::info!(files = swept, "removed content files that no submission names");
        }
        let named = named_segments(&connection)?;
        let segments = SegmentWriter::open(directory.segments(), options.segment_bytes, &named)?;
        let keys = Arc::new(Keys::new(Arc::clone(&vault), options.open_keys));
        let claims = Arc::new(Claims::default());
        let counts = Arc::new(Counts::read(&connection)?);
        let notices = Arc::new(Notices::default());
        let (keys_, claims_, counts_) = (Arc::clone(&keys), Arc::clone(&claims), Arc::clone(&counts));
        let ready = Arc::new(Ready::new(options.ahead));
        let mirrors = (Arc::clone(&notices), Arc::clone(&ready));
        let ledger = Ledger::new(connection, segments, keys_, claims_, counts_, mirrors)?;
        let readers = (0..options.readers.max(1)).map(|_| open_reader(&directory.database()));
        let readers = Arc::new(Readers::new(readers.collect::<Result<_, _>>()?));
        let writer = Writer::start(ledger, &options).map_err(|error| disk("writer thread", &error))?;
        Ok(Arc::new(Self {
            writer,
            readers,
            keys,
            vault,
            claims,
            counts,
            notices,
            ready,
            filling: tokio::sync::Mutex::default(),
            recent: Arc::new(Recent::new(options.recent_bytes)),
            fresh: Arc::new(Fresh::new(options.fresh)),
            segments: Arc::new(SegmentReader::new(directory.segments())),
            files,
            inline_bytes: options.inline_bytes,
            _lock: lock,
        }))
    }

    /// Turns true when a sync of the database failed or its pages are damaged: from then on nothing is written, until the store is opened anew.
    pub fn stopped(&self) -> watch::Receiver<bool> {
        self.writer.stopped().clone()
    }

    /// Walks the chained history of all deliveries. Returns how many rows it has; [`StoreFault::Damaged`] if one was
    /// changed, taken out or put in.
    pub async fn verify_chain(&self) -> Result<u64, StoreFault> {
        self.readers.snapshot(crate::audit::verify).await
    }

    pub(crate) fn look(&self) -> Look {
        Look { keys: Arc::clone(&self.keys), claims: Arc::clone(&self.claims) }
    }
}

/// The segments that rows name, and how much of each they name.
fn named_segments(connection: &Connection) -> Result<BTreeMap<u32, u64>, Fault> {
    let mut statement = connection.prepare("SELECT number, length FROM segments")?;
    let mut rows = statement.query([])?;
    let mut named = BTreeMap::new();
    while let Some(row) = rows.next()? {
        named.insert(number(row, 0, "segment")?, number(row, 1, "length of a segment")?);
    }
    Ok(named)
}
