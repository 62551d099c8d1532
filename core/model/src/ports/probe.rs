use crate::{Reason, ReasonCode};
use std::time::Duration;

/// A sentence in two languages. It holds names and numbers of the configuration and what a target shows to everybody
/// (its addresses, its certificate); never a secret, never content (promise H10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// German.
    pub german: String,
    /// English.
    pub english: String,
}

impl Words {
    /// The same in both languages.
    pub fn new(german: impl Into<String>, english: impl Into<String>) -> Self {
        Self { german: german.into(), english: english.into() }
    }
}

/// What came of one step of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It works; what was found.
    Works(Words),
    /// It works today, but somebody has to act; what is to be done.
    Warns(Words),
    /// It does not work.
    Fails {
        /// What a delivery would wait with.
        reason: Reason,
        /// What is the matter and what is to be done.
        advice: Words,
    },
    /// It was not tried; why. By itself that is no failure.
    NotTried(Words),
}

impl Finding {
    /// The stable word: `ok`, `warning`, `failed`, `not-tried`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Works(_) => "ok",
            Self::Warns(_) => "warning",
            Self::Fails { .. } => "failed",
            Self::NotTried(_) => "not-tried",
        }
    }

    /// The sentence for people.
    pub const fn words(&self) -> &Words {
        match self {
            Self::Works(words) | Self::Warns(words) | Self::NotTried(words) => words,
            Self::Fails { advice, .. } => advice,
        }
    }
}

/// One step of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeStep {
    /// A stable word in kebab case, for instance `lookup`. No two steps of one probe have the same.
    pub word: &'static str,
    /// What is tried.
    pub tried: Words,
    /// What came of it.
    pub finding: Finding,
}

/// What a probe found, step by step, in the order in which a delivery meets the steps.
///
/// A target first says all its steps ([`Probe::plan`]) and then ends one after the other ([`Probe::end`]), so that
/// whoever stops waiting still has the whole list: what worked, what was under way, and what was not come to.
#[derive(Debug, Default)]
pub struct Probe {
    steps: Vec<ProbeStep>,
    ended: usize,
}

impl Probe {
    /// Says that a step will be tried.
    pub fn plan(&mut self, word: &'static str, tried: Words) {
        let finding = Finding::NotTried(Words::new(
            "Nicht versucht, weil ein Schritt davor nicht ging.",
            "Not tried, because a step before it did not work.",
        ));
        self.steps.push(ProbeStep { word, tried, finding });
    }

    /// Ends the first step that has not ended yet.
    pub fn end(&mut self, finding: Finding) {
        if let Some(step) = self.steps.get_mut(self.ended) {
            step.finding = finding;
            self.ended += 1;
        }
    }

    /// Says that time ran out: `setting` is the key of the configuration that allows `limit`.
    pub fn cut_off(&mut self, limit: Duration, setting: &str) {
        let seconds = limit.as_secs_f64();
        let advice = Words::new(
            format!(
                "Nach {seconds} s (`{setting}`) kam keine Antwort. Netz, Firewall und das Ziel selbst prüfen; ist es \
                 nur langsam, `{setting}` verlängern."
            ),
            format!(
                "No answer within {seconds} s (`{setting}`). Check network, firewall and the target itself; if it is \
                 only slow, make `{setting}` longer."
            ),
        );
        self.end(Finding::Fails { reason: Reason::new(ReasonCode::ConnectTimeout), advice });
    }

    /// The steps.
    pub fn steps(&self) -> &[ProbeStep] {
        &self.steps
    }

    /// Whether there is a step and none failed. Warnings, and steps that the configuration leaves out, do not count.
    pub fn is_well(&self) -> bool {
        let fails = |step: &ProbeStep| matches!(step.finding, Finding::Fails { .. });
        !self.steps.is_empty() && !self.steps.iter().any(fails)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        Words::new("x", "x")
    }

    fn planned() -> Probe {
        let mut probe = Probe::default();
        ["lookup", "connect", "tls"].into_iter().for_each(|word| probe.plan(word, words()));
        probe
    }

    fn told(probe: &Probe) -> Vec<&'static str> {
        probe.steps().iter().map(|step| step.finding.word()).collect()
    }

    #[test]
    fn what_was_under_way_when_time_ran_out_failed_and_the_rest_was_not_tried() {
        let mut probe = planned();
        probe.end(Finding::Works(words()));
        probe.cut_off(Duration::from_millis(1500), "timeout");
        assert_eq!(told(&probe), ["ok", "failed", "not-tried"]);
        assert!(probe.steps()[1].finding.words().german.starts_with("Nach 1.5 s (`timeout`)"));
        assert!(!probe.is_well());
    }

    #[test]
    fn warnings_and_steps_left_out_are_no_failures_but_nothing_at_all_is() {
        let mut probe = planned();
        probe.end(Finding::Works(words()));
        probe.end(Finding::Warns(words()));
        probe.end(Finding::NotTried(words()));
        // There is no further step: nothing changes.
        probe.end(Finding::Fails { reason: Reason::new(ReasonCode::Torn), advice: words() });
        assert_eq!(told(&probe), ["ok", "warning", "not-tried"]);
        assert!(probe.is_well());
        assert!(!Probe::default().is_well());
    }
}
