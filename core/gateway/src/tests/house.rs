//! Two towns, their clients, and ports that keep everything in memory.

use super::probes::{Stubborn, destinations};
use crate::{Activation, ActivationReport, Gateway, Health, Settings, install_metrics, routes};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use bytes::Bytes;
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use metrics_exporter_prometheus::PrometheusHandle;
use rohrpost_engine::catalog::Catalog;
use rohrpost_engine::{Engine, Ports};
use rohrpost_model::client::{Grant, Role};
use rohrpost_model::limits::Limits;
use rohrpost_model::ports::*;
use rohrpost_model::route::Tenant;
use rohrpost_model::version::VersionKind;
use rohrpost_model::{
    CaseId, Client, ClientName, Delivery, DeliveryId, Digest, Fault, State, SubmissionId, TenantName,
    Timestamp,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::Duration;
use tower::ServiceExt as _;

pub(super) const SERVICE: &str = "99000000000000";

/// Who there is: name (its token is `token-` and the name), tenant, roles.
const CLIENTS: [(&str, &str, &[Role]); 7] = [
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
            blobs: memory.clone(),
            versions: memory.clone(),
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
    };
    let client = |(name, tenant, roles): (&str, &str, &[Role])| Client {
        name: name.parse().unwrap(),
        tokens: vec![Digest::of(format!("token-{name}").as_bytes())],
        grants: vec![Grant {
            tenants: [tenant.parse().unwrap()].into(),
            roles: roles.iter().copied().collect(),
            services: [].into(),
        }],
    };
    let tenants = [tenant("stadt-a", "15091*"), tenant("stadt-b", "14*")];
    let clients: Vec<Client> = CLIENTS.into_iter().map(client).collect();
    Catalog {
        tenants: tenants.into_iter().map(|tenant| (tenant.name.clone(), tenant)).collect(),
        clients: clients.into_iter().map(|client| (client.name.clone(), client)).collect(),
        routes: BTreeMap::new(),
        destinations: destinations(target),
        mappings: BTreeMap::new(),
        seals: BTreeMap::new(),
        limits,
    }
}

/// Keeps everything in memory, in plain. A submission without a route waits as parked.
#[derive(Default)]
struct Memory {
    kept: Mutex<Vec<Kept>>,
    largest_piece: Arc<AtomicUsize>,
}

struct Kept {
    view: SubmissionView,
    contents: Vec<Vec<u8>>,
    idempotency: Option<Idempotency>,
    history: Vec<HistoryEntry>,
}

impl Memory {
    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap()
    }

    fn seen<T>(&self, scope: &Scope, pick: impl Fn(&Kept) -> Option<T>) -> Vec<T> {
        let sees = |kept: &&Kept| scope.sees(&kept.view.submission.tenant, &kept.view.submission.client);
        self.kept().iter().filter(sees).filter_map(pick).collect()
    }
}

#[async_trait]
impl Outbox for Memory {
    async fn accept(&self, new: NewSubmission) -> Result<Acceptance, StoreFault> {
        let mut kept = self.kept();
        let key = |idempotency: &Option<Idempotency>| idempotency.map(|idempotency| idempotency.key);
        if new.idempotency.is_some()
            && let Some(first) = kept.iter().find(|kept| key(&kept.idempotency) == key(&new.idempotency))
        {
            let same = first.idempotency == new.idempotency;
            let answer = first.view.answer.clone();
            return Ok(if same { Acceptance::Repeated(answer) } else { Acceptance::OtherContent });
        }
        let answer = new.answer.clone();
        kept.push(Kept::new(new));
        Ok(Acceptance::Stored(answer))
    }

    async fn recover(&self, _: Timestamp, _: Timestamp) -> Result<u64, StoreFault> {
        Ok(0)
    }

    async fn claim(&self, _: &Wanted) -> Result<Vec<Claim>, StoreFault> {
        Ok(Vec::new())
    }

    async fn mark(&self, _: &mut Claim, _: Mark) -> Result<(), StoreFault> {
        Ok(())
    }

    async fn settle(&self, claim: Claim, _: &Settlement) -> Result<State, Box<Unsettled>> {
        Ok(claim.delivery.state)
    }

    async fn give_back(&self, _: Claim) {}

