//! Listeners, TLS, authentication and the REST API: the hub's public face.
//!
//! | To find | Look in |
//! |---|---|
//! | which routes there are | [`routes`] |
//! | how a submission comes in | `submit`, `parts`, `metadata` |
//! | where inbound endpoints of adapters hand in | `desk` |
//! | what a person asks: of one delivery, of a destination, of many deliveries | `commands`, `destinations`, `orders` |
//! | a changed configuration, and those from before | `activate`, `configurations` |
//! | what waits to be fetched | `mailboxes` |
//! | answers in a case | `replies`, `reply_shapes` |
//! | places that the hub fetches from | [`sources`], `source_shapes` |
//! | a dry run under the active configuration | `trace`, [`trace_shapes`] |
//! | who may do what | `caller` |
//! | what an error looks like | [`problem`], `refusal` |
//! | what answers look like | [`shapes`] |
//! | sockets, time-outs, TLS | [`listener`], [`tls`], [`client_certificates`] |
//! | what inbound endpoints of adapters are served behind | [`endpoint`], [`proxies`], `paced` |
//!
//! The gateway decides nothing about a submission: it authenticates, limits, takes in and asks the engine. It logs and
//! counts words, names and ids only, never what was handed in (promise H10).

mod activate;
mod audit;
mod caller;
pub mod client_certificates;
mod commands;
mod configuration_shapes;
mod configurations;
mod content;
mod desk;
mod destination_orders;
mod destinations;
pub mod endpoint;
mod fields;
mod file_name;
mod json_body;
mod lent;
pub mod listener;
mod mailbox_shapes;
mod mailboxes;
mod measures;
mod metadata;
pub mod notifications;
mod openapi;
mod operations;
mod order_shapes;
mod orders;
mod paced;
mod pages;
mod parts;
mod probe;
pub mod problem;
pub mod proxies;
mod reads;
mod refusal;
mod replies;
mod reply_shapes;
pub mod routes;
pub mod shapes;
mod source_shapes;
pub mod sources;
mod submit;
#[cfg(test)]
mod tests;
pub mod tls;
mod trace;
mod trace_report;
pub mod trace_shapes;

pub use activate::{Activation, ActivationReport, By, RollbackFault, Side};
pub use client_certificates::ClientCertificates;
pub use configuration_shapes::{Difference, FileDifference};
pub use endpoint::{Door, Endpoint, serve_endpoint};
pub use listener::{ListenFault, Listener, serve_api, serve_operations};
pub use measures::install_metrics;
pub use probe::ProbeReport;
pub use proxies::Proxy;
pub use sources::{AllFetching, Fetching, Sources};
pub use tls::{TlsFault, TlsIdentity};

use metrics_exporter_prometheus::PrometheusHandle;
use rohrpost_engine::Engine;
use rohrpost_engine::probe::Probes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Everything that the listeners need. One per process.
pub struct Gateway {
    engine: Arc<Engine>,
    activation: Arc<dyn Activation>,
    health: Arc<Health>,
    metrics: PrometheusHandle,
    settings: Settings,
    /// The right to hand in: bounds how many submissions are taken in at one time.
    intakes: Arc<Semaphore>,
    /// Bounds how many probes run at one time.
    probes: Probes,
    sources: Arc<Sources>,
}

impl Gateway {
    /// A gateway to `engine`; `metrics` is what [`install_metrics`] returned.
    pub fn new(
        engine: Arc<Engine>,
        activation: Arc<dyn Activation>,
        health: Arc<Health>,
        metrics: PrometheusHandle,
        settings: Settings,
    ) -> Arc<Self> {
        let intakes = Arc::new(Semaphore::new(settings.submissions_at_once));
        let (probes, sources) = (Probes::default(), Arc::default());
        Arc::new(Self { engine, activation, health, metrics, settings, intakes, probes, sources })
    }
}

impl Gateway {
    /// Places that it fetches from.
    pub const fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }
}

/// Bounds of the listeners.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Connections held at one time, per listener; the next ones wait in the system's backlog.
    pub connections: usize,
    /// Submissions taken in at one time; beyond, a sender is answered 503 with `Retry-After`. Each may hold its data
    /// part in memory, so this times `limits.data_bytes` is the most that intake can use.
    pub submissions_at_once: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long a client may take to send the head of a request, and how long it may keep an idle connection.
    pub head: Duration,
    /// How long the body of a request at an endpoint of an adapter may rest between two pieces. (The API has
    /// `limits.receive` for the whole.)
    pub piece: Duration,
    /// How long requests under way may take to end once the hub stops.
    pub drain: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections: 1024,
            submissions_at_once: 64,
            handshake: Duration::from_secs(5),
            head: Duration::from_secs(30),
            piece: Duration::from_secs(30),
            drain: Duration::from_secs(30),
        }
    }
}

/// Whether the hub is ready for work; `/readyz` tells it.
#[derive(Debug, Default)]
pub struct Health {
    ready: AtomicBool,
}

impl Health {
    /// Says that the hub has recovered (`true`), or is stopping (`false`).
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    /// Whether the hub is ready.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }
}
