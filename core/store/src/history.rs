//! The history of changes of state and of what persons asked (H6): append-only, each row chained to the one before by its
//! hash.

use crate::audit::AuditRow;
use crate::fault::{Fault, damaged};
use crate::keys::{Column, Keys};
use crate::rows::{as_json, as_word, nanos};
use rohrpost_model::transition::Event;
use rohrpost_model::{Delivery, Digest, Reason, State, Timestamp};
use rusqlite::{Connection, OptionalExtension};

/// One change of state about to be written.
pub(crate) struct Entry<'a> {
    pub(crate) at: Timestamp,
    /// `None` where the delivery begins.
    pub(crate) event: Option<Event>,
    pub(crate) state: State,
    pub(crate) cause: &'a str,
    pub(crate) who: &'a str,
    pub(crate) why: Option<&'a str>,
    pub(crate) reason: Option<&'a Reason>,
    /// SHA-256 of what was accepted, or of what was sent.
    pub(crate) evidence: Option<Digest>,
}

/// The end of the chain.
#[derive(Clone, Copy)]
pub(crate) struct Chain {
    seq: i64,
    hash: Digest,
}

const BEGINNING: Chain = Chain { seq: 0, hash: Digest::from_bytes([0; 32]) };

/// What a person asked that concerns no single delivery, about to be written.
pub(crate) struct Note<'a> {
    /// `destination NAME` or `command ID`.
    pub(crate) subject: &'a str,
    pub(crate) at: Timestamp,
    /// What was asked, or that it ended.
    pub(crate) event: &'a str,
    pub(crate) who: &'a str,
    /// The person's words, encrypted.
    pub(crate) sealed_why: Option<&'a [u8]>,
}

impl Chain {
    /// The end as it is kept.
    pub(crate) fn read(connection: &Connection) -> Result<Self, Fault> {
        let last =
            connection.query_row("SELECT seq, hash FROM history ORDER BY seq DESC LIMIT 1", [], |row| {
                Ok(Self { seq: row.get(0)?, hash: Digest::from_bytes(row.get(1)?) })
            });
        Ok(last.optional()?.unwrap_or(BEGINNING))
    }

    /// Appends a row for `delivery`, whose place in its table is `place`.
    pub(crate) fn append(
        &mut self,
        connection: &Connection,
        keys: &Keys,
        place: i64,
        delivery: &Delivery,
        entry: &Entry<'_>,
    ) -> Result<(), Fault> {
        let why =
            entry.why.map(|why| seal_why(connection, keys, delivery, self.next_seq(), why)).transpose()?;
        let about = AuditRow {
            delivery: Some(delivery.id),
            event: entry.event.as_ref().map(as_word).transpose()?,
            state: Some(entry.state.as_str().to_owned()),
            reason: entry.reason.map(as_json).transpose()?,
            evidence: entry.evidence,
            ..self.row(entry.at, (entry.cause, entry.who), why.as_deref())
        };
        self.insert(connection, Some(place), about, why.as_deref())
    }

    pub(crate) fn next_seq(&self) -> i64 {
        self.seq + 1
    }

    /// Appends a row that is about no delivery.
    pub(crate) fn note(&mut self, connection: &Connection, note: &Note<'_>) -> Result<(), Fault> {
        let about = AuditRow {
            subject: Some(note.subject.to_owned()),
            event: Some(note.event.to_owned()),
            ..self.row(note.at, ("command", note.who), note.sealed_why)
        };
        self.insert(connection, None, about, note.sealed_why)
    }

    /// The next row, without what it is about and without its own hash.
    fn row(&self, at: Timestamp, (cause, who): (&str, &str), sealed_why: Option<&[u8]>) -> AuditRow {
        AuditRow {
            seq: u64::try_from(self.next_seq()).unwrap_or(0),
            delivery: None,
            subject: None,
            at: nanos(at),
            event: None,
            state: None,
            cause: cause.to_owned(),
            who: who.to_owned(),
            why_sha256: sealed_why.map(Digest::of),
            reason: None,
            evidence: None,
            hash: self.hash,
        }
    }

    fn insert(
        &mut self,
        connection: &Connection,
        place: Option<i64>,
        row: AuditRow,
        sealed_why: Option<&[u8]>,
    ) -> Result<(), Fault> {
        let hash = row.hash_after(&self.hash).ok_or_else(|| damaged("a row of the history"))?;
        let seq = self.next_seq();
        let mut insert = connection.prepare_cached(
            "INSERT INTO history (seq, delivery, subject, at, event, state, cause, who, sealed_why, why_sha256, reason, \
             evidence, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?;
        insert.execute(rusqlite::params![
            seq,
            place,
            row.subject,
            row.at,
            row.event,
            row.state,
            row.cause,
            row.who,
            sealed_why,
            row.why_sha256.as_ref().map(Digest::as_bytes),
            row.reason,
            row.evidence.as_ref().map(Digest::as_bytes),
            hash.as_bytes(),
        ])?;
        *self = Self { seq, hash };
        Ok(())
    }
}

fn seal_why(
    connection: &Connection,
    keys: &Keys,
    delivery: &Delivery,
    seq: i64,
    why: &str,
) -> Result<Vec<u8>, Fault> {
    let key = keys.of(connection, delivery.submission)?;
    Ok(Column::Why(seq).seal(&*key, delivery.submission, &why)?)
}
