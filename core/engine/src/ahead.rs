//! Documents made ahead: the thread that checked data at the door goes on and maps them while the sender's answer is on
//! its way, and not only when a place at the destination is free. So a message is parsed once, its tree is used while it
//! is warm, and a conversation begins with a document that is ready.
//!
//! It is a shortcut only. Nothing of it is kept, and what is not there when it is wanted is made of what the store holds:
//! too many at a time, a restart, another configuration, or a delivery that waits for long.

use crate::Engine;
use crate::catalog::Catalog;
use crate::making::{Making, Parsed};
use crate::prepare::Stop;
use rohrpost_mappings::{Mapping, Xml};
use rohrpost_model::document::Document;
use rohrpost_model::ports::{NewDelivery, Place, Work};
use rohrpost_model::route::PinnedStep;
use rohrpost_model::{Delivery, DeliveryId, Digest, State, Submission, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Only of data that are at most so large, and only documents that are.
const LARGEST: usize = 256 << 10;

/// So many bytes wait at one time, as far as can be told before: a document is about as large as its data.
const MOST: usize = 16 << 20;

/// The part of them that one destination may have, so that one that hangs leaves some to the others.
const MOST_OF_A_PLACE: usize = MOST / 2;

/// What was not wanted for so long is forgotten.
const KEPT: Duration = Duration::from_secs(10);

/// The documents made ahead, each for the first attempt at one delivery.
#[derive(Default)]
pub(crate) struct Ahead(Arc<Mutex<Promises>>);

#[derive(Default)]
struct Promises {
    by_delivery: HashMap<DeliveryId, Promised>,
    /// What each destination has of [`MOST`].
    bytes: BTreeMap<Place, usize>,
}

struct Promised {
    place: Place,
    pinned: Option<Digest>,
    catalog: Arc<Catalog>,
    since: Timestamp,
    bytes: usize,
    answer: oneshot::Receiver<Result<Document, Stop>>,
}

/// A document that is to be made.
pub(crate) struct Planned {
    making: Making,
    answer: oneshot::Sender<Result<Document, Stop>>,
}

/// Whoever claims the delivery finds the promise, so it is given before the submission is kept. Dropped without
/// [`Promise::stands`], it is taken back.
pub(crate) struct Promise {
    delivery: DeliveryId,
    promises: Option<Arc<Mutex<Promises>>>,
}

impl Promise {
    /// The submission is kept.
    pub(crate) fn stands(mut self) {
        self.promises = None;
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if let Some(promises) = &self.promises {
            lock(promises).take(self.delivery);
        }
    }
}

impl Planned {
    /// Makes it of data that were found valid. CPU-bound.
    pub(crate) fn make(self, xml: Xml) {
        // Nobody may want it any more.
        let _ = self.answer.send(self.making.make(&[], Parsed::from(xml), true));
    }
}

fn lock(promises: &Mutex<Promises>) -> MutexGuard<'_, Promises> {
    promises.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Promises {
    fn has_room(&self, place: &Place, bytes: usize) -> bool {
        self.bytes.values().sum::<usize>() + bytes <= MOST
            && self.bytes.get(place).copied().unwrap_or(0) + bytes <= MOST_OF_A_PLACE
    }

    fn put(&mut self, delivery: DeliveryId, promised: Promised) {
        *self.bytes.entry(promised.place.clone()).or_default() += promised.bytes;
        self.by_delivery.insert(delivery, promised);
    }

    fn take(&mut self, delivery: DeliveryId) -> Option<Promised> {
        let promised = self.by_delivery.remove(&delivery)?;
        if let Some(bytes) = self.bytes.get_mut(&promised.place) {
            *bytes -= promised.bytes;
        }
        Some(promised)
    }

    fn forget_old(&mut self, now: Timestamp) {
        let old = self.by_delivery.iter().filter(|(_, promised)| !promised.is_fresh(now));
        for delivery in old.map(|(delivery, _)| *delivery).collect::<Vec<_>>() {
            self.take(delivery);
        }
        self.bytes.retain(|_, bytes| *bytes > 0);
    }
}

impl Ahead {
    /// Promises a document, where there is room.
    fn promise(
        &self,
        delivery: &NewDelivery,
        bytes: usize,
        catalog: &Arc<Catalog>,
        now: Timestamp,
    ) -> Option<(Promise, oneshot::Sender<Result<Document, Stop>>)> {
        let mut promises = lock(&self.0);
        let place = delivery.destination.clone();
        if !promises.has_room(&place, bytes) {
            promises.forget_old(now);
        }
        if !promises.has_room(&place, bytes) {
            return None;
        }
        let (sender, answer) = oneshot::channel();
        let (pinned, catalog) = (delivery.pinned, Arc::clone(catalog));
        promises.put(delivery.id, Promised { place, pinned, catalog, since: now, bytes, answer });
        let promise = Promise { delivery: delivery.id, promises: Some(Arc::clone(&self.0)) };
        Some((promise, sender))
    }
}

impl Promised {
    fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_since(self.since).unsigned_abs() < KEPT
    }
}

impl Engine {
    /// Plans the document of the first delivery that may leave at once.
    pub(crate) fn plan_ahead(
        &self,
        catalog: &Arc<Catalog>,
        submission: &Submission,
        deliveries: &[NewDelivery],
        bytes: usize,
    ) -> Option<(Promise, Planned)> {
        if bytes > LARGEST {
            return None;
        }
        let now = self.ports.clock.now();
        let (delivery, pinned, mapping) =
            deliveries.iter().find_map(|delivery| self.may_go_ahead(catalog, delivery, now))?;
        let making = Making::new(catalog, submission, pinned, Some(mapping), BTreeMap::new()).ok()?;
        let (promise, answer) = self.ahead.promise(delivery, bytes, catalog, now)?;
        Some((promise, Planned { making, answer }))
    }

    fn may_go_ahead<'d>(
        &self,
        catalog: &Catalog,
        delivery: &'d NewDelivery,
        now: Timestamp,
    ) -> Option<(&'d NewDelivery, Arc<PinnedStep>, Arc<Mapping>)> {
        let place = &delivery.destination;
        let is_due = delivery.state == State::Due && delivery.due_at.is_some_and(|due| due <= now);
        if !is_due || self.lanes.work(place) != Some(Work::All) {
            return None;
        }
        let destination = &catalog.destinations.get(place.as_ref()?)?.destination;
        if !self.lanes.lets_through(place, destination, now) {
            return None;
        }
        let pinned = self.pinned.step(delivery.pinned.as_ref()?)?;
        let mapped = catalog.mappings.get(pinned.step.mapping.as_ref()?)?;
        let mapping = Arc::clone(&mapped.mapping);
        (pinned.mapping == Some(mapping.digest())).then_some((delivery, pinned, mapping))
    }

    /// The document that was made ahead for this delivery, under the configuration and pins of now.
    pub(crate) async fn made_ahead(&self, delivery: &Delivery) -> Option<Result<Document, Stop>> {
        let promised = lock(&self.ahead.0).take(delivery.id)?;
        let same = promised.pinned == delivery.pinned && Arc::ptr_eq(&promised.catalog, &self.catalog());
        if !same || !promised.is_fresh(self.ports.clock.now()) {
            return None;
        }
        promised.answer.await.ok()
    }
}
