//! The engine's ports, watched: how the rig knows that the engine has come to rest.
//!
//! The engine runs on one thread together with the test. What it waits for elsewhere (the store, a worker, a target) it
//! waits for in a call that is counted here, or with a claim in hand. So it rests when no call is under way, every claim
//! is at a target that answers later, and nothing more happens while everybody has a turn.

use async_trait::async_trait;
use rohrpost_model::foreign::{Hit, Sought};
use rohrpost_model::ports::*;
use rohrpost_model::{
    CaseId, CommandId, DeliveryId, DestinationName, Receipt, State, StepName, SubmissionId, TenantName,
    Timestamp,
};
use rohrpost_store::SqliteStore;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// What is going on.
#[derive(Default)]
pub struct Doings {
    calls: AtomicUsize,
    claims: AtomicUsize,
    waiting: AtomicUsize,
    happened: AtomicUsize,
    changed: Notify,
    held: Mutex<Option<&'static str>>,
    let_go: Notify,
}

/// Something that is going on, until it is dropped.
pub struct Doing<'a>(&'a Doings, &'a AtomicUsize);

impl Drop for Doing<'_> {
    fn drop(&mut self) {
        self.1.fetch_sub(1, SeqCst);
        self.0.note();
    }
}

impl Doings {
    fn note(&self) {
        self.happened.fetch_add(1, SeqCst);
        self.changed.notify_waiters();
    }

    fn begin<'a>(&'a self, what: &'a AtomicUsize) -> Doing<'a> {
        what.fetch_add(1, SeqCst);
        self.note();
        Doing(self, what)
    }

    fn call(&self) -> Doing<'_> {
        self.begin(&self.calls)
    }

    /// A conversation waits for what only the test can bring about.
    pub fn wait(&self) -> Doing<'_> {
        self.begin(&self.waiting)
    }

    /// How much has happened so far.
    pub fn happened(&self) -> usize {
        self.happened.load(SeqCst)
    }

    /// A crash ends all claims.
    pub fn forget_claims(&self) {
        self.claims.store(0, SeqCst);
    }

    fn is_quiet(&self) -> bool {
        self.calls.load(SeqCst) == 0 && self.claims.load(SeqCst) == self.waiting.load(SeqCst)
    }

    /// Returns when nothing is going on that goes on by itself.
    pub async fn quiet(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.is_quiet() {
                return;
            }
            changed.await;
        }
    }

    /// Whoever comes to this call from now on waits until it is let go.
    pub fn hold(&self, call: &'static str) {
        *self.held.lock().unwrap() = Some(call);
    }

    pub fn let_go(&self) {
        *self.held.lock().unwrap() = None;
        self.let_go.notify_waiters();
    }

    fn is_held(&self, call: &str) -> bool {
        *self.held.lock().unwrap() == Some(call)
    }

    async fn pass(&self, call: &str) {
        while self.is_held(call) {
            let let_go = self.let_go.notified();
            let _waiting = self.wait();
            let_go.await;
        }
    }
}

/// The store as the engine sees it.
pub struct Watched {
    pub store: Arc<SqliteStore>,
    pub doings: Arc<Doings>,
}

macro_rules! watched {
    ($self:ident.$method:ident($($argument:expr),*)) => {{
        let _call = $self.doings.call();
        $self.store.$method($($argument),*).await
    }};
}

#[async_trait]
impl Outbox for Watched {
    async fn accept(&self, new: NewSubmission) -> Result<Acceptance, StoreFault> {
        watched!(self.accept(new))
    }

    async fn recover(&self, now: Timestamp, ask_at: Timestamp) -> Result<u64, StoreFault> {
        watched!(self.recover(now, ask_at))
    }

    async fn claim(&self, wanted: &Wanted) -> Result<Claimed, StoreFault> {
        let claimed = watched!(self.claim(wanted))?;
        self.doings.claims.fetch_add(claimed.claims.len(), SeqCst);
        Ok(claimed)
    }

    async fn mark(&self, claim: &mut Claim, mark: Mark) -> Result<(), StoreFault> {
        watched!(self.mark(claim, mark))
    }

    async fn record(&self, delivery: DeliveryId, recorded: &Recorded) -> Result<(), StoreFault> {
        watched!(self.record(delivery, recorded))
    }

