//! SQLite's write-ahead log: when it is moved into the database, and why it could not be written.

use crate::directory::private_file;
use crate::fault::{disk, is_failed_write, sql};
use rohrpost_model::ports::StoreFault;
use rusqlite::{Connection, Error as Sql};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The log is moved when it has so many pages (of 4096 bytes), and tried again after as many more where that fails.
const LONG: u32 = 2000;

/// Knows how long the log is.
pub(crate) struct Log {
    pages: Arc<AtomicU32>,
    long: u32,
    path: PathBuf,
    probe: PathBuf,
}

impl Log {
    /// Is told the length at every commit of this connection.
    pub(crate) fn watch(connection: &mut Connection) -> rusqlite::Result<Self> {
        let pages = Arc::new(AtomicU32::new(0));
        let told = Arc::clone(&pages);
        connection.wal_hook(Some(move |_: &mut _, length| {
            told.store(u32::try_from(length).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        let database = connection.path().unwrap_or_default();
        let path = PathBuf::from(format!("{database}-wal"));
        let probe = Path::new(database).with_file_name("probe");
        Ok(Self { pages, long: LONG, path, probe })
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

    /// Moves a long log into the database, as far as nobody reads it, so that it can begin anew. An error has changed
    /// nothing.
    pub(crate) fn tidy(&mut self, connection: &Connection) -> Result<(), StoreFault> {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.long {
            return Ok(());
        }
        let moved = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        self.long = if moved.is_ok() { LONG } else { pages.saturating_add(LONG) };
        moved.map_err(|error| self.fault(&error))
    }
}
