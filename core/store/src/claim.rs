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
    /// Some could not be read.
    set_aside: bool,
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
    loop {
        let candidates = candidates(connection, claims, wanted)?;
        let reserved = reserve_among(candidates, connection, claims, keys, wanted)?;
        // Every further go has fewer candidates: what was set aside is held.
        if !reserved.deliveries.is_empty() || !reserved.set_aside {
            return Ok(reserved);
        }
    }
}

fn reserve_among(
    candidates: Vec<(i64, DeliveryId)>,
    connection: &Connection,
    claims: &Arc<Claims>,
    keys: &Keys,
    wanted: &Wanted,
) -> Result<Reserved, Fault> {
    let mut reserved = Reserved { claims: Arc::clone(claims), deliveries: Vec::new(), set_aside: false };
    for (place, id) in candidates {
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
                reserved.set_aside = true;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::Stand;
    use crate::conformance::sample::*;
    use crate::tests::{Folder, open, ports};
    use rohrpost_model::transition::Event;

    #[tokio::test]
    async fn h5_what_was_settled_since_it_was_looked_up_is_not_handed_out_again() {
        let folder = Folder::new();
        let store = open(&folder.path());
        let ports = ports(&store);
        ports.accept(&Draft::default()).await;
        ports.accept(&Draft { steps: vec![step("fachverfahren")], ..Draft::default() }).await;
        let connection = crate::schema::open_reader(&folder.path().join("rohrpost.sqlite")).unwrap();
        let wanted = wanted(10, 10);
        let seen = candidates(&connection, &store.claims, &wanted).unwrap();
        assert_eq!(seen.len(), 2);
        let mut first = ports.claim(10, 1).await.remove(0);
        ports.mark(&mut first, 10).await.unwrap();
        let settled = first.delivery.id;
        ports.settle(first, &attempt(Event::Taken, 11)).await;

        let reserved = reserve_among(seen, &connection, &store.claims, &store.keys, &wanted).unwrap();
        let ids: Vec<_> = reserved.deliveries.iter().map(|delivery| delivery.id).collect();
        assert!(ids.len() == 1 && ids[0] != settled);
        assert!(!store.claims.is_held(settled));
        assert!(ports.claim(10, 10).await.is_empty(), "the other one is reserved");
        drop(reserved);
        assert_eq!(ports.claim(10, 10).await.len(), 1, "a reservation that nobody took ends");
    }

    #[tokio::test]
    async fn h2_a_row_that_cannot_be_read_does_not_stop_the_others() {
        let folder = Folder::new();
        let ports = folder.open().await;
        ports.accept(&Draft::case("broken")).await;
        ports.accept(&Draft { steps: vec![step("fachverfahren")], ..Draft::case("whole") }).await;
        drop(ports);
        let connection = Connection::open(folder.path().join("rohrpost.sqlite")).unwrap();
        connection
            .execute("UPDATE deliveries SET after_on = 'nonsense' WHERE case_id = 'broken'", [])
            .unwrap();
        drop(connection);
        let ports = folder.open().await;
        assert_eq!(ports.claim(10, 1).await[0].delivery.case.as_str(), "whole");
        assert!(ports.claim(10, 1).await.is_empty());
    }
}
