//! A destination's own limits: so many at one time, so many in a time; and turns for tenants.

use super::rig::letters::{Letter, letter, letters};
use super::rig::office::Answer;
use super::rig::post::Post;
use super::rig::{TENANTS, World, minutes, seconds, steady, step};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use rohrpost_model::destination::{Destination, Rate};
use rohrpost_model::{Outcome, ReasonCode, Receipt, State};
use std::collections::BTreeSet;

fn after(pause: u64) -> Answer<Outcome> {
    Answer::After(seconds(pause), Ok(Outcome::Done(Receipt::default())))
}

/// Mehr Plätze als erlaubt sind nie belegt; alle Plätze werden genutzt; wer wartet, wartet, bis er an der Reihe ist.
#[tokio::test]
async fn never_more_are_under_way_than_the_destination_has_places() {
    let policy = Destination { concurrency: 4, ..steady("amt") };
    let (world, office) = World::with("2026-05-04T08:00+02", policy).await;
    office.answers(|_| after(10));
    let first = world.post(letter("erster")).await;
    world.submit_all(letters(19)).await;
    let last = world.post(letter("letzter")).await;
    world.pass(seconds(5)).await;
    assert_eq!(office.under_way(), 4);
    let status = world.engine().destinations().remove(0);
    assert_eq!((status.under_way, status.concurrency), (4, 4));
    assert_eq!(status.hold.map(|hold| hold.code), Some(ReasonCode::WaitsItsTurn));
    assert_eq!(world.waits(first).await, None, "it is being sent");
    assert_eq!(world.waits(last).await.unwrap().0, ReasonCode::WaitsItsTurn);

    world.pass(minutes(1)).await;
    let calls = office.calls();
    assert_eq!(calls.iter().map(|call| call.under_way).max(), Some(4));
    let waves = calls.iter().map(|call| call.at.duration_since(calls[0].at).as_secs() / 10);
    let expected: Vec<_> = (0..21).map(|number| number / 4).collect();
    assert_eq!(waves.collect::<Vec<_>>(), expected, "a place that is free is taken at once");
    assert_eq!(world.count("amt", State::Delivered).await, 21);
}

/// „100/1m“: In keiner Minute, wo immer man sie anlegt, kommen mehr als hundert an, und alle kommen an.
#[tokio::test]
async fn never_more_begin_in_any_minute_than_the_rate_allows() {
    let mut world = World::at("2026-05-04T08:00+02");
    let post = Post::answering(&world.clock, |_| StatusCode::OK.into_response()).await;
    let rate = Some(Rate { count: 100, per: minutes(1) });
    world.connect(Destination { rate, concurrency: 200, ..steady("amt") }, post.target());
    world.route([step("schritt", "amt")]);
    world.start().await;
    // Some come at a steady pace, and then a pile of them.
    for letter in letters(30) {
        world.submit(letter).await;
        world.pass(seconds(1)).await;
    }
    world.submit_all(letters(320)).await;
    let last = world.post(letter("letzter")).await;
    assert_eq!(world.waits(last).await.unwrap().0, ReasonCode::RateLimit);
    world.pass(minutes(4)).await;

    let letters = post.letters();
    for (number, later) in letters.iter().enumerate().skip(100) {
        let minute = later.at.duration_since(letters[number - 100].at);
        assert!(minute >= minutes(1).try_into().unwrap(), "100 in {minute} up to number {number}");
    }
    let keys: BTreeSet<_> = letters.iter().map(|letter| &letter.key).collect();
    assert_eq!((letters.len(), keys.len()), (351, 351));
    let length = letters[350].at.duration_since(letters[0].at);
    assert!(length <= minutes(4).try_into().unwrap(), "and no slower than that: {length}");
}

/// Eine Gemeinde mit 5000 wartenden Zustellungen an einem gemeinsamen Ziel hält die eine Zustellung der anderen nicht auf.
#[tokio::test]
async fn a_tenant_with_one_delivery_does_not_wait_behind_another_with_thousands() {
    let policy = Destination { concurrency: 2, ..steady("gemeinsam") };
    let (world, office) = World::with("2026-05-04T08:00+02", policy).await;
    office.answers(|_| after(1));
    world.submit_all(letters(5000)).await;
    world.pass(seconds(10)).await;
    let before = office.calls().len();
    for tenant in [TENANTS[1], TENANTS[2]] {
        world.submit(Letter { tenant, ..letter("eilig") }).await;
    }
    world.pass(seconds(3)).await;
    let later: Vec<_> = office.calls().split_off(before).into_iter().map(|call| call.tenant).collect();
    assert!(later[..3].contains(&TENANTS[1].to_owned()), "{later:?}");
    assert!(later[..3].contains(&TENANTS[2].to_owned()), "{later:?}");
    assert_eq!(world.count("gemeinsam", State::Due).await, 5002 - office.calls().len() as u64);
}
