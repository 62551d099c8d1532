//! What every adapter must do, as tests that every adapter runs against its own counterpart.
//!
//! An adapter's tests implement [`Peer`] and call [`run`]. The suite is no test itself and is not compiled away in
//! builds without tests, because the tests of other crates call it.

mod calls;
mod desk;
mod letter;
mod log;
mod previews;
mod probes;
mod proxy;
mod sample;
mod stand_in;
pub mod units;

pub use calls::{Cut, REST};
pub use desk::{Kept, KeptPart, TestDesk};
pub use letter::Letter;
pub use log::Log;
pub use proxy::{Kind, Proxy, Speech, Unit};
pub use sample::{CONTENT_MARK, FixedClock, Sample, digest_of_generated};
pub use stand_in::{Call, Said, StandIn};

use async_trait::async_trait;
use rohrpost_model::ports::{Inquiry, Piece, Preview, Target};
use rohrpost_model::{DeliveryId, Digest, Failure, Outcome};
use std::sync::Arc;
use std::time::Duration;

/// How a counterpart behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It takes what comes.
    Well,
    /// It cannot be reached, or cannot take anything now.
    Unavailable,
    /// It refuses for good.
    Refusing,
    /// It breaks off before it took anything.
    BreaksBefore,
    /// It takes the delivery and breaks off before it can say so.
    BreaksAfter,
    /// It takes the delivery and never answers.
    Silent,
}

/// The foreign system that an adapter is tested against.
#[async_trait]
pub trait Peer: Send + Sync {
    /// A target that talks to it.
    fn target(&self) -> Arc<dyn Target>;

    /// From now on it behaves so. False if this kind of system cannot.
    async fn behave(&self, mood: Mood) -> bool;

    /// What arrived whole under this key, each arrival once, in order: the digests of all parts, sorted, and a digest
    /// of the bytes as they came.
    async fn arrived(&self, key: DeliveryId) -> Vec<(Vec<Digest>, Digest)>;

    /// What a target that previews says would arrive, as [`Peer::arrived`] tells it; `whole` gives the bytes of a piece.
    /// It fails where method, address, headers or names are not those of what came last.
    fn foreseen(&self, preview: &Preview, whole: &dyn Fn(&Piece) -> Vec<u8>) -> (Vec<Digest>, Digest);

    /// Returns when a silent peer has the delivery.
    async fn reached(&self);

    /// A delivery that it can take; every one is another.
    fn sample(&self) -> Sample {
        Sample::new()
    }

    /// Whether the target answers inquiries.
    fn inquires(&self) -> bool;

    /// Whether a detached signature has a place.
    fn takes_signatures(&self) -> bool {
        true
    }

    /// Whether attachments go to the target; one that does not take them may be told how many there are.
    fn takes_attachments(&self) -> bool {
        true
    }

    /// Whether it carries content of any size as a stream. One that does not (a broker's message is held whole) must
    /// refuse what is too large before it reads it.
    fn streams(&self) -> bool {
        true
    }

    /// Whether the content goes to the target at all; a notice only says that there is some.
    fn takes_content(&self) -> bool {
        true
    }

    /// How often something came in, under whatever key, that a reader could take for a delivery, whole or not.
    async fn takes(&self) -> usize;

    /// From now on the step `word` of a probe fails, and those before it work. It is asked for every step that worked.
    async fn break_step(&self, word: &str);

    /// From now on it is cut off so, once, at its request with this number from its beginning: whatever it is asked, an
    /// operation of a disk is one, too. False if this kind of system cannot.
    async fn cut(&self, request: usize, cut: Cut) -> bool;

    /// How many requests it got.
    fn requests(&self) -> usize;

    /// Whether its target remembers anything from one call to the next (a connection, a session): then each cut is tried with
    /// the same target afterwards, and with another.
    fn remembers(&self) -> bool {
        true
    }

