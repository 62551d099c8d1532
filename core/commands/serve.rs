//! `rohrpost serve`: runs the hub until it is asked to end (SIGTERM, Ctrl-C). SIGHUP loads the configuration anew.

use super::Context;
use crate::faults::Stop;
use crate::hub::{begin_log, runtime};
use rohrpost_model::ListenerName;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// Nothing but what every command takes.
#[derive(clap::Args)]
pub struct Arguments {}

#[derive(Serialize)]
struct Listening {
    api: SocketAddr,
    operations: SocketAddr,
    listeners: BTreeMap<ListenerName, SocketAddr>,
}

/// Runs the command.
pub fn run(_: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let start = context.start()?;
    begin_log(start.configuration.hub.log);
    let scheme = if start.configuration.hub.tls.is_some() { "https" } else { "http" };
    let listeners = start.configuration.listeners.iter();
    let encrypted: BTreeSet<_> =
        listeners.filter(|(_, it)| it.tls.is_some()).map(|(name, _)| name.clone()).collect();
    runtime()?.block_on(async {
        let mut hub = start.run().await?;
        if context.json {
            let (api, operations, listeners) = (hub.api, hub.operations, hub.listeners.clone());
            context.compact_json(&Listening { api, operations, listeners })?;
        } else {
            context.line(format!(
                "Rohrpost nimmt an: {scheme}://{}   Betrieb: http://{}",
                hub.api, hub.operations
            ))?;
            for (name, address) in &hub.listeners {
                let scheme = if encrypted.contains(name) { "https" } else { "http" };
                context.line(format!("Anschluss {name}: {scheme}://{address}"))?;
            }
        }
        context.flush()?;
        hub.until_asked_to_end().await;
        hub.end().await;
        Ok(())
    })
}
