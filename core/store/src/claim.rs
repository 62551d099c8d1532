//! Handing out work. The disk is only read: a claim is reserved in memory first and its row read after that, so that
//! a claim settled in between is seen as it was settled.

use crate::claims::{Claims, Holder};
use crate::fault::Fault;
use crate::keys::Keys;
use crate::rows::{DELIVERY, FROM_DELIVERIES, nanos, stored};
use rohrpost_model::ports::{Claim, Claimed, Place, StoreFault, Wanted, Work};
use rohrpost_model::{Delivery, DeliveryId, State, TenantName, Timestamp};
use rusqlite::{Connection, OptionalExtension};
use std::sync::Arc;

/// What may be handed out. The indexes `deliveries_to_claim` and `deliveries_to_ask` have the same words.
macro_rules! open_at_place {
    (All) => {
        "FROM deliveries WHERE destination IS ?1 AND due_at IS NOT NULL AND held = 0"
    };
    (Inquiries) => {
        "FROM deliveries WHERE destination IS ?1 AND due_at IS NOT NULL AND held = 0 \
         AND state IN ('unknown', 'awaiting')"
    };
}

/// The statements of one kind of work.
pub(crate) struct Statements {
    /// The tenant after `?2` that has something open here. The index is entered once for each tenant.
    pub(crate) next_tenant: &'static str,
    /// A tenant's candidates, the longest due first.
    pub(crate) candidates: &'static str,
    /// Those that are due only after a time that no wait reaches.
    pub(crate) beyond: &'static str,
    /// When a tenant's next ones fall due.
    pub(crate) due_times: &'static str,
}

macro_rules! statements {
    ($work:ident) => {
        Statements {
            next_tenant: concat!(
                "SELECT tenant ",
                open_at_place!($work),
                " AND tenant > ?2 ORDER BY tenant LIMIT 1"
            ),
            candidates: concat!(
                "SELECT seq, id ",
                open_at_place!($work),
                " AND tenant = ?2 AND due_at <= ?3 ORDER BY due_at, seq LIMIT ?4"
            ),
            beyond: concat!(
                "SELECT seq, id ",
                open_at_place!($work),
                " AND tenant = ?2 AND due_at > ?3 ORDER BY due_at, seq LIMIT ?4"
            ),
            due_times: concat!(
                "SELECT id, due_at ",
                open_at_place!($work),
                " AND tenant = ?2 ORDER BY due_at LIMIT ?3"
            ),
        }
    };
}

pub(crate) const ALL: Statements = statements!(All);
pub(crate) const INQUIRIES: Statements = statements!(Inquiries);

const fn statements(work: Work) -> &'static Statements {
    match work {
        Work::All => &ALL,
        Work::Inquiries => &INQUIRIES,
    }
}

/// Reserved deliveries; released again unless they are handed out.
pub(crate) struct Reserved {
    claims: Arc<Claims>,
    deliveries: Vec<Delivery>,
    next_due: Option<Timestamp>,
    /// Some could not be read.
    set_aside: bool,
}

