//! One attempt: load → map → validate → seal → mark → deliver → judge → settle.

use crate::Engine;
use crate::catalog::{Catalog, Connected};
use crate::content::Stored;
use crate::dispatch::{Conversation, after};
use crate::gate::Ended;
use crate::judge::{self, Circumstances, Saying as _, settlement};
use crate::prepare::{Loaded, Ready, Stop};
use crate::routing::{self, Facts};
use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;
use rohrpost_mappings::NamedAttachment;
use rohrpost_model::delivery::{KeptDocument, KeptEnclosed, KeptPart};
use rohrpost_model::destination::Destination;
use rohrpost_model::document::{Document, Enclosed};
use rohrpost_model::ports::{
    Attached, Attempted, Claim, Clock, Content, Mark, Outbox, Parcel, Progress, ProgressKeeper, Recorded,
    Settlement, Slot, Staged, StagedContent, StoreFault,
};
use rohrpost_model::submission::Part;
use rohrpost_model::transition::Event;
use rohrpost_model::{
    DeliveryId, Digest, Failure, Outcome, Reason, ReasonCode, RouteName, State, Submission, Timestamp,
};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long the hub waits before it writes to a store again that could not be written.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// What one attempt sends: the bytes, and what names them.
pub(crate) struct Sending {
    pub(crate) loaded: Loaded,
    pub(crate) message: Bytes,
    pub(crate) media_type: String,
    pub(crate) signature: Option<Bytes>,
    pub(crate) enclosed: Vec<Enclosed>,
    /// What the mapping calls the attachments.
    pub(crate) names: Vec<NamedAttachment>,
    pub(crate) sent_sha256: Digest,
    pub(crate) attachments: bool,
}

impl Engine {
    /// Makes one attempt at a claimed delivery and settles it. An error means that the store is in trouble: the claim
    /// was given back and nothing was sent.
    pub(crate) async fn attempt(&self, mut claim: Claim, to: &Connected) -> Conversation {
        let (loaded, ready, names) = match self.load_and_prepare(&claim, to).await {
            Ok(prepared) => prepared,
            Err(stop) => return (self.stop_before_mark(claim, stop).await, Ended::Untouched),
        };
        if self.stopping.load(Ordering::Acquire) {
            let state = claim.delivery.state;
            self.ports.outbox.give_back(claim).await;
            return (Ok(state), Ended::Untouched);
        }
        let sending = match self.mark(&mut claim, loaded, ready).await {
            Ok(sending) => Sending { names, ..sending },
            Err(fault) => {
                return (self.stop_before_mark(claim, Stop::from(fault)).await, Ended::Untouched);
            }
        };
        let answer = self.deliver(&claim, &sending, to).await;
        let ended = Ended::of(&answer);
        let verdict = judge::attempt(answer, self.circumstances(&claim, to));
        (self.settle(claim, verdict).await, ended)
    }

    async fn load_and_prepare(&self, claim: &Claim, to: &Connected) -> Result<Prepared, Stop> {
        let loaded = self.load(&claim.delivery).await?;
        self.allowed(&loaded, to)?;
        self.in_time(&loaded, to)?;
        let ready = self.prepare(claim, &loaded).await?;
        let names = self.attachment_names(&loaded).await?;
        has_place(ready.enclosed(), to)?;
        // Preparing waits for a thread, and meanwhile another configuration may have become active.
        self.allowed(&loaded, to)?;
        Ok((loaded, ready, names))
    }

    /// Also where the clock was put back, or a person asked for another attempt: the sender has the last word on when.
    fn in_time(&self, loaded: &Loaded, to: &Connected) -> Result<(), Stop> {
        let now = self.ports.clock.now();
        match loaded.origin.submission.not_before {
            Some(time) if time > now => {
                Err(Stop::NotYet(time.min(after(now, judge::longest_wait(&to.destination)))))
            }
            _ => Ok(()),
        }
    }

