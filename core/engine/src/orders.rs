//! What persons ask: for one delivery, for a destination, and for many deliveries at their own pace.

use crate::Engine;
use crate::dispatch::after;
use futures::future::join_all;
use rohrpost_model::ports::{
    BulkCommand, BulkEnd, BulkOrder, BulkProgress, BulkState, Command, CommandOutcome, Cursor,
    DeliveryFilter, DestinationOrder, NewBulkCommand, NewDestinationCommand, Order, OrderedDestination,
    Pause, Scope, StoreFault,
};
use rohrpost_model::{
    ClientName, CommandId, Delivery, DeliveryId, DestinationName, State, Submission, TenantName, Timestamp,
};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::watch;

/// An order for many deliveries goes on in pieces of this time.
const PIECE: Duration = Duration::from_millis(100);

/// How many orders for many deliveries may run at one time.
pub const ORDERS_AT_ONCE: usize = 16;

/// The longest wait while there is no order.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The most deliveries that an order may take in a second.
pub const MOST_PER_SECOND: u32 = 1000;

/// An order for many deliveries as a person gives it.
pub struct Asked {
    /// What.
    pub order: BulkOrder,
    /// For which.
    pub filter: DeliveryFilter,
    /// At most so many in a second.
    pub per_second: u32,
    /// Why.
    pub why: String,
    /// Whose key the words are kept under.
    pub tenant: TenantName,
}

impl Engine {
    /// Carries out what a person asked for one delivery, and wakes the delivery loop.
    pub async fn command(
        &self,
        scope: &Scope,
        delivery: DeliveryId,
        order: Order,
        who: &ClientName,
        why: String,
    ) -> Result<CommandOutcome, StoreFault> {
        let at = self.ports.clock.now();
        let command = Command { delivery, order, who: who.to_string(), why, at, part_of: None };
        let outcome = self.ports.outbox.command(scope, command).await?;
        self.wake.notify_one();
        Ok(outcome)
    }

    /// Another attempt under the configuration that is active now: what the delivery pinned is pinned anew.
    pub async fn mend(
        &self,
        scope: &Scope,
        delivery: DeliveryId,
        who: &ClientName,
        why: String,
    ) -> Result<CommandOutcome, StoreFault> {
        let Some(detail) = self.ports.records.delivery(scope, delivery).await? else {
            return Ok(CommandOutcome::NotFound);
        };
        match self.mended(&detail.delivery).await? {
            Some(order) => self.command(scope, delivery, order, who, why).await,
            None => Ok(CommandOutcome::Refused(detail.delivery.state)),
        }
    }

    /// The order that pins the step of the same name of the same route as it is now. `None` if there is none.
    async fn mended(&self, delivery: &Delivery) -> Result<Option<Order>, StoreFault> {
        let pinned = match self.pinned_step(delivery).await {
            Ok(pinned) => pinned,
            Err(crate::prepare::Stop::Later(fault)) => return Err(fault),
            Err(_) => return Ok(None),
        };
        let catalog = self.catalog();
        let Some((route, step)) = catalog.step(&pinned.route, &delivery.tenant, &delivery.step) else {
            return Ok(None);
        };
        let Some(origin) = self.ports.records.origin(delivery.submission).await? else { return Ok(None) };
        let Submission { ref tenant, ref service, ref area, test, .. } = origin.submission;
        let day = catalog.responsibilities.day(self.ports.clock.now());
        let responsible = catalog.responsible_destination(tenant, (service, area), day);
        let destination = step.destination_for(tenant, test, responsible);
        Ok(destination.map(|destination| Order::Mend { pinned: catalog.pin(route, step), destination }))
    }

    /// Pauses, drains or resumes a destination. Returns whether that changed anything.
    pub async fn order_destination(
        &self,
        destination: &DestinationName,
        order: DestinationOrder,
        (who, why): (&ClientName, String),
        tenant: &TenantName,
    ) -> Result<bool, StoreFault> {
        let at = self.ports.clock.now();
        let key = self.ports.vault.issue(tenant, at)?;
        let (destination, who) = (destination.clone(), who.to_string());
        let command = NewDestinationCommand { destination, order, who, why, at, key };
        let changed = self.ports.commands.order_destination(command).await?;
        self.lanes.set_pauses(self.ports.commands.pauses().await?);
        self.wake.notify_one();
        Ok(changed)
    }

    /// The pause of a destination, if a person holds it back.
    pub fn pause_of(&self, destination: &DestinationName) -> Option<Pause> {
        self.lanes.pause(&Some(destination.clone()))
    }

    /// How many deliveries an order would take.
    pub async fn count(&self, scope: &Scope, filter: &DeliveryFilter) -> Result<u64, StoreFault> {
        self.ports.commands.count(scope, filter).await
    }

