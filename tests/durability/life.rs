//! The life of a delivery as its history tells it, held against what its target saw.

use crate::support::wire::Seen;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the destination does with what nobody can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    Retry,
    Park,
}

/// Follows one delivery through its history. Each attempt that it tells of may have reached the target once, and no
/// attempt begins unless the one before surely failed, or is unknown and may be repeated (promise H5).
struct Life<'d> {
    unknown: Unknown,
    /// What the target saw of each attempt.
    seen: BTreeMap<usize, &'d Seen>,
    /// What came of each attempt.
    outcomes: Vec<String>,
    /// The last thing that happened.
    before: String,
}

/// Checks the history and the attempts of a delivery against the requests that its target saw. Returns what came of
/// each attempt.
pub fn assert_allowed(detail: &Value, seen: &[&Seen], unknown: Unknown) -> Vec<String> {
    let numbered: BTreeMap<_, _> = seen.iter().map(|seen| (seen.attempt(), *seen)).collect();
    assert_eq!(numbered.len(), seen.len(), "one attempt reached the target twice: {detail:#}");
    let mut life = Life { unknown, seen: numbered, outcomes: Vec::new(), before: String::new() };
    for change in list(detail, "history") {
        let event = change["event"].as_str().unwrap_or("accepted");
        let attempt = change["cause"].as_str().and_then(|cause| cause.strip_prefix("attempt ")?.parse().ok());
        life.goes_on(event, attempt).unwrap_or_else(|wrong| panic!("{event}: {wrong}: {detail:#}"));
    }
    life.assert_attempts(detail);
    life.outcomes
}

fn list<'v>(detail: &'v Value, key: &str) -> &'v Vec<Value> {
    detail[key].as_array().unwrap_or_else(|| panic!("no {key} in {detail:#}"))
}

impl Life<'_> {
    fn goes_on(&mut self, event: &str, attempt: Option<usize>) -> Result<(), String> {
        match (event, attempt) {
            ("marked", Some(attempt)) => self.begins(attempt)?,
            ("taken" | "not-taken" | "outcome-lost" | "refused", Some(attempt)) => {
                self.ends(event, attempt)?
            }
            // A crash ended the attempt; it is the start that says so.
            ("outcome-lost", None) => self.ends(event, self.outcomes.len() + 1)?,
            ("no-word-yet" | "send-again" | "given-up", None) => self.was_asked(event)?,
            ("accepted" | "released" | "retry-commanded" | "discard-commanded", None) => {}
            other => return Err(format!("{other:?} is not to be expected here")),
        }
        event.clone_into(&mut self.before);
        Ok(())
    }

    fn begins(&self, attempt: usize) -> Result<(), String> {
        let first = attempt == 1 && ["accepted", "released"].contains(&self.before.as_str());
        let again = attempt == self.outcomes.len() + 1
            && ["not-taken", "send-again", "retry-commanded"].contains(&self.before.as_str());
        if first || again { Ok(()) } else { Err(format!("attempt {attempt} after {}", self.before)) }
    }

    fn ends(&mut self, event: &str, attempt: usize) -> Result<(), String> {
        if self.before != "marked" || attempt != self.outcomes.len() + 1 {
            return Err(format!("attempt {attempt} ends after {}", self.before));
        }
        let (whole, status) = self.seen.get(&attempt).map_or((false, None), |seen| (seen.whole, seen.status));
        let fits = match event {
            "taken" => whole && status == Some(200),
            "not-taken" => !whole || status == Some(503),
            _ => true,
        };
        self.outcomes.push(event.to_owned());
        if fits { Ok(()) } else { Err(format!("whole: {whole}, and the target said {status:?}")) }
    }

    fn was_asked(&self, event: &str) -> Result<(), String> {
        let right = match event {
            "send-again" => self.unknown == Unknown::Retry,
            "given-up" => self.unknown == Unknown::Park,
            _ => true,
        };
        let unknown = ["outcome-lost", "no-word-yet"].contains(&self.before.as_str());
        if right && unknown { Ok(()) } else { Err(format!("{:?}, after {}", self.unknown, self.before)) }
    }

    /// The log of attempts tells the same, all attempts sent the same, and the target saw no further one.
    fn assert_attempts(&self, detail: &Value) {
        let attempts = list(detail, "attemptLog");
        let logged: Vec<_> = attempts.iter().map(|attempt| attempt["outcome"].as_str()).collect();
        let told: Vec<_> = self.outcomes.iter().map(|outcome| Some(outcome.as_str())).collect();
        assert_eq!(logged, told, "{detail:#}");
        assert_eq!(detail["attempts"], attempts.len(), "{detail:#}");
        let sent: BTreeSet<_> = attempts.iter().map(|attempt| attempt["sentSha256"].as_str()).collect();
        assert_eq!(sent.len(), 1, "{detail:#}");
        let last = self.seen.keys().last().copied().unwrap_or(0);
        assert!(last <= attempts.len(), "the target saw an attempt {last}: {detail:#}");
    }
}
