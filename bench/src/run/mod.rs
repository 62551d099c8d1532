//! The run: starts what it needs, each a process of its own on this machine, measures hub and bare loop in turn, and
//! reconciles what was acknowledged with what arrived.

mod facts;
mod measure;
mod process;
mod report;
mod setup;

use crate::Result;
use facts::Facts;
use measure::{Measured, Under};
use report::Report;
use setup::{Setup, Variant};
use std::path::PathBuf;

/// What is measured.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The hub to measure.
    #[arg(long, default_value = "target/release/rohrpost")]
    pub(crate) hub: PathBuf,
    /// The project's folder `bench`.
    #[arg(long, default_value = "bench")]
    pub(crate) bench: PathBuf,
    /// Where data are kept while it runs; the disk that is measured.
    #[arg(long, default_value = "target/bench")]
    pub(crate) folder: PathBuf,
    /// Submissions of one measurement.
    #[arg(long, default_value_t = 6000)]
    pub(crate) count: usize,
    /// How often hub and bare loop are measured in turn.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Only the ratio of hub and bare loop: no latencies, no full store.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only this variant.
    #[arg(long, value_enum)]
    pub(crate) variant: Option<Variant>,
    /// A store with a million finished and 100,000 waiting deliveries, in the place of 100,000 and 10,000.
    #[arg(long)]
    pub(crate) full: bool,
    /// Another hub to measure in the place of the bare loop: what a change brings.
    #[arg(long)]
    pub(crate) beside: Option<PathBuf>,
    /// A file that the results are written to as Markdown.
    #[arg(long)]
    pub(crate) markdown: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut report = Report::new(Facts::gather(&arguments.folder)?);
    for variant in Variant::ALL.into_iter().filter(|one| arguments.variant.is_none_or(|only| only == *one)) {
        measure_variant(arguments, variant, &mut report)?;
    }
    if !arguments.quick {
        measure_full_store(arguments, &mut report)?;
    }
    let text = report.markdown();
    println!("\n{text}");
    if let Some(file) = &arguments.markdown {
        std::fs::write(file, text)?;
    }
    report.faults()
}

fn measure_variant(arguments: &Arguments, variant: Variant, report: &mut Report) -> Result<()> {
    let setup = Setup::make(arguments, variant.name())?;
    let hub = setup.start_hub()?;
    report.idle(variant, hub.memory("VmRSS")?);
    let bare = setup.start_beside(variant)?;
    report.begin(format!("{} · empty store", variant.title()));
    in_turn(arguments, &setup, (&hub, &bare), variant, report)?;
    if !arguments.quick {
        latencies(arguments, &setup, &hub, variant, report)?;
    }
    report.peak(variant, hub.memory("VmHWM")?, bare.memory("VmHWM")?);
    Ok(())
}

/// Hub and bare loop in turn, so that what else the machine does meets both.
fn in_turn(
    arguments: &Arguments,
    setup: &Setup,
    (hub, bare): (&Under, &Under),
    variant: Variant,
    report: &mut Report,
) -> Result<()> {
    let count = arguments.count;
    for under in [hub, bare] {
        let warm = setup.load(under, variant, 16, count / 10, None)?;
        report.note(under, "warm-up", &warm);
    }
    for _ in 0..arguments.rounds {
        for under in [hub, bare] {
            report.add(under, setup.load(under, variant, 16, count, None)?);
        }
    }
    Ok(())
}

/// Latency of acceptance by 1 and 64 senders, and at half of what 16 senders reached.
fn latencies(
    arguments: &Arguments,
    setup: &Setup,
    hub: &Under,
    variant: Variant,
    report: &mut Report,
) -> Result<()> {
    let one: Measured = setup.load(hub, variant, 1, arguments.count / 4, None)?;
    report.latency("1 sender", hub, one);
    let many = setup.load(hub, variant, 64, arguments.count, None)?;
    report.latency("64 senders", hub, many);
    let half = report.hub_rate() / 2.0;
    let at_half = setup.load(hub, variant, 16, arguments.count, Some(half))?;
    report.latency(&format!("16 senders, half of saturation ({half:.0}/s)"), hub, at_half);
    Ok(())
}

/// The same with a store that has grown, and the start of a hub on it.
fn measure_full_store(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let (finished, waiting) = if arguments.full { (1_000_000, 100_000) } else { (100_000, 10_000) };
    let variant = arguments.variant.unwrap_or(Variant::Plain);
    let setup = Setup::make(arguments, "filled")?;
    drop(setup.start_hub()?); // it makes the secrets
    let mut looks = Vec::new();
    let mut wait = 0;
    for level in [1_000, waiting] {
        setup.fill(0, level - wait)?;
        wait = level;
        looks.push((level, setup.look()?));
    }
    report.line(format!("Filled: {}", setup.fill(finished, 0)?.trim()));
    let hub = setup.start_hub()?;
    report.line(format!("Start of the hub on it: {:.2} s", hub.started_in));
    let bare = setup.start_beside(variant)?;
    report.begin(format!("{} · {finished} finished and {waiting} waiting", variant.title()));
    in_turn(arguments, &setup, (&hub, &bare), variant, report)?;
    report.line(format!("Peak memory of the hub on it: {:.0} MB", hub.memory("VmHWM")?));
    drop(hub);
    if arguments.full {
        setup.fill(0, 1_000_000 - waiting)?;
        looks.push((1_000_000, setup.look()?));
    }
    report.looks(looks);
    Ok(())
}
