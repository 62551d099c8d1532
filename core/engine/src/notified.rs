//! What somebody outside says of a delivery, unasked: it is not believed, but its target is asked at once.

use crate::Engine;
use crate::mailbox::{PAUSE, TRIES};
use rohrpost_model::ports::{
    Command, CommandOutcome, Forged, Noticed, Notification, Order, Scope, StoreFault,
};
use rohrpost_model::{DeliveryId, DestinationName, State};

/// What became of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The target is asked, or need not be any more. A browser goes on there.
    Taken(Option<String>),
    /// It is not signed as it must be.
    Forged,
    /// There is no such destination, or it takes no notifications.
    NotTaken,
}

impl Engine {
    /// Has a delivery's target asked at once, if the notification is genuine. Whoever sends it learns nothing of the
    /// delivery.
    pub async fn notified(
        &self,
        destination: &DestinationName,
        notification: Notification<'_>,
    ) -> Result<Told, StoreFault> {
        let catalog = self.catalog();
        let connected = catalog.destinations.get(destination);
        match connected.and_then(|connected| connected.target.notified(&notification)) {
            None => Ok(Told::NotTaken),
            Some(Err(Forged)) => Ok(Told::Forged),
            Some(Ok(Noticed { delivery, then })) => {
                self.ask_at_once(destination, delivery).await?;
                Ok(Told::Taken(then))
            }
        }
    }

    /// Only what waits for its target's word is asked about. What is being sent is asked about soon in any case, and what has
    /// ended stays as it is.
    async fn ask_at_once(&self, destination: &DestinationName, id: DeliveryId) -> Result<(), StoreFault> {
        let found = self.ports.records.delivery(&Scope::Hub, id).await?;
        if found.is_none_or(|found| found.delivery.destination.as_ref() != Some(destination)) {
            return Ok(());
        }
        for _ in 0..TRIES {
            let (order, who) = (Order::Ask, destination.to_string());
            let at = self.ports.clock.now();
            let command = Command { delivery: id, order, who, why: String::new(), at, part_of: None };
            match self.ports.outbox.command(&Scope::Hub, command).await? {
                // The hub asks at this moment: perhaps a moment too early.
                CommandOutcome::Refused(State::Awaiting) => self.pause(PAUSE).await,
                CommandOutcome::Done(_) => {
                    self.wake.notify_one();
                    return Ok(());
                }
                CommandOutcome::NotFound | CommandOutcome::Refused(_) => return Ok(()),
            }
        }
        Err(StoreFault::Unavailable("the delivery is being looked at".into()))
    }
}
