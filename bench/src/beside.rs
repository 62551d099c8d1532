//! The mapping beside `xsltproc --repeat`, on the same stylesheet and document, in turn; and how it grows with threads.
//!
//! Both parse the document and apply the stylesheet each time. The hub's crate counts operations and memory besides, writes
//! the output and looks whether it is well-formed, which xsltproc is spared.

use crate::bare::compile;
use crate::{Result, clock, message};
use rohrpost_mappings::{Facts, Limits, Mapping, Xml, XmlLimits};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// What is measured.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The folder of a mapping without schemas, whose stylesheet sees the data.
    #[arg(long, default_value = "bench/mappings/plain")]
    mapping: PathBuf,
    /// Rounds of both in turn.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

/// xsltproc repeats a document so often where `--repeat` is given twice.
const REPEATED: usize = 100;

/// So many documents one xsltproc gets, so that its start counts for little.
const DOCUMENTS: usize = 10;

/// As much stack as a transform wants: with less it would run on a thread made for it.
const STACK: usize = 64 << 20;

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mapping = Arc::new(compile(&arguments.mapping)?);
    let data: Arc<[u8]> = Arc::from(message::notice(1).as_ref());
    let folder = std::env::temp_dir().join(format!("rohrpost-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("data.xml");
    std::fs::write(&file, &data)?;
    let threads = std::thread::available_parallelism()?.get();
    let mut rounds = Vec::new();
    for round in 1..=arguments.rounds {
        let theirs = xsltproc(&arguments.mapping.join("transform.xsl"), &file)?;
        let one = ours(&mapping, &data, 1)?;
        let all = ours(&mapping, &data, threads)?;
        println!(
            "round {round}: xsltproc {theirs:.0}/s, one thread {one:.0}/s, {threads} threads {all:.0}/s"
        );
        rounds.push((one / theirs, all / one));
    }
    std::fs::remove_dir_all(&folder)?;
    let ratios = |of: fn(&(f64, f64)) -> f64| median(rounds.iter().map(of).collect());
    println!("a document of {} bytes; medians of {} rounds in turn", data.len(), arguments.rounds);
    println!("one thread beside xsltproc: {:.2}", ratios(|(beside, _)| *beside));
    println!("{threads} threads beside one: {:.2}", ratios(|(_, grown)| *grown));
    Ok(())
}

/// Documents per second of `xsltproc --repeat`.
fn xsltproc(stylesheet: &Path, document: &Path) -> Result<f64> {
    let mut command = Command::new("xsltproc");
    command.args(["--repeat", "--repeat", "--noout"]).arg(stylesheet);
    command.args(std::iter::repeat_n(document, DOCUMENTS)).stdout(Stdio::null());
    let begun = clock::instant();
    let ended = command.status()?;
    if !ended.success() {
        return Err(format!("xsltproc: {ended}").into());
    }
    Ok((REPEATED * DOCUMENTS) as f64 / clock::since(begun))
}

/// Documents per second of the hub's crate on so many threads.
fn ours(mapping: &Arc<Mapping>, data: &Arc<[u8]>, threads: usize) -> Result<f64> {
    let begun = clock::instant();
    let works = (0..threads).map(|_| {
        let (mapping, data) = (Arc::clone(mapping), Arc::clone(data));
        let work = move || (0..REPEATED * DOCUMENTS).try_for_each(|_| apply(&mapping, &data));
        std::thread::Builder::new().stack_size(STACK).spawn(work)
    });
    for work in works.collect::<std::io::Result<Vec<_>>>()? {
        work.join().map_err(|_| "a measurement panicked")??;
    }
    Ok((REPEATED * DOCUMENTS * threads) as f64 / clock::since(begun))
}

fn apply(mapping: &Mapping, data: &[u8]) -> std::result::Result<(), String> {
    let xml = Xml::parse(data, &XmlLimits::default()).map_err(|bad| bad.to_string())?;
    let made = mapping.apply_valid_once(xml, &Facts::sample(), &Limits::default());
    made.map(drop).map_err(|fault| fault.to_string())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
