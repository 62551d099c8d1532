//! The delivery loop: finds out who works on what next.
//!
//! Every destination has a lane with its own gate, and the hub's own step `unrouted` has one too. One task looks at the
//! lanes where something happened (accepted, settled, commanded, fallen due, a conversation ended, a gate opened) and hands
//! out as much as the gate lets through; the others cost nothing. So a destination that hangs, or that has a hundred
//! thousand deliveries waiting, takes nothing from the rest but its own places. It keeps nothing that a crash could lose:
//! what is due is in the store.

use crate::Engine;
use crate::catalog::{Catalog, Connected};
use crate::gate::{Begun, Ended};
use crate::judge::{ASK_AGAIN, Saying as _, longest_wait, settlement};
use crate::lanes::{Floor, Served};
use rohrpost_model::destination::Destination;
use rohrpost_model::ports::{Attempted, Claim, Claimed, PauseMode, Place, StoreFault, Wanted, Work};
use rohrpost_model::transition::Event;
use rohrpost_model::{DestinationName, Reason, ReasonCode, State, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The longest time without a look at every lane.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The wait after trouble with the store, and while what is due cannot be handed out.
const CATCH_BREATH: Duration = Duration::from_secs(1);

/// The most submissions that are routed again at one time.
const ROUTING_AT_ONCE: u16 = 4;

/// What a conversation was for the store, and for the gate of its destination.
pub(crate) type Conversation = (Result<State, StoreFault>, Ended);

impl Engine {
    /// Takes up what a crash left behind. Called once, before [`Engine::run`].
    pub async fn recover(&self) -> Result<(), StoreFault> {
        let now = self.ports.clock.now();
        let interrupted = self.ports.outbox.recover(now, after(now, ASK_AGAIN.first)).await?;
        if interrupted > 0 {
            tracing::warn!(interrupted, "deliveries were interrupted while sending; their targets are asked");
        }
        self.lanes.set_pauses(self.ports.commands.pauses().await?);
        self.park_homeless().await
    }

    /// Delivers, applies the rules of routes and carries out orders until `stop` turns true; then lets end what is under
    /// way.
    pub async fn run(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let rules = self.keep_rules(stop.clone());
        let orders = self.carry_out_orders(stop.clone());
        tokio::join!(self.deliver_until(stop), rules, orders);
    }

    async fn deliver_until(self: &Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut floor = Floor::default();
        while !*stop.borrow() {
            let look_again = self.look(&mut floor).await;
            tokio::select! {
                _ = stop.changed() => {}
                () = self.wake.notified() => {}
                Some(done) = floor.next_ended() => floor.ended(done, self),
                () = self.ports.clock.sleep_until(look_again) => {}
            }
            while let Some(done) = floor.try_next_ended() {
                floor.ended(done, self);
            }
        }
        // What has not been marked yet is given back: a stop is no attempt.
        self.stopping.store(true, std::sync::atomic::Ordering::Release);
        while let Some(done) = floor.next_ended().await {
            floor.ended(done, self);
        }
    }

    /// Serves the lanes where something happened, unless the store was in trouble a moment ago. Returns when to look again
    /// if nothing happens before.
    async fn look(self: &Arc<Self>, floor: &mut Floor) -> Timestamp {
        let now = self.ports.clock.now();
        if let Some(rest_until) = floor.resting(now, CATCH_BREATH) {
            return rest_until;
        }
        if floor.is_time_for_all(now, LOOK_AGAIN) {
            floor.ready_all(self.catalog().destinations.keys());
            floor.trouble |= self.park_homeless().await.is_err();
        }
        floor.ready_these(self.ports.outbox.became_due());
        floor.ready_timers(now, LOOK_AGAIN);
        let catalog = self.catalog();
        for place in floor.take_ready() {
            let served = self.serve(floor, &catalog, &place, now).await;
            floor.served(place, served, now);
        }
        if floor.trouble { after(now, CATCH_BREATH) } else { floor.next_look(now, LOOK_AGAIN) }
    }

    /// Hands out what the gate of one lane lets through.
    async fn serve(
        self: &Arc<Self>,
        floor: &mut Floor,
        catalog: &Catalog,
        place: &Place,
        now: Timestamp,
    ) -> Served {
        let connected = place.as_ref().map(|name| catalog.destinations.get(name));
        let policy = match connected {
            Some(Some(connected)) => &connected.destination,
            // A destination that is not configured: what waits for it is parked.
            Some(None) => return Served::default(),
            None => &self.unrouted,
        };
        let Some(work) = self.lanes.work(place) else { return Served::default() };
        let allowance = self.lanes.allowance(place, policy, now);
        if allowance.may_begin == 0 {
            return Served { more: true, look_again_at: allowance.look_again_at };
        }
        let wanted = self.wanted(place, policy, work, allowance.may_begin, now);
        let Claimed { claims, next_due } = match self.ports.outbox.claim(&wanted).await {
            Ok(claimed) => claimed,
            Err(fault) => {
                tracing::error!(%fault, "cannot look for work");
                floor.trouble = true;
                return Served { more: true, look_again_at: None };
            }
        };
        // A person may have held it back meanwhile: from then on nothing begins.
        if self.lanes.work(place) != Some(work) {
            for claim in claims {
                self.ports.outbox.give_back(claim).await;
            }
            return Served { more: true, look_again_at: Some(now) };
        }
        let more = claims.len() == allowance.may_begin;
        self.lanes.served(place, claims.last().map(|claim| claim.delivery.tenant.clone()));
        for claim in claims {
            let begun = self.lanes.begin(place, policy, now);
            self.spawn(floor, begun, claim, place, connected.flatten());
        }
        // What is due already and was not handed out is held by somebody for a moment.
        let next_due = next_due.map(|due| if due > now { due } else { after(now, CATCH_BREATH) });
        Served { more, look_again_at: if more { allowance.look_again_at } else { next_due } }
    }

    fn wanted(
        &self,
        place: &Place,
        policy: &Destination,
        work: Work,
        limit: usize,
        now: Timestamp,
    ) -> Wanted {
        let beyond = after(now, longest_wait(policy));
        Wanted { destination: place.clone(), work, limit, now, beyond, after: self.lanes.last_served(place) }
    }

    fn spawn(
        self: &Arc<Self>,
        floor: &mut Floor,
        begun: Begun,
        claim: Claim,
        place: &Place,
        to: Option<&Connected>,
    ) {
        let (engine, to) = (Arc::clone(self), to.cloned());
        let conversation = async move {
            match to {
                Some(to) => engine.work_on(claim, &to).await,
                None => (engine.route_again(claim).await, Ended::Reached),
            }
        };
        floor.begin(place.clone(), begun, conversation);
    }

    async fn work_on(&self, claim: Claim, to: &Connected) -> Conversation {
        match claim.delivery.state {
            State::Unknown | State::Awaiting => self.inquire(claim, to).await,
            _ => self.attempt(claim, to).await,
        }
    }

    /// Parks what waits for a destination that is not configured, so that it waits with a reason and for a person
    /// (promise H2). Called at start, after a configuration was activated, and now and then: a step may have been
    /// released only now.
    pub async fn park_homeless(&self) -> Result<(), StoreFault> {
        let catalog = self.catalog();
        let waiting: BTreeSet<DestinationName> = self
            .ports
            .records
            .counts()
            .await?
            .into_iter()
            .filter(|count| !count.state.is_end())
            .filter_map(|c| c.destination)
            .collect();
        for destination in waiting.into_iter().filter(|name| !catalog.destinations.contains_key(name)) {
            self.park_all(&destination).await?;
        }
        Ok(())
    }

    async fn park_all(&self, destination: &DestinationName) -> Result<(), StoreFault> {
        let place = Some(destination.clone());
        let wanted = Wanted {
            destination: place,
            work: Work::All,
            limit: 100,
            now: Timestamp::MAX,
            beyond: Timestamp::MAX,
            after: None,
        };
        loop {
            let claims = self.ports.outbox.claim(&wanted).await?.claims;
            if claims.is_empty() {
                return Ok(());
            }
            for claim in claims {
                self.park_without_destination(claim, destination).await?;
            }
        }
    }

    async fn park_without_destination(
        &self,
        claim: Claim,
        destination: &DestinationName,
    ) -> Result<State, StoreFault> {
        let event = if claim.delivery.state == State::Claimed { Event::Defect } else { Event::GivenUp };
        let reason = Reason::new(ReasonCode::NoDestination).with("destination", destination);
        let verdict =
            settlement(event, Attempted::Rule("destination"), self.ports.clock.now()).because(reason);
        self.settle(claim, verdict).await
    }
}

/// How the hub's own step is served: by itself, and never in trouble.
pub(crate) fn unrouted_policy() -> Result<Destination, StoreFault> {
    let name = rohrpost_model::route::UNROUTED.parse();
    let name = name.map_err(|bad: rohrpost_model::BadName| StoreFault::Unavailable(bad.to_string()))?;
    Ok(Destination { concurrency: ROUTING_AT_ONCE, breaker: None, ramp: None, ..Destination::new(name) })
}

pub(crate) fn after(now: Timestamp, pause: Duration) -> Timestamp {
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}

/// What may be done at a destination under its pause.
pub(crate) const fn work_under(mode: Option<PauseMode>) -> Option<Work> {
    match mode {
        None => Some(Work::All),
        Some(PauseMode::Draining) => Some(Work::Inquiries),
        Some(PauseMode::Paused) => None,
    }
}
