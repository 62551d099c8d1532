//! What an adapter is that foreign systems call: an endpoint on a listener of the hub.

use crate::adapter::AdapterSource;
use axum::Router;
use rohrpost_model::ports::{Clock, Desk, Mailbox, Seal, SealForm};
use rohrpost_model::{ClientName, DestinationName, Fault};
use std::sync::Arc;
use toml::Spanned;

/// A protocol that foreign systems speak to the hub.
///
/// A listener's file (`config/listeners/NAME.toml`) says where the hub listens and with which certificate, names its
/// adapter's kind and has a table of that name, which belongs to the adapter: `adapter = "xta"` and `[xta]`. A new one
/// is one crate, its line in the root's `Cargo.toml`, and its line in the list in `core/assemble.rs`.
pub trait InboundAdapter: Send + Sync {
    /// The word in the configuration.
    fn kind(&self) -> &'static str;

    /// The table of a new listener with comments for whoever changes it, in German. `{{name}}` stands for its name.
    fn example(&self) -> &'static str;

    /// The JSON schema (draft 7) of the table, as [`Adapter::schema`](crate::Adapter::schema).
    fn schema(&self) -> &'static str;

    /// Checks the table wholly and makes its endpoint. It reads files and secrets, but opens no connection and changes
    /// nothing; it is called again for every new configuration. Returns every fault, not only the first.
    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Inbound>, Vec<Fault>>;
}

/// A configured endpoint.
pub trait Inbound: Send + Sync {
    /// What its table names of the rest of the configuration: each must be there.
    fn names(&self) -> Names<'_>;

    /// Its routes. Every request carries a [`Peer`](rohrpost_model::ports::Peer) among its extensions. Who that peer is,
    /// is the endpoint's business; what that client may do is decided by the ports of `hub`. Bodies come as streams
    /// without any limit but the endpoint's own.
    fn routes(&self, hub: Hub) -> Router;
}

/// What an endpoint's table names.
#[derive(Debug, Default)]
pub struct Names<'a> {
    /// Clients that it takes callers for.
    pub clients: Vec<&'a Spanned<ClientName>>,
    /// Mailboxes whose messages it hands out, each with the client that reads it.
    pub mailboxes: Vec<(&'a Spanned<DestinationName>, &'a ClientName)>,
    /// The one form of seal that its protocol has a place for; `None` where any will do.
    pub seal: Option<SealForm>,
}

/// What an endpoint may ask of the hub.
#[derive(Clone)]
pub struct Hub {
    /// Where it hands in.
    pub desk: Arc<dyn Desk>,
    /// What waits to be fetched.
    pub mailbox: Arc<dyn Mailbox>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Signs what the endpoint attests, where the listener names a seal.
    pub seal: Option<Arc<dyn Seal>>,
}
