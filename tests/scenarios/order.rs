//! The order of a case (promise H11).

use super::rig::letters::{Letter, letter};
use super::rig::office::{Answer, Office, done, refused, torn};
use super::rig::{World, minutes, seconds, steady, step};
use rohrpost_model::ports::{CommandOutcome, Dependents, Inquiry, Order};
use rohrpost_model::route::Step;
use rohrpost_model::{DeliveryId, Outcome, ReasonCode, Receipt, State};
use std::sync::Arc;

/// A route whose only step keeps to the order of the case.
async fn in_order() -> (World, Arc<Office>) {
    let mut world = World::at("2026-05-04T08:00+02");
    let office = world.office(steady("amt"));
    world.route([Step { ordered: true, ..step("fachverfahren", "amt") }]);
    world.start().await;
    (world, office)
}

async fn three(world: &World, case: &str) -> [DeliveryId; 3] {
    [world.post(letter(case)).await, world.post(letter(case)).await, world.post(letter(case)).await]
}

async fn states(world: &World, deliveries: [DeliveryId; 3]) -> [State; 3] {
    [world.state(deliveries[0]).await, world.state(deliveries[1]).await, world.state(deliveries[2]).await]
}

/// Die erste Zustellung eines Vorgangs liegt: Die späteren desselben Vorgangs warten hinter ihr und sagen es; andere
/// Vorgänge laufen. Wird sie wiederholt oder verworfen, gehen die späteren der Reihe nach.
#[tokio::test]
async fn h11_a_parked_one_holds_back_only_its_own_case() {
    let (world, office) = in_order().await;
    office.answers(|call| if call.case.starts_with("streit") { refused() } else { done() });
    let disputed = three(&world, "streit-1").await;
    let given_up = three(&world, "streit-2").await;
    let other = three(&world, "friede").await;
    // The same case id of another tenant is another case.
    let elsewhere = world.post(Letter { tenant: "behausen", ..letter("friede") }).await;
    world.pass(minutes(10)).await;
    let held = [State::Parked, State::Due, State::Due];
    assert_eq!((states(&world, disputed).await, states(&world, given_up).await), (held, held));
    assert_eq!(states(&world, other).await, [State::Delivered; 3]);
    assert_eq!(world.state(elsewhere).await, State::Delivered);
    for [first, second, third] in [disputed, given_up] {
        let behind = Some((ReasonCode::BehindEarlier, format!("delivery={first}")));
        assert_eq!((world.waits(second).await, world.waits(third).await), (behind.clone(), behind));
        assert_eq!(world.detail(second).await.attempts.len(), 0);
    }

    office.answers(|_| done());
    let begun = office.calls().len();
    assert_eq!(world.command(disputed[0], Order::Retry).await, CommandOutcome::Done(State::Due));
    world.pass(seconds(1)).await;
    let order: Vec<_> = office.calls().split_off(begun).into_iter().map(|call| call.key).collect();
    assert_eq!(order, disputed, "now all three, in order");
    let discard = Order::Discard(Dependents::Discard);
    assert_eq!(world.command(given_up[0], discard).await, CommandOutcome::Done(State::Discarded));
    world.pass(seconds(1)).await;
    let order: Vec<_> = office.calls().split_off(begun + 3).into_iter().map(|call| call.key).collect();
    assert_eq!(order, given_up[1..], "without the one that was given up");
}

/// Solange die erste noch gesendet wird oder ihr Verbleib ungewiss ist, wartet die zweite; hat das Ziel die erste
/// angenommen, darf die zweite gehen, auch wenn das letzte Wort zur ersten aussteht.
#[tokio::test]
async fn h11_a_later_one_waits_while_the_earlier_one_is_sent_or_unknown_and_goes_when_it_was_taken() {
    let (world, office) = in_order().await;
    office.answers(|call| match call.case.as_str() {
        "lang" => Answer::After(seconds(20), Ok(Outcome::Done(Receipt::default()))),
        "ungewiss" if call.attempt == 1 => torn(),
        "offen" => Answer::Now(Ok(Outcome::Accepted {
            receipt: Receipt::default(),
            ask_again_at: call.at + minutes(60),
        })),
        _ => done(),
    });
    office.says(|call| match call.case.as_str() {
        "ungewiss" => Answer::Now(Ok(Inquiry::Absent)),
        _ => Answer::Now(Ok(Inquiry::NoWord)),
    });
    let begun = world.now();
    for case in ["lang", "ungewiss", "offen"] {
        three(&world, case).await;
    }
    world.pass(minutes(5)).await;
    let at = |case| {
        let calls = office.deliveries().into_iter().filter(move |call| call.case == case);
        calls.map(|call| call.at.duration_since(begun).as_secs()).collect::<Vec<_>>()
    };
    assert_eq!(at("lang"), [0, 20, 40]);
    assert_eq!(at("offen"), [0, 0, 0]);
    let unknown: Vec<_> = office.deliveries().into_iter().filter(|call| call.case == "ungewiss").collect();
    assert_eq!(unknown[0].key, unknown[1].key, "it was not there, and is sent again before any other");
    assert!(unknown[1..].iter().all(|call| call.at >= begun + seconds(5)), "it is asked about first");
    assert_eq!(world.count("amt", State::Awaiting).await, 3);
}
