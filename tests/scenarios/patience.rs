//! How long a destination is left alone, tried, and waited for.

use super::rig::letters::{letter, letters};
use super::rig::office::{Answer, done, down};
use super::rig::post::Post;
use super::rig::{World, at, destination, hours, minutes, seconds, steady, step};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use rohrpost_model::destination::{Awaiting, Destination, Retry};
use rohrpost_model::ports::{Clock as _, Inquiry, Order};
use rohrpost_model::transition::Event;
use rohrpost_model::{Outcome, ReasonCode, Receipt, State};
use std::sync::Arc;

/// „429, Retry-After: 120“: Das ganze Ziel hat zwei Minuten Ruhe, nicht nur die eine Zustellung; wer wartet, liest es.
#[tokio::test]
async fn a_target_that_asks_to_be_left_alone_is_left_alone_by_all() {
    let mut world = World::at("2026-05-04T08:00+02");
    let (clock, begun) = (Arc::clone(&world.clock), world.now());
    let post = Post::answering(&world.clock, move |_| {
        if clock.now() > begun + minutes(1) {
            return StatusCode::OK.into_response();
        }
        (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "120")]).into_response()
    });
    let post = post.await;
    world.connect(destination("amt"), post.target());
    world.route([step("schritt", "amt")]);
    world.start().await;
    let first = world.post(letter("erste")).await;
    world.submit_all(letters(20)).await;
    let later = world.post(letter("weitere")).await;
    let until = "until=2026-05-04T06:02:00Z".to_owned();
    assert_eq!(world.waits(later).await, Some((ReasonCode::AskedToRest, until)));
    let again = "at=2026-05-04T06:02:00Z".to_owned();
    assert_eq!(world.waits(first).await, Some((ReasonCode::RetryAt, again)));
    world.pass(seconds(119)).await;
    assert_eq!(post.letters().len(), 1, "nobody else is sent there");
    world.pass(seconds(1)).await;
    assert_eq!(world.count("amt", State::Delivered).await, 22, "one trouble is no outage: no ramp");
    assert!(post.letters()[1..].iter().all(|letter| letter.at == begun + minutes(2)));
}

/// Angenommen, aber nicht fertig: Gefragt wird zur Zeit, die das Ziel nennt, dann in wachsenden Abständen, zuletzt zur
/// Frist; danach entscheidet ein Mensch. Ein letztes Wort beendet das Warten.
#[tokio::test]
async fn what_was_taken_is_asked_about_at_stretching_times_until_the_deadline() {
    let awaiting = Awaiting { first: minutes(1), cap: minutes(10), deadline: hours(1) };
    let policy = Destination { awaiting, ..steady("druckerei") };
    let (world, office) = World::with("2026-05-04T08:00+02", policy).await;
    office.answers(|call| {
        Answer::Now(Ok(Outcome::Accepted { receipt: Receipt::default(), ask_again_at: call.at + minutes(2) }))
    });
    let begun = world.now();
    let (lost, printed) = (world.post(letter("verschollen")).await, world.post(letter("gedruckt")).await);
    let ready = begun + minutes(20);
    office.says(move |call| {
        let found = Inquiry::Found(Outcome::Done(Receipt::default()));
        let there = call.case == "gedruckt" && call.at >= ready;
        Answer::Now(Ok(if there { found } else { Inquiry::NoWord }))
    });
    assert_eq!(world.state(lost).await, State::Awaiting);
    assert_eq!((world.reason(lost).await.code, world.waits(lost).await), (ReasonCode::InProgress, None));
    world.pass(minutes(59)).await;
    assert_eq!((world.state(lost).await, world.state(printed).await), (State::Awaiting, State::Delivered));
    world.pass(hours(24)).await;
    let asked = |case| {
        let calls = office.inquiries().into_iter().filter(move |call| call.case == case);
        calls.map(|call| call.at.duration_since(begun).as_mins()).collect::<Vec<_>>()
    };
    assert_eq!(asked("verschollen"), [2, 3, 5, 9, 17, 27, 37, 47, 57, 60]);
    assert_eq!(asked("gedruckt"), [2, 3, 5, 9, 17, 27]);
    assert_eq!(world.state(lost).await, State::Parked);
    let reason = world.reason(lost).await;
    assert_eq!((reason.code, reason.params["deadline"].as_str()), (ReasonCode::AwaitingTooLong, "1h"));
    assert_eq!(office.deliveries().len(), 2, "what was taken is not sent again");
}

/// Eine Stunde lang wird versucht, das letzte Mal genau nach einer Stunde; dann liegt die Zustellung mit ihrem Grund. Die
/// Wiederholung durch einen Menschen beginnt eine neue Stunde.
#[tokio::test]
async fn after_its_age_a_delivery_waits_for_a_person_who_begins_a_new_round() {
    let retry = Retry { first: minutes(1), cap: minutes(10), age: Some(hours(1)) };
    let policy = Destination { retry, ..steady("amt") };
    let (world, office) = World::with("2026-05-04T08:00+02", policy).await;
    office.answers(|_| down());
    let delivery = world.post(letter("vergeblich")).await;
    for round in 1..=2 {
        let begun = world.now();
        let before = office.calls().len() - 1;
        world.pass(hours(1) - seconds(1)).await;
        assert_eq!(world.state(delivery).await, State::Due);
        let waits = world.waits(delivery).await.unwrap();
        assert_eq!(waits.0, ReasonCode::RetryAt);
        world.pass(hours(5)).await;
        let tries: Vec<_> = office.calls().split_off(before).into_iter().map(|call| call.at).collect();
        assert_eq!(*tries.last().unwrap(), begun + hours(1), "round {round}: the last one at the age");
        assert!(tries.windows(2).all(|pair| pair[1] <= pair[0] + minutes(10)), "{tries:?}");
        let reason = world.reason(delivery).await;
        assert_eq!((world.state(delivery).await, reason.code), (State::Parked, ReasonCode::TriedLongEnough));
        assert_eq!((reason.params["age"].as_str(), reason.params["last"].as_str()), ("1h", "target-busy"));
        if round == 1 {
            world.command(delivery, Order::Retry).await;
        }
    }
    office.answers(|_| done());
    world.command(delivery, Order::Retry).await;
    assert_eq!(world.state(delivery).await, State::Delivered);
    let detail = world.detail(delivery).await;
    assert_eq!(detail.delivery.attempts as usize, office.calls().len());
    let parked =
        world.history(delivery).await.into_iter().filter(|(_, event)| *event == Event::TriedLongEnough);
    assert_eq!(
        parked.map(|(when, _)| when).collect::<Vec<_>>(),
        [at("2026-05-04T09:00+02"), at("2026-05-04T15:00+02") - seconds(1)]
    );
}
