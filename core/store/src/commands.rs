//! The port `Commands`: what persons ask for more than one delivery.

use crate::claims::Claims;
use crate::fault::Fault;
use crate::keys::Column;
use crate::listing::{Page, conditions};
use crate::rows::{FROM_DELIVERIES, number, optional_time, plain_json, text, time, word};
use crate::scope::ScopeParams;
use crate::store::SqliteStore;
use crate::work::{BeginBulk, EndBulk, OrderDestination, Progress, about};
use async_trait::async_trait;
use rohrpost_model::ports::{
    BulkCommand, BulkEnd, BulkEnded, BulkProgress, Commands, Cursor, DeliveryFilter, NewBulkCommand,
    NewDestinationCommand, OrderedDestination, Pause, Scope, StoreFault, Vault, WrappedKey,
};
use rohrpost_model::{CommandId, DestinationName, State};
use rusqlite::{Connection, Row};
use std::sync::Arc;

/// Opens the keys that persons' words are kept under.
pub(crate) type Seal = Arc<dyn Vault>;

#[async_trait]
impl Commands for SqliteStore {
    async fn order_destination(&self, command: NewDestinationCommand) -> Result<bool, StoreFault> {
        self.writer.submit(OrderDestination(command)).await
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreFault> {
        self.readers.read(pauses).await
    }

    async fn destination_orders(
        &self,
        destination: &DestinationName,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, OrderedDestination)>, StoreFault> {
        let (seal, subject, page) = (Arc::clone(&self.vault), about(destination), page(before, limit));
        self.readers.read(move |connection| destination_orders(connection, &seal, &subject, page)).await
    }

    async fn count(&self, scope: &Scope, filter: &DeliveryFilter) -> Result<u64, StoreFault> {
        let (scope, filter, claims) = (scope.clone(), filter.clone(), Arc::clone(&self.claims));
        self.readers.snapshot(move |connection| count(connection, &claims, &scope, &filter)).await
    }

    async fn begin(&self, command: NewBulkCommand) -> Result<BulkCommand, StoreFault> {
        self.writer.submit(BeginBulk(command)).await
    }

    async fn progress(&self, progress: BulkProgress) -> Result<(), StoreFault> {
        self.writer.submit(Progress(progress)).await
    }

    async fn end(&self, end: BulkEnd) -> Result<Option<BulkCommand>, StoreFault> {
        let seal = Arc::clone(&self.vault);
        self.writer.submit(EndBulk { end, seal }).await
    }

    async fn running(&self, limit: usize) -> Result<Vec<BulkCommand>, StoreFault> {
        let seal = Arc::clone(&self.vault);
        let sql =
            format!("SELECT {COMMAND} FROM commands WHERE state = 'running' ORDER BY seq DESC LIMIT ?1");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = self.readers.read(move |connection| select(connection, &seal, &sql, [limit])).await?;
        Ok(found.into_iter().map(|(_, command)| command).collect())
    }

    async fn orders(
        &self,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, BulkCommand)>, StoreFault> {
        let (seal, page) = (Arc::clone(&self.vault), page(before, limit));
        let sql = format!("SELECT {COMMAND} FROM commands WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2");
        self.readers.read(move |connection| select(connection, &seal, &sql, page)).await
    }

    async fn order(&self, id: CommandId) -> Result<Option<BulkCommand>, StoreFault> {
        let seal = Arc::clone(&self.vault);
        let sql = format!("SELECT {COMMAND} FROM commands WHERE id = ?1");
        let find = move |connection: &Connection| Ok(select(connection, &seal, &sql, [id.as_bytes()])?.pop());
        Ok(self.readers.read(find).await?.map(|(_, command)| command))
    }
}

fn pauses(connection: &Connection) -> Result<Vec<Pause>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT destination, mode, who, since FROM pauses ORDER BY destination")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (destination, mode) = (text(row, 0, "destination")?, word(row, 1, "mode of a pause")?);
        found.push(Pause { destination, mode, who: row.get(2)?, since: time(row, 3)? });
    }
    Ok(found)
}

/// What comes before a place, and at most how many.
fn page(before: Option<Cursor>, limit: usize) -> (i64, i64) {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    (before.map_or(i64::MAX, |cursor| number(cursor.0)), number(limit as u64))
}