    fn allowed(&self, loaded: &Loaded, to: &Connected) -> Result<(), Stop> {
        allowed(&self.catalog(), &loaded.origin.submission, &loaded.pinned.route, to)
    }

    /// Commits the mark, with the hashes and the document, before the first byte leaves (promises H4, H5, H8).
    async fn mark(&self, claim: &mut Claim, loaded: Loaded, ready: Ready) -> Result<Sending, StoreFault> {
        let at = self.ports.clock.now();
        let key = Arc::clone(&loaded.origin.key);
        match ready {
            Ready::Kept { kept, message, signature, enclosed } => {
                self.ports.outbox.mark(claim, Mark { at, document: None, key }).await?;
                let (KeptDocument { media_type, sent_sha256, attachments, .. }, names) = (*kept, Vec::new());
                Ok(Sending {
                    loaded,
                    message,
                    media_type,
                    signature,
                    enclosed,
                    names,
                    sent_sha256,
                    attachments,
                })
            }
            Ready::New(document) => {
                let (kept, contents) = self.keep(claim, &loaded, &document).await?;
                let (sent_sha256, attachments) = (kept.sent_sha256, kept.attachments);
                self.ports.outbox.mark(claim, Mark { at, document: Some((kept, contents)), key }).await?;
                let Document { message, media_type, signature, enclosed, .. } = document;
                let (message, signature) = (message.into(), signature.map(Bytes::from));
                let names = Vec::new();
                Ok(Sending {
                    loaded,
                    message,
                    media_type,
                    signature,
                    enclosed,
                    names,
                    sent_sha256,
                    attachments,
                })
            }
        }
    }

    /// Stages a new document, so that the mark can name it.
    async fn keep(
        &self,
        claim: &Claim,
        loaded: &Loaded,
        document: &Document,
    ) -> Result<(KeptDocument, Vec<StagedContent>), StoreFault> {
        let (submission, delivery) = (loaded.origin.submission.id, claim.delivery.id);
        let message = self.stage(loaded, Slot::Message(submission, delivery), &document.message).await?;
        let signature = match &document.signature {
            Some(bytes) => Some(self.stage(loaded, Slot::Signature(submission, delivery), bytes).await?),
            None => None,
        };
        let mut enclosed = Vec::new();
        for (number, one) in (1..).zip(&document.enclosed) {
            enclosed
                .push(self.stage(loaded, Slot::Enclosed(submission, delivery, number), &one.content).await?);
        }
        let attachments = loaded.pinned.step.attachments;
        let kept = KeptDocument {
            content_sha256: document.content_sha256,
            sent_sha256: document.manifest(sent_attachments(&loaded.origin.submission, attachments)),
            media_type: document.media_type.clone(),
            message: kept_part(&message),
            signature: signature.as_ref().map(kept_part),
            enclosed: document.enclosed.iter().zip(&enclosed).map(kept_enclosed).collect(),
            attachments,
        };
        let contents = std::iter::once(message).chain(signature).chain(enclosed);
        let contents = contents.map(|staged| staged.content).collect();
        Ok((kept, contents))
    }

    async fn stage(&self, loaded: &Loaded, slot: Slot, bytes: &[u8]) -> Result<Staged, StoreFault> {
        let mut stage = self.ports.blobs.stage(Arc::clone(&loaded.origin.key), slot);
        stage.write(Bytes::copy_from_slice(bytes)).await?;
        stage.finish().await
    }

    async fn deliver(&self, claim: &Claim, sending: &Sending, to: &Connected) -> Result<Outcome, Failure> {
        let keeping = Keeping {
            outbox: Arc::clone(&self.ports.outbox),
            clock: Arc::clone(&self.ports.clock),
            delivery: claim.delivery.id,
        };
        let progress = Progress::new(sending.loaded.progress.clone(), Arc::new(keeping));
        let parcel = self.parcel(claim, sending, &progress);
        let torn = || Failure::Unknown(Reason::new(ReasonCode::Torn));
        self.within(to.destination.timeout, to.target.deliver(&parcel)).await.unwrap_or_else(|| Err(torn()))
    }

