//! What a person asked: recorded with who and why (H6).

use super::dependents::{Behind, give_up, release};
use super::hold::Hold;
use crate::change::{Also, Change};
use crate::claims::Claims;
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::rows::{Stored, first};
use crate::scope::{ScopeParams, VISIBLE};
use crate::writer::{Ended, Work};
use rohrpost_model::ports::{Command, CommandOutcome, Dependents, Order};
use rohrpost_model::transition::{Event, next};
use rohrpost_model::{Reason, ReasonCode, State};
use std::sync::Arc;

pub(crate) struct Commanded {
    scope: ScopeParams,
    command: Command,
    /// What stands in the history.
    cause: String,
    /// Keeps the delivery from being claimed until the commit.
    hold: Hold,
}

impl Commanded {
    pub(crate) fn new(scope: ScopeParams, command: Command, claims: Arc<Claims>) -> Self {
        let cause = match (command.part_of, &command.order) {
            (Some(id), _) => format!("command {id}"),
            (None, Order::Fetched | Order::Close) => "mailbox".to_owned(),
            (None, Order::Ask) => "notification".to_owned(),
            (None, _) => "command".to_owned(),
        };
        Self { scope, command, cause, hold: Hold::new(claims) }
    }

    fn find(&self, ledger: &Ledger) -> Result<Option<Stored>, Fault> {
        let (tenants, client) = self.scope.as_sql();
        let condition = format!("{VISIBLE} AND d.id = ?3");
        Ok(ledger.select(&condition, (tenants, client, self.command.delivery.as_bytes()))?.pop())
    }

    fn behind(&self) -> Behind<'_> {
        let command = &self.command;
        Behind { at: command.at, cause: &self.cause, who: &command.who, why: Some(&command.why) }
    }

    fn change(&self) -> Change<'_> {
        let (event, code) = effect(&self.command.order);
        let reason = match code {
            ReasonCode::PausedDelivery | ReasonCode::MendedByPerson => {
                Reason::new(code).with("who", &self.command.who)
            }
            _ => Reason::new(code),
        };
        Change {
            event,
            at: self.command.at,
            reason: Some(reason),
            due_at: Some(self.command.at),
            cause: &self.cause,
            who: &self.command.who,
            why: Some(&self.command.why),
            evidence: None,
            also: Also::Nothing,
        }
    }

    fn carry_out(&self, ledger: &mut Ledger, stored: &mut Stored) -> Result<State, Fault> {
        let change = self.change();
        match &self.command.order {
            Order::Retry => ledger.change(stored, &Change { also: Also::Retry, ..change }),
            Order::Fetched => {
                let due_at = stored.delivery.due_at;
                ledger.change(stored, &Change { also: Also::Fetched, due_at, ..change })
            }
            Order::Ask => ledger.change(stored, &change),
            Order::Close => {
                let state = ledger.change(stored, &change)?;
                release(ledger, stored.submission, self.behind())?;
                Ok(state)
            }
            Order::Mend { pinned, destination } => {
                let also = Also::Mend { pinned: *pinned, destination };
                ledger.change(stored, &Change { also, evidence: Some(*pinned), ..change })
            }
            Order::Discard(Dependents::Discard) => {
                let state = ledger.change(stored, &change)?;
                let with_it = (Event::DiscardCommanded, Reason::new(ReasonCode::DiscardedWithStep));
                give_up(ledger, stored.submission, &stored.delivery.step, &with_it, self.behind())?;
                Ok(state)
            }
            Order::Discard(Dependents::Release) => {
                let state = ledger.change(stored, &change)?;
                count_as_done(ledger, stored)?;
                release(ledger, stored.submission, self.behind())?;
                Ok(state)
            }
            Order::Pause => {
                set_paused(ledger, stored, Some(&self.command.who))?;
                ledger.remark(stored, &change)
            }
            Order::Resume => {
                set_paused(ledger, stored, None)?;
                ledger.remark(stored, &Change { reason: None, ..change })
            }
        }
    }

    /// Whether an order for many was carried out for this delivery already: a crash came before it noted how far it was.
    fn done_before(&self, ledger: &Ledger, stored: &Stored) -> Result<bool, Fault> {
        if self.command.part_of.is_none() {
            return Ok(false);
        }
        let sql = "SELECT EXISTS (SELECT 1 FROM history WHERE delivery = ?1 AND cause = ?2)";
        first(&ledger.connection, sql, (stored.seq, &self.cause))
    }

    /// Whether it makes sense now.
    fn fits(&self, stored: &Stored) -> bool {
        let paused = stored.is_paused();
        match self.command.order {
            Order::Pause if paused => false,
            Order::Resume if !paused => false,
            Order::Fetched if stored.delivery.fetched_at.is_some() => false,
            // A submission that no route took pins nothing that could be pinned anew.
            Order::Mend { .. } if stored.delivery.pinned.is_none() => false,
            _ => next(stored.delivery.state, effect(&self.command.order).0).is_ok(),
        }
    }
}

