//! Who may see which configuration was active, and who may go back to one. The tenants of the hub are `stadt-a` and
//! `stadt-b`.

use super::house::House;
use axum::http::StatusCode;
use rohrpost_model::Digest;

const ROLLBACK: &str = "/v1/config/rollback";

fn kept() -> String {
    Digest::of(b"kept").to_string()
}

fn back_to(version: &str) -> String {
    format!(r#"{{"version":"{version}","reason":"zurück"}}"#)
}

#[tokio::test]
async fn activations_are_paged_and_why_is_for_who_audits_every_tenant() {
    let house = House::new().await;
    let page = house.get("operator", "/v1/config/versions?limit=2").await.json();
    assert_eq!(
        (page["active"].as_str(), page["activations"].as_array().map(Vec::len)),
        (Some(kept().as_str()), Some(2))
    );
    let next = page["next"].as_str().expect("a next page").to_owned();
    let rest = house.get("operator", &format!("/v1/config/versions?limit=2&cursor={next}")).await.json();
    assert_eq!((rest["activations"].as_array().map(Vec::len), rest["next"].is_null()), (Some(1), true));
    for (client, words) in [("operator", false), ("auditor", false), ("everybody", true)] {
        let shown = house.get(client, "/v1/config/versions").await.json()["activations"][0].clone();
        assert_eq!((shown["why"].is_string(), shown["who"].is_string()), (words, words), "{client}: {shown}");
        assert_eq!(
            (shown["client"].as_str(), shown["cause"].as_str()),
            (Some("operator"), Some("activated"))
        );
    }
    for wrong in ["limit=0", "cursor=x", "state=due"] {
        let answered = house.get("operator", &format!("/v1/config/versions?{wrong}")).await;
        assert_eq!(answered.slug(), "malformed-request", "{wrong}");
    }
}

#[tokio::test]
async fn a_configuration_in_full_is_for_who_configures_every_tenant() {
    let house = House::new().await;
    let paths = [format!("/v1/config/versions/{}", &kept()[..8]), "/v1/config/diff".into()];
    for path in &paths {
        assert_eq!(house.get("everybody", path).await.status, StatusCode::OK, "{path}");
        // Who has to do with one tenant only does not learn of the others.
        assert_eq!(house.get("operator", path).await.slug(), "not-found", "{path}");
        for client in ["portal", "viewer", "auditor", "both"] {
            let answered = house.get(client, path).await;
            assert_eq!(answered.slug(), "forbidden", "{client} {path}");
            assert_eq!(answered.json()["role"], "configure");
        }
    }
    for client in ["portal", "viewer"] {
        assert_eq!(house.get(client, "/v1/config/versions").await.slug(), "forbidden", "{client}");
    }
    let version = house.get("everybody", &paths[0]).await.json();
    assert_eq!(
        (version["version"].as_str(), version["files"][0]["path"].as_str()),
        (Some(kept().as_str()), Some("hub.toml"))
    );
    let (text, sha256) = (&version["files"][0]["text"], &version["files"][0]["sha256"]);
    assert_eq!(text, "demo = ***", "what may be a secret is not shown");
    assert_eq!(*sha256, Digest::of(b"demo = true").to_string(), "and the file is named as it was written");
    for unknown in ["0123456789abcdef", "0", "hub.toml"] {
        let answered = house.get("everybody", &format!("/v1/config/versions/{unknown}")).await;
        assert_eq!(answered.slug(), "not-found", "{unknown}");
    }
}

#[tokio::test]
async fn back_goes_who_configures_every_tenant_and_says_why() {
    let house = House::new().await;
    let taken = house.post("everybody", ROLLBACK, &back_to(&kept())).await;
    assert_eq!((taken.status, taken.json()["version"].as_str()), (StatusCode::OK, Some("v1")));
    assert_eq!(house.post("operator", ROLLBACK, &back_to(&kept())).await.slug(), "not-found");
    assert_eq!(house.post("both", ROLLBACK, &back_to(&kept())).await.slug(), "forbidden");
    assert_eq!(house.post("everybody", ROLLBACK, &back_to("0123456789")).await.slug(), "not-found");
    for wrong in [
        r#"{"version":"0123456789"}"#.to_owned(),
        format!(r#"{{"version":"{}","reason":" "}}"#, kept()),
        format!(r#"{{"version":"{}","reason":"x","who":""}}"#, kept()),
        format!(r#"{{"version":"{}","reason":"x","force":true}}"#, kept()),
    ] {
        assert_eq!(house.post("everybody", ROLLBACK, &wrong).await.slug(), "malformed-request", "{wrong}");
    }
}
