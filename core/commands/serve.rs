//! `rohrpost serve`: runs the hub until it is asked to end (SIGTERM, Ctrl-C). SIGHUP loads the configuration anew.

use super::Context;
use crate::faults::Stop;
use crate::hub::{begin_log, runtime};
use serde::Serialize;
use std::net::SocketAddr;

/// Nothing but what every command takes.
#[derive(clap::Args)]
pub struct Arguments {}

#[derive(Serialize)]
struct Listening {
    api: SocketAddr,
    operations: SocketAddr,
}

/// Runs the command.
pub fn run(_: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let start = context.start()?;
    begin_log(start.configuration.hub.log);
    let scheme = if start.configuration.hub.tls.is_some() { "https" } else { "http" };
    runtime()?.block_on(async {
        let mut hub = start.run().await?;
        if context.json {
            context.compact_json(&Listening { api: hub.api, operations: hub.operations })?;
        } else {
            context.line(format!(
                "Rohrpost nimmt an: {scheme}://{}   Betrieb: http://{}",
                hub.api, hub.operations
            ))?;
        }
        context.flush()?;
        hub.until_asked_to_end().await;
        hub.end().await;
        Ok(())
    })
}