    /// Whether it was asked anything yet by which a delivery may have arrived. Where the connection tears before that, nobody
    /// has to be asked, and nobody to look.
    fn may_have_arrived(&self) -> bool {
        true
    }

    /// What lies at it of this delivery and its case, a word for each object, sorted: for a target of one call nothing but
    /// what arrived.
    async fn made(&self, key: DeliveryId) -> Vec<String> {
        self.arrived(key).await.iter().map(|_| "delivery".to_owned()).collect()
    }

    /// Its target's clock goes on, where that makes a difference.
    async fn time_passes(&self, _: Duration) {}

    /// Whether a delivery may have to be looked at by a person after it was broken off. The adapter's page says why.
    fn parks(&self) -> bool {
        false
    }

    /// What must never be seen in an error, a log or a probe.
    fn secrets(&self) -> Vec<String>;
}

/// Runs the whole suite; every case gets a fresh counterpart.
pub async fn run<P: Peer>(fresh: impl AsyncFn() -> P) {
    run_without_probes(&fresh).await;
    let log = Log::default();
    let guard = log.listen();
    probes::run(&fresh).await;
    drop(guard);
    log.assert_without(&fresh().await.secrets());
}

/// The suite for a target that has nobody to talk to, and so nothing that a probe could find.
pub async fn run_without_probes<P: Peer>(fresh: impl AsyncFn() -> P) {
    let log = Log::default();
    let guard = log.listen();
    takes_the_whole_parcel(&fresh().await).await;
    repeats_idempotently(&fresh().await).await;
    refuses(&fresh().await).await;
    is_unavailable_and_then_takes_it(&fresh().await).await;
    breaks_before_taking(&fresh().await).await;
    breaks_after_taking(&fresh().await).await;
    is_silent(&fresh().await).await;
    streams_large_attachments(&fresh().await).await;
    if fresh().await.takes_content() {
        never_sends_other_content(&fresh().await).await;
    }
    never_sends_another_message(&fresh().await).await;
    never_sends_another_document(&fresh().await).await;
    calls::run(&fresh).await;
    previews::run(&fresh).await;
    drop(guard);
    let mut secrets = fresh().await.secrets();
    secrets.push(sample::CONTENT_MARK.to_owned());
    log.assert_without(&secrets);
}

/// The digests of what must have arrived.
fn expected<P: Peer>(peer: &P, sample: &Sample) -> Vec<Digest> {
    match (peer.takes_content(), peer.takes_attachments()) {
        (false, _) => vec![],
        (true, true) => sample.digests(),
        (true, false) => sample.digests_without_attachments(),
    }
}

/// With a signature and documents that go along, where the target has a place for them.
fn with_all<P: Peer>(peer: &P, sample: Sample) -> Sample {
    let sample = if peer.takes_signatures() { sample.with_signature() } else { sample };
    if peer.target().takes_enclosed() { sample.with_document("index").with_document("akte") } else { sample }
}

async fn takes_the_whole_parcel<P: Peer>(peer: &P) {
    let sample = with_all(peer, peer.sample())
        .with_attachment(Some("Lageplan Süd.pdf"), 5000)
        .with_attachment(None, 0);
    if peer.inquires() {
        // Another delivery went before, so the target's place is known.
        done(peer, &peer.sample(), 1).await;
        let absent = peer.target().inquire(&sample.parcel(1), None).await;
        assert_eq!(absent, Ok(Inquiry::Absent), "before it was delivered it is surely absent");
    }
    done(peer, &sample, 1).await;
    let arrived = peer.arrived(sample.key).await;
    assert_eq!(arrived.len(), 1, "one delivery arrives once");
    assert_eq!(arrived[0].0, expected(peer, &sample), "h8: every part arrives as it was marked");
    assert_found(peer, &sample).await;
}

