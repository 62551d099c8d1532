//! Handing out work: what the mirror in memory ([`crate::ready`]) is filled with, and how a row becomes a claim.

use crate::claims::{Claims, Holder};
use crate::fault::{Fault, damaged};
use crate::keys::Keys;
use crate::ready::{Filling, Found, Key};
use crate::rows::{DELIVERY, FROM_DELIVERIES, Stored, nanos, stored};
use rohrpost_model::ports::{Claim, StoreFault, Wanted, Work};
use rohrpost_model::{Delivery, DeliveryId, State};
use rusqlite::{Connection, OptionalExtension};

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
    /// A tenant's rows, the longest due first.
    pub(crate) first: &'static str,
    /// Those that are due only after a time that no wait reaches, but for the wait for a target's last word.
    pub(crate) beyond: &'static str,
}

macro_rules! statements {
    ($work:ident) => {
        Statements {
            next_tenant: concat!(
                "SELECT tenant ",
                open_at_place!($work),
                " AND tenant > ?2 ORDER BY tenant LIMIT 1"
            ),
            first: concat!(
                "SELECT due_at, seq, id ",
                open_at_place!($work),
                " AND tenant = ?2 AND due_at > ?3 ORDER BY due_at, seq LIMIT ?4"
            ),
            beyond: concat!(
                "SELECT due_at, seq, id ",
                open_at_place!($work),
                " AND tenant = ?2 AND due_at > ?3 AND state <> 'awaiting' ORDER BY due_at, seq LIMIT ?4"
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

/// Reads what may be handed out at a place, a window for each tenant. A row that cannot be read is kept away from everybody
/// until the next start, so that it does not stop its destination.
pub(crate) fn read(
    connection: &Connection,
    claims: &Claims,
    wanted: &Wanted,
    window: usize,
) -> Result<Vec<Filling>, Fault> {
    let mut next = connection.prepare_cached(statements(wanted.work).next_tenant)?;
    let (mut found, mut after) = (Vec::new(), String::new());
    let destination = wanted.destination.as_ref().map(|name| name.as_str());
    while let Some(tenant) =
        next.query_row((destination, &after), |row| row.get::<_, String>(0)).optional()?
    {
        found.push(read_of(connection, claims, wanted, (&tenant, window))?);
        after = tenant;
    }
    Ok(found)
}

fn read_of(
    connection: &Connection,
    claims: &Claims,
    wanted: &Wanted,
    (tenant, window): (&str, usize),
) -> Result<Filling, Fault> {
    let statements = statements(wanted.work);
    // As many as are wanted must be among them, whatever of them is held: else it would be read for ever.
    let window = window.max(wanted.limit.saturating_add(claims.held_at(&wanted.destination)));
    let beyond = nanos(wanted.beyond.max(wanted.now));
    let find = |sql, after| found(connection, claims, wanted, (sql, tenant), (after, window));
    let (waiting, astray) = (find(statements.first, i64::MIN)?, find(statements.beyond, beyond)?);
    let tenant = tenant.parse().map_err(|_| damaged("tenant"))?;
    Ok(Filling { tenant, waiting, astray })
}

/// A tenant's rows that are due after a time, at most so many.
fn found(
    connection: &Connection,
    claims: &Claims,
    wanted: &Wanted,
    (sql, tenant): (&str, &str),
    (after, window): (i64, usize),
) -> Result<Found, Fault> {
    let mut places = places(connection, sql, wanted, tenant, (after, window + 1))?;
    let more = places.len() > window;
    places.truncate(window);
    // Also where the last of them, or all, cannot be read.
    let reach = places.last().filter(|_| more).map(|(key, _)| *key);
    let mut rows = Vec::new();
    for ((_, place), id) in places {
        rows.extend(row(connection, claims, wanted, (place, id))?);
    }
    Ok(Found { rows, reach })
}

/// Keys and ids of a tenant's rows that are due after a time, at most so many.
fn places(
    connection: &Connection,
    sql: &str,
    wanted: &Wanted,
    tenant: &str,
    (after, limit): (i64, usize),
) -> Result<Vec<(Key, DeliveryId)>, Fault> {
    let destination = wanted.destination.as_ref().map(|name| name.as_str());
    let mut statement = connection.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((destination, tenant, after, limit))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(((row.get(0)?, row.get(1)?), DeliveryId::from_bytes(row.get(2)?)));
    }
    Ok(found)
}

fn row(
    connection: &Connection,
    claims: &Claims,
    wanted: &Wanted,
    (place, id): (i64, DeliveryId),
) -> Result<Option<Stored>, Fault> {
    let sql = format!("SELECT {DELIVERY} FROM {FROM_DELIVERIES} WHERE d.seq = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([place])?;
    let Some(found) = rows.next()? else { return Ok(None) };
    match stored(found) {
        Ok(stored) => Ok(Some(stored)),
        Err(Fault::Own(fault @ StoreFault::Damaged(_))) => {
            if claims.take(id, Holder::Unreadable, wanted.destination.as_ref()) {
                tracing::error!(delivery = %id, %fault, "a delivery cannot be read and is left aside until the next start");
            }
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

/// The deliveries as their claims carry them, with their receipts open. One whose receipt cannot be read is left aside.
pub(crate) fn open(
    connection: &Connection,
    claims: &Claims,
    keys: &Keys,
    reserved: Vec<Stored>,
) -> Result<Vec<Delivery>, Fault> {
    let mut found = Vec::new();
    for row in reserved {
        let id = row.delivery.id;
        match row.open(keys, connection) {
            Ok(delivery) => found.push(delivery),
            Err(Fault::Own(fault @ StoreFault::Damaged(_))) => {
                tracing::error!(delivery = %id, %fault, "a delivery cannot be read and is left aside until the next start");
                claims.set_unreadable(id);
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(found)
}

/// A claim of a delivery, as it is shown while somebody works on it.
pub(crate) fn claim(mut delivery: Delivery) -> Claim {
    if delivery.state == State::Due {
        delivery.state = State::Claimed;
    }
    Claim { delivery }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::Stand;
    use crate::conformance::sample::*;
    use crate::tests::{Folder, open, ports};
    use rohrpost_model::ports::Scope;

    #[tokio::test]
    async fn h5_what_was_settled_since_it_was_looked_up_is_not_handed_out_again() {
        let folder = Folder::new();
        let store = open(&folder.path());
        let ports = ports(&store);
        ports.accept(&Draft::default()).await;
        ports.accept(&Draft { steps: vec![step("fachverfahren")], ..Draft::default() }).await;
        let wanted = wanted(10, 10);
        // The mirror is being filled while one of the two is settled.
        let filling = store.ready.begin_to_fill(&wanted.destination);
        let connection = crate::schema::open_reader(&folder.path().join("rohrpost.sqlite")).unwrap();
        let read = read(&connection, &store.claims, &wanted, 64).unwrap();
        assert_eq!(read[0].waiting.rows.len(), 2);
        let settled = read[0].waiting.rows[0].delivery.id;
        ports.outbox.command(&Scope::Hub, command(settled, DISCARD)).await.unwrap();
        filling.end(&wanted, read);

        let ids: Vec<_> = ports.claim(10, 10).await.iter().map(|claim| claim.delivery.id).collect();
        assert!(ids.len() == 1 && ids[0] != settled);
        assert!(!store.claims.is_held(settled));
        assert!(ports.claim(10, 10).await.is_empty(), "the other one is claimed");
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
