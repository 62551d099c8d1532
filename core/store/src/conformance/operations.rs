//! Cases of what operators rely on: turns, pauses, mending, expiry.

use super::sample::*;
use super::{Ports, Stand};
use rohrpost_model::ports::{CommandOutcome, Expired, NewDelivery, Order, Scope, Wanted, Work};
use rohrpost_model::transition::Event;
use rohrpost_model::{Delivery, DeliveryId, Digest, ReasonCode, State};

impl Ports {
    async fn order(&self, id: DeliveryId, order: Order) -> CommandOutcome {
        self.outbox.command(&Scope::Hub, command(id, order)).await.unwrap()
    }

    async fn the_one(&self) -> Delivery {
        let mut all = self.deliveries().await;
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    async fn expire(&self, seconds: i64) -> Expired {
        self.outbox.expire(at(seconds), 10).await.unwrap()
    }
}

fn of_tenant(tenant: &'static str) -> Draft {
    Draft { tenant, steps: vec![step("fachverfahren")], ..Draft::default() }
}

pub(crate) async fn tenants_take_turns(stand: &dyn Stand) {
    let ports = stand.open().await;
    for tenant in ["a", "a", "a", "a", "b", "c"] {
        ports.accept(&of_tenant(tenant)).await;
    }
    let served = async |after: Option<&str>, limit| {
        let wanted = Wanted { after: after.map(name), ..wanted(10, limit) };
        let claims = ports.outbox.claim(&wanted).await.unwrap().claims;
        claims.into_iter().map(|claim| claim.delivery.tenant.to_string()).collect::<Vec<_>>().concat()
    };
    assert_eq!(served(None, 2).await, "ab", "who has much waiting does not keep the others out");
    assert_eq!(served(Some("b"), 2).await, "ca");
    assert_eq!(served(Some("a"), 10).await, "aa", "and what nobody else wants it gets");
}

/// More than a store looks at in one go, and with some that are held already.
pub(crate) async fn as_many_are_handed_out_as_are_wanted(stand: &dyn Stand) {
    let ports = stand.open().await;
    for _ in 0..150 {
        ports.accept(&Draft::steps([step("archiv")])).await;
    }
    let mut handed_out = Vec::new();
    for (wanted, there) in [(50, 50), (80, 80), (50, 20), (50, 0)] {
        let claims = ports.claim(10, wanted).await;
        assert_eq!(claims.len(), there);
        handed_out.extend(claims.into_iter().map(|claim| claim.delivery.id));
    }
    handed_out.sort();
    handed_out.dedup();
    assert_eq!(handed_out.len(), 150);
}

pub(crate) async fn while_a_destination_drains_only_what_was_sent_is_asked_about(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    ports.send(0, Event::OutcomeLost).await;
    ports.accept(&of_tenant("lk-beispiel")).await;
    let draining = Wanted { work: Work::Inquiries, ..wanted(1000, 10) };
    let claims = ports.outbox.claim(&draining).await.unwrap().claims;
    let states: Vec<_> = claims.iter().map(|claim| claim.delivery.state).collect();
    assert_eq!(states, [State::Unknown]);
    assert_eq!(ports.claim(1000, 10).await.len(), 1, "the new one waits");
}

pub(crate) async fn what_is_due_beyond_every_wait_is_due_now(stand: &dyn Stand) {
    let ports = stand.open().await;
    let steps = vec![NewDelivery { due_at: Some(at(500_000)), ..ordered() }];
    ports.accept(&Draft { steps, ..Draft::default() }).await;
    let asked = |seconds: i64| Wanted { beyond: at(seconds + 200_000), ..wanted(seconds, 1) };
    assert!(ports.outbox.claim(&asked(400_000)).await.unwrap().claims.is_empty());
    let mut claims = ports.outbox.claim(&asked(0)).await.unwrap().claims;
    assert_eq!(claims.len(), 1, "the clock was put back");
    // The next of its case was written under the other clock, too.
    let steps = vec![NewDelivery { due_at: Some(at(500_000)), ..ordered() }];
    ports.accept(&Draft { steps, ..Draft::default() }).await;
    assert!(ports.outbox.claim(&asked(0)).await.unwrap().claims.is_empty());
    let mut first = claims.remove(0);
    ports.mark(&mut first, 1).await.unwrap();
    ports.settle(first, &attempt(Event::Taken, 2)).await;
    assert_eq!(ports.outbox.claim(&asked(0)).await.unwrap().claims.len(), 1);
}

pub(crate) async fn a_place_is_named_when_something_became_due_there(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.outbox.became_due();
    let ziel = vec![Some(name("ziel"))];
    ports.accept(&Draft::steps([ordered(), after("dms", &["fachverfahren"])])).await;
    assert_eq!(ports.outbox.became_due(), ziel);
    ports.accept(&Draft::steps([ordered()])).await;
    ports.outbox.became_due();
    let mut claim = ports.claim_only(0).await;
    ports.mark(&mut claim, 1).await.unwrap();
    assert!(ports.outbox.became_due().is_empty(), "a mark makes nothing due");
    ports.settle(claim, &attempt(Event::Refused, 2)).await;
    assert!(ports.outbox.became_due().is_empty());
    let id = ports.deliveries().await[0].id;
    ports.order(id, Order::Retry).await;
    assert_eq!(ports.outbox.became_due(), ziel);
    ports.send(600, Event::Taken).await;
    assert_eq!(ports.outbox.became_due(), ziel, "the next of the case and the step that waited");
    let mut claims = ports.claim(700, 10).await;
    assert_eq!(claims.len(), 2);
    assert!(ports.outbox.became_due().is_empty());
    ports.outbox.give_back(claims.remove(0)).await;
    assert_eq!(ports.outbox.became_due(), ziel, "what was given back may be taken again");
}

pub(crate) async fn h6_a_paused_delivery_stays_what_it_is_and_is_not_handed_out(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    let id = ports.the_one().await.id;
    assert_eq!(ports.order(id, Order::Resume).await, CommandOutcome::Refused(State::Due), "it is not paused");
    assert_eq!(ports.order(id, Order::Pause).await, CommandOutcome::Done(State::Due));
    assert_eq!(ports.order(id, Order::Pause).await, CommandOutcome::Refused(State::Due), "it is paused");
    drop(ports);
    let ports = stand.open().await;
    let paused = ports.the_one().await;
    assert_eq!((paused.state, paused.paused_by.as_deref()), (State::Due, Some("betrieb")));
    assert!(ports.claim(1000, 10).await.is_empty());
    assert_eq!(ports.next_due().await, None);
    assert_eq!(ports.order(id, Order::Retry).await, CommandOutcome::Done(State::Due));
    assert!(ports.claim(1000, 10).await.is_empty(), "another attempt, when somebody lets it go on");
    assert_eq!(ports.order(id, Order::Resume).await, CommandOutcome::Done(State::Due));
    assert_eq!(ports.claim_only(1000).await.delivery.paused_by, None);
    let detail = ports.records.delivery(&Scope::Hub, id).await.unwrap().unwrap();
    let events: Vec<_> = detail.history.iter().filter_map(|entry| entry.event).collect();
    assert_eq!(events, [Event::PauseCommanded, Event::RetryCommanded, Event::ResumeCommanded]);
    assert!(detail.history[1..].iter().all(|entry| entry.who == "betrieb" && entry.why.is_some()));
}

pub(crate) async fn h6_mending_pins_anew_and_forgets_what_was_made(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    ports.send(0, Event::Refused).await;
    let before = ports.the_one().await;
    assert!(before.document.is_some());
    let pinned = Digest::of(b"another step");
    let mend = Order::Mend { pinned, destination: name("anderswo") };
    assert_eq!(ports.order(before.id, mend).await, CommandOutcome::Done(State::Due));
    let mended = ports.the_one().await;
    assert_eq!((mended.pinned, mended.destination.clone()), (Some(pinned), Some(name("anderswo"))));
    assert_eq!((mended.document, mended.attempts, mended.tries), (None, 1, 0));
    assert_eq!(mended.reason.unwrap().code, ReasonCode::MendedByPerson);
    assert!(ports.claim(1000, 10).await.is_empty(), "nothing waits at the old place");
    let there = Wanted { destination: Some(name("anderswo")), ..wanted(1000, 10) };
    let mut claim = ports.outbox.claim(&there).await.unwrap().claims.pop().unwrap();
    ports.mark(&mut claim, 1001).await.unwrap();
    assert_eq!((claim.delivery.attempts, claim.delivery.tries), (2, 1));
    let counted = ports.records.counts().await.unwrap();
    assert_eq!(counted.len(), 1, "{counted:?}");
    assert_eq!((counted[0].destination.clone(), counted[0].state), (Some(name("anderswo")), State::Sending));
}

pub(crate) async fn tries_count_since_a_person_asked(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    assert_eq!(ports.the_one().await.tries_since, None);
    ports.send(1, Event::NotTaken).await;
    ports.send(100, Event::NotTaken).await;
    let tried = ports.the_one().await;
    assert_eq!((tried.attempts, tried.tries, tried.tries_since), (2, 2, Some(at(1))));
    ports.order(tried.id, Order::Retry).await;
    let asked = ports.the_one().await;
    assert_eq!((asked.attempts, asked.tries, asked.tries_since), (2, 0, None));
    let claim = ports.claim_only(600).await;
    assert_eq!(
        (claim.delivery.tries, claim.delivery.tries_since),
        (0, None),
        "whoever works on it knows, too"
    );
    ports.outbox.give_back(claim).await;
    ports.send(600, Event::NotTaken).await;
    let again = ports.the_one().await;
    assert_eq!((again.attempts, again.tries, again.tries_since), (3, 1, Some(at(600))));
}

pub(crate) async fn since_is_when_a_delivery_came_into_its_state(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    assert_eq!(ports.the_one().await.since, at(0));
    ports.send(7, Event::TakenForNow).await;
    assert_eq!(ports.the_one().await.since, at(7));
    let claim = ports.claim_only(100).await;
    ports.settle(claim, &rule(Event::NoWordYet, 100)).await;
    assert_eq!(ports.the_one().await.since, at(7), "it is awaiting for as long as before");
}

fn expiring(this: &str, warn_at: &[i64], expires_at: i64) -> NewDelivery {
    let warn_at = warn_at.iter().map(|seconds| at(*seconds)).collect();
    NewDelivery { expires_at: Some(at(expires_at)), warn_at, ..step(this) }
}

pub(crate) async fn h2_what_has_not_left_in_time_expires_after_its_warnings(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::steps([expiring("fachverfahren", &[100, 200], 300)])).await;
    let nothing = Expired { next_at: Some(at(100)), ..Expired::default() };
    assert_eq!(ports.expire(99).await, nothing);
    assert_eq!(ports.expire(100).await, Expired { warned: 1, expired: 0, next_at: Some(at(200)) });
    assert_eq!(ports.expire(100).await.warned, 0, "each warning is given once");
    let claim = ports.claim_only(250).await;
    assert_eq!(ports.expire(250).await.warned, 0, "somebody works on it");
    ports.outbox.give_back(claim).await;
    drop(ports);
    let ports = stand.open().await;
    assert_eq!(ports.expire(250).await, Expired { warned: 1, expired: 0, next_at: Some(at(300)) });
    let warned = ports.the_one().await;
    assert_eq!((warned.state, warned.expires_at, warned.reason), (State::Due, Some(at(300)), None));
    ports.send(260, Event::OutcomeLost).await;
    assert_eq!(ports.expire(400).await.expired, 0, "what may have arrived is no business of the rule");
    let claim = ports.claim_only(1000).await;
    ports.settle(claim, &rule(Event::GivenUp, 1000)).await;
    assert_eq!(ports.expire(1000).await.expired, 1);
    let expired = ports.the_one().await;
    assert_eq!(expired.state, State::Expired);
    assert_eq!(expired.reason.unwrap().params["after"], "5m");
    let detail = ports.records.delivery(&Scope::Hub, expired.id).await.unwrap().unwrap();
    let warnings = detail.history.iter().filter(|entry| entry.event == Some(Event::ExpiryWarned));
    assert_eq!(warnings.map(|entry| entry.at).collect::<Vec<_>>(), [at(100), at(250)]);
    let last = detail.history.last().unwrap();
    assert_eq!((last.cause.as_str(), last.who.as_str()), ("expiry", "rohrpost"));
}

