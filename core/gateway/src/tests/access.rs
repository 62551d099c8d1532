//! Who gets in, and who sees what (promise H7).

use super::house::{House, as_client};
use crate::routes::api_routes;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};

/// A path of the list with real names in it.
fn filled(path: &str, submission: &str, case: &str, delivery: &str) -> String {
    let id = if path.starts_with("/v1/deliveries") { delivery } else { submission };
    path.replace("{id}", id).replace("{case}", case).replace("{n}", "1")
}

fn body_for(path: &str) -> Body {
    if path.ends_with("retry") || path.ends_with("discard") {
        Body::from(r#"{"reason":"x"}"#)
    } else {
        Body::empty()
    }
}

#[tokio::test]
async fn without_a_valid_token_every_route_asks_for_one() {
    let house = House::new().await;
    for (method, path, _) in api_routes().into_iter().filter(|(_, path, _)| path.starts_with("/v1/")) {
        for authorization in [None, Some("Bearer wrong"), Some("Bearer "), Some("Basic cG9ydGFs")] {
            let mut request = Request::builder().method(method.to_uppercase().as_str()).uri(path);
            if let Some(value) = authorization {
                request = request.header(header::AUTHORIZATION, value);
            }
            let answered = house.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answered.slug(), "unauthorized", "{method} {path} {authorization:?}");
            assert_eq!(answered.headers[header::WWW_AUTHENTICATE], "Bearer realm=\"rohrpost\"");
        }
    }
}

#[tokio::test]
async fn h7_what_is_foreign_answers_as_what_does_not_exist_on_every_route() {
    let house = House::new().await;
    let answer = house.hand_in("&case=V-1").await;
    let id = answer["id"].as_str().unwrap();
    let delivery = house.delivery_of(id).await;
    let nobody = "01890000-0000-7000-8000-000000000000";
    let mut tried = 0;
    for (method, path, _) in api_routes().into_iter().filter(|(_, path, _)| path.contains('{')) {
        let send = async |path: String| {
            let request = as_client(&method.to_uppercase(), "stranger", &path)
                .header("content-type", "application/json");
            house.send(request.body(body_for(&path)).unwrap()).await
        };
        let named = |name| path.replace("{name}", name);
        let foreign = send(filled(&named("nur-a"), id, "V-1", &delivery)).await;
        let absent = send(filled(&named("keines"), nobody, "V-2", nobody)).await;
        let nonsense = send(filled(&named("%20"), "%ff", "%20", "x")).await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{method} {path}: {}", foreign.text());
        assert_eq!((foreign.status, &foreign.body), (absent.status, &absent.body), "{method} {path}");
        assert_eq!((foreign.status, &foreign.body), (nonsense.status, &nonsense.body), "{method} {path}");
        assert_eq!(foreign.headers, absent.headers, "{method} {path}");
        tried += 1;
    }
    assert_eq!(tried, 8);
    let listed = house.get("stranger", "/v1/deliveries").await.json();
    assert_eq!(listed["deliveries"].as_array().unwrap().len(), 0);
    assert_eq!(house.get("viewer", "/v1/deliveries").await.json()["deliveries"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_missing_role_is_named_where_the_tenant_is_the_clients_own() {
    let house = House::new().await;
    let answer = house.hand_in("&case=V-1").await;
    let id = answer["id"].as_str().unwrap();
    let delivery = house.delivery_of(id).await;
    let cases = [
        ("other-portal", format!("/v1/submissions/{id}"), "view"),
        ("other-portal", "/v1/cases/V-1".into(), "view"),
        ("portal", format!("/v1/submissions/{id}/data"), "fetch"),
        ("viewer", format!("/v1/submissions/{id}/data"), "fetch"),
        ("portal", "/v1/deliveries".into(), "view"),
        ("portal", format!("/v1/deliveries/{delivery}"), "view"),
    ];
    for (client, path, role) in cases {
        let answered = house.get(client, &path).await;
        assert_eq!(answered.slug(), "forbidden", "{client} {path}");
        assert_eq!(answered.json()["role"], role, "{client} {path}");
    }
    for command in ["retry", "discard"] {
        let path = format!("/v1/deliveries/{delivery}/{command}");
        let answered = house.post("viewer", &path, r#"{"reason":"x"}"#).await;
        assert_eq!(
            (answered.slug().as_str(), answered.json()["role"].as_str()),
            ("forbidden", Some("operate"))
        );
    }
    let path = format!("/v1/submissions?service={}&area=15091", super::house::SERVICE);
    assert_eq!(house.post("viewer", &path, "{}").await.json()["role"], "submit");
    assert_eq!(
        house.post("viewer", "/v1/config/activate", r#"{"reason":"x"}"#).await.json()["role"],
        "configure"
    );
    assert_eq!(house.get("viewer", "/v1/audit/head").await.json()["role"], "audit");
}

#[tokio::test]
async fn a_sender_follows_its_own_and_a_viewer_its_tenants() {
    let house = House::new().await;
    let answer = house.hand_in("&case=V-1").await;
    let path = format!("/v1/submissions/{}", answer["id"].as_str().unwrap());
    for client in ["portal", "viewer", "fetcher"] {
        let submission = house.get(client, &path).await.json();
        assert_eq!(submission["state"], "attention", "{client}");
        assert_eq!(submission["deliveries"][0]["step"], "unrouted");
        assert!(
            submission["deliveries"][0]["reason"]["text"]["de"].as_str().unwrap().starts_with("Keine Route")
        );
        for null in ["destination", "receipt", "nextAt"] {
            assert!(submission["deliveries"][0].get(null).unwrap().is_null(), "{null}");
        }
        assert!(submission.get("erasedAt").is_none());
        let case = house.get(client, "/v1/cases/V-1").await.json();
        assert_eq!((&case["tenant"], &case["submissions"][0]), (&"stadt-a".into(), &submission));
    }
}

#[tokio::test]
async fn answers_are_not_cached_and_not_guessed_at() {
    let house = House::new().await;
    for path in ["/v1/deliveries", "/nowhere", "/openapi.json"] {
        let answered = house.get("viewer", path).await;
        assert_eq!(answered.headers[header::CACHE_CONTROL], "no-store", "{path}");
        assert_eq!(answered.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
    }
    assert_eq!(house.get("viewer", "/nowhere").await.slug(), "not-found");
    let wrong = house.post("viewer", "/v1/deliveries", "{}").await;
    assert_eq!(wrong.slug(), "method-not-allowed");
    assert!(wrong.headers[header::ALLOW].to_str().unwrap().contains("GET"));
}
