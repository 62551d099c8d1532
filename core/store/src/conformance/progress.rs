//! Cases of what deliveries of several calls record.

use super::sample::*;
use super::{Ports, Stand};
use rohrpost_model::ports::{CommandOutcome, Order, Recorded, Scope, StoreFault, Wanted};
use rohrpost_model::transition::Event;
use rohrpost_model::{DeliveryId, DestinationName, Digest, ReasonCode, State};

/// An identifier as a foreign system gives it.
const FOLDER: &str = PRIVATE[3];

impl Ports {
    async fn record(&self, id: DeliveryId, key: &str, value: &str) -> Result<(), StoreFault> {
        self.outbox.record(id, &Recorded { at: at(1), key: key.to_owned(), value: value.to_owned() }).await
    }

    async fn progress(&self, id: DeliveryId) -> Vec<(String, String)> {
        self.records.recorded(id).await.unwrap().into_iter().collect()
    }
}

fn entry(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

pub(crate) async fn h5_what_was_recorded_between_two_calls_is_there_after_a_crash(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    let mut claim = ports.claim_only(0).await;
    let id = claim.delivery.id;
    ports.mark(&mut claim, 1).await.unwrap();
    ports.record(id, "folder", FOLDER).await.unwrap();
    ports.record(id, "document-begun", "1").await.unwrap();
    ports.record(id, "document-begun", "2").await.unwrap();
    drop((claim, ports));

    let ports = stand.open().await;
    assert_eq!(ports.outbox.recover(at(10), at(15)).await.unwrap(), 1);
    let mut recorded = vec![entry("document-begun", "2"), entry("folder", FOLDER)];
    assert_eq!(ports.progress(id).await, recorded, "the last value of each key");
    ports.outbox.command(&Scope::Hub, command(id, Order::Retry)).await.unwrap();
    let mut claim = ports.claim_only(900).await;
    ports.mark(&mut claim, 900).await.unwrap();
    ports.record(id, "document-begun", "3").await.unwrap();
    recorded[0] = entry("document-begun", "3");
    assert_eq!(ports.progress(id).await, recorded, "a later attempt goes before an earlier one");
    assert_eq!(ports.settle(claim, &attempt(Event::Taken, 901)).await, State::Delivered);
}

pub(crate) async fn h6_the_history_names_what_was_recorded_and_not_its_value(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    let mut claim = ports.claim_only(0).await;
    let id = claim.delivery.id;
    ports.mark(&mut claim, 1).await.unwrap();
    ports.record(id, "folder", FOLDER).await.unwrap();
    let history = ports.records.delivery(&Scope::Hub, id).await.unwrap().unwrap().history;
    let told = history.last().unwrap();
    assert_eq!((told.event, told.state), (Some(Event::ProgressRecorded), State::Sending));
    assert_eq!((told.cause.as_str(), told.who.as_str()), ("attempt 1", "rohrpost"));
    let reason = told.reason.as_ref().unwrap();
    assert_eq!((reason.code, reason.params["key"].as_str()), (ReasonCode::ProgressRecorded, "folder"));
    assert!(!format!("{history:?}").contains(FOLDER), "h10: the value is content");
}

pub(crate) async fn h6_only_whoever_sends_records(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    let id = ports.deliveries().await[0].id;
    let refused = async |when: &str| {
        let before = ports.history_len(id).await;
        let recorded = ports.record(id, "folder", FOLDER).await;
        assert!(matches!(recorded, Err(StoreFault::Impossible(_))), "{when}: {recorded:?}");
        assert_eq!(ports.history_len(id).await, before, "{when}");
        assert!(ports.progress(id).await.is_empty(), "{when}");
    };
    refused("nobody has it").await;
    let mut claim = ports.claim_only(0).await;
    refused("before the mark").await;
    ports.mark(&mut claim, 1).await.unwrap();
    ports.settle(claim, &attempt(Event::OutcomeLost, 2)).await;
    refused("after the settlement").await;
    let _asked = ports.claim_only(900).await;
    refused("while the target is asked").await;
}

pub(crate) async fn progress_at_one_destination_is_none_at_another(stand: &dyn Stand) {
    let ports = stand.open().await;
    ports.accept(&Draft::default()).await;
    let mut claim = ports.claim_only(0).await;
    let id = claim.delivery.id;
    ports.mark(&mut claim, 1).await.unwrap();
    ports.record(id, "folder", FOLDER).await.unwrap();
    ports.settle(claim, &attempt(Event::Refused, 2)).await;
    let mend = async |to: &str| {
        let order = Order::Mend { pinned: Digest::of(b"mended"), destination: name(to) };
        let done = ports.outbox.command(&Scope::Hub, command(id, order)).await.unwrap();
        assert_eq!(done, CommandOutcome::Done(State::Due));
    };
    mend("ziel").await;
    assert_eq!(ports.progress(id).await, [entry("folder", FOLDER)], "the folder is still there");
    mend("anderswo").await;
    assert!(ports.progress(id).await.is_empty(), "the folder is somewhere else");
    let there = Wanted { destination: Some(name::<DestinationName>("anderswo")), ..wanted(1000, 1) };
    let mut claim = ports.outbox.claim(&there).await.unwrap().claims.pop().unwrap();
    ports.mark(&mut claim, 1000).await.unwrap();
    ports.record(id, "folder", "815").await.unwrap();
    assert_eq!(ports.progress(id).await, [entry("folder", "815")]);
    ports.settle(claim, &attempt(Event::Refused, 1001)).await;
    mend("ziel").await;
    assert_eq!(ports.progress(id).await, [entry("folder", FOLDER)]);
}
