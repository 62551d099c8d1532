//! Cases of the ports `Records` and `Versions`.

use super::sample::*;
use super::{Ports, Stand};
use rohrpost_model::ports::{CommandOutcome, Cursor, DeliveryFilter, NewDelivery, Order, Scope};
use rohrpost_model::transition::Event;
use rohrpost_model::version::VersionKind;
use rohrpost_model::{CaseId, Delivery, State};
use std::collections::BTreeSet;

async fn two_tenants(ports: &Ports) -> [rohrpost_model::ports::Answer; 2] {
    let ours = ports.accept(&Draft::default()).await;
    let steps = vec![step("fachverfahren")];
    let theirs = Draft { tenant: "stadt-beispiel", client: "anderes-portal", steps, ..Draft::default() };
    [ours, ports.accept(&theirs).await]
}

impl Ports {
    async fn seen(&self, scope: &Scope) -> Vec<Delivery> {
        let filter = DeliveryFilter::default();
        let found = self.records.deliveries(scope, &filter, None, 1000).await.unwrap();
        found.into_iter().map(|(_, delivery)| delivery).collect()
    }

    async fn filtered(&self, filter: &DeliveryFilter) -> Vec<String> {
        let found = self.records.deliveries(&Scope::Hub, filter, None, 1000).await.unwrap();
        found.into_iter().map(|(_, delivery)| delivery.case.to_string()).collect()
    }
}

pub(crate) async fn h7_nobody_sees_beyond_the_scope(stand: &dyn Stand) {
    let ports = stand.open().await;
    let answers = two_tenants(&ports).await;
    let deliveries = ports.deliveries().await;
    let case: CaseId = name("fall-1");
    let scopes = [
        scope(&["lk-beispiel"], None),
        scope(&["stadt-beispiel"], None),
        scope(&["lk-beispiel", "stadt-beispiel"], None),
    ];
    for (index, scope) in scopes.iter().enumerate() {
        for (other, answer) in answers.iter().enumerate() {
            let mine = index == other || index == 2;
            assert_eq!(ports.records.submission(scope, answer.id).await.unwrap().is_some(), mine);
            let id = deliveries[other].id;
            assert_eq!(ports.records.delivery(scope, id).await.unwrap().is_some(), mine);
        }
        let expected = if index == 2 { 2 } else { 1 };
        let cases = ports.records.case(scope, &case).await.unwrap();
        assert_eq!(cases.len(), expected);
        assert_eq!(ports.seen(scope).await.len(), expected);
        let tenants = ports.seen(scope).await.into_iter().map(|delivery| delivery.tenant);
        assert_eq!(tenants.collect::<BTreeSet<_>>(), cases.into_iter().map(|case| case.tenant).collect());
    }
    let nobody = scope(&[], None);
    assert!(ports.seen(&nobody).await.is_empty());
    assert!(ports.records.submission(&nobody, answers[0].id).await.unwrap().is_none());
}

pub(crate) async fn h7_a_client_follows_what_it_handed_in(stand: &dyn Stand) {
    let ports = stand.open().await;
    let answers = two_tenants(&ports).await;
    let own = scope(&[], Some("anderes-portal"));
    assert!(ports.records.submission(&own, answers[0].id).await.unwrap().is_none());
    assert!(ports.records.submission(&own, answers[1].id).await.unwrap().is_some());
    assert_eq!(ports.seen(&own).await.len(), 1);
    assert_eq!(ports.seen(&scope(&["lk-beispiel"], Some("anderes-portal"))).await.len(), 2);
}

pub(crate) async fn h7_commands_reach_only_into_the_scope(stand: &dyn Stand) {
    let ports = stand.open().await;
    two_tenants(&ports).await;
    let ours = scope(&["lk-beispiel"], None);
    let theirs = ports.deliveries().await[1].id;
    for order in [Order::Retry, DISCARD] {
        let outcome = ports.outbox.command(&ours, command(theirs, order)).await.unwrap();
        assert_eq!(outcome, CommandOutcome::NotFound);
    }
    assert_eq!(ports.states().await, [State::Due, State::Due]);
    assert_eq!(ports.history_len(theirs).await, 1);
}

