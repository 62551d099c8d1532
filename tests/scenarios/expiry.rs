//! What a route gives up, and never without a warning (promise H2).

use super::rig::letters::letter;
use super::rig::office::{done, down, refused, torn};
use super::rig::{World, hours, minutes, seconds, steady, step};
use rohrpost_model::route::{Expiry, Step};
use rohrpost_model::transition::Event;
use rohrpost_model::{DeliveryId, ReasonCode, State, Timestamp};
use std::time::Duration;

fn expiring(name: &str, destination: &str, after: Duration, warn: &[Duration]) -> Step {
    let expiry = Some(Expiry { after, warn: warn.to_vec() });
    Step { expiry, ..step(name, destination) }
}

/// What the rule did to a delivery, and how long after this moment.
async fn ruled(world: &World, id: DeliveryId, since: Timestamp) -> Vec<(u64, Event)> {
    let history = world.history(id).await.into_iter();
    let by_rule = history.filter(|(_, event)| matches!(event, Event::ExpiryWarned | Event::ExpiredByRule));
    by_rule.map(|(at, event)| (u64::try_from(at.duration_since(since).as_secs()).unwrap(), event)).collect()
}

/// Nach zwei Stunden gibt die Route auf, was nicht hinausging: eine Stunde und zehn Minuten vorher steht die Warnung im
/// Verlauf, dann das Ende mit seinem Grund; was darauf wartete, endet mit ihm. Was ankam, wird weder gewarnt noch beendet.
#[tokio::test]
async fn h2_what_has_not_left_expires_with_its_dependents_after_its_warnings() {
    let mut world = World::at("2026-05-04T08:00+02");
    let (office, dms) = (world.office(steady("amt")), world.office(steady("dms")));
    let first = expiring("fachverfahren", "amt", hours(2), &[hours(1), minutes(10)]);
    world.route([first, Step { after: vec!["fachverfahren".parse().unwrap()], ..step("ablage", "dms") }]);
    world.start().await;
    office.answers(|call| match call.case.as_str() {
        "gut" => done(),
        "abgelehnt" => refused(),
        _ => down(),
    });
    let begun = world.now();
    let good = world.submit(letter("gut")).await;
    let lost = [world.submit(letter("abgelehnt")).await, world.submit(letter("ausfall")).await];
    world.pass(hours(2) - seconds(1)).await;
    assert_eq!(world.state(lost[0][0]).await, State::Parked);
    assert_eq!(world.state(lost[1][0]).await, State::Due);
    let tries = office.calls().len();
    world.pass(hours(24)).await;

    let expected =
        vec![(3600, Event::ExpiryWarned), (6600, Event::ExpiryWarned), (7200, Event::ExpiredByRule)];
    for delivery in &lost {
        assert_eq!(ruled(&world, delivery[0], begun).await, expected);
        assert_eq!(ruled(&world, delivery[1], begun).await, [(7200, Event::ExpiredByRule)]);
        for id in delivery {
            assert_eq!(world.state(*id).await, State::Expired);
            let reason = world.reason(*id).await;
            assert_eq!((reason.code, reason.params["after"].as_str()), (ReasonCode::Expired, "2h"));
        }
    }
    assert_eq!(office.calls().len(), tries, "nothing is sent any more");
    assert_eq!(dms.calls().len(), 1);
    for id in good {
        assert_eq!((world.state(id).await, ruled(&world, id, begun).await), (State::Delivered, vec![]));
    }
}

/// Was vielleicht angekommen ist, läuft nicht ab: Erst muss sich zeigen, ob das Ziel es hat.
#[tokio::test]
async fn h2_what_is_unknown_does_not_expire_before_somebody_knows() {
    let mut world = World::at("2026-05-04T08:00+02");
    let office = world.office(steady("amt"));
    world.route([expiring("fachverfahren", "amt", seconds(60), &[seconds(30)])]);
    world.start().await;
    office.answers(|_| torn());
    // It is asked after 5, 10, 20, 40 and 80 seconds.
    office.says(|_| down());
    let begun = world.now();
    let lost = world.post(letter("weg")).await;
    office.answers(|_| done());
    world.pass(seconds(79)).await;
    assert_eq!(world.state(lost).await, State::Unknown);
    assert_eq!(ruled(&world, lost, begun).await, []);
    world.pass(seconds(2)).await;
    assert_eq!(world.state(lost).await, State::Parked, "nobody could tell: a person decides");
    world.pass(minutes(5)).await;
    let ruled = ruled(&world, lost, begun).await;
    assert_eq!(
        ruled.iter().map(|(_, event)| *event).collect::<Vec<_>>(),
        [Event::ExpiryWarned, Event::ExpiredByRule]
    );
    assert!(ruled[1].0 - ruled[0].0 >= 30, "warned as long before as the route says: {ruled:?}");
    assert_eq!(world.state(lost).await, State::Expired);
    assert_eq!(office.deliveries().len(), 1);
}

/// Springt die Uhr, oder war Rohrpost lange aus, endet trotzdem nichts ohne Warnung vorher.
#[tokio::test]
async fn h2_after_a_leap_of_the_clock_or_a_long_stop_nothing_ends_without_a_warning_before() {
    let mut world = World::at("2026-05-04T08:00+02");
    let office = world.office(steady("amt"));
    world.route([expiring("fachverfahren", "amt", hours(2), &[hours(1), minutes(10)])]);
    world.start().await;
    office.answers(|_| refused());
    let leapt = world.post(letter("sprung")).await;
    let begun = world.now();
    world.put_clock(begun + hours(48)).await;
    world.pass(seconds(40)).await;
    assert_eq!(world.state(leapt).await, State::Parked);
    let warned = ruled(&world, leapt, begun).await;
    assert_eq!(warned.iter().map(|(_, event)| *event).collect::<Vec<_>>(), [Event::ExpiryWarned]);
    world.pass(minutes(11)).await;
    let ended = ruled(&world, leapt, begun).await;
    assert_eq!(ended.last().unwrap().1, Event::ExpiredByRule);
    assert!(ended[1].0 - ended[0].0 >= 600, "ten minutes between them: {ended:?}");

    let stopped = world.post(letter("aus")).await;
    let begun = world.now();
    world.stop().await;
    world.clock.advance(hours(24));
    world.start().await;
    assert_eq!(world.state(stopped).await, State::Parked);
    world.pass(minutes(12)).await;
    let events: Vec<_> = ruled(&world, stopped, begun).await.into_iter().map(|(_, event)| event).collect();
    assert_eq!(events, [Event::ExpiryWarned, Event::ExpiredByRule]);
}
