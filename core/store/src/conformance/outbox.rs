//! Cases of the port `Outbox`.

use super::sample::*;
use super::{Ports, Stand};
use rohrpost_model::ports::{
    Acceptance, Claim, CommandOutcome, Mark, NewDelivery, Order, Scope, Slot, StoreFault, Wanted,
};
use rohrpost_model::route::UNROUTED;
use rohrpost_model::transition::{Event, Impossible};
use rohrpost_model::{Digest, Reason, ReasonCode, State};
use std::sync::Arc;

pub(crate) async fn h1_what_was_accepted_is_read_back_whole_after_a_reopening(stand: &dyn Stand) {
    let ports = stand.open().await;
    let large = vec![7; 700_000];
    let draft = Draft { attachments: vec![b"small".to_vec(), large.clone()], ..Draft::default() };
    let mut new = ports.new_submission(&draft).await;
    new.deliveries[0].reason = Some(Reason::new(ReasonCode::Routed).with("route", "brunnen"));
    let (mut expected, answer) = (new.submission.clone(), new.answer.clone());
    assert_eq!(ports.outbox.accept(new).await.unwrap(), Acceptance::Stored(answer.clone()));
    drop(ports);

    let ports = stand.open().await;
    let view = ports.records.submission(&Scope::Hub, answer.id).await.unwrap().unwrap();
    let key = ports.vault.open(&view.key).unwrap();
    expected.sequence = 1;
    for (part, plain) in view.submission.parts.iter().zip([&draft.data, &b"small".to_vec(), &large]) {
        let location = part.location.clone().expect("a place");
        assert!(ports.read(&key, Slot::Part(answer.id, part.number), &location).await == *plain);
        expected.parts[part.number as usize].location = Some(location);
    }
    assert_eq!(view.submission, expected);
    assert_eq!(view.answer, answer);
    assert_eq!(view.deliveries.len(), 1);
    assert_eq!(view.deliveries[0].state, State::Due);
    assert_eq!(view.deliveries[0].reason.as_ref().unwrap().params["route"], "brunnen");
}

pub(crate) async fn h3_a_repetition_gets_the_answer_of_the_first_time(stand: &dyn Stand) {
    let ports = stand.open().await;
    let draft = Draft { key: Some("key-1"), ..Draft::default() };
    let first = ports.accept(&draft).await;
    let again = ports.new_submission(&draft).await;
    assert_eq!(ports.outbox.accept(again).await.unwrap(), Acceptance::Repeated(first.clone()));
    let other = Draft { data: b"<other/>".to_vec(), ..draft.clone() };
    let other = ports.new_submission(&other).await;
    assert_eq!(ports.outbox.accept(other).await.unwrap(), Acceptance::OtherContent);
    drop(ports);

    let ports = stand.open().await;
    let again = ports.new_submission(&draft).await;
    assert_eq!(ports.outbox.accept(again).await.unwrap(), Acceptance::Repeated(first));
    assert_eq!(ports.states().await.len(), 1, "one submission, one delivery");
}

pub(crate) async fn h3_of_64_racing_calls_one_is_stored_and_the_others_get_its_answer(stand: &dyn Stand) {
    let ports = stand.open().await;
    let mut calls = Vec::new();
    for number in 0..64 {
        let same = number % 8 != 7;
        let data = if same { b"<same/>".to_vec() } else { b"<other/>".to_vec() };
        let mut draft = Draft { key: Some("key-1"), data, ..Draft::default() };
        draft.steps = vec![step("fachverfahren")];
        calls.push((same, ports.new_submission(&draft).await));
    }
    let calls = calls.into_iter().map(|(same, new)| {
        let outbox = Arc::clone(&ports.outbox);
        tokio::spawn(async move { (same, outbox.accept(new).await.unwrap()) })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.unwrap());
    }
    let stored = answers.iter().filter_map(|(same, answer)| match answer {
        Acceptance::Stored(answer) => Some((*same, answer.clone())),
        _ => None,
    });
    let [(winner, first)] = stored.collect::<Vec<_>>().try_into().expect("exactly one is stored");
    for (same, answer) in answers {
        match answer {
            Acceptance::Stored(_) => {}
            Acceptance::Repeated(answer) => assert!(same == winner && answer == first),
            Acceptance::OtherContent => assert!(same != winner),
        }
    }
    assert_eq!(ports.states().await.len(), 1);
}

