//! A person holds a destination back.

use super::rig::letters::letter;
use super::rig::office::{Answer, done};
use super::rig::{World, minutes, seconds, steady};
use rohrpost_model::destination::Awaiting;
use rohrpost_model::destination::Destination;
use rohrpost_model::ports::DestinationOrder::{Drain, Pause, Resume};
use rohrpost_model::{Outcome, ReasonCode, Receipt, State};

/// Anhalten: Was gerade gesendet wird, endet; sonst geht nichts hinaus und niemand wird gefragt, auch nach einem Neustart.
/// Leerlaufen: Was gesendet ist, wird weiter erfragt, Neues wartet. Fortsetzen: Alles geht weiter.
#[tokio::test]
async fn a_destination_is_paused_drained_and_resumed_and_a_restart_changes_nothing() {
    let awaiting = Awaiting { first: minutes(1), cap: minutes(1), ..Awaiting::default() };
    let policy = Destination { awaiting, concurrency: 10, ..steady("amt") };
    let (mut world, office) = World::with("2026-05-04T08:00+02", policy).await;
    office.answers(|call| match call.case.as_str() {
        "offen" => Answer::Now(Ok(Outcome::Accepted {
            receipt: Receipt::default(),
            ask_again_at: call.at + minutes(1),
        })),
        "lang" => Answer::After(seconds(30), Ok(Outcome::Done(Receipt::default()))),
        _ => done(),
    });
    let (open, long) = (world.post(letter("offen")).await, world.post(letter("lang")).await);
    world.pass(seconds(10)).await;
    assert!(world.order("amt", Pause).await);
    assert!(!world.order("amt", Pause).await, "it is paused already");
    let new = world.post(letter("neu")).await;
    world.pass(minutes(10)).await;
    assert_eq!(world.state(long).await, State::Delivered, "what was being sent had its time to end");
    let told = "since=2026-05-04T06:00:10Z who=portal".to_owned();
    let paused = Some((ReasonCode::PausedByPerson, told.clone()));
    assert_eq!((world.waits(new).await, world.waits(open).await), (paused.clone(), paused.clone()));
    assert_eq!((office.deliveries().len(), office.inquiries().len()), (2, 0));

    world.stop().await;
    world.start().await;
    world.pass(minutes(10)).await;
    assert_eq!((office.deliveries().len(), office.inquiries().len()), (2, 0), "a restart changes nothing");
    assert_eq!(world.waits(new).await, paused);
    let pause = world.engine().destinations().remove(0).pause.unwrap();
    assert_eq!((pause.who.as_str(), pause.since), ("portal", office.calls()[0].at + seconds(10)));

    assert!(world.order("amt", Drain).await);
    world.pass(minutes(5)).await;
    assert_eq!((office.deliveries().len(), office.inquiries().len()), (2, 6), "at once and every minute");
    assert_eq!(world.waits(new).await.unwrap().0, ReasonCode::Draining);
    assert_eq!(world.waits(open).await, None, "it is asked about when its time comes");
    world.crash().await;
    world.start().await;
    world.pass(minutes(5)).await;
    assert_eq!((office.deliveries().len(), office.inquiries().len()), (2, 11));
    assert_eq!(world.state(new).await, State::Due);

    assert!(world.order("amt", Resume).await);
    assert_eq!(world.state(new).await, State::Delivered, "at once");
    world.pass(minutes(1)).await;
    assert_eq!((office.deliveries().len(), office.inquiries().len()), (3, 12));
    assert!(!world.order("amt", Resume).await);
}
