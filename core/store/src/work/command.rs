//! What a person asked: recorded with who and why (H6).

use super::dependents::{Behind, discard, release};
use crate::change::Change;
use crate::claims::{Claims, Holder};
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::rows::Stored;
use crate::scope::{ScopeParams, VISIBLE};
use crate::writer::{Ended, Work};
use rohrpost_model::ports::{Command, CommandOutcome, Dependents, Order};
use rohrpost_model::transition::{Event, next};
use rohrpost_model::{DeliveryId, Reason, ReasonCode, State};
use std::sync::Arc;

pub(crate) struct Commanded {
    scope: ScopeParams,
    command: Command,
    /// Keeps the delivery from being claimed until the commit.
    hold: Hold,
}

struct Hold {
    claims: Arc<Claims>,
    held: Option<DeliveryId>,
}

impl Hold {
    fn take(&mut self, stored: &Stored) -> bool {
        let id = stored.delivery.id;
        if self.held == Some(id) {
            return true;
        }
        let taken = self.claims.take(id, Holder::Command, stored.delivery.destination.as_ref());
        self.held = taken.then_some(id);
        taken
    }

    fn release(&mut self) {
        if let Some(id) = self.held.take() {
            self.claims.release(id);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.release();
    }
}

impl Commanded {
    pub(crate) fn new(scope: ScopeParams, command: Command, claims: Arc<Claims>) -> Self {
        Self { scope, command, hold: Hold { claims, held: None } }
    }

    fn find(&self, ledger: &Ledger) -> Result<Option<Stored>, Fault> {
        let (tenants, client) = self.scope.as_sql();
        let condition = format!("{VISIBLE} AND d.id = ?3");
        Ok(ledger.select(&condition, (tenants, client, self.command.delivery.as_bytes()))?.pop())
    }

    fn behind(&self) -> Behind<'_> {
        let command = &self.command;
        Behind { at: command.at, cause: "command", who: &command.who, why: Some(&command.why) }
    }

    fn carry_out(&self, ledger: &mut Ledger, stored: &mut Stored) -> Result<State, Fault> {
        let (event, code) = effect(self.command.order);
        let change = Change {
            event,
            at: self.command.at,
            reason: Some(Reason::new(code)),
            due_at: Some(self.command.at),
            cause: "command",
            who: &self.command.who,
            why: Some(&self.command.why),
            evidence: None,
        };
        let state = ledger.change(stored, &change)?;
        match self.command.order {
            Order::Retry => {}
            Order::Discard(Dependents::Discard) => {
                discard(ledger, stored.submission, &stored.delivery.step, self.behind())?;
            }
            Order::Discard(Dependents::Release) => {
                count_as_done(ledger, stored)?;
                release(ledger, stored.submission, self.behind())?;
            }
        }
        Ok(state)
    }
}

impl Work for Commanded {
    type Output = CommandOutcome;

    fn run(&mut self, ledger: &mut Ledger) -> Result<CommandOutcome, Fault> {
        let Some(mut stored) = self.find(ledger)? else { return Ok(CommandOutcome::NotFound) };
        if !self.hold.take(&stored) {
            ledger.claims.show(&mut stored.delivery);
            return Ok(CommandOutcome::Refused(stored.delivery.state));
        }
        if next(stored.delivery.state, effect(self.command.order).0).is_err() {
            return Ok(CommandOutcome::Refused(stored.delivery.state));
        }
        Ok(CommandOutcome::Done(self.carry_out(ledger, &mut stored)?))
    }

    fn ended(&mut self, _: Ended<'_, CommandOutcome>) {
        self.hold.release();
    }
}

const fn effect(order: Order) -> (Event, ReasonCode) {
    match order {
        Order::Retry => (Event::RetryCommanded, ReasonCode::RetriedByPerson),
        Order::Discard(_) => (Event::DiscardCommanded, ReasonCode::DiscardedByPerson),
    }
}

/// Those that wait for it, now or later, go on as if it had been delivered.
fn count_as_done(ledger: &Ledger, stored: &Stored) -> Result<(), Fault> {
    let mut update =
        ledger.connection.prepare_cached("UPDATE deliveries SET counts_as_done = 1 WHERE seq = ?1")?;
    update.execute([stored.seq])?;
    Ok(())
}
