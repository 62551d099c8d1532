//! What every adapter's probe must do.

use super::Peer;
use rohrpost_model::ports::{Finding, Probe, ProbeStep};
use std::collections::BTreeSet;

/// Runs the cases; each gets a fresh counterpart, and each step its own.
pub(super) async fn run<P: Peer>(fresh: &impl AsyncFn() -> P) {
    delivers_nothing(&fresh().await).await;
    runs_beside_deliveries_and_itself(&fresh().await).await;
    let steps = probed(&fresh().await).await;
    for step in steps.iter().filter(|step| step.finding.word() == "ok") {
        tells_which_step_fails(&fresh().await, step.word).await;
    }
}

/// Probes, and checks what holds for every report.
async fn probed<P: Peer>(peer: &P) -> Vec<ProbeStep> {
    let mut probe = Probe::default();
    peer.target().probe(&mut probe).await;
    let steps = probe.steps().to_vec();
    let words: BTreeSet<_> = steps.iter().map(|step| step.word).collect();
    assert_eq!(words.len(), steps.len(), "each step has a word of its own: {steps:#?}");
    for step in &steps {
        let kebab = step.word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        assert!(kebab && !step.word.is_empty(), "a word in kebab case: {}", step.word);
        for words in [&step.tried, step.finding.words()] {
            assert!(!words.german.is_empty() && !words.english.is_empty(), "something to read: {step:?}");
        }
    }
    let told = format!("{steps:?}");
    for secret in peer.secrets() {
        assert!(!told.contains(&secret), "h10: a secret is in the probe: {told}");
    }
    assert_eq!(steps.iter().any(fails), !probe.is_well());
    steps
}

fn fails(step: &ProbeStep) -> bool {
    matches!(step.finding, Finding::Fails { .. })
}

async fn delivers_nothing<P: Peer>(peer: &P) {
    let sample = peer.sample();
    let (target, parcel) = (peer.target(), sample.parcel(1));
    let before = target.inquire(&parcel, None).await;
    let steps = probed(peer).await;
    assert!(!steps.is_empty() && !steps.iter().any(fails), "all is well: {steps:#?}");
    assert_eq!(peer.takes().await, 0, "h5: a probe is no delivery");
    assert_eq!(target.inquire(&parcel, None).await, before, "h5: a probe changes no inquiry");
}

async fn runs_beside_deliveries_and_itself<P: Peer>(peer: &P) {
    let sample = peer.sample().with_attachment(Some("a.pdf"), 100_000);
    let (target, parcel) = (peer.target(), sample.parcel(1));
    let (delivered, one, other) = futures::join!(target.deliver(&parcel), probed(peer), probed(peer));
    assert!(delivered.is_ok(), "the delivery is not disturbed: {delivered:?}");
    assert!(!one.iter().chain(&other).any(fails), "neither is another probe: {one:#?} {other:#?}");
    assert_eq!(peer.arrived(sample.key).await.len(), 1, "one delivery arrives once");
    assert_eq!(peer.takes().await, 1, "and nothing else");
}

async fn tells_which_step_fails<P: Peer>(peer: &P, word: &str) {
    peer.break_step(word).await;
    let steps = probed(peer).await;
    let at = steps.iter().position(fails);
    assert_eq!(at.map(|at| steps[at].word), Some(word), "the step that fails is told: {steps:#?}");
    let after = steps.iter().skip_while(|step| step.word != word).skip(1);
    for step in after {
        assert_eq!(step.finding.word(), "not-tried", "nothing is tried after {word}: {steps:#?}");
    }
    assert_eq!(peer.takes().await, 0, "h5: a probe is no delivery, even where it fails");
}
