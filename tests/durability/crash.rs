//! `kill -9` at random moments under load, and what must be true afterwards.

use super::notice::{Load, Notice, Senders, hand_in};
use super::reconcile::{Arrivals, Unit, reconcile};
use super::{DMS, hasten, repeat_what_is_unknown, slowly};
use crate::support::client::Client;
use crate::support::hub::{Hub, Setup};
use crate::support::sink::Sink;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use std::process::Stdio;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::block_in_place;

/// How hard it is made.
struct Ordeal {
    setup: Setup,
    dms: Sink,
    senders: usize,
    crashes: usize,
    seed: u64,
}

/// A seed of its own for every run; the one of an earlier run by `ROHRPOST_TEST_SEED`.
#[allow(clippy::disallowed_methods)] // whoever runs the tests says which run is to be repeated
pub fn seed() -> u64 {
    let given = std::env::var("ROHRPOST_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("ROHRPOST_TEST_SEED={seed}");
    seed
}

impl Ordeal {
    /// Lets the senders send while the hub is killed again and again. Ends with a hub that runs.
    async fn run(&self) -> (Hub, Load) {
        let hub = block_in_place(|| self.setup.start());
        let client = Client::of(&hub, "portal");
        let (moved, address) = watch::channel(hub.api.clone());
        let senders = Senders::start(self.seed, self.senders, &client, &address);
        let hub = self.crash_again_and_again(hub, &moved).await;
        (hub, senders.end().await)
    }

    async fn crash_again_and_again(&self, mut hub: Hub, moved: &watch::Sender<String>) -> Hub {
        let mut random = fastrand::Rng::with_seed(self.seed);
        for crash in 0..self.crashes {
            tokio::time::sleep(Duration::from_millis(random.u64(100..1500))).await;
            block_in_place(|| hub.kill());
            if crash % 5 == 4 {
                self.crash_while_starting(Duration::from_millis(random.u64(10..400))).await;
            }
            hub = block_in_place(|| self.setup.start());
            moved.send_replace(hub.api.clone());
        }
        hub
    }

    /// A crash while the hub recovers from the one before.
    async fn crash_while_starting(&self, after: Duration) {
        let mut command = self.setup.command();
        command.arg("serve").stdout(Stdio::null()).stderr(Stdio::null());
        let mut hub = command.spawn().expect("the hub starts");
        tokio::time::sleep(after).await;
        hub.kill().expect("it is killed");
        hub.wait().expect("it is gone");
    }
}

/// After all crashes a key still gets its first answer.
async fn ask_for_answers_again(seed: u64, client: &Client, hub: &Hub, load: &Load) {
    let (_moved, mut address) = watch::channel(hub.api.clone());
    for handed in load.handed.iter().step_by(3) {
        let notice = Notice::new(seed, handed.sender, handed.number);
        let (again, _) = hand_in(client, &notice, &mut address).await;
        assert_eq!(again, handed.answer, "{} gets the answer of the first time", notice.key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_acknowledged_submissions_survive_kill_9() {
    // Every ninth is not taken, so that there are further attempts beside those after a crash.
    let dms = Sink::answering(|number, _| match number % 9 {
        0 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => slowly(number, 60),
    });
    let dms = dms.await;
    let setup = Setup::new(dms.address);
    hasten(&setup);
    repeat_what_is_unknown(&setup);
    let ordeal = Ordeal { setup, dms, senders: 16, crashes: 20, seed: seed() };
    let (hub, load) = ordeal.run().await;
    assert!(load.handed.len() >= 5 * ordeal.senders, "the load was none: {}", load.handed.len());

    let client = Client::of(&hub, "portal");
    for handed in &load.handed {
        client.completed(&handed.id()).await;
    }
    ask_for_answers_again(ordeal.seed, &client, &hub, &load).await;
    let units = Unit::all(&ordeal.setup.path("fachverfahren"));
    let arrivals = Arrivals::of(&ordeal.dms).await;
    reconcile(&client, &load.handed, units, &arrivals).await;
    eprintln!(
        "{} acknowledged, {} handed in again, {} requests at the DMS for {} deliveries",
        load.handed.len(),
        load.repeated,
        arrivals.requests,
        arrivals.by_key.len()
    );
    assert!(load.repeated > 0, "no crash hit a sender");
    assert!(ordeal.setup.log().contains("were interrupted while sending"), "no crash hit a delivery");
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_after_crashes_nothing_arrives_twice_where_what_is_unknown_is_parked() {
    let dms = Sink::answering(|number, _| slowly(number, 150)).await;
    let setup = Setup::new(dms.address);
    hasten(&setup);
    assert!(
        std::fs::read_to_string(setup.config().join(DMS)).expect("the DMS").contains("unknown = \"park\"")
    );
    let ordeal = Ordeal { setup, dms, senders: 8, crashes: 6, seed: seed() };
    let (hub, load) = ordeal.run().await;

    let client = Client::of(&hub, "portal");
    let mut parked = 0;
    for handed in &load.handed {
        let settled = |submission: &serde_json::Value| {
            ["completed", "attention"].contains(&submission["state"].as_str().expect("a state"))
        };
        let submission = client.follow(&handed.id(), settled).await;
        let [fachverfahren, dms] = [0, 1].map(|index| &submission["deliveries"][index]);
        assert_eq!(fachverfahren["state"], "delivered", "{submission:#}");
        if dms["state"] == "parked" {
            assert_eq!(dms["reason"]["code"], "no-word", "{submission:#}");
            parked += 1;
        }
    }
    let arrivals = Arrivals::of(&ordeal.dms).await;
    assert_eq!(arrivals.requests, arrivals.by_key.len(), "something arrived twice");
    assert!(parked > 0, "no crash hit a request");
    let missing = load.handed.len() - arrivals.by_key.len();
    assert!(missing <= parked, "{missing} did not arrive, and only {parked} wait for a person");
    eprintln!("{} acknowledged, {parked} parked, {missing} of them did not arrive", load.handed.len());
    let units = Unit::all(&ordeal.setup.path("fachverfahren"));
    assert_eq!(units.len(), load.handed.len());
}
