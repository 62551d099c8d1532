//! The way of a submission: accept → route → (load → map → validate → seal → mark → deliver → judge → settle).
//!
//! The engine knows ports, never a store or an adapter. Its parts, in the order of a submission's life:
//!
//! | Module | Does |
//! |---|---|
//! | [`accept`] | admits, takes in, checks and keeps what a sender hands in |
//! | [`routing`] | finds tenant and route, plans the deliveries |
//! | [`dispatch`] | finds out who works on what next |
//! | [`attempt`] | one attempt, a function that reads as the sentence above |
//! | [`prepare`] | load → map → validate → seal |
//! | [`judge`] | what a target's answer means for the delivery |
//! | [`inquire`] | asks targets about unknown and awaiting deliveries |
//! | [`content`] | hands stored content out again |
//!
//! [`catalog`] is the active configuration, swapped whole.

pub mod accept;
pub mod attempt;
pub mod catalog;
pub mod content;
pub mod dispatch;
mod inquire;
pub mod judge;
mod prepare;
pub mod routing;
mod valid;
mod workers;

use arc_swap::ArcSwap;
use catalog::Catalog;
use rohrpost_model::ports::{
    Blobs, Clock, Command, CommandOutcome, Order, Outbox, ReceiptSigner, Records, Scope, StoreFault, Vault,
    Versions,
};
use rohrpost_model::{ClientName, DeliveryId};
use std::sync::Arc;
use tokio::sync::Notify;
use workers::Workers;

/// What surrounds the engine.
pub struct Ports {
    /// What is kept.
    pub outbox: Arc<dyn Outbox>,
    /// The same, to read.
    pub records: Arc<dyn Records>,
    /// Content.
    pub blobs: Arc<dyn Blobs>,
    /// Pinned versions.
    pub versions: Arc<dyn Versions>,
    /// Keys that content is encrypted with.
    pub vault: Arc<dyn Vault>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Signs receipts.
    pub receipts: Arc<dyn ReceiptSigner>,
}

/// The engine. One per process; everything on it may be called in parallel.
pub struct Engine {
    ports: Ports,
    catalog: ArcSwap<Catalog>,
    pinned: prepare::PinnedVersions,
    workers: Workers,
    known_valid: valid::KnownValid,
    wake: Arc<Notify>,
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
            workers: Workers::as_wide_as_the_machine().map_err(no_threads)?,
            wake: Arc::new(Notify::new()),
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
        self.catalog.store(Arc::new(catalog));
        self.wake.notify_one();
        Ok(())
    }

    /// What is kept, to read.
    pub fn records(&self) -> &dyn Records {
        self.ports.records.as_ref()
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        self.ports.clock.as_ref()
    }

    /// Carries out what a person asked for one delivery, and wakes the delivery loop.
    pub async fn command(
        &self,
        scope: &Scope,
        delivery: DeliveryId,
        order: Order,
        who: &ClientName,
        why: String,
    ) -> Result<CommandOutcome, StoreFault> {
        let command = Command { delivery, order, who: who.to_string(), why, at: self.ports.clock.now() };
        let outcome = self.ports.outbox.command(scope, command).await?;
        self.wake.notify_one();
        Ok(outcome)
    }
}