fn destination_orders(
    connection: &Connection,
    seal: &Seal,
    subject: &str,
    (before, limit): (i64, i64),
) -> Result<Vec<(Cursor, OrderedDestination)>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT h.seq, h.event, h.who, h.at, h.sealed_why, w.epoch, w.wrapped_key \
         FROM history h LEFT JOIN words w ON w.row = h.seq \
         WHERE h.subject = ?1 AND h.seq < ?2 ORDER BY h.seq DESC LIMIT ?3",
    )?;
    let mut rows = statement.query((subject, before, limit))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (order, who, at) = (word(row, 1, "order")?, row.get(2)?, time(row, 3)?);
        let why = words(row, Column::Note(row.get(0)?), (4, 5), seal)?;
        found.push((Cursor(number(row, 0, "place")?), OrderedDestination { order, who, why, at }));
    }
    Ok(found)
}

/// Counts state by state, each in its index.
pub(crate) fn count(
    connection: &Connection,
    claims: &Claims,
    scope: &Scope,
    filter: &DeliveryFilter,
) -> Result<u64, Fault> {
    let scope = ScopeParams::from(scope);
    let every = filter.states.is_empty();
    let mut sum = 0;
    for state in State::ALL.into_iter().filter(|state| every || filter.states.contains(state)) {
        let page = Page { scope: &scope, filter, after: None, limit: usize::MAX, claims };
        let sql = format!(
            "SELECT count(*) FROM {FROM_DELIVERIES} WHERE {} AND ?4 > 0",
            conditions(filter, Some(state))
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let found: i64 = page.params(|params| Ok(statement.query_row(params, |row| row.get(0))?))?;
        sum += u64::try_from(found).unwrap_or(0);
    }
    Ok(sum)
}

/// The columns that [`bulk_command`] reads.
pub(crate) const COMMAND: &str = "id, bulk_order, filter, scope, per_second, who, sealed_why, epoch, wrapped_key, at, \
     total, done, refused, cursor, last, state, ended_at, ended_by, seq, ended_row, \
     (SELECT h.sealed_why FROM history h WHERE h.seq = ended_row)";

fn select(
    connection: &Connection,
    seal: &Seal,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<(Cursor, BulkCommand)>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((Cursor(number(row, 18, "place")?), bulk_command(row, seal)?));
    }
    Ok(found)
}

pub(crate) fn bulk_command(row: &Row<'_>, seal: &Seal) -> Result<BulkCommand, Fault> {
    let json = |index| row.get::<_, String>(index);
    let id = CommandId::from_bytes(row.get(0)?);
    let ended = optional_time(row, 16)?.zip(row.get::<_, Option<String>>(17)?);
    let end: Option<i64> = row.get(19)?;
    let ended_why = end.map(|end| words(row, Column::Note(end), (20, 7), seal)).transpose()?.flatten();
    Ok(BulkCommand {
        id,
        order: plain_json(&json(1)?, "order")?,
        filter: plain_json(&json(2)?, "filter")?,
        scope: plain_json(&json(3)?, "scope")?,
        per_second: row.get(4)?,
        who: row.get(5)?,
        why: words(row, Column::Order(id), (6, 7), seal)?,
        at: time(row, 9)?,
        total: number(row, 10, "total")?,
        done: number(row, 11, "done")?,
        refused: number(row, 12, "refused")?,
        cursor: Cursor(number(row, 13, "cursor")?),
        last: Cursor(number(row, 14, "last")?),
        state: word(row, 15, "state of a command")?,
        ended: ended.map(|(at, who)| BulkEnded { at, who, why: ended_why }),
    })
}

/// A person's words out of this column, and the epoch and the key after it out of that one; `None` where their key was
/// destroyed or never kept.
fn words(
    row: &Row<'_>,
    kept_as: Column,
    (sealed, key): (usize, usize),
    seal: &Seal,
) -> Result<Option<String>, Fault> {
    let Some(sealed) = row.get::<_, Option<Vec<u8>>>(sealed)? else { return Ok(None) };
    let (Some(epoch), Some(bytes)) = (row.get(key)?, row.get(key + 1)?) else { return Ok(None) };
    match seal.open(&WrappedKey { epoch, bytes }).map_err(StoreFault::from) {
        Ok(key) => Ok(Some(kept_as.open_alone(&*key, &sealed)?)),
        Err(StoreFault::Erased) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}
