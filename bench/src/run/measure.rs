//! One measurement: senders hand in, the last document arrives, and everything acknowledged arrived once.

use super::process::{Serving, children, output, own};
use crate::clock::{instant, pause, since};
use crate::{Result, http, load};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Rohrpost.
    Hub,
    /// The bare loop.
    Bare,
    /// Another hub, in the bare loop's place.
    OtherHub,
}

/// A process that is measured.
pub(crate) struct Under {
    pub(crate) kind: Kind,
    /// The file with the bearer token.
    pub(crate) token: PathBuf,
    /// Where submissions are handed in.
    pub(crate) address: SocketAddr,
    /// Where it says what it counted.
    pub(crate) counters: SocketAddr,
    pub(crate) serving: Serving,
}

impl std::ops::Deref for Under {
    type Target = Serving;

    fn deref(&self) -> &Serving {
        &self.serving
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) load: load::Outcome,
    /// From the start until the last document arrived, in seconds.
    pub(crate) seconds: f64,
    /// Processor time in milliseconds for each submission: of what is measured, of senders and sink together.
    pub(crate) processor: f64,
    /// See `processor`.
    pub(crate) around: f64,
    /// Commits (hub) or syncs (bare loop) for each submission.
    pub(crate) commits: f64,
    /// What does not fit: lost, doubled, foreign.
    pub(crate) faults: Vec<String>,
}

impl Measured {
    /// Delivered per second.
    pub(crate) fn delivered(&self) -> f64 {
        self.load.accepted as f64 / self.seconds
    }

    /// Accepted per second.
    pub(crate) fn accepted(&self) -> f64 {
        self.load.accepted as f64 / self.load.seconds
    }
}

impl Under {
    /// Commits so far.
    fn commits(&self) -> Result<f64> {
        match self.kind {
            Kind::Hub | Kind::OtherHub => self.counter("rohrpost_store_commits_total"),
            Kind::Bare => Ok(http::get(self.counters, "/groups")?.trim().parse()?),
        }
    }

    /// Submissions that came to their end so far; `None` where nobody counts them.
    fn settled(&self) -> Result<Option<f64>> {
        match self.kind {
            Kind::Hub | Kind::OtherHub => self.counter("rohrpost_settled_total").map(Some),
            Kind::Bare => Ok(None),
        }
    }

    /// The sum of a counter over its labels.
    fn counter(&self, name: &str) -> Result<f64> {
        let text = http::get(self.counters, "/metrics")?;
        let lines = text
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        lines.map(|line| Ok(line.rsplit(' ').next().unwrap_or_default().parse::<f64>()?)).sum()
    }
}

/// The longest time without the last document.
const PATIENCE: usize = 300;

/// How often the hub is asked whether all is settled; each answer costs it something.
const POLL: Duration = Duration::from_millis(50);

/// Measures one load.
pub(crate) fn measure(
    under: &Under,
    sink: &Serving,
    sink_address: SocketAddr,
    load: &load::Arguments,
) -> Result<Measured> {
    http::get(sink_address, "/reset")?;
    let settled_before = under.settled()?;
    let (processor, around, commits) = (under.processor()?, sink.processor()?, under.commits()?);
    let senders = children()?;
    let outcome = send(load)?;
    let sent = instant();
    http::get(sink_address, &format!("/wait?count={}&seconds={PATIENCE}", outcome.accepted))?;
    let seconds = outcome.seconds + since(sent);
    wait_until_settled(under, settled_before, outcome.accepted)?;
    let each = |seconds: f64| seconds * 1000.0 / outcome.accepted.max(1) as f64;
    let faults = reconcile(&http::get(sink_address, "/seen")?, &std::fs::read_to_string(&load.acknowledged)?);
    Ok(Measured {
        seconds,
        processor: each(under.processor()? - processor),
        around: each(sink.processor()? - around + children()? - senders),
        commits: (under.commits()? - commits) / outcome.accepted.max(1) as f64,
        faults,
        load: outcome,
    })
}

/// What arrived is settled a moment later: its processor time and commits belong to the measurement too.
fn wait_until_settled(under: &Under, before: Option<f64>, count: usize) -> Result<()> {
    let begun = instant();
    while let Some(before) = before {
        if under.settled()? >= Some(before + count as f64) || since(begun) > 10.0 {
            break;
        }
        pause(POLL);
    }
    Ok(())
}

fn send(load: &load::Arguments) -> Result<load::Outcome> {
    let mut command = own("load")?;
    command.arg("--address").arg(load.address.to_string());
    command.arg("--token").arg(&load.token);
    command.arg("--service").arg(&load.service).arg("--area").arg(&load.area);
    command.arg("--senders").arg(load.senders.to_string()).arg("--count").arg(load.count.to_string());
    command.arg("--seconds").arg(load.seconds.to_string());
    command.arg("--prefix").arg(&load.prefix);
    command.arg("--acknowledged").arg(&load.acknowledged);
    if let Some(rate) = load.rate {
        command.arg("--rate").arg(rate.to_string());
    }
    Ok(serde_json::from_str(&output(command)?)?)
}

/// Every acknowledged submission arrived once, under one key, and nothing else did.
fn reconcile(seen: &str, acknowledged: &str) -> Vec<String> {
    let mut arrived: HashMap<&str, usize> = HashMap::new();
    for line in seen.lines() {
        *arrived.entry(line.split(' ').next().unwrap_or_default()).or_default() += 1;
    }
    let (mut lost, mut doubled, mut promised) = (0usize, 0usize, 0usize);
    for id in acknowledged.lines() {
        promised += 1;
        match arrived.remove(id) {
            None => lost += 1,
            Some(1) => {}
            Some(_) => doubled += 1,
        }
    }
    let counts = [
        ("acknowledged and lost", lost),
        ("arrived more than once", doubled),
        ("arrived and never acknowledged", arrived.len()),
    ];
    counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(what, count)| format!("{count} of {promised} {what}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_doubled_or_foreign_is_told() {
        assert!(reconcile("a 1\nb 2\n", "b\na\n").is_empty());
        assert_eq!(reconcile("a 1\n", "a\nb\n"), ["1 of 2 acknowledged and lost"]);
        assert_eq!(reconcile("a 1\na 2\n", "a\n"), ["1 of 1 arrived more than once"]);
        assert_eq!(reconcile("a 1\n? ?\n", "a\n"), ["1 of 1 arrived and never acknowledged"]);
    }
}
