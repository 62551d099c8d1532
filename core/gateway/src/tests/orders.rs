//! Orders for many deliveries.

use super::house::{Answered, House};
use axum::http::{StatusCode, header};
use rohrpost_engine::orders::ORDERS_AT_ONCE;
use rohrpost_model::State;
use serde_json::{Value, json};

impl House {
    async fn order(&self, client: &str, order: &Value) -> Answered {
        self.post(client, "/v1/commands", &order.to_string()).await
    }

    /// Begins an order that is right.
    async fn begin(&self, client: &str, order: &Value) -> Value {
        let answered = self.order(client, order).await;
        assert_eq!(answered.status, StatusCode::ACCEPTED, "{}", answered.text());
        let begun = answered.json();
        let location = format!("/v1/commands/{}", begun["id"].as_str().unwrap());
        assert_eq!(answered.headers[header::LOCATION], location.as_str());
        begun
    }

    async fn commands(&self, client: &str) -> Vec<Value> {
        self.get(client, "/v1/commands").await.json()["commands"].as_array().unwrap().clone()
    }
}

fn all(order: &str) -> Value {
    json!({ "order": order, "all": true, "reason": "Ziel läuft wieder" })
}

#[tokio::test]
async fn a_preview_counts_and_changes_nothing() {
    let house = House::new().await;
    for state in [State::Parked, State::Parked, State::Delivered] {
        house.delivery(|delivery| delivery.state = state).await;
    }
    for (filter, count) in [
        (json!({}), 2),
        (json!({ "state": ["parked"] }), 2),
        (json!({ "state": ["due"] }), 0),
        (json!({ "reason": "no-route", "tenant": "stadt-a" }), 2),
        (json!({ "tenant": "stadt-b" }), 0),
        (json!({ "destination": "nur-a" }), 0),
        (json!({ "paused": true }), 0),
    ] {
        let order = json!({ "order": "discard", "filter": filter, "preview": true });
        let answered = house.order("operator", &order).await;
        assert_eq!(
            (answered.status, answered.json()),
            (StatusCode::OK, json!({ "count": count })),
            "{order}"
        );
    }
    assert!(house.commands("operator").await.is_empty());
}

