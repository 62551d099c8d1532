//! H2: what no route takes waits in sight, and is routed once there is a route. A faulty configuration changes nothing.

use super::{sample, text};
use crate::cli::{Ran, rohrpost};
use crate::support::client::Client;
use crate::support::hub::{AREA, Hub, Setup, root};
use crate::support::sink::Sink;
use serde_json::Value;
use std::fs;

/// A service that the portal may hand in and no route takes.
const SERVICE: &str = "99000000000001";

const ROUTE: &str = r#"
name = "nachtrag"
tenants = ["lk-beispiel"]
[match]
service = "99000000000001"
area = "15091*"
[[step]]
name = "archiv"
destination = "lk-beispiel-wasserbehoerde"
"#;

/// The same with three faults.
const FAULTY: &str = r#"
name = "nachtrag"
tenants = ["lk-beispiel", "gibt-es-nicht"]
[match]
service = "99000000000001"
area = "15091*"
[[step]]
name = "archiv"
destination = "lk-beispiel-wasserbehoerd"
mappping = "x"
"#;

struct House {
    setup: Setup,
    hub: Hub,
}

impl House {
    async fn new() -> Self {
        let setup = Setup::new(Sink::start().await.address);
        let more = format!("services = [\"{SERVICE}\", ");
        setup.edit("clients/portal.toml", "services = [", &more);
        Self { hub: setup.start(), setup }
    }

    /// Runs a command that talks to the hub.
    fn run(&self, arguments: &[&str]) -> Ran {
        let all: Vec<_> = arguments.iter().copied().chain(["--url", &self.hub.api]).collect();
        rohrpost(&self.setup.path(""), &all)
    }

    fn hand_in(&self, service: &str) -> String {
        let file = root().join("config/samples/brunnenbohrung-1.xml");
        let file = file.to_str().expect("a path");
        let ran = self.run(&["send", file, "--service", service, "--area", AREA, "--json"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        text(&ran.json(), "id").to_owned()
    }

    async fn waits_unrouted(&self, id: &str) -> Value {
        let of_it = |it: &Value| it["deliveries"][0]["state"] == "parked";
        let submission = Client::of(&self.hub, "portal").follow(id, of_it).await;
        assert_eq!(submission["state"], "attention");
        assert_eq!(submission["deliveries"].as_array().map(Vec::len), Some(1));
        let delivery = submission["deliveries"][0].clone();
        assert_eq!((text(&delivery, "step"), &delivery["destination"]), ("unrouted", &Value::Null));
        assert_eq!(delivery["reason"]["code"], "no-route");
        delivery
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_what_no_route_takes_waits_in_sight_and_is_routed_later() {
    let house = House::new().await;
    let id = house.hand_in(SERVICE);
    let delivery = house.waits_unrouted(&id).await;
    let delivery = text(&delivery, "id");

    let listed = house.run(&["queue", "list"]);
    let line = listed.text.lines().find(|line| line.contains(delivery)).expect("it is listed");
    for word in ["unrouted", "parked", SERVICE, AREA] {
        assert!(line.contains(word), "{word} in {line}");
    }
    let machine = house.run(&["queue", "list", "--state", "parked", "--json"]).json();
    assert_eq!(machine["deliveries"][0]["reason"]["params"]["service"], SERVICE);

    // Without a route it goes on waiting, in sight as before.
    let retried = house.run(&["queue", "retry", delivery, "--reason", "zu früh"]);
    assert_eq!(retried.code, 0, "{retried:?}");
    house.waits_unrouted(&id).await;

    house.setup.write("routes/nachtrag.toml", ROUTE);
    let activated = house.run(&["config", "activate", "--reason", "Route für die neue Leistung"]);
    assert_eq!(activated.code, 0, "{activated:?}");
    house.waits_unrouted(&id).await;
    let retried = house.run(&["queue", "retry", delivery, "--reason", "Route ergänzt"]);
    assert_eq!(retried.code, 0, "{retried:?}");
    let submission = Client::of(&house.hub, "portal").completed(&id).await;
    let archived = submission["deliveries"].as_array().expect("deliveries").iter();
    let archived: Vec<_> = archived.filter(|delivery| delivery["step"] == "archiv").collect();
    assert_eq!(archived.len(), 1, "{submission:#}");
    let reference = text(&archived[0]["receipt"], "reference");
    let got = fs::read(house.setup.path("fachverfahren").join(reference)).expect("a file");
    assert!(got == sample("brunnenbohrung-1.xml"), "byte for byte");
    let history = house.run(&["queue", "show", delivery]);
    assert!(history.text.contains("Route ergänzt") && history.text.contains("zu früh"), "{}", history.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_configuration_is_refused_with_all_its_faults_and_the_old_one_goes_on() {
    let house = House::new().await;
    let id = house.hand_in(SERVICE);
    let delivery = house.waits_unrouted(&id).await;
    house.setup.write("routes/nachtrag.toml", FAULTY);
    let refused = house.run(&["config", "activate", "--reason", "Tippfehler"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    for fault in ["gibt-es-nicht", "lk-beispiel-wasserbehoerd", "mappping"] {
        let told = refused.errors.lines().find(|line| line.contains(fault));
        let told = told.unwrap_or_else(|| panic!("{fault} is not told: {}", refused.errors));
        let place = told.trim_start().strip_prefix("routes/nachtrag.toml:").expect("the file");
        let line = place.split(':').next().expect("a line");
        let expected = FAULTY.lines().position(|line| line.contains(fault)).expect("it is there") + 1;
        assert_eq!(line, expected.to_string(), "{told}");
    }
    // The old one goes on: also for a retry of what waits.
    let retried = house.run(&["queue", "retry", text(&delivery, "id"), "--reason", "trotzdem"]);
    assert_eq!(retried.code, 0, "{retried:?}");
    house.waits_unrouted(&id).await;
    let good = house.hand_in("99128001000000");
    Client::of(&house.hub, "portal").completed(&good).await;
}