pub(crate) async fn h2_an_unrouted_submission_waits_in_sight_and_is_routed_later(stand: &dyn Stand) {
    let ports = stand.open().await;
    let unrouted = NewDelivery {
        destination: None,
        pinned: None,
        state: State::Parked,
        due_at: None,
        reason: Some(Reason::new(ReasonCode::NoRoute).with("service", "99012345678901")),
        ..step(UNROUTED)
    };
    let id = unrouted.id;
    let answer = ports.accept(&Draft::steps([unrouted])).await;
    let waiting = &ports.deliveries().await[0];
    assert_eq!((waiting.state, waiting.reason.as_ref().unwrap().code), (State::Parked, ReasonCode::NoRoute));
    assert!(ports.claim(900, 10).await.is_empty(), "it is for the hub's own step only");

    let retried = ports.outbox.command(&Scope::Hub, command(id, Order::Retry)).await.unwrap();
    assert_eq!(retried, CommandOutcome::Done(State::Due));
    let hub = Wanted { destination: None, ..wanted(900, 10) };
    let claim = ports.outbox.claim(&hub).await.unwrap().claims.pop().unwrap();
    let mut settlement = rule(Event::ConditionFalse, 901);
    settlement.reason = Some(Reason::new(ReasonCode::Routed).with("route", "brunnen"));
    settlement.begins = vec![step("fachverfahren"), after("dms", &["fachverfahren"])];
    assert_eq!(ports.settle(claim, &settlement).await, State::Skipped);
    assert_eq!(ports.states().await, [State::Skipped, State::Due, State::Blocked]);
    let view = ports.records.submission(&Scope::Hub, answer.id).await.unwrap().unwrap();
    assert_eq!(view.deliveries.len(), 3);
    let detail = ports.records.delivery(&Scope::Hub, view.deliveries[1].id).await.unwrap().unwrap();
    assert_eq!((detail.history[0].event, detail.history[0].cause.as_str()), (None, "test"));
    assert_eq!(ports.claim_only(902).await.delivery.step.as_str(), "fachverfahren");
}

pub(crate) async fn claims_are_exclusive_due_and_the_longest_due_first(stand: &dyn Stand) {
    let ports = stand.open().await;
    for (case, due) in [("c", 30), ("a", 10), ("b", 20), ("later", 999)] {
        let steps = vec![NewDelivery { due_at: Some(at(due)), ..step("fachverfahren") }];
        ports.accept(&Draft { steps, ..Draft::case(case) }).await;
    }
    let cases =
        |claims: &[Claim]| claims.iter().map(|claim| claim.delivery.case.to_string()).collect::<Vec<_>>();
    assert!(ports.claim(9, 10).await.is_empty(), "nothing is due yet");
    let first = ports.claim(100, 2).await;
    assert_eq!(cases(&first), ["a", "b"]);
    assert!(first.iter().all(|claim| claim.delivery.state == State::Claimed));
    let second = ports.claim(100, 2).await;
    assert_eq!(cases(&second), ["c"], "what is claimed is not handed out again");
    assert_eq!(ports.states().await[..3], [State::Claimed; 3]);
    for claim in first {
        ports.outbox.give_back(claim).await;
    }
    assert_eq!(cases(&ports.claim(100, 10).await), ["a", "b"]);
    let other = Wanted { destination: Some(name("anderes")), ..wanted(1000, 10) };
    assert!(ports.outbox.claim(&other).await.unwrap().claims.is_empty());
}

pub(crate) async fn h6_giving_back_leaves_no_trace(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    let before = ports.deliveries().await.remove(0);
    let claim = ports.claim_only(0).await;
    ports.outbox.give_back(claim).await;
    assert_eq!(ports.deliveries().await.remove(0), before);
    assert_eq!(ports.history_len(before.id).await, 1);
}

