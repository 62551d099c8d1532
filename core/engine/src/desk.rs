//! What a sender asks about what it handed in, by its own key for it.

use crate::Engine;
use crate::accept::blinded;
use crate::mailbox::{PAUSE, TRIES};
use rohrpost_model::ports::{
    CalledOff, Command, CommandOutcome, Dependents, Order, Scope, StoreFault, SubmissionView,
};
use rohrpost_model::{ClientName, Delivery, State, Timestamp};

impl Engine {
    /// What `client` handed in under this idempotency key.
    pub async fn handed_in(
        &self,
        client: &ClientName,
        key: &str,
    ) -> Result<Option<SubmissionView>, StoreFault> {
        let key = blinded(self.ports.vault.as_ref(), client, key);
        self.ports.records.handed_in(&key).await
    }

    /// Gives up what `client` handed in for later under this key, if nothing of it has begun.
    pub async fn call_off(&self, client: &ClientName, key: &str) -> Result<CalledOff, StoreFault> {
        let Some(view) = self.handed_in(client, key).await? else { return Ok(CalledOff::NotFound) };
        let now = self.ports.clock.now();
        match view.submission.not_before {
            None => return Ok(CalledOff::NotForLater),
            Some(time) if time <= now || view.deliveries.iter().any(has_begun) => {
                return Ok(CalledOff::TooLate);
            }
            Some(_) => {}
        }
        let mut discarded = Vec::new();
        for delivery in view.deliveries.iter().filter(|delivery| !delivery.state.is_end()) {
            match self.give_up_one(client, delivery, now).await? {
                CommandOutcome::Done(_) => discarded.push(delivery.id),
                // Discarded with the step before it.
                CommandOutcome::Refused(State::Discarded) => discarded.push(delivery.id),
                CommandOutcome::Refused(_) | CommandOutcome::NotFound => return Ok(CalledOff::TooLate),
            }
        }
        Ok(CalledOff::Done(discarded))
    }

    async fn give_up_one(
        &self,
        client: &ClientName,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<CommandOutcome, StoreFault> {
        let command = Command {
            delivery: delivery.id,
            order: Order::Discard(Dependents::Discard),
            who: client.to_string(),
            why: "vom Absender zurückgezogen (called off by the sender)".into(),
            at,
            part_of: None,
        };
        // Its time has not come, so whoever holds it gives it back at once.
        for _ in 0..TRIES {
            match self.ports.outbox.command(&Scope::Hub, command.clone()).await? {
                CommandOutcome::Refused(State::Claimed) => self.pause(PAUSE).await,
                outcome => return Ok(outcome),
            }
        }
        Ok(CommandOutcome::Refused(State::Claimed))
    }
}

/// Whether anything was done with it that cannot be called off.
fn has_begun(delivery: &Delivery) -> bool {
    delivery.attempts > 0
        || !matches!(delivery.state, State::Due | State::Claimed | State::Blocked | State::Discarded)
}
