//! What persons ask for whole destinations and for many deliveries: rows of their own, each with its entry in the chained
//! history (H6).

use crate::commands::{COMMAND, Seal, bulk_command, count};
use crate::fault::Fault;
use crate::history::Note;
use crate::keys::Column;
use crate::ledger::Ledger;
use crate::rows::{as_json, as_word, first, nanos, size};
use crate::writer::Work;
use rohrpost_model::DestinationName;
use rohrpost_model::ports::{
    BulkCommand, BulkEnd, BulkProgress, BulkState, Cursor, DestinationOrder, NewBulkCommand,
    NewDestinationCommand, PauseMode, StoreFault, WrappedKey,
};
use rusqlite::params;

pub(crate) struct OrderDestination(pub(crate) NewDestinationCommand);

impl Work for OrderDestination {
    type Output = bool;

    fn run(&mut self, ledger: &mut Ledger) -> Result<bool, Fault> {
        let command = &self.0;
        let name = command.destination.as_str();
        let changed = match mode(command.order) {
            Some(mode) => {
                let mut upsert = ledger.connection.prepare_cached(
                    "INSERT INTO pauses (destination, mode, who, since) VALUES (?1, ?2, ?3, ?4) \
                     ON CONFLICT (destination) DO UPDATE SET mode = ?2, who = ?3, since = ?4 WHERE mode <> ?2",
                )?;
                upsert.execute((name, as_word(&mode)?, &command.who, nanos(command.at)))?
            }
            None => {
                let mut delete =
                    ledger.connection.prepare_cached("DELETE FROM pauses WHERE destination = ?1")?;
                delete.execute([name])?
            }
        };
        if changed == 0 {
            return Ok(false);
        }
        ledger.falls_due(Some(command.destination.clone()));
        let place = ledger.next_in_history();
        let sealed = Column::Note(place).seal_alone(&*command.key.key, &command.why)?;
        ledger.note(&Note {
            subject: &about(&command.destination),
            at: command.at,
            event: &as_word(&command.order)?,
            who: &command.who,
            sealed_why: Some(&sealed),
        })?;
        let WrappedKey { epoch, bytes } = &command.key.wrapped;
        let sql = "INSERT INTO words (row, epoch, wrapped_key) VALUES (?1, ?2, ?3)";
        ledger.connection.prepare_cached(sql)?.execute((place, epoch, bytes))?;
        Ok(true)
    }
}

/// What an entry of the history says that is about a destination.
pub(crate) fn about(destination: &DestinationName) -> String {
    format!("destination {destination}")
}

const fn mode(order: DestinationOrder) -> Option<PauseMode> {
    match order {
        DestinationOrder::Pause => Some(PauseMode::Paused),
        DestinationOrder::Drain => Some(PauseMode::Draining),
        DestinationOrder::Resume => None,
    }
}

pub(crate) struct BeginBulk(pub(crate) NewBulkCommand);

impl Work for BeginBulk {
    type Output = BulkCommand;

    fn run(&mut self, ledger: &mut Ledger) -> Result<BulkCommand, Fault> {
        let new = &self.0;
        let total = count(&ledger.connection, &ledger.claims, &new.scope, &new.filter)?;
        let last: i64 = first(&ledger.connection, "SELECT coalesce(max(seq), 0) FROM deliveries", [])?;
        let sealed = Column::Order(new.id).seal_alone(&*new.key.key, &new.why)?;
        self.insert(ledger, &sealed, total, last)?;
        ledger.note(&Note {
            subject: &format!("command {}", new.id),
            at: new.at,
            event: "begun",
            who: &new.who,
            sealed_why: Some(&sealed),
        })?;
        Ok(self.begun(total, last))
    }
}

