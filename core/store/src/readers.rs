//! Connections that read, off the runtime's threads.

use crate::fault::Fault;
use rohrpost_model::ports::StoreFault;
use rusqlite::Connection;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// As many reads as there are connections run at one time; others wait their turn.
pub(crate) struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

/// A connection that goes back when it is not needed any more, whatever happened.
struct Lease {
    connection: Option<Connection>,
    home: Arc<Readers>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut idle = self.home.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
    }
}

impl Readers {
    pub(crate) fn new(connections: Vec<Connection>) -> Self {
        let permits = Arc::new(Semaphore::new(connections.len()));
        Self { idle: Mutex::new(connections), permits }
    }

    /// Runs `read` on a connection of its own.
    pub(crate) async fn read<T, F>(self: &Arc<Self>, read: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let stopped = || StoreFault::Unavailable("the store's readers have stopped".into());
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| stopped())?;
        let home = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let connection = home.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let lease = Lease { connection, home };
            let Some(connection) = &lease.connection else {
                return Err(StoreFault::Unavailable("the store has no connection to read with".into()));
            };
            read(connection).map_err(Fault::into_store)
        });
        task.await.map_err(|_| stopped())?
    }

    /// The same on one state of the database, for reads of several rows that belong together.
    pub(crate) async fn snapshot<T, F>(self: &Arc<Self>, read: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.read(move |connection| {
            let snapshot = connection.unchecked_transaction()?;
            read(&snapshot)
        })
        .await
    }
}
