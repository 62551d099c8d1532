//! Ending a claim with what came of it, and letting go what waited for it, in one transaction (H6).

use super::dependents::{Behind, release};
use crate::change::{Also, Change, HUB, may_begin};
use crate::claims::Claims;
use crate::fault::Fault;
use crate::history::Entry;
use crate::identifiers::keep_reference;
use crate::keys::Column;
use crate::ledger::Ledger;
use crate::records::facts;
use crate::rows::{Stored, as_json, as_word, nanos};
use crate::writer::{Ended, Work};
use rohrpost_model::ports::{Attempted, Settlement};
use rohrpost_model::transition::{Event, next};
use rohrpost_model::{DeliveryId, Reason, Receipt, State, Timestamp};
use std::sync::Arc;

pub(crate) struct Settle {
    pub(crate) delivery: DeliveryId,
    pub(crate) settlement: Settlement,
    pub(crate) claims: Arc<Claims>,
}

impl Work for Settle {
    type Output = State;

    fn run(&mut self, ledger: &mut Ledger) -> Result<State, Fault> {
        let settlement = &self.settlement;
        let mut stored = ledger.find_held(self.delivery, settlement.event)?;
        next(stored.delivery.state, settlement.event)?;
        settlement.begins.iter().try_for_each(may_begin)?;
        let cause = match settlement.cause {
            Attempted::Attempt => format!("attempt {}", stored.delivery.attempts),
            Attempted::Rule(name) => name.to_owned(),
        };
        let receipt = settlement.receipt.as_ref().map(|receipt| seal_receipt(ledger, &stored, receipt));
        let receipt = receipt.transpose()?;
        close_attempt(ledger, &stored, settlement.at, settlement.event, settlement.reason.as_ref())?;
        let state = ledger.change(&mut stored, &settlement.change(&cause, receipt.as_deref()))?;
        begin(ledger, &stored, settlement, &cause)?;
        if let Some(reference) = settlement.receipt.as_ref().and_then(|receipt| receipt.reference.as_deref())
        {
            keep_reference(ledger, &stored, reference, settlement.at)?;
        }
        if state.releases(rohrpost_model::route::On::Accepted) {
            let behind = Behind { at: settlement.at, cause: "released", who: HUB, why: None };
            release(ledger, stored.submission, behind)?;
        }
        Ok(state)
    }

    fn ended(&mut self, ended: Ended<'_, State>) {
        if let Ended::Done(_) = ended {
            self.claims.release(self.delivery);
        }
    }

    fn unheard(&mut self) {
        self.claims.release(self.delivery);
    }
}

trait AsChange {
    fn change<'a>(&'a self, cause: &'a str, receipt: Option<&'a [u8]>) -> Change<'a>;
}

impl AsChange for Settlement {
    fn change<'a>(&'a self, cause: &'a str, receipt: Option<&'a [u8]>) -> Change<'a> {
        Change {
            event: self.event,
            at: self.at,
            reason: self.reason.clone(),
            due_at: self.due_at,
            cause,
            who: HUB,
            why: None,
            evidence: None,
            also: receipt.map_or(Also::Nothing, Also::Receipt),
        }
    }
}

fn seal_receipt(ledger: &Ledger, stored: &Stored, receipt: &Receipt) -> Result<Vec<u8>, Fault> {
    let delivery = &stored.delivery;
    let key = ledger.keys.of(&ledger.connection, delivery.submission)?;
    Ok(Column::Receipt(delivery.id).seal(&*key, delivery.submission, receipt)?)
}

/// Ends the attempt that was marked last, if it is still open: what was once written of an attempt stays, so the word
/// of a later inquiry stands in the history only.
pub(crate) fn close_attempt(
    ledger: &Ledger,
    stored: &Stored,
    at: Timestamp,
    event: Event,
    reason: Option<&Reason>,
) -> Result<(), Fault> {
    if stored.delivery.state != State::Sending {
        return Ok(());
    }
    let mut close = ledger.connection.prepare_cached(
        "UPDATE attempts SET ended_at = ?3, outcome = ?4, reason = ?5 \
         WHERE delivery = ?1 AND number = ?2 AND ended_at IS NULL",
    )?;
    let reason = reason.map(as_json).transpose()?;
    close.execute((stored.seq, stored.delivery.attempts, nanos(at), as_word(&event)?, reason))?;
    Ok(())
}

/// The deliveries of the route that took an unrouted submission.
fn begin(ledger: &mut Ledger, stored: &Stored, settlement: &Settlement, cause: &str) -> Result<(), Fault> {
    if settlement.begins.is_empty() {
        return Ok(());
    }
    let submission = facts(&ledger.connection, stored.submission)?;
    let begins = Entry {
        at: settlement.at,
        event: None,
        state: State::Due,
        cause,
        who: HUB,
        why: None,
        reason: None,
        evidence: submission.data().map(|data| data.sha256),
    };
    for new in &settlement.begins {
        ledger.begin_delivery(&submission, stored.submission, new, &begins)?;
    }
    Ok(())
}
