//! What every store has to keep, whatever it is made of: functions over the ports. A store runs them all through
//! `conformance!`.

pub(crate) mod blobs;
mod cases;
pub(crate) mod commands;
pub(crate) mod configurations;
pub(crate) mod dependents;
pub(crate) mod identifiers;
pub(crate) mod operations;
pub(crate) mod order;
pub(crate) mod outbox;
pub(crate) mod progress;
pub(crate) mod records;
pub(crate) mod sample;

use async_trait::async_trait;
use rohrpost_model::ports::{Blobs, Commands, Configurations, Outbox, Records, Vault, Versions};
use std::sync::Arc;

pub(crate) use cases::{cases, conformance};

/// The ports of one open store.
pub(crate) struct Ports {
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) records: Arc<dyn Records>,
    pub(crate) commands: Arc<dyn Commands>,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) versions: Arc<dyn Versions>,
    pub(crate) configurations: Arc<dyn Configurations>,
    pub(crate) vault: Arc<dyn Vault>,
}

/// A place where one store lives over several openings.
#[async_trait]
pub(crate) trait Stand: Send + Sync {
    /// Opens the store. The ports of the opening before were dropped.
    async fn open(&self) -> Ports;
}
