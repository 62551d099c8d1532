//! One route for twenty municipalities: each submission goes only where it should, and a municipality that still tests
//! never reaches a live destination.

use super::{Answered, sample, text};
use crate::cli::rohrpost;
use crate::support::client::{Client, until};
use crate::support::hub::{Hub, Setup};
use crate::support::sink::Sink;
use axum::http::StatusCode as Status;
use axum::response::IntoResponse as _;
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const SERVICE: &str = "99128001000000";

/// A service whose route says nothing of tests.
const WITHOUT_TESTS: &str = "99128001000001";

const TENANTS: usize = 20;

/// The tenants from here on are in the stage test; the route itself is for the one before.
const FIRST_TESTING: usize = 15;

/// So many submissions of each kind are handed in for each tenant.
const EACH: usize = 4;

/// For this one the DMS is another system.
const WITH_ARCHIVE: usize = 7;

/// This one has a route that says nothing of tests.
const UNTESTED: usize = 3;

/// This one has no DMS.
const WITHOUT_DMS: usize = 8;

fn name(tenant: usize) -> String {
    format!("gemeinde-{tenant:02}")
}

fn area(tenant: usize) -> String {
    format!("16{tenant:03}")
}

fn tests(tenant: usize) -> bool {
    tenant + 1 >= FIRST_TESTING
}

/// What every tenant has: its name, its area and the type of its index data.
fn tenant_file(tenant: usize, stage: &str) -> String {
    format!(
        "name = \"{0}\"\ntitle = \"Gemeinde {tenant}\"\nareas = [\"{1}*\"]\nstage = \"{stage}\"\n\
         [values]\nobjekttyp = \"2600{tenant:02}\"\n",
        name(tenant),
        area(tenant)
    )
}

fn route_file() -> String {
    let all = (1..=TENANTS).map(|tenant| format!("\"{}\"", name(tenant))).collect::<Vec<_>>().join(", ");
    format!(
        "name = \"gemeinden\"\ntenants = [{all}]\n[match]\nservice = \"{SERVICE}\"\n\
         [[step]]\nname = \"fachverfahren\"\ndestination = \"{{tenant}}-fach\"\n\
         test-destination = \"{{tenant}}-fach-test\"\n\
         [[step]]\nname = \"dms\"\nafter = [\"fachverfahren\"]\ndestination = \"{{tenant}}-dms\"\n\
         test-destination = \"{{tenant}}-fach-test\"\nmapping = \"brunnenbohrung-enaio\"\n\
         params = {{ objekttyp = \"{{value.objekttyp}}\" }}\n\
         [[override]]\ntenants = [\"{}\"]\nstep = \"dms\"\ndestination = \"archiv\"\n\
         [[override]]\ntenants = [\"{}\"]\nstep = \"dms\"\nleave-out = true\n\
         [[override]]\ntenants = [\"{}\"]\nstage = \"test\"\n",
        name(WITH_ARCHIVE),
        name(WITHOUT_DMS),
        name(FIRST_TESTING - 1),
    )
}

/// A destination that says with each request which one it is, and which submission came.
fn destination_file(it: &str, tenant: usize, sink: &Sink) -> String {
    let stage = if it.ends_with("-test") { "test" } else { "live" };
    format!(
        "name = \"{it}\"\ntenants = [\"{}\"]\nadapter = \"http\"\nstage = \"{stage}\"\n\
         [http]\nurl = \"http://{}/{it}/{{case}}\"\n",
        name(tenant),
        sink.address
    )
}

/// Twenty municipalities on one route, and a portal that may hand in for all of them.
struct Region {
    setup: Setup,
    hub: Hub,
    sink: Sink,
}

/// A submission as it is handed in. Its case says whose it is, and whether it is a test.
#[derive(Clone, Copy)]
struct HandIn {
    tenant: usize,
    test: bool,
    number: usize,
}

impl HandIn {
    fn case(self) -> String {
        format!("{}.{}.{}", name(self.tenant), if self.test { "test" } else { "live" }, self.number)
    }

    /// The destinations that it reaches, in order.
    fn reaches(self) -> Vec<String> {
        let of = |system: &str| format!("{}-{system}", name(self.tenant));
        let dms = match self.tenant {
            WITHOUT_DMS => None,
            _ if self.test => Some(of("fach-test")),
            WITH_ARCHIVE => Some("archiv".to_owned()),
            _ => Some(of("dms")),
        };
        std::iter::once(of(if self.test { "fach-test" } else { "fach" })).chain(dms).collect()
    }
}

