//! A destination's own limits: so many at one time, so many in a time.

use super::rig::letters::letters;
use super::rig::office::{Answer, done};
use super::rig::{World, at, minutes, seconds, steady};
use rohrpost_model::destination::Destination;
use rohrpost_model::{Outcome, ReasonCode, Receipt, State};

/// Mehr Plätze als erlaubt sind nie belegt; alle Plätze werden genutzt; wer wartet, wartet, bis er an der Reihe ist.
#[tokio::test]
async fn never_more_are_under_way_than_the_destination_has_places() {
    let policy = Destination { concurrency: 4, ..steady("amt") };
    let (world, office) = World::with("2026-05-04T08:00+02", policy).await;
    office.answers(|_| Answer::After(seconds(10), Ok(Outcome::Done(Receipt::default()))));
    world.submit_all(letters(21)).await;
    world.pass(seconds(5)).await;
    assert_eq!(office.under_way(), 4);
    let status = world.engine().destinations().remove(0);
    assert_eq!((status.under_way, status.concurrency), (4, 4));
    assert_eq!(status.hold.map(|hold| hold.code), Some(ReasonCode::WaitsItsTurn));
    world.pass(minutes(1)).await;
    let calls = office.calls();
    assert_eq!(calls.iter().map(|call| call.under_way).max(), Some(4));
    let waves: Vec<_> = calls.iter().map(|call| call.at.duration_since(calls[0].at).as_secs() / 10).collect();
    assert_eq!(
        waves,
        [[0; 4], [1; 4], [2; 4], [3; 4], [4; 4]].concat().into_iter().chain([5]).collect::<Vec<_>>()
    );
    assert_eq!(world.count("amt", State::Delivered).await, 21);
}
