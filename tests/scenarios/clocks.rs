//! Somebody puts the clock, by a day.

use super::rig::letters::{Letter, letter, letters, to};
use super::rig::office::{Answer, Office, done, down, refused, torn};
use super::rig::{World, destination, hours, minutes, seconds, steady, step};
use rohrpost_model::destination::{Destination, Rate, Retry};
use rohrpost_model::ports::{BulkOrder, BulkState};
use rohrpost_model::route::Step;
use rohrpost_model::{Failure, Reason, ReasonCode, State};
use std::sync::Arc;

/// Destinations in every kind of waiting, each behind a route of its own.
struct Waiting {
    world: World,
    /// Its deliveries wait for their next attempt.
    retrying: Arc<Office>,
    /// Its breaker is open.
    broken: Arc<Office>,
    /// As many as its rate allows have begun.
    rated: Arc<Office>,
    /// It is asked about an unknown one.
    asked: Arc<Office>,
    /// It took nothing, and an order for many lets them go again.
    ordered: Arc<Office>,
}

const ROUTES: [&str; 5] = ["wiederholt", "gestoert", "getaktet", "ungewiss", "angewiesen"];

impl Waiting {
    async fn begin() -> Self {
        let mut world = World::at("2026-05-04T08:00+02");
        let retry = Retry { first: minutes(10), cap: minutes(10), ..Retry::default() };
        let rate = Some(Rate { count: 10, per: minutes(1) });
        let retrying = world.office(Destination { retry, ..steady("wiederholt") });
        let broken = world.office(Destination { retry, ..destination("gestoert") });
        let rated = world.office(Destination { rate, concurrency: 100, ..steady("getaktet") });
        let asked = world.office(steady("ungewiss"));
        let ordered = world.office(Destination { concurrency: 50, ..steady("angewiesen") });
        for name in ROUTES {
            world.route([Step { ordered: name == "getaktet", ..step("schritt", name) }]);
        }
        world.start().await;
        for office in [&retrying, &broken] {
            office.answers(|_| down());
        }
        asked.answers(|_| torn());
        asked.says(|_| Answer::Now(Err(Failure::unavailable(Reason::new(ReasonCode::Unreachable)))));
        ordered.answers(|_| refused());
        let waiting = Self { world, retrying, broken, rated, asked, ordered };
        waiting.hand_in().await;
        waiting
    }

    async fn hand_in(&self) {
        for (route, count) in [(0, 20), (1, 20), (2, 60), (3, 1), (4, 200)] {
            // Ten to a case: on the ordered route they leave one behind the other.
            let letters = letters(count).enumerate();
            let letters = letters.map(|(number, letter)| Letter {
                route,
                case: format!("fall-{}", number / 10),
                ..letter
            });
            for letter in letters {
                self.world.submit(letter).await;
            }
        }
        self.ordered.answers(|_| done());
    }
}

/// Die Uhr wird um einen Tag zurückgestellt: Nichts von dem, was bald fällig war, wartet nun einen Tag.
#[tokio::test]
async fn nothing_waits_for_a_day_when_the_clock_is_put_back_by_one() {
    let Waiting { world, retrying, broken, rated, asked, ordered } = Waiting::begin().await;
    let order = world.order_many(BulkOrder::Retry, to("angewiesen"), 50).await;
    world.pass(seconds(1)).await;
    world.put_clock(world.now() - hours(24)).await;
    let before = [&retrying, &broken, &rated, &asked, &ordered].map(|office| office.calls().len());
    world.pass(minutes(3)).await;
    let new = [&retrying, &broken, &rated, &asked, &ordered].map(|office| office.calls().len());
    let more: Vec<_> = new.iter().zip(before).map(|(new, before)| new - before).collect();
    assert!(more[0] >= 20, "what waited for its next attempt was tried: {more:?}");
    assert!(more[1] >= 1, "somebody tried whether the one that was in trouble is back: {more:?}");
    assert!((20..=30).contains(&more[2]), "ten a minute: {more:?}");
    assert!(more[3] >= 1, "it was asked: {more:?}");
    assert_eq!(more[4], 200 - (before[4] - 200), "the order went on to its end: {more:?}");
    assert_eq!(world.progress(&order).await.state, BulkState::Finished);

    let new = world.post(letter("neu")).await;
    retrying.answers(|_| done());
    world.command(new, rohrpost_model::ports::Order::Retry).await;
    assert_eq!(world.state(new).await, State::Delivered);
    world.verify_history().await;
}

/// Die Uhr wird um einen Tag vorgestellt: Alles ist auf einmal fällig, und doch geht nichts über die Grenzen der Ziele
/// hinaus, und die Reihenfolge bleibt.
#[tokio::test]
async fn nothing_floods_a_destination_when_the_clock_is_put_forward_by_a_day() {
    let Waiting { world, retrying, broken, rated, asked, ordered } = Waiting::begin().await;
    let order = world.order_many(BulkOrder::Retry, to("angewiesen"), 50).await;
    world.pass(seconds(1)).await;
    let before = [&retrying, &broken, &rated, &ordered].map(|office| office.calls().len());
    retrying.answers(|_| Answer::After(seconds(1), Ok(rohrpost_model::Outcome::Done(Default::default()))));
    broken.answers(|_| done());
    world.put_clock(world.now() + hours(24)).await;
    let leapt = world.now();
    assert!(retrying.under_way() <= usize::from(Destination::CONCURRENCY));
    assert_eq!(broken.calls().len() - before[1], 1, "one tries");
    assert!(rated.calls().len() - before[2] <= 10, "one minute's worth");
    assert!(ordered.calls().len() - before[3] <= 10, "an order does not make good for the day");
    world.pass(minutes(2)).await;
    assert!(rated.calls().iter().filter(|call| call.at >= leapt).count() <= 30);
    let ramp = broken.calls().split_off(before[1]);
    let first_step = ramp.iter().filter(|call| call.at < leapt + seconds(10)).count();
    assert_eq!(first_step, 10, "and then the ramp");
    assert_eq!(retrying.calls().iter().map(|call| call.under_way).max(), Some(4));
    world.pass(minutes(10)).await;
    assert_eq!(world.progress(&order).await.state, BulkState::Finished);
    assert_eq!(asked.deliveries().len(), 1);
    let cases = rated.cases();
    assert_eq!(cases.len(), 60);
    for case in 0..6 {
        let of_case = format!("fall-{case}");
        let keys: Vec<_> =
            rated.calls().into_iter().filter(|call| call.case == of_case).map(|call| call.key).collect();
        let view = world
            .engine()
            .records()
            .case(&rohrpost_model::ports::Scope::Hub, &of_case.parse().unwrap())
            .await
            .unwrap()
            .remove(0);
        let accepted: Vec<_> = view
            .submissions
            .iter()
            .flat_map(|view| &view.deliveries)
            .filter(|delivery| delivery.ordered)
            .map(|delivery| delivery.id)
            .collect();
        assert_eq!(keys, accepted, "in order of acceptance");
    }
    world.verify_history().await;
}
