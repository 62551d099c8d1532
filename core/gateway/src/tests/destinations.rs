//! Destinations: how they stand, and who may hold them back.

use super::house::House;
use axum::http::StatusCode;
use rohrpost_model::State;
use serde_json::{Value, json};

const WHY: &str = r#"{"reason":"Wartung beim Hersteller"}"#;

impl House {
    /// A delivery of `stadt-a` to `destination` in `state`.
    async fn at(&self, destination: &str, state: State) {
        self.delivery(|delivery| {
            (delivery.destination, delivery.state) = (Some(destination.parse().unwrap()), state);
        })
        .await;
    }

    /// Hands in for `stadt-b` and puts the delivery there.
    async fn strange_at(&self, destination: &str, state: State) {
        let path = format!("/v1/submissions?service={}&area=14", super::house::SERVICE);
        let request =
            super::house::as_client("POST", "stranger", &path).header("content-type", "application/xml");
        let answered = self.send(request.body(axum::body::Body::from("<a/>")).unwrap()).await.json();
        let path = format!("/v1/submissions/{}", answered["id"].as_str().unwrap());
        let id = self.get("stranger", &path).await.json()["deliveries"][0]["id"].as_str().unwrap().to_owned();
        self.change(&id, |delivery| {
            (delivery.destination, delivery.state) = (Some(destination.parse().unwrap()), state);
        });
    }
}

#[tokio::test]
async fn h7_a_destination_is_seen_by_those_who_view_a_tenant_of_it() {
    let house = House::new().await;
    let names = async |client: &str| {
        let listed = house.get(client, "/v1/destinations").await.json();
        let listed = listed["destinations"].as_array().unwrap().clone();
        listed.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("viewer").await, ["nur-a", "ziel"]);
    assert_eq!(names("stranger").await, ["nur-b", "ziel"]);
    assert_eq!(names("both").await, ["nur-a", "nur-b", "ziel"]);
    let shared = house.get("viewer", "/v1/destinations/ziel").await.json();
    assert_eq!(shared["tenants"], json!(["stadt-a"]), "the other one is not named");
    let both = house.get("both", "/v1/destinations/ziel").await.json();
    assert_eq!(both["tenants"], json!(["stadt-a", "stadt-b"]));
    let foreign = house.get("viewer", "/v1/destinations/nur-b").await;
    let absent = house.get("viewer", "/v1/destinations/nirgends").await;
    assert_eq!((foreign.status, &foreign.body), (StatusCode::NOT_FOUND, &absent.body));
}

#[tokio::test]
async fn h7_what_another_tenant_has_at_a_shared_destination_is_not_counted() {
    let house = House::new().await;
    house.at("ziel", State::Parked).await;
    for _ in 0..2 {
        house.strange_at("ziel", State::Parked).await;
    }
    house.strange_at("ziel", State::Delivered).await;
    let open = async |client: &str| house.get(client, "/v1/destinations/ziel").await.json()["open"].clone();
    for (client, count) in [("viewer", 1), ("stranger", 2), ("both", 3)] {
        let open = open(client).await;
        assert_eq!(open["parked"], count, "{client}: {open}");
        let states: Vec<_> = open.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            states,
            ["awaiting", "blocked", "claimed", "due", "parked", "sending", "unknown"],
            "{client}"
        );
    }
}

#[tokio::test]
async fn a_destination_is_held_back_and_let_go_once() {
    let house = House::new().await;
    house.at("nur-a", State::Due).await;
    let before = house.get("viewer", "/v1/destinations/nur-a").await.json();
    assert_eq!(
        (&before["pause"], &before["hold"], &before["drained"]),
        (&Value::Null, &Value::Null, &json!(false))
    );
    assert_eq!((&before["underWay"], &before["concurrency"]), (&json!(0), &json!(4)));
    let post = async |order: &str| {
        let answered = house.post("operator", &format!("/v1/destinations/nur-a/{order}"), WHY).await;
        assert_eq!(answered.status, StatusCode::OK, "{}", answered.text());
        answered.json()
    };
    let changed = |answer: &Value| (answer["changed"].as_bool().unwrap(), answer["pause"]["mode"].clone());
    assert_eq!(changed(&post("resume").await), (false, Value::Null));
    let paused = post("pause").await;
    assert_eq!(changed(&paused), (true, json!("paused")));
    assert_eq!((&paused["pause"]["who"], &paused["open"]["due"]), (&json!("operator"), &json!(1)));
    assert_eq!(paused["pause"]["since"], house.now().to_string());
    assert_eq!(changed(&post("pause").await), (false, json!("paused")));
    let shown = house.get("viewer", "/v1/destinations/nur-a").await.json();
    assert_eq!(shown["pause"], paused["pause"]);
    assert_eq!(changed(&post("drain").await), (true, json!("draining")));
    assert_eq!(changed(&post("resume").await), (true, Value::Null));
}

