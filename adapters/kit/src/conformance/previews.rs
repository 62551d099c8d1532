//! What every adapter's preview must do, where it has one.

use super::{Mood, Peer, Sample, done, with_all};
use rohrpost_model::ports::Preview;
use rohrpost_model::{Failure, Outcome};

/// Runs the cases; each gets a fresh counterpart.
pub(super) async fn run<P: Peer>(fresh: &impl AsyncFn() -> P) {
    shows_what_is_then_sent(&fresh().await).await;
    shows_it_without_the_target_and_without_content(&fresh().await).await;
    refuses_what_a_delivery_would_not_send(&fresh().await).await;
}

async fn preview<P: Peer>(peer: &P, sample: &Sample) -> Result<Option<Preview>, Failure> {
    let preview = peer.target().preview(&sample.parcel(1)).await;
    let told = format!("{preview:?}");
    for secret in peer.secrets() {
        assert!(!told.contains(&secret), "h10: a secret is in the preview: {told}");
    }
    preview
}

async fn shows_what_is_then_sent<P: Peer>(peer: &P) {
    let sample = with_all(peer, peer.sample())
        .with_attachment(Some("Lageplan Süd.pdf"), 70_000)
        .with_attachment(None, 0);
    let before = peer.target().inquire(&sample.parcel(1), None).await;
    let Ok(Some(preview)) = preview(peer, &sample).await else { return };
    assert_eq!(peer.takes().await, 0, "h5: a preview is no delivery");
    assert_eq!(peer.target().inquire(&sample.parcel(1), None).await, before, "h5: it changes no inquiry");
    let outcome = done(peer, &sample, 1).await;
    let arrived = peer.arrived(sample.key).await;
    let foreseen = peer.foreseen(&preview, &|piece| sample.bytes_of(piece));
    assert_eq!(arrived, [foreseen], "h8: what was shown is what arrived, byte for byte");
    if let (Some(reference), Some(Outcome::Done(receipt))) = (&preview.reference, outcome) {
        assert_eq!(receipt.reference.as_ref(), Some(reference), "what the target calls it");
    }
}

async fn shows_it_without_the_target_and_without_content<P: Peer>(peer: &P) {
    if !peer.behave(Mood::Unavailable).await {
        return;
    }
    let sample = peer.sample().with_torn_attachment(300_000);
    let preview = preview(peer, &sample).await;
    assert!(preview.is_ok(), "neither the target nor an attachment is touched: {preview:?}");
}

async fn refuses_what_a_delivery_would_not_send<P: Peer>(peer: &P) {
    let preview = preview(peer, &peer.sample().with_altered_message()).await;
    assert!(matches!(preview, Ok(None) | Err(Failure::Defect(_))), "h8: {preview:?}");
}
