//! Documents made ahead: what was accepted is mapped at once, while its data are parsed, and not only when a place at
//! its destination is free. So a message is parsed once, and a conversation begins with a document that is ready.
//!
//! It is a shortcut only. Nothing of it is kept, and what is not there when it is wanted is made of what the store holds:
//! too many at a time, a restart, another configuration, or a delivery that waits for long.

use crate::Engine;
use crate::catalog::Catalog;
use crate::making::{Making, Parsed};
use crate::prepare::Stop;
use rohrpost_mappings::{Mapping, Xml};
use rohrpost_model::document::Document;
use rohrpost_model::ports::{NewDelivery, NewSubmission, Place, Work};
use rohrpost_model::route::PinnedStep;
use rohrpost_model::{Delivery, DeliveryId, Digest, Reason, State, Timestamp};
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

type Answer = Result<Result<Document, Stop>, Reason>;

struct Promised {
    place: Place,
    pinned: Option<Digest>,
    catalog: Arc<Catalog>,
    since: Timestamp,
    bytes: usize,
    answer: oneshot::Receiver<Answer>,
}

/// A document that is to be made once its submission is kept. Dropped, it is forgotten.
pub(crate) struct Planned {
    delivery: DeliveryId,
    promises: Arc<Mutex<Promises>>,
    work: Option<(oneshot::Sender<Answer>, Making, Xml)>,
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
    ) -> Option<oneshot::Sender<Answer>> {
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
        Some(sender)
    }
}

impl Promised {
    fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_since(self.since).unsigned_abs() < KEPT
    }
}

impl Drop for Planned {
    fn drop(&mut self) {
        if self.work.is_some() {
            lock(&self.promises).take(self.delivery);
        }
    }
}

impl Engine {
    /// Plans the document of the first delivery that may leave at once. It is promised before the submission is kept, so
    /// that whoever claims the delivery finds the promise.
    pub(crate) fn plan_ahead(
        &self,
        catalog: &Arc<Catalog>,
        new: &NewSubmission,
        xml: Xml,
    ) -> Option<Planned> {
        let bytes = xml.bytes().len();
        if bytes > LARGEST {
            return None;
        }
        let now = self.ports.clock.now();
        let (delivery, pinned, mapping) =
            new.deliveries.iter().find_map(|delivery| self.may_go_ahead(catalog, delivery, now))?;
        let making = Making::new(catalog, &new.submission, pinned, Some(mapping), BTreeMap::new()).ok()?;
        let sender = self.ahead.promise(delivery, bytes, catalog, now)?;
        let promises = Arc::clone(&self.ahead.0);
        Some(Planned { delivery: delivery.id, promises, work: Some((sender, making, xml)) })
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

    /// Makes what was planned.
    pub(crate) fn make_ahead(&self, mut planned: Planned) {
        let Some((sender, making, xml)) = planned.work.take() else { return };
        let work = move || making.make(&[], Parsed::from(xml), true);
        self.workers.run_for(sender, work);
    }

    /// The document that was made ahead for this delivery, under the configuration and pins of now.
    pub(crate) async fn made_ahead(&self, delivery: &Delivery) -> Option<Result<Document, Stop>> {
        let promised = lock(&self.ahead.0).take(delivery.id)?;
        let same = promised.pinned == delivery.pinned && Arc::ptr_eq(&promised.catalog, &self.catalog());
        if !same || !promised.is_fresh(self.ports.clock.now()) {
            return None;
        }
        promised.answer.await.ok()?.ok()
    }
}
