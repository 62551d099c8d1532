//! Two towns, their clients and destinations.

use super::memory::Memory;
use super::probes::{Stubborn, destinations};
use crate::{Gateway, Health, Settings, install_metrics, routes};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use metrics_exporter_prometheus::PrometheusHandle;
use rohrpost_engine::catalog::Catalog;
use rohrpost_engine::{Engine, Ports};
use rohrpost_model::client::{Grant, Role};
use rohrpost_model::limits::Limits;
use rohrpost_model::ports::Clock as _;
use rohrpost_model::route::Tenant;
use rohrpost_model::{Client, ClientName, Delivery, Digest, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tower::ServiceExt as _;

pub(super) const SERVICE: &str = "99000000000000";

/// Who there is: name (its token is `token-` and the name), tenant, roles. Who stands here twice has two grants.
const CLIENTS: [(&str, &str, &[Role]); 13] = [
    ("portal", "stadt-a", &[Role::Submit]),
    ("other-portal", "stadt-a", &[Role::Submit]),
    ("viewer", "stadt-a", &[Role::View]),
    ("fetcher", "stadt-a", &[Role::View, Role::Fetch]),
    ("operator", "stadt-a", &[Role::View, Role::Operate, Role::Configure]),
    ("auditor", "stadt-a", &[Role::View, Role::Audit]),
    (
        "stranger",
        "stadt-b",
        &[Role::Submit, Role::View, Role::Fetch, Role::Operate, Role::Configure, Role::Audit],
    ),
    ("both", "stadt-a", &[Role::View, Role::Operate, Role::Audit]),
    ("both", "stadt-b", &[Role::View, Role::Operate, Role::Audit]),
    ("half", "stadt-a", &[Role::View, Role::Operate]),
    ("half", "stadt-b", &[Role::View]),
    ("everybody", "stadt-a", &[Role::Configure, Role::Audit]),
    ("everybody", "stadt-b", &[Role::Configure, Role::Audit]),
];

pub(super) struct House {
    pub(super) gateway: Arc<Gateway>,
    pub(super) health: Arc<Health>,
    /// What its destinations talk to.
    pub(super) target: Arc<Stubborn>,
    memory: Arc<Memory>,
}

impl House {
    pub(super) async fn new() -> Self {
        Self::with(Settings::default(), limits()).await
    }

    pub(super) async fn with(settings: Settings, limits: Limits) -> Self {
        let memory = Arc::new(Memory::default());
        let ports = Ports {
            outbox: memory.clone(),
            records: memory.clone(),
            commands: memory.clone(),
            blobs: memory.clone(),
            versions: memory.clone(),
            configurations: memory.clone(),
            vault: memory.clone(),
            clock: memory.clone(),
            audit: memory.clone(),
            receipts: memory.clone(),
        };
        let target = Stubborn::new();
        let engine = Engine::start(ports, catalog(limits, Arc::clone(&target))).await.unwrap();
        let health = Arc::new(Health::default());
        // One recorder serves the process, as in the hub.
        static METRICS: LazyLock<PrometheusHandle> = LazyLock::new(|| install_metrics().unwrap());
        let metrics = METRICS.clone();
        let gateway = Gateway::new(engine, memory.clone(), Arc::clone(&health), metrics, settings);
        Self { gateway, health, target, memory }
    }

    /// The largest piece of content that came in at one time.
    pub(super) fn largest_piece(&self) -> usize {
        self.memory.largest_piece.load(Ordering::Relaxed)
    }

    /// How many submissions and data keys there are, and the largest piece of content that was staged.
    pub(super) fn kept(&self) -> (usize, usize, usize) {
        (self.memory.submissions(), self.memory.keys.load(Ordering::Relaxed), self.largest_piece())
    }

    pub(super) fn api(&self) -> Router {
        routes::api(Arc::clone(&self.gateway))
    }

    /// Sends one request to the API.
    pub(super) async fn send(&self, request: Request<Body>) -> Answered {
        answered(self.api(), request).await
    }

    pub(super) async fn get(&self, client: &str, path: &str) -> Answered {
        self.send(as_client("GET", client, path).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn post(&self, client: &str, path: &str, json: &str) -> Answered {
        let request = as_client("POST", client, path).header("content-type", "application/json");
        self.send(request.body(Body::from(json.to_owned())).unwrap()).await
    }

    /// Hands in a bare XML body for `stadt-a` and returns its answer.
    pub(super) async fn hand_in(&self, query: &str) -> Value {
        let path = format!("/v1/submissions?service={SERVICE}&area=15091{query}");
        let request = as_client("POST", "portal", &path).header("content-type", "application/xml");
        let answered = self.send(request.body(Body::from("<a/>")).unwrap()).await;
        assert_eq!(answered.status, StatusCode::ACCEPTED, "{}", answered.text());
        answered.json()
    }

    /// Hands in, makes of the one delivery what `change` says, and returns its id.
    pub(super) async fn delivery(&self, change: impl FnOnce(&mut Delivery)) -> String {
        let answer = self.hand_in("").await;
        let id = self.delivery_of(answer["id"].as_str().unwrap()).await;
        self.change(&id, change);
        id
    }

    /// Makes something of a delivery.
    pub(super) fn change(&self, id: &str, change: impl FnOnce(&mut Delivery)) {
        self.memory.change(id, change);
    }

    /// The time here, which stands still.
    pub(super) fn now(&self) -> Timestamp {
        self.memory.now()
    }

    /// The one delivery of a submission.
    pub(super) async fn delivery_of(&self, id: &str) -> String {
        let submission = self.get("viewer", &format!("/v1/submissions/{id}")).await.json();
        submission["deliveries"][0]["id"].as_str().unwrap().to_owned()
    }
}

pub(super) async fn answered(service: Router, request: Request<Body>) -> Answered {
    let response = service.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answered { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
}

pub(super) fn as_client(method: &str, client: &str, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer token-{client}"))
}

pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answered {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The last word of a problem's `type`.
    pub(super) fn slug(&self) -> String {
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{}", self.text());
        let json = self.json();
        assert_eq!(json["status"], self.status.as_u16());
        assert!(json["detail"].is_string() && json["meldung"].is_string());
        json["type"].as_str().unwrap().strip_prefix("urn:rohrpost:problem:").unwrap().to_owned()
    }
}

pub(super) fn limits() -> Limits {
    Limits {
        data_bytes: 100_000,
        attachment_bytes: 1_000_000,
        attachments: 3,
        depth: 64,
        receive: Duration::from_secs(20),
    }
}

fn catalog(limits: Limits, target: Arc<Stubborn>) -> Catalog {
    let tenant = |name: &str, area: &str| Tenant {
        name: name.parse().unwrap(),
        title: name.into(),
        areas: vec![area.parse().unwrap()],
        stage: rohrpost_model::route::Stage::Live,
    };
    let tenants = [tenant("stadt-a", "15091*"), tenant("stadt-b", "14*")];
    Catalog {
        tenants: tenants.into_iter().map(|tenant| (tenant.name.clone(), tenant)).collect(),
        clients: clients(),
        routes: BTreeMap::new(),
        destinations: destinations(target),
        mappings: BTreeMap::new(),
        seals: BTreeMap::new(),
        responsibilities: rohrpost_model::responsibility::Responsibilities::default(),
        limits,
    }
}

fn clients() -> BTreeMap<ClientName, Client> {
    let mut clients: BTreeMap<ClientName, Client> = BTreeMap::new();
    for (name, tenant, roles) in CLIENTS {
        let tokens = vec![Digest::of(format!("token-{name}").as_bytes())];
        let name: ClientName = name.parse().unwrap();
        let grant = Grant {
            tenants: [tenant.parse().unwrap()].into(),
            roles: roles.iter().copied().collect(),
            services: [].into(),
        };
        let client = Client { name: name.clone(), tokens, grants: Vec::new() };
        clients.entry(name).or_insert(client).grants.push(grant);
    }
    clients
}
