//! Puts the house together. The only file that names every adapter.

use crate::config::{Adapters, Configuration, Hub, Listener};
use crate::faults::Stop;
use rohrpost_engine::{Engine, Ports};
use rohrpost_gateway::AllFetching;
use rohrpost_kit::{Adapter, InboundAdapter, SourceAdapter};
use rohrpost_model::ListenerName;
use rohrpost_model::ports::{Clock, StoreFault, Vault, VaultFault};
use rohrpost_seal::KeyFolder;
use rohrpost_store::{HeldDirectory, SqliteStore, StoreOptions, unopened};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// Every adapter that this hub knows. A new one is its crate, its line in `Cargo.toml`, and its line here.
pub const ADAPTERS: &[&dyn Adapter] = &[
    &rohrpost_adapter_amqp::AmqpExchange,
    &rohrpost_adapter_enaio::Enaio,
    &rohrpost_adapter_folder::Folder,
    &rohrpost_adapter_callback::Callback,
    &rohrpost_adapter_girocheckout::Girocheckout,
    &rohrpost_adapter_http::Http,
    &rohrpost_adapter_ipp::Ipp,
    &rohrpost_adapter_mailbox::Mailbox,
    &rohrpost_adapter_reply::Reply,
    &rohrpost_adapter_sftp::Sftp,
    &rohrpost_adapter_smtp::Smtp,
    &rohrpost_adapter_xbezahldienste::Xbezahldienste,
    &rohrpost_adapter_xta::XtaDestination,
];

/// Every adapter that foreign systems call. The same.
#[cfg(not(test))]
pub const INBOUND: &[&dyn InboundAdapter] = &[&rohrpost_adapter_xta::Xta];
/// What tests of the house have foreign systems call; it is in no binary.
#[cfg(test)]
pub const INBOUND: &[&dyn InboundAdapter] = &[&crate::echo::Echo];

/// Every adapter that fetches. The same.
pub const SOURCES: &[&dyn SourceAdapter] = &[
    &rohrpost_adapter_amqp::AmqpQueue,
    &rohrpost_adapter_folder::Hotfolder,
    &rohrpost_adapter_sftp::SftpInbox,
    &rohrpost_adapter_xta::XtaMailbox,
];

/// What is done by hand at an XTA server.
pub use rohrpost_adapter_xta as xta;

/// All of them.
pub const ALL: Adapters<'static> = Adapters { outbound: ADAPTERS, inbound: INBOUND, sources: SOURCES };

/// An engine on the keys and the data of a configuration. It has recovered, and delivers nothing yet.
pub struct House {
    /// The engine.
    pub engine: Arc<Engine>,
    /// What the hub itself needs.
    pub hub: Hub,
    /// Where foreign systems talk to the hub.
    pub listeners: BTreeMap<ListenerName, Listener>,
    /// Places that it fetches from.
    pub sources: AllFetching,
    /// Turns true when the store stops writing.
    pub store_stopped: watch::Receiver<bool>,
}

/// Builds the house on the keys and the data of this configuration.
pub async fn house(configuration: Configuration, clock: Arc<dyn Clock>) -> Result<House, Stop> {
    let Configuration { hub, catalog, listeners, sources, receipts, text, .. } = configuration;
    let data = hub.data.clone();
    let untold = |fault| refused(unopened(&hub.data, fault));
    // First of all: two processes that start at the same moment must not both make the keys.
    let held = off_runtime(move || HeldDirectory::take(&data).map_err(refused)).await?;
    let vault = Arc::new(KeyFolder::open(&hub.keys, &hub.hub_key).map_err(no_keys)?);
    let keys = Arc::clone(&vault) as Arc<dyn Vault>;
    let opening = move || SqliteStore::open_in(held, keys, StoreOptions::default()).map_err(refused);
    let store = off_runtime(opening).await?;
    let store_stopped = store.stopped();
    let ports = Ports {
        outbox: Arc::clone(&store) as _,
        records: Arc::clone(&store) as _,
        commands: Arc::clone(&store) as _,
        blobs: Arc::clone(&store) as _,
        audit: Arc::clone(&store) as _,
        versions: Arc::clone(&store) as _,
        configurations: store,
        vault,
        clock,
        receipts,
    };
    let engine = Engine::start(ports, catalog).await.map_err(untold)?;
    engine.recover().await.map_err(untold)?;
    engine.keep_started(text).await.map_err(untold)?;
    Ok(House { engine, hub, listeners, sources, store_stopped })
}

/// Runs what blocks off the runtime's threads.
async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Stop> + Send + 'static,
) -> Result<T, Stop> {
    tokio::task::spawn_blocking(work).await.map_err(|panic| Stop::Failed(panic.to_string()))?
}

/// What an operator reads where the keys cannot be used: the sentence alone, because it says what to do.
fn no_keys(fault: VaultFault) -> Stop {
    Stop::Failed(match fault {
        VaultFault::Unavailable(text) | VaultFault::WrongKey(text) | VaultFault::Damaged(text) => text,
        VaultFault::Destroyed => fault.to_string(),
    })
}

/// What an operator reads where the store cannot be used.
fn refused(fault: StoreFault) -> Stop {
    Stop::Failed(match fault {
        StoreFault::Unavailable(text)
        | StoreFault::Full(text)
        | StoreFault::Stopped(text)
        | StoreFault::Damaged(text) => text,
        other => other.to_string(),
    })
}
