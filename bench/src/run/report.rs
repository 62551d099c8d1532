//! What was measured, for people.

use super::facts::Facts;
use super::measure::{Kind, Measured, Under};
use super::setup::Variant;
use crate::Result;
use std::fmt::Write as _;

/// Everything that was measured so far.
pub(crate) struct Report {
    facts: Facts,
    parts: Vec<Part>,
    lines: Vec<String>,
    faults: Vec<String>,
}

/// Hub and bare loop in turn on one store.
struct Part {
    title: String,
    /// What the hub is compared with.
    beside: &'static str,
    hub: Vec<Measured>,
    bare: Vec<Measured>,
    latencies: Vec<(String, Measured)>,
}

impl Report {
    pub(crate) fn new(facts: Facts) -> Self {
        Self { facts, parts: Vec::new(), lines: Vec::new(), faults: Vec::new() }
    }

    /// What follows is measured on this.
    pub(crate) fn begin(&mut self, title: String) {
        eprintln!("{title}");
        self.parts.push(Part { title, beside: "", hub: Vec::new(), bare: Vec::new(), latencies: Vec::new() });
    }

    /// One measurement of the part.
    pub(crate) fn add(&mut self, under: &Under, measured: Measured) {
        self.note(under, "16 senders", &measured);
        let Some(part) = self.parts.last_mut() else { return };
        match under.kind {
            Kind::Hub => part.hub.push(measured),
            Kind::Bare | Kind::OtherHub => {
                part.beside = name(under.kind);
                part.bare.push(measured);
            }
        }
    }

    /// A measurement of the hub's latency.
    pub(crate) fn latency(&mut self, title: &str, under: &Under, measured: Measured) {
        self.note(under, title, &measured);
        if let Some(part) = self.parts.last_mut() {
            part.latencies.push((title.to_owned(), measured));
        }
    }

    /// Tells what was measured, and keeps what must not be.
    pub(crate) fn note(&mut self, under: &Under, what: &str, measured: &Measured) {
        let Measured { load, .. } = measured;
        eprintln!(
            "  {:9} {what}: accepted {:.0}/s, delivered {:.0}/s, p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms, processor {:.2} ms, \
             commits {:.2}",
            name(under.kind),
            measured.accepted(),
            measured.delivered(),
            load.p50,
            load.p99,
            load.max,
            measured.processor,
            measured.commits
        );
        for fault in &measured.faults {
            self.faults.push(format!("{} ({what}): {fault}", name(under.kind)));
        }
        for (other, count) in &load.others {
            self.faults.push(format!("{} ({what}): {count} answered {other}", name(under.kind)));
        }
    }

    /// A line of its own.
    pub(crate) fn line(&mut self, line: String) {
        eprintln!("{line}");
        self.lines.push(line);
    }

    pub(crate) fn idle(&mut self, variant: Variant, memory: f64) {
        self.line(format!("Memory of the idle hub ({}): {memory:.0} MB", variant.title()));
    }

    pub(crate) fn peak(&mut self, variant: Variant, hub: f64, bare: f64) {
        self.line(format!("Peak memory ({}): hub {hub:.0} MB, beside it {bare:.0} MB", variant.title()));
    }

    /// How long the questions for the next work take at each level.
    pub(crate) fn looks(&mut self, looks: Vec<(usize, (f64, f64))>) {
        for (waiting, (claim, next)) in looks {
            self.line(format!(
                "Next work with {waiting} waiting: a look that reads the disk {claim:.0} µs, one that finds it in memory {next:.1} µs (medians)"
            ));
        }
    }

    /// What the hub delivered per second in the part, in the median.
    pub(crate) fn hub_rate(&self) -> f64 {
        self.parts.last().map_or(0.0, |part| median(part.hub.iter().map(Measured::delivered)))
    }

    /// All of it.
    pub(crate) fn markdown(&self) -> String {
        let mut text = self.facts.markdown();
        for part in &self.parts {
            text.push('\n');
            part.write(&mut text);
        }
        text.push('\n');
        for line in self.lines.iter().chain(&self.faults) {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "- {line}");
        }
        text
    }

    /// Whether anything was lost, doubled or refused.
    pub(crate) fn faults(&self) -> Result<()> {
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults.join("; ").into()) }
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Hub => "hub",
        Kind::Bare => "bare loop",
        Kind::OtherHub => "other hub",
    }
}

impl Part {
    fn write(&self, text: &mut String) {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "### {}\n", self.title);
        let _ =
            writeln!(text, "| 16 senders, medians | hub | {0} | hub / {0} |\n|---|---|---|---|", self.beside);
        let mut row = |what: &str, unit: &str, digits: usize, of: &dyn Fn(&Measured) -> f64| {
            let (hub, bare) = (median(self.hub.iter().map(of)), median(self.bare.iter().map(of)));
            let ratio = median(self.hub.iter().zip(&self.bare).map(|(hub, bare)| of(hub) / of(bare)));
            let _ = writeln!(text, "| {what} | {hub:.digits$}{unit} | {bare:.digits$}{unit} | {ratio:.2} |");
        };
        row("**delivered**", "/s", 0, &Measured::delivered);
        row("accepted", "/s", 0, &Measured::accepted);
        row("acceptance, median", " ms", 1, &|measured| measured.load.p50);
        row("acceptance, 99 %", " ms", 1, &|measured| measured.load.p99);
        row("acceptance, longest", " ms", 1, &|measured| measured.load.max);
        row("processor time of its own per submission", " ms", 2, &|measured| measured.processor);
        row("processor time of senders and sink", " ms", 2, &|measured| measured.around);
        row("commits per submission", "", 2, &|measured| measured.commits);
        if self.latencies.is_empty() {
            return;
        }
        let _ = writeln!(
            text,
            "\n| acceptance by the hub | accepted | median | 99 % | longest |\n|---|---|---|---|---|"
        );
        for (title, measured) in &self.latencies {
            let load = &measured.load;
            let (p50, p99, max) = (load.p50, load.p99, load.max);
            let _ = writeln!(
                text,
                "| {title} | {:.0}/s | {p50:.1} ms | {p99:.1} ms | {max:.1} ms |",
                measured.accepted()
            );
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
