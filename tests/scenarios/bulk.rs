//! Orders for many deliveries: at their own pace, told how far, stopped, and carried on after a restart (promise H6).

use super::rig::letters::{letters, to};
use super::rig::office::{Office, done, refused};
use super::rig::{World, seconds, steady};
use rohrpost_model::destination::Destination;
use rohrpost_model::ports::{BulkOrder, BulkState, DeliveryFilter, Scope};
use rohrpost_model::transition::Event;
use rohrpost_model::{State, Timestamp};
use std::sync::Arc;

const PARKED: u64 = 500;

/// 500 deliveries that their target refused, and now takes.
async fn refused_ones() -> (World, Arc<Office>) {
    let policy = Destination { concurrency: 50, ..steady("amt") };
    let (world, office) = World::with("2026-05-04T08:00+02", policy).await;
    office.answers(|_| refused());
    world.submit_all(letters(usize::try_from(PARKED).unwrap())).await;
    assert_eq!(world.count("amt", State::Parked).await, PARKED);
    office.answers(|_| done());
    (world, office)
}

fn parked() -> DeliveryFilter {
    DeliveryFilter { states: [State::Parked].into(), ..to("amt") }
}

/// The most in any second, wherever it is laid.
fn most_in_a_second(times: &[Timestamp]) -> usize {
    let within = |first: Timestamp| times.iter().filter(move |at| (first..first + seconds(1)).contains(*at));
    times.iter().map(|first| within(*first).count()).max().unwrap_or(0)
}

/// When the order was carried out for each delivery; for none more than once.
async fn carried_out(world: &World) -> Vec<Timestamp> {
    let mut times = Vec::new();
    let all = world.engine().records().deliveries(&Scope::Hub, &to("amt"), None, 1000).await.unwrap();
    for (_, delivery) in all {
        let history = world.history(delivery.id).await.into_iter();
        let orders = history.filter(|(_, event)| *event == Event::RetryCommanded);
        let orders: Vec<_> = orders.map(|(at, _)| at).collect();
        assert!(orders.len() <= 1, "{delivery:?}: {orders:?}");
        times.extend(orders);
    }
    times
}

/// „Wiederholen, höchstens 50 in der Sekunde“: Der Fortschritt ist zu lesen, nach dem Abbruch bleibt getan, was getan ist,
/// und der Rest bleibt liegen.
#[tokio::test]
async fn h6_a_retry_of_many_keeps_its_pace_tells_its_progress_and_can_be_stopped() {
    let (world, office) = refused_ones().await;
    let begun = office.calls().len();
    let order = world.order_many(BulkOrder::Retry, parked(), 50).await;
    assert_eq!(order.total, PARKED);
    for second in 1..=5 {
        world.pass(seconds(1)).await;
        let now = world.progress(&order).await;
        assert_eq!((now.state, now.refused), (BulkState::Running, 0));
        assert!((45 * second..=50 * second + 5).contains(&now.done), "{} after {second} seconds", now.done);
    }
    let cancelled = world.cancel(&order).await;
    assert_eq!(cancelled.state, BulkState::Cancelled);
    let ended = cancelled.ended.expect("an end");
    assert_eq!((ended.at, ended.who.as_str()), (world.now(), "portal"));
    world.pass(seconds(30)).await;
    assert_eq!(world.progress(&order).await.done, cancelled.done);
    assert_eq!(world.count("amt", State::Delivered).await, cancelled.done);
    assert_eq!(world.count("amt", State::Parked).await, PARKED - cancelled.done);
    let times = carried_out(&world).await;
    assert_eq!(times.len() as u64, cancelled.done);
    assert!(most_in_a_second(&times) <= 50, "{}", most_in_a_second(&times));
    assert_eq!((office.calls().len() - begun) as u64, cancelled.done, "sent once each");
}

/// Ein Auftrag geht nach einem Neustart und nach einem Absturz weiter, wo er stand; was währenddessen dazukam, ist nicht
/// gemeint, und keine Zustellung wird zweimal wiederholt. Verlorene Zeit wird nicht nachgeholt.
#[tokio::test]
async fn h6_a_retry_of_many_goes_on_after_a_restart_and_does_nothing_twice() {
    let (mut world, office) = refused_ones().await;
    let begun = office.calls().len();
    let order = world.order_many(BulkOrder::Retry, to("amt"), 50).await;
    world.pass(seconds(2)).await;
    let before = world.progress(&order).await.done;
    world.stop().await;
    world.clock.advance(seconds(600));
    world.start().await;
    world.pass(seconds(2)).await;
    let now = world.progress(&order).await.done;
    assert!(now > before + 90 && now <= before + 105, "{before} and {now}");
    // The next piece is carried out, but not noted.
    world.doings.hold("progress");
    world.pass(seconds(1)).await;
    world.crash().await;
    world.doings.let_go();
    world.start().await;
    world.pass(seconds(10)).await;
    let ended = world.progress(&order).await;
    assert_eq!((ended.state, ended.total, ended.done), (BulkState::Finished, PARKED, PARKED));
    assert_eq!(world.count("amt", State::Delivered).await, PARKED);
    let times = carried_out(&world).await;
    assert_eq!(times.len() as u64, PARKED);
    assert!(most_in_a_second(&times) <= 50, "{}", most_in_a_second(&times));
    assert_eq!((office.calls().len() - begun) as u64, PARKED, "sent once each");
}

/// Auch ein langsamer Auftrag bleibt nach einem Neustart langsam.
#[tokio::test]
async fn h6_a_slow_order_stays_slow_after_a_stop() {
    let (mut world, _) = refused_ones().await;
    world.order_many(BulkOrder::Retry, parked(), 2).await;
    world.pass(seconds(10)).await;
    world.stop().await;
    world.clock.advance(seconds(60));
    world.start().await;
    world.pass(seconds(10)).await;
    let times = carried_out(&world).await;
    assert!((36..=42).contains(&times.len()), "{}", times.len());
    assert!(most_in_a_second(&times) <= 2, "{}", most_in_a_second(&times));
}
