//! `rohrpost sign --seal NAME FILE [-o OUT]`.

use super::{Context, read_file};
use crate::faults::Stop;
use rohrpost_model::ports::Sealed;
use std::path::PathBuf;

/// Sign a file.
#[derive(clap::Args)]
pub struct Arguments {
    /// The configured seal.
    #[arg(long, value_name = "NAME")]
    seal: String,
    /// The file. For a seal of the form xml-dsig it must be XML.
    file: PathBuf,
    /// Where the signed document goes, or the detached signature (.p7s); without it, to standard output.
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let configuration = context.load()?;
    let seals = &configuration.catalog.seals;
    let seal = seals.get(arguments.seal.as_str()).ok_or_else(|| {
        let known: Vec<_> = seals.keys().map(|name| name.as_str()).collect();
        Stop::Usage(format!(
            "there is no seal `{}` for documents; known: {}",
            arguments.seal,
            known.join(", ")
        ))
    })?;
    let sealed = seal.seal(&read_file(&arguments.file)?);
    match sealed.map_err(|fault| Stop::Failed(format!("{}: {fault}", arguments.file.display())))? {
        Sealed::Enveloped(content) | Sealed::Detached(content) => {
            context.put(arguments.output.as_deref(), &content)
        }
    }
}
