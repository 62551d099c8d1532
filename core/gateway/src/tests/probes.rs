//! Probing a destination: who may, how many at a time, and what is told.

use super::house::House;
use async_trait::async_trait;
use axum::http::{StatusCode, header};
use rohrpost_engine::catalog::Connected;
use rohrpost_model::destination::Destination;
use rohrpost_model::ports::{Finding, Inquiry, Parcel, Probe, Target, Words};
use rohrpost_model::{DestinationName, Failure, Outcome, Reason, ReasonCode};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Has three steps, of which the second fails, and says nothing before it is let.
pub(super) struct Stubborn {
    begun: watch::Sender<usize>,
    let_go: Semaphore,
}

#[async_trait]
impl Target for Stubborn {
    async fn deliver(&self, _: &Parcel<'_>) -> Result<Outcome, Failure> {
        panic!("h5: a probe is no delivery")
    }
    async fn inquire(&self, _: &Parcel<'_>, _: Option<&str>) -> Result<Inquiry, Failure> {
        panic!("a probe asks about no delivery")
    }
    fn deduplicates(&self) -> bool {
        false
    }
    async fn probe(&self, probe: &mut Probe) {
        self.begun.send_modify(|begun| *begun += 1);
        self.let_go.acquire().await.unwrap().forget();
        for word in ["there", "write", "room"] {
            probe.plan(word, Words::new(format!("Schritt {word}"), format!("step {word}")));
        }
        probe.end(Finding::Works(Words::new("ist da", "is there")));
        let reason = Reason::new(ReasonCode::FolderUnavailable);
        probe.end(Finding::Fails { reason, advice: Words::new("Rechte prüfen.", "Check the mode.") });
    }
}

/// `ziel` of both towns, and one of each town only.
pub(super) fn destinations(target: Arc<Stubborn>) -> BTreeMap<DestinationName, Connected> {
    let destination = |(name, tenants): (&str, &[&str])| {
        let tenants = tenants.iter().map(|tenant| tenant.parse().unwrap()).collect();
        let destination = Destination { tenants, ..Destination::new(name.parse().unwrap()) };
        (destination.name.clone(), Connected { destination, target: Arc::clone(&target) as _ })
    };
    let both: &[&str] = &["stadt-a", "stadt-b"];
    [("ziel", both), ("nur-a", &both[..1]), ("nur-b", &both[1..])].map(destination).into()
}

impl Stubborn {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { begun: watch::Sender::new(0), let_go: Semaphore::new(0) })
    }

    fn let_go(&self, probes: usize) {
        self.let_go.add_permits(probes);
    }

    async fn begun(&self, probes: usize) {
        self.begun.subscribe().wait_for(|begun| *begun >= probes).await.unwrap();
    }
}

const ZIEL: &str = "/v1/destinations/ziel/probe";

#[tokio::test]
async fn what_each_step_found_is_told_in_both_languages() {
    let house = House::new().await;
    house.target.let_go(2);
    let answered = house.post("operator", ZIEL, "{}").await;
    assert_eq!(answered.status, StatusCode::OK, "that a step failed is an answer too");
    let report = answered.json();
    assert_eq!(report["destination"], "ziel");
    assert_eq!(report["well"], false);
    let words: Vec<_> = (0..3)
        .map(|number| format!("{} {}", report["steps"][number]["step"], report["steps"][number]["result"]))
        .collect();
    assert_eq!(words, [r#""there" "ok""#, r#""write" "failed""#, r#""room" "not-tried""#]);
    let failed = &report["steps"][1];
    assert_eq!(failed["tried"]["de"], "Schritt write");
    assert_eq!(failed["text"], serde_json::json!({ "de": "Rechte prüfen.", "en": "Check the mode." }));
    assert_eq!(failed["reason"]["code"], "folder-unavailable");
    assert!(report["steps"][0].get("reason").is_none());
    // No body at all is as good: a probe changes nothing.
    let request = super::house::as_client("POST", "operator", ZIEL);
    let bare = house.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(bare.status, StatusCode::OK, "{}", bare.text());
}

#[tokio::test]
async fn h7_only_who_operates_a_tenant_of_the_destination_may_probe_it() {
    let house = House::new().await;
    house.target.let_go(1);
    assert_eq!(house.post("stranger", ZIEL, "{}").await.status, StatusCode::OK, "it is theirs too");
    for client in ["viewer", "auditor", "portal"] {
        let refused = house.post(client, ZIEL, "{}").await;
        assert_eq!(
            (refused.slug().as_str(), refused.json()["role"].as_str()),
            ("forbidden", Some("operate"))
        );
    }
    let unknown = house.post("operator", "/v1/destinations/keines/probe", "{}").await;
    assert_eq!(unknown.slug(), "not-found");
    for path in ["/v1/destinations/nur-b/probe", "/v1/destinations/Kein%20Name/probe"] {
        assert_eq!(house.post("operator", path, "{}").await.body, unknown.body, "{path}");
    }
    for body in [r#"{"reason":" "}"#, r#"{"force":true}"#, "{"] {
        assert_eq!(house.post("operator", ZIEL, body).await.slug(), "malformed-request", "{body}");
    }
}

#[tokio::test]
async fn two_probes_of_a_destination_run_at_one_time_and_the_third_comes_back() {
    let house = House::new().await;
    let third = async {
        house.target.begun(2).await;
        let third = house.post("operator", ZIEL, "{}").await;
        house.target.let_go(2);
        third
    };
    let (first, second, third) =
        futures::join!(house.post("operator", ZIEL, "{}"), house.post("stranger", ZIEL, "{}"), third);
    assert_eq!((first.status, second.status), (StatusCode::OK, StatusCode::OK));
    assert_eq!((third.slug().as_str(), third.status), ("busy", StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(third.headers[header::RETRY_AFTER], "5");
    house.target.let_go(1);
    assert_eq!(house.post("operator", ZIEL, "{}").await.status, StatusCode::OK, "their turns came back");
}
