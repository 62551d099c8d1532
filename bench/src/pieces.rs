//! What the pieces of one submission's way cost on one thread, in processor time: the part of it that hub and bare loop
//! share. Processor time hardly depends on what else the machine does.

use crate::bare::{compile, seal};
use crate::{Result, message, processor};
use rohrpost_mappings::{Facts, Limits, Mapping, Xml, XmlLimits};
use std::path::PathBuf;

/// What is measured.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The folder of the mapping.
    #[arg(long)]
    mapping: PathBuf,
    /// Key (PEM) of the seal, with `--certificate`.
    #[arg(long, requires = "certificate")]
    key: Option<PathBuf>,
    /// Certificate (PEM) of the seal.
    #[arg(long)]
    certificate: Option<PathBuf>,
    /// So often.
    #[arg(long, default_value_t = 2000)]
    count: usize,
}

/// As much stack as a transform wants: with less it would run on a thread made for it, and not be counted here.
const STACK: usize = 64 << 20;

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let arguments = arguments.clone();
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || pieces(&arguments))?;
    thread.join().map_err(|_| "the measurement panicked")?
}

fn pieces(arguments: &Arguments) -> Result<()> {
    let mapping: Mapping = compile(&arguments.mapping)?;
    let identity = arguments.key.as_ref().zip(arguments.certificate.as_ref());
    let seal = identity.map(|(key, certificate)| seal(key, certificate)).transpose()?;
    let data = message::notice(1);
    let (limits, count) = (XmlLimits::default(), arguments.count);
    let facts = Facts { case: Facts::sample().submission_id, ..Facts::sample() };
    let xml = Xml::parse(&data, &limits)?;
    let document = mapping.apply(&xml, &facts, &Limits::default())?;
    println!(
        "submission {} bytes, document {} bytes; µs of processor time for each",
        data.len(),
        document.len()
    );
    piece("parse", count, || Ok(Xml::parse(&data, &limits)?))?;
    if let Some(schema) = mapping.source_schema() {
        piece("validate the source", count, || Ok(schema.validate(&xml)))?;
    }
    piece("apply, source valid", count, || Ok(mapping.apply_valid(&xml, &facts, &Limits::default())?))?;
    piece("look at the output", count, || Ok(Xml::check(&document, &limits)?))?;
    if let Some(seal) = seal {
        piece("seal", count, || Ok(seal.seal(&document)?))?;
    }
    Ok(())
}

fn piece<T>(name: &str, count: usize, mut once: impl FnMut() -> Result<T>) -> Result<()> {
    let before = processor::of_thread()?;
    for _ in 0..count {
        once()?;
    }
    println!("{name:22} {:8.1}", (processor::of_thread()? - before) / count as f64);
    Ok(())
}
