//! `kill -9` at random moments under load, and what must be true afterwards.

use super::late;
use super::life::Unknown;
use super::notice::Load;
use super::ordeal::{Ordeal, Reckoning, told};
use crate::support::hub::Hub;
use crate::support::wire::{Script, Step};
use std::process::Stdio;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::block_in_place;

/// How many crashes there are between two reckonings.
const CRASHES_AT_ONCE: usize = 50;

/// What the DMS does beside taking a request and answering at once or late: each twice in 32 requests.
const RUDE: [&str; 5] =
    ["not now", "cut without a word", "cut in the answer", "mute after taking", "cut in the request"];

/// A DMS that answers late, cuts connections at any point, and falls silent after it has taken something.
fn rude(seed: u64, number: usize) -> Script {
    let mut random = fastrand::Rng::with_seed(seed ^ number as u64);
    // 13 and 16 have no common divisor: in 16 requests every lot comes once.
    let lot = (number * 13 + (seed % 16) as usize) % 16;
    match RUDE.get(lot) {
        Some(name @ &"not now") => Script { name, ..Script::answer("503 Busy", "", "") },
        Some(name @ &"cut without a word") => Script::take(name, [Step::Close]),
        Some(name @ &"cut in the answer") => {
            Script::take(name, [Step::Write(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec()), Step::Close])
        }
        Some(name @ &"mute after taking") => Script::take(name, [Step::Mute]),
        Some(name) => Script { name, steps: vec![Step::Head, Step::Close] },
        None => late(number, if random.bool() { random.u64(20..200) } else { 0 }),
    }
}

/// A seed of its own for every run; the one of an earlier run by `ROHRPOST_TEST_SEED`.
pub fn seed() -> u64 {
    let seed = told("ROHRPOST_TEST_SEED").unwrap_or_else(|| fastrand::u64(..));
    eprintln!("ROHRPOST_TEST_SEED={seed}");
    seed
}

/// Lets the senders send while the hub is killed again and again. Ends with a hub that runs.
async fn crash_again_and_again(
    ordeal: &Ordeal,
    mut hub: Hub,
    crashes: usize,
    random: &mut fastrand::Rng,
    moved: &watch::Sender<String>,
) -> Hub {
    for crash in 0..crashes {
        tokio::time::sleep(Duration::from_millis(random.u64(100..1500))).await;
        block_in_place(|| hub.kill());
        if crash % 5 == 4 {
            crash_while_starting(ordeal, Duration::from_millis(random.u64(10..400))).await;
        }
        hub = block_in_place(|| ordeal.setup.start());
        moved.send_replace(hub.api.clone());
    }
    hub
}

/// A crash while the hub recovers from the one before.
async fn crash_while_starting(ordeal: &Ordeal, after: Duration) {
    let mut command = ordeal.setup.command();
    command.arg("serve").stdout(Stdio::null()).stderr(Stdio::null());
    let mut hub = command.spawn().expect("the hub starts");
    tokio::time::sleep(after).await;
    hub.kill().expect("it is killed");
    hub.wait().expect("it is gone");
}

/// Crashes the hub so often, and reckons now and then; the hub keeps its data all the while.
async fn endure(ordeal: &Ordeal, senders: usize, crashes: usize, check: impl Fn(&Load, &Reckoning)) {
    let mut random = fastrand::Rng::with_seed(ordeal.seed);
    let mut hub = block_in_place(|| ordeal.setup.start());
    let (moved, _) = watch::channel(hub.api.clone());
    let loads = crashes.div_ceil(CRASHES_AT_ONCE);
    for load in 0..loads {
        let now = crashes / loads + usize::from(load < crashes % loads);
        let sending = ordeal.senders(senders, load, &hub, &moved);
        hub = crash_again_and_again(ordeal, hub, now, &mut random, &moved).await;
        let sent = sending.end().await;
        let reckoning = ordeal.reckon(&hub, &sent).await;
        eprintln!("{now} crashes, {:?}: {} handed in again, {reckoning}", ordeal.unknown, sent.repeated);
        check(&sent, &reckoning);
    }
}

/// How many crashes there are: `usual`, or what `ROHRPOST_TEST_KILLS` says.
fn crashes(usual: usize) -> usize {
    told("ROHRPOST_TEST_KILLS").unwrap_or(usual)
}

fn assert_load_and_trouble(ordeal: &Ordeal, sent: &Load, reckoning: &Reckoning) {
    assert!(reckoning.handed >= 5 * 8, "the load was none: {}", reckoning.handed);
    assert!(sent.repeated > 0, "no crash hit a sender");
    assert!(ordeal.setup.log().contains("were interrupted while sending"), "no crash hit a delivery");
    for name in RUDE {
        assert!(reckoning.arrivals.count(name) > 0, "the DMS never did this: {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_acknowledged_submissions_survive_kill_9_and_only_what_is_unknown_comes_again() {
    let seed = seed();
    let ordeal = Ordeal::new(Unknown::Retry, seed, move |number| rude(seed, number)).await;
    let check = |sent: &Load, reckoning: &Reckoning| {
        assert_load_and_trouble(&ordeal, sent, reckoning);
        assert!(reckoning.arrivals.doubled() > 0, "nothing came again: there was nothing to allow");
    };
    endure(&ordeal, 16, crashes(50), check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_after_crashes_nothing_arrives_twice_where_what_is_unknown_is_parked() {
    let seed = seed();
    let ordeal = Ordeal::new(Unknown::Park, seed, move |number| rude(seed, number)).await;
    let check = |sent: &Load, reckoning: &Reckoning| {
        assert_load_and_trouble(&ordeal, sent, reckoning);
        assert_eq!(reckoning.arrivals.doubled(), 0, "something arrived twice");
        assert!(reckoning.parked > reckoning.missing, "no crash hit a request that had arrived");
    };
    endure(&ordeal, 8, crashes(15), check).await;
}
