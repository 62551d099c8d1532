//! A destination is down, with 10,000 deliveries waiting for it.

use super::rig::letters::letters;
use super::rig::post::{Letter, Post};
use super::rig::{World, destination, hours, minutes, seconds, step};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use rohrpost_model::destination::{Destination, Rate};
use rohrpost_model::{State, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

const WAITING: usize = 10_000;
const PLACES: u16 = 50;
const PER_SECOND: usize = 200;

/// How many came in each second from `first` on.
fn by_second(letters: &[Letter], first: Timestamp, length: usize) -> Vec<usize> {
    let mut seconds = vec![0; length];
    for letter in letters {
        let second = usize::try_from(letter.at.duration_since(first).as_secs()).unwrap();
        if let Some(count) = seconds.get_mut(second) {
            *count += 1;
        }
    }
    seconds
}

/// Nach einem Ausfall wird das Ziel nicht überrannt: Solange es ausgefallen ist, klopft nur selten jemand an; ist es
/// wieder da, geht es in der ersten Minute stufenweise hinauf und danach mit seinen eigenen Grenzen weiter. Alle kommen
/// an, jede genau einmal.
#[tokio::test]
async fn after_an_outage_with_ten_thousand_waiting_the_first_minute_follows_the_ramp() {
    let mut world = World::at("2026-05-04T08:00+02");
    let up = Arc::new(AtomicBool::new(false));
    let lives = Arc::clone(&up);
    let post = Post::answering(&world.clock, move |_| {
        if lives.load(SeqCst) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }.into_response()
    });
    let post = post.await;
    let rate = Some(Rate { count: u32::try_from(PER_SECOND).unwrap(), per: seconds(1) });
    world.connect(Destination { concurrency: PLACES, rate, ..destination("dms") }, post.target());
    world.route([step("ablage", "dms")]);
    world.start().await;
    world.submit_all(letters(WAITING)).await;

    world.pass(hours(1)).await;
    let knocked = post.letters();
    // Rests of at least 15, 30, 60, 120, 240 and then 300 seconds: 5 + (3600 - 465) / 300 of them at most in an hour, and a
    // few that began before the breaker opened.
    assert!(knocked.len() <= usize::from(PLACES) + 20, "it was called {} times", knocked.len());
    assert!(knocked.len() > usize::from(PLACES), "somebody tries now and then");
    assert_eq!(world.count("dms", State::Due).await, WAITING as u64);

    up.store(true, SeqCst);
    world.pass(minutes(11)).await;
    let taken: Vec<_> = post.letters().into_iter().skip(knocked.len()).collect();
    let first = taken[0].at;
    let mut expected: Vec<_> = [1, 2, 4, 8, 16, 32].into_iter().flat_map(|count| [count; 10]).collect();
    expected.extend([PER_SECOND; 20]);
    assert_eq!(by_second(&taken, first, 80), expected);

    // Those that were tried during the outage wait for an hour at most until they are tried again.
    world.pass(hours(1)).await;
    assert_eq!(world.count("dms", State::Delivered).await, WAITING as u64);
    let taken = post.letters().into_iter().skip(knocked.len());
    let (count, keys): (Vec<_>, BTreeSet<_>) = taken.map(|letter| ((), letter.key)).unzip();
    assert_eq!((count.len(), keys.len()), (WAITING, WAITING), "each exactly once");
}
