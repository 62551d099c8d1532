//! What happens to a delivery that is broken off at any of its calls, or between a call and what is recorded of it.

use super::{Mood, Peer, Sample, with_all};
use rohrpost_model::ports::{Inquiry, Target};
use rohrpost_model::{Failure, Outcome, Reason, ReasonCode};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How a counterpart is cut off at one of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It closes the connection and has not done what was asked.
    TornBefore,
    /// It has done what was asked and closes the connection.
    TornAfter,
    /// It does not do what was asked and never answers.
    SilentBefore,
    /// It has done what was asked and never answers.
    SilentAfter,
    /// It asks to be left alone for [`REST`], in the words of its protocol, and has done nothing.
    Throttled,
}

/// How long a throttling counterpart asks to be left alone.
pub const REST: Duration = Duration::from_secs(7);

/// How often it is tried before it counts as never to end.
const ROUNDS: usize = 20;

const CUTS: [Cut; 5] = [Cut::TornBefore, Cut::TornAfter, Cut::SilentBefore, Cut::SilentAfter, Cut::Throttled];

/// Runs the cases; each gets a fresh counterpart.
pub(super) async fn run<P: Peer>(fresh: &impl AsyncFn() -> P) {
    let undisturbed = fresh().await;
    let sample = sample(&undisturbed);
    let outcome = undisturbed.target().deliver(&sample.parcel(1)).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    let made = undisturbed.made(sample.key).await;
    let afterwards: &[bool] = if undisturbed.remembers() { &[false, true] } else { &[true] };
    let mut unused = None;
    for request in 1..=undisturbed.requests() {
        for cut in CUTS {
            for &restarts in afterwards {
                let peer = if let Some(peer) = unused.take() { peer } else { fresh().await };
                if peer.cut(request, cut).await {
                    is_cut(&peer, At { request, cut, restarts }, &made).await;
                } else {
                    unused = Some(peer);
                }
            }
        }
    }
    for record in 1..=sample.recorded() {
        cannot_keep_its_progress(&fresh().await, record, &made).await;
        is_killed_before_its_progress_is_kept(&fresh().await, record, &made).await;
    }
}

fn sample<P: Peer>(peer: &P) -> Sample {
    with_all(peer, peer.sample()).with_attachment(Some("Lageplan.pdf"), 1000)
}

#[derive(Clone, Copy)]
struct At {
    request: usize,
    cut: Cut,
    /// Whether the hub is another process afterwards.
    restarts: bool,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, cut, restarts } = self;
        write!(f, "{cut:?} at request {request}{}", if *restarts { ", restarted" } else { "" })
    }
}

/// The counterpart was told where it cuts.
async fn is_cut<P: Peer>(peer: &P, at: At, made: &[String]) {
    let (sample, target) = (sample(peer), peer.target());
    let parcel = sample.parcel(1);
    let outcome = tokio::select! {
        outcome = target.deliver(&parcel) => outcome,
        // The engine drops the future when the time is up, and so does whoever kills the hub.
        () = peer.reached() => Err(Failure::Unknown(Reason::new(ReasonCode::Torn))),
    };
    if matches!(at.cut, Cut::TornBefore | Cut::TornAfter) && !peer.may_have_arrived() {
        let surely_not = matches!(outcome, Err(Failure::Unavailable { .. }));
        assert!(surely_not, "h5: nothing was sent that could have arrived: {at}: {outcome:?}");
    }
    if matches!(outcome, Err(Failure::Unavailable { .. })) {
        assert!(peer.arrived(sample.key).await.is_empty(), "h5: surely not taken: {at}: {outcome:?}");
    }
    if at.cut == Cut::Throttled {
        let told = matches!(outcome, Err(Failure::Unavailable { retry_after: Some(REST), .. }));
        assert!(told, "it asked to be left alone for {REST:?}: {at}: {outcome:?}");
    }
    let target = if at.restarts { peer.target() } else { target };
    is_made_once(peer, target, &sample, outcome, made, &at.to_string()).await;
}

