//! Commands and lists.

use super::house::House;
use axum::http::StatusCode;

#[tokio::test]
async fn a_command_says_why_and_stands_in_the_history() {
    let house = House::new().await;
    let answer = house.hand_in("").await;
    let delivery = house.delivery_of(answer["id"].as_str().unwrap()).await;
    let path = |command: &str| format!("/v1/deliveries/{delivery}{command}");
    for (word, body) in [
        ("malformed-request", "{}"),
        ("malformed-request", r#"{"reason":" "}"#),
        ("malformed-request", r#"{"reason":"x","force":true}"#),
        ("malformed-request", r#"{"reason":"#),
    ] {
        assert_eq!(house.post("operator", &path("/retry"), body).await.slug(), word, "{body}");
    }
    let retried = house.post("operator", &path("/retry"), r#"{"reason":"Ziel geht wieder"}"#).await;
    assert_eq!((retried.status, retried.json()["state"].as_str()), (StatusCode::OK, Some("due")));
    let discard = r#"{"reason":"doppelt","dependents":"release"}"#;
    assert_eq!(house.post("operator", &path("/discard"), discard).await.json()["state"], "discarded");
    let late = house.post("operator", &path("/retry"), r#"{"reason":"x"}"#).await;
    assert_eq!(
        (late.slug().as_str(), late.json()["state"].as_str()),
        ("refused-in-state", Some("discarded"))
    );

    let told = house.get("auditor", &path("")).await.json();
    assert_eq!(told["history"][0]["why"], "Ziel geht wieder");
    assert_eq!((told["history"][0]["who"].as_str(), told["attempts"].as_u64()), (Some("operator"), Some(0)));
    let untold = house.get("viewer", &path("")).await.json();
    assert_eq!(untold["history"][1]["state"], "discarded");
    assert!(untold["history"][0].get("why").is_none(), "words are for auditors");
}

#[tokio::test]
async fn one_delivery_is_held_back_and_let_go_with_a_reason() {
    let house = House::new().await;
    let delivery = house.delivery(|_| {}).await;
    let path = |command: &str| format!("/v1/deliveries/{delivery}{command}");
    let post =
        async |command: &str| house.post("operator", &path(command), r#"{"reason":"Rückfrage"}"#).await;
    assert!(post("/resume").await.json()["detail"].as_str().unwrap().contains("Nobody holds"));
    assert_eq!(post("/pause").await.json()["state"], "parked", "it stays what it is");
    assert_eq!(house.get("viewer", &path("")).await.json()["pausedBy"], "operator");
    let again = post("/pause").await;
    assert_eq!(again.slug(), "refused-in-state");
    assert!(again.json()["meldung"].as_str().unwrap().contains("schon angehalten, von operator"));
    assert_eq!(post("/resume").await.status, StatusCode::OK);
    assert!(house.get("viewer", &path("")).await.json()["pausedBy"].is_null());
    let told = house.get("auditor", &path("")).await.json();
    let history = told["history"].as_array().unwrap();
    assert!(history.iter().all(|entry| entry["why"] == "Rückfrage" && entry["who"] == "operator"));
    assert_eq!(history.len(), 2);
}

#[tokio::test]
async fn what_no_route_took_cannot_be_made_anew() {
    let house = House::new().await;
    let delivery = house.delivery(|_| {}).await;
    let path = format!("/v1/deliveries/{delivery}/retry");
    let refused = house.post("operator", &path, r#"{"reason":"x","current":true}"#).await;
    assert_eq!(refused.slug(), "refused-in-state");
    assert!(refused.json()["detail"].as_str().unwrap().contains("no route ever took it"));
    let wrong = house.post("operator", &path, r#"{"reason":"x","current":"yes"}"#).await;
    assert_eq!(wrong.slug(), "malformed-request");
    let foreign = house.post("stranger", &path, r#"{"reason":"x","current":true}"#).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    let viewer = house.post("viewer", &path, r#"{"reason":"x","current":true}"#).await;
    assert_eq!(viewer.json()["role"], "operate");
}

#[tokio::test]
async fn a_list_is_asked_by_tenant_reason_and_pause() {
    let house = House::new().await;
    let paused = house.delivery(|delivery| delivery.paused_by = Some("operator".into())).await;
    let plain = house.delivery(|delivery| delivery.reason = None).await;
    let ids = async |query: &str| {
        let listed = house.get("viewer", &format!("/v1/deliveries?{query}")).await.json();
        let listed = listed["deliveries"].as_array().unwrap().clone();
        listed.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("paused=true").await, std::slice::from_ref(&paused));
    assert_eq!(ids("paused=false").await, std::slice::from_ref(&plain));
    assert_eq!(ids("reason=no-route").await, std::slice::from_ref(&paused));
    assert_eq!(ids("tenant=stadt-a").await, [paused, plain]);
    assert!(ids("tenant=stadt-b").await.is_empty(), "foreign");
    for (wrong, told) in [
        ("reason=no-rout", "expected one of `no-route`"),
        ("reason=breaker-open", "told in `waits`"),
        ("paused=maybe", "`true` or `false`"),
        ("tenant=Stadt", "a name has 1 to 100"),
    ] {
        let answered = house.get("viewer", &format!("/v1/deliveries?{wrong}")).await;
        assert_eq!(answered.slug(), "malformed-request", "{wrong}");
        assert!(answered.json()["detail"].as_str().unwrap().contains(told), "{wrong}: {}", answered.text());
    }
}

#[tokio::test]
async fn pages_follow_one_another_without_loss() {
    let house = House::new().await;
    for _ in 0..5 {
        house.hand_in("").await;
    }
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = house.get("viewer", &format!("/v1/deliveries?state=parked&limit=2{cursor}")).await.json();
        seen.extend(
            page["deliveries"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), pages), (5, 3));
    assert_eq!(house.get("viewer", "/v1/deliveries?limit=5").await.json()["next"], serde_json::Value::Null);
    assert_eq!(house.get("viewer", "/v1/deliveries?stat=due").await.slug(), "malformed-request");
}

#[tokio::test]
async fn a_configuration_is_taken_or_refused_with_all_its_faults() {
    let house = House::new().await;
    let taken = house.post("operator", "/v1/config/activate", r#"{"reason":"neue Route"}"#).await;
    assert_eq!((taken.status, taken.json()["version"].as_str()), (StatusCode::OK, Some("v1")));
    let refused = house.post("operator", "/v1/config/activate", r#"{"reason":"broken"}"#).await;
    assert_eq!(refused.slug(), "configuration-faults");
    let fault = &refused.json()["faults"][0];
    assert_eq!(
        (fault["file"].as_str(), fault["line"].as_u64(), fault["column"].as_u64()),
        (Some("routes/x.toml"), Some(3), Some(7))
    );
    assert_eq!((fault["message"].as_str(), fault["hint"].as_str()), (Some("wrong"), Some("right")));
}

#[tokio::test]
async fn an_auditor_gets_the_head_of_the_history_signed() {
    let house = House::new().await;
    let head = house.get("auditor", "/v1/audit/head").await;
    assert_eq!(head.status, StatusCode::OK, "{}", head.text());
    let head = head.json();
    assert_eq!((head["seq"].as_u64(), head["at"].as_str()), (Some(3), Some("2026-11-18T11:06:40Z")));
    assert_eq!(head["hash"], rohrpost_model::Digest::of(b"3").to_string());
    assert!(head["head"].as_str().unwrap().starts_with("rohrpost-audit-head+jwt."), "{head}");
}
