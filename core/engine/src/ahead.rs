//! Documents made ahead: the thread that checked data at the door goes on and maps them while the sender's answer is on
//! its way, and not only when a place at the destination is free. So a message is parsed once, its tree is used while it
//! is warm, and a conversation begins with a document that is ready.
//!
//! It is a shortcut only. Nothing of it is kept, and what is not there when it is wanted is made of what the store holds:
//! too many at a time, a restart, another configuration, or a delivery that waits for long.

use crate::Engine;
use crate::catalog::Catalog;
use crate::heavy::Heavy;
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

/// So many bytes of data have documents that wait at one time.
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
    mapping: Digest,
    heavy: Heavy,
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
        let Self { making, mapping, heavy, answer } = self;
        let made = heavy.watched(Some(mapping), || making.make(&[], Parsed::from(xml), true));
        let size = |document: &Document| {
            document.message.len() + document.enclosed.iter().map(|one| one.content.len()).sum::<usize>()
        };
        let is_large = made.as_ref().is_ok_and(|document| size(document) > LARGEST);
        if !is_large {
            // Nobody may want it any more.
            let _ = answer.send(made);
        }
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
    /// A document is made of pins and configuration: with others it would be another one.
    fn fits(&self, pinned: Option<Digest>, catalog: &Arc<Catalog>, now: Timestamp) -> bool {
        self.pinned == pinned && Arc::ptr_eq(&self.catalog, catalog) && self.is_fresh(now)
    }

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
        let (heavy, applied) = (self.workers.heavy().clone(), mapping.digest());
        if heavy.has(Some(applied)) {
            return None;
        }
        let making = Making::new(catalog, submission, pinned, Some(mapping), BTreeMap::new()).ok()?;
        let (promise, answer) = self.ahead.promise(delivery, bytes, catalog, now)?;
        Some((promise, Planned { making, mapping: applied, heavy, answer }))
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
        let fits = promised.fits(delivery.pinned, &self.catalog(), self.ports.clock.now());
        if fits { promised.answer.await.ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing;

    const KB: usize = 1 << 10;

    fn delivery(destination: &str, now: Timestamp) -> NewDelivery {
        let step = "abgabe".parse().unwrap();
        let reason = rohrpost_model::Reason::new(rohrpost_model::ReasonCode::Routed);
        let pinned = Some(Digest::of(b"a step"));
        let destination = Some(destination.parse().unwrap());
        NewDelivery { destination, pinned, ..routing::unrouted(step, reason, now) }
    }

    fn later(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_promise_that_does_not_stand_is_taken_back() {
        let (ahead, catalog, now) = (Ahead::default(), Arc::default(), later(0));
        let (one, two) = (delivery("senke", now), delivery("senke", now));
        let (stands, _answer) = ahead.promise(&one, KB, &catalog, now).unwrap();
        let (dropped, _answer) = ahead.promise(&two, KB, &catalog, now).unwrap();
        stands.stands();
        drop(dropped);
        assert!(lock(&ahead.0).take(one.id).is_some());
        assert!(lock(&ahead.0).take(two.id).is_none());
        assert_eq!(lock(&ahead.0).bytes.values().sum::<usize>(), 0);
    }

    #[test]
    fn a_destination_that_hangs_leaves_room_to_the_others_and_what_is_old_is_forgotten() {
        let (ahead, catalog) = (Ahead::default(), Arc::default());
        let promise = |destination: &str, at| {
            let promised = ahead.promise(&delivery(destination, at), LARGEST, &catalog, at);
            promised.map(|(promise, _)| promise.stands()).is_some()
        };
        let of_a_place = std::iter::repeat_with(|| promise("hangs", later(0))).take_while(|had| *had).count();
        assert_eq!(of_a_place, MOST_OF_A_PLACE / LARGEST);
        assert!(promise("another", later(9)));
        assert!(!promise("hangs", later(9)));
        assert!(promise("hangs", later(11)));
        assert_eq!(lock(&ahead.0).by_delivery.len(), 2);
    }

    #[test]
    fn h8_under_other_pins_or_another_configuration_the_document_is_made_anew() {
        let (ahead, catalog, now) = (Ahead::default(), Arc::<Catalog>::default(), later(0));
        let new = delivery("senke", now);
        let (promise, _answer) = ahead.promise(&new, KB, &catalog, now).unwrap();
        promise.stands();
        let promised = lock(&ahead.0).take(new.id).unwrap();
        assert!(promised.fits(new.pinned, &catalog, later(9)));
        assert!(!promised.fits(Some(Digest::of(b"mended")), &catalog, now));
        assert!(!promised.fits(new.pinned, &Arc::default(), now));
        assert!(!promised.fits(new.pinned, &catalog, later(10)));
    }
}
