//! What a delivery of several calls has done, kept between its calls.

use crate::change::{Also, Change, HUB};
use crate::fault::{Fault, damaged};
use crate::keys::{Column, Keys};
use crate::ledger::Ledger;
use crate::rows::open_column;
use crate::writer::Work;
use rohrpost_model::ports::Recorded;
use rohrpost_model::transition::Event;
use rohrpost_model::{DeliveryId, Reason, ReasonCode, SubmissionId};
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;

pub(crate) struct Record {
    pub(crate) delivery: DeliveryId,
    pub(crate) recorded: Recorded,
}

impl Work for Record {
    type Output = ();

    fn run(&mut self, ledger: &mut Ledger) -> Result<(), Fault> {
        let Recorded { at, key, value } = &self.recorded;
        let stored = ledger.find_held(self.delivery, Event::ProgressRecorded)?;
        let delivery = &stored.delivery;
        let change = Change {
            event: Event::ProgressRecorded,
            at: *at,
            reason: Some(Reason::new(ReasonCode::ProgressRecorded).with("key", key)),
            due_at: None,
            cause: &format!("attempt {}", delivery.attempts),
            who: HUB,
            why: None,
            evidence: None,
            also: Also::Nothing,
        };
        ledger.remark(&stored, &change)?;
        let content_key = ledger.keys.of(&ledger.connection, delivery.submission)?;
        let column = Column::Progress(delivery.id, delivery.attempts);
        let sealed = column.seal(&*content_key, delivery.submission, &(key, value))?;
        let mut insert = ledger.connection.prepare_cached(
            "INSERT INTO progress (delivery, attempt, key, sealed_value) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT DO UPDATE SET sealed_value = excluded.sealed_value",
        )?;
        insert.execute((stored.seq, delivery.attempts, key, sealed))?;
        Ok(())
    }
}

/// What attempts at the destination that the delivery goes to now recorded, the last value of each key.
pub(crate) fn recorded(
    connection: &Connection,
    keys: &Keys,
    id: DeliveryId,
) -> Result<BTreeMap<String, String>, Fault> {
    let mut of = connection.prepare_cached(
        "SELECT d.seq, s.id FROM deliveries d JOIN submissions s ON s.seq = d.submission WHERE d.id = ?1",
    )?;
    let found = of.query_row([id.as_bytes()], |row| Ok((row.get(0)?, SubmissionId::from_bytes(row.get(1)?))));
    let Some((place, submission)) = found.optional()? else { return Ok(BTreeMap::new()) };
    let mut progress = BTreeMap::new();
    for (attempt, key, sealed) in rows(connection, place)? {
        let column = Column::Progress(id, attempt);
        match open_column::<(String, String)>(keys, connection, submission, column, &sealed)? {
            Some((sealed_key, value)) if sealed_key == key => progress.insert(key, value),
            Some(_) => return Err(damaged("a delivery's progress").into()),
            None => return Ok(BTreeMap::new()),
        };
    }
    Ok(progress)
}

fn rows(connection: &Connection, place: i64) -> Result<Vec<(u32, String, Vec<u8>)>, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT p.attempt, p.key, p.sealed_value FROM progress p \
         JOIN attempts a ON a.delivery = p.delivery AND a.number = p.attempt \
         JOIN deliveries d ON d.seq = p.delivery AND d.destination = a.destination \
         WHERE p.delivery = ?1 ORDER BY p.attempt",
    )?;
    let rows = select.query_map([place], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