    /// Begins an order for many deliveries. `None` if too many run already.
    pub async fn order_many(
        &self,
        scope: &Scope,
        asked: Asked,
        who: &ClientName,
    ) -> Result<Option<BulkCommand>, StoreFault> {
        if self.ports.commands.running(ORDERS_AT_ONCE).await?.len() >= ORDERS_AT_ONCE {
            return Ok(None);
        }
        let at = self.ports.clock.now();
        let Asked { order, filter, per_second, why, tenant } = asked;
        let key = self.ports.vault.issue(&tenant, at)?;
        let (scope, who, per_second) = (scope.clone(), who.to_string(), per_second.clamp(1, MOST_PER_SECOND));
        let id = CommandId::new(at);
        let command = NewBulkCommand { id, order, filter, scope, per_second, who, why, at, key };
        let begun = self.ports.commands.begin(command).await?;
        self.orders_wake.notify_one();
        Ok(Some(begun))
    }

    /// What persons asked for a destination, the newest first, before the cursor.
    pub async fn orders_for(
        &self,
        destination: &DestinationName,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, OrderedDestination)>, StoreFault> {
        self.ports.commands.destination_orders(destination, before, limit).await
    }

    /// Orders for many deliveries, the newest first, before the cursor.
    pub async fn orders(
        &self,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, BulkCommand)>, StoreFault> {
        self.ports.commands.orders(before, limit).await
    }

    /// One of them.
    pub async fn order(&self, id: CommandId) -> Result<Option<BulkCommand>, StoreFault> {
        self.ports.commands.order(id).await
    }

    /// Stops an order for many deliveries. What it did stays done.
    pub async fn cancel(
        &self,
        id: CommandId,
        who: &ClientName,
        why: String,
    ) -> Result<Option<BulkCommand>, StoreFault> {
        let (state, who, at) = (BulkState::Cancelled, who.to_string(), self.ports.clock.now());
        self.ports.commands.end(BulkEnd { id, state, who, why: Some(why), at }).await
    }

    /// Carries out orders for many deliveries until `stop` turns true. Each goes on where it stood when the hub stopped.
    pub(crate) async fn carry_out_orders(&self, mut stop: watch::Receiver<bool>) {
        let mut paces = Paces::default();
        while !*stop.borrow() {
            let began = self.ports.clock.now();
            let some = self.carry_on(&mut paces).await.unwrap_or_else(|fault| {
                tracing::error!(%fault, "orders for many deliveries cannot be carried out");
                false
            });
            let look_again = after(began, if some { PIECE } else { LOOK_AGAIN });
            tokio::select! {
                _ = stop.changed() => {}
                () = self.orders_wake.notified(), if !some => {}
                () = self.ports.clock.sleep_until(look_again) => {}
            }
        }
    }

    /// One piece of every order that runs. Returns whether there was one.
    async fn carry_on(&self, paces: &mut Paces) -> Result<bool, StoreFault> {
        let orders = self.ports.commands.running(ORDERS_AT_ONCE).await?;
        paces.keep(&orders);
        for order in &orders {
            self.carry_on_with(order, paces.piece(order, self.ports.clock.now())).await?;
        }
        Ok(!orders.is_empty())
    }

    /// Carries an order on by `limit` deliveries.
    async fn carry_on_with(&self, order: &BulkCommand, limit: usize) -> Result<(), StoreFault> {
        if limit == 0 {
            return Ok(());
        }
        let found =
            self.ports.records.deliveries(&order.scope, &order.filter, Some(order.cursor), limit).await?;
        let full = found.len() == limit;
        let meant: Vec<_> = found.into_iter().filter(|(cursor, _)| *cursor <= order.last).collect();
        let last = meant.len() < limit || !full;
        let cursor = meant.last().map_or(order.cursor, |(cursor, _)| *cursor);
        let outcomes = join_all(meant.iter().map(|(_, delivery)| self.carry_out(order, delivery))).await;
        let (mut done, mut refused) = (order.done, order.refused);
        for outcome in outcomes {
            match outcome? {
                CommandOutcome::Done(_) => done += 1,
                CommandOutcome::Refused(_) | CommandOutcome::NotFound => refused += 1,
            }
        }
        self.ports.commands.progress(BulkProgress { id: order.id, done, refused, cursor }).await?;
        self.wake.notify_one();
        if last {
            let (id, state, at) = (order.id, BulkState::Finished, self.ports.clock.now());
            self.ports.commands.end(BulkEnd { id, state, who: "rohrpost".into(), why: None, at }).await?;
        }
        Ok(())
    }

