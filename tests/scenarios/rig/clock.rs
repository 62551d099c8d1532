//! A clock that stands still until the test moves it.

use async_trait::async_trait;
use rohrpost_model::Timestamp;
use rohrpost_model::ports::Clock;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Wall time, and the time that really passes. They go together until the test puts the wall clock.
pub struct StillClock(Mutex<Times>);

struct Times {
    wall: Timestamp,
    passed: Duration,
    sleepers: BTreeMap<u64, Sleeper>,
    slept: u64,
}

struct Sleeper {
    deadline: Timestamp,
    /// It sleeps no longer than was left when it lay down, whatever becomes of the wall clock.
    at_latest: Duration,
    waker: Waker,
}

impl StillClock {
    pub fn at(now: Timestamp) -> Arc<Self> {
        let times = Times { wall: now, passed: Duration::ZERO, sleepers: BTreeMap::new(), slept: 0 };
        Arc::new(Self(Mutex::new(times)))
    }

    fn lock(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap()
    }

    /// How often somebody lay down: whoever sees the same number twice knows that nobody did in between.
    pub fn slept(&self) -> u64 {
        self.lock().slept
    }

    /// How long until the next sleeper wakes.
    pub fn next(&self) -> Option<Duration> {
        let times = self.lock();
        times.sleepers.values().map(|sleeper| times.left(sleeper)).min()
    }

    /// Time passes.
    pub fn advance(&self, by: Duration) {
        self.change(|times| {
            times.passed += by;
            times.wall += by;
        });
    }

    /// Somebody puts the wall clock: no time passes.
    pub fn put(&self, wall: Timestamp) {
        self.change(|times| times.wall = wall);
    }

    fn change(&self, change: impl FnOnce(&mut Times)) {
        let mut times = self.lock();
        change(&mut times);
        let awake: Vec<_> = times
            .sleepers
            .iter()
            .filter(|(_, sleeper)| times.left(sleeper).is_zero())
            .map(|(id, _)| *id)
            .collect();
        let wakers: Vec<_> = awake.iter().filter_map(|id| times.sleepers.remove(id)).collect();
        drop(times);
        wakers.into_iter().for_each(|sleeper| sleeper.waker.wake());
    }
}

impl Times {
    fn left(&self, sleeper: &Sleeper) -> Duration {
        let by_wall = Duration::try_from(sleeper.deadline.duration_since(self.wall)).unwrap_or_default();
        by_wall.min(sleeper.at_latest.saturating_sub(self.passed))
    }
}

#[async_trait]
impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        self.lock().wall
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        let left = Duration::try_from(deadline.duration_since(self.now())).unwrap_or_default();
        let at_latest = self.lock().passed.saturating_add(left);
        Sleep { clock: self, deadline, at_latest, id: None }.await;
    }
}

struct Sleep<'a> {
    clock: &'a StillClock,
    deadline: Timestamp,
    at_latest: Duration,
    id: Option<u64>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut times = self.clock.lock();
        let waker = context.waker().clone();
        let sleeper = Sleeper { deadline: self.deadline, at_latest: self.at_latest, waker };
        if times.left(&sleeper).is_zero() {
            return Poll::Ready(());
        }
        let id = self.id.unwrap_or_else(|| {
            times.slept += 1;
            times.slept
        });
        times.sleepers.insert(id, sleeper);
        drop(times);
        self.id = Some(id);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.clock.lock().sleepers.remove(&id);
        }
    }
}
