//! The hub is stopped while it works.

use super::rig::letters::letter;
use super::rig::office::Answer;
use super::rig::{World, minutes, seconds, steady};
use rohrpost_model::{Outcome, Receipt, State};

/// Wird Rohrpost angehalten, während noch übersetzt wird, war das kein Versuch: Kein Zähler steigt, nichts steht im
/// Verlauf, und nach dem nächsten Start geht die Zustellung hinaus.
#[tokio::test]
async fn h6_a_stop_before_the_mark_is_no_attempt() {
    let (mut world, office) = World::with("2026-05-04T08:00+02", steady("amt")).await;
    world.doings.hold("origin");
    let delivery = world.post(letter("unterwegs")).await;
    assert_eq!(world.state(delivery).await, State::Claimed);
    world.ask_to_stop().await;
    world.doings.let_go();
    world.rest().await;
    let detail = world.detail(delivery).await;
    assert_eq!((detail.delivery.state, detail.delivery.attempts), (State::Due, 0));
    assert_eq!((detail.attempts.len(), world.history(delivery).await.len()), (0, 0));
    world.stop().await;
    assert_eq!(office.calls().len(), 0);
    world.pass(minutes(5)).await;
    world.start().await;
    assert_eq!(world.state(delivery).await, State::Delivered);
    assert_eq!(office.calls()[0].attempt, 1);
}

/// Was schon gesendet wird, hat beim Anhalten seine Zeit zu enden und wird nicht ungewiss; anderes beginnt nicht mehr.
#[tokio::test]
async fn what_is_being_sent_has_its_time_to_end() {
    let (mut world, office) = World::with("2026-05-04T08:00+02", steady("amt")).await;
    office.answers(|_| Answer::After(seconds(20), Ok(Outcome::Done(Receipt::default()))));
    let sent = world.post(letter("gesendet")).await;
    world.pass(seconds(5)).await;
    world.ask_to_stop().await;
    let later = world.post(letter("danach")).await;
    world.pass(seconds(15)).await;
    assert_eq!((world.state(sent).await, world.state(later).await), (State::Delivered, State::Due));
    world.stop().await;
    world.start().await;
    world.pass(seconds(20)).await;
    assert_eq!(world.state(later).await, State::Delivered);
    assert_eq!(office.cases(), ["gesendet", "danach"]);
}
