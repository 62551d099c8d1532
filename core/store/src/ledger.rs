//! Everything that the writer writes with: the connection, the segment, the end of the chain. One group of works is
//! one transaction of the ledger.

use crate::claims::Claims;
use crate::counts::{Changes, Counts};
use crate::fault::{Fault, sql};
use crate::history::{Chain, Entry, Note};
use crate::keys::Keys;
use crate::log::Log;
use crate::notices::Notices;
use crate::ready::{Change, Ready};
use crate::rows::{Stored, size};
use crate::segments::SegmentWriter;
use rohrpost_model::ports::{Location, Place, StagedContent, StoreFault};
use rohrpost_model::{Delivery, DeliveryId, DestinationName, State};
use rusqlite::Connection;
use std::sync::Arc;

pub(crate) struct Ledger {
    pub(crate) connection: Connection,
    pub(crate) keys: Arc<Keys>,
    pub(crate) claims: Arc<Claims>,
    segments: SegmentWriter,
    counts: Arc<Counts>,
    changes: Changes,
    notices: Arc<Notices>,
    /// Where this group made something due.
    due: Vec<Place>,
    ready: Arc<Ready>,
    /// What this group did to rows that are or were to be handed out.
    handed: Vec<Change>,
    /// Rows and contents that this group asked to write; tells whether a refused work left a trace.
    appended: u64,
    chain: Chain,
    committed_chain: Chain,
    log: Log,
}

/// Why a group was not committed.
pub(crate) struct CommitFault {
    pub(crate) fault: StoreFault,
    /// The commit itself failed: after a crash it may turn out to have happened.
    pub(crate) uncertain: bool,
}

impl Ledger {
    pub(crate) fn new(
        mut connection: Connection,
        segments: SegmentWriter,
        keys: Arc<Keys>,
        claims: Arc<Claims>,
        counts: Arc<Counts>,
        (notices, ready): (Arc<Notices>, Arc<Ready>),
    ) -> Result<Self, Fault> {
        let chain = Chain::read(&connection)?;
        let changes = Changes::default();
        let log = Log::watch(&mut connection)?;
        Ok(Self {
            connection,
            keys,
            claims,
            segments,
            counts,
            changes,
            notices,
            due: Vec::new(),
            ready,
            handed: Vec::new(),
            appended: 0,
            chain,
            committed_chain: chain,
            log,
        })
    }

    pub(crate) fn begin(&mut self) -> Result<(), StoreFault> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| sql(&error))
    }

    /// Grows with everything that is written.
    pub(crate) fn trace(&self) -> u64 {
        self.connection.total_changes() + self.appended
    }

    /// Gives a staged content its place, to be named by a row of this transaction.
    pub(crate) fn place(&mut self, content: &StagedContent) -> Result<Location, Fault> {
        self.appended += 1;
        match content {
            StagedContent::Small(bytes) => self.segments.append(bytes).map_err(Fault::Group),
            StagedContent::File(file) => {
                let location = file.location();
                if let Location::File { name, length } = &location {
                    let mut insert =
                        self.connection.prepare_cached("INSERT INTO files (name, length) VALUES (?1, ?2)")?;
                    insert.execute((name, size(*length)))?;
                }
                Ok(location)
            }
        }
    }

    /// Writes a change of state into the history.
    pub(crate) fn record(&mut self, place: i64, delivery: &Delivery, entry: &Entry<'_>) -> Result<(), Fault> {
        self.chain.append(&self.connection, &self.keys, place, delivery, entry)
    }

    /// Writes into the history what a person asked that concerns no single delivery.
    pub(crate) fn note(&mut self, note: &Note<'_>) -> Result<(), Fault> {
        self.chain.note(&self.connection, note)
    }

    /// Where the next row of the history stands.
    pub(crate) fn next_in_history(&self) -> i64 {
        self.chain.next_seq()
    }

    /// The row was changed: it is to be handed out as it is now, or not any more.
    pub(crate) fn changed(&mut self, row: &Stored) {
        if row.may_go() {
            self.due.push(row.delivery.destination.clone());
            self.handed.push(Change::Waits(Box::new(row.clone())));
        } else {
            self.gone(row.delivery.id);
        }
    }

    /// The row is not to be handed out any more.
    pub(crate) fn gone(&mut self, id: DeliveryId) {
        self.handed.push(Change::Gone(id));
    }

    /// Something at this place may be looked at again.
    pub(crate) fn falls_due(&mut self, place: Place) {
        self.due.push(place);
    }

    pub(crate) fn count(&mut self, destination: Option<&DestinationName>, state: State, by: i64) {
        self.changes.add(destination, state, by);
    }

    /// First the contents are durable, then the rows that name them.
    pub(crate) fn commit(&mut self) -> Result<(), CommitFault> {
        let named = self.segments.flush().map_err(|fault| CommitFault { fault, uncertain: false })?;
        if let Some(named) = named {
            self.name_segment(named)
                .map_err(|fault| CommitFault { fault: fault.into_store(), uncertain: false })?;
        }
        let committed = self.connection.execute_batch("COMMIT");
        committed.map_err(|error| {
            let fault = self.log.fault(&error);
            // Without room the end of the commit was not written; the next one is written over what was.
            let uncertain = !matches!(fault, StoreFault::Full(_));
            CommitFault { fault, uncertain }
        })?;
        self.segments.committed();
        self.counts.apply(&mut self.changes);
        self.ready.apply(self.handed.drain(..));
        self.committed_chain = self.chain;
        Ok(())
    }

    /// Tells where the committed group made something due.
    pub(crate) fn tell(&mut self) {
        self.notices.add(self.due.drain(..));
    }

    /// Moves the database's log into the database when it has become long. Called after the group was answered.
    pub(crate) fn tidy(&mut self) -> Result<(), StoreFault> {
        self.log.tidy(&self.connection)
    }

    fn name_segment(&self, (number, length): (u32, u64)) -> Result<(), Fault> {
        let mut upsert = self.connection.prepare_cached(
            "INSERT INTO segments (number, length) VALUES (?1, ?2) \
             ON CONFLICT (number) DO UPDATE SET length = excluded.length",
        )?;
        upsert.execute((number, size(length)))?;
        Ok(())
    }

    /// Undoes the group. After an uncertain commit its place in the segment is not written again.
    pub(crate) fn roll_back(&mut self, uncertain: bool) {
        if uncertain {
            self.segments.abandon();
        } else {
            self.segments.rolled_back();
        }
        self.changes.clear();
        self.due.clear();
        self.handed.clear();
        self.chain = self.committed_chain;
        if self.connection.is_autocommit() {
            return;
        }
        if let Err(error) = self.connection.execute_batch("ROLLBACK") {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }
}