impl BeginBulk {
    fn insert(&self, ledger: &Ledger, sealed: &[u8], total: u64, last: i64) -> Result<(), Fault> {
        let new = &self.0;
        let mut insert = ledger.connection.prepare_cached(
            "INSERT INTO commands (id, bulk_order, filter, scope, per_second, who, sealed_why, epoch, wrapped_key, at, \
             total, done, refused, cursor, last, state) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, 0, 0, ?12, 'running')",
        )?;
        insert.execute(params![
            new.id.as_bytes(),
            as_json(&new.order)?,
            as_json(&new.filter)?,
            as_json(&new.scope)?,
            new.per_second,
            new.who,
            sealed,
            new.key.wrapped.epoch,
            new.key.wrapped.bytes,
            nanos(new.at),
            size(total),
            last,
        ])?;
        Ok(())
    }

    fn begun(&self, total: u64, last: i64) -> BulkCommand {
        let new = &self.0;
        BulkCommand {
            id: new.id,
            order: new.order,
            filter: new.filter.clone(),
            scope: new.scope.clone(),
            per_second: new.per_second,
            who: new.who.clone(),
            why: Some(new.why.clone()),
            at: new.at,
            total,
            done: 0,
            refused: 0,
            cursor: Cursor(0),
            last: Cursor(u64::try_from(last).unwrap_or(0)),
            state: BulkState::Running,
            ended: None,
        }
    }
}

pub(crate) struct Progress(pub(crate) BulkProgress);

impl Work for Progress {
    type Output = ();

    fn run(&mut self, ledger: &mut Ledger) -> Result<(), Fault> {
        let BulkProgress { id, done, refused, cursor } = self.0;
        let mut update = ledger
            .connection
            .prepare_cached("UPDATE commands SET done = ?2, refused = ?3, cursor = ?4 WHERE id = ?1")?;
        update.execute((id.as_bytes(), size(done), size(refused), size(cursor.0)))?;
        Ok(())
    }
}

pub(crate) struct EndBulk {
    pub(crate) end: BulkEnd,
    pub(crate) seal: Seal,
}

impl Work for EndBulk {
    type Output = Option<BulkCommand>;

    fn run(&mut self, ledger: &mut Ledger) -> Result<Option<BulkCommand>, Fault> {
        let BulkEnd { id, state, who, at, .. } = &self.end;
        let mut update = ledger.connection.prepare_cached(
            "UPDATE commands SET state = ?2, ended_at = ?3, ended_by = ?4, ended_row = ?5 \
             WHERE id = ?1 AND state = 'running'",
        )?;
        let place = ledger.next_in_history();
        let ended = update.execute((id.as_bytes(), as_word(state)?, nanos(*at), who, place))?;
        drop(update);
        if ended > 0 {
            let sealed = self.sealed_why(ledger)?;
            ledger.note(&Note {
                subject: &format!("command {id}"),
                at: *at,
                event: &as_word(state)?,
                who,
                sealed_why: sealed.as_deref(),
            })?;
        }
        let sql = format!("SELECT {COMMAND} FROM commands WHERE id = ?1");
        let mut select = ledger.connection.prepare_cached(&sql)?;
        let mut rows = select.query([id.as_bytes()])?;
        rows.next()?.map(|row| bulk_command(row, &self.seal)).transpose()
    }
}

impl EndBulk {
    /// The person's words under the key of the order, for the next row of the history. Without them where that key was
    /// destroyed.
    fn sealed_why(&self, ledger: &Ledger) -> Result<Option<Vec<u8>>, Fault> {
        let Some(why) = &self.end.why else { return Ok(None) };
        let sql = "SELECT epoch, wrapped_key FROM commands WHERE id = ?1";
        let mut select = ledger.connection.prepare_cached(sql)?;
        let wrapped = select.query_row([self.end.id.as_bytes()], |row| {
            Ok(WrappedKey { epoch: row.get(0)?, bytes: row.get(1)? })
        })?;
        match self.seal.open(&wrapped).map_err(StoreFault::from) {
            Ok(key) => Ok(Some(Column::Note(ledger.next_in_history()).seal_alone(&*key, why)?)),
            Err(StoreFault::Erased) => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }
}