pub(crate) async fn h4_the_document_of_the_first_attempt_is_sent_on_every_one(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    let mut claim = ports.claim_only(0).await;
    let (id, key) = (claim.delivery.id, ports.key_of(claim.delivery.submission).await);
    let nothing = ports.outbox.mark(&mut claim, Mark { at: at(1), document: None, key: key.clone() }).await;
    assert!(matches!(nothing, Err(StoreFault::Damaged(_))), "no mark without something to send");
    ports.mark(&mut claim, 1).await.unwrap();
    assert_eq!((claim.delivery.state, claim.delivery.attempts), (State::Sending, 1));
    let first = claim.delivery.document.clone().unwrap();
    assert_eq!(ports.settle(claim, &attempt(Event::NotTaken, 2)).await, State::Due);
    let retried = ports.outbox.command(&Scope::Hub, command(id, Order::Retry)).await.unwrap();
    assert_eq!(retried, CommandOutcome::Done(State::Due));
    drop(ports);

    let ports = stand.open().await;
    let mut claim = ports.claim_only(600).await;
    let document = Some(ports.document(&claim, &key).await);
    let other = ports.outbox.mark(&mut claim, Mark { at: at(601), document, key: key.clone() }).await;
    assert!(matches!(other, Err(StoreFault::Impossible(_))), "another document under the same key");
    ports.mark(&mut claim, 601).await.unwrap();
    assert_eq!(claim.delivery.attempts, 2);
    assert_eq!(claim.delivery.id, id);
    assert_eq!(claim.delivery.document, Some(first.clone()));
    let slot = Slot::Message(claim.delivery.submission, id);
    let location = first.message.location.expect("a place");
    assert_eq!(ports.read(&key, slot, &location).await, PRIVATE[5].as_bytes());
    let slot = Slot::Signature(claim.delivery.submission, id);
    let location = first.signature.unwrap().location.expect("a place");
    assert_eq!(ports.read(&key, slot, &location).await, b"signature");
    let slot = Slot::Enclosed(claim.delivery.submission, id, 1);
    let enclosed = first.enclosed.into_iter().next().unwrap();
    let location = enclosed.part.location.expect("a place");
    assert_eq!(
        (enclosed.name.as_str(), ports.read(&key, slot, &location).await.as_slice()),
        ("index", ENCLOSED)
    );
}

pub(crate) async fn h8_the_attempt_carries_the_hashes_of_what_was_sent(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    let mut claim = ports.claim_only(0).await;
    let id = claim.delivery.id;
    ports.mark(&mut claim, 1).await.unwrap();
    let open = ports.records.delivery(&Scope::Hub, id).await.unwrap().unwrap().attempts;
    assert_eq!((open.len(), open[0].ended_at, open[0].outcome), (1, None, None));
    let mut settlement = attempt(Event::Refused, 2);
    settlement.reason = Some(Reason::new(ReasonCode::TargetRefused).with("status", 422));
    ports.settle(claim, &settlement).await;
    let detail = ports.records.delivery(&Scope::Hub, id).await.unwrap().unwrap();
    let ended = &detail.attempts[0];
    assert_eq!((ended.number, ended.started_at, ended.ended_at), (1, at(1), Some(at(2))));
    assert_eq!(ended.destination.as_str(), "ziel");
    assert_eq!(ended.content_sha256, Digest::of(b"before the seal"));
    assert_eq!(ended.sent_sha256, Digest::of(b"manifest"));
    assert_eq!((ended.outcome, &ended.reason), (Some(Event::Refused), &settlement.reason));
    assert_eq!(detail.delivery.reason, settlement.reason);
}

pub(crate) async fn h5_a_marked_delivery_is_unknown_after_a_crash_and_an_unmarked_one_is_due(
    stand: &dyn Stand,
) {
    let ports = stand.open().await;
    ports.accept(&Draft::case("marked")).await;
    let mut marked = ports.claim_only(0).await;
    ports.mark(&mut marked, 1).await.unwrap();
    ports.accept(&Draft::case("unmarked")).await;
    let unmarked = ports.claim_only(0).await;
    let (id, unmarked_id) = (marked.delivery.id, unmarked.delivery.id);
    assert_eq!(ports.states().await, [State::Sending, State::Claimed]);
    drop((ports, marked, unmarked));

    let ports = stand.open().await;
    assert_eq!(ports.outbox.recover(at(100), at(105)).await.unwrap(), 1);
    assert_eq!(ports.outbox.recover(at(101), at(101)).await.unwrap(), 0);
    assert_eq!(ports.states().await, [State::Unknown, State::Due]);
    let detail = ports.records.delivery(&Scope::Hub, id).await.unwrap().unwrap();
    assert_eq!(detail.attempts[0].outcome, Some(Event::OutcomeLost));
    assert_eq!(detail.attempts[0].ended_at, Some(at(100)));
    assert_eq!(detail.history.last().unwrap().cause, "recovery");
    assert_eq!(detail.delivery.reason.unwrap().code, ReasonCode::Interrupted);
    assert_eq!(detail.delivery.due_at, Some(at(105)), "the target may still be at work");
    let claims = ports.claim(105, 10).await;
    let states: Vec<_> = claims.iter().map(|claim| (claim.delivery.id, claim.delivery.state)).collect();
    assert_eq!(states, [(unmarked_id, State::Claimed), (id, State::Unknown)], "the longest due first");
}