pub(crate) async fn lists_are_paged_and_filtered(stand: &dyn Stand) {
    let ports = stand.open().await;
    for number in 0..7 {
        let destination = Some(name(if number % 2 == 0 { "ziel" } else { "anderes" }));
        let steps = vec![NewDelivery { destination, ..step("fachverfahren") }];
        ports.accept(&Draft { steps, ..Draft::case(&format!("fall-{number}")) }).await;
    }
    let mut claims = ports.claim(0, 1).await;
    ports.settle(claims.remove(0), &rule(Event::Defect, 1)).await;

    let (mut pages, mut after): (Vec<Vec<String>>, Option<Cursor>) = (Vec::new(), None);
    loop {
        let filter = DeliveryFilter::default();
        let page = ports.records.deliveries(&Scope::Hub, &filter, after, 3).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        pages.push(page.into_iter().map(|(_, delivery)| delivery.case.to_string()).collect());
    }
    assert_eq!(
        pages,
        [vec!["fall-0", "fall-1", "fall-2"], vec!["fall-3", "fall-4", "fall-5"], vec!["fall-6"]]
    );

    let states =
        |states: &[State]| DeliveryFilter { states: states.iter().copied().collect(), ..Default::default() };
    assert_eq!(ports.filtered(&states(&[State::Parked])).await, ["fall-0"]);
    assert_eq!(ports.filtered(&states(&[State::Due, State::Parked])).await.len(), 7);
    assert!(ports.filtered(&states(&[State::Delivered])).await.is_empty());
    let to =
        |destination: &str| DeliveryFilter { destination: Some(name(destination)), ..Default::default() };
    assert_eq!(ports.filtered(&to("anderes")).await, ["fall-1", "fall-3", "fall-5"]);
    let both = DeliveryFilter { destination: Some(name("ziel")), ..states(&[State::Due]) };
    assert_eq!(ports.filtered(&both).await, ["fall-2", "fall-4", "fall-6"]);
    let case = DeliveryFilter { case: Some(name("fall-3")), ..Default::default() };
    assert_eq!(ports.filtered(&case).await, ["fall-3"]);
    let service = |key: &str| DeliveryFilter { service: Some(name(key)), ..Default::default() };
    assert_eq!(ports.filtered(&service("99012345678901")).await.len(), 7);
    assert!(ports.filtered(&service("99999999999999")).await.is_empty());
}

pub(crate) async fn claimed_and_due_are_told_apart(stand: &dyn Stand) {
    let ports = stand.open().await;
    for case in ["a", "b", "c"] {
        let steps = vec![step("fachverfahren")];
        ports.accept(&Draft { steps, ..Draft::case(case) }).await;
    }
    let mut claims = ports.claim(0, 2).await;
    ports.mark(&mut claims[1], 1).await.unwrap();
    for (state, cases) in [(State::Claimed, vec!["a"]), (State::Due, vec!["c"]), (State::Sending, vec!["b"])]
    {
        let filter = DeliveryFilter { states: [state].into(), ..Default::default() };
        assert_eq!(ports.filtered(&filter).await, cases, "{state}");
    }
    let claimed = claims.remove(0);
    let detail = ports.records.delivery(&Scope::Hub, claimed.delivery.id).await.unwrap().unwrap();
    assert_eq!(detail.delivery.state, State::Claimed);
}

pub(crate) async fn one_case_id_in_two_tenants_is_two_cases(stand: &dyn Stand) {
    let ports = stand.open().await;
    two_tenants(&ports).await;
    let steps = vec![step("fachverfahren")];
    ports.accept(&Draft { steps, ..Draft::default() }).await;
    let cases = ports.records.case(&Scope::Hub, &name("fall-1")).await.unwrap();
    let told: Vec<(String, Vec<u64>)> = cases
        .iter()
        .map(|case| {
            let sequences = case.submissions.iter().map(|view| view.submission.sequence).collect();
            (case.tenant.to_string(), sequences)
        })
        .collect();
    assert_eq!(told, [("lk-beispiel".to_owned(), vec![1, 2]), ("stadt-beispiel".to_owned(), vec![1])]);
}

async fn count(ports: &Ports) -> Vec<(Option<String>, State, u64)> {
    let counts = ports.records.counts().await.unwrap();
    let mut told: Vec<_> = counts
        .into_iter()
        .map(|count| (count.destination.map(|name| name.to_string()), count.state, count.count))
        .collect();
    told.sort();
    told
}

pub(crate) async fn counts_follow_every_change(stand: &dyn Stand) {
    let ports = stand.open().await;
    let ziel = || Some("ziel".to_owned());
    assert!(count(&ports).await.is_empty());
    ports.accept(&Draft::steps([step("a"), step("b"), after("c", &["a"])])).await;
    assert_eq!(count(&ports).await, [(ziel(), State::Blocked, 1), (ziel(), State::Due, 2)]);
    let mut claims = ports.claim(0, 2).await;
    ports.mark(&mut claims[0], 1).await.unwrap();
    let under_way = [(ziel(), State::Blocked, 1), (ziel(), State::Claimed, 1), (ziel(), State::Sending, 1)];
    assert_eq!(count(&ports).await, under_way);
    let (first, second) = (claims.remove(0), claims.remove(0));
    ports.settle(first, &attempt(Event::Taken, 2)).await;
    ports.settle(second, &rule(Event::Defect, 2)).await;
    let settled = [(ziel(), State::Due, 1), (ziel(), State::Parked, 1), (ziel(), State::Delivered, 1)];
    assert_eq!(count(&ports).await, settled);
    drop(ports);
    assert_eq!(count(&stand.open().await).await, settled, "after a reopening");
}

pub(crate) async fn versions_are_kept_once_by_their_digest(stand: &dyn Stand) {
    let ports = stand.open().await;
    let digest = ports.versions.keep(VersionKind::Mapping, b"bundle").await.unwrap();
    assert_eq!(digest, rohrpost_model::Digest::of(b"bundle"));
    assert_eq!(ports.versions.keep(VersionKind::Mapping, b"bundle").await.unwrap(), digest);
    drop(ports);
    let ports = stand.open().await;
    let load = |kind| ports.versions.load(kind, &digest);
    assert_eq!(load(VersionKind::Mapping).await.unwrap().as_deref(), Some(&b"bundle"[..]));
    assert_eq!(load(VersionKind::Step).await.unwrap(), None);
}
