//! Measures the hub beside a bare loop, each in a process of its own. `rohrpost-bench run` does it all; see `README.md`.
//!
//! | To find | Look in |
//! |---|---|
//! | the run: what is measured in which order | [`run`] |
//! | the senders | [`load`], [`message`] |
//! | the target that counts | [`sink`] |
//! | the bare loop that results are compared with | [`bare`] |
//! | a store that is already full | [`fill`] |
//! | what mapping and seal cost by themselves | [`pieces`] |
//! | processor time | [`processor`] |
//! | the mapping beside xsltproc | [`beside`] |
//!
//! Nothing of the hub depends on this crate.

mod bare;
mod beside;
mod clock;
mod fill;
mod http;
mod load;
mod message;
mod pieces;
mod processor;
mod run;
mod sink;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The hub's; libxml2 gets it, too.
#[cfg(feature = "hub-allocator")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What can go wrong in a bench ends it; nobody handles it.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Parser)]
#[command(name = "rohrpost-bench", about = "Measures the hub beside a bare loop")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts hub, bare loop, sink and senders, measures, reconciles, and prints a table.
    Run(run::Arguments),
    /// Hands in submissions and prints what came of it as JSON.
    Load(load::Arguments),
    /// Takes documents, answers 200 at once, and counts.
    Sink(sink::Arguments),
    /// The bare loop: log, map, send, log.
    Bare(bare::Arguments),
    /// Fills the store of a hub that is not running.
    Fill(fill::Arguments),
    /// Measures what mapping and seal cost on one thread.
    Pieces(pieces::Arguments),
    /// Measures a mapping beside xsltproc, and on all processors.
    Beside(beside::Arguments),
    /// Measures how long the store's questions for the next work take.
    Look(fill::LookArguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Load(arguments) => load::run(&arguments),
        Command::Sink(arguments) => sink::run(&arguments),
        Command::Bare(arguments) => bare::run(&arguments),
        Command::Fill(arguments) => fill::run(&arguments),
        Command::Pieces(arguments) => pieces::run(&arguments),
        Command::Beside(arguments) => beside::run(&arguments),
        Command::Look(arguments) => fill::look(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("rohrpost-bench: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// A runtime on one thread: senders and sink leave the machine to what is measured.
pub(crate) fn small_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