pub(crate) async fn h5_an_unknown_delivery_is_handed_out_to_be_asked_for(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    assert_eq!(ports.send(0, Event::OutcomeLost).await, State::Unknown);
    assert!(ports.claim(59, 10).await.is_empty(), "asked when its time has come");
    let mut claim = ports.claim_only(60).await;
    assert_eq!(claim.delivery.state, State::Unknown);
    assert!(matches!(ports.mark(&mut claim, 61).await, Err(StoreFault::Impossible(_))), "never sent blindly");
    let mut later = rule(Event::NoWordYet, 62);
    later.due_at = Some(at(200));
    assert_eq!(ports.settle(claim, &later).await, State::Unknown);
    let claim = ports.claim_only(200).await;
    let id = claim.delivery.id;
    assert_eq!(ports.settle(claim, &attempt(Event::Taken, 201)).await, State::Delivered);
    let detail = ports.records.delivery(&Scope::Hub, id).await.unwrap().unwrap();
    assert_eq!(detail.delivery.receipt, Some(receipt()));
    assert_eq!(detail.delivery.attempts, 1);
    assert_eq!(detail.attempts[0].outcome, Some(Event::OutcomeLost), "an attempt is not rewritten");
}

pub(crate) async fn h6_an_impossible_step_leaves_no_trace(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    let claim = ports.claim_only(0).await;
    let id = claim.delivery.id;
    let before = ports.records.delivery(&Scope::Hub, id).await.unwrap().unwrap();
    let unsettled = ports.outbox.settle(claim, &attempt(Event::Taken, 1)).await.unwrap_err();
    let refusal = Impossible { state: State::Claimed, event: Event::Taken };
    assert!(matches!(unsettled.fault, StoreFault::Impossible(found) if found == refusal));
    let after = ports.records.delivery(&Scope::Hub, id).await.unwrap().unwrap();
    assert_eq!((after.delivery, after.history), (before.delivery, before.history));
    assert!(ports.claim(1, 10).await.is_empty(), "the claim is still held");
    assert_eq!(ports.settle(unsettled.claim, &rule(Event::Defect, 2)).await, State::Parked);

    let wrong = NewDelivery { state: State::Delivered, ..step("fachverfahren") };
    let new = ports.new_submission(&Draft::steps([wrong])).await;
    assert!(ports.outbox.accept(new).await.is_err(), "nothing begins at its end");
    assert_eq!(ports.states().await, [State::Parked]);
}

pub(crate) async fn h6_only_the_holder_of_a_claim_marks_and_settles(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    let delivery = ports.deliveries().await.remove(0);
    let mut forged = Claim { delivery: delivery.clone() };
    assert!(matches!(ports.mark(&mut forged, 1).await, Err(StoreFault::Impossible(_))));
    let unsettled = ports.outbox.settle(forged, &rule(Event::Defect, 1)).await.unwrap_err();
    assert!(matches!(unsettled.fault, StoreFault::Impossible(_)));
    assert_eq!(ports.deliveries().await, [delivery]);
}

pub(crate) async fn h6_every_change_names_its_cause_and_who(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    ports.send(0, Event::NotTaken).await;
    ports.send(60, Event::Taken).await;
    let id = ports.deliveries().await[0].id;
    let history = ports.records.delivery(&Scope::Hub, id).await.unwrap().unwrap().history;
    let told: Vec<_> = history
        .iter()
        .map(|entry| (entry.event, entry.state, entry.cause.as_str(), entry.who.as_str()))
        .collect();
    let expected = [
        (None, State::Due, "acceptance", "portal"),
        (Some(Event::Marked), State::Sending, "attempt 1", "rohrpost"),
        (Some(Event::NotTaken), State::Due, "attempt 1", "rohrpost"),
        (Some(Event::Marked), State::Sending, "attempt 2", "rohrpost"),
        (Some(Event::Taken), State::Delivered, "attempt 2", "rohrpost"),
    ];
    assert_eq!(told, expected);
    assert_eq!(history[2].at, at(0));
}