#[tokio::test]
async fn why_a_destination_is_held_back_is_for_auditors_of_all_its_tenants() {
    let house = House::new().await;
    house.post("operator", "/v1/destinations/nur-a/pause", WHY).await;
    house.post("operator", "/v1/destinations/nur-a/resume", r#"{"reason":"fertig"}"#).await;
    house.post("operator", "/v1/destinations/nur-a/drain", r#"{"reason":"Umzug"}"#).await;
    house.post("both", "/v1/destinations/ziel/pause", WHY).await;
    let get = async |client: &str, path: &str| house.get(client, &format!("/v1/destinations/{path}")).await;
    let pause = async |client: &str, name: &str| get(client, name).await.json()["pause"].clone();
    assert_eq!(pause("auditor", "nur-a").await["why"], "Umzug", "of the order that it is under");
    assert!(pause("operator", "nur-a").await.get("why").is_none());
    assert!(pause("auditor", "ziel").await.get("why").is_none(), "it belongs to another tenant, too");
    assert_eq!(pause("both", "ziel").await["why"], "Wartung beim Hersteller");

    let orders = async |client: &str, path: &str| get(client, &format!("nur-a/orders{path}")).await;
    let all = orders("auditor", "").await.json();
    let told = |order: &Value| [order["order"].clone(), order["why"].clone()];
    let told: Vec<_> = all["orders"].as_array().unwrap().iter().map(told).collect();
    let right = [("drain", "Umzug"), ("resume", "fertig"), ("pause", "Wartung beim Hersteller")];
    assert_eq!(told, right.map(|(order, why)| [json!(order), json!(why)]));
    assert_eq!((&all["orders"][0]["who"], &all["next"]), (&json!("operator"), &Value::Null));
    let viewed = orders("viewer", "").await.json();
    assert!(viewed["orders"][2]["who"] == "operator" && viewed["orders"][2].get("why").is_none(), "{viewed}");
    let page = orders("auditor", "?limit=2").await.json();
    let rest = orders("auditor", &format!("?cursor={}", page["next"].as_str().unwrap())).await.json();
    assert_eq!((&rest["orders"][0], &rest["next"]), (&all["orders"][2], &Value::Null));
    assert_eq!(orders("portal", "").await.json()["role"], "view");
    assert_eq!(orders("stranger", "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_destination_is_drained_when_the_outcome_of_all_that_was_sent_is_known() {
    let house = House::new().await;
    house.at("nur-a", State::Due).await;
    let drained = async || house.get("viewer", "/v1/destinations/nur-a").await.json()["drained"].clone();
    assert_eq!(drained().await, false, "it is not drained");
    house.post("operator", "/v1/destinations/nur-a/drain", WHY).await;
    assert_eq!(drained().await, true, "what is due waits");
    for (state, done) in
        [(State::Unknown, false), (State::Parked, true), (State::Awaiting, false), (State::Sending, false)]
    {
        let house = House::new().await;
        house.post("operator", "/v1/destinations/nur-a/drain", WHY).await;
        house.at("nur-a", state).await;
        assert_eq!(house.get("viewer", "/v1/destinations/nur-a").await.json()["drained"], done, "{state}");
    }
}

#[tokio::test]
async fn h7_only_who_operates_every_tenant_of_a_destination_holds_it_back() {
    let house = House::new().await;
    for order in ["pause", "drain", "resume"] {
        let post = async |client: &str, destination: &str| {
            house.post(client, &format!("/v1/destinations/{destination}/{order}"), WHY).await
        };
        let unknown = post("operator", "ziel").await;
        assert_eq!((unknown.slug().as_str(), &unknown.json()["role"]), ("forbidden", &json!("operate")));
        assert_eq!(unknown.json()["tenants"], json!([]));
        assert!(
            !unknown.text().contains("stadt-b"),
            "a tenant that the client may not know: {}",
            unknown.text()
        );
        assert!(
            unknown.json()["meldung"].as_str().unwrap().contains("Mandanten, die dieser Client nicht kennt")
        );
        let known = post("half", "ziel").await;
        assert_eq!((known.slug().as_str(), &known.json()["tenants"]), ("forbidden", &json!(["stadt-b"])));
        assert!(known.json()["detail"].as_str().unwrap().ends_with("It is missing for: stadt-b."));
        let viewer = post("viewer", "nur-a").await;
        assert_eq!((viewer.slug().as_str(), &viewer.json()["tenants"]), ("forbidden", &json!(["stadt-a"])));
        let foreign = post("operator", "nur-b").await;
        assert_eq!(
            (foreign.status, &foreign.body),
            (StatusCode::NOT_FOUND, &post("operator", "nirgends").await.body)
        );
        assert_eq!(post("both", "ziel").await.status, StatusCode::OK);
    }
    for wrong in ["{}", r#"{"reason":" "}"#, r#"{"reason":"x","mode":"soft"}"#] {
        let refused = house.post("operator", "/v1/destinations/nur-a/pause", wrong).await;
        assert_eq!(refused.slug(), "malformed-request", "{wrong}");
    }
    assert!(
        house.get("viewer", "/v1/destinations/nur-a").await.json()["pause"].is_null(),
        "nothing was changed"
    );
}
