//! Cases of steps that wait for each other.

use super::sample::*;
use super::{Ports, Stand};
use rohrpost_model::ports::{CommandOutcome, Dependents, NewDelivery, Order, Scope};
use rohrpost_model::route::On;
use rohrpost_model::transition::Event;
use rohrpost_model::{DestinationName, ReasonCode, State};

/// `step`, sent to a destination of its own name, so that the cases can pick which one to work on.
fn own(delivery: NewDelivery) -> NewDelivery {
    let destination: DestinationName = name(delivery.step.as_str());
    NewDelivery { destination: Some(destination), ..delivery }
}

impl Ports {
    /// Sends the step and ends its attempt with `event`.
    async fn send_step(&self, step: &str, event: Event) -> State {
        let wanted = rohrpost_model::ports::Wanted { destination: Some(name(step)), ..wanted(900, 1) };
        let mut claim = self.outbox.claim(&wanted).await.unwrap().claims.pop().expect("the step is due");
        self.mark(&mut claim, 900).await.unwrap();
        self.settle(claim, &attempt(event, 901)).await
    }

    async fn states_of_steps(&self) -> Vec<(String, State)> {
        let deliveries = self.deliveries().await;
        deliveries.into_iter().map(|delivery| (delivery.step.to_string(), delivery.state)).collect()
    }

    async fn discard_step(&self, step: &str, dependents: Dependents) {
        let deliveries = self.deliveries().await;
        let id = deliveries.iter().find(|delivery| delivery.step.as_str() == step).unwrap().id;
        let order = Order::Discard(dependents);
        let outcome = self.outbox.command(&Scope::Hub, command(id, order)).await.unwrap();
        assert_eq!(outcome, CommandOutcome::Done(State::Discarded));
    }
}

fn states(expected: &[(&str, State)]) -> Vec<(String, State)> {
    expected.iter().map(|(step, state)| ((*step).to_owned(), *state)).collect()
}

pub(crate) async fn waiting_steps_are_released_when_all_are_done(stand: &dyn Stand) {
    let ports = stand.open().await;
    let steps = [step("a"), step("b"), after("c", &["a", "b"])].map(own);
    ports.accept(&Draft::steps(steps.clone())).await;
    ports.accept(&Draft { steps: vec![after("c", &["a"])], ..Draft::default() }).await;
    ports.send_step("a", Event::Taken).await;
    assert_eq!(ports.states().await[2], State::Blocked, "b is not done");
    ports.send_step("b", Event::Taken).await;
    assert_eq!(ports.states().await[2], State::Due);
    assert_eq!(ports.states().await[3], State::Blocked, "another submission's steps release nothing");
    let released = ports.records.delivery(&Scope::Hub, steps[2].id).await.unwrap().unwrap();
    assert_eq!(released.delivery.due_at, Some(at(901)));
    let last = released.history.last().unwrap();
    assert_eq!((last.event, last.cause.as_str()), (Some(Event::Released), "released"));
}

pub(crate) async fn a_step_on_accepted_is_released_by_awaiting(stand: &dyn Stand) {
    let ports = stand.open().await;
    let early = NewDelivery { on: On::Accepted, ..after("early", &["a"]) };
    ports.accept(&Draft::steps([step("a"), early, after("late", &["a"])].map(own))).await;
    ports.send_step("a", Event::TakenForNow).await;
    let expected = [("a", State::Awaiting), ("early", State::Due), ("late", State::Blocked)];
    assert_eq!(ports.states_of_steps().await, states(&expected));
}

pub(crate) async fn a_skipped_step_releases_too(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::steps([step("fachverfahren"), after("dms", &["fachverfahren"])])).await;
    let claim = ports.claim_only(0).await;
    ports.settle(claim, &rule(Event::ConditionFalse, 1)).await;
    assert_eq!(ports.states().await, [State::Skipped, State::Due]);
}

pub(crate) async fn discarding_may_release_what_waits(stand: &dyn Stand) {
    let ports = stand.open().await;
    let steps = [step("a"), step("b"), after("c", &["a"]), after("d", &["a", "b"])].map(own);
    ports.accept(&Draft::steps(steps)).await;
    ports.discard_step("a", Dependents::Release).await;
    assert_eq!(ports.states().await, [State::Discarded, State::Due, State::Due, State::Blocked]);
    ports.send_step("b", Event::Taken).await;
    assert_eq!(ports.states().await[3], State::Due, "the discarded one still counts as done");
}

pub(crate) async fn discarding_may_discard_what_waits(stand: &dyn Stand) {
    let ports = stand.open().await;
    let steps = [step("a"), after("b", &["a"]), after("c", &["b"]), step("x"), after("y", &["x"])].map(own);
    ports.accept(&Draft::steps(steps.clone())).await;
    ports.discard_step("a", Dependents::Discard).await;
    let expected = [
        ("a", State::Discarded),
        ("b", State::Discarded),
        ("c", State::Discarded),
        ("x", State::Due),
        ("y", State::Blocked),
    ];
    assert_eq!(ports.states_of_steps().await, states(&expected));
    let with_it = ports.records.delivery(&Scope::Hub, steps[2].id).await.unwrap().unwrap();
    assert_eq!(with_it.delivery.reason.unwrap().code, ReasonCode::DiscardedWithStep);
    assert_eq!(with_it.history.last().unwrap().who, "betrieb");
}

pub(crate) async fn a_blocked_delivery_is_due_when_a_person_says_so(stand: &dyn Stand) {
    let ports = stand.open().await;
    let steps = [step("a"), after("b", &["a"])].map(own);
    ports.accept(&Draft::steps(steps.clone())).await;
    let outcome = ports.outbox.command(&Scope::Hub, command(steps[1].id, Order::Retry)).await.unwrap();
    assert_eq!(outcome, CommandOutcome::Done(State::Due));
    assert_eq!(ports.send_step("b", Event::Taken).await, State::Delivered);
    assert_eq!(ports.send_step("a", Event::Taken).await, State::Delivered);
}