pub(crate) async fn h6_commands_are_recorded_with_who_and_why(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    let id = ports.deliveries().await[0].id;
    for (order, state) in [(Order::Retry, State::Due), (DISCARD, State::Discarded)] {
        let outcome = ports.outbox.command(&Scope::Hub, command(id, order)).await.unwrap();
        assert_eq!(outcome, CommandOutcome::Done(state));
        let detail = ports.records.delivery(&Scope::Hub, id).await.unwrap().unwrap();
        let last = detail.history.last().unwrap();
        assert_eq!((last.cause.as_str(), last.who.as_str(), last.at), ("command", "betrieb", at(500)));
        assert_eq!(last.why.as_deref(), Some(PRIVATE[4]));
        assert_eq!(detail.delivery.reason, last.reason);
    }
    for order in [Order::Retry, DISCARD] {
        let outcome = ports.outbox.command(&Scope::Hub, command(id, order)).await.unwrap();
        assert_eq!(outcome, CommandOutcome::Refused(State::Discarded), "an end is an end");
    }
    assert_eq!(ports.history_len(id).await, 3);
}

pub(crate) async fn h6_a_command_is_refused_while_somebody_works(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    let mut claim = ports.claim_only(0).await;
    let id = claim.delivery.id;
    let refused = |state| CommandOutcome::Refused(state);
    let ask = |order| ports.outbox.command(&Scope::Hub, command(id, order));
    assert_eq!(ask(Order::Retry).await.unwrap(), refused(State::Claimed));
    assert_eq!(ask(DISCARD).await.unwrap(), refused(State::Claimed));
    ports.mark(&mut claim, 1).await.unwrap();
    assert_eq!(ask(DISCARD).await.unwrap(), refused(State::Sending));
    ports.settle(claim, &attempt(Event::OutcomeLost, 2)).await;
    let asking = ports.claim_only(62).await;
    assert_eq!(ask(Order::Retry).await.unwrap(), refused(State::Unknown));
    ports.outbox.give_back(asking).await;
    assert_eq!(ask(Order::Retry).await.unwrap(), CommandOutcome::Done(State::Due));
    assert_eq!(ports.claim_only(500).await.delivery.id, id, "after the command it can be claimed");
}

pub(crate) async fn the_next_due_time_is_that_of_unclaimed_work(stand: &dyn Stand) {
    let ports = stand.open().await;
    assert_eq!(ports.next_due().await, None);
    for due in [40, 20] {
        let steps = vec![NewDelivery { due_at: Some(at(due)), ..step("fachverfahren") }];
        ports.accept(&Draft { steps, ..Draft::default() }).await;
    }
    assert_eq!(ports.next_due().await, Some(at(20)));
    let claim = ports.claim_only(30).await;
    assert_eq!(ports.next_due().await, Some(at(40)));
    ports.settle(claim, &rule(Event::Defect, 31)).await;
    assert_eq!(ports.next_due().await, Some(at(40)));
}

/// Among many parallel calls some are refused, also late ones that break a constraint after they began to write.
pub(crate) async fn a_refused_call_does_not_disturb_the_others(stand: &dyn Stand) {
    let ports = stand.open().await;
    let taken = step("fachverfahren");
    ports.accept(&Draft::steps([taken.clone()])).await;
    let mut calls = Vec::new();
    for number in 0..60 {
        let steps =
            if number % 5 == 0 { vec![step("dms"), taken.clone()] } else { vec![step("fachverfahren")] };
        let draft = Draft { steps, ..Draft::case(&format!("fall-{number}")) };
        calls.push((number, ports.new_submission(&draft).await));
    }
    let calls: Vec<_> =
        calls.into_iter().map(|(number, new)| tokio::spawn(accepts(&ports, number, new))).collect();
    for call in calls {
        let (number, stored) = call.await.unwrap();
        assert_eq!(stored, number % 5 != 0, "call {number}");
    }
    let deliveries = ports.deliveries().await;
    assert_eq!(deliveries.len(), 1 + 48);
    assert!(deliveries.iter().all(|delivery| delivery.step.as_str() == "fachverfahren"));
}

fn accepts(
    ports: &Ports,
    number: usize,
    new: rohrpost_model::ports::NewSubmission,
) -> impl Future<Output = (usize, bool)> + Send + 'static {
    let outbox = Arc::clone(&ports.outbox);
    async move { (number, outbox.accept(new).await.is_ok()) }
}