impl Region {
    fn start(sink: Sink) -> Self {
        let setup = Setup::new(sink.address);
        setup.write("routes/gemeinden.toml", &route_file());
        for tenant in 1..=TENANTS {
            let stage = if tenant >= FIRST_TESTING { "test" } else { "live" };
            setup.write(&format!("tenants/{}.toml", name(tenant)), &tenant_file(tenant, stage));
            for system in ["fach", "fach-test", "dms"] {
                let it = format!("{}-{system}", name(tenant));
                setup.write(&format!("destinations/{it}.toml"), &destination_file(&it, tenant, &sink));
            }
        }
        setup.write("destinations/archiv.toml", &destination_file("archiv", WITH_ARCHIVE, &sink));
        setup.write(
            "routes/ohne-test.toml",
            &format!(
                "name = \"ohne-test\"\ntenants = [\"{}\"]\n[match]\nservice = \"{WITHOUT_TESTS}\"\n\
                 [[step]]\nname = \"fachverfahren\"\ndestination = \"{{tenant}}-fach\"\n",
                name(UNTESTED)
            ),
        );
        let all = (1..=TENANTS).map(|tenant| format!("\"{}\"", name(tenant))).collect::<Vec<_>>().join(", ");
        setup.edit("clients/portal.toml", "[\"lk-beispiel\"]", &format!("[\"lk-beispiel\", {all}]"));
        setup.edit("clients/portal.toml", "services = [\"", &format!("services = [\"{WITHOUT_TESTS}\", \""));
        setup.edit("clients/operator.toml", "[\"lk-beispiel\"]", &format!("[\"lk-beispiel\", {all}]"));
        let hub = setup.start();
        Self { setup, hub, sink }
    }

    async fn hand_in(&self, it: HandIn, service: &str) -> Answered {
        let query = format!("service={service}&area={}&case={}&test={}", area(it.tenant), it.case(), it.test);
        let portal = Client::of(&self.hub, "portal");
        let request = portal.request("POST", &format!("/v1/submissions?{query}"));
        let request = request.header("content-type", "application/xml").body(sample("brunnenbohrung-1.xml"));
        Answered::of(request.send().await.expect("an answer")).await
    }

    async fn accepted(&self, it: HandIn) -> String {
        text(&self.hand_in(it, SERVICE).await.accepted(), "id").to_owned()
    }

    async fn follow(&self, id: &str, enough: impl Fn(&Value) -> bool) -> Value {
        Client::of(&self.hub, "portal").follow(id, enough).await
    }

    /// What came in: the destination and the case, with how often.
    fn came(&self) -> BTreeMap<(String, String), usize> {
        let mut came = BTreeMap::new();
        for request in self.sink.requests() {
            let (destination, case) = request.path.trim_start_matches('/').split_once('/').expect("a path");
            *came.entry((destination.to_owned(), case.to_owned())).or_default() += 1;
        }
        came
    }

    fn set_stage(&self, tenant: usize, stage: &str) {
        self.setup.write(&format!("tenants/{}.toml", name(tenant)), &tenant_file(tenant, stage));
    }

    fn activate(&self) {
        let all = ["config", "activate", "--reason", "Betriebsstufe", "--url", &self.hub.api];
        let ran = rohrpost(&self.setup.path(""), &all);
        assert_eq!(ran.code, 0, "{ran:?}");
    }

    async fn order(&self, path: &str) {
        let operator = Client::of(&self.hub, "operator");
        let order = operator.request("POST", path).json(&json!({ "reason": "Probe" }));
        let answered = Answered::of(order.send().await.expect("an answer")).await;
        assert!(answered.status.is_success(), "{path}: {answered:?}");
    }
}

/// Many at one time, but no more than the hub takes.
async fn at_once<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    stream::iter(all).buffered(8).collect().await
}

