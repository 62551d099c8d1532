//! What a stop or a crash means for a delivery before its mark, and while it is being sent.

use super::lifecycle::hand_in;
use super::{hand_in_plain, hasten};
use crate::support::client::{Client, until};
use crate::support::hub::{Hub, Setup};
use crate::support::wire::{Script, Step, Wire, answer};
use futures::{StreamExt as _, stream};
use serde_json::Value;
use std::collections::HashSet;
use std::fs;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::block_in_place;

/// A stylesheet that takes some tenths of a second for fifty elements.
const SLOW: &str = r#"<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:template match="/">
    <busy><xsl:value-of select="count(//m[count(//m[count(//m[count(//m) > 0]) > 0]) > 0])"/></busy>
  </xsl:template>
</xsl:stylesheet>
"#;

/// Deliveries of which each keeps a worker of the hub busy for some time. All become due at the same moment: when the
/// gate, the step before, is delivered.
struct Busy {
    setup: Setup,
    target: Wire,
    gate: Wire,
    /// Opens the gate.
    open: watch::Sender<bool>,
}

const ROUTE: &str = r#"name = "busy"
tenants = ["lk-beispiel"]
[match]
[[step]]
name = "gate"
destination = "gate"
[[step]]
name = "busy"
after = ["gate"]
destination = "busy"
mapping = "slow"
"#;

impl Busy {
    const COUNT: usize = 16;

    async fn new() -> Self {
        let (open, opened) = watch::channel(false);
        let gate = Wire::start(move |_| {
            Script::take("gate", [Step::Until(opened.clone()), Step::Write(answer("200 OK", "", ""))])
        });
        let (gate, target) = (gate.await, Wire::start(|_| Script::answer("200 OK", "", "")).await);
        let setup = Setup::new("127.0.0.1:9");
        fs::remove_file(setup.config().join("routes/brunnenbohrung.toml")).expect("the shipped route");
        setup.take_own_library();
        setup.write("../mappings/slow/mapping.toml", "transform = \"transform.xsl\"\n");
        setup.write("../mappings/slow/transform.xsl", SLOW);
        setup.write("routes/busy.toml", ROUTE);
        for (name, wire) in [("gate", &gate), ("busy", &target)] {
            let destination = format!(
                "name = \"{name}\"\ntenants = [\"lk-beispiel\"]\nadapter = \"http\"\nconcurrency = {}\n\
                 timeout = \"10m\"\nunknown = \"retry\"\n[retry]\nfirst = \"50ms\"\ncap = \"500ms\"\n\
                 [http]\nurl = \"http://{}/in\"\n",
                Self::COUNT,
                wire.address
            );
            setup.write(&format!("destinations/{name}.toml"), &destination);
        }
        Self { setup, target, gate, open }
    }

    /// Returns when the first was sent and most are claimed.
    async fn begin(&self, hub: &Hub) -> Vec<String> {
        let (client, data) = (Client::of(hub, "portal"), format!("<a>{}</a>", "<m/>".repeat(50)));
        let one = |_| hand_in_plain(&client, "notice", &data);
        let ids = stream::iter(0..Self::COUNT).map(one).buffer_unordered(8).collect().await;
        until(async || self.gate.seen().len() == Self::COUNT).await;
        self.open.send_replace(true);
        until(async || {
            let claimed = client.get("/v1/deliveries?state=claimed").await;
            let claimed = claimed["deliveries"].as_array().expect("deliveries").len();
            claimed >= Self::COUNT / 2 && !self.target.seen().is_empty()
        })
        .await;
        ids
    }

    /// All deliveries, once they are delivered.
    async fn delivered(&self, hub: &Hub, ids: &[String]) -> Vec<Value> {
        let mut deliveries = Vec::new();
        for id in ids {
            let submission = Client::of(hub, "portal").completed(id).await;
            deliveries.push(submission["deliveries"][1].clone());
        }
        deliveries
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_crash_before_the_mark_is_no_attempt() {
    let busy = Busy::new().await;
    let hub = block_in_place(|| busy.setup.start());
    let ids = busy.begin(&hub).await;
    block_in_place(|| hub.kill());
    let sent: HashSet<_> = busy.target.seen().iter().map(|seen| seen.request.key()).collect();

    let hub = block_in_place(|| busy.setup.start());
    let deliveries = busy.delivered(&hub, &ids).await;
    let unsent: Vec<_> =
        deliveries.iter().filter(|it| !sent.contains(it["id"].as_str().expect("an id"))).collect();
    let tried_once = unsent.iter().filter(|delivery| delivery["attempts"] == 1).count();
    // A few may have been marked when the hub was killed.
    assert!(unsent.len() >= Busy::COUNT / 2 && tried_once + 4 >= unsent.len(), "{unsent:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_stop_before_the_mark_is_no_attempt() {
    let busy = Busy::new().await;
    let hub = block_in_place(|| busy.setup.start());
    let ids = busy.begin(&hub).await;
    assert!(block_in_place(|| hub.stop()), "the hub ends with success");

    let hub = block_in_place(|| busy.setup.start());
    for delivery in busy.delivered(&hub, &ids).await {
        assert_eq!(delivery["attempts"], 1, "{delivery:#}");
    }
    assert_eq!(busy.target.begun(), Busy::COUNT);
    assert!(!busy.setup.log().contains("interrupted"), "{}", busy.setup.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_stop_gives_what_is_being_sent_its_time_to_end() {
    let (said, answers) = watch::channel(false);
    let slow = Wire::start(move |_| {
        Script::take("slow", [Step::Until(answers.clone()), Step::Write(answer("200 OK", "", "4711"))])
    });
    let slow = slow.await;
    let setup = Setup::new(slow.address);
    hasten(&setup);
    let hub = block_in_place(|| setup.start());
    let address = hub.api.strip_prefix("http://").expect("an address").to_owned();
    let id = hand_in(&hub, 1).await;
    until(async || slow.seen().len() == 1).await;

    // It is asked to end, takes nothing more in, and then the target says its word.
    let stopping = tokio::task::spawn_blocking(move || hub.stop());
    until(async || TcpStream::connect(&address).await.is_err()).await;
    assert!(!stopping.is_finished(), "it did not wait");
    said.send_replace(true);
    assert!(stopping.await.expect("it is asked"), "the hub ends with success");

    let hub = block_in_place(|| setup.start());
    let submission = Client::of(&hub, "portal").completed(&id).await;
    let delivery = &submission["deliveries"][1];
    assert_eq!(delivery["attempts"], 1, "{submission:#}");
    assert_eq!(delivery["receipt"]["reference"], "4711", "{submission:#}");
    assert_eq!(slow.begun(), 1);
    assert!(!setup.log().contains("interrupted"), "{}", setup.log());
}
