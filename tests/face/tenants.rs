//! H7: what one tenant hands in is nothing that another may know of.

use super::{Answered, sample, text};
use crate::support::client::{Client, until};
use crate::support::hub::{AREA, Hub, SERVICE, Setup};
use crate::support::multipart::{attachment, body, data, metadata};
use crate::support::sink::Sink;
use axum::http::StatusCode as Status;
use axum::response::IntoResponse as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The area of the second tenant.
const TOWN: &str = "150030000000";

/// The case that both tenants have.
const COMMON: &str = "vorgang-1";

/// Two tenants that share a route, each with a portal and an operator of its own.
struct House {
    hub: Hub,
    /// Keeps the hub's folders.
    _setup: Setup,
}

fn client(name: &str, tenant: &str, roles: &str) -> String {
    format!(
        "name = \"{name}\"\ntokens = [{{ file = \"secrets/{name}.token\" }}]\n\
         [[grant]]\ntenants = [\"{tenant}\"]\nroles = [{roles}]\n"
    )
}

impl House {
    async fn new() -> Self {
        // The DMS refuses everything, so that each submission leaves a delivery that waits for an operator.
        let dms = Sink::answering(|_, _| (Status::BAD_REQUEST, "no").into_response()).await;
        let setup = Setup::new(dms.address);
        setup.write("tenants/stadt.toml", "name = \"stadt\"\ntitle = \"Stadt\"\nareas = [\"15003*\"]\n");
        setup.edit("routes/brunnenbohrung.toml", "[\"lk-beispiel\"]", "[\"lk-beispiel\", \"stadt\"]");
        setup.edit("routes/brunnenbohrung.toml", "area = \"15091*\"", "area = \"15*\"");
        for system in ["wasserbehoerde", "enaio"] {
            let of_county = format!("destinations/lk-beispiel-{system}.toml");
            let text = std::fs::read_to_string(setup.config().join(of_county)).expect("a destination");
            setup.write(&format!("destinations/stadt-{system}.toml"), &text.replace("lk-beispiel", "stadt"));
        }
        setup.edit("destinations/stadt-wasserbehoerde.toml", "../fachverfahren", "../fachverfahren-stadt");
        std::fs::create_dir(setup.path("fachverfahren-stadt")).expect("a folder");
        let all = "\"view\", \"operate\", \"configure\", \"audit\", \"fetch\"";
        for (name, roles) in [("stadtportal", "\"submit\", \"fetch\", \"view\""), ("stadtbetrieb", all)] {
            setup.write(&format!("clients/{name}.toml"), &client(name, "stadt", roles));
            setup
                .write(&format!("secrets/{name}.token"), &format!("{name}-mit-einem-langen-wort-0123456789"));
        }
        Self { hub: setup.start(), _setup: setup }
    }

