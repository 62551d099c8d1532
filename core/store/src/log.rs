//! SQLite's write-ahead log: when it is moved into the database, and why it could not be written.
//!
//! A thread of its own moves most of a long log while the writer goes on; then the writer moves the rest, which is little,
//! so that the log can begin anew. So no sender waits for as long as a whole log takes.

use crate::directory::private_file;
use crate::fault::{disk, is_failed_write, sql};
use crate::schema;
use rohrpost_model::ports::StoreFault;
use rusqlite::{Connection, Error as Sql};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;

/// The log is moved when it has so many pages (of 4096 bytes), and tried again after as many more where that fails.
const LONG: u32 = 2000;

/// Knows how long the log is.
pub(crate) struct Log {
    pages: Arc<AtomicU32>,
    long: u32,
    path: PathBuf,
    probe: PathBuf,
    mover: Mover,
}

impl Log {
    /// Is told the length at every commit of this connection.
    pub(crate) fn watch(connection: &mut Connection) -> Result<Self, StoreFault> {
        let pages = Arc::new(AtomicU32::new(0));
        let told = Arc::clone(&pages);
        let hook = connection.wal_hook(Some(move |_: &mut _, length| {
            told.store(u32::try_from(length).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }));
        hook.map_err(|error| sql(&error))?;
        let database = PathBuf::from(connection.path().unwrap_or_default());
        let path = PathBuf::from(format!("{}-wal", database.display()));
        let probe = database.with_file_name("probe");
        Ok(Self { pages, long: LONG, path, probe, mover: Mover::start(&database)? })
    }

    /// What stood in the way of a commit. SQLite tells of a write only that it failed, so the disk is asked itself: whether
    /// there is no room (a limit, a quota), or something else is wrong with it.
    pub(crate) fn fault(&self, error: &Sql) -> StoreFault {
        if !is_failed_write(error) {
            return sql(error);
        }
        let asked = self.ask_disk().err();
        asked.map_or_else(|| sql(error), |answer| disk("database log", &answer))
    }

    /// Writes a byte where the next commit would end.
    fn ask_disk(&self) -> std::io::Result<()> {
        let end = std::fs::metadata(&self.path)?.len();
        let probe = private_file().create(true).truncate(true).open(&self.probe)?;
        let written = probe.write_all_at(&[0], end);
        std::fs::remove_file(&self.probe)?;
        written
    }

    /// Has a long log moved into the database, as far as nobody reads it, so that it can begin anew. Called between commits;
    /// takes long only where nothing else is done. An error has changed nothing.
    pub(crate) fn tidy(&mut self, connection: &Connection) -> Result<(), StoreFault> {
        let pages = self.pages.load(Ordering::Relaxed);
        let moved = match self.mover.ended() {
            None if pages >= self.long => return self.mover.begin(),
            None => return Ok(()),
            Some(most) => most.and_then(|_| move_log(connection)),
        };
        self.long = if matches!(moved, Ok(true)) { LONG } else { pages.saturating_add(LONG) };
        moved.map(|_| ()).map_err(|error| self.fault(&error))
    }
}

/// Moves what nobody reads any more. Whether that was all.
fn move_log(connection: &Connection) -> rusqlite::Result<bool> {
    let (pages, moved): (i64, i64) =
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(1)?, row.get(2)?)))?;
    Ok(pages == moved)
}

/// The thread that moves the log.
struct Mover {
    orders: Option<SyncSender<()>>,
    results: Receiver<rusqlite::Result<bool>>,
    under_way: bool,
    thread: Option<JoinHandle<()>>,
}

impl Mover {
    fn start(database: &Path) -> Result<Self, StoreFault> {
        let connection = schema::open_mover(database)?;
        let (orders, ordered) = sync_channel(1);
        let (result, results) = sync_channel(1);
        let work = move || {
            while ordered.recv().is_ok() {
                if result.send(move_log(&connection)).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("store-log".into()).spawn(work);
        let thread = thread.map_err(|error| StoreFault::Unavailable(format!("no thread: {error}")))?;
        Ok(Self { orders: Some(orders), results, under_way: false, thread: Some(thread) })
    }

    fn begin(&mut self) -> Result<(), StoreFault> {
        if self.under_way {
            return Ok(());
        }
        let begun = self.orders.as_ref().is_some_and(|orders| orders.try_send(()).is_ok());
        self.under_way = begun;
        if begun {
            Ok(())
        } else {
            Err(StoreFault::Unavailable("the thread that moves the log has ended".into()))
        }
    }

    /// What came of the last one, once.
    fn ended(&mut self) -> Option<rusqlite::Result<bool>> {
        match self.results.try_recv() {
            Ok(result) => {
                self.under_way = false;
                Some(result)
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }
}

impl Drop for Mover {
    fn drop(&mut self) {
        self.orders = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that moves the database's log ended by a defect");
        }
    }
}