    async fn settle(&self, claim: Claim, settlement: &Settlement) -> Result<State, Box<Unsettled>> {
        let settled = watched!(self.settle(claim, settlement))?;
        self.doings.claims.fetch_sub(1, SeqCst);
        self.doings.note();
        Ok(settled)
    }

    async fn give_back(&self, claim: Claim) {
        watched!(self.give_back(claim));
        self.doings.claims.fetch_sub(1, SeqCst);
        self.doings.note();
    }

    async fn command(&self, scope: &Scope, command: Command) -> Result<CommandOutcome, StoreFault> {
        watched!(self.command(scope, command))
    }

    fn became_due(&self) -> Vec<Place> {
        self.store.became_due()
    }

    async fn expire(&self, now: Timestamp, limit: usize) -> Result<Expired, StoreFault> {
        watched!(self.expire(now, limit))
    }
}

#[async_trait]
impl Records for Watched {
    async fn handed_in(&self, key: &rohrpost_model::Digest) -> Result<Option<SubmissionView>, StoreFault> {
        watched!(self.handed_in(key))
    }

    async fn submission(
        &self,
        scope: &Scope,
        id: SubmissionId,
    ) -> Result<Option<SubmissionView>, StoreFault> {
        watched!(self.submission(scope, id))
    }

    async fn origin(&self, id: SubmissionId) -> Result<Option<Arc<Origin>>, StoreFault> {
        self.doings.pass("origin").await;
        watched!(self.origin(id))
    }

    async fn receipts(&self, id: SubmissionId) -> Result<BTreeMap<StepName, Receipt>, StoreFault> {
        watched!(self.receipts(id))
    }

    async fn search(
        &self,
        tenants: &BTreeSet<TenantName>,
        sought: &Sought,
        limit: usize,
    ) -> Result<Vec<Hit>, StoreFault> {
        watched!(self.search(tenants, sought, limit))
    }

    async fn recorded(&self, id: DeliveryId) -> Result<BTreeMap<String, String>, StoreFault> {
        watched!(self.recorded(id))
    }

    async fn case(&self, scope: &Scope, case: &CaseId) -> Result<Vec<CaseView>, StoreFault> {
        watched!(self.case(scope, case))
    }

    async fn deliveries(
        &self,
        scope: &Scope,
        filter: &DeliveryFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, rohrpost_model::Delivery)>, StoreFault> {
        watched!(self.deliveries(scope, filter, after, limit))
    }

    async fn delivery(&self, scope: &Scope, id: DeliveryId) -> Result<Option<DeliveryDetail>, StoreFault> {
        watched!(self.delivery(scope, id))
    }

    async fn counts(&self) -> Result<Vec<StateCount>, StoreFault> {
        watched!(self.counts())
    }
}

#[async_trait]
impl Commands for Watched {
    async fn order_destination(&self, command: NewDestinationCommand) -> Result<bool, StoreFault> {
        watched!(self.order_destination(command))
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreFault> {
        watched!(self.pauses())
    }

    async fn count(&self, scope: &Scope, filter: &DeliveryFilter) -> Result<u64, StoreFault> {
        watched!(self.count(scope, filter))
    }

    async fn begin(&self, command: NewBulkCommand) -> Result<BulkCommand, StoreFault> {
        watched!(self.begin(command))
    }

    async fn progress(&self, progress: BulkProgress) -> Result<(), StoreFault> {
        if self.doings.is_held("progress") {
            std::future::pending::<()>().await; // until the hub crashes
        }
        watched!(self.progress(progress))
    }

    async fn end(&self, end: BulkEnd) -> Result<Option<BulkCommand>, StoreFault> {
        watched!(self.end(end))
    }

    async fn destination_orders(
        &self,
        destination: &DestinationName,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, OrderedDestination)>, StoreFault> {
        watched!(self.destination_orders(destination, before, limit))
    }

    async fn running(&self, limit: usize) -> Result<Vec<BulkCommand>, StoreFault> {
        watched!(self.running(limit))
    }

    async fn orders(
        &self,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, BulkCommand)>, StoreFault> {
        watched!(self.orders(before, limit))
    }

    async fn order(&self, id: CommandId) -> Result<Option<BulkCommand>, StoreFault> {
        watched!(self.order(id))
    }
}
