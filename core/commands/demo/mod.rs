//! `rohrpost demo`: the hub on the shipped configuration with a simulated DMS and payment provider, five submissions, one whole
//! case, and a word on where to look. What it does stands in [`story`] and [`whole_case`].

mod dms;
mod provider;
mod story;
mod whole_case;

use super::Context;
use crate::config;
use crate::faults::Stop;

/// How the demo ends.
#[derive(clap::Args)]
pub struct Arguments {
    /// End after the submissions, instead of waiting for Ctrl-C.
    #[arg(long)]
    once: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    if !config::is_demo(&context.folder) {
        let folder = context.folder.display();
        return Err(Stop::Usage(format!(
            "{folder} is not the demo's configuration (demo = true in hub.toml); use `serve`"
        )));
    }
    story::tell(arguments.once, context)
}