    async fn command(&self, scope: &Scope, command: Command) -> Result<CommandOutcome, StoreFault> {
        for kept in self.kept().iter_mut() {
            let submission = &kept.view.submission;
            let delivery = &mut kept.view.deliveries[0];
            if delivery.id != command.delivery || !scope.sees(&submission.tenant, &submission.client) {
                continue;
            }
            if delivery.state.is_end() {
                return Ok(CommandOutcome::Refused(delivery.state));
            }
            delivery.state = if command.order == Order::Retry { State::Due } else { State::Discarded };
            kept.history.push(HistoryEntry {
                at: command.at,
                event: None,
                state: delivery.state,
                cause: "command".into(),
                who: command.who,
                why: Some(command.why),
                reason: None,
            });
            return Ok(CommandOutcome::Done(delivery.state));
        }
        Ok(CommandOutcome::NotFound)
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreFault> {
        Ok(None)
    }
}

impl Kept {
    fn new(new: NewSubmission) -> Self {
        let mut submission = new.submission;
        for part in &mut submission.parts {
            part.location = Some(Location::Segment { segment: 0, offset: 0, length: part.size });
        }
        let plain = |content| match content {
            StagedContent::Small(bytes) => bytes,
            StagedContent::File(_) => panic!("nothing is staged in files here"),
        };
        let deliveries = new.deliveries.into_iter().map(|delivery| begun(&submission, delivery)).collect();
        Self {
            contents: new.contents.into_iter().map(plain).collect(),
            idempotency: new.idempotency,
            history: Vec::new(),
            view: SubmissionView {
                submission,
                answer: new.answer,
                key: new.wrapped_key,
                deliveries,
                erased_at: None,
            },
        }
    }
}

fn begun(submission: &rohrpost_model::Submission, new: NewDelivery) -> Delivery {
    Delivery {
        id: new.id,
        submission: submission.id,
        tenant: submission.tenant.clone(),
        case: submission.case.clone(),
        step: new.step,
        destination: new.destination,
        pinned: new.pinned,
        ordered: new.ordered,
        after: new.after,
        on: new.on,
        state: new.state,
        reason: new.reason,
        due_at: new.due_at,
        attempts: 0,
        document: None,
        receipt: None,
    }
}

#[async_trait]
impl Records for Memory {
    async fn submission(
        &self,
        scope: &Scope,
        id: SubmissionId,
    ) -> Result<Option<SubmissionView>, StoreFault> {
        Ok(self.seen(scope, |kept| (kept.view.submission.id == id).then(|| kept.view.clone())).pop())
    }

    async fn case(&self, scope: &Scope, case: &CaseId) -> Result<Vec<CaseView>, StoreFault> {
        let mut views: BTreeMap<TenantName, CaseView> = BTreeMap::new();
        for view in self.seen(scope, |kept| (&kept.view.submission.case == case).then(|| kept.view.clone())) {
            let tenant = view.submission.tenant.clone();
            let empty = CaseView { tenant: tenant.clone(), submissions: Vec::new() };
            views.entry(tenant).or_insert(empty).submissions.push(view);
        }
        Ok(views.into_values().collect())
    }

    async fn deliveries(
        &self,
        scope: &Scope,
        filter: &DeliveryFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, Delivery)>, StoreFault> {
        let fits = |delivery: &Delivery| filter.states.is_empty() || filter.states.contains(&delivery.state);
        let all = self.seen(scope, |kept| Some(kept.view.deliveries[0].clone()));
        let numbered =
            all.into_iter().enumerate().map(|(number, delivery)| (Cursor(number as u64 + 1), delivery));
        Ok(numbered
            .filter(|(cursor, delivery)| Some(*cursor) > after && fits(delivery))
            .take(limit)
            .collect())
    }

    async fn delivery(&self, scope: &Scope, id: DeliveryId) -> Result<Option<DeliveryDetail>, StoreFault> {
        let detail = |kept: &Kept| {
            let delivery = kept.view.deliveries.iter().find(|delivery| delivery.id == id)?.clone();
            Some(DeliveryDetail { delivery, attempts: Vec::new(), history: kept.history.clone() })
        };
        Ok(self.seen(scope, detail).pop())
    }

    async fn counts(&self) -> Result<Vec<StateCount>, StoreFault> {
        let count = self.kept().len() as u64;
        Ok(vec![StateCount { destination: None, state: State::Parked, count }])
    }
}

#[async_trait]
impl Blobs for Memory {
    fn stage(&self, _: Arc<dyn ContentKey>, _: Slot) -> Box<dyn Stage> {
        Box::new(Staging { taken: Vec::new(), largest_piece: Arc::clone(&self.largest_piece) })
    }

