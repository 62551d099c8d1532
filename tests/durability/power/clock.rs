//! The wall clock jumps while a hub works: nothing is lost, nothing comes twice, and nothing is tried without pause.

use super::shim::Shim;
use crate::durability::life::Unknown;
use crate::durability::notice::{Handed, Senders};
use crate::durability::reconcile::{Arrivals, Unit, reconcile};
use crate::durability::{hasten, late};
use crate::support::client::{Client, until};
use crate::support::hub::Setup;
use crate::support::wire::{Script, Wire};
use rohrpost_model::Timestamp;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::block_in_place;

const HOUR: Duration = Duration::from_secs(3600);

/// Every so many requests the DMS has no time; what it has no time for waits.
const BUSY: usize = 4;

/// So many requests come between two jumps.
const BETWEEN: usize = 24;

/// No delivery is tried more often, whatever the clock says: that a fourth of all requests is for nothing hits one delivery
/// so often once in a million.
const MOST_ATTEMPTS: u64 = 10;

/// The jumps: an hour back, a day forward from there, and back to the true time.
const JUMPS: [fn(&Shim); 3] = [
    |shim| shim.clock_back(HOUR),
    |shim| shim.clock_forward(24 * HOUR),
    |shim| shim.clock_forward(Duration::ZERO),
];

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_clock_that_jumps_loses_nothing_doubles_nothing_and_starts_no_storm() {
    let dms = Wire::start(|number| match number % BUSY {
        0 => Script::answer("503 Busy", "", ""),
        _ => late(number, 100),
    });
    let dms = dms.await;
    let setup = Setup::new(dms.address);
    hasten(&setup);
    let shim = Shim::quiet(&setup);
    let hub = block_in_place(|| setup.start_as(shim.under(setup.command())));
    let client = Client::of(&hub, "portal");
    let (_moved, address) = watch::channel(hub.api.clone());
    let senders = Senders::start(23, 6, &client, &address);
    for jump in JUMPS {
        let before = dms.seen().len();
        until(async || dms.seen().len() >= before + BETWEEN).await;
        jump(&shim);
    }
    let before = dms.seen().len();
    until(async || dms.seen().len() >= before + BETWEEN).await;
    let load = senders.end().await;
    for handed in &load.handed {
        let submission = client.completed(&handed.id()).await;
        for delivery in submission["deliveries"].as_array().expect("deliveries") {
            assert!(delivery["attempts"].as_u64().is_some_and(|it| it <= MOST_ATTEMPTS), "{submission:#}");
        }
    }
    assert!(spread(&client, &load.handed).await > 24 * HOUR, "the hub never saw another clock");
    let log = setup.log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
    let arrivals = Arrivals::of(dms.take()).await;
    assert_eq!(arrivals.doubled(), 0, "something arrived twice");
    let units = Unit::take_all(&setup.path("fachverfahren"));
    reconcile(&client, &load.handed, units, &arrivals, Unknown::Park).await;
}

/// How far the times of acceptance lie apart.
async fn spread(client: &Client, all: &[Handed]) -> Duration {
    let mut times = Vec::new();
    for handed in all {
        let submission = client.get(&format!("/v1/submissions/{}", handed.id())).await;
        times.push(
            submission["receivedAt"].as_str().and_then(|at| at.parse::<Timestamp>().ok()).expect("a time"),
        );
    }
    let (first, last) = (times.iter().min().expect("one"), times.iter().max().expect("one"));
    Duration::try_from(last.duration_since(*first)).expect("the last is not before the first")
}
