//! Steps with conditions, and a detached signature on the way: each step of the way decides when its turn comes.

use super::{attachments, files, sample, text};
use crate::support::client::Client;
use crate::support::hub::{Hub, Setup};
use crate::support::peers;
use crate::support::sink::Sink;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// Where a bore deeper than 100 m is also told to the Landesamt, with a signature beside the data as they came; and a
/// step whose earlier step would have to answer `paid`, which a folder never does.
const STEPS: &str = r#"
[[step]]
name = "landesamt"
after = ["fachverfahren"]
destination = "lk-beispiel-wasserbehoerde"
seal = "beiwerk"
attachments = false
when = { xpath = "//tiefe > 100" }

[[step]]
name = "bezahlt"
after = ["fachverfahren"]
destination = "lk-beispiel-wasserbehoerde"
when = "paid"
"#;

const SEAL: &str = r#"
name = "beiwerk"
form = "cms"
key = { file = "secrets/siegel.key" }
certificate = "secrets/siegel.pem"
"#;

struct House {
    setup: Setup,
    hub: Hub,
}

impl House {
    async fn new() -> Self {
        let setup = Setup::new(Sink::start().await.address);
        let route =
            std::fs::read_to_string(setup.config().join("routes/brunnenbohrung.toml")).expect("the route");
        setup.write("routes/brunnenbohrung.toml", &format!("{route}{STEPS}"));
        setup.write("seals/beiwerk.toml", SEAL);
        Self { hub: setup.start(), setup }
    }

    /// Hands in a sample and returns its deliveries by step, once all have ended.
    async fn ended(&self, name: &str) -> BTreeMap<String, Value> {
        let portal = Client::of(&self.hub, "portal");
        let answer = portal.submit(&sample(name), &attachments(), None).await.expect("an answer");
        let accepted: Value = answer.json().await.expect("JSON");
        let submission = portal.completed(text(&accepted, "id")).await;
        let deliveries = submission["deliveries"].as_array().expect("deliveries");
        deliveries.iter().map(|delivery| (text(delivery, "step").to_owned(), delivery.clone())).collect()
    }
}

#[tokio::test]
async fn h2_a_step_is_made_or_skipped_by_its_own_condition() {
    let house = House::new().await;
    let (shallow, deep) =
        (house.ended("brunnenbohrung-1.xml").await, house.ended("brunnenbohrung-3.xml").await);
    for deliveries in [&shallow, &deep] {
        assert_eq!(text(&deliveries["fachverfahren"], "state"), "delivered");
        assert_eq!(text(&deliveries["bezahlt"], "state"), "skipped", "the folder answers no result");
    }
    assert_eq!(text(&shallow["landesamt"], "state"), "skipped");
    assert_eq!(shallow["landesamt"]["attempts"], 0, "nothing was sent");
    assert_eq!(text(&shallow["landesamt"]["reason"], "code"), "condition-false");
    assert_eq!(text(&deep["landesamt"], "state"), "delivered");
}

#[tokio::test]
async fn a_detached_signature_travels_beside_the_data_and_openssl_believes_it() {
    let house = House::new().await;
    let deep = house.ended("brunnenbohrung-3.xml").await;
    let folder = house.setup.path("fachverfahren");
    let message = folder.join(text(&deep["landesamt"]["receipt"], "reference"));
    let signature = message.with_extension("p7s");
    assert_eq!(std::fs::read(&message).expect("the data"), sample("brunnenbohrung-3.xml"), "as they came");
    let stem = message.file_stem().expect("a name").to_string_lossy().into_owned();
    let unit = files(&folder).into_iter().filter(|path| path.to_string_lossy().contains(&stem)).count();
    assert_eq!(unit, 3, "data, signature and sidecar; no attachments");
    let mut verify = Command::new("openssl");
    verify.args("cms -verify -binary -inform DER -purpose any -out /dev/null -in".split(' '));
    verify.arg(&signature).arg("-content").arg(&message);
    verify.arg("-CAfile").arg(house.setup.config().join("secrets/trust/demo-ca.pem"));
    if let Some(output) = peers::run(&mut verify) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
