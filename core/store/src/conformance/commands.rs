//! Cases of what persons ask for more than one delivery.

use super::sample::*;
use super::{Ports, Stand};
use rohrpost_model::ports::{
    BulkEnd, BulkEnded, BulkOrder, BulkProgress, BulkState, Cursor, DeliveryFilter, DestinationOrder,
    NewBulkCommand, NewDestinationCommand, PauseMode, Scope,
};
use rohrpost_model::{CommandId, ReasonCode, State};

impl Ports {
    async fn order_destination(&self, order: DestinationOrder, seconds: i64) -> bool {
        let key = self.vault.issue(&name("lk-beispiel"), at(0)).unwrap();
        let (who, why) = ("betrieb".into(), PRIVATE[4].into());
        let destination = name("ziel");
        let command = NewDestinationCommand { destination, order, who, why, at: at(seconds), key };
        self.commands.order_destination(command).await.unwrap()
    }

    fn bulk(&self, filter: DeliveryFilter) -> NewBulkCommand {
        let key = self.vault.issue(&name("lk-beispiel"), at(0)).unwrap();
        NewBulkCommand {
            id: CommandId::new(at(5)),
            order: BulkOrder::Retry,
            filter,
            scope: scope(&["lk-beispiel"], None),
            per_second: 7,
            who: "betrieb".into(),
            why: PRIVATE[4].into(),
            at: at(5),
            key,
        }
    }
}

pub(crate) async fn h6_pauses_are_kept_with_who_and_since(stand: &dyn Stand) {
    let ports = stand.open().await;
    assert!(!ports.order_destination(DestinationOrder::Resume, 1).await, "nothing to resume");
    assert!(ports.order_destination(DestinationOrder::Pause, 2).await);
    assert!(!ports.order_destination(DestinationOrder::Pause, 3).await, "it is paused already");
    drop(ports);
    let ports = stand.open().await;
    let pause = ports.commands.pauses().await.unwrap().pop().unwrap();
    assert_eq!((pause.destination, pause.mode), (name("ziel"), PauseMode::Paused));
    assert_eq!((pause.who.as_str(), pause.since), ("betrieb", at(2)));
    assert!(ports.order_destination(DestinationOrder::Drain, 4).await);
    assert_eq!(ports.commands.pauses().await.unwrap()[0].mode, PauseMode::Draining);
    assert!(ports.order_destination(DestinationOrder::Resume, 5).await);
    assert!(ports.commands.pauses().await.unwrap().is_empty());
    drop(ports);
    let ports = stand.open().await;
    let orders =
        async |before, limit| ports.commands.destination_orders(&name("ziel"), before, limit).await.unwrap();
    let all = orders(None, 10).await;
    let told: Vec<_> = all.iter().map(|(_, told)| (told.order, told.at)).collect();
    let asked = [(DestinationOrder::Resume, 5), (DestinationOrder::Drain, 4), (DestinationOrder::Pause, 2)];
    assert_eq!(told, asked.map(|(order, seconds)| (order, at(seconds))), "what changed nothing is not told");
    for (_, told) in &all {
        assert_eq!((told.who.as_str(), told.why.as_deref()), ("betrieb", Some(PRIVATE[4])));
    }
    assert_eq!(orders(None, 1).await, all[..1]);
    assert_eq!(orders(Some(all[0].0), 10).await, all[1..]);
    assert!(ports.commands.destination_orders(&name("anderes"), None, 10).await.unwrap().is_empty());
}

