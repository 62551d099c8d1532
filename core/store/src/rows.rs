//! From rows to nouns. A row that cannot be read is damaged; the error names the column, never the value.

use crate::fault::{Fault, damaged};
use crate::keys::{Column, Keys, from_json};
use rohrpost_model::ports::StoreFault;
use rohrpost_model::{Delivery, DeliveryId, Digest, Reason, ReasonCode, Receipt, SubmissionId, Timestamp};
use rusqlite::types::FromSql;
use rusqlite::{Connection, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// The columns that [`stored`] reads, of `deliveries d` joined with `submissions s`.
pub(crate) const DELIVERY: &str = "d.seq, d.submission, d.id, s.id, d.tenant, d.case_id, d.step, d.destination, \
     d.pinned, d.ordered, d.after_steps, d.after_on, d.state, d.reason, d.due_at, d.attempts, d.document, \
     d.sealed_receipt, d.since, d.tries, d.tries_since, d.expires_at, d.paused_by, \
     CASE WHEN d.held & 1 THEN (SELECT e.id FROM deliveries e WHERE e.case_id = d.case_id AND e.tenant = d.tenant \
     AND e.step = d.step AND e.state IN ('blocked', 'due', 'sending', 'unknown', 'parked') \
     AND e.submission < d.submission ORDER BY e.submission LIMIT 1) END, d.held, d.fetched_at";

/// The tables that [`DELIVERY`] is read from. A cross join keeps `deliveries` outside, whose indexes were chosen.
pub(crate) const FROM_DELIVERIES: &str = "deliveries d CROSS JOIN submissions s ON s.seq = d.submission";

/// A delivery with its place in the tables. Its receipt is still encrypted.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) seq: i64,
    pub(crate) submission: i64,
    pub(crate) delivery: Delivery,
    pub(crate) sealed_receipt: Option<Vec<u8>>,
    /// What keeps it from being handed out: 1 an earlier one of its case, 2 a person.
    pub(crate) held: i64,
}

impl Stored {
    /// Whether it may be handed out when its time has come.
    pub(crate) fn may_go(&self) -> bool {
        self.delivery.due_at.is_some() && self.held == 0
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.delivery.paused_by.is_some()
    }

    /// Decrypts the receipt. One whose key was destroyed is gone (H9).
    pub(crate) fn open(self, keys: &Keys, connection: &Connection) -> Result<Delivery, Fault> {
        let mut delivery = self.delivery;
        if let Some(sealed) = self.sealed_receipt {
            let column = Column::Receipt(delivery.id);
            delivery.receipt =
                open_column::<Receipt>(keys, connection, delivery.submission, column, &sealed)?;
        }
        Ok(delivery)
    }

    /// The delivery, without its receipt where that cannot be decrypted; then its reason says so.
    pub(crate) fn open_as_far_as_possible(self, keys: &Keys, connection: &Connection) -> Delivery {
        let mut bare = self.delivery.clone();
        self.open(keys, connection).unwrap_or_else(|fault| {
            tracing::error!(delivery = %bare.id, fault = %fault.into_store(), "the receipt cannot be read");
            bare.reason = Some(Reason::new(ReasonCode::ContentDamaged));
            bare
        })
    }
}