async fn repeats_idempotently<P: Peer>(peer: &P) {
    let sample =
        with_all(peer, peer.sample()).with_attachment(Some("a.pdf"), 100_000).called("a1", "1_a.pdf");
    let first = done(peer, &sample, 1).await;
    let second = done(peer, &sample, 2).await;
    let arrived = peer.arrived(sample.key).await;
    let deduplicates = peer.target().deduplicates();
    // One of several calls knows by its progress what it made.
    let times = if deduplicates || sample.recorded() > 0 { 1 } else { 2 };
    assert_eq!(arrived.len(), times, "h4: a target that deduplicates has it once");
    assert!(arrived.iter().all(|one| *one == arrived[0]), "h4: the same bytes on every attempt");
    if deduplicates {
        assert_eq!(first, second, "h4: a repetition is answered as the first");
    }
}

async fn refuses<P: Peer>(peer: &P) {
    if !peer.behave(Mood::Refusing).await {
        return;
    }
    let sample = peer.sample();
    let failure = failed(peer, &sample, 1).await;
    assert!(matches!(failure, Failure::Refused(_)), "a refusal is for good: {failure:?}");
    assert!(peer.arrived(sample.key).await.is_empty());
}

async fn is_unavailable_and_then_takes_it<P: Peer>(peer: &P) {
    let sample = peer.sample().with_attachment(Some("a.pdf"), 1000);
    if !peer.behave(Mood::Unavailable).await {
        return;
    }
    let failure = failed(peer, &sample, 1).await;
    assert!(matches!(failure, Failure::Unavailable { .. }), "surely not taken: {failure:?}");
    assert!(peer.arrived(sample.key).await.is_empty());
    if peer.inquires() {
        let asked = peer.target().inquire(&sample.parcel(1), None).await;
        assert!(!matches!(asked, Ok(Inquiry::Found(_))), "{asked:?}");
    }
    peer.behave(Mood::Well).await;
    done(peer, &sample, 2).await;
    assert_eq!(peer.arrived(sample.key).await.len(), 1);
}

async fn breaks_before_taking<P: Peer>(peer: &P) {
    let sample = peer.sample().with_attachment(Some("a.pdf"), 1000);
    if !peer.behave(Mood::BreaksBefore).await {
        return;
    }
    let failure = failed(peer, &sample, 1).await;
    assert!(matches!(failure, Failure::Unknown(_) | Failure::Unavailable { .. }), "h5: {failure:?}");
    peer.behave(Mood::Well).await;
    assert!(peer.arrived(sample.key).await.is_empty());
    if peer.inquires() {
        let asked = calls::asked(peer, peer.target().as_ref(), &sample).await;
        let parts = [Inquiry::Absent, Inquiry::Unfinished];
        assert!(parts.contains(&asked), "it does not have it, or not all of it: {asked:?}");
    }
    let target = peer.target();
    if !calls::goes_on(peer, target.as_ref(), &sample, Err(failure), "it broke off before").await {
        assert!(peer.parks(), "h5: nobody has to look");
        // A person looked, and has it sent again.
        done(peer, &sample, 2).await;
    }
    assert_eq!(peer.arrived(sample.key).await[0].0, expected(peer, &sample));
}

async fn breaks_after_taking<P: Peer>(peer: &P) {
    let sample = peer.sample().with_attachment(Some("a.pdf"), 1000);
    if !peer.behave(Mood::BreaksAfter).await {
        return;
    }
    let failure = failed(peer, &sample, 1).await;
    assert!(matches!(failure, Failure::Unknown(_)), "h5: it may have arrived: {failure:?}");
    peer.behave(Mood::Well).await;
    assert_eq!(peer.arrived(sample.key).await.len(), 1);
    assert_found(peer, &sample).await;
}