    async fn open(
        &self,
        _: Arc<dyn ContentKey>,
        slot: Slot,
        _: &Location,
    ) -> Result<ContentStream, StoreFault> {
        let Slot::Part(id, number) = slot else { panic!("only parts are kept here") };
        let bytes = self.seen(&Scope::Hub, |kept| {
            let parts = &kept.view.submission.parts;
            let index =
                parts.iter().position(|part| kept.view.submission.id == id && part.number == number)?;
            Some(kept.contents[index].clone())
        });
        Ok(futures::stream::iter(bytes).map(|bytes| Ok(Bytes::from(bytes))).boxed())
    }
}

struct Staging {
    taken: Vec<u8>,
    largest_piece: Arc<AtomicUsize>,
}

#[async_trait]
impl Stage for Staging {
    async fn write(&mut self, piece: Bytes) -> Result<(), StoreFault> {
        self.largest_piece.fetch_max(piece.len(), Ordering::Relaxed);
        self.taken.extend_from_slice(&piece);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<Staged, StoreFault> {
        let (size, sha256) = (self.taken.len() as u64, Digest::of(&self.taken));
        Ok(Staged { size, sha256, content: StagedContent::Small(self.taken) })
    }
}

#[async_trait]
impl Versions for Memory {
    async fn keep(&self, _: VersionKind, content: &[u8]) -> Result<Digest, StoreFault> {
        Ok(Digest::of(content))
    }

    async fn load(&self, _: VersionKind, _: &Digest) -> Result<Option<Vec<u8>>, StoreFault> {
        Ok(None)
    }
}

impl Vault for Memory {
    fn issue(&self, _: &TenantName, _: Timestamp) -> Result<Issued, VaultFault> {
        Ok(Issued { key: Arc::new(Plain), wrapped: WrappedKey { epoch: String::new(), bytes: Vec::new() } })
    }

    fn open(&self, _: &WrappedKey) -> Result<Arc<dyn ContentKey>, VaultFault> {
        Ok(Arc::new(Plain))
    }

    fn blind(&self, purpose: &str, value: &[u8]) -> Digest {
        Digest::of(&[purpose.as_bytes(), value].concat())
    }
}

/// No encryption at all.
struct Plain;

impl ContentKey for Plain {
    fn sealer(&self, _: &[u8]) -> Box<dyn StreamSealer> {
        Box::new(Self)
    }

    fn opener(&self, _: &[u8]) -> Box<dyn StreamOpener> {
        Box::new(Self)
    }
}

impl StreamSealer for Plain {
    fn push(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), VaultFault> {
        out.extend_from_slice(plain);
        Ok(())
    }

    fn finish(self: Box<Self>, _: &mut Vec<u8>) -> Result<(), VaultFault> {
        Ok(())
    }
}

impl StreamOpener for Plain {
    fn push(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), VaultFault> {
        out.extend_from_slice(sealed);
        Ok(())
    }

    fn finish(self: Box<Self>, _: &mut Vec<u8>) -> Result<(), VaultFault> {
        Ok(())
    }
}

#[async_trait]
impl Clock for Memory {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_795_000_000).unwrap()
    }

    async fn sleep_until(&self, _: Timestamp) {}
}

#[async_trait]
impl Audit for Memory {
    async fn head(&self) -> Result<Head, StoreFault> {
        Ok(Head { seq: 3, hash: Digest::of(b"3") })
    }

    async fn hash_at(&self, seq: u64) -> Result<Option<Digest>, StoreFault> {
        Ok((1..=3).contains(&seq).then(|| Digest::of(seq.to_string().as_bytes())))
    }
}

impl ReceiptSigner for Memory {
    fn sign(&self, statement: Statement, claims: &[u8]) -> Result<String, SealFault> {
        Ok(format!("{}.{}.x", statement.typ(), Digest::of(claims)))
    }
}

#[async_trait]
impl Activation for Memory {
    async fn activate(&self, who: &ClientName, why: &str) -> Result<ActivationReport, Vec<Fault>> {
        if why == "broken" {
            return Err(vec![Fault::at("routes/x.toml", 3, 7, "wrong").hint("right")]);
        }
        assert_eq!(who.as_str(), "operator");
        Ok(ActivationReport {
            version: "v1".into(),
            changed: true,
            needs_restart: Vec::new(),
            activated_at: self.now(),
        })
    }
}