    async fn carry_out(
        &self,
        order: &BulkCommand,
        delivery: &Delivery,
    ) -> Result<CommandOutcome, StoreFault> {
        let single = match order.order {
            BulkOrder::Retry => Order::Retry,
            BulkOrder::Discard { dependents } => Order::Discard(dependents),
            BulkOrder::Pause => Order::Pause,
            BulkOrder::Resume => Order::Resume,
            BulkOrder::Mend => match self.mended(delivery).await? {
                Some(order) => order,
                None => return Ok(CommandOutcome::Refused(delivery.state)),
            },
        };
        let command = Command {
            delivery: delivery.id,
            order: single,
            who: order.who.clone(),
            why: order.why.clone().unwrap_or_default(),
            at: self.ports.clock.now(),
            part_of: Some(order.id),
        };
        self.ports.outbox.command(&order.scope, command).await
    }
}

/// When the orders that run may take their next deliveries.
#[derive(Default)]
struct Paces(HashMap<CommandId, Timestamp>);

impl Paces {
    /// Forgets those that have ended.
    fn keep(&mut self, orders: &[BulkCommand]) {
        self.0.retain(|id, _| orders.iter().any(|order| order.id == *id));
    }

    /// How many deliveries an order may take now. One piece's worth is made good at most: time in which the hub was down
    /// or slow is not caught up, and a clock that jumps changes nothing.
    fn piece(&mut self, order: &BulkCommand, now: Timestamp) -> usize {
        let each = Duration::from_secs(1) / order.per_second.max(1);
        let next = self.0.get(&order.id).copied().filter(|next| *next <= after(now, each)).unwrap_or(now);
        let next = next.max(now.checked_sub(PIECE).unwrap_or(now));
        let Ok(waited) = Duration::try_from(now.duration_since(next)) else { return 0 };
        let taken = 1 + u32::try_from(waited.as_nanos() / each.as_nanos()).unwrap_or(0);
        self.0.insert(order.id, after(next, each * taken));
        usize::try_from(taken).unwrap_or(usize::MAX)
    }
}

/// The states in which an order can be carried out.
pub fn states_for(order: BulkOrder) -> impl Iterator<Item = State> {
    use rohrpost_model::transition::{Event, next};
    let event = match order {
        BulkOrder::Retry | BulkOrder::Mend => Event::RetryCommanded,
        BulkOrder::Discard { .. } => Event::DiscardCommanded,
        BulkOrder::Pause => Event::PauseCommanded,
        BulkOrder::Resume => Event::ResumeCommanded,
    };
    State::ALL.into_iter().filter(move |state| next(*state, event).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(per_second: u32) -> BulkCommand {
        let at = Timestamp::UNIX_EPOCH;
        BulkCommand {
            id: CommandId::new(at),
            order: BulkOrder::Retry,
            filter: DeliveryFilter::default(),
            scope: Scope::Hub,
            per_second,
            who: "betrieb".into(),
            why: None,
            at,
            total: 1_000_000,
            done: 0,
            refused: 0,
            cursor: Cursor(0),
            last: Cursor(1_000_000),
            state: BulkState::Running,
            ended: None,
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_000_000_000 + millis).unwrap()
    }

    /// How many are taken at looks every 100 ms from `from` on, for `seconds`.
    fn taken(paces: &mut Paces, order: &BulkCommand, from: i64, seconds: i64) -> usize {
        (0..seconds * 10).map(|look| paces.piece(order, at(from + look * 100))).sum()
    }

    #[test]
    fn an_order_takes_as_many_in_a_second_as_it_may() {
        for rate in [1, 3, 5, 10, 99, 100, 1000] {
            let (mut paces, order) = (Paces::default(), order(rate));
            let in_ten = taken(&mut paces, &order, 0, 10);
            let right = usize::try_from(rate).unwrap() * 10;
            assert!((right * 9 / 10..=right + 1).contains(&in_ten), "{in_ten} in ten seconds at {rate}");
        }
    }

    #[test]
    fn time_in_which_the_hub_was_down_or_a_clock_jumped_is_not_caught_up() {
        for rate in [1, 5, 100] {
            let (mut paces, order) = (Paces::default(), order(rate));
            taken(&mut paces, &order, 0, 1);
            for jump in [3_600_000, 60_000] {
                let next = taken(&mut paces, &order, jump, 1);
                let right = usize::try_from(rate).unwrap();
                let most = right + right.div_ceil(10) + 1;
                assert!(
                    (right * 8 / 10..=most).contains(&next),
                    "{next} in the second after a jump at {rate}"
                );
            }
        }
    }

    #[test]
    fn an_order_fits_the_states_that_the_table_says() {
        let states = |order| states_for(order).collect::<Vec<_>>();
        let open = [State::Blocked, State::Due, State::Unknown, State::Awaiting, State::Parked];
        let discard = BulkOrder::Discard { dependents: rohrpost_model::ports::Dependents::Discard };
        for order in [BulkOrder::Retry, BulkOrder::Mend, BulkOrder::Pause, BulkOrder::Resume, discard] {
            assert_eq!(states(order), open, "{order:?}");
        }
    }
}