/// The store fails: nothing more is sent, and nobody knows how far it came.
async fn cannot_keep_its_progress<P: Peer>(peer: &P, record: usize, made: &[String]) {
    let (sample, target) = (sample(peer).that_stops_at(record), peer.target());
    let parcel = sample.parcel(1);
    let failing = async {
        sample.asked_to_record().await;
        let requests = peer.requests();
        sample.fail_to_record();
        requests
    };
    let (outcome, requests) = futures::join!(target.deliver(&parcel), failing);
    let context = format!("record {record} is not kept: {outcome:?}");
    assert_eq!(peer.requests(), requests, "h5: it went on without it: {context}");
    let lost = outcome.as_ref().err().map(Failure::reason).map(|reason| reason.code);
    assert_eq!(lost, Some(ReasonCode::ProgressNotKept), "h5: {context}");
    is_made_once(peer, target, &sample, outcome, made, &format!("record {record} is not kept")).await;
}

async fn is_killed_before_its_progress_is_kept<P: Peer>(peer: &P, record: usize, made: &[String]) {
    let (sample, target) = (sample(peer).that_stops_at(record), peer.target());
    let parcel = sample.parcel(1);
    let outcome = tokio::select! {
        outcome = target.deliver(&parcel) => outcome,
        () = sample.asked_to_record() => Err(Failure::Unknown(Reason::new(ReasonCode::Interrupted))),
    };
    let context = format!("killed before record {record}");
    is_made_once(peer, peer.target(), &sample, outcome, made, &context).await;
}

/// Goes on as the engine does, and looks at what was made.
async fn is_made_once<P: Peer>(
    peer: &P,
    target: Arc<dyn Target>,
    sample: &Sample,
    outcome: Result<Outcome, Failure>,
    made: &[String],
    context: &str,
) {
    // What it was cut off by is over.
    peer.behave(Mood::Well).await;
    let delivered = goes_on(peer, target.as_ref(), sample, outcome, context).await;
    if !delivered {
        assert!(peer.parks(), "h5: nobody has to look: {context}");
        let there = peer.made(sample.key).await;
        let times = |word| {
            (there.iter().filter(|it| *it == word).count(), made.iter().filter(|it| *it == word).count())
        };
        assert!(
            there.iter().all(|word| times(word).0 <= times(word).1),
            "h5: made twice: {context}: {there:?}"
        );
        return;
    }
    assert_eq!(peer.made(sample.key).await, made, "h5: everything is made once: {context}");
    let arrived = peer.arrived(sample.key).await;
    assert_eq!(arrived.len(), 1, "h5: {context}");
    assert_eq!(arrived[0].0, super::expected(peer, sample), "h8: {context}");
}

/// Whether it is delivered at last; if not, a person would have to look.
pub(super) async fn goes_on<P: Peer>(
    peer: &P,
    target: &dyn Target,
    sample: &Sample,
    mut outcome: Result<Outcome, Failure>,
    context: &str,
) -> bool {
    let mut parked = None;
    for attempt in 2..ROUNDS {
        match &outcome {
            Ok(_) => return true,
            Err(Failure::Unavailable { retry_after, .. }) => {
                peer.time_passes(retry_after.unwrap_or(REST)).await;
            }
            Err(Failure::Unknown(_)) => match asked(peer, target, sample).await {
                Inquiry::Found(_) => return true,
                Inquiry::Absent | Inquiry::Unfinished => {}
                Inquiry::NoWord if target.deduplicates() => {}
                Inquiry::NoWord => return false,
            },
            Err(failure) => {
                assert!(peer.parks(), "h5: {context}: {failure:?}");
                // A person had it sent again, and it is parked for the same.
                if parked.replace(failure.clone()).as_ref() == Some(failure) {
                    return false;
                }
            }
        }
        outcome = target.deliver(&sample.parcel(u32::try_from(attempt).unwrap_or(u32::MAX))).await;
    }
    assert!(outcome.is_ok(), "it never ends: {context}: {outcome:?}");
    true
}

/// The target's word, after as much time as it asks for.
pub(super) async fn asked<P: Peer>(peer: &P, target: &dyn Target, sample: &Sample) -> Inquiry {
    for _ in 0..ROUNDS {
        match target.inquire(&sample.parcel(1), None).await {
            Ok(word) => return word,
            Err(_) => peer.time_passes(REST).await,
        }
    }
    Inquiry::NoWord
}
