//! The port `Commands`: what persons ask for more than one delivery.

use crate::claims::Claims;
use crate::fault::Fault;
use crate::keys::Column;
use crate::listing::{Page, conditions};
use crate::rows::{FROM_DELIVERIES, number, optional_time, plain_json, text, time, word};
use crate::scope::ScopeParams;
use crate::store::SqliteStore;
use crate::work::{BeginBulk, EndBulk, OrderDestination, Progress};
use async_trait::async_trait;
use rohrpost_model::ports::{
    BulkCommand, BulkEnd, BulkProgress, Commands, Cursor, DeliveryFilter, NewBulkCommand,
    NewDestinationCommand, Pause, Scope, StoreFault, Vault, WrappedKey,
};
use rohrpost_model::{CommandId, State};
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

    async fn orders(&self, running: bool, limit: usize) -> Result<Vec<BulkCommand>, StoreFault> {
        let seal = Arc::clone(&self.vault);
        let condition = if running { "state = 'running'" } else { "true" };
        let sql = format!("SELECT {COMMAND} FROM commands WHERE {condition} ORDER BY seq DESC LIMIT ?1");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.readers.read(move |connection| select(connection, &seal, &sql, [limit])).await
    }

    async fn order(&self, id: CommandId) -> Result<Option<BulkCommand>, StoreFault> {
        let seal = Arc::clone(&self.vault);
        let sql = format!("SELECT {COMMAND} FROM commands WHERE id = ?1");
        let find = move |connection: &Connection| Ok(select(connection, &seal, &sql, [id.as_bytes()])?.pop());
        self.readers.read(find).await
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
     total, done, refused, cursor, last, state, ended_at, ended_by";

fn select(
    connection: &Connection,
    seal: &Seal,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<BulkCommand>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(bulk_command(row, seal)?);
    }
    Ok(found)
}

pub(crate) fn bulk_command(row: &Row<'_>, seal: &Seal) -> Result<BulkCommand, Fault> {
    let json = |index| row.get::<_, String>(index);
    let id = CommandId::from_bytes(row.get(0)?);
    let ended_by: Option<String> = row.get(17)?;
    Ok(BulkCommand {
        id,
        order: plain_json(&json(1)?, "order")?,
        filter: plain_json(&json(2)?, "filter")?,
        scope: plain_json(&json(3)?, "scope")?,
        per_second: row.get(4)?,
        who: row.get(5)?,
        why: why(row, id, seal)?,
        at: time(row, 9)?,
        total: number(row, 10, "total")?,
        done: number(row, 11, "done")?,
        refused: number(row, 12, "refused")?,
        cursor: Cursor(number(row, 13, "cursor")?),
        last: Cursor(number(row, 14, "last")?),
        state: word(row, 15, "state of a command")?,
        ended: optional_time(row, 16)?.zip(ended_by),
    })
}

/// A person's words; `None` where their key was destroyed.
fn why(row: &Row<'_>, id: CommandId, seal: &Seal) -> Result<Option<String>, Fault> {
    let Some(sealed) = row.get::<_, Option<Vec<u8>>>(6)? else { return Ok(None) };
    let wrapped = WrappedKey { epoch: row.get(7)?, bytes: row.get(8)? };
    match seal.open(&wrapped).map_err(StoreFault::from) {
        Ok(key) => Ok(Some(Column::Order(id).open_alone(&*key, &sealed)?)),
        Err(StoreFault::Erased) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}
