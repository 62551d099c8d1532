//! Handing out work. The disk is only read: a claim is reserved in memory first and its row read after that, so that
//! a claim settled in between is seen as it was settled.

use crate::claims::{Claims, Holder};
use crate::fault::Fault;
use crate::keys::Keys;
use crate::rows::{DELIVERY, FROM_DELIVERIES, nanos, stored};
use rohrpost_model::ports::{Claim, StoreFault, Wanted};
use rohrpost_model::{Delivery, DeliveryId, State, Timestamp};
use rusqlite::Connection;
use std::sync::Arc;

/// Candidates, the longest due first. The index `deliveries_to_claim` holds just what may be claimed.
pub(crate) const CANDIDATES: &str = "SELECT seq, id FROM deliveries \
     WHERE destination IS ?1 AND due_at <= ?2 AND held = 0 ORDER BY due_at, seq LIMIT ?3";

pub(crate) const DUE_TIMES: &str =
    "SELECT id, due_at FROM deliveries WHERE due_at IS NOT NULL AND held = 0 ORDER BY due_at LIMIT ?1";

/// Reserved deliveries; released again unless they are handed out.
pub(crate) struct Reserved {
    claims: Arc<Claims>,
    deliveries: Vec<Delivery>,
}

impl Reserved {
    pub(crate) fn hand_out(mut self) -> Vec<Claim> {
        std::mem::take(&mut self.deliveries).into_iter().map(|delivery| Claim { delivery }).collect()
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        for delivery in &self.deliveries {
            self.claims.release(delivery.id);
        }
    }
}

/// Reserves what is wanted. A row that cannot be read is kept aside, so that it does not stop its destination.
pub(crate) fn reserve(
    connection: &Connection,
    claims: &Arc<Claims>,
    keys: &Keys,
    wanted: &Wanted,
) -> Result<Reserved, Fault> {
    let mut reserved = Reserved { claims: Arc::clone(claims), deliveries: Vec::new() };
    for (place, id) in candidates(connection, claims, wanted)? {
        if reserved.deliveries.len() >= wanted.limit {
            break;
        }
        if !claims.take(id, Holder::Worker, wanted.destination.as_ref()) {
            continue;
        }
        match look_again(connection, keys, place, wanted.now) {
            Ok(Some(delivery)) => reserved.deliveries.push(shown(claims, delivery)),
            Ok(None) => claims.release(id),
            Err(Fault::Own(fault @ StoreFault::Damaged(_))) => {
                tracing::error!(delivery = %id, %fault, "a delivery cannot be read and is left aside until the next start");
                claims.set_unreadable(id);
            }
            Err(fault) => {
                claims.release(id);
                return Err(fault);
            }
        }
    }
    Ok(reserved)
}

fn shown(claims: &Claims, mut delivery: Delivery) -> Delivery {
    if delivery.state == State::Due {
        claims.set_due(delivery.id, true);
        delivery.state = State::Claimed;
    }
    delivery
}

/// As many as are wanted beside those that are held already.
fn candidates(
    connection: &Connection,
    claims: &Claims,
    wanted: &Wanted,
) -> Result<Vec<(i64, DeliveryId)>, Fault> {
    let limit = wanted.limit.saturating_add(claims.len_for(wanted.destination.as_ref()));
    let destination = wanted.destination.as_ref().map(|name| name.as_str());
    let mut statement = connection.prepare_cached(CANDIDATES)?;
    let params = (destination, nanos(wanted.now), i64::try_from(limit).unwrap_or(i64::MAX));
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((row.get(0)?, DeliveryId::from_bytes(row.get(1)?)));
    }
    Ok(found)
}

/// The row as it stands now that nobody else can take it; `None` if it changed before.
fn look_again(
    connection: &Connection,
    keys: &Keys,
    place: i64,
    now: Timestamp,
) -> Result<Option<Delivery>, Fault> {
    let sql = format!(
        "SELECT {DELIVERY} FROM {FROM_DELIVERIES} WHERE d.seq = ?1 AND d.due_at <= ?2 AND d.held = 0"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((place, nanos(now)))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let stored = stored(row)?;
    stored.open(keys, connection).map(Some)
}

/// The next time at which something unclaimed falls due.
pub(crate) fn next_due(connection: &Connection, claims: &Claims) -> Result<Option<Timestamp>, Fault> {
    let mut statement = connection.prepare_cached(DUE_TIMES)?;
    let mut rows = statement.query([i64::try_from(claims.len() + 1).unwrap_or(i64::MAX)])?;
    while let Some(row) = rows.next()? {
        if !claims.is_held(DeliveryId::from_bytes(row.get(0)?)) {
            return crate::rows::time(row, 1).map(Some);
        }
    }
    Ok(None)
}
