//! The rules of routes: deliveries that have not left in time are given up, after warnings (H2).

use super::dependents::{Behind, give_up};
use super::hold::Hold;
use crate::change::{Also, Change, HUB};
use crate::claims::Claims;
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::rows::{Stored, as_json, first, from_nanos, nanos, plain_json};
use crate::writer::{Ended, Work};
use rohrpost_model::destination::Written;
use rohrpost_model::ports::{Expired, StoreFault};
use rohrpost_model::transition::Event;
use rohrpost_model::{DeliveryId, Reason, ReasonCode, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// Whose time has come. The index `deliveries_under_rule` has the same words.
pub(crate) const RULE_APPLIES: &str = "SELECT id, state FROM deliveries WHERE rule_at <= ?1 AND state IN ('blocked', 'due', \
     'parked') ORDER BY rule_at LIMIT ?2";

pub(crate) const NEXT_RULE: &str =
    "SELECT min(rule_at) FROM deliveries WHERE rule_at > ?1 AND state IN ('blocked', 'due', 'parked')";

pub(crate) struct Expire {
    now: Timestamp,
    limit: usize,
    hold: Hold,
}

impl Expire {
    pub(crate) fn new(now: Timestamp, limit: usize, claims: Arc<Claims>) -> Self {
        Self { now, limit, hold: Hold::new(claims) }
    }

    fn apply(&self, ledger: &mut Ledger, stored: &mut Stored, done: &mut Expired) -> Result<(), Fault> {
        match stored.delivery.expires_at {
            Some(expires_at) if expires_at <= self.now => match warnings(ledger, stored)?.last() {
                Some(due) => {
                    done.warned += 1;
                    self.warn_late(ledger, stored, nanos(expires_at) - due)
                }
                None => self.expire(ledger, stored, done),
            },
            Some(expires_at) => {
                done.warned += 1;
                self.warn(ledger, stored, expires_at)
            }
            None => set_rule(ledger, stored, &[], None),
        }
    }

    fn change(&self, event: Event, reason: Reason) -> Change<'_> {
        let (at, also) = (self.now, Also::Nothing);
        let reason = Some(reason);
        Change { event, at, reason, due_at: None, cause: "expiry", who: HUB, why: None, evidence: None, also }
    }

    fn expire(&self, ledger: &mut Ledger, stored: &mut Stored, done: &mut Expired) -> Result<(), Fault> {
        let reason = Reason::new(ReasonCode::Expired).with("after", age(ledger, stored)?);
        ledger.change(stored, &self.change(Event::ExpiredByRule, reason.clone()))?;
        let behind = Behind { at: self.now, cause: "expiry", who: HUB, why: None };
        let with_it = (Event::ExpiredByRule, reason);
        done.expired += 1 + give_up(ledger, stored.submission, &stored.delivery.step, &with_it, behind)?;
        Ok(())
    }

    /// Nothing ends without a warning before: where the time for one passed unnoticed (the hub was down, the clock was put
    /// forward), the end is put off by as much as the warning was to come before it, at most by a day.
    fn warn_late(&self, ledger: &mut Ledger, stored: &mut Stored, lead: i64) -> Result<(), Fault> {
        let expires_at = nanos(self.now).saturating_add(lead.clamp(0, LATEST));
        let mut update =
            ledger.connection.prepare_cached("UPDATE deliveries SET expires_at = ?2 WHERE seq = ?1")?;
        update.execute((stored.seq, expires_at))?;
        drop(update);
        let expires_at = from_nanos(expires_at)?;
        stored.delivery.expires_at = Some(expires_at);
        ledger.changed(stored);
        self.warn(ledger, stored, expires_at)
    }

    /// A warning changes nothing but the history and the time of the next one.
    fn warn(&self, ledger: &mut Ledger, stored: &Stored, expires_at: Timestamp) -> Result<(), Fault> {
        let reason = Reason::new(ReasonCode::ExpiryWarning).with("at", expires_at);
        ledger.remark(stored, &self.change(Event::ExpiryWarned, reason))?;
        let later: Vec<i64> =
            warnings(ledger, stored)?.into_iter().filter(|at| *at > nanos(self.now)).collect();
        set_rule(ledger, stored, &later, Some(later.first().copied().unwrap_or(nanos(expires_at))))
    }
}

/// The longest that a late warning puts the end off.
const LATEST: i64 = 24 * 3600 * 1_000_000_000;

