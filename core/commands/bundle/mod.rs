//! `rohrpost bundle export|import`: routes from one hub to another. What is told is German, because operators read it.

mod export;
mod import;

use super::Context;
use crate::faults::Stop;

/// Hand routes over to another hub in one signed file, or take what another hub handed over.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Write routes with their mappings, schemas, code lists and cases into one signed file, without secrets and addresses.
    Export(export::Arguments),
    /// Verify such a file, show what it needs and what it would change, and take it with --apply.
    Import(import::Arguments),
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    match &arguments.what {
        What::Export(arguments) => export::run(arguments, context),
        What::Import(arguments) => import::run(arguments, context),
    }
}
