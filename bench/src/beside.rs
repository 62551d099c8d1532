//! The mapping beside `xsltproc`, on the same stylesheet and document, in turn; and how it grows with threads.
//!
//! Measured is processor time, which hardly depends on what else the machine does; only how it grows with threads is
//! measured by the clock. `xsltproc --repeat` parses the document and applies the stylesheet each time, and writes no
//! output. Without `--repeat`, given the document often, it writes the output each time, as the hub's crate does. The
//! crate counts operations and memory besides, and looks at source and output, which xsltproc is spared either way.

use crate::bare::compile;
use crate::{Result, clock, message, processor};
use rohrpost_mappings::{Facts, Limits, Mapping, Xml, XmlLimits};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// What is measured.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The folder of a mapping without schemas, whose stylesheet sees the data.
    #[arg(long, default_value = "bench/mappings/plain")]
    mapping: PathBuf,
    /// Rounds of all in turn.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

/// xsltproc repeats a document so often where `--repeat` is given twice.
const REPEATED: usize = 100;

/// So many documents one xsltproc gets, so that its start counts for little.
const DOCUMENTS: usize = 10;

/// Whose allocator the mapping has; xsltproc has the C library's.
const ALLOCATOR: &str = if cfg!(feature = "hub-allocator") { "the hub's" } else { "the C library's" };

/// As much stack as a transform wants: with less it would run on a thread made for it.
const STACK: usize = 64 << 20;

/// Microseconds for each document in one round: processor time for the first three, by the clock for the others.
struct Round {
    repeated: f64,
    written: f64,
    ours: f64,
    one_thread: f64,
    all_threads: f64,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mapping = Arc::new(compile(&arguments.mapping)?);
    let data: Arc<[u8]> = Arc::from(message::notice(1).as_ref());
    let folder = std::env::temp_dir().join(format!("rohrpost-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("data.xml");
    std::fs::write(&file, &data)?;
    let threads = std::thread::available_parallelism()?.get();
    let stylesheet = arguments.mapping.join("transform.xsl");
    let rounds = (0..arguments.rounds).map(|_| round(&stylesheet, &file, &mapping, &data, threads));
    let rounds = rounds.collect::<Result<Vec<_>>>()?;
    std::fs::remove_dir_all(&folder)?;
    print(&rounds, data.len(), threads);
    Ok(())
}

fn round(
    stylesheet: &Path,
    file: &Path,
    mapping: &Arc<Mapping>,
    data: &Arc<[u8]>,
    threads: usize,
) -> Result<Round> {
    let (ours, one_thread) = threads_of(mapping, data, 1)?;
    let (_, all_threads) = threads_of(mapping, data, threads)?;
    let round = Round {
        repeated: xsltproc(&["--repeat", "--repeat", "--noout"], stylesheet, file, DOCUMENTS)?,
        written: xsltproc(&[], stylesheet, file, REPEATED * DOCUMENTS)?,
        ours,
        one_thread,
        all_threads,
    };
    println!(
        "xsltproc --repeat {:.0}, xsltproc that writes {:.0}, the mapping {:.0}; by the clock {:.0}, {threads} threads {:.0}",
        round.repeated, round.written, round.ours, round.one_thread, round.all_threads
    );
    Ok(round)
}

fn print(rounds: &[Round], length: usize, threads: usize) {
    let ratio = |of: fn(&Round) -> f64| median(rounds.iter().map(of).collect());
    println!(
        "µs for each document of {length} bytes; medians of {} rounds in turn, documents in the same time:",
        rounds.len()
    );
    println!("allocator: {ALLOCATOR}");
    println!("beside xsltproc --repeat: {:.2}", ratio(|round| round.repeated / round.ours));
    println!("beside xsltproc that writes: {:.2}", ratio(|round| round.written / round.ours));
    println!("{threads} threads beside one: {:.2}", ratio(|round| round.one_thread / round.all_threads));
}

/// Microseconds of processor time of one xsltproc for each of [`REPEATED`] times [`DOCUMENTS`], its start included.
fn xsltproc(options: &[&str], stylesheet: &Path, document: &Path, times: usize) -> Result<f64> {
    let mut command = Command::new("xsltproc");
    command.args(options).arg(stylesheet).args(std::iter::repeat_n(document, times)).stdout(Stdio::null());
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    // What an ended process took can be read until somebody takes notice of its end.
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    let taken = processor::of_process(child.id());
    let ended = child.wait()?;
    if !ended.success() {
        return Err(format!("xsltproc: {ended}").into());
    }
    Ok(taken? / (REPEATED * DOCUMENTS) as f64)
}

/// Microseconds of the hub's crate for each document: of a thread's processor time, and by the clock on so many threads.
fn threads_of(mapping: &Arc<Mapping>, data: &Arc<[u8]>, threads: usize) -> Result<(f64, f64)> {
    let begun = clock::instant();
    let works = (0..threads).map(|_| {
        let (mapping, data) = (Arc::clone(mapping), Arc::clone(data));
        std::thread::Builder::new().stack_size(STACK).spawn(move || work(&mapping, &data))
    });
    let mut taken = 0.0;
    for work in works.collect::<std::io::Result<Vec<_>>>()? {
        taken += work.join().map_err(|_| "a measurement panicked")??;
    }
    let documents = (REPEATED * DOCUMENTS * threads) as f64;
    Ok((taken / documents, clock::since(begun) * 1e6 / documents))
}

/// Microseconds of processor time for all documents of a thread.
fn work(mapping: &Mapping, data: &[u8]) -> Result<f64> {
    let before = processor::of_thread()?;
    for _ in 0..REPEATED * DOCUMENTS {
        let xml = Xml::parse(data, &XmlLimits::default())?;
        mapping.apply_valid_once(xml, &Facts::sample(), &Limits::default())?;
    }
    Ok(processor::of_thread()? - before)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