    /// Hands in for `area` under the case that both have, and waits until the DMS has refused it.
    async fn hand_in(&self, portal: &str, area: &str) -> Ids {
        let portal = Client::of(&self.hub, portal);
        let said = format!(r#"{{"service":"{SERVICE}","area":"{area}","case":"{COMMON}"}}"#);
        let data = data("application/xml", sample("brunnenbohrung-1.xml"));
        let parts = [metadata(&said), data, attachment("lageplan.pdf", "x")];
        let request = portal.request("POST", "/v1/submissions").body(body("b", &parts));
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        let answer = Answered::of(request.send().await.expect("an answer")).await.accepted();
        let submission =
            portal.follow(text(&answer, "id"), |it| it["deliveries"][1]["state"] == "parked").await;
        let delivery = submission["deliveries"][1].clone();
        Ids {
            submission: text(&submission, "id").to_owned(),
            destination: text(&delivery, "destination").to_owned(),
            delivery: text(&delivery, "id").to_owned(),
            command: String::new(),
        }
    }

    /// Gives an order for many.
    async fn order(&self, client: &str, order: &Value) -> Answered {
        let request = Client::of(&self.hub, client).request("POST", "/v1/commands").json(order);
        Answered::of(request.send().await.expect("an answer")).await
    }

    async fn ask(&self, client: &str, method: &str, path: &str) -> Answered {
        let mut request = Client::of(&self.hub, client).request(method, path);
        if method != "GET" {
            request = request.header("content-type", "application/json").body(r#"{"reason":"ein Versuch"}"#);
        }
        Answered::of(request.send().await.expect("an answer")).await
    }
}

struct Ids {
    submission: String,
    delivery: String,
    destination: String,
    command: String,
}

/// A configuration is the hub's, and told to who has `configure` for all of its tenants; a notification is told to nobody.
fn of_no_tenant(path: &str) -> bool {
    path.starts_with("/v1/config/") || path.starts_with("/v1/notifications/")
}

/// Every method and path of the API that takes an id of something that belongs to a tenant.
fn routes_with_ids(document: &Value) -> Vec<(String, String)> {
    let paths = document["paths"].as_object().expect("paths");
    let with_ids = paths.iter().filter(|(path, _)| path.contains('{') && !of_no_tenant(path));
    let methods = with_ids.flat_map(|(path, methods)| {
        methods.as_object().expect("methods").keys().map(|method| (method.to_uppercase(), path.clone()))
    });
    methods.collect()
}

/// A path with ids in it. A new kind of id needs a line here, so that no route is forgotten.
fn filled(path: &str, ids: &Ids, case: &str) -> String {
    let known: BTreeMap<&str, &str> = match path.split('/').nth(2) {
        Some("submissions") => [("{id}", ids.submission.as_str()), ("{n}", "1")].into(),
        Some("deliveries") => [("{id}", ids.delivery.as_str())].into(),
        Some("cases") => [("{case}", case)].into(),
        Some("mailboxes") => {
            [("{name}", ids.destination.as_str()), ("{id}", ids.delivery.as_str()), ("{part}", "message")]
                .into()
        }
        Some("destinations") => [("{name}", ids.destination.as_str())].into(),
        Some("commands") => [("{id}", ids.command.as_str())].into(),
        other => panic!("{path}: say what an id of {other:?} is"),
    };
    let filled = known.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
    assert!(!filled.contains('{'), "{path}: say what its parameters are");
    filled
}

#[tokio::test(flavor = "multi_thread")]
async fn h7_another_tenants_ids_answer_404_on_every_route() {
    let house = House::new().await;
    let mut theirs = house.hand_in("stadtportal", TOWN).await;
    let hold = json!({ "order": "pause", "all": true, "reason": "Prüfung" });
    theirs.command = text(&house.order("stadtbetrieb", &hold).await.accepted(), "id").to_owned();
    let case = text(
        &Client::of(&house.hub, "stadtportal").get(&format!("/v1/submissions/{}", theirs.submission)).await,
        "case",
    )
    .to_owned();
    let nobodys = Ids {
        submission: "01990000-0000-7000-8000-000000000001".into(),
        delivery: "01990000-0000-7000-8000-000000000002".into(),
        destination: "gibt-es-nicht".into(),
        command: "01990000-0000-7000-8000-000000000003".into(),
    };
    let document = house.ask("portal", "GET", "/openapi.json").await.json();
    let routes = routes_with_ids(&document);
    assert!(routes.len() >= 15, "{routes:?}");
    for (method, route) in &routes {
        let (foreign, unknown) = (filled(route, &theirs, &case), filled(route, &nobodys, "gibt-es-nicht"));
        for client in ["portal", "operator"] {
            let answered = house.ask(client, method, &foreign).await;
            assert_eq!(answered.status, 404, "{client}: {method} {route}: {answered:?}");
            assert_eq!(answered, house.ask(client, method, &unknown).await, "{client}: {method} {route}");
        }
        // A destination of this house is no mailbox; what readers see of real ones is told in `mailboxes`.
        if method == "GET" && !route.starts_with("/v1/mailboxes/") {
            let own = house.ask("stadtbetrieb", method, &foreign).await;
            assert_eq!(own.status, 200, "{route} is a real one: {own:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h7_nobody_operates_what_belongs_to_another_tenant() {
    let house = House::new().await;
    let theirs = house.hand_in("stadtportal", TOWN).await;
    let path = format!("/v1/deliveries/{}", theirs.delivery);
    let before = house.ask("stadtbetrieb", "GET", &path).await;
    for order in ["retry", "discard", "pause", "resume"] {
        for client in ["operator", "portal"] {
            let answered = house.ask(client, "POST", &format!("{path}/{order}")).await;
            assert_eq!((answered.status.as_u16(), answered.word().as_str()), (404, "not-found"), "{order}");
        }
    }
    assert_eq!(house.ask("stadtbetrieb", "GET", &path).await, before, "nothing happened to it");
    let done = house.ask("stadtbetrieb", "POST", &format!("{path}/discard")).await;
    assert_eq!(done.json()["state"], "discarded", "its own operator may");
}

#[tokio::test(flavor = "multi_thread")]
async fn h7_an_order_for_many_and_a_pause_stay_within_the_tenants_of_who_gives_them() {
    let house = House::new().await;
    let (ours, theirs) = (house.hand_in("portal", AREA).await, house.hand_in("stadtportal", TOWN).await);
    let path = format!("/v1/deliveries/{}", theirs.delivery);
    let before = house.ask("stadtbetrieb", "GET", &path).await;
    // Named by everything that a filter knows, and not at all.
    let filters = [
        json!({ "tenant": "stadt" }),
        json!({ "destination": "stadt-enaio" }),
        json!({ "case": COMMON, "state": ["parked"] }),
        json!({ "service": SERVICE }),
        json!({}),
    ];
    for (filter, count) in filters.iter().zip([0, 0, 1, 1, 1]) {
        let preview = json!({ "order": "discard", "filter": filter, "preview": true });
        assert_eq!(house.order("operator", &preview).await.json(), json!({ "count": count }), "{filter}");
    }
    let begun =
        house.order("operator", &json!({ "order": "discard", "all": true, "reason": "weg damit" })).await;
    let command = format!("/v1/commands/{}", text(&begun.accepted(), "id"));
    until(async || house.ask("operator", "GET", &command).await.json()["state"] == "finished").await;
    let own = house.ask("operator", "GET", &format!("/v1/deliveries/{}", ours.delivery)).await.json();
    assert_eq!(own["state"], "discarded");
    assert_eq!(house.ask("stadtbetrieb", "GET", &path).await, before, "the other's is as it was");
    assert_eq!(house.ask("stadtbetrieb", "GET", "/v1/commands").await.json()["commands"], json!([]));

    let foreign = house.ask("operator", "POST", "/v1/destinations/stadt-enaio/pause").await;
    assert_eq!((foreign.status.as_u16(), foreign.word().as_str()), (404, "not-found"));
    let at = house.ask("stadtbetrieb", "GET", "/v1/destinations/stadt-enaio").await.json();
    assert_eq!((&at["pause"], &at["open"]["parked"]), (&Value::Null, &json!(1)));
    for (client, own) in [("operator", "lk-beispiel"), ("stadtbetrieb", "stadt")] {
        let listed = house.ask(client, "GET", "/v1/destinations").await.json();
        for destination in listed["destinations"].as_array().expect("destinations") {
            assert!(text(destination, "name").starts_with(own), "{client}: {destination}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h7_lists_show_nothing_of_another_tenant() {
    let house = House::new().await;
    let ours = house.hand_in("portal", AREA).await;
    let theirs = house.hand_in("stadtportal", TOWN).await;
    for (client, own, tenant) in [("operator", &ours, "lk-beispiel"), ("stadtbetrieb", &theirs, "stadt")] {
        let listed = async |query: &str| {
            let page = house.ask(client, "GET", &format!("/v1/deliveries{query}")).await.json();
            page["deliveries"].as_array().expect("deliveries").clone()
        };
        let queries = [
            "",
            "?state=parked,delivered",
            &format!("?case={COMMON}"),
            &format!("?service={SERVICE}"),
            "?limit=500",
        ];
        for query in queries {
            let deliveries = listed(query).await;
            assert_eq!(deliveries.len(), 2, "{client} {query}: {deliveries:#?}");
            for delivery in deliveries {
                assert_eq!(delivery["tenant"], tenant, "{client} {query}");
                assert_eq!(delivery["submission"], json!(own.submission), "{client} {query}");
            }
        }
        let case = house.ask(client, "GET", &format!("/v1/cases/{COMMON}")).await.json();
        let submissions = case["submissions"].as_array().expect("submissions");
        assert_eq!(case["tenant"], tenant);
        assert_eq!(submissions.len(), 1, "{case:#}");
        assert_eq!(submissions[0]["id"], json!(own.submission));
    }
    for (client, foreign) in [("operator", "stadt-enaio"), ("stadtbetrieb", "lk-beispiel-enaio")] {
        let page = house.ask(client, "GET", &format!("/v1/deliveries?destination={foreign}")).await.json();
        assert_eq!(page["deliveries"], json!([]), "{client}");
        let case = house
            .ask(client, "GET", &format!("/v1/cases/{COMMON}?tenant={}", foreign.trim_end_matches("-enaio")))
            .await;
        assert_eq!(case.status, 404, "{client}: {case:?}");
    }
    // The first page's cursor leads only to one's own, wherever it points.
    let first = house.ask("operator", "GET", "/v1/deliveries?limit=1").await.json();
    let second = format!("/v1/deliveries?cursor={}", text(&first, "next"));
    let rest = house.ask("stadtbetrieb", "GET", &second).await.json();
    assert!(
        rest["deliveries"]
            .as_array()
            .expect("deliveries")
            .iter()
            .all(|delivery| delivery["tenant"] == "stadt")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn h7_a_portal_hands_in_for_its_own_tenant_only() {
    let house = House::new().await;
    for (portal, area) in [("portal", TOWN), ("stadtportal", AREA)] {
        let query = format!("/v1/submissions?service={SERVICE}&area={area}");
        let request = Client::of(&house.hub, portal).request("POST", &query);
        let request = request.header("content-type", "application/xml").body(sample("brunnenbohrung-1.xml"));
        let refused = Answered::of(request.send().await.expect("an answer")).await;
        assert_eq!((refused.status.as_u16(), refused.word().as_str()), (422, "not-granted"), "{portal}");
    }
}