fn delivery(submission: &Value, number: usize) -> (String, String) {
    let delivery = &submission["deliveries"][number];
    (text(delivery, "state").to_owned(), delivery["reason"]["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_tenants_share_a_route_and_each_submission_goes_only_where_it_should() {
    let region = Region::start(Sink::start().await);
    let all = (1..=TENANTS).flat_map(|tenant| {
        [false, true]
            .into_iter()
            .flat_map(move |test| (0..EACH).map(move |number| HandIn { tenant, test, number }))
    });
    let (live_for_testing, taken): (Vec<_>, Vec<_>) = all.partition(|it| tests(it.tenant) && !it.test);
    let (refused, ids) = tokio::join!(
        at_once(live_for_testing.iter().map(|it| region.hand_in(*it, SERVICE))),
        at_once(taken.iter().map(|it| region.accepted(*it))),
    );
    for answered in refused {
        assert_eq!((answered.status.as_u16(), answered.word().as_str()), (422, "test-stage"), "{answered:?}");
    }
    join_all(ids.iter().map(|id| region.follow(id, |it| it["state"] == "completed"))).await;
    let mut expected = BTreeMap::new();
    for it in taken {
        for destination in it.reaches() {
            *expected.entry((destination, it.case())).or_insert(0) += 1;
        }
    }
    assert_eq!(region.came(), expected);
    for request in region.sink.requests().iter().filter(|request| request.path.contains("-dms/")) {
        let number = request.path.trim_start_matches("/gemeinde-").split('-').next().expect("a number");
        let body = String::from_utf8_lossy(&request.body);
        assert!(body.contains(&format!("2600{number}")), "the tenant's own type of object: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_live_stays_in_the_house_while_its_tenant_tests_and_goes_on_when_it_is_live_again()
{
    let region = Region::start(Sink::start().await);
    let (changing, other) = (1, 2);
    for destination in [format!("{}-fach", name(changing)), format!("{}-fach-test", name(changing))] {
        region.order(&format!("/v1/destinations/{destination}/pause")).await;
    }
    let live: Vec<_> = (0..EACH).map(|number| HandIn { tenant: changing, test: false, number }).collect();
    let waiting = join_all(live.iter().map(|it| region.accepted(*it))).await;
    let test = HandIn { tenant: changing, test: true, number: 0 };
    let tried = region.accepted(test).await;

    region.set_stage(changing, "test");
    region.activate();
    let refused = region.hand_in(live[0], SERVICE).await;
    assert_eq!((refused.status.as_u16(), refused.word().as_str()), (422, "test-stage"));
    for destination in [format!("{}-fach", name(changing)), format!("{}-fach-test", name(changing))] {
        region.order(&format!("/v1/destinations/{destination}/resume")).await;
    }
    for id in &waiting {
        let parked = region.follow(id, |it| it["deliveries"][0]["state"] == "parked").await;
        assert_eq!(delivery(&parked, 0), ("parked".into(), "test-stage".into()));
        assert_eq!(delivery(&parked, 1).0, "blocked");
    }
    region.follow(&tried, |it| it["state"] == "completed").await;
    let next_door = region.accepted(HandIn { tenant: other, test: false, number: 0 }).await;
    region.follow(&next_door, |it| it["state"] == "completed").await;
    let reached: BTreeSet<_> = region.came().into_keys().map(|(destination, _)| destination).collect();
    let tested = format!("{}-fach-test", name(changing));
    assert_eq!(reached, [tested, format!("{}-dms", name(other)), format!("{}-fach", name(other))].into());

    region.set_stage(changing, "live");
    region.activate();
    for id in &waiting {
        let parked = region.follow(id, |_| true).await;
        region.order(&format!("/v1/deliveries/{}/retry", text(&parked["deliveries"][0], "id"))).await;
        region.follow(id, |it| it["state"] == "completed").await;
    }
    until(async || region.came().contains_key(&(format!("{}-dms", name(changing)), live[3].case()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_of_a_live_tenant_never_reaches_a_live_destination_whatever_the_configuration_says_meanwhile()
{
    let busy = Sink::answering(|_, request| match request.path.contains("-test/") {
        true => (Status::SERVICE_UNAVAILABLE, "später").into_response(),
        false => (Status::OK, "1").into_response(),
    });
    let region = Region::start(busy.await);
    let test = HandIn { tenant: UNTESTED, test: true, number: 0 };
    // Its route names no destination for tests.
    let id = text(&region.hand_in(test, WITHOUT_TESTS).await.accepted(), "id").to_owned();
    let parked = region.follow(&id, |it| it["deliveries"][0]["state"] == "parked").await;
    assert_eq!(delivery(&parked, 0).1, "destination-forbidden");

    // It waits for a destination for tests, which is made a live one under its hands.
    let id = region.accepted(test).await;
    until(async || !region.sink.requests().is_empty()).await;
    let tried = format!("{}-fach-test", name(UNTESTED));
    region.setup.edit(&format!("destinations/{tried}.toml"), "stage = \"test\"", "stage = \"live\"");
    region.setup.edit("routes/gemeinden.toml", "{tenant}-fach-test", "{tenant}-anderes");
    for tenant in 1..=TENANTS {
        let it = format!("{}-anderes", name(tenant));
        let file = destination_file(&it, tenant, &region.sink).replace("\"live\"", "\"test\"");
        region.setup.write(&format!("destinations/{it}.toml"), &file);
    }
    region.activate();
    let before = region.sink.requests().len();
    let waiting = region.follow(&id, |_| true).await;
    region.order(&format!("/v1/deliveries/{}/retry", text(&waiting["deliveries"][0], "id"))).await;
    let parked = region.follow(&id, |it| it["deliveries"][0]["state"] == "parked").await;
    assert_eq!(delivery(&parked, 0).1, "destination-forbidden");
    assert_eq!(region.sink.requests().len(), before, "nothing more was sent");
}
