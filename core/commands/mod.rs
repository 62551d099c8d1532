//! One file per command. A new one is a file, a line in [`Command`] and a line in [`Command::run`].

pub mod api;
mod audit;
mod bundle;
mod check;
mod config;
mod demo;
mod init;
mod library;
mod map;
mod new;
mod probe;
mod queue;
mod resolve;
pub mod send;
mod serve;
mod sign;
mod standard;
mod submission;
mod table;
mod test;
mod trace;
mod validate;
mod verify;
mod xta;

use crate::assemble::ALL;
use crate::config::{Configuration, Environment, FileSecrets, demo_secrets, is_demo, load, write_whole};
use crate::faults::Stop;
use crate::hub::Start;
use crate::restore;
use rohrpost_model::ports::Clock;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What can be asked of the program.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Write a fresh configuration.
    Init(init::Arguments),
    /// Write a new destination, listener, source, mapping or route that passes `check`, to be changed by hand.
    New(new::Arguments),
    /// Run the hub until it is asked to end.
    Serve(serve::Arguments),
    /// Run the hub on the shipped configuration with simulated partners.
    Demo(demo::Arguments),
    /// Have the running hub take a changed configuration or one from before; see which were active.
    Config(config::Arguments),
    /// Check configuration, mappings, schemas, keys and certificates; report every fault.
    Check(check::Arguments),
    /// Say who is responsible for a service in an area, and where a submission would go.
    Resolve(resolve::Arguments),
    /// Run the cases of mappings.
    Test(test::Arguments),
    /// Apply a mapping to a file.
    Map(map::Arguments),
    /// Check a file against a schema.
    Validate(validate::Arguments),
    /// Install published standards (XÖV) with their schemas and code lists; list and remove them.
    Standard(standard::Arguments),
    /// Hand routes over to another hub in one signed file, or take what another hub handed over.
    Bundle(bundle::Arguments),
    /// Sign a file with a configured seal.
    Sign(sign::Arguments),
    /// Verify a signed file.
    Verify(verify::Arguments),
    /// Hand in a submission at a running hub.
    Send(send::Arguments),
    /// See the way that a submission would take, with nothing sent and nothing kept.
    Trace(trace::Arguments),
    /// See what waits at a running hub and why; retry or discard it.
    Queue(queue::Arguments),
    /// Try a destination or a source step by step, without delivering or taking anything.
    Probe(probe::Arguments),
    /// Send to a partner's XTA server by hand, and look into a mailbox there.
    Xta(xta::Arguments),
    /// Prove that the history is the one that was written.
    Audit(audit::Arguments),
}

impl Command {
    /// Does it.
    pub fn run(self, context: &mut Context<'_>) -> Result<(), Stop> {
        match self {
            Self::Init(arguments) => init::run(&arguments, context),
            Self::New(arguments) => new::run(&arguments, context),
            Self::Serve(arguments) => serve::run(&arguments, context),
            Self::Demo(arguments) => demo::run(&arguments, context),
            Self::Config(arguments) => config::run(&arguments, context),
            Self::Check(arguments) => check::run(&arguments, context),
            Self::Resolve(arguments) => resolve::run(&arguments, context),
            Self::Test(arguments) => test::run(&arguments, context),
            Self::Map(arguments) => map::run(&arguments, context),
            Self::Validate(arguments) => validate::run(&arguments, context),
            Self::Standard(arguments) => standard::run(&arguments, context),
            Self::Bundle(arguments) => bundle::run(&arguments, context),
            Self::Sign(arguments) => sign::run(&arguments, context),
            Self::Verify(arguments) => verify::run(&arguments, context),
            Self::Send(arguments) => send::run(&arguments, context),
            Self::Trace(arguments) => trace::run(&arguments, context),
            Self::Queue(arguments) => queue::run(&arguments, context),
            Self::Probe(arguments) => probe::run(&arguments, context),
            Self::Xta(arguments) => xta::run(&arguments, context),
            Self::Audit(arguments) => audit::run(&arguments, context),
        }
    }
}

/// What commands work with: the parts of the world that only `main` touches.
pub struct Context<'a> {
    /// The configuration folder.
    pub folder: PathBuf,
    /// Print for machines.
    pub json: bool,
    /// Looks into the environment.
    pub environment: Environment,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where results go.
    pub out: &'a mut dyn Write,
}

impl Context<'_> {
    /// Fetches secrets.
    pub fn secrets(&self) -> FileSecrets<'_> {
        FileSecrets { folder: self.folder.clone(), environment: &self.environment }
    }

    /// The configuration, checked whole. The demo's gets its secrets first, so that it is right from the start.
    pub fn load(&self) -> Result<Configuration, Stop> {
        self.make_demo_secrets()?;
        Ok(load(&self.folder, &self.secrets(), ALL, &self.clock)?)
    }

    /// What a hub is started from: the configuration, and what loads it anew.
    pub fn start(&self) -> Result<Start, Stop> {
        let undone = restore::finish(&self.folder);
        undone.map_err(|error| {
            Stop::Failed(format!("ein Rückschritt ließ sich nicht zu Ende führen: {error}"))
        })?;
        let configuration = self.load()?;
        let (folder, clock) = (self.folder.clone(), Arc::clone(&self.clock));
        Ok(Start { folder, environment: self.environment, clock, configuration })
    }

    /// Makes what is missing of the demo's secrets, where the configuration is the demo's.
    pub fn make_demo_secrets(&self) -> Result<(), Stop> {
        if is_demo(&self.folder) {
            demo_secrets(&self.folder, self.clock.now()).map_err(|fault| {
                Stop::Failed(format!("the secrets of the demo could not be made: {fault}"))
            })?;
        }
        Ok(())
    }

    /// Prints a line.
    pub fn line(&mut self, text: impl std::fmt::Display) -> Result<(), Stop> {
        writeln!(self.out, "{text}").or_else(unless_gone)
    }

    /// Prints a value for machines in one line.
    pub fn compact_json(&mut self, value: &impl Serialize) -> Result<(), Stop> {
        let text = serde_json::to_string(value).map_err(|error| Stop::Failed(error.to_string()))?;
        self.line(text)
    }

    /// Has what was printed seen now.
    pub fn flush(&mut self) -> Result<(), Stop> {
        self.out.flush().or_else(unless_gone)
    }

    /// Prints a value for machines.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Stop> {
        let text = serde_json::to_string_pretty(value).map_err(|error| Stop::Failed(error.to_string()))?;
        self.line(text)
    }

    /// Puts a result into a file, whole or not at all, or prints it where none is named.
    pub fn put(&mut self, path: Option<&Path>, content: &[u8]) -> Result<(), Stop> {
        match path {
            Some(path) => write_whole(path, content, 0o644).map_err(|error| Stop::file(path, &error)),
            None => self.out.write_all(content).or_else(unless_gone),
        }
    }
}

/// Who reads the output has seen enough (`| head`): that is no failure.
fn unless_gone(error: std::io::Error) -> Result<(), Stop> {
    if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error.into()) }
}

/// Reads a file that was named on the command line.
pub fn read_file(path: &Path) -> Result<Vec<u8>, Stop> {
    std::fs::read(path).map_err(|error| Stop::file(path, &error))
}
