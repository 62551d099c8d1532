//! Claims live in memory: the process holds its data directory alone, so what is claimed when it dies is simply not
//! claimed any more.

use rohrpost_model::ports::{Place, StateCount};
use rohrpost_model::{Delivery, DeliveryId, DestinationName, State};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Who holds a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Somebody works on it.
    Worker,
    /// A command changes it; until its commit nobody may take it.
    Command,
    /// Its row cannot be read: nobody is given it before the next start.
    Unreadable,
}

struct Held {
    holder: Holder,
    destination: Option<DestinationName>,
    /// Its row says `due`: it is shown as claimed.
    due: bool,
}

/// All deliveries that are held now.
#[derive(Default)]
pub(crate) struct Claims {
    held: Mutex<HashMap<DeliveryId, Held>>,
}

impl Claims {
    fn lock(&self) -> MutexGuard<'_, HashMap<DeliveryId, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what nobody holds. Returns whether it was taken.
    pub(crate) fn take(&self, id: DeliveryId, holder: Holder, destination: Option<&DestinationName>) -> bool {
        let mut held = self.lock();
        if held.contains_key(&id) {
            return false;
        }
        held.insert(id, Held { holder, destination: destination.cloned(), due: false });
        true
    }

    /// Notes whether the row of what is held says `due`.
    pub(crate) fn set_due(&self, id: DeliveryId, due: bool) {
        if let Some(held) = self.lock().get_mut(&id) {
            held.due = due;
        }
    }

    /// How many of a place are held.
    pub(crate) fn held_at(&self, place: &Place) -> usize {
        self.lock().values().filter(|held| held.destination == *place).count()
    }

    /// Keeps a delivery away from everybody until the next start.
    pub(crate) fn set_unreadable(&self, id: DeliveryId) {
        if let Some(held) = self.lock().get_mut(&id) {
            held.holder = Holder::Unreadable;
            held.due = false;
        }
    }

    pub(crate) fn release(&self, id: DeliveryId) {
        self.lock().remove(&id);
    }

    pub(crate) fn worked_on(&self, id: DeliveryId) -> bool {
        self.lock().get(&id).is_some_and(|held| held.holder == Holder::Worker)
    }

    pub(crate) fn is_held(&self, id: DeliveryId) -> bool {
        self.lock().contains_key(&id)
    }

    /// The due deliveries that somebody works on.
    pub(crate) fn claimed(&self) -> Vec<DeliveryId> {
        let held = self.lock();
        held.iter().filter(|(_, held)| held.is_claimed()).map(|(id, _)| *id).collect()
    }

    /// Shows a due delivery that somebody works on as claimed.
    pub(crate) fn show(&self, delivery: &mut Delivery) {
        if delivery.state == State::Due && self.worked_on(delivery.id) {
            delivery.state = State::Claimed;
        }
    }

    /// How many are claimed, by destination.
    pub(crate) fn counts(&self) -> Vec<StateCount> {
        let mut counts: HashMap<Option<DestinationName>, u64> = HashMap::new();
        for held in self.lock().values().filter(|held| held.is_claimed()) {
            *counts.entry(held.destination.clone()).or_default() += 1;
        }
        let count = |(destination, count)| StateCount { destination, state: State::Claimed, count };
        counts.into_iter().map(count).collect()
    }
}

impl Held {
    fn is_claimed(&self) -> bool {
        self.due && self.holder == Holder::Worker
    }
}
