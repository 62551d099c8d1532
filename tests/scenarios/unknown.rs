//! Nobody knows whether it arrived (promise H5).

use super::rig::letters::{Letter, letter};
use super::rig::office::{Answer, Call, Office, done, refused, torn};
use super::rig::{World, minutes, seconds, steady};
use rohrpost_model::destination::{Destination, OnUnknown, Retry};
use rohrpost_model::ports::{CommandOutcome, Inquiry};
use rohrpost_model::{Failure, Outcome, Reason, ReasonCode, Receipt, State};
use std::sync::Arc;

/// The first attempt at every delivery tears; the target says this when it is asked.
async fn torn_once(unknown: OnUnknown, word: Inquiry) -> (World, Arc<Office>) {
    let retry = Retry { first: seconds(10), cap: seconds(10), age: None };
    let policy = Destination { unknown, retry, ..steady("amt") };
    let (world, office) = World::with("2026-05-04T08:00+02", policy).await;
    office.answers(|call| if call.attempt == 1 { torn() } else { done() });
    office.says(move |_| Answer::Now(Ok(word.clone())));
    (world, office)
}

/// What was sent twice is the same, under the same key.
fn the_same(calls: &[Call]) {
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[0].key, calls[0].sent), (calls[1].key, calls[1].sent));
    assert_eq!((calls[0].attempt, calls[1].attempt), (1, 2));
}

/// Das Ziel hat es: Es wird nicht noch einmal gesendet, was auch immer erlaubt wäre.
#[tokio::test]
async fn h5_what_the_target_has_is_not_sent_again() {
    let found = Inquiry::Found(Outcome::Done(Receipt::default()));
    let (world, office) = torn_once(OnUnknown::Retry, found).await;
    let delivery = world.post(letter("da")).await;
    assert_eq!(world.state(delivery).await, State::Unknown);
    world.pass(minutes(10)).await;
    assert_eq!(world.state(delivery).await, State::Delivered);
    assert_eq!((office.deliveries().len(), office.inquiries().len()), (1, 1));
    let [first, asked] = office.calls().try_into().unwrap();
    assert_eq!(asked.at, first.at + seconds(5), "not at once: it may still be at work there");
}

/// Das Ziel hat es sicher nicht: Dieselben Bytes gehen unter demselben Schlüssel noch einmal hinaus.
#[tokio::test]
async fn h5_what_is_surely_absent_is_sent_again_under_the_same_key() {
    let (world, office) = torn_once(OnUnknown::Park, Inquiry::Absent).await;
    let delivery = world.post(letter("fort")).await;
    world.pass(minutes(1)).await;
    assert_eq!(world.state(delivery).await, State::Delivered);
    the_same(&office.deliveries());
}

/// Niemand weiß es: Mit „park“ entscheidet ein Mensch, und nichts geht doppelt hinaus.
#[tokio::test]
async fn h5_without_a_word_nothing_is_repeated_where_the_destination_says_park() {
    let (world, office) = torn_once(OnUnknown::Park, Inquiry::NoWord).await;
    let delivery = world.post(letter("ungewiss")).await;
    world.pass(minutes(60)).await;
    assert_eq!(world.state(delivery).await, State::Parked);
    assert_eq!(world.reason(delivery).await.code, ReasonCode::NoWord);
    assert_eq!((office.deliveries().len(), office.inquiries().len()), (1, 1));
}

/// Mit „retry“, oder wo das Ziel Doppeltes selbst erkennt, wird wiederholt: dieselben Bytes, derselbe Schlüssel.
#[tokio::test]
async fn h5_without_a_word_it_is_repeated_where_that_is_allowed_or_does_no_harm() {
    for (unknown, deduplicates) in [(OnUnknown::Retry, false), (OnUnknown::Park, true)] {
        let (world, office) = torn_once(unknown, Inquiry::NoWord).await;
        if deduplicates {
            office.deduplicates();
        }
        let delivery = world.post(letter("ungewiss")).await;
        world.pass(minutes(1)).await;
        assert_eq!(world.state(delivery).await, State::Delivered);
        the_same(&office.deliveries());
        assert_eq!(office.inquiries().len(), 1, "it is asked first");
    }
}

