//! Cuts at any moment.

use super::check::{Expected, replica};
use super::classes::Class;
use super::disk::Disk;
use super::fate::Fate;
use super::load::{Plan, Recording};
use super::log::{Record, What};
use crate::durability::crash::seed;
use crate::durability::slowly;
use crate::support::hub::Setup;
use crate::support::sink::Sink;
use std::collections::BTreeMap;
use tokio::task::{JoinSet, block_in_place};

/// How many cuts are made, unless `ROHRPOST_TEST_CUTS` says otherwise.
const CUTS: usize = 200;

/// How many hubs run at one time.
const AT_ONCE: usize = 2;

#[allow(clippy::disallowed_methods)] // whoever runs the tests says how long he wants to search
fn cuts() -> usize {
    std::env::var("ROHRPOST_TEST_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(CUTS)
}

/// One cut in so many is followed until everything has arrived.
const FOLLOWED: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn h1_after_a_power_cut_at_any_moment_every_acknowledged_submission_is_there() {
    let seed = seed();
    let recording = Recording::of(&Plan { senders: 8, lives: &[50, 50, 30] }, seed).await;
    let slow = Sink::answering(|number, _| slowly(number, 500)).await;
    let swift = Sink::start().await;
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut disk, mut looking) = (Disk::new(), JoinSet::new());
    for (number, position) in positions(&recording.log, &mut random).into_iter().enumerate() {
        disk.advance(&recording.log, position, |_| true);
        let followed = number % FOLLOWED == FOLLOWED - 1;
        let dms = if followed { &swift } else { &slow };
        let mut cut = Cut::of(&recording, position, Fate::any(random.u64(..)), dms);
        block_in_place(|| disk.cut(&mut cut.fate, &cut.setup.path("")));
        no_more_than(AT_ONCE - 1, &mut looking).await;
        looking.spawn(cut.look(followed));
    }
    no_more_than(0, &mut looking).await;
    assert_everything_occurred(&recording);
}

/// Waits until no more than so many are still looking.
async fn no_more_than(count: usize, looking: &mut JoinSet<Result<(), String>>) {
    while looking.len() > count {
        let looked = looking.join_next().await.expect("a look").expect("no panic");
        looked.unwrap_or_else(|lost| panic!("{lost}"));
    }
}

/// One cut.
struct Cut {
    setup: Setup,
    fate: Fate,
    expected: Expected,
    /// Where it was, for people.
    place: String,
}

impl Cut {
    fn of(recording: &Recording, position: usize, fate: Fate, dms: &Sink) -> Self {
        let begun = recording.log.first().map_or(0, |record| record.time);
        let around = [position.checked_sub(1), Some(position)].map(|at| recording.log.get(at?));
        let time = around[0].map_or(0, |before| before.time - begun) / 1_000_000;
        let place = format!(
            "{:?} cut before record {position} of {}, after {time} ms, between {:?}",
            fate.mood(),
            recording.log.len(),
            around.map(|record| record.map(|record| &record.what))
        );
        Self { setup: replica(recording, dms), fate, expected: Expected::at(recording, position), place }
    }

    /// An error says what was lost.
    async fn look(mut self, followed: bool) -> Result<(), String> {
        let seed = self.fate.seed();
        let looked = self.expected.look(&self.setup, seed).await;
        let looked = match looked {
            Ok(()) if followed => self.expected.wait_for_all(&self.setup).await,
            looked => looked,
        };
        looked.map_err(|lost| format!("{}: {lost}", self.place))
    }
}

/// Anywhere; while the store is made; right after an acknowledgement; right before and right after a sync, of each class as
/// often.
fn positions(log: &[Record], random: &mut fastrand::Rng) -> Vec<usize> {
    let after_answers: Vec<_> = log
        .iter()
        .enumerate()
        .filter(|(_, record)| record.acknowledges().is_some())
        .map(|(at, _)| at + 1)
        .collect();
    let first_said = log.iter().position(|record| matches!(record.what, What::Said(_))).unwrap_or(log.len());
    let mut syncs: BTreeMap<Class, Vec<usize>> = BTreeMap::new();
    for (at, record) in log.iter().enumerate() {
        if let What::SyncEnded(path, _) = &record.what {
            syncs.entry(Class::of(path)).or_default().push(at);
        }
    }
    let syncs: Vec<_> = syncs.into_values().collect();
    let one = |random: &mut fastrand::Rng, among: &[usize]| among[random.usize(..among.len())];
    let mut positions: Vec<_> = (0..cuts())
        .map(|cut| match cut % 8 {
            0 | 4 => random.usize(..=log.len()),
            1 => random.usize(..=first_said),
            5 => one(random, &after_answers),
            _ => {
                let class = random.usize(..syncs.len());
                one(random, &syncs[class]) + random.usize(..2)
            }
        })
        .collect();
    positions.sort_unstable();
    positions
}

/// The load was one: each kind of sync was there, and some failed.
fn assert_everything_occurred(recording: &Recording) {
    let mut syncs: BTreeMap<Class, usize> = BTreeMap::new();
    let mut failed = 0;
    for record in &recording.log {
        match &record.what {
            What::SyncEnded(path, _) => *syncs.entry(Class::of(path)).or_default() += 1,
            What::SyncFailed(..) => failed += 1,
            _ => {}
        }
    }
    eprintln!(
        "{} records, {} acknowledged, {failed} syncs failed; {syncs:?}",
        recording.log.len(),
        recording.handed.len()
    );
    let at_least =
        [(Class::SegmentFolder, 3), (Class::BlobFolder, 10), (Class::Database, 3), (Class::EpochKey, 2)];
    for (class, least) in at_least {
        assert!(syncs.get(&class).is_some_and(|count| *count >= least), "{class:?} is too rare: {syncs:?}");
    }
    assert!(recording.handed.len() >= 80 && failed > 0, "the load was none");
}
