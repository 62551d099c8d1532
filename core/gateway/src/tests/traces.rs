//! A dry run under the active configuration.

use super::house::{Answered, House, SERVICE, as_client};
use axum::body::Body;
use axum::http::StatusCode;
use serde_json::Value;

/// Tries a bare XML body.
async fn trace(house: &House, client: &str, area: &str, more: &str, body: &str) -> Answered {
    let path = format!("/v1/trace?service={SERVICE}&area={area}{more}");
    let request = as_client("POST", client, &path).header("content-type", "application/xml");
    house.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn h7_only_who_configures_the_tenant_sees_what_becomes_of_a_submission() {
    let house = House::new().await;
    let shown = trace(&house, "operator", "15091", "", "<a/>").await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text());
    let shown = shown.json();
    assert_eq!(
        (&shown["submission"]["tenant"], &shown["door"]["accepted"]),
        (&"stadt-a".into(), &true.into())
    );
    assert_eq!((&shown["route"], &shown["noRoute"]["code"]), (&Value::Null, &"no-route".into()));
    assert_eq!((&shown["running"], &shown["well"]), (&true.into(), &false.into()));
    for (client, area, status) in [
        ("portal", "15091", 403),
        ("auditor", "15091", 403),
        ("stranger", "15091", 404),
        ("operator", "14", 404),
    ] {
        let refused = trace(&house, client, area, "", "<a/>").await;
        assert_eq!(refused.status.as_u16(), status, "{client} {area}: {}", refused.text());
    }
    assert_eq!(trace(&house, "operator", "09", "", "<a/>").await.slug(), "unknown-area");
    assert_eq!(trace(&house, "nobody", "15091", "", "<a/>").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_clients_grants_are_asked_where_it_is_named_and_others_do_not_exist() {
    let house = House::new().await;
    let of =
        async |client: &str| trace(&house, "operator", "15091", &format!("&client={client}"), "<a/>").await;
    assert_eq!(of("portal").await.json()["door"]["accepted"], true);
    assert_eq!(of("stranger").await.status, StatusCode::NOT_FOUND, "it hands in for another tenant");
    assert_eq!(of("no-such").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nothing_of_a_dry_run_is_kept_and_it_is_bounded_as_a_submission_is() {
    let house = House::new().await;
    let before = house.kept();
    let multipart = |data: &str| {
        let metadata = format!("{{\"service\":\"{SERVICE}\",\"area\":\"15091\"}}");
        let part = |name: &str, kind: &str, content: &str| {
            format!(
                "--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"x\"\r\n\
                 Content-Type: {kind}\r\n\r\n{content}\r\n"
            )
        };
        let parts = [
            part("metadata", "application/json", &metadata),
            part("data", "application/xml", data),
            part("attachment", "application/pdf", "pdf"),
        ];
        let request = as_client("POST", "operator", "/v1/trace")
            .header("content-type", "multipart/form-data; boundary=b");
        request.body(Body::from(format!("{}--b--\r\n", parts.concat()))).unwrap()
    };
    let shown = house.send(multipart("<a/>")).await.json();
    let attachment = &shown["submission"]["attachments"][0];
    assert_eq!((&attachment["bytes"], &attachment["number"]), (&3.into(), &1.into()));
    let refused = trace(&house, "operator", "15091", "", "<a><b></a>").await.json();
    assert_eq!(refused["door"]["problem"]["type"], "urn:rohrpost:problem:not-well-formed");
    assert_eq!(house.send(multipart(&"x".repeat(100_001))).await.slug(), "too-large");
    assert_eq!(house.kept(), before, "no content, no key, no submission");
}
