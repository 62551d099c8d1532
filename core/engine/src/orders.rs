//! What persons ask: for one delivery, for a destination, and for many deliveries at their own pace.

use crate::Engine;
use crate::dispatch::after;
use futures::future::join_all;
use rohrpost_model::ports::{
    BulkCommand, BulkOrder, BulkProgress, BulkState, Command, CommandOutcome, DeliveryFilter,
    DestinationOrder, NewBulkCommand, NewDestinationCommand, Order, Pause, Scope, StoreFault,
};
use rohrpost_model::{
    ClientName, CommandId, Delivery, DeliveryId, DestinationName, State, TenantName, Timestamp,
};
use std::time::Duration;
use tokio::sync::watch;

/// An order for many deliveries goes on in pieces of this time.
const PIECE: Duration = Duration::from_millis(100);

/// Pieces in a second.
const PIECES: u32 = 10;

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
        let now = catalog.routes.get(&pinned.route).and_then(|route| {
            let step = route.steps.iter().find(|step| step.name == delivery.step)?;
            let destination = step.destination_for(&delivery.tenant)?;
            Some(Order::Mend { pinned: catalog.pin(route, step), destination })
        });
        Ok(now)
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
        if self.ports.commands.orders(true, ORDERS_AT_ONCE).await?.len() >= ORDERS_AT_ONCE {
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

    /// Orders for many deliveries, the newest first.
    pub async fn orders(&self, limit: usize) -> Result<Vec<BulkCommand>, StoreFault> {
        self.ports.commands.orders(false, limit).await
    }

    /// One of them.
    pub async fn order(&self, id: CommandId) -> Result<Option<BulkCommand>, StoreFault> {
        self.ports.commands.order(id).await
    }

    /// Stops an order for many deliveries. What it did stays done.
    pub async fn cancel(&self, id: CommandId, who: &ClientName) -> Result<Option<BulkCommand>, StoreFault> {
        self.ports.commands.end(id, BulkState::Cancelled, who.as_str(), self.ports.clock.now()).await
    }

    /// Carries out orders for many deliveries until `stop` turns true. Each goes on where it stood when the hub stopped.
    pub(crate) async fn carry_out_orders(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let began = self.ports.clock.now();
            let some = self.carry_on().await.unwrap_or_else(|fault| {
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
    async fn carry_on(&self) -> Result<bool, StoreFault> {
        let orders = self.ports.commands.orders(true, ORDERS_AT_ONCE).await?;
        for order in &orders {
            self.carry_on_with(order).await?;
        }
        Ok(!orders.is_empty())
    }

    async fn carry_on_with(&self, order: &BulkCommand) -> Result<(), StoreFault> {
        let Some(limit) = self.piece_of(order) else { return Ok(()) };
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
            let now = self.ports.clock.now();
            self.ports.commands.end(order.id, BulkState::Finished, "rohrpost", now).await?;
        }
        Ok(())
    }

    /// How many deliveries this piece takes. A slow order waits for its next whole one.
    fn piece_of(&self, order: &BulkCommand) -> Option<usize> {
        let due =
            elapsed_pieces(order.at, self.ports.clock.now()).saturating_mul(u64::from(order.per_second));
        let allowed = due / u64::from(PIECES);
        let left = allowed.saturating_sub(order.done + order.refused);
        let most = u64::from(order.per_second.div_ceil(PIECES));
        // Time in which the hub was down, or a clock put forward, is not caught up.
        usize::try_from(left.min(most)).ok().filter(|limit| *limit > 0)
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

/// How many pieces of time have begun since `from`.
fn elapsed_pieces(from: Timestamp, now: Timestamp) -> u64 {
    let elapsed = Duration::try_from(now.duration_since(from)).unwrap_or_default();
    u64::try_from(elapsed.as_millis() / PIECE.as_millis()).unwrap_or(u64::MAX).saturating_add(1)
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