/// The engine drops the future when the time is up.
async fn is_silent<P: Peer>(peer: &P) {
    let sample = peer.sample();
    if !peer.behave(Mood::Silent).await {
        return;
    }
    let (target, parcel) = (peer.target(), sample.parcel(1));
    tokio::select! {
        outcome = target.deliver(&parcel) => {
            assert!(matches!(outcome, Err(Failure::Unknown(_))), "h5: nobody answered: {outcome:?}");
        }
        () = peer.reached() => {}
    }
    peer.behave(Mood::Well).await;
    assert_found(peer, &sample).await;
}

async fn streams_large_attachments<P: Peer>(peer: &P) {
    if !peer.takes_attachments() {
        return;
    }
    // Large against what buffers and allocators hold by themselves.
    const SIZE: u64 = 192 << 20;
    let sample = peer.sample().with_attachment(Some("gross.bin"), SIZE);
    let before = sample::resident_peak();
    if peer.streams() {
        done(peer, &sample, 1).await;
    } else {
        let failure = failed(peer, &sample, 1).await;
        assert!(
            matches!(failure, Failure::Refused(_) | Failure::Defect(_)),
            "too large for this kind: {failure:?}"
        );
        assert!(peer.arrived(sample.key).await.is_empty(), "what is too large is not sent");
    }
    let grown = sample::resident_peak().saturating_sub(before);
    assert!(grown < SIZE / 2, "the memory grew by {grown} bytes for an attachment of {SIZE}");
    if peer.streams() {
        assert_eq!(peer.arrived(sample.key).await[0].0, expected(peer, &sample));
    }
}

async fn never_sends_other_content<P: Peer>(peer: &P) {
    if !peer.takes_attachments() {
        return;
    }
    for sample in
        [peer.sample().with_altered_attachment(300_000), peer.sample().with_torn_attachment(300_000)]
    {
        let failure = failed(peer, &sample, 1).await;
        assert!(!matches!(failure, Failure::Refused(_)), "h8: {failure:?}");
        assert!(peer.arrived(sample.key).await.is_empty(), "h8: other content than marked was taken");
    }
}

async fn never_sends_another_message<P: Peer>(peer: &P) {
    let sample = peer.sample().with_altered_message();
    let failure = failed(peer, &sample, 1).await;
    assert!(matches!(failure, Failure::Defect(_)), "h8: {failure:?}");
    assert!(peer.arrived(sample.key).await.is_empty(), "h8: another message than marked was taken");
}

async fn never_sends_another_document<P: Peer>(peer: &P) {
    if !peer.target().takes_enclosed() {
        return;
    }
    let sample = peer.sample().with_altered_document();
    let failure = failed(peer, &sample, 1).await;
    assert!(matches!(failure, Failure::Defect(_)), "h8: {failure:?}");
    assert!(peer.arrived(sample.key).await.is_empty(), "h8: another document than marked was taken");
}

async fn done<P: Peer>(peer: &P, sample: &Sample, attempt: u32) -> Option<Outcome> {
    let outcome = peer.target().deliver(&sample.parcel(attempt)).await;
    assert!(outcome.is_ok(), "it should have been taken: {outcome:?}");
    outcome.ok()
}

async fn failed<P: Peer>(peer: &P, sample: &Sample, attempt: u32) -> Failure {
    let outcome = peer.target().deliver(&sample.parcel(attempt)).await;
    let Err(failure) = outcome else {
        #[expect(clippy::panic, reason = "a test helper")]
        {
            panic!("it should have failed: {outcome:?}")
        }
    };
    let told = format!("{failure} {failure:?} {}", failure.reason().german());
    for secret in peer.secrets().iter().map(String::as_str).chain([sample::CONTENT_MARK]) {
        assert!(!told.contains(secret), "h10: a secret is in the error: {told}");
    }
    failure
}

async fn assert_found<P: Peer>(peer: &P, sample: &Sample) {
    if !peer.inquires() {
        return;
    }
    let asked = peer.target().inquire(&sample.parcel(1), None).await;
    assert!(matches!(asked, Ok(Inquiry::Found(_))), "it is there: {asked:?}");
}