pub(crate) async fn h2_nothing_expires_without_a_warning_before(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::steps([expiring("fachverfahren", &[100, 200], 300)])).await;
    assert_eq!(ports.expire(100).await.warned, 1);
    let late = ports.expire(1_000_000).await;
    assert_eq!((late.warned, late.expired), (1, 0), "the clock leapt, or the hub was down");
    assert_eq!(ports.the_one().await.expires_at, Some(at(1_000_100)));
    assert_eq!(ports.expire(1_000_099).await.expired, 0);
    assert_eq!(ports.expire(1_000_100).await.expired, 1);
}

pub(crate) async fn h2_what_waits_for_an_expired_one_expires_with_it(stand: &dyn Stand) {
    let ports = stand.open().await;
    let steps = [expiring("fachverfahren", &[], 300), after("dms", &["fachverfahren"]), step("archiv")];
    ports.accept(&Draft::steps(steps)).await;
    assert_eq!(ports.expire(300).await.expired, 2);
    assert_eq!(ports.states().await, [State::Expired, State::Expired, State::Due]);
}

pub(crate) async fn h11_behind_names_the_earlier_one(stand: &dyn Stand) {
    let ports = stand.open().await;
    for _ in 0..3 {
        ports.accept(&Draft::steps([ordered()])).await;
    }
    let all = ports.deliveries().await;
    assert_eq!(all[0].behind, None);
    assert_eq!(all[1].behind, Some(all[0].id));
    assert_eq!(all[2].behind, Some(all[0].id));
    ports.order(all[0].id, Order::Pause).await;
    assert!(ports.claim(10, 10).await.is_empty(), "a paused one holds back its case");
    ports.order(all[0].id, Order::Resume).await;
    ports.send(10, Event::Taken).await;
    let all = ports.deliveries().await;
    assert_eq!((all[1].behind, all[2].behind), (None, Some(all[1].id)));
}
