//! The port `Outbox` over SQLite.

use crate::claim::{claim, open, read};
use crate::ready::Taken;
use crate::rows::Stored;
use crate::scope::ScopeParams;
use crate::store::SqliteStore;
use crate::work::{Accept, Commanded, Expire, Record, Recover, SetMark, Settle};
use async_trait::async_trait;
use rohrpost_model::ports::{
    Acceptance, Claim, Claimed, Command, CommandOutcome, Expired, Mark, NewSubmission, Outbox, Place,
    Recorded, Scope, Settlement, StoreFault, Unsettled, Wanted,
};
use rohrpost_model::{DeliveryId, State, Timestamp};
use rusqlite::Connection;
use std::sync::Arc;

/// A claim that is dropped without `settle` or `give_back` stays held until the next start: nobody knows how far its
/// holder came.
#[async_trait]
impl Outbox for SqliteStore {
    async fn accept(&self, new: NewSubmission) -> Result<Acceptance, StoreFault> {
        let (keys, recent) = (Arc::clone(&self.keys), Arc::clone(&self.recent));
        let work = Accept::prepare(new, keys, recent, Arc::clone(&self.fresh))?;
        self.writer.submit(work).await
    }

    async fn recover(&self, now: Timestamp, ask_at: Timestamp) -> Result<u64, StoreFault> {
        self.writer.submit(Recover { now, ask_at }).await
    }

    async fn claim(&self, wanted: &Wanted) -> Result<Claimed, StoreFault> {
        if *self.writer.stopped().borrow() {
            // Nothing could be marked.
            return Ok(Claimed::default());
        }
        let (reserved, next_due) = self.reserve(wanted).await?;
        let claims = if reserved.iter().all(|row| row.sealed_receipt.is_none()) {
            reserved.into_iter().map(|row| claim(row.delivery)).collect()
        } else {
            self.open_reserved(reserved).await?
        };
        Ok(Claimed { claims, next_due })
    }

    async fn mark(&self, claim: &mut Claim, mark: Mark) -> Result<(), StoreFault> {
        let delivery = &mut claim.delivery;
        let (keys, claims, recent) =
            (Arc::clone(&self.keys), Arc::clone(&self.claims), Arc::clone(&self.recent));
        let work = SetMark::new(delivery.id, delivery.submission, mark, keys, claims, recent);
        let marked = self.writer.submit(work).await?;
        delivery.state = State::Sending;
        delivery.reason = None;
        delivery.due_at = None;
        delivery.attempts = marked.attempts;
        delivery.tries += 1;
        delivery.tries_since = delivery.tries_since.or(Some(marked.at));
        delivery.since = marked.at;
        delivery.document = Some(marked.document);
        Ok(())
    }

    async fn record(&self, delivery: DeliveryId, recorded: &Recorded) -> Result<(), StoreFault> {
        self.writer.submit(Record { delivery, recorded: recorded.clone() }).await
    }

    async fn settle(&self, claim: Claim, settlement: &Settlement) -> Result<State, Box<Unsettled>> {
        let (settlement, claims) = (settlement.clone(), Arc::clone(&self.claims));
        let work = Settle { delivery: claim.delivery.id, settlement, claims };
        self.writer.submit(work).await.map_err(|fault| Box::new(Unsettled { claim, fault }))
    }

    async fn give_back(&self, claim: Claim) {
        self.claims.release(claim.delivery.id);
        self.notices.add(std::iter::once(claim.delivery.destination));
    }

    async fn command(&self, scope: &Scope, command: Command) -> Result<CommandOutcome, StoreFault> {
        let work = Commanded::new(ScopeParams::from(scope), command, Arc::clone(&self.claims));
        self.writer.submit(work).await
    }

    fn became_due(&self) -> Vec<Place> {
        self.notices.take()
    }

    async fn expire(&self, now: Timestamp, limit: usize) -> Result<Expired, StoreFault> {
        self.writer.submit(Expire::new(now, limit, Arc::clone(&self.claims))).await
    }
}

impl SqliteStore {
    /// Reserves what is wanted; fills the mirror first where it does not know enough.
    async fn reserve(&self, wanted: &Wanted) -> Result<(Vec<Stored>, Option<Timestamp>), StoreFault> {
        if let Taken::These(rows, next_due) = self.ready.take(&self.claims, wanted) {
            return Ok((rows, next_due));
        }
        let _one_at_a_time = self.filling.lock().await;
        loop {
            if let Taken::These(rows, next_due) = self.ready.take(&self.claims, wanted) {
                return Ok((rows, next_due));
            }
            let filling = self.ready.begin_to_fill(&wanted.destination);
            let (claims, asked, window) = (Arc::clone(&self.claims), wanted.clone(), self.ready.window);
            let find = move |connection: &Connection| read(connection, &claims, &asked, window);
            filling.end(wanted, self.readers.snapshot(find).await?);
        }
    }

    /// Opens the receipts of what was reserved. What cannot be handed out is released again.
    async fn open_reserved(&self, reserved: Vec<Stored>) -> Result<Vec<Claim>, StoreFault> {
        let ids: Vec<_> = reserved.iter().map(|row| row.delivery.id).collect();
        let (claims, keys) = (Arc::clone(&self.claims), Arc::clone(&self.keys));
        let opened = self.readers.read(move |connection| open(connection, &claims, &keys, reserved)).await;
        if opened.is_err() {
            ids.into_iter().for_each(|id| self.claims.release(id));
        }
        Ok(opened?.into_iter().map(claim).collect())
    }
}
