//! Ports that keep everything in memory.

use crate::{Activation, ActivationReport, By, Difference, RollbackFault, Side};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use rohrpost_model::ports::*;
use rohrpost_model::version::{ConfigurationText, VersionKind};
use rohrpost_model::{
    CaseId, CommandId, Delivery, DeliveryId, DestinationName, Digest, Fault, Receipt, State, StepName,
    SubmissionId, TenantName, Timestamp,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// Keeps everything in memory, in plain. A submission without a route waits as parked.
#[derive(Default)]
pub(super) struct Memory {
    kept: Mutex<Vec<Kept>>,
    pauses: Mutex<BTreeMap<DestinationName, Pause>>,
    orders: Mutex<Vec<BulkCommand>>,
    destination_orders: Mutex<Vec<(DestinationName, OrderedDestination)>>,
    pub(super) largest_piece: Arc<AtomicUsize>,
    /// How many data keys were issued.
    pub(super) keys: AtomicUsize,
}

struct Kept {
    view: SubmissionView,
    contents: Vec<Vec<u8>>,
    idempotency: Option<Idempotency>,
    history: Vec<HistoryEntry>,
}

impl Memory {
    /// How many submissions are kept.
    pub(super) fn submissions(&self) -> usize {
        self.kept().len()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap()
    }

    fn seen<T>(&self, scope: &Scope, pick: impl Fn(&Kept) -> Option<T>) -> Vec<T> {
        let sees = |kept: &&Kept| scope.sees(&kept.view.submission.tenant, &kept.view.submission.client);
        self.kept().iter().filter(sees).filter_map(pick).collect()
    }

    /// Makes something of a delivery.
    pub(super) fn change(&self, id: &str, change: impl FnOnce(&mut Delivery)) {
        let mut kept = self.kept();
        let mut deliveries = kept.iter_mut().map(|kept| &mut kept.view.deliveries[0]);
        change(deliveries.find(|delivery| delivery.id.to_string() == id).unwrap());
    }

    /// Those that fit, with their places.
    fn fitting(&self, scope: &Scope, filter: &DeliveryFilter) -> Vec<(Cursor, Delivery)> {
        let service = filter.service.clone();
        let of_service =
            |kept: &Kept| service.as_ref().is_none_or(|service| *service == kept.view.submission.service);
        let all = self.seen(scope, |kept| Some((of_service(kept), kept.view.deliveries[0].clone())));
        let numbered = all.into_iter().enumerate().map(|(at, it)| (Cursor(at as u64 + 1), it));
        let fits = |(cursor, (of_service, delivery)): (Cursor, (bool, Delivery))| {
            (of_service && fits(filter, &delivery)).then_some((cursor, delivery))
        };
        numbered.filter_map(fits).collect()
    }
}

fn fits(filter: &DeliveryFilter, delivery: &Delivery) -> bool {
    let set = |wanted: bool, fits: bool| !wanted || fits;
    set(!filter.states.is_empty(), filter.states.contains(&delivery.state))
        && set(filter.tenant.is_some(), filter.tenant.as_ref() == Some(&delivery.tenant))
        && set(filter.reason.is_some(), filter.reason == delivery.reason.as_ref().map(|reason| reason.code))
        && set(filter.paused.is_some(), filter.paused == Some(delivery.paused_by.is_some()))
        && set(filter.destination.is_some(), filter.destination == delivery.destination)
        && set(filter.case.is_some(), filter.case.as_ref() == Some(&delivery.case))
}

#[async_trait]
impl Outbox for Memory {
    async fn accept(&self, new: NewSubmission) -> Result<Acceptance, StoreFault> {
        let mut kept = self.kept();
        let key = |idempotency: &Option<Idempotency>| idempotency.map(|idempotency| idempotency.key);
        if new.idempotency.is_some()
            && let Some(first) = kept.iter().find(|kept| key(&kept.idempotency) == key(&new.idempotency))
        {
            let same = first.idempotency == new.idempotency;
            let answer = first.view.answer.clone();
            return Ok(if same { Acceptance::Repeated(answer) } else { Acceptance::OtherContent });
        }
        let answer = new.answer.clone();
        kept.push(Kept::new(new));
        Ok(Acceptance::Stored(answer))
    }

    async fn recover(&self, _: Timestamp, _: Timestamp) -> Result<u64, StoreFault> {
        Ok(0)
    }

    async fn claim(&self, _: &Wanted) -> Result<Claimed, StoreFault> {
        Ok(Claimed::default())
    }

    async fn mark(&self, _: &mut Claim, _: Mark) -> Result<(), StoreFault> {
        Ok(())
    }

    async fn record(&self, _: DeliveryId, _: &Recorded) -> Result<(), StoreFault> {
        Ok(())
    }

    async fn settle(&self, claim: Claim, _: &Settlement) -> Result<State, Box<Unsettled>> {
        Ok(claim.delivery.state)
    }

    async fn give_back(&self, _: Claim) {}

    async fn command(&self, scope: &Scope, command: Command) -> Result<CommandOutcome, StoreFault> {
        for kept in self.kept().iter_mut() {
            let submission = &kept.view.submission;
            let delivery = &mut kept.view.deliveries[0];
            if delivery.id != command.delivery || !scope.sees(&submission.tenant, &submission.client) {
                continue;
            }
            let paused = delivery.paused_by.is_some();
            let refused = match command.order {
                Order::Pause => paused,
                Order::Resume => !paused,
                _ => false,
            };
            if refused || delivery.state.is_end() {
                return Ok(CommandOutcome::Refused(delivery.state));
            }
            match command.order {
                Order::Retry | Order::Mend { .. } => delivery.state = State::Due,
                Order::Discard(_) => delivery.state = State::Discarded,
                Order::Pause => delivery.paused_by = Some(command.who.clone()),
                Order::Resume => delivery.paused_by = None,
                Order::Fetched => delivery.fetched_at = Some(command.at),
                Order::Close => delivery.state = State::Delivered,
                Order::Ask => {}
            }
            kept.history.push(HistoryEntry {
                at: command.at,
                event: None,
                state: delivery.state,
                cause: "command".into(),
                who: command.who,
                why: Some(command.why),
                reason: None,
            });
            return Ok(CommandOutcome::Done(delivery.state));
        }
        Ok(CommandOutcome::NotFound)
    }

    fn became_due(&self) -> Vec<Place> {
        Vec::new()
    }

    async fn expire(&self, _: Timestamp, _: usize) -> Result<Expired, StoreFault> {
        Ok(Expired::default())
    }
}

#[async_trait]
impl Commands for Memory {
    async fn order_destination(&self, command: NewDestinationCommand) -> Result<bool, StoreFault> {
        let mut pauses = self.pauses.lock().unwrap();
        let NewDestinationCommand { destination, order, who, why, at, .. } = command;
        let mode = match order {
            DestinationOrder::Pause => Some(PauseMode::Paused),
            DestinationOrder::Drain => Some(PauseMode::Draining),
            DestinationOrder::Resume => None,
        };
        if pauses.get(&destination).map(|pause| pause.mode) == mode {
            return Ok(false);
        }
        pauses.remove(&destination);
        let pause = |mode| Pause { destination: destination.clone(), mode, who: who.clone(), since: at };
        pauses.extend(mode.map(|mode| (destination.clone(), pause(mode))));
        let ordered = OrderedDestination { order, who, why: Some(why), at };
        self.destination_orders.lock().unwrap().push((destination, ordered));
        Ok(true)
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreFault> {
        Ok(self.pauses.lock().unwrap().values().cloned().collect())
    }

    async fn count(&self, scope: &Scope, filter: &DeliveryFilter) -> Result<u64, StoreFault> {
        Ok(self.fitting(scope, filter).len() as u64)
    }

    async fn begin(&self, new: NewBulkCommand) -> Result<BulkCommand, StoreFault> {
        let begun = BulkCommand {
            total: self.fitting(&new.scope, &new.filter).len() as u64,
            id: new.id,
            order: new.order,
            filter: new.filter,
            scope: new.scope,
            per_second: new.per_second,
            who: new.who,
            why: Some(new.why),
            at: new.at,
            done: 0,
            refused: 0,
            cursor: Cursor(0),
            last: Cursor(self.kept().len() as u64),
            state: BulkState::Running,
            ended: None,
        };
        self.orders.lock().unwrap().push(begun.clone());
        Ok(begun)
    }

    async fn progress(&self, progress: BulkProgress) -> Result<(), StoreFault> {
        for order in self.orders.lock().unwrap().iter_mut().filter(|order| order.id == progress.id) {
            (order.done, order.refused, order.cursor) = (progress.done, progress.refused, progress.cursor);
        }
        Ok(())
    }

    async fn end(&self, end: BulkEnd) -> Result<Option<BulkCommand>, StoreFault> {
        let mut orders = self.orders.lock().unwrap();
        let Some(order) = orders.iter_mut().find(|order| order.id == end.id) else { return Ok(None) };
        if order.state == BulkState::Running {
            (order.state, order.ended) =
                (end.state, Some(BulkEnded { at: end.at, who: end.who, why: end.why }));
        }
        Ok(Some(order.clone()))
    }

    async fn running(&self, limit: usize) -> Result<Vec<BulkCommand>, StoreFault> {
        let orders = self.orders.lock().unwrap();
        let wanted = orders.iter().rev().filter(|order| order.state == BulkState::Running);
        Ok(wanted.take(limit).cloned().collect())
    }

    async fn orders(
        &self,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, BulkCommand)>, StoreFault> {
        let orders = self.orders.lock().unwrap();
        let numbered = (1..).map(Cursor).zip(orders.iter().cloned()).collect::<Vec<_>>();
        let wanted =
            numbered.into_iter().rev().filter(|(place, _)| before.is_none_or(|before| *place < before));
        Ok(wanted.take(limit).collect())
    }

    async fn destination_orders(
        &self,
        destination: &DestinationName,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, OrderedDestination)>, StoreFault> {
        let orders = self.destination_orders.lock().unwrap();
        let numbered = (1..).map(Cursor).zip(orders.iter().cloned()).collect::<Vec<_>>();
        let wanted = numbered
            .into_iter()
            .rev()
            .filter(|(place, (name, _))| name == destination && before.is_none_or(|before| *place < before));
        Ok(wanted.take(limit).map(|(place, (_, order))| (place, order)).collect())
    }

    async fn order(&self, id: CommandId) -> Result<Option<BulkCommand>, StoreFault> {
        Ok(self.orders.lock().unwrap().iter().find(|order| order.id == id).cloned())
    }
}

impl Kept {
    fn new(new: NewSubmission) -> Self {
        let mut submission = new.submission;
        for part in &mut submission.parts {
            part.location = Some(Location::Segment { segment: 0, offset: 0, length: part.size });
        }
        let plain = |content| match content {
            StagedContent::Small(bytes) => bytes,
            StagedContent::File(_) => panic!("nothing is staged in files here"),
        };
        let deliveries = new.deliveries.into_iter().map(|delivery| begun(&submission, delivery)).collect();
        Self {
            contents: new.contents.into_iter().map(plain).collect(),
            idempotency: new.idempotency,
            history: Vec::new(),
            view: SubmissionView {
                submission,
                answer: new.answer,
                key: new.wrapped_key,
                deliveries,
                erased_at: None,
            },
        }
    }
}

fn begun(submission: &rohrpost_model::Submission, new: NewDelivery) -> Delivery {
    Delivery {
        fetched_at: None,
        id: new.id,
        submission: submission.id,
        tenant: submission.tenant.clone(),
        case: submission.case.clone(),
        step: new.step,
        destination: new.destination,
        pinned: new.pinned,
        ordered: new.ordered,
        after: new.after,
        on: new.on,
        state: new.state,
        reason: new.reason,
        since: submission.received_at,
        due_at: new.due_at,
        attempts: 0,
        tries: 0,
        tries_since: None,
        expires_at: new.expires_at,
        paused_by: None,
        behind: None,
        document: None,
        receipt: None,
    }
}

#[async_trait]
impl Records for Memory {
    async fn handed_in(&self, _: &Digest) -> Result<Option<SubmissionView>, StoreFault> {
        Ok(None)
    }

    async fn submission(
        &self,
        scope: &Scope,
        id: SubmissionId,
    ) -> Result<Option<SubmissionView>, StoreFault> {
        Ok(self.seen(scope, |kept| (kept.view.submission.id == id).then(|| kept.view.clone())).pop())
    }

    async fn recorded(&self, _: DeliveryId) -> Result<BTreeMap<String, String>, StoreFault> {
        Ok(BTreeMap::new())
    }

    async fn case(&self, scope: &Scope, case: &CaseId) -> Result<Vec<CaseView>, StoreFault> {
        let mut views: BTreeMap<TenantName, CaseView> = BTreeMap::new();
        for view in self.seen(scope, |kept| (&kept.view.submission.case == case).then(|| kept.view.clone())) {
            let tenant = view.submission.tenant.clone();
            let empty = CaseView { tenant: tenant.clone(), submissions: Vec::new() };
            views.entry(tenant).or_insert(empty).submissions.push(view);
        }
        Ok(views.into_values().collect())
    }

    async fn deliveries(
        &self,
        scope: &Scope,
        filter: &DeliveryFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, Delivery)>, StoreFault> {
        let found = self.fitting(scope, filter).into_iter();
        Ok(found.filter(|(cursor, _)| Some(*cursor) > after).take(limit).collect())
    }

    async fn delivery(&self, scope: &Scope, id: DeliveryId) -> Result<Option<DeliveryDetail>, StoreFault> {
        let detail = |kept: &Kept| {
            let delivery = kept.view.deliveries.iter().find(|delivery| delivery.id == id)?.clone();
            Some(DeliveryDetail { delivery, attempts: Vec::new(), history: kept.history.clone() })
        };
        Ok(self.seen(scope, detail).pop())
    }

    async fn origin(&self, _: SubmissionId) -> Result<Option<Arc<Origin>>, StoreFault> {
        panic!("nothing is delivered here")
    }

    async fn receipts(&self, _: SubmissionId) -> Result<BTreeMap<StepName, Receipt>, StoreFault> {
        panic!("nothing is delivered here")
    }

    async fn counts(&self) -> Result<Vec<StateCount>, StoreFault> {
        let count = |kept: &Kept| {
            let delivery = &kept.view.deliveries[0];
            StateCount { destination: delivery.destination.clone(), state: delivery.state, count: 1 }
        };
        Ok(self.kept().iter().map(count).collect())
    }
}

#[async_trait]
impl Blobs for Memory {
    fn stage(&self, _: Arc<dyn ContentKey>, _: Slot) -> Box<dyn Stage> {
        Box::new(Staging { taken: Vec::new(), largest_piece: Arc::clone(&self.largest_piece) })
    }

    async fn open(
        &self,
        _: Arc<dyn ContentKey>,
        slot: Slot,
        _: &Location,
    ) -> Result<ContentStream, StoreFault> {
        let Slot::Part(id, number) = slot else { panic!("only parts are kept here") };
        let bytes = self.seen(&Scope::Hub, |kept| {
            let parts = &kept.view.submission.parts;
            let index =
                parts.iter().position(|part| kept.view.submission.id == id && part.number == number)?;
            Some(kept.contents[index].clone())
        });
        Ok(futures::stream::iter(bytes).map(|bytes| Ok(Bytes::from(bytes))).boxed())
    }
}

struct Staging {
    taken: Vec<u8>,
    largest_piece: Arc<AtomicUsize>,
}

#[async_trait]
impl Stage for Staging {
    async fn write(&mut self, piece: Bytes) -> Result<(), StoreFault> {
        self.largest_piece.fetch_max(piece.len(), Ordering::Relaxed);
        self.taken.extend_from_slice(&piece);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<Staged, StoreFault> {
        let (size, sha256) = (self.taken.len() as u64, Digest::of(&self.taken));
        Ok(Staged { size, sha256, content: StagedContent::Small(self.taken) })
    }
}

#[async_trait]
impl Versions for Memory {
    async fn keep(&self, _: VersionKind, content: &[u8]) -> Result<Digest, StoreFault> {
        Ok(Digest::of(content))
    }

    async fn load(&self, _: VersionKind, _: &Digest) -> Result<Option<Vec<u8>>, StoreFault> {
        Ok(None)
    }
}

impl Vault for Memory {
    fn issue(&self, _: &TenantName, _: Timestamp) -> Result<Issued, VaultFault> {
        self.keys.fetch_add(1, Ordering::Relaxed);
        Ok(Issued { key: Arc::new(Plain), wrapped: WrappedKey { epoch: String::new(), bytes: Vec::new() } })
    }

    fn open(&self, _: &WrappedKey) -> Result<Arc<dyn ContentKey>, VaultFault> {
        Ok(Arc::new(Plain))
    }

    fn blind(&self, purpose: &str, value: &[u8]) -> Digest {
        Digest::of(&[purpose.as_bytes(), value].concat())
    }
}

/// No encryption at all.
struct Plain;

impl ContentKey for Plain {
    fn sealer(&self, _: &[u8]) -> Box<dyn StreamSealer> {
        Box::new(Self)
    }

    fn opener(&self, _: &[u8]) -> Box<dyn StreamOpener> {
        Box::new(Self)
    }
}

impl StreamSealer for Plain {
    fn push(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), VaultFault> {
        out.extend_from_slice(plain);
        Ok(())
    }

    fn finish(self: Box<Self>, _: &mut Vec<u8>) -> Result<(), VaultFault> {
        Ok(())
    }
}

impl StreamOpener for Plain {
    fn push(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), VaultFault> {
        out.extend_from_slice(sealed);
        Ok(())
    }

    fn finish(self: Box<Self>, _: &mut Vec<u8>) -> Result<(), VaultFault> {
        Ok(())
    }
}

#[async_trait]
impl Clock for Memory {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_795_000_000).unwrap()
    }

    async fn sleep_until(&self, _: Timestamp) {}
}

#[async_trait]
impl Audit for Memory {
    async fn head(&self) -> Result<Head, StoreFault> {
        Ok(Head { seq: 3, hash: Digest::of(b"3") })
    }

    async fn hash_at(&self, seq: u64) -> Result<Option<Digest>, StoreFault> {
        Ok((1..=3).contains(&seq).then(|| Digest::of(seq.to_string().as_bytes())))
    }
}

impl ReceiptSigner for Memory {
    fn sign(&self, statement: Statement, claims: &[u8]) -> Result<String, SealFault> {
        Ok(format!("{}.{}.x", statement.typ(), Digest::of(claims)))
    }
}

/// Keeps nothing but one configuration, which is active.
#[async_trait]
impl Configurations for Memory {
    async fn keep_activation(&self, _: NewActivation) -> Result<(), StoreFault> {
        Ok(())
    }

    async fn activations(
        &self,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, KeptActivation)>, StoreFault> {
        let all = (1..=3).rev().map(|place| {
            let words = ActivationWords { why: "neue Route".into(), person: Some("Frau Beispiel".into()) };
            let activation = KeptActivation {
                version: Digest::of(b"kept"),
                at: self.now(),
                cause: ActivationCause::Activated,
                who: "operator".into(),
                words: Some(words),
                kept: true,
            };
            (Cursor(place), activation)
        });
        Ok(all.filter(|(place, _)| after.is_none_or(|after| *place < after)).take(limit).collect())
    }

    async fn activations_of(&self, _: &Digest) -> Result<Vec<KeptActivation>, StoreFault> {
        Ok(self.activations(None, 1).await?.into_iter().map(|(_, activation)| activation).collect())
    }

    async fn configuration(&self, version: &Digest) -> Result<Option<ConfigurationText>, StoreFault> {
        let files = [("hub.toml".to_owned(), "demo = true".to_owned())].into();
        let text = ConfigurationText { files, ..ConfigurationText::default() };
        Ok((*version == Digest::of(b"kept")).then_some(text))
    }

    async fn beginning_with(&self, digits: &str) -> Result<Vec<Digest>, StoreFault> {
        let kept = Digest::of(b"kept");
        Ok(kept.to_string().starts_with(digits).then_some(kept).into_iter().collect())
    }

    async fn forget_configurations(&self, _: usize) -> Result<usize, StoreFault> {
        Ok(0)
    }
}

impl Memory {
    fn report(&self) -> ActivationReport {
        ActivationReport {
            version: "v1".into(),
            changed: true,
            needs_restart: Vec::new(),
            activated_at: self.now(),
            replaced: None,
            folder_incomplete: false,
        }
    }
}

#[async_trait]
impl Activation for Memory {
    async fn activate(&self, by: By) -> Result<ActivationReport, Vec<Fault>> {
        if by.words.is_some_and(|words| words.why == "broken") {
            return Err(vec![Fault::at("routes/x.toml", 3, 7, "wrong").hint("right")]);
        }
        assert_eq!(by.client.as_str(), "operator");
        Ok(self.report())
    }

    fn shown(&self, _: &str, text: &str) -> String {
        text.replace("true", "***")
    }

    async fn roll_back(&self, version: Digest, by: By) -> Result<ActivationReport, RollbackFault> {
        assert_eq!(by.cause, ActivationCause::RolledBack);
        if version == Digest::of(b"kept") { Ok(self.report()) } else { Err(RollbackFault::NotKept) }
    }

    async fn difference(&self, from: Side, to: Side) -> Result<Option<Difference>, StoreFault> {
        let word = |side| match side {
            Side::Folder => "folder".to_owned(),
            Side::Version(version) => version.to_string(),
        };
        let (from, to) = (word(from), word(to));
        Ok(Some(Difference { from, to, files: Vec::new(), secrets: Vec::new(), faults: 0 }))
    }

    async fn active(&self) -> Digest {
        Digest::of(b"kept")
    }
}