#[tokio::test]
async fn an_order_is_begun_shown_and_cancelled_with_who_and_why() {
    let house = House::new().await;
    for _ in 0..3 {
        house.delivery(|_| {}).await;
    }
    let order = json!({
        "order": "discard", "dependents": "release", "filter": { "state": ["parked"], "reason": "no-route" },
        "reason": "Irrläufer", "perSecond": 7,
    });
    let begun = house.begin("both", &order).await;
    assert_eq!((&begun["order"], &begun["dependents"]), (&json!("discard"), &json!("release")));
    assert_eq!(begun["filter"], json!({ "state": ["parked"], "reason": "no-route" }));
    assert_eq!((&begun["total"], &begun["done"], &begun["refused"]), (&json!(3), &json!(0), &json!(0)));
    assert_eq!(
        (&begun["state"], &begun["perSecond"], &begun["who"]),
        (&json!("running"), &json!(7), &json!("both"))
    );
    let path = format!("/v1/commands/{}", begun["id"].as_str().unwrap());
    assert_eq!(house.get("both", &path).await.json(), begun);
    assert_eq!(house.commands("both").await, std::slice::from_ref(&begun));
    assert_eq!(begun["why"], "Irrläufer", "for an auditor of all its tenants");

    let cancel = format!("{path}/cancel");
    assert_eq!(house.post("both", &cancel, "{}").await.slug(), "malformed-request");
    let cancelled = house.post("both", &cancel, r#"{"reason":"doch nicht"}"#).await.json();
    assert_eq!((&cancelled["state"], &cancelled["endedBy"]), (&json!("cancelled"), &json!("both")));
    assert_eq!(cancelled["endedAt"], house.now().to_string());
    let again = house.post("both", &cancel, r#"{"reason":"noch einmal"}"#).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, cancelled), "an end is an end");
}

#[tokio::test]
async fn words_are_for_auditors() {
    let house = House::new().await;
    let begun = house.begin("operator", &all("retry")).await;
    assert!(begun.get("why").is_none(), "{begun}");
    let path = format!("/v1/commands/{}", begun["id"].as_str().unwrap());
    assert!(house.get("viewer", &path).await.json().get("why").is_none());
    assert_eq!(house.get("auditor", &path).await.json()["why"], "Ziel läuft wieder");
    let cancelled =
        house.post("operator", &format!("{path}/cancel"), r#"{"reason":"doch nicht"}"#).await.json();
    assert!(cancelled.get("endedWhy").is_none(), "{cancelled}");
    assert!(house.get("viewer", &path).await.json().get("endedWhy").is_none());
    assert_eq!(house.get("auditor", &path).await.json()["endedWhy"], "doch nicht");
}

#[tokio::test]
async fn orders_come_page_by_page_whatever_of_others_lies_between() {
    let house = House::new().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.insert(0, house.begin("operator", &all("retry")).await["id"].clone());
        house.begin("stranger", &all("retry")).await;
    }
    let page = async |query: &str| house.get("viewer", &format!("/v1/commands?{query}")).await.json();
    let listed = |page: &Value| {
        page["commands"].as_array().unwrap().iter().map(|command| command["id"].clone()).collect::<Vec<_>>()
    };
    let first = page("limit=2").await;
    assert_eq!(listed(&first), ids[..2]);
    let rest = page(&format!("limit=2&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!((listed(&rest).as_slice(), &rest["next"]), (&ids[2..], &Value::Null));
    let whole = page("").await;
    assert_eq!((listed(&whole), &whole["next"]), (ids, &Value::Null));
    for wrong in ["limit=0", "cursor=x", "state=running"] {
        let answered = house.get("viewer", &format!("/v1/commands?{wrong}")).await;
        assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn an_order_concerns_the_states_in_which_it_makes_sense() {
    let house = House::new().await;
    let begun = house.begin("operator", &all("retry-current")).await;
    assert_eq!(begun["filter"], json!({ "state": ["blocked", "due", "unknown", "awaiting", "parked"] }));
    assert_eq!((&begun["order"], &begun["perSecond"]), (&json!("retry-current"), &json!(100)));
    for (order, paused) in [("pause", false), ("resume", true)] {
        let begun = house.begin("operator", &all(order)).await;
        assert_eq!(begun["filter"]["paused"], paused, "{order}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_said() {
    let house = House::new().await;
    for (order, told) in [
        (json!({}), "missing field `order`"),
        (json!({ "order": "mend", "all": true, "reason": "x" }), "unknown variant `mend`"),
        (json!({ "order": "retry", "all": true }), "`reason` says why"),
        (json!({ "order": "retry", "reason": "x" }), "say `\"all\": true`"),
        (json!({ "order": "retry", "reason": "x", "filter": {} }), "say `\"all\": true`"),
        (
            json!({ "order": "retry", "reason": "x", "filter": { "states": ["due"] } }),
            "unknown field `states`",
        ),
        (
            json!({ "order": "retry", "reason": "x", "filter": { "state": ["stuck"] } }),
            "unknown variant `stuck`",
        ),
        (
            json!({ "order": "retry", "reason": "x", "filter": { "state": ["sending"] } }),
            "deliveries that are sending",
        ),
        (
            json!({ "order": "retry", "reason": "x", "filter": { "state": ["delivered"] } }),
            "it does for blocked, due",
        ),
        (json!({ "order": "retry", "reason": "x", "filter": { "reason": "ramp" } }), "told in `waits`"),
        (
            json!({ "order": "retry", "reason": "x", "filter": { "reason": "slow" } }),
            "unknown variant `slow`",
        ),
        (
            json!({ "order": "retry", "reason": "x", "filter": { "tenant": "Stadt A" } }),
            "a name has 1 to 100",
        ),
        (json!({ "order": "pause", "reason": "x", "filter": { "paused": true } }), "cannot be paused"),
        (
            json!({ "order": "retry", "dependents": "discard", "all": true, "reason": "x" }),
            "with `discard` only",
        ),
        (json!({ "order": "retry", "all": true, "reason": "x", "perSecond": 0 }), "a number from 1 to 1000"),
        (
            json!({ "order": "retry", "all": true, "reason": "x", "perSecond": 1001 }),
            "a number from 1 to 1000",
        ),
        (json!({ "order": "retry", "all": true, "reason": "x".repeat(1001) }), "1 to 1000 characters"),
    ] {
        let answered = house.order("operator", &order).await;
        assert_eq!(answered.slug(), "malformed-request", "{order}");
        assert!(answered.json()["detail"].as_str().unwrap().contains(told), "{order}: {}", answered.text());
    }
    assert!(house.commands("operator").await.is_empty(), "nothing was begun");
}

#[tokio::test]
async fn too_many_orders_at_one_time_are_refused_with_a_time_to_come_back() {
    let house = House::new().await;
    let mut first = Value::Null;
    for _ in 0..ORDERS_AT_ONCE {
        first = house.begin("operator", &all("retry")).await;
    }
    let refused = house.order("operator", &all("retry")).await;
    assert_eq!(refused.slug(), "too-many-commands");
    assert_eq!(
        (refused.status.as_u16(), &refused.headers[header::RETRY_AFTER]),
        (429, &"10".parse().unwrap())
    );
    let cancel = format!("/v1/commands/{}/cancel", first["id"].as_str().unwrap());
    house.post("operator", &cancel, r#"{"reason":"Platz"}"#).await;
    house.begin("operator", &all("retry")).await;
}

#[tokio::test]
async fn h7_an_order_reaches_and_is_seen_only_where_the_client_may() {
    let house = House::new().await;
    house.delivery(|_| {}).await;
    let of_a = house.begin("operator", &all("retry")).await;
    let of_b = house.begin("stranger", &all("retry")).await;
    assert_eq!((&of_a["total"], &of_b["total"]), (&json!(1), &json!(0)), "only one's own tenants");
    let of_both = house.begin("both", &all("retry")).await;
    let one_of_both = json!({ "order": "retry", "filter": { "tenant": "stadt-a" }, "reason": "x" });
    let one_of_both = house.begin("both", &one_of_both).await;
    let ids = async |client: &str| {
        let listed = house.commands(client).await;
        listed.iter().map(|command| command["id"].clone()).collect::<Vec<_>>()
    };
    let [a, b, both, one] = [&of_a, &of_b, &of_both, &one_of_both].map(|command| command["id"].clone());
    assert_eq!(ids("viewer").await, [one.clone(), a.clone()]);
    assert_eq!(ids("stranger").await, std::slice::from_ref(&b));
    assert_eq!(ids("half").await, [one, both.clone(), b.clone(), a.clone()]);

    let path = |id: &Value, more: &str| format!("/v1/commands/{}{more}", id.as_str().unwrap());
    let nobody = "01890000-0000-7000-8000-000000000000";
    let absent = house.get("viewer", &format!("/v1/commands/{nobody}")).await;
    for foreign in [&b, &both] {
        assert_eq!(house.get("viewer", &path(foreign, "")).await.body, absent.body);
        let cancelled = house.post("operator", &path(foreign, "/cancel"), r#"{"reason":"x"}"#).await;
        assert_eq!((cancelled.status, &cancelled.body), (StatusCode::NOT_FOUND, &absent.body));
    }
    let half = house.post("half", &path(&both, "/cancel"), r#"{"reason":"x"}"#).await;
    assert_eq!((half.slug().as_str(), &half.json()["tenants"]), ("forbidden", &json!(["stadt-b"])));
    let viewer = house.post("viewer", &path(&a, "/cancel"), r#"{"reason":"x"}"#).await;
    assert_eq!(viewer.json()["role"], "operate");
    let portal = house.get("portal", &path(&a, "")).await;
    assert_eq!((portal.slug().as_str(), &portal.json()["role"]), ("forbidden", &json!("view")));

    assert_eq!(house.order("viewer", &all("retry")).await.json()["role"], "operate");
    let of_viewed = json!({ "order": "retry", "filter": { "tenant": "stadt-b" }, "reason": "x" });
    assert_eq!(
        house.order("half", &of_viewed).await.json()["role"],
        "operate",
        "a tenant that it only views"
    );
    let foreign = house.begin("operator", &of_viewed).await;
    assert_eq!(foreign["total"], 0, "as one that does not exist");
}
