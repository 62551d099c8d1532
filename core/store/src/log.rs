//! SQLite's write-ahead log: when it is moved into the database.

use crate::fault::sql;
use rohrpost_model::ports::StoreFault;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The log is moved when it has so many pages (of 4096 bytes), and tried again after as many more where that fails.
const LONG: u32 = 2000;

/// Knows how long the log is.
pub(crate) struct Log {
    pages: Arc<AtomicU32>,
    long: u32,
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
        Ok(Self { pages, long: LONG })
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
        moved.map_err(|error| sql(&error))
    }
}
