//! Places outside that the hub fetches from: round by round, each on its own, so that one that hangs holds back no other.

use crate::{Gateway, measures};
use rohrpost_model::ports::{Left, Round, Source};
use rohrpost_model::{ClientName, Failure, Reason, ReasonCode, SourceName, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The longest pause after rounds that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// How long it takes until sources are begun anew where one of them came to an end by a fault of ours.
const AFTER_PANIC: Duration = Duration::from_secs(10);

/// A source in use.
#[derive(Clone)]
pub struct Fetching {
    /// Its adapter's kind.
    pub adapter: &'static str,
    /// In whose name it hands in.
    pub client: ClientName,
    /// The pause between two rounds.
    pub interval: Duration,
    /// The longest that a round may take; what is under way then is taken up again in the next.
    pub timeout: Duration,
    /// What is fetched from.
    pub source: Arc<dyn Source>,
}

/// All of them.
pub type AllFetching = BTreeMap<SourceName, Fetching>;

/// How a source stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// When its last round ended.
    pub(crate) round_at: Option<Timestamp>,
    /// When the last round ended that could ask the place to the end.
    pub(crate) well_at: Option<Timestamp>,
    /// What the matter was in the last round.
    pub(crate) failure: Option<Reason>,
    /// When the next begins.
    pub(crate) next_at: Option<Timestamp>,
    /// Messages taken in since the hub was started or the configuration changed.
    pub(crate) taken: u64,
    /// Messages that the last round left at the place.
    pub(crate) left: u64,
    /// The first of those.
    pub(crate) named: Vec<Left>,
}

/// The sources of a hub.
#[derive(Default)]
pub struct Sources {
    wanted: watch::Sender<Arc<AllFetching>>,
    standing: Mutex<BTreeMap<SourceName, Standing>>,
}

impl Sources {
    /// Fetches from these from now on, and from no others.
    pub fn adopt(&self, sources: AllFetching) {
        self.wanted.send_replace(Arc::new(sources));
    }

    /// Those in use, each with how it stands.
    pub(crate) fn all(&self) -> Vec<(SourceName, Fetching, Standing)> {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let with = |(name, fetching): (&SourceName, &Fetching)| {
            (name.clone(), fetching.clone(), standing.get(name).cloned().unwrap_or_default())
        };
        self.wanted.borrow().iter().map(with).collect()
    }

    /// Fetches until `stop` turns true. Whatever is under way then, or when others are adopted, is dropped: what was not
    /// taken away at its place comes again.
    pub async fn run(self: Arc<Self>, gateway: Arc<Gateway>, mut stop: watch::Receiver<bool>) {
        let mut wanted = self.wanted.subscribe();
        loop {
            let mut tasks = JoinSet::new();
            let sources = Arc::clone(&wanted.borrow_and_update());
            self.forget_others(&sources);
            for (name, fetching) in sources.iter() {
                let (all, gateway) = (Arc::clone(&self), Arc::clone(&gateway));
                tasks.spawn(all.fetch(gateway, name.clone(), fetching.clone()));
            }
            tokio::select! {
                () = stopped(&mut stop) => return,
                changed = wanted.changed() => if changed.is_err() { return },
                Some(ended) = tasks.join_next() => {
                    tracing::error!(fault = ?ended.err(), "a source came to an end; all are begun anew");
                    let clock = gateway.engine.clock();
                    clock.sleep_until(later(clock.now(), AFTER_PANIC)).await;
                }
            }
        }
    }

    async fn fetch(self: Arc<Self>, gateway: Arc<Gateway>, name: SourceName, fetching: Fetching) {
        let (clock, mut failed) = (gateway.engine.clock(), 0);
        loop {
            let mut round = Round::default();
            let ended = fetching.round(&gateway, &mut round).await;
            failed = if ended.is_ok() { 0 } else { failed + 1 };
            measures::round(&name, ended.is_ok(), round.left);
            told(&name, &round, &ended);
            let now = clock.now();
            let next = later(now, pause(fetching.interval, failed));
            self.note(&name, round, ended, (now, next));
            clock.sleep_until(next).await;
        }
    }

    fn note(
        &self,
        name: &SourceName,
        round: Round,
        ended: Result<(), Failure>,
        (now, next): (Timestamp, Timestamp),
    ) {
        let mut all = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = all.entry(name.clone()).or_default();
        standing.round_at = Some(now);
        standing.next_at = Some(next);
        standing.taken += round.taken;
        match ended {
            Ok(()) => {
                standing.well_at = Some(now);
                standing.failure = None;
                (standing.left, standing.named) = (round.left, round.named);
            }
            // What it did not come to may still lie there.
            Err(failure) => standing.failure = Some(failure.reason().clone()),
        }
    }

    fn forget_others(&self, wanted: &AllFetching) {
        let mut all = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|name, _| wanted.contains_key(name));
    }
}

impl Fetching {
    async fn round(&self, gateway: &Gateway, round: &mut Round) -> Result<(), Failure> {
        let ended = tokio::time::timeout(self.timeout, self.source.round(gateway, &self.client, round)).await;
        ended.unwrap_or_else(|_| Err(Failure::unavailable(Reason::new(ReasonCode::Torn))))
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // That nobody is left who could say so is as good.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn told(name: &SourceName, round: &Round, ended: &Result<(), Failure>) {
    let Round { taken, repeated, left, .. } = round;
    match ended {
        Err(failure) => {
            let reason = failure.reason().code;
            tracing::warn!(source = %name, ?reason, taken, repeated, "the place could not be asked to the end");
        }
        Ok(()) if !round.was_empty() => {
            tracing::info!(source = %name, taken, repeated, left, "fetched");
        }
        Ok(()) => {}
    }
}

/// After failures it doubles, but a source that is asked seldom anyhow is not asked more seldom.
fn pause(interval: Duration, failed: u32) -> Duration {
    let longest = interval.max(LONGEST_PAUSE);
    interval.saturating_mul(1 << failed.min(16)).min(longest)
}

fn later(now: Timestamp, pause: Duration) -> Timestamp {
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}
