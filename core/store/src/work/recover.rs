//! After a start: with the mark and without a settlement, the outcome is unknown (H5).

use super::settle::close_attempt;
use crate::change::{Also, Change, HUB};
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::writer::Work;
use rohrpost_model::transition::Event;
use rohrpost_model::{Reason, ReasonCode, Timestamp};

pub(crate) struct Recover {
    pub(crate) now: Timestamp,
    pub(crate) ask_at: Timestamp,
}

impl Work for Recover {
    type Output = u64;

    fn run(&mut self, ledger: &mut Ledger) -> Result<u64, Fault> {
        let reason = Reason::new(ReasonCode::Interrupted);
        let change = Change {
            event: Event::OutcomeLost,
            at: self.now,
            reason: Some(reason.clone()),
            due_at: Some(self.ask_at),
            cause: "recovery",
            who: HUB,
            why: None,
            evidence: None,
            also: Also::Nothing,
        };
        let mut recovered = 0;
        // The second term names the partial index.
        let open = "d.state = 'sending' AND d.state NOT IN ('delivered', 'skipped', 'discarded', 'expired')";
        for mut stored in ledger.select(open, [])? {
            if ledger.claims.worked_on(stored.delivery.id) {
                continue;
            }
            close_attempt(ledger, &stored, self.now, Event::OutcomeLost, Some(&reason))?;
            ledger.change(&mut stored, &change)?;
            recovered += 1;
        }
        Ok(recovered)
    }
}
