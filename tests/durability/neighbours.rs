//! A destination that is dead, or that hangs with hundreds of deliveries waiting, leaves the others their rate. So does a
//! mapping that runs until a limit ends it.
//!
//! The measure: bursts of deliveries to a good destination, in turns while the bad one has nothing to do and while it is
//! bad, within one run of one hub. The good target takes 200 ms for each and gets four at a time, so a burst's rate is
//! bound by the destination's own limit and not by the processors, which other programs need as well. A burst's rate is
//! taken between its first and its last arrival at the target. What is left of the rate is told by each pair of a burst
//! with and the burst without that came just before it, so that what changes slowly on the machine counts in both; the
//! median over all pairs is what counts. What is slower in truth stays so in further rounds, what was noise does not:
//! there are more rounds while the median is too low.

use super::{PLAIN, hand_in_plain};
use crate::support::client::{Client, until};
use crate::support::hub::{Hub, Setup};
use crate::support::wire::{Script, Step, Wire, answer};
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::block_in_place;

/// Deliveries of one burst.
const BURST: usize = 32;

/// How many wait for the bad destination.
const WAITING: usize = 300;

/// How many wait for mappings without end.
const WAITING_ENDLESS: usize = 60;

/// Rounds at least and at most; each has a burst without and a burst with.
const ROUNDS: std::ops::RangeInclusive<usize> = 5..=15;

/// What the rate may come down to.
const LEFT: f64 = 0.9;

/// The same beside mappings without end: those keep a processor busy, which other programs want as well. Without care for the
/// others a burst waits for such mappings again and again, and a tenth is left.
const LEFT_ENDLESS: f64 = 0.5;

/// The destinations as a user would write them.
fn destination(name: &str, address: SocketAddr) -> String {
    format!(
        "name = \"{name}\"\ntenants = [\"lk-beispiel\"]\nadapter = \"http\"\nconcurrency = 4\ntimeout = \"30s\"\n\
         [http]\nurl = \"http://{address}/in\"\n"
    )
}

fn route(name: &str, kind: &str) -> String {
    format!(
        "name = \"{name}\"\ntenants = [\"lk-beispiel\"]\n[match]\nkind = \"{kind}\"\n\
         [[step]]\nname = \"{name}\"\ndestination = \"{name}\"\n"
    )
}

/// A hub with a good destination and a bad one, each with a route of its own.
struct Street {
    /// Keeps the hub's folders.
    _setup: Setup,
    hub: Hub,
    good: Wire,
}

impl Street {
    async fn new(bad: SocketAddr) -> Self {
        Self::with(bad, |_| ()).await
    }

    async fn with(bad: SocketAddr, prepare: impl FnOnce(&Setup)) -> Self {
        let late = |_| {
            let pause = Step::Pause(Duration::from_millis(200));
            Script::take("good", [pause, Step::Write(answer("200 OK", "", ""))])
        };
        let good = Wire::start(late).await;
        let setup = Setup::new("127.0.0.1:9");
        for (name, kind, address) in [("good", "notice", good.address), ("bad", "withdrawal", bad)] {
            setup.write(&format!("destinations/{name}.toml"), &destination(name, address));
            setup.write(&format!("routes/{name}.toml"), &route(name, kind));
        }
        prepare(&setup);
        let hub = block_in_place(|| setup.start());
        Self { _setup: setup, hub, good }
    }

    /// Hands in so many at once as eight portals would. Returns their ids.
    async fn hand_in(&self, kind: &str, count: usize) -> Vec<String> {
        let client = Client::of(&self.hub, "portal");
        let one = |_| hand_in_plain(&client, kind, PLAIN);
        stream::iter(0..count).map(one).buffer_unordered(8).collect().await
    }

    /// Deliveries per second of one burst to the good destination.
    async fn burst(&self) -> f64 {
        self.good.take();
        self.hand_in("notice", BURST).await;
        until(async || self.good.seen().len() == BURST).await;
        let seen = self.good.take();
        let [first, last] = [&seen[0], &seen[BURST - 1]].map(|seen| seen.at);
        (BURST - 1) as f64 / (last - first).as_secs_f64()
    }

    /// The deliveries to the bad destination that have not come to their end.
    async fn waiting(&self) -> Vec<Value> {
        let open = "blocked,due,claimed,sending,unknown,awaiting,parked";
        let path = format!("/v1/deliveries?destination=bad&state={open}&limit=500");
        let page = Client::of(&self.hub, "operator").get(&path).await;
        page["deliveries"].as_array().expect("deliveries").clone()
    }

