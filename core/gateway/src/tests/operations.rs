//! The operations listener.

use super::house::{Answered, House, answered};
use crate::routes;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use std::sync::Arc;

async fn ask(house: &House, path: &str) -> Answered {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    answered(routes::operations(Arc::clone(&house.gateway)), request).await
}

#[tokio::test]
async fn the_hub_is_ready_only_while_it_says_so() {
    let house = House::new().await;
    assert_eq!(ask(&house, "/healthz").await.status, StatusCode::OK);
    assert_eq!(ask(&house, "/readyz").await.slug(), "not-ready");
    house.health.set_ready(true);
    assert_eq!(ask(&house, "/readyz").await.json()["status"], "ready");
    house.health.set_ready(false);
    assert_eq!(ask(&house, "/readyz").await.headers[header::RETRY_AFTER], "5");
}

#[tokio::test]
async fn h10_metrics_count_without_naming_what_came_in() {
    let house = House::new().await;
    house.hand_in("&case=V-4711&kind=mustermann").await;
    house.get("viewer", "/v1/cases/V-4711").await;
    house.get("viewer", "/V-4711/mustermann").await;
    house.post("portal", "/v1/submissions?case=V-4711", "{}").await;
    let text = ask(&house, "/metrics").await.text();
    assert!(text.contains("rohrpost_deliveries{destination=\"\",state=\"parked\"} 1"), "{text}");
    for line in [
        "rohrpost_submissions_accepted_total ",
        "rohrpost_submissions_refused_total{problem=\"malformed-request\"} ",
        "rohrpost_submission_accept_duration_seconds_bucket{le=\"0.005\"} ",
        "rohrpost_http_requests_total{route=\"/v1/cases/{case}\",status=\"200\"} ",
        "rohrpost_http_requests_total{route=\"none\",status=\"404\"} ",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("V-4711") && !text.contains("mustermann"), "{text}");
}

#[tokio::test]
async fn the_two_listeners_share_only_their_description() {
    let house = House::new().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(house.get("operator", path).await.slug(), "not-found", "{path}");
    }
    assert_eq!(ask(&house, "/v1/deliveries").await.slug(), "not-found");
    assert_eq!(ask(&house, "/openapi.json").await.body, house.get("nobody", "/openapi.json").await.body);
}