    /// The parcel of an attempt or an inquiry.
    pub(crate) fn parcel<'a>(
        &self,
        claim: &'a Claim,
        sending: &'a Sending,
        progress: &'a Progress,
    ) -> Parcel<'a> {
        let submission = &sending.loaded.origin.submission;
        Parcel {
            key: claim.delivery.id,
            attempt: claim.delivery.attempts,
            submission,
            step: &claim.delivery.step,
            message: sending.message.clone(),
            media_type: &sending.media_type,
            signature: sending.signature.clone(),
            enclosed: &sending.enclosed,
            attachments: self.attached_parts(sending),
            sent_sha256: sending.sent_sha256,
            receipts: &sending.loaded.receipts,
            progress,
        }
    }

    /// The attachments that go with a message.
    pub(crate) fn attached_parts(&self, sending: &Sending) -> Vec<Attached> {
        let sent = sent_attachments(&sending.loaded.origin.submission, sending.attachments);
        sent.filter_map(|part| self.attached(sending, part)).collect()
    }

    fn attached(&self, sending: &Sending, part: &Part) -> Option<Attached> {
        let content = Stored {
            blobs: Arc::clone(&self.ports.blobs),
            key: Arc::clone(&sending.loaded.origin.key),
            slot: Slot::Part(sending.loaded.origin.submission.id, part.number),
            location: part.location.clone()?,
        };
        Some(attached(part, &sending.names, Arc::new(content)))
    }

    /// Runs a conversation for at most `limit`. `None` if the time ran out, or if the adapter panicked (a defect of
    /// ours after which nobody can tell what has left).
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        conversation: impl Future<Output = T>,
    ) -> Option<T> {
        let deadline = self.ports.clock.now().checked_add(limit).unwrap_or(Timestamp::MAX);
        tokio::select! {
            answer = AssertUnwindSafe(conversation).catch_unwind() => answer.ok(),
            () = self.ports.clock.sleep_until(deadline) => None,
        }
    }

    pub(crate) fn circumstances<'a>(&self, claim: &Claim, to: &'a Connected) -> Circumstances<'a> {
        let now = self.ports.clock.now();
        Circumstances {
            destination: &to.destination,
            deduplicates: to.target.deduplicates(),
            tries: claim.delivery.tries,
            tries_since: claim.delivery.tries_since,
            since: claim.delivery.since,
            now,
            chance: fastrand::f64(),
        }
    }

    /// Ends a claim before the mark: nothing has left the house.
    async fn stop_before_mark(&self, claim: Claim, stop: Stop) -> Result<State, StoreFault> {
        let now = self.ports.clock.now();
        let rule = |event, name, reason| settlement(event, Attempted::Rule(name), now).because(reason);
        match stop {
            Stop::Skip => {
                self.settle(
                    claim,
                    rule(Event::ConditionFalse, "condition", Reason::new(ReasonCode::ConditionFalse)),
                )
                .await
            }
            Stop::Defect(reason) => self.settle(claim, rule(Event::Defect, "defect", reason)).await,
            Stop::NotYet(until) => {
                let reason = Reason::new(ReasonCode::NotBefore).with("at", until);
                let verdict = rule(Event::GivenBack, "not-before", reason);
                self.settle(claim, Settlement { due_at: Some(until), ..verdict }).await
            }
            Stop::Later(fault) => {
                tracing::warn!(delivery = %claim.delivery.id, %fault, "given back before anything was sent");
                self.ports.outbox.give_back(claim).await;
                Err(fault)
            }
        }
    }

    /// Settles, and goes on trying while the store cannot be written: the outcome is known and must not be lost.
    pub(crate) async fn settle(&self, mut claim: Claim, verdict: Settlement) -> Result<State, StoreFault> {
        count(&claim, &verdict);
        loop {
            let unsettled = match self.ports.outbox.settle(claim, &verdict).await {
                Ok(state) => {
                    self.wake.notify_one();
                    return Ok(state);
                }
                Err(unsettled) => *unsettled,
            };
            tracing::error!(delivery = %unsettled.claim.delivery.id, fault = %unsettled.fault, "not settled");
            if matches!(unsettled.fault, StoreFault::Impossible(_) | StoreFault::Damaged(_)) {
                self.ports.outbox.give_back(unsettled.claim).await;
                return Err(unsettled.fault);
            }
            claim = unsettled.claim;
            self.pause(STORE_PAUSE).await;
        }
    }

    pub(crate) async fn pause(&self, pause: Duration) {
        let until = self.ports.clock.now().checked_add(pause).unwrap_or(Timestamp::MAX);
        self.ports.clock.sleep_until(until).await;
    }

    /// Tries again to find a route for a submission that none took.
    pub(crate) async fn route_again(&self, claim: Claim) -> Result<State, StoreFault> {
        let view = self
            .ports
            .records
            .submission(&rohrpost_model::ports::Scope::Hub, claim.delivery.submission)
            .await;
        let submission = match view {
            Ok(Some(view)) => view.submission,
            Ok(None) => {
                return self
                    .stop_before_mark(claim, Stop::Defect(Reason::new(ReasonCode::ContentDamaged)))
                    .await;
            }
            Err(fault) => return self.stop_before_mark(claim, Stop::Later(fault)).await,
        };
        let verdict = self.routed(&submission);
        self.settle(claim, verdict).await
    }

    fn routed(&self, submission: &Submission) -> Settlement {
        let (catalog, now) = (self.catalog(), self.ports.clock.now());
        let Submission { tenant, kind, service, area, test, .. } = submission;
        let facts = Facts { tenant, kind, service, area };
        let rule = Attempted::Rule("routing");
        let planned = routing::route_for(&catalog, &facts)
            .and_then(|route| Ok((route, routing::plan(&catalog, route, (&facts, *test), now)?)));
        match planned {
            Ok((route, begins)) => {
                let reason = Reason::new(ReasonCode::Routed).with("route", &route.name);
                Settlement { begins, ..settlement(Event::ConditionFalse, rule, now).because(reason) }
            }
            Err(none) => settlement(Event::Defect, rule, now).because(none.reason(&facts)),
        }
    }
}