pub(crate) async fn h6_orders_for_many_are_kept_with_how_far_they_came(stand: &dyn Stand) {
    let ports = stand.open().await;
    for _ in 0..3 {
        ports.accept(&Draft::steps([step("fachverfahren")])).await;
    }
    let filter = DeliveryFilter { states: [State::Due].into(), ..DeliveryFilter::default() };
    let new = ports.bulk(filter.clone());
    let id = new.id;
    let begun = ports.commands.begin(new).await.unwrap();
    assert_eq!((begun.total, begun.state, begun.filter.clone()), (3, BulkState::Running, filter));
    ports.accept(&Draft::steps([step("fachverfahren")])).await;
    let cursor = begun.last;
    ports.commands.progress(BulkProgress { id, done: 2, refused: 1, cursor }).await.unwrap();
    drop(ports);
    let ports = stand.open().await;
    let running = ports.commands.running(10).await.unwrap().pop().unwrap();
    assert_eq!((running.done, running.refused, running.cursor), (2, 1, cursor));
    assert_eq!((running.order, running.scope, running.per_second), (begun.order, begun.scope, 7));
    assert_eq!((running.who.as_str(), running.why.as_deref()), ("betrieb", Some(PRIVATE[4])));
    assert_ne!(running.last, Cursor(4), "what came later is not meant");
    let end = |state, who: &str, why: Option<&str>, seconds| {
        ports.commands.end(BulkEnd { id, state, who: who.into(), why: why.map(Into::into), at: at(seconds) })
    };
    let ended = end(BulkState::Cancelled, "aufsicht", Some(PRIVATE[4]), 9).await.unwrap().unwrap();
    let (who, why) = ("aufsicht".into(), Some(PRIVATE[4].into()));
    let told = Some(BulkEnded { at: at(9), who, why });
    assert_eq!((ended.state, ended.ended.clone()), (BulkState::Cancelled, told));
    // The piece that was carried out meanwhile counts, and an end is an end.
    ports.commands.progress(BulkProgress { id, done: 3, refused: 1, cursor }).await.unwrap();
    let again = end(BulkState::Finished, "rohrpost", None, 10).await.unwrap().unwrap();
    assert_eq!((again.done, again.ended.clone()), (3, ended.ended));
    assert_eq!(again.state, BulkState::Cancelled);
    assert!(ports.commands.running(10).await.unwrap().is_empty());
    assert_eq!(ports.commands.order(id).await.unwrap(), Some(again));
    let later = ports.commands.begin(ports.bulk(DeliveryFilter::default())).await.unwrap();
    let listed = ports.commands.orders(None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|(_, order)| order.id).collect::<Vec<_>>(), [later.id, id]);
    assert_eq!(ports.commands.orders(Some(listed[0].0), 10).await.unwrap(), listed[1..]);
    assert_eq!(ports.commands.orders(None, 1).await.unwrap(), listed[..1]);
    assert_eq!(ports.commands.order(CommandId::new(at(0))).await.unwrap(), None);
}

pub(crate) async fn h7_counts_reach_only_into_the_scope(stand: &dyn Stand) {
    let ports = stand.open().await;
    for tenant in ["a", "a", "b"] {
        ports.accept(&Draft { tenant, steps: vec![step("fachverfahren")], ..Draft::default() }).await;
    }
    let count =
        async |scope: Scope, filter: DeliveryFilter| ports.commands.count(&scope, &filter).await.unwrap();
    let all = DeliveryFilter::default;
    assert_eq!(count(Scope::Hub, all()).await, 3);
    assert_eq!(count(scope(&["a"], None), all()).await, 2);
    assert_eq!(count(Scope::Hub, DeliveryFilter { tenant: Some(name("b")), ..all() }).await, 1);
    assert_eq!(count(scope(&["a"], None), DeliveryFilter { tenant: Some(name("b")), ..all() }).await, 0);
    assert_eq!(count(Scope::Hub, DeliveryFilter { paused: Some(true), ..all() }).await, 0);
    assert_eq!(count(Scope::Hub, DeliveryFilter { states: [State::Parked].into(), ..all() }).await, 0);
    let refused = DeliveryFilter { reason: Some(ReasonCode::TargetRefused), ..all() };
    assert_eq!(count(Scope::Hub, refused).await, 0);
}