impl Work for Commanded {
    type Output = CommandOutcome;

    fn run(&mut self, ledger: &mut Ledger) -> Result<CommandOutcome, Fault> {
        let Some(mut stored) = self.find(ledger)? else { return Ok(CommandOutcome::NotFound) };
        if self.done_before(ledger, &stored)? {
            return Ok(CommandOutcome::Done(stored.delivery.state));
        }
        if !self.hold.take(&stored) {
            ledger.claims.show(&mut stored.delivery);
            return Ok(CommandOutcome::Refused(stored.delivery.state));
        }
        // Also where it is refused: whoever looks meanwhile passes it over.
        ledger.falls_due(stored.delivery.destination.clone());
        if !self.fits(&stored) {
            return Ok(CommandOutcome::Refused(stored.delivery.state));
        }
        Ok(CommandOutcome::Done(self.carry_out(ledger, &mut stored)?))
    }

    fn ended(&mut self, _: Ended<'_, CommandOutcome>) {
        self.hold.release();
    }
}

const fn effect(order: &Order) -> (Event, ReasonCode) {
    match order {
        Order::Retry => (Event::RetryCommanded, ReasonCode::RetriedByPerson),
        Order::Mend { .. } => (Event::RetryCommanded, ReasonCode::MendedByPerson),
        Order::Discard(_) => (Event::DiscardCommanded, ReasonCode::DiscardedByPerson),
        Order::Pause => (Event::PauseCommanded, ReasonCode::PausedDelivery),
        Order::Resume => (Event::ResumeCommanded, ReasonCode::RetriedByPerson),
        Order::Fetched => (Event::FetchedByReader, ReasonCode::FetchedByReader),
        Order::Close => (Event::ClosedByReader, ReasonCode::ClosedByReader),
        Order::Ask => (Event::Notified, ReasonCode::Notified),
    }
}

/// Bit 2 of `held` keeps it from being handed out.
fn set_paused(ledger: &mut Ledger, stored: &mut Stored, who: Option<&str>) -> Result<(), Fault> {
    let mut update = ledger.connection.prepare_cached(
        "UPDATE deliveries SET paused_by = ?2, held = (held & 1) + 2 * (?2 IS NOT NULL) WHERE seq = ?1",
    )?;
    update.execute((stored.seq, who))?;
    drop(update);
    stored.delivery.paused_by = who.map(str::to_owned);
    stored.held = (stored.held & 1) + 2 * i64::from(who.is_some());
    ledger.changed(stored);
    Ok(())
}

/// Those that wait for it, now or later, go on as if it had been delivered.
fn count_as_done(ledger: &Ledger, stored: &Stored) -> Result<(), Fault> {
    let mut update =
        ledger.connection.prepare_cached("UPDATE deliveries SET counts_as_done = 1 WHERE seq = ?1")?;
    update.execute([stored.seq])?;
    Ok(())
}