/// Keeps what a target records of a delivery between its calls.
struct Keeping {
    outbox: Arc<dyn Outbox>,
    clock: Arc<dyn Clock>,
    delivery: DeliveryId,
}

#[async_trait]
impl ProgressKeeper for Keeping {
    async fn keep(&self, key: &str, value: &str) -> Result<(), StoreFault> {
        let recorded = Recorded { at: self.clock.now(), key: key.to_owned(), value: value.to_owned() };
        self.outbox.record(self.delivery, &recorded).await.inspect_err(|fault| {
            tracing::error!(delivery = %self.delivery, key, %fault, "progress was not kept");
        })
    }
}

/// A submission, what is sent of it, and what its attachments are called.
type Prepared = (Loaded, Ready, Vec<NamedAttachment>);

impl Ready {
    fn enclosed(&self) -> &[Enclosed] {
        match self {
            Self::New(document) => &document.enclosed,
            Self::Kept { enclosed, .. } => enclosed,
        }
    }
}

/// `check` refuses steps that send documents along to a destination without a place for them; the destination may have
/// become another one since.
pub(crate) fn has_place(enclosed: &[Enclosed], to: &Connected) -> Result<(), Stop> {
    if enclosed.is_empty() || to.target.takes_enclosed() {
        return Ok(());
    }
    Err(Stop::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", "documents")))
}

/// An attachment on its way out.
pub(crate) fn attached(part: &Part, names: &[NamedAttachment], content: Arc<dyn Content>) -> Attached {
    let named = names.iter().find(|named| named.number == part.number);
    Attached {
        number: part.number,
        name: part.name.clone(),
        id: named.and_then(|named| named.id.clone()),
        file_name: named.and_then(|named| named.file_name.clone()),
        media_type: part.media_type.clone(),
        size: part.size,
        sha256: part.sha256,
        content,
    }
}

/// Whether the destination may get this submission (promise H7), and whether test and live fit: what was accepted while a
/// tenant was live does not leave while it is in the stage test.
pub(crate) fn allowed(
    catalog: &Catalog,
    submission: &Submission,
    route: &RouteName,
    to: &Connected,
) -> Result<(), Stop> {
    let now = catalog.destinations.get(&to.destination.name).unwrap_or(to);
    let fits = |to: &Connected| {
        let Destination { tenants, test, .. } = &to.destination;
        tenants.contains(&submission.tenant) && *test == submission.test
    };
    if !fits(to) || !fits(now) {
        let forbidden = Reason::new(ReasonCode::DestinationForbidden);
        return Err(Stop::Defect(forbidden.with("destination", &to.destination.name)));
    }
    if !catalog.stage(&submission.tenant, route).takes(submission.test) {
        let waits = Reason::new(ReasonCode::TestStage).with("tenant", &submission.tenant);
        return Err(Stop::Defect(waits.with("route", route)));
    }
    Ok(())
}

/// The attachments that go with a step's document.
pub(crate) fn sent_attachments(submission: &Submission, wanted: bool) -> impl Iterator<Item = &Part> {
    submission.attachments().filter(move |_| wanted)
}

fn kept_enclosed((enclosed, staged): (&Enclosed, &Staged)) -> KeptEnclosed {
    let Enclosed { name, media_type, .. } = enclosed;
    KeptEnclosed { name: name.clone(), media_type: media_type.clone(), part: kept_part(staged) }
}

fn kept_part(staged: &Staged) -> KeptPart {
    KeptPart { size: staged.size, sha256: staged.sha256, location: None }
}

fn count(claim: &Claim, verdict: &Settlement) {
    let destination = claim.delivery.destination.as_ref().map_or("-", |name| name.as_str()).to_owned();
    let outcome = serde_json::to_value(verdict.event).ok().and_then(|word| word.as_str().map(str::to_owned));
    metrics::counter!("rohrpost_settled_total", "destination" => destination, "event" => outcome.unwrap_or_default()).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rohrpost_model::ports::{Inquiry, Probe, Target};

    /// Has a place for documents that go along, or has none.
    struct Place(bool);

    #[async_trait]
    impl Target for Place {
        async fn deliver(&self, _: &Parcel<'_>) -> Result<Outcome, Failure> {
            Err(Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration)))
        }
        async fn inquire(&self, _: &Parcel<'_>, _: Option<&str>) -> Result<Inquiry, Failure> {
            Ok(Inquiry::NoWord)
        }
        fn deduplicates(&self) -> bool {
            false
        }
        fn takes_enclosed(&self) -> bool {
            self.0
        }
        async fn probe(&self, _: &mut Probe) {}
    }

    #[test]
    fn h8_what_goes_along_is_never_left_out_in_silence() {
        let to = |place| Connected {
            destination: Destination::new("ziel".parse().unwrap()),
            target: Arc::new(Place(place)),
        };
        let enclosed = [Enclosed {
            name: "index".parse().unwrap(),
            media_type: "application/json".into(),
            content: Bytes::from_static(b"{}"),
        }];
        assert!(has_place(&enclosed, &to(true)).is_ok() && has_place(&[], &to(false)).is_ok());
        let Err(Stop::Defect(reason)) = has_place(&enclosed, &to(false)) else { panic!("it has no place") };
        assert_eq!(reason.code, ReasonCode::AdapterConfiguration);
    }
}