impl Reserved {
    pub(crate) fn hand_out(mut self) -> Claimed {
        let deliveries = std::mem::take(&mut self.deliveries);
        let claims = deliveries.into_iter().map(|delivery| Claim { delivery }).collect();
        Claimed { claims, next_due: self.next_due }
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
        let mut reserved = reserve_among(candidates, connection, claims, keys, wanted)?;
        // Every further go has fewer candidates: what was set aside is held.
        if !reserved.deliveries.is_empty() || !reserved.set_aside {
            if reserved.deliveries.len() < wanted.limit {
                reserved.next_due = next_due(connection, claims, wanted)?;
            }
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
    let mut reserved =
        Reserved { claims: Arc::clone(claims), deliveries: Vec::new(), next_due: None, set_aside: false };
    for (place, id) in candidates {
        if reserved.deliveries.len() >= wanted.limit {
            break;
        }
        if !claims.take(id, Holder::Worker, wanted.destination.as_ref()) {
            continue;
        }
        match look_again(connection, keys, place, wanted) {
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

/// As many as are wanted beside those that are held already: tenant by tenant in turn, of each the longest due first.
fn candidates(
    connection: &Connection,
    claims: &Claims,
    wanted: &Wanted,
) -> Result<Vec<(i64, DeliveryId)>, Fault> {
    let mut queues = Vec::new();
    // So many tenants with something to hand out fill a round by themselves.
    for tenant in in_turn(connection, &wanted.destination, wanted.work, wanted.after.as_ref())? {
        let queue = candidates_of(connection, claims, wanted, &tenant)?;
        queues.extend((!queue.is_empty()).then_some(queue.into_iter()));
        if queues.len() >= wanted.limit {
            break;
        }
    }
    let mut found = Vec::new();
    while found.len() < wanted.limit {
        let before = found.len();
        found.extend(queues.iter_mut().filter_map(Iterator::next));
        if found.len() == before {
            break;
        }
    }
    Ok(found)
}

/// The tenants that have something open here, the one after `last` first.
fn in_turn(
    connection: &Connection,
    place: &Place,
    work: Work,
    last: Option<&TenantName>,
) -> Result<Vec<String>, Fault> {
    let mut next = connection.prepare_cached(statements(work).next_tenant)?;
    let (mut tenants, mut after) = (Vec::new(), String::new());
    while let Some(tenant) =
        next.query_row((place.as_ref().map(|name| name.as_str()), &after), |row| row.get(0)).optional()?
    {
        after.clone_from(&tenant);
        tenants.push(tenant);
    }
    if let Some(last) = last {
        let turn = tenants.iter().position(|tenant| tenant.as_str() > last.as_str()).unwrap_or(0);
        tenants.rotate_left(turn);
    }
    Ok(tenants)
}

/// What nobody holds of a tenant's due ones.
fn candidates_of(
    connection: &Connection,
    claims: &Claims,
    wanted: &Wanted,
    tenant: &str,
) -> Result<Vec<(i64, DeliveryId)>, Fault> {
    let limit = wanted.limit.saturating_add(claims.len_for(&wanted.destination));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let destination = wanted.destination.as_ref().map(|name| name.as_str());
    let mut found = Vec::new();
    let statements = statements(wanted.work);
    for (sql, time) in [(statements.candidates, wanted.now), (statements.beyond, wanted.beyond)] {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query((destination, tenant, nanos(time), limit))?;
        while let Some(row) = rows.next()? {
            let (place, id) = (row.get(0)?, DeliveryId::from_bytes(row.get(1)?));
            if !claims.is_held(id) {
                found.push((place, id));
            }
        }
    }
    Ok(found)
}

/// The row as it stands now that nobody else can take it; `None` if it changed before.
fn look_again(
    connection: &Connection,
    keys: &Keys,
    place: i64,
    wanted: &Wanted,
) -> Result<Option<Delivery>, Fault> {
    let sql = format!(
        "SELECT {DELIVERY} FROM {FROM_DELIVERIES} WHERE d.seq = ?1 \
         AND (d.due_at <= ?2 OR d.due_at > ?3) AND d.held = 0"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((place, nanos(wanted.now), nanos(wanted.beyond)))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let stored = stored(row)?;
    if wanted.work == Work::Inquiries && stored.delivery.state == State::Due {
        return Ok(None);
    }
    stored.open(keys, connection).map(Some)
}

/// The next time at which something unclaimed falls due here.
fn next_due(connection: &Connection, claims: &Claims, wanted: &Wanted) -> Result<Option<Timestamp>, Fault> {
    let place = &wanted.destination;
    let limit = i64::try_from(claims.len_for(place) + 1).unwrap_or(i64::MAX);
    let destination = place.as_ref().map(|name| name.as_str());
    let mut statement = connection.prepare_cached(statements(wanted.work).due_times)?;
    let mut next: Option<Timestamp> = None;
    for tenant in in_turn(connection, place, wanted.work, None)? {
        let mut rows = statement.query((destination, &tenant, limit))?;
        while let Some(row) = rows.next()? {
            if !claims.is_held(DeliveryId::from_bytes(row.get(0)?)) {
                let due = crate::rows::time(row, 1)?;
                next = Some(next.map_or(due, |next| next.min(due)));
                break;
            }
        }
    }
    Ok(next)
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
