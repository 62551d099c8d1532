//! The way of a submission: accept → route → (load → map → validate → seal → mark → deliver → judge → settle).
//!
//! The engine knows ports, never a store or an adapter. Its parts, in the order of a submission's life:
//!
//! | Module | Does |
//! |---|---|
//! | [`accept`] | admits, takes in, checks and keeps what a sender hands in |
//! | [`routing`] | finds tenant and route, plans the deliveries |
//! | [`dispatch`] | finds out who works on what next; each destination has a lane (`lanes`) with a gate (`gate`) |
//! | [`attempt`] | one attempt, a function that reads as the sentence above |
//! | [`prepare`] | load → map → validate → seal (`making`; `ahead` makes documents before they are wanted) |
//! | [`judge`] | what a target's answer means for the delivery |
//! | [`inquire`] | asks targets about unknown and awaiting deliveries |
//! | [`probe`] | tries a destination step by step |
//! | [`trace`] | tries the way of a submission, with nothing sent and nothing kept |
//! | [`content`] | hands stored content out again |
//! | `desk` | what a sender asks about what it handed in |
//! | `mailbox` | what waits to be fetched by its readers |
//! | [`notified`] | asks a target at once, because somebody outside said something of a delivery |
//! | `rules` | gives up what has not left in time |
//! | [`orders`] | carries out what persons ask |
//! | [`waiting`] | says why something waits |
//! | [`audit`] | signs heads of the history |
//! | [`configurations`] | keeps every configuration that becomes active, and forgets old ones |
//!
//! [`catalog`] is the active configuration, swapped whole.

pub mod accept;
mod ahead;
pub mod attempt;
pub mod audit;
pub mod catalog;
pub mod configurations;
pub mod content;
mod desk;
pub mod dispatch;
mod gate;
mod heavy;
mod inquire;
pub mod judge;
mod lanes;
mod mailbox;
mod making;
pub mod notified;
pub mod orders;
mod prepare;
pub mod probe;
pub mod routing;
mod rules;
pub mod trace;
mod valid;
pub mod waiting;
mod workers;

use arc_swap::ArcSwap;
use catalog::Catalog;
use rohrpost_model::destination::Destination;
use rohrpost_model::ports::{
    Audit, Blobs, Clock, Commands, Configurations, Outbox, ReceiptSigner, Records, StoreFault, Vault,
    Versions,
};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::Notify;
use workers::Workers;

/// What surrounds the engine.
pub struct Ports {
    /// What is kept.
    pub outbox: Arc<dyn Outbox>,
    /// The same, to read.
    pub records: Arc<dyn Records>,
    /// What persons ask for more than one delivery.
    pub commands: Arc<dyn Commands>,
    /// Content.
    pub blobs: Arc<dyn Blobs>,
    /// Pinned versions.
    pub versions: Arc<dyn Versions>,
    /// Configurations that were active.
    pub configurations: Arc<dyn Configurations>,
    /// Keys that content is encrypted with.
    pub vault: Arc<dyn Vault>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The chained history.
    pub audit: Arc<dyn Audit>,
    /// Signs receipts and heads of the history.
    pub receipts: Arc<dyn ReceiptSigner>,
}

/// The engine. One per process; everything on it may be called in parallel.
pub struct Engine {
    ports: Ports,
    catalog: ArcSwap<Catalog>,
    pinned: prepare::PinnedVersions,
    workers: Workers,
    /// How the hub's own step `unrouted` is served.
    unrouted: Destination,
    lanes: lanes::Lanes,
    known_valid: valid::KnownValid,
    /// Documents made before a place is free.
    ahead: ahead::Ahead,
    /// Something happened that the delivery loop may act on.
    wake: Arc<Notify>,
    /// Somebody gave an order for many deliveries.
    orders_wake: Notify,
    /// The hub stops: nothing is marked any more.
    stopping: AtomicBool,
}

impl Engine {
    /// An engine on these ports under this configuration. Keeps the configuration's versions before anything can be
    /// accepted under them.
    pub async fn start(ports: Ports, catalog: Catalog) -> Result<Arc<Self>, StoreFault> {
        catalog.keep_versions(ports.versions.as_ref()).await?;
        let no_threads = |error| StoreFault::Unavailable(format!("no threads for workers: {error}"));
        let engine = Self {
            ports,
            catalog: ArcSwap::from_pointee(catalog),
            pinned: prepare::PinnedVersions::default(),
            known_valid: valid::KnownValid::default(),
            ahead: ahead::Ahead::default(),
            workers: Workers::as_wide_as_the_machine().map_err(no_threads)?,
            unrouted: dispatch::unrouted_policy()?,
            lanes: lanes::Lanes::default(),
            wake: Arc::new(Notify::new()),
            orders_wake: Notify::new(),
            stopping: AtomicBool::new(false),
        };
        Ok(Arc::new(engine))
    }

    /// The active configuration.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full()
    }

    /// Swaps the configuration. What was accepted keeps the versions it pinned.
    pub async fn activate(&self, catalog: Catalog) -> Result<(), StoreFault> {
        catalog.keep_versions(self.ports.versions.as_ref()).await?;
        self.swap(catalog);
        Ok(())
    }

    fn swap(&self, catalog: Catalog) {
        self.catalog.store(Arc::new(catalog));
        self.wake.notify_one();
    }

    /// What is kept, to read.
    pub fn records(&self) -> &dyn Records {
        self.ports.records.as_ref()
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        self.ports.clock.as_ref()
    }
}