/// Ein Ziel, das auch auf die Frage nicht zu erreichen ist, wird fünfmal gefragt; dann gilt das als kein Wort.
#[tokio::test]
async fn h5_a_target_that_cannot_be_asked_is_asked_again_and_then_a_person_decides() {
    let (world, office) = torn_once(OnUnknown::Park, Inquiry::NoWord).await;
    office.says(|_| Answer::Now(Err(Failure::unavailable(Reason::new(ReasonCode::Unreachable)))));
    let delivery = world.post(letter("stumm")).await;
    world.pass(minutes(10)).await;
    let begun = office.calls()[0].at;
    let asked: Vec<_> =
        office.inquiries().into_iter().map(|call| call.at.duration_since(begun).as_secs()).collect();
    assert_eq!(asked, [5, 10, 20, 40, 80]);
    assert_eq!(world.state(delivery).await, State::Parked);
    assert_eq!(office.deliveries().len(), 1);
}

/// Unter demselben Schlüssel gehen dieselben Bytes hinaus, auch wenn die Konfiguration inzwischen anderes ergäbe; erst wenn
/// ein Mensch die Zustellung richtet, wird das Dokument neu gemacht.
#[tokio::test]
async fn h4_a_changed_document_is_not_sent_under_the_same_key_without_a_person() {
    let (mut world, office) = torn_once(OnUnknown::Retry, Inquiry::NoWord).await;
    office.answers(|call| if call.attempt == 1 { torn() } else { refused() });
    let delivery = world.post(Letter { attached: true, ..letter("mit-plan") }).await;
    world.change_steps(|step| step.attachments = true);
    world.activate().await;
    world.pass(minutes(1)).await;
    assert_eq!(world.state(delivery).await, State::Parked);
    the_same(&office.deliveries());
    world.command(delivery, rohrpost_model::ports::Order::Retry).await;
    world.pass(minutes(1)).await;
    let calls = office.deliveries();
    assert_eq!((calls[2].sent, calls[2].attachments), (calls[0].sent, 0), "a retry is no mending");
    office.answers(|_| done());
    assert_eq!(world.mend(delivery).await, CommandOutcome::Done(State::Due));
    world.pass(minutes(1)).await;
    let calls = office.deliveries();
    assert_eq!((calls[3].key, calls[3].attachments), (calls[0].key, 1));
    assert_ne!(calls[3].sent, calls[0].sent);
    let attempts = world.detail(delivery).await.attempts;
    assert_eq!(
        attempts.iter().map(|attempt| attempt.sent_sha256).collect::<Vec<_>>(),
        calls.iter().map(|call| call.sent).collect::<Vec<_>>()
    );
}

/// Ein Ziel, das hängt, verliert nach der Zeitgrenze seinen Platz, und ein Absturz mitten im Senden macht die Zustellung
/// ungewiss: Das Ziel wird gefragt, nicht gleich, und nichts blind wiederholt.
#[tokio::test]
async fn h5_after_a_time_out_and_after_a_crash_the_target_is_asked() {
    let (mut world, office) = torn_once(OnUnknown::Park, Inquiry::NoWord).await;
    world.change("amt", |amt| amt.concurrency = 1);
    world.activate().await;
    office.answers(|call| if call.case == "danach" { done() } else { Answer::Never });
    let (hanging, next) = (world.post(letter("haengt")).await, world.post(letter("danach")).await);
    world.pass(seconds(59)).await;
    assert_eq!((world.state(hanging).await, world.state(next).await), (State::Sending, State::Due));
    world.pass(seconds(1)).await;
    assert_eq!((world.state(hanging).await, world.state(next).await), (State::Unknown, State::Delivered));
    world.pass(minutes(1)).await;
    assert_eq!(world.state(hanging).await, State::Parked);

    let struck = world.post(letter("absturz")).await;
    world.pass(seconds(10)).await;
    assert_eq!(world.state(struck).await, State::Sending);
    world.crash().await;
    world.start().await;
    let begun = world.now();
    assert_eq!(world.state(struck).await, State::Unknown);
    assert_eq!(world.reason(struck).await.code, ReasonCode::Interrupted);
    world.pass(minutes(1)).await;
    assert_eq!(office.inquiries().last().unwrap().at, begun + seconds(5));
    assert_eq!(world.state(struck).await, State::Parked);
    assert_eq!(office.deliveries().len(), 3);
}
