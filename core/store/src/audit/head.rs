use crate::fault::damaged;
use crate::{SqliteStore, fault::Fault};
use async_trait::async_trait;
use rohrpost_model::Digest;
use rohrpost_model::ports::{Audit, Head, StoreFault};
use rusqlite::{Connection, OptionalExtension};

#[async_trait]
impl Audit for SqliteStore {
    async fn head(&self) -> Result<Head, StoreFault> {
        self.readers.read(head).await
    }

    async fn hash_at(&self, seq: u64) -> Result<Option<Digest>, StoreFault> {
        self.readers.read(move |connection| hash_at(connection, seq)).await
    }
}

fn head(connection: &Connection) -> Result<Head, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT seq, hash FROM history ORDER BY seq DESC LIMIT 1")?;
    let last = statement.query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).optional()?;
    let Some((seq, hash)) = last else {
        return Ok(Head { seq: 0, hash: Digest::from_bytes([0; 32]) });
    };
    let seq = u64::try_from(seq).map_err(|_| damaged("the number of a row of the history"))?;
    Ok(Head { seq, hash: Digest::from_bytes(hash) })
}

fn hash_at(connection: &Connection, seq: u64) -> Result<Option<Digest>, Fault> {
    let Ok(seq) = i64::try_from(seq) else { return Ok(None) };
    let mut statement = connection.prepare_cached("SELECT hash FROM history WHERE seq = ?1")?;
    let hash = statement.query_row([seq], |row| row.get(0)).optional()?;
    Ok(hash.map(Digest::from_bytes))
}
