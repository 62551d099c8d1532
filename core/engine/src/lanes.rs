//! One lane for each destination: its gate, whose turn it is, and whether a person holds it back; and the floor, on which
//! the conversations take place.

use crate::Engine;
use crate::dispatch::{Conversation, after, work_under};
use crate::gate::{Allowance, Begun, Ended, Gate, Hold};
use rohrpost_model::destination::Destination;
use rohrpost_model::ports::{Pause, Place, Work};
use rohrpost_model::{DestinationName, TenantName, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::{Id, JoinError, JoinSet};

/// The lanes, looked at by the delivery loop and by whoever shows what waits and why.
#[derive(Default)]
pub(crate) struct Lanes(Mutex<All>);

#[derive(Default)]
struct All {
    lanes: HashMap<Place, Lane>,
    pauses: BTreeMap<DestinationName, Pause>,
}

#[derive(Default)]
struct Lane {
    gate: Gate,
    under_way: usize,
    last_served: Option<TenantName>,
}

impl Lanes {
    fn lock(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_pauses(&self, pauses: Vec<Pause>) {
        self.lock().pauses = pauses.into_iter().map(|pause| (pause.destination.clone(), pause)).collect();
    }

    pub(crate) fn pause(&self, place: &Place) -> Option<Pause> {
        self.lock().pauses.get(place.as_ref()?).cloned()
    }

    /// What a person lets be done here; `None` for nothing.
    pub(crate) fn work(&self, place: &Place) -> Option<Work> {
        let all = self.lock();
        work_under(place.as_ref().and_then(|name| all.pauses.get(name)).map(|pause| pause.mode))
    }

    pub(crate) fn allowance(&self, place: &Place, policy: &Destination, now: Timestamp) -> Allowance {
        self.lock().lanes.entry(place.clone()).or_default().gate.allowance(policy, now)
    }

    pub(crate) fn begin(&self, place: &Place, policy: &Destination, now: Timestamp) -> Begun {
        let mut all = self.lock();
        let lane = all.lanes.entry(place.clone()).or_default();
        lane.under_way += 1;
        lane.gate.begin(policy, now)
    }

    pub(crate) fn end(
        &self,
        place: &Place,
        policy: &Destination,
        (begun, ended): (Begun, Ended),
        now: Timestamp,
        chance: f64,
    ) {
        let mut all = self.lock();
        let lane = all.lanes.entry(place.clone()).or_default();
        lane.under_way = lane.under_way.saturating_sub(1);
        lane.gate.end(policy, begun, ended, now, chance);
    }

    pub(crate) fn served(&self, place: &Place, tenant: Option<TenantName>) {
        if let (Some(tenant), Some(lane)) = (tenant, self.lock().lanes.get_mut(place)) {
            lane.last_served = Some(tenant);
        }
    }

    pub(crate) fn last_served(&self, place: &Place) -> Option<TenantName> {
        self.lock().lanes.get(place)?.last_served.clone()
    }

    /// Whether conversations may begin here now, at least one after another.
    pub(crate) fn lets_through(&self, place: &Place, policy: &Destination, now: Timestamp) -> bool {
        let (hold, _) = self.show(place, policy, now);
        hold.is_none_or(|hold| matches!(hold, Hold::Full { .. }))
    }

    /// What keeps more from beginning here now, and how many conversations are under way.
    pub(crate) fn show(&self, place: &Place, policy: &Destination, now: Timestamp) -> (Option<Hold>, usize) {
        let all = self.lock();
        match all.lanes.get(place) {
            Some(lane) => (lane.gate.hold(policy, now), lane.under_way),
            None => (Gate::default().hold(policy, now), 0),
        }
    }
}

/// What came of a look at one lane.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Served {
    /// There may be more to hand out as soon as the gate lets it through.
    pub(crate) more: bool,
    /// When to look again, if nothing happens before.
    pub(crate) look_again_at: Option<Timestamp>,
}

/// Where the conversations take place.
#[derive(Default)]
pub(crate) struct Floor {
    tasks: JoinSet<Conversation>,
    places: HashMap<Id, (Place, Begun)>,
    /// Lanes to look at now.
    ready: BTreeSet<Place>,
    /// Lanes with more to hand out when a conversation of theirs ends.
    waiting: BTreeSet<Place>,
    /// When lanes are to be looked at, and the other way round.
    timers: BTreeSet<(Timestamp, Place)>,
    timer_of: HashMap<Place, Timestamp>,
    /// When all lanes were looked at.
    looked_at_all: Option<Timestamp>,
    /// The store was in trouble since the last look.
    pub(crate) trouble: bool,
    /// Until then nothing is handed out: what fails at once must not be taken up again at once.
    rest_until: Option<Timestamp>,
}

type Done = Result<(Id, Conversation), JoinError>;

impl Floor {
    pub(crate) fn begin(
        &mut self,
        place: Place,
        begun: Begun,
        conversation: impl Future<Output = Conversation> + Send + 'static,
    ) {
        let task = self.tasks.spawn(conversation);
        self.places.insert(task.id(), (place, begun));
    }

    /// The next conversation that ends; `None` while there is none.
    pub(crate) async fn next_ended(&mut self) -> Option<Done> {
        self.tasks.join_next_with_id().await
    }

    pub(crate) fn try_next_ended(&mut self) -> Option<Done> {
        self.tasks.try_join_next_with_id()
    }

    pub(crate) fn ended(&mut self, done: Done, engine: &Engine) {
        let (id, ended) = match done {
            Ok((id, (result, ended))) => {
                self.trouble |= result.is_err();
                (id, ended)
            }
            // A defect of ours. Its delivery stays claimed and is recovered at the next start.
            Err(panic) => {
                tracing::error!(%panic, "a delivery task panicked");
                (panic.id(), Ended::Untouched)
            }
        };
        let Some((place, begun)) = self.places.remove(&id) else { return };
        engine.conversation_ended(&place, begun, ended);
        if self.waiting.remove(&place) {
            self.ready.insert(place);
        }
    }

    /// Until when to rest, after trouble with the store. A rest that is longer than a breath comes from a clock that was
    /// put back: it is over.
    pub(crate) fn resting(&mut self, now: Timestamp, breath: Duration) -> Option<Timestamp> {
        if std::mem::take(&mut self.trouble) {
            self.rest_until = Some(after(now, breath));
        }
        let until = self.rest_until.filter(|until| now < *until && *until <= after(now, breath));
        self.rest_until = until;
        until
    }

    /// Whether every lane is to be looked at, because that was not done for so long.
    pub(crate) fn is_time_for_all(&mut self, now: Timestamp, pause: Duration) -> bool {
        let is_time = self.looked_at_all.is_none_or(|last| now < last || now >= after(last, pause));
        if is_time {
            self.looked_at_all = Some(now);
        }
        is_time
    }

    pub(crate) fn ready_all<'a>(&mut self, destinations: impl Iterator<Item = &'a DestinationName>) {
        self.ready.insert(None);
        self.ready.extend(destinations.cloned().map(Some));
    }

    pub(crate) fn ready_these(&mut self, places: Vec<Place>) {
        self.ready.extend(places);
    }

    /// Lanes whose time has come. A time further away than any look comes from a clock that was put back.
    pub(crate) fn ready_timers(&mut self, now: Timestamp, pause: Duration) {
        while let Some((at, place)) = self.timers.pop_first() {
            if at > now {
                self.timers.insert((at, place));
                break;
            }
            self.timer_of.remove(&place);
            self.ready.insert(place);
        }
        if self.timers.first().is_some_and(|(at, _)| *at > after(now, pause)) {
            self.looked_at_all = None;
        }
    }

    pub(crate) fn take_ready(&mut self) -> BTreeSet<Place> {
        std::mem::take(&mut self.ready)
    }

    pub(crate) fn served(&mut self, place: Place, served: Served, now: Timestamp) {
        if served.more {
            self.waiting.insert(place.clone());
        } else {
            self.waiting.remove(&place);
        }
        if let Some(before) = self.timer_of.remove(&place) {
            self.timers.remove(&(before, place.clone()));
        }
        if let Some(at) = served.look_again_at {
            let at = at.max(now).min(after(now, crate::dispatch::LOOK_AGAIN));
            self.timer_of.insert(place.clone(), at);
            self.timers.insert((at, place));
        }
    }

    pub(crate) fn next_look(&self, now: Timestamp, pause: Duration) -> Timestamp {
        let next = self.timers.first().map_or(Timestamp::MAX, |(at, _)| *at);
        let all = self.looked_at_all.map_or(now, |last| after(last, pause));
        next.min(all)
    }
}

impl Engine {
    /// Tells the gate of a destination how a conversation with it ended.
    fn conversation_ended(&self, place: &Place, begun: Begun, ended: Ended) {
        let catalog = self.catalog();
        let policy = match place {
            Some(name) => catalog.destinations.get(name).map(|connected| &connected.destination),
            None => Some(&self.unrouted),
        };
        if let Some(policy) = policy {
            self.lanes.end(place, policy, (begun, ended), self.ports.clock.now(), fastrand::f64());
        }
    }
}
