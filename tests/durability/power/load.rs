//! A hub under load, with everything written down.

use super::log::{self, Record};
use super::shim::Shim;
use crate::durability::notice::{Fingerprint, Senders};
use crate::durability::{hasten, repeat_what_is_unknown, slowly};
use crate::support::client::Client;
use crate::support::hub::{Hub, Setup};
use crate::support::sink::Sink;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::block_in_place;

/// What a hub did, and what others know of it.
pub struct Recording {
    /// The configuration, with its secrets.
    pub setup: Setup,
    /// Where its DMS was.
    pub dms: Sink,
    pub log: Vec<Record>,
    /// How many deliveries each submission has.
    pub deliveries: usize,
    /// What was handed in under each id that senders were told.
    pub handed: BTreeMap<String, Fingerprint>,
}

/// What others know when the log has come to some position, the latest last.
pub struct Known<'r> {
    /// Ids of submissions that were acknowledged.
    pub acknowledged: Vec<&'r str>,
    /// Keys of deliveries of which a target may have seen something.
    pub sent: Vec<&'r str>,
}

/// The hub's lives under load, each until so many more requests have come to the DMS.
pub struct Plan {
    pub senders: usize,
    pub lives: &'static [usize],
}

/// How long one life may take at most, should the machine be slow.
const LONGEST: Duration = Duration::from_secs(40);

/// More than a week: another epoch, with another key.
pub const NEXT_EPOCH: Duration = Duration::from_secs(8 * 24 * 3600);

impl Recording {
    /// Runs the plan. Each life but the last ends by SIGKILL after some change, the second one after the database's log
    /// could not be synced; the last one ends in order.
    pub async fn of(plan: &Plan, seed: u64) -> Self {
        let dms = Sink::answering(|number, _| slowly(number, 10)).await;
        let setup = Setup::new(dms.address);
        hasten(&setup);
        repeat_what_is_unknown(&setup);
        let shim = Shim::recording(&setup);
        let mut random = fastrand::Rng::with_seed(seed);
        block_in_place(|| die_at_first_start(&setup, &shim, random.u64(5..300)));
        let start = || block_in_place(|| setup.start_as(shim.under(setup.command())));
        let mut hub = start();
        let client = Client::of(&hub, "portal");
        let (moved, address) = watch::channel(hub.api.clone());
        let senders = Senders::start(seed, plan.senders, &client, &address);
        for (life, requests) in plan.lives.iter().enumerate() {
            if life > 1 {
                // The store stops; what its last commit left is seen by the next process only.
                shim.fail_syncs("rohrpost.sqlite-wal", 1);
                until(|| shim.failures_left() == 0).await;
            }
            if life > 0 {
                hub = die(hub, &shim, random.u64(1..500), start);
                moved.send_replace(hub.api.clone());
            }
            live(&shim, life, &dms, *requests).await;
        }
        let load = senders.end().await;
        assert!(block_in_place(|| hub.stop()), "the hub ends with success");
        let handed = load.handed.into_iter().map(|handed| (handed.id(), handed.sent)).collect();
        let log = log::read(shim.log());
        Self { setup, dms, log, deliveries: 2, handed }.checked()
    }

    /// Whoever was told an id was told it by an answer that is in the log.
    fn checked(self) -> Self {
        let said: BTreeSet<_> = self.log.iter().filter_map(Record::acknowledges).collect();
        for id in self.handed.keys() {
            assert!(said.contains(id.as_str()), "{id} was acknowledged, and the log does not know of it");
        }
        self
    }

    /// What others know before the record at `position`.
    pub fn known_at(&self, position: usize) -> Known<'_> {
        let before = || self.log[..position].iter();
        // What was answered and never arrived at its sender was no acknowledgement; it is there all the same.
        let acknowledged =
            before().filter_map(Record::acknowledges).filter(|id| self.handed.contains_key(*id));
        Known { acknowledged: latest(acknowledged), sent: latest(before().filter_map(Record::sends)) }
    }
}

/// Each once, ordered by the last time.
fn latest<'r>(all: impl Iterator<Item = &'r str>) -> Vec<&'r str> {
    let mut places = BTreeMap::new();
    for (place, one) in all.enumerate() {
        places.insert(one, place);
    }
    let mut ordered: Vec<_> = places.into_iter().map(|(one, place)| (place, one)).collect();
    ordered.sort_unstable();
    ordered.into_iter().map(|(_, one)| one).collect()
}

/// The very first start, which comes to nothing.
fn die_at_first_start(setup: &Setup, shim: &Shim, changes: u64) {
    shim.kill_after(changes);
    let mut command = shim.under(setup.command());
    let mut hub =
        command.arg("serve").stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    hub.wait().expect("it is killed");
}

fn die(hub: Hub, shim: &Shim, changes: u64, start: impl Fn() -> Hub) -> Hub {
    shim.kill_after(changes);
    block_in_place(|| hub.gone());
    start()
}

/// Lets the hub work. Some syncs of content fail, so that segments and files are given up and begun anew; in the second
/// life a new epoch begins.
async fn live(shim: &Shim, life: usize, dms: &Sink, requests: usize) {
    let before = dms.requests().len();
    if life == 1 {
        shim.clock_forward(NEXT_EPOCH);
    }
    for (part, failing) in ["data/segments/", "data/tmp/", "data/blobs/"].into_iter().enumerate() {
        until(|| dms.requests().len() >= before + requests * (part + 1) / 4).await;
        shim.fail_syncs(failing, 1);
    }
    until(|| dms.requests().len() >= before + requests).await;
}

async fn until(enough: impl Fn() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    let waiting = async {
        while !enough() {
            looks.tick().await;
        }
    };
    let _ = tokio::time::timeout(LONGEST / 4, waiting).await;
}
