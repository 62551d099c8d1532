//! The port `Outbox` over SQLite.

use crate::claim::{next_due, reserve};
use crate::scope::ScopeParams;
use crate::store::SqliteStore;
use crate::work::{Accept, Commanded, Recover, SetMark, Settle};
use async_trait::async_trait;
use rohrpost_model::ports::{
    Acceptance, Claim, Command, CommandOutcome, Mark, NewSubmission, Outbox, Scope, Settlement, StoreFault,
    Unsettled, Wanted,
};
use rohrpost_model::{State, Timestamp};
use std::sync::Arc;

/// A claim that is dropped without `settle` or `give_back` stays held until the next start: nobody knows how far its
/// holder came.
#[async_trait]
impl Outbox for SqliteStore {
    async fn accept(&self, new: NewSubmission) -> Result<Acceptance, StoreFault> {
        let work = Accept::prepare(new, Arc::clone(&self.keys), Arc::clone(&self.recent))?;
        self.writer.submit(work).await
    }

    async fn recover(&self, now: Timestamp, ask_at: Timestamp) -> Result<u64, StoreFault> {
        self.writer.submit(Recover { now, ask_at }).await
    }

    async fn claim(&self, wanted: &Wanted) -> Result<Vec<Claim>, StoreFault> {
        let (wanted, claims, keys) = (wanted.clone(), Arc::clone(&self.claims), Arc::clone(&self.keys));
        let reserved =
            self.readers.read(move |connection| reserve(connection, &claims, &keys, &wanted)).await?;
        Ok(reserved.hand_out())
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
        delivery.document = Some(marked.document);
        Ok(())
    }

    async fn settle(&self, claim: Claim, settlement: &Settlement) -> Result<State, Box<Unsettled>> {
        let (settlement, claims) = (settlement.clone(), Arc::clone(&self.claims));
        let work = Settle { delivery: claim.delivery.id, settlement, claims };
        self.writer.submit(work).await.map_err(|fault| Box::new(Unsettled { claim, fault }))
    }

    async fn give_back(&self, claim: Claim) {
        self.claims.release(claim.delivery.id);
    }

    async fn command(&self, scope: &Scope, command: Command) -> Result<CommandOutcome, StoreFault> {
        let work = Commanded::new(ScopeParams::from(scope), command, Arc::clone(&self.claims));
        self.writer.submit(work).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreFault> {
        let claims = Arc::clone(&self.claims);
        self.readers.read(move |connection| next_due(connection, &claims)).await
    }
}
