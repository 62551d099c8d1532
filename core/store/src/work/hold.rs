//! Keeps deliveries from being claimed until the commit that changes them.

use crate::claims::{Claims, Holder};
use crate::rows::Stored;
use rohrpost_model::DeliveryId;
use std::collections::HashSet;
use std::sync::Arc;

pub(crate) struct Hold {
    claims: Arc<Claims>,
    held: HashSet<DeliveryId>,
}

impl Hold {
    pub(crate) fn new(claims: Arc<Claims>) -> Self {
        Self { claims, held: HashSet::new() }
    }

    /// Whether it is held now: by this, and by nobody else.
    pub(crate) fn take(&mut self, stored: &Stored) -> bool {
        let id = stored.delivery.id;
        if self.held.contains(&id) {
            return true;
        }
        let taken = self.claims.take(id, Holder::Command, stored.delivery.destination.as_ref());
        if taken {
            self.held.insert(id);
        }
        taken
    }

    pub(crate) fn release(&mut self) {
        for id in self.held.drain() {
            self.claims.release(id);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.release();
    }
}
