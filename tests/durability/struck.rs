//! The target itself kills the hub: at every n-th request, at each moment of the conversation in turn.

use super::crash::seed;
use super::late;
use super::life::Unknown;
use super::ordeal::{Ordeal, Reckoning};
use crate::support::hub::Hub;
use crate::support::wire::{Script, Step, answer};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::block_in_place;

/// The DMS strikes at every request whose number this divides.
const EVERY: usize = 5;

/// How often it strikes at each moment.
const TIMES: usize = 3;

/// How long it may take until the next request comes that it strikes at.
const PATIENCE: Duration = Duration::from_secs(60);

/// The moments: what the DMS does with a request, and when it strikes.
const MOMENTS: [&str; 6] = [
    "before the body is read",
    "after the body was read",
    "a while after the body was read",
    "in the midst of the answer",
    "after the answer",
    "a while after the answer",
];

fn script(moment: usize, strike: Step) -> Script {
    let whole = answer("200 OK", "", "4711");
    let half = whole[..whole.len() - 2].to_vec();
    let pause = || Step::Pause(Duration::from_millis(30));
    let then = match moment {
        0 => return Script { name: MOMENTS[0], steps: vec![Step::Head, strike, Step::Close] },
        1 => vec![strike, Step::Close],
        2 => vec![pause(), strike, Step::Close],
        3 => vec![Step::Write(half), strike, Step::Close],
        4 => vec![Step::Write(whole), strike],
        _ => vec![Step::Write(whole), pause(), strike],
    };
    Script::take(MOMENTS[moment], then)
}

/// The hub, where the DMS can reach it.
struct Victim {
    hub: Mutex<Option<Hub>>,
    /// How often it was killed.
    strikes: watch::Sender<usize>,
}

impl Victim {
    /// Kills it, if it lives.
    fn strike(&self) {
        if let Some(hub) = self.hub.lock().expect("no panic").take() {
            hub.kill();
            self.strikes.send_modify(|strikes| *strikes += 1);
        }
    }

    fn put(&self, hub: Hub) {
        self.hub.lock().expect("no panic").replace(hub);
    }

    fn take(&self) -> Hub {
        self.hub.lock().expect("no panic").take().expect("a hub that lives")
    }
}

/// A DMS that strikes at the hub, and otherwise takes everything a little late.
fn striking(victim: Arc<Victim>) -> impl Fn(usize) -> Script + Send + Sync {
    move |number| {
        if number % EVERY > 0 {
            return late(number, 30);
        }
        let (moment, victim) = (*victim.strikes.borrow() % MOMENTS.len(), Arc::clone(&victim));
        script(moment, Step::Do(Arc::new(move || victim.strike())))
    }
}

/// Lets the DMS strike, and starts the hub again each time, until each moment had its turns.
async fn endure(unknown: Unknown) -> Reckoning {
    let victim = Arc::new(Victim { hub: Mutex::default(), strikes: watch::Sender::default() });
    let ordeal = Ordeal::new(unknown, seed(), striking(Arc::clone(&victim))).await;
    let hub = block_in_place(|| ordeal.setup.start());
    let (moved, _) = watch::channel(hub.api.clone());
    let sending = ordeal.senders(8, 0, &hub, &moved);
    victim.put(hub);
    let mut strikes = victim.strikes.subscribe();
    for struck in 1..=MOMENTS.len() * TIMES {
        let next = tokio::time::timeout(PATIENCE, strikes.wait_for(|strikes| *strikes >= struck));
        let _ = next.await.expect("another request comes").expect("a victim");
        if struck == MOMENTS.len() * TIMES {
            ordeal.end();
        }
        let hub = block_in_place(|| ordeal.setup.start());
        moved.send_replace(hub.api.clone());
        victim.put(hub);
    }
    let sent = sending.end().await;
    let reckoning = ordeal.reckon(&victim.take(), &sent).await;
    for moment in MOMENTS {
        let struck = reckoning.arrivals.count(moment);
        assert!(struck >= TIMES, "{moment}: it struck {struck} times");
    }
    eprintln!("{} strikes, {unknown:?}: {reckoning}", MOMENTS.len() * TIMES);
    reckoning
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_where_the_target_kills_the_hub_only_what_is_unknown_comes_again() {
    let reckoning = endure(Unknown::Retry).await;
    assert!(
        reckoning.arrivals.doubled() >= 2 * TIMES,
        "it was killed after it had sent, and before it was told"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_where_the_target_kills_the_hub_nothing_arrives_twice_if_unknown_is_parked() {
    let reckoning = endure(Unknown::Park).await;
    assert_eq!(reckoning.arrivals.doubled(), 0, "something arrived twice");
    assert!(reckoning.parked - reckoning.missing >= 2 * TIMES, "what had arrived was not parked");
    assert!(reckoning.missing >= TIMES, "what had not arrived was not parked");
}