/// How long after acceptance the rule gives it up.
fn age(ledger: &Ledger, stored: &Stored) -> Result<Written, Fault> {
    let received: i64 =
        first(&ledger.connection, "SELECT received_at FROM submissions WHERE seq = ?1", [stored.submission])?;
    let expires_at = stored.delivery.expires_at.map_or(received, nanos);
    Ok(Written(Duration::from_nanos(u64::try_from(expires_at - received).unwrap_or(0))))
}

fn warnings(ledger: &Ledger, stored: &Stored) -> Result<Vec<i64>, Fault> {
    let mut select = ledger.connection.prepare_cached("SELECT warn_at FROM deliveries WHERE seq = ?1")?;
    let list: Option<String> = select.query_row([stored.seq], |row| row.get(0))?;
    list.map_or_else(|| Ok(Vec::new()), |list| plain_json(&list, "warnings"))
}

fn set_rule(ledger: &Ledger, stored: &Stored, warn_at: &[i64], rule_at: Option<i64>) -> Result<(), Fault> {
    let mut update = ledger
        .connection
        .prepare_cached("UPDATE deliveries SET warn_at = ?2, rule_at = ?3 WHERE seq = ?1")?;
    update.execute((stored.seq, as_json(&warn_at)?, rule_at))?;
    Ok(())
}

/// Deliveries whose time has come, with the state that each is in.
fn under_rule(ledger: &Ledger, now: i64, limit: i64) -> Result<Vec<(DeliveryId, String)>, Fault> {
    let mut select = ledger.connection.prepare_cached(RULE_APPLIES)?;
    let rows =
        select.query_map((now, limit), |row| Ok((DeliveryId::from_bytes(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One that cannot be read must not keep the rule from the others.
fn leave_aside(ledger: &Ledger, id: DeliveryId, fault: &StoreFault) -> Result<(), Fault> {
    tracing::error!(delivery = %id, %fault, "a delivery cannot be read: its route's rule is left off");
    let mut update =
        ledger.connection.prepare_cached("UPDATE deliveries SET rule_at = NULL WHERE id = ?1")?;
    update.execute([id.as_bytes()])?;
    Ok(())
}

impl Work for Expire {
    type Output = Expired;

    fn run(&mut self, ledger: &mut Ledger) -> Result<Expired, Fault> {
        let mut done = Expired::default();
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        for (id, state) in under_rule(ledger, nanos(self.now), limit)? {
            // One that went with an earlier one is gone, and one that was let go by it is not held back any more.
            let mut stored = match ledger.find(id) {
                Err(Fault::Own(fault @ StoreFault::Damaged(_))) => {
                    leave_aside(ledger, id, &fault)?;
                    continue;
                }
                found => found?,
            };
            // What somebody works on is looked at again.
            if stored.delivery.state.as_str() == state && self.hold.take(&stored) {
                // Whoever looks meanwhile passes it over.
                ledger.falls_due(stored.delivery.destination.clone());
                self.apply(ledger, &mut stored, &mut done)?;
            }
        }
        let mut next = ledger.connection.prepare_cached(NEXT_RULE)?;
        let at: Option<i64> = next.query_row([nanos(self.now)], |row| row.get(0))?;
        done.next_at = at.map(from_nanos).transpose()?;
        Ok(done)
    }

    fn ended(&mut self, _: Ended<'_, Expired>) {
        self.hold.release();
    }
}

#[cfg(test)]
mod tests {
    use crate::conformance::Stand as _;
    use crate::conformance::sample::*;
    use crate::tests::Folder;
    use rohrpost_model::ports::{Expired, NewDelivery};
    use rusqlite::Connection;

    #[tokio::test]
    async fn h2_one_that_cannot_be_read_does_not_keep_the_rule_from_the_others() {
        let folder = Folder::new();
        let ports = folder.open().await;
        for (case, expires_at) in [("broken", 100), ("whole", 200)] {
            let step = NewDelivery { expires_at: Some(at(expires_at)), ..step("fachverfahren") };
            ports.accept(&Draft { steps: vec![step], ..Draft::case(case) }).await;
        }
        drop(ports);
        let connection = Connection::open(folder.path().join("rohrpost.sqlite")).unwrap();
        connection
            .execute("UPDATE deliveries SET after_on = 'nonsense' WHERE case_id = 'broken'", [])
            .unwrap();
        drop(connection);
        let ports = folder.open().await;
        let expired = ports.outbox.expire(at(300), 1).await.unwrap();
        assert_eq!(expired, Expired { warned: 0, expired: 0, next_at: None });
        assert_eq!(ports.outbox.expire(at(300), 1).await.unwrap().expired, 1);
    }
}