    /// A person gives up what waits for the bad destination, until nothing does.
    async fn give_up(&self) {
        let operator = Client::of(&self.hub, "operator");
        let give_up = async |delivery: Value| {
            let path = format!("/v1/deliveries/{}/discard", delivery["id"].as_str().expect("an id"));
            let command = operator.request("POST", &path).json(&json!({ "reason": "Ziel ist tot" }));
            // What is being sent at this moment takes no command; it is asked again.
            command.send().await.expect("an answer");
        };
        until(async || {
            let waiting = self.waiting().await;
            let none = waiting.is_empty();
            stream::iter(waiting).for_each_concurrent(8, &give_up).await;
            none
        })
        .await;
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Measures in rounds; `bad` makes the bad destination bad, and `good` takes it back.
async fn assert_rate_is_left(
    street: &Street,
    (waiting, expected): (usize, f64),
    bad: impl AsyncFn(),
    good: impl AsyncFn(),
) {
    street.burst().await;
    let mut pairs: Vec<(f64, f64)> = Vec::new();
    for round in 1..=*ROUNDS.end() {
        let without = street.burst().await;
        bad().await;
        pairs.push((without, street.burst().await));
        assert!(street.waiting().await.len() >= waiting - 50, "too few wait for the bad destination");
        good().await;
        assert_eq!(street.waiting().await.len(), 0, "something waits for the bad destination");
        let left = median(pairs.iter().map(|(without, with)| with / without).collect());
        if round >= *ROUNDS.start() && left >= expected {
            let without = median(pairs.iter().map(|(without, _)| *without).collect());
            eprintln!(
                "{without:.1} deliveries/s without; {left:.3} of the rate is left after {round} rounds"
            );
            return;
        }
    }
    panic!("the rate came down: {pairs:.1?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_refuses_connections_leaves_the_others_their_rate() {
    let nobody = TcpSocket::new_v4().expect("a socket");
    nobody.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let street = Street::new(nobody.local_addr().expect("an address")).await;
    let bad = async || drop(street.hand_in("withdrawal", WAITING).await);
    assert_rate_is_left(&street, (WAITING, LEFT), bad, async || street.give_up().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_hangs_leaves_the_others_their_rate() {
    let (well, wells) = watch::channel(false);
    let hangs = Wire::start(move |_| {
        let until = Step::Until(wells.clone());
        Script::take("bad", [until, Step::Write(answer("200 OK", "", ""))])
    });
    let hangs = hangs.await;
    let street = Street::new(hangs.address).await;
    let bad = async || {
        well.send_replace(false);
        hangs.take();
        street.hand_in("withdrawal", WAITING).await;
        until(async || hangs.seen().len() >= 4).await;
    };
    let good = async || {
        well.send_replace(true);
        street.give_up().await;
    };
    assert_rate_is_left(&street, (WAITING, LEFT), bad, good).await;
}

/// Stylesheets without an end of their own.
const ENDLESS: [(&str, &str); 3] = [
    (
        "endlos",
        "<xsl:variable name='n' select='str:tokenize(str:padding(4000, \"a \"))/../*'/>\
         <xsl:value-of select='count($n[count($n/../*[count($n/../*) > 0]) > 0])'/>",
    ),
    ("tief", "<xsl:call-template name='t'/>"),
    (
        "riesig",
        "<xsl:call-template name='doubled'><xsl:with-param name='s' select='str:padding(1000, \"x\")'/></xsl:call-template>",
    ),
];

/// What doubles a text for as long as it may.
const DOUBLED: &str = "<xsl:template name='doubled'><xsl:param name='s'/><xsl:call-template name='doubled'>\
     <xsl:with-param name='s' select='concat($s, $s)'/></xsl:call-template></xsl:template>";

/// Every submission of the bad route is mapped by all of them, in a library of this hub alone.
fn map_without_end(setup: &Setup) {
    let mut steps = route("bad", "withdrawal");
    steps.truncate(steps.find("[[step]]").expect("a step"));
    for (name, body) in ENDLESS {
        let folder = setup.path("mappings").join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let stylesheet = format!(
            "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform' \
             xmlns:str='http://exslt.org/strings'><xsl:template match='/' name='t'>{body}</xsl:template>{DOUBLED}</xsl:stylesheet>"
        );
        fs::write(folder.join("mapping.toml"), "transform = \"transform.xsl\"\n").expect("a file");
        fs::write(folder.join("transform.xsl"), stylesheet).expect("a file");
        steps
            .push_str(&format!("[[step]]\nname = \"{name}\"\ndestination = \"bad\"\nmapping = \"{name}\"\n"));
    }
    setup.write("routes/bad.toml", &steps);
    fs::remove_file(setup.config().join("routes/brunnenbohrung.toml")).expect("a route");
    setup.take_own_library();
}

#[tokio::test(flavor = "multi_thread")]
async fn mappings_without_end_are_stopped_and_leave_the_others_their_rate() {
    let nobody = Wire::start(|_| Script::take("bad", [])).await;
    let street = Street::with(nobody.address, map_without_end).await;
    let bad = async || drop(street.hand_in("withdrawal", WAITING_ENDLESS / ENDLESS.len()).await);
    assert_rate_is_left(&street, (WAITING_ENDLESS, LEFT_ENDLESS), bad, async || street.give_up().await).await;
    assert!(nobody.seen().is_empty(), "nothing of it was sent");
    street.hand_in("withdrawal", 1).await;
    let stopped = async || {
        let waiting = street.waiting().await;
        let limits: Vec<_> =
            waiting.iter().filter(|it| it["state"] == "parked").map(|it| &it["reason"]).collect();
        limits.len() == 3 && limits.iter().all(|reason| reason["code"] == "mapping-limit")
    };
    until(stopped).await;
}
