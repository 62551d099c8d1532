//! Cases of order within a case (H11).

use super::sample::*;
use super::{Ports, Stand};
use rohrpost_model::ports::{CommandOutcome, NewDelivery, Order, Scope, Wanted};
use rohrpost_model::route::UNROUTED;
use rohrpost_model::transition::Event;
use rohrpost_model::{DeliveryId, State};

impl Ports {
    /// Accepts an ordered delivery; returns it.
    async fn accept_ordered(&self, case: &str) -> DeliveryId {
        let steps = vec![ordered()];
        let id = steps[0].id;
        self.accept(&Draft { steps, ..Draft::case(case) }).await;
        id
    }

    async fn ids_to_be_had(&self) -> Vec<DeliveryId> {
        let claims = self.claim(2000, 100).await;
        let ids = claims.iter().map(|claim| claim.delivery.id).collect();
        for claim in claims {
            self.outbox.give_back(claim).await;
        }
        ids
    }

    async fn retry(&self, id: DeliveryId) {
        let outcome = self.outbox.command(&Scope::Hub, command(id, Order::Retry)).await.unwrap();
        assert_eq!(outcome, CommandOutcome::Done(State::Due));
    }
}

pub(crate) async fn h11_later_ones_of_a_case_wait_for_earlier_ones(stand: &dyn Stand) {
    let ports = stand.open().await;
    let mut waiting = Vec::new();
    for _ in 0..4 {
        waiting.push(ports.accept_ordered("fall-1").await);
    }
    assert_eq!(ports.next_due().await, Some(at(0)));
    drop(ports);
    let ports = stand.open().await;
    for expected in waiting {
        let mut claim = ports.claim_only(2000).await;
        assert_eq!(claim.delivery.id, expected);
        assert!(ports.claim(2000, 10).await.is_empty(), "while it is claimed");
        ports.mark(&mut claim, 2001).await.unwrap();
        assert!(ports.claim(2000, 10).await.is_empty(), "while it is sending");
        ports.settle(claim, &attempt(Event::Taken, 2002)).await;
    }
    assert_eq!(ports.next_due().await, None);
}

pub(crate) async fn h11_a_parked_one_holds_back_only_its_own_case_tenant_and_step(stand: &dyn Stand) {
    let ports = stand.open().await;
    let first = ports.accept_ordered("fall-1").await;
    let claim = ports.claim_only(0).await;
    ports.settle(claim, &rule(Event::Defect, 1)).await;
    let held = ports.accept_ordered("fall-1").await;
    let other_case = ports.accept_ordered("fall-2").await;
    let steps = vec![NewDelivery { ordered: true, ..step("dms") }, step("kasse")];
    let (other_step, unordered) = (steps[0].id, steps[1].id);
    ports.accept(&Draft { steps, ..Draft::default() }).await;
    let steps = vec![ordered()];
    let other_tenant = steps[0].id;
    ports.accept(&Draft { tenant: "stadt-beispiel", steps, ..Draft::default() }).await;
    let mut free = ports.ids_to_be_had().await;
    free.sort();
    let mut expected = [other_case, other_step, unordered, other_tenant];
    expected.sort();
    assert_eq!(free, expected);
    let outcome = ports.outbox.command(&Scope::Hub, command(first, DISCARD)).await.unwrap();
    assert_eq!(outcome, CommandOutcome::Done(State::Discarded));
    assert!(ports.ids_to_be_had().await.contains(&held), "a discarded one lets go");
}

pub(crate) async fn h11_every_holding_state_holds_and_the_others_let_go(stand: &dyn Stand) {
    let ports = stand.open().await;
    let ends = [
        (Event::OutcomeLost, State::Unknown),
        (Event::Refused, State::Parked),
        (Event::NotTaken, State::Due),
        (Event::TakenForNow, State::Awaiting),
        (Event::Taken, State::Delivered),
    ];
    for (event, state) in ends {
        let case = format!("fall-{state}");
        let first = ports.accept_ordered(&case).await;
        assert_eq!(ports.send(0, event).await, state);
        let second = ports.accept_ordered(&case).await;
        let free = ports.claim(0, 10).await;
        assert_eq!(free.len(), usize::from(!state.holds_later()), "after one that is {state}");
        for claim in free {
            assert_eq!(claim.delivery.id, second);
            ports.settle(claim, &rule(Event::Defect, 1)).await;
        }
        for id in [first, second] {
            ports.outbox.command(&Scope::Hub, command(id, DISCARD)).await.unwrap();
        }
    }
    let first = vec![NewDelivery { ordered: true, ..after("fachverfahren", &["nie"]) }];
    ports.accept(&Draft { steps: first, ..Draft::case("blocked") }).await;
    ports.accept_ordered("blocked").await;
    assert!(ports.claim(0, 10).await.is_empty(), "after one that is blocked");
}

pub(crate) async fn h11_a_late_route_goes_before_what_was_accepted_after_it(stand: &dyn Stand) {
    let ports = stand.open().await;
    let unrouted = NewDelivery { destination: None, ..step(UNROUTED) };
    ports.accept(&Draft::steps([unrouted])).await;
    let later = ports.accept_ordered("fall-1").await;
    let hub = Wanted { destination: None, ..wanted(10, 1) };
    let claim = ports.outbox.claim(&hub).await.unwrap().claims.pop().unwrap();
    let routed = ordered();
    let earlier = routed.id;
    let mut settlement = rule(Event::ConditionFalse, 11);
    settlement.begins = vec![routed];
    ports.settle(claim, &settlement).await;
    assert_eq!(ports.ids_to_be_had().await, [earlier]);
    ports.send(2000, Event::Taken).await;
    assert_eq!(ports.ids_to_be_had().await, [later]);
}

pub(crate) async fn h11_what_falls_back_from_awaiting_holds_again(stand: &dyn Stand) {
    let ports = stand.open().await;
    let first = ports.accept_ordered("fall-1").await;
    ports.send(0, Event::TakenForNow).await;
    let second = ports.accept_ordered("fall-1").await;
    let third = ports.accept_ordered("fall-1").await;
    let asked = Wanted { limit: 1, ..wanted(0, 1) };
    let claim = ports.outbox.claim(&asked).await.unwrap().claims.pop().unwrap();
    assert_eq!(claim.delivery.id, second, "awaiting lets go");
    ports.outbox.give_back(claim).await;
    ports.retry(first).await;
    assert_eq!(ports.ids_to_be_had().await, [first]);
    ports.send(2000, Event::Taken).await;
    assert_eq!(ports.ids_to_be_had().await, [second]);
    ports.send(2000, Event::Taken).await;
    assert_eq!(ports.ids_to_be_had().await, [third]);
}
