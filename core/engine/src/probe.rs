//! Tries a destination step by step, within its time limit.

use crate::catalog::Connected;
use rohrpost_model::DestinationName;
use rohrpost_model::ports::{Probe, Source};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// So many probes of one destination run at one time: enough for two people, too few to trouble a target.
const AT_ONCE: usize = 2;

/// Probes a destination. What it found until its time limit is told even if the target never answers.
pub async fn probe(to: &Connected) -> Probe {
    let (mut probe, limit) = (Probe::default(), to.destination.timeout);
    if tokio::time::timeout(limit, to.target.probe(&mut probe)).await.is_err() {
        probe.cut_off(limit, "timeout");
    }
    probe
}

/// Probes a source, in the same way.
pub async fn probe_source(source: &dyn Source, limit: Duration) -> Probe {
    let mut probe = Probe::default();
    if tokio::time::timeout(limit, source.probe(&mut probe)).await.is_err() {
        probe.cut_off(limit, "timeout");
    }
    probe
}

/// Counts the probes under way, so that nobody troubles a target with them.
#[derive(Clone, Default)]
pub struct Probes(Arc<Mutex<BTreeMap<DestinationName, usize>>>);

/// The right to one probe of a destination, until it is dropped.
pub struct Turn {
    of: Probes,
    destination: DestinationName,
}

impl Probes {
    /// The right to probe; `None` where two are under way already.
    pub fn turn(&self, destination: &DestinationName) -> Option<Turn> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = under_way.entry(destination.clone()).or_default();
        if *count >= AT_ONCE {
            return None;
        }
        *count += 1;
        Some(Turn { of: self.clone(), destination: destination.clone() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut under_way = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = under_way.get_mut(&self.destination) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.destination);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use rohrpost_model::destination::Destination;
    use rohrpost_model::ports::{Finding, Inquiry, Parcel, Target, Words};
    use rohrpost_model::{Failure, Outcome, Reason, ReasonCode};

    /// Answers the first step and then never again.
    struct Mute;

    #[async_trait]
    impl Target for Mute {
        async fn deliver(&self, _: &Parcel<'_>) -> Result<Outcome, Failure> {
            Err(Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration)))
        }
        async fn inquire(&self, _: &Parcel<'_>, _: Option<&str>) -> Result<Inquiry, Failure> {
            Ok(Inquiry::NoWord)
        }
        fn deduplicates(&self) -> bool {
            false
        }
        async fn probe(&self, probe: &mut Probe) {
            for word in ["lookup", "connect", "tls"] {
                probe.plan(word, Words::new("x", "x"));
            }
            probe.end(Finding::Works(Words::new("x", "x")));
            std::future::pending().await
        }
    }

    fn mute(timeout: Duration) -> Connected {
        let destination = Destination { timeout, ..Destination::new("ziel".parse().unwrap()) };
        Connected { destination, target: Arc::new(Mute) }
    }

    #[tokio::test]
    async fn a_mute_target_ends_the_probe_at_the_destinations_time_limit() {
        let probe = probe(&mute(Duration::from_millis(50))).await;
        let told: Vec<_> = probe.steps().iter().map(|step| step.finding.word()).collect();
        assert_eq!(told, ["ok", "failed", "not-tried"]);
        assert!(probe.steps()[1].finding.words().english.contains("within 0.05 s (`timeout`)"));
    }

    #[test]
    fn two_probes_of_one_destination_at_a_time_are_enough() {
        let (probes, ziel, other) = (Probes::default(), "ziel".parse().unwrap(), "anderes".parse().unwrap());
        let first = probes.turn(&ziel);
        let second = probes.turn(&ziel);
        assert!(first.is_some() && second.is_some() && probes.turn(&ziel).is_none());
        assert!(probes.turn(&other).is_some());
        drop(first);
        assert!(probes.turn(&ziel).is_some());
        drop(second);
        assert!(probes.0.lock().unwrap().is_empty(), "nothing is kept of what is over");
    }
}
