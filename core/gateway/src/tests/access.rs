//! Who gets in, and who sees what (promise H7).

use super::house::{House, as_client};
use crate::routes::api_routes;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};

/// What paths name.
struct Names<'a> {
    submission: &'a str,
    case: &'a str,
    delivery: &'a str,
    destination: &'a str,
    command: &'a str,
}

impl Names<'_> {
    /// A path of the list with these names in it.
    fn fill(&self, path: &str) -> String {
        let id = match path.split('/').nth(2) {
            Some("deliveries") => self.delivery,
            Some("commands") => self.command,
            _ => self.submission,
        };
        path.replace("{id}", id)
            .replace("{case}", self.case)
            .replace("{name}", self.destination)
            .replace("{n}", "1")
    }
}

fn body_for(method: &str) -> Body {
    if method == "post" { Body::from(r#"{"reason":"x"}"#) } else { Body::empty() }
}

#[tokio::test]
async fn without_a_valid_token_every_route_asks_for_one() {
    let house = House::new().await;
    // Whoever notifies signs what it says.
    let open = |path: &str| !path.starts_with("/v1/") || path.starts_with("/v1/notifications/");
    for (method, path, _) in api_routes().into_iter().filter(|(_, path, _)| !open(path)) {
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
    let begun = house.post("operator", "/v1/commands", r#"{"order":"retry","all":true,"reason":"x"}"#).await;
    let command = begun.json()["id"].as_str().unwrap().to_owned();
    let nobody = "01890000-0000-7000-8000-000000000000";
    let theirs =
        Names { submission: id, case: "V-1", delivery: &delivery, destination: "nur-a", command: &command };
    let nobodys =
        Names { submission: nobody, case: "V-2", delivery: nobody, destination: "nirgends", command: nobody };
    let no_name = Names { submission: "%ff", case: "%20", delivery: "x", destination: "%ff", command: "x" };
    let mut tried = 0;
    for (method, path, _) in api_routes().into_iter().filter(|(_, path, _)| path.contains('{')) {
        let send = async |path: String| {
            let request = as_client(&method.to_uppercase(), "stranger", &path)
                .header("content-type", "application/json");
            house.send(request.body(body_for(method)).unwrap()).await
        };
        let foreign = send(theirs.fill(path)).await;
        let absent = send(nobodys.fill(path)).await;
        let nonsense = send(no_name.fill(path)).await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{method} {path}: {}", foreign.text());
        assert_eq!((foreign.status, &foreign.body), (absent.status, &absent.body), "{method} {path}");
        assert_eq!((foreign.status, &foreign.body), (nonsense.status, &nonsense.body), "{method} {path}");
        assert_eq!(foreign.headers, absent.headers, "{method} {path}");
        tried += 1;
    }
    assert_eq!(tried, 26);
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
        ("portal", "/v1/destinations".into(), "view"),
        ("portal", "/v1/destinations/nur-a".into(), "view"),
        ("portal", "/v1/commands".into(), "view"),
    ];
    for (client, path, role) in cases {
        let answered = house.get(client, &path).await;
        assert_eq!(answered.slug(), "forbidden", "{client} {path}");
        assert_eq!(answered.json()["role"], role, "{client} {path}");
    }
    for command in ["retry", "discard", "pause", "resume"] {
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
