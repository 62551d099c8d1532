//! Arguments → load → check → assemble → run. The only place that reads arguments and environment.
//!
//! Exit codes: 0 success, 1 a fault was found or the answer is no, 2 wrong use.

mod activation;
mod assemble;
mod bundles;
mod clock;
mod commands;
mod config;
mod difference;
#[cfg(test)]
mod echo;
mod faults;
mod heads;
mod hub;
mod listeners;
mod restore;
mod scaffold;
mod standards;

use clap::Parser;
use commands::{Command, Context};
use faults::Stop;
use std::io::{ErrorKind, Write, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// For the C libraries, too: libxml2 allocates each node of a tree.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Integration hub between service portals and the Fachverfahren, DMS and post boxes of German municipalities.
#[derive(Parser)]
#[command(name = "rohrpost", version, arg_required_else_help = true)]
struct Arguments {
    /// The configuration folder.
    #[arg(long, global = true, value_name = "DIR", default_value = "config")]
    config: PathBuf,
    /// Print for machines.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json;
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            // Where stderr is gone, the exit code still tells.
            let _ = stop.print(json, &mut stderr().lock());
            stop.code()
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Stop> {
    let mut out = stdout().lock();
    let mut context = Context {
        folder: arguments.config,
        json: arguments.json,
        environment,
        clock: Arc::new(clock::SystemClock),
        out: &mut out,
    };
    arguments.command.run(&mut context)?;
    match out.flush() {
        // The reader has seen enough (`| head`).
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is main: the one place that reads the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