/// An encrypted column, or nothing where its key was destroyed.
pub(crate) fn open_column<T: DeserializeOwned>(
    keys: &Keys,
    connection: &Connection,
    submission: SubmissionId,
    column: Column,
    sealed: &[u8],
) -> Result<Option<T>, Fault> {
    match keys.of(connection, submission) {
        Ok(key) => Ok(Some(column.open(&*key, submission, sealed)?)),
        Err(Fault::Own(StoreFault::Erased)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Reads the columns of [`DELIVERY`].
pub(crate) fn stored(row: &Row<'_>) -> Result<Stored, Fault> {
    let document: Option<String> = row.get(16)?;
    let after: String = row.get(10)?;
    let delivery = Delivery {
        id: DeliveryId::from_bytes(row.get(2)?),
        submission: SubmissionId::from_bytes(row.get(3)?),
        tenant: text(row, 4, "tenant")?,
        case: text(row, 5, "case")?,
        step: text(row, 6, "step")?,
        destination: optional_text(row, 7, "destination")?,
        pinned: row.get::<_, Option<[u8; 32]>>(8)?.map(Digest::from_bytes),
        ordered: row.get(9)?,
        after: if after == "[]" { Vec::new() } else { plain_json(&after, "after")? },
        on: word(row, 11, "on")?,
        state: text(row, 12, "state")?,
        reason: optional_json(row, 13, "reason")?,
        since: time(row, 18)?,
        due_at: optional_time(row, 14)?,
        attempts: row.get(15)?,
        tries: row.get(19)?,
        tries_since: optional_time(row, 20)?,
        expires_at: optional_time(row, 21)?,
        fetched_at: optional_time(row, 25)?,
        paused_by: row.get(22)?,
        behind: row.get::<_, Option<[u8; 16]>>(23)?.map(DeliveryId::from_bytes),
        document: document.map(|document| from_json(&document, "document")).transpose()?,
        receipt: None,
    };
    Ok(Stored {
        seq: row.get(0)?,
        submission: row.get(1)?,
        delivery,
        sealed_receipt: row.get(17)?,
        held: row.get(24)?,
    })
}

/// A name or another word that knows its form.
pub(crate) fn text<T: FromStr>(row: &Row<'_>, index: usize, what: &str) -> Result<T, Fault> {
    let text = row.get_ref(index)?.as_str().map_err(|_| damaged(what))?;
    Ok(text.parse().map_err(|_| damaged(what))?)
}

/// The same, or nothing.
pub(crate) fn optional_text<T: FromStr>(row: &Row<'_>, index: usize, what: &str) -> Result<Option<T>, Fault> {
    let text = row.get_ref(index)?.as_str_or_null().map_err(|_| damaged(what))?;
    Ok(text.map(str::parse).transpose().map_err(|_| damaged(what))?)
}

/// A word of a closed list, as serde writes it.
pub(crate) fn word<T: DeserializeOwned>(row: &Row<'_>, index: usize, what: &str) -> Result<T, Fault> {
    let text: String = row.get(index)?;
    Ok(serde_json::from_value(serde_json::Value::String(text)).map_err(|_| damaged(what))?)
}

/// The same, or nothing.
pub(crate) fn optional_word<T: DeserializeOwned>(
    row: &Row<'_>,
    index: usize,
    what: &str,
) -> Result<Option<T>, Fault> {
    let missing = is_null(row, index)?;
    if missing { Ok(None) } else { word(row, index, what).map(Some) }
}

fn is_null(row: &Row<'_>, index: usize) -> Result<bool, Fault> {
    Ok(row.get_ref(index)? == rusqlite::types::ValueRef::Null)
}

/// JSON whose form is fixed for ever by the model (lists of names, reasons, locations).
pub(crate) fn plain_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, Fault> {
    Ok(serde_json::from_str(text).map_err(|_| damaged(what))?)
}

/// The same, or nothing.
pub(crate) fn optional_json<T: DeserializeOwned>(
    row: &Row<'_>,
    index: usize,
    what: &str,
) -> Result<Option<T>, Fault> {
    let text: Option<String> = row.get(index)?;
    text.map(|text| plain_json(&text, what)).transpose()
}

pub(crate) fn time(row: &Row<'_>, index: usize) -> Result<Timestamp, Fault> {
    from_nanos(row.get(index)?)
}

pub(crate) fn optional_time(row: &Row<'_>, index: usize) -> Result<Option<Timestamp>, Fault> {
    row.get::<_, Option<i64>>(index)?.map(from_nanos).transpose()
}

pub(crate) fn from_nanos(nanos: i64) -> Result<Timestamp, Fault> {
    Ok(Timestamp::from_nanosecond(i128::from(nanos)).map_err(|_| damaged("a time"))?)
}

/// A time as it is kept. What lies beyond the years 1677 to 2262 is kept as the end of that span.
pub(crate) fn nanos(time: Timestamp) -> i64 {
    let nanos = time.as_nanosecond();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

pub(crate) fn digest(row: &Row<'_>, index: usize) -> Result<Digest, Fault> {
    Ok(Digest::from_bytes(row.get(index)?))
}

/// A size or number; negative ones do not exist.
pub(crate) fn number<T: TryFrom<i64>>(row: &Row<'_>, index: usize, what: &str) -> Result<T, Fault> {
    Ok(T::try_from(row.get::<_, i64>(index)?).map_err(|_| damaged(what))?)
}

/// A size as it is kept.
pub(crate) fn size(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// The word that serde writes for a value of a closed list.
pub(crate) fn as_word<T: Serialize>(value: &T) -> Result<String, Fault> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        _ => Err(damaged("a word that is to be kept").into()),
    }
}

/// JSON whose form is fixed for ever by the model.
pub(crate) fn as_json<T: Serialize>(value: &T) -> Result<String, Fault> {
    Ok(serde_json::to_string(value).map_err(|_| damaged("a value that is to be kept"))?)
}

/// Reads the first row of a query that is prepared once.
pub(crate) fn first<T: FromSql>(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<T, Fault> {
    Ok(connection.prepare_cached(sql)?.query_row(params, |row| row.get(0))?)
}
