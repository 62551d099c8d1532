//! The delivery loop: finds out who works on what next.
//!
//! One task looks for work and hands it to tasks of its own, at most as many per destination as the destination
//! allows. It looks when something was accepted, settled or commanded, when something falls due, and otherwise now and
//! then. It keeps nothing that a crash could lose: what is due is in the store.

use crate::Engine;
use crate::catalog::Connected;
use crate::judge::{ASK_AGAIN, Saying as _, settlement};
use rohrpost_model::ports::{Attempted, Claim, StoreFault, Wanted};
use rohrpost_model::transition::Event;
use rohrpost_model::{DestinationName, Reason, ReasonCode, State, Timestamp};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The longest time without a look.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The wait after trouble with the store, and while what is due cannot be handed out.
const CATCH_BREATH: Duration = Duration::from_secs(1);

/// The most submissions that are routed again at one time.
const ROUTING_AT_ONCE: usize = 4;

/// `None` is the hub's own step `unrouted`.
type Place = Option<DestinationName>;

/// What is under way.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<(Place, Result<State, StoreFault>)>,
    count: HashMap<Place, usize>,
    /// The store was in trouble since the last look.
    trouble: bool,
    /// Until then nothing is handed out: what fails at once must not be taken up again at once.
    rest_until: Option<Timestamp>,
}

impl UnderWay {
    fn free(&self, place: &Place, most: usize) -> usize {
        most.saturating_sub(self.count.get(place).copied().unwrap_or(0))
    }

    fn begin(&mut self, place: &Place) {
        *self.count.entry(place.clone()).or_default() += 1;
    }

    fn ended(&mut self, done: Result<(Place, Result<State, StoreFault>), tokio::task::JoinError>) {
        match done {
            Ok((place, result)) => {
                self.trouble |= result.is_err();
                if let Some(count) = self.count.get_mut(&place) {
                    *count = count.saturating_sub(1);
                }
            }
            // The panic is a defect of ours; which place it was is not known any more. Its delivery stays claimed and
            // is recovered at the next start.
            Err(panic) => tracing::error!(%panic, "a delivery task panicked"),
        }
    }
}

impl Engine {
    /// Takes up what a crash left behind. Called once, before [`Engine::run`].
    pub async fn recover(&self) -> Result<(), StoreFault> {
        let now = self.ports.clock.now();
        let interrupted = self.ports.outbox.recover(now, after(now, ASK_AGAIN.first)).await?;
        if interrupted > 0 {
            tracing::warn!(interrupted, "deliveries were interrupted while sending; their targets are asked");
        }
        self.park_homeless().await
    }

    /// Delivers until `stop` turns true; then lets end what is under way.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut under_way = UnderWay::default();
        while !*stop.borrow() {
            let look_again = self.look(&mut under_way).await;
            tokio::select! {
                _ = stop.changed() => {}
                () = self.wake.notified() => {}
                Some(done) = under_way.tasks.join_next() => under_way.ended(done),
                () = self.ports.clock.sleep_until(look_again) => under_way.trouble |= self.park_homeless().await.is_err(),
            }
            while let Some(done) = under_way.tasks.try_join_next() {
                under_way.ended(done);
            }
        }
        while let Some(done) = under_way.tasks.join_next().await {
            under_way.ended(done);
        }
    }

    /// Hands out work, unless the store was in trouble a moment ago. Returns when to look again if nothing happens before.
    async fn look(self: &Arc<Self>, under_way: &mut UnderWay) -> Timestamp {
        let now = self.ports.clock.now();
        if std::mem::take(&mut under_way.trouble) {
            under_way.rest_until = Some(after(now, CATCH_BREATH));
        }
        // A rest that is longer than a breath comes from a clock that was put back: it is over.
        let resting = under_way.rest_until.filter(|until| now < *until && *until <= after(now, CATCH_BREATH));
        if let Some(rest_until) = resting {
            return rest_until;
        }
        under_way.rest_until = None;
        self.hand_out(under_way).await;
        if under_way.trouble { after(now, CATCH_BREATH) } else { self.next_look(now).await }
    }

    /// Gives every destination as much work as it may have.
    async fn hand_out(self: &Arc<Self>, under_way: &mut UnderWay) {
        let catalog = self.catalog();
        for connected in catalog.destinations.values() {
            let place = Some(connected.destination.name.clone());
            let most = usize::from(connected.destination.concurrency);
            for claim in self.claim(under_way, &place, most).await {
                let (engine, to, key) = (Arc::clone(self), connected.clone(), place.clone());
                under_way.begin(&place);
                under_way.tasks.spawn(async move { (key, engine.work_on(claim, &to).await) });
            }
        }
        for claim in self.claim(under_way, &None, ROUTING_AT_ONCE).await {
            let engine = Arc::clone(self);
            under_way.begin(&None);
            under_way.tasks.spawn(async move { (None, engine.route_again(claim).await) });
        }
    }

    async fn work_on(&self, claim: Claim, to: &Connected) -> Result<State, StoreFault> {
        match claim.delivery.state {
            State::Unknown | State::Awaiting => self.inquire(claim, to).await,
            _ => self.attempt(claim, to).await,
        }
    }

    async fn claim(&self, under_way: &mut UnderWay, place: &Place, most: usize) -> Vec<Claim> {
        let limit = under_way.free(place, most);
        if limit == 0 {
            return Vec::new();
        }
        let wanted = Wanted { destination: place.clone(), limit, now: self.ports.clock.now() };
        self.ports.outbox.claim(&wanted).await.unwrap_or_else(|fault| {
            tracing::error!(%fault, "cannot look for work");
            under_way.trouble = true;
            Vec::new()
        })
    }

    /// When to look again. What is due already and was not handed out waits for a task to end, so the loop catches its
    /// breath and does not spin.
    async fn next_look(&self, now: Timestamp) -> Timestamp {
        match self.ports.outbox.next_due().await {
            Ok(Some(due)) if due > now => due.min(after(now, LOOK_AGAIN)),
            Ok(None) => after(now, LOOK_AGAIN),
            Ok(Some(_)) | Err(_) => after(now, CATCH_BREATH),
        }
    }

    /// Parks what waits for a destination that is not configured, so that it waits with a reason and for a person
    /// (promise H2). Called at start, after a configuration was activated, and while nothing else happens: a step may have
    /// been released only now.
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
        let wanted = Wanted { destination: Some(destination.clone()), limit: 100, now: Timestamp::MAX };
        loop {
            let claims = self.ports.outbox.claim(&wanted).await?;
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

fn after(now: Timestamp, pause: Duration) -> Timestamp {
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}
