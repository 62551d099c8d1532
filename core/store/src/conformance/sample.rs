//! Submissions, documents and steps for the cases.

use super::Ports;
use bytes::Bytes;
use futures::TryStreamExt;
use rohrpost_model::delivery::{KeptDocument, KeptEnclosed, KeptPart};
use rohrpost_model::ports::{
    Acceptance, Answer, Attempted, Claim, Command, ContentKey, DeliveryFilter, Dependents, Idempotency,
    Location, Mark, NewDelivery, NewSubmission, Order, Scope, Settlement, Slot, StagedContent, StoreFault,
    Wanted, Work,
};
use rohrpost_model::route::On;
use rohrpost_model::submission::{Part, ReplyChannel, Role};
use rohrpost_model::transition::Event;
use rohrpost_model::{
    CaseId, ClientName, Delivery, DeliveryId, DestinationName, Digest, Receipt, State, StepName, Submission,
    SubmissionId, TenantName, Timestamp,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Words that must never be found on disk.
pub(crate) const PRIVATE: [&str; 6] = [
    "<antragsteller>Erika Mustermann</antragsteller>",
    "Lageplan Erika Mustermann.pdf",
    "postfach-erika-mustermann",
    "AZ-2026-4711-MUSTERMANN",
    "Frau Mustermann rief an",
    "<vorgang>Mustermann</vorgang>",
];

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).unwrap()
}

/// What goes along with a message.
pub(crate) const ENCLOSED: &[u8] = PRIVATE[3].as_bytes();

pub(crate) fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// A submission in the making.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) tenant: &'static str,
    pub(crate) client: &'static str,
    pub(crate) case: String,
    pub(crate) data: Vec<u8>,
    pub(crate) attachments: Vec<Vec<u8>>,
    pub(crate) key: Option<&'static str>,
    pub(crate) foreign: Vec<&'static str>,
    pub(crate) steps: Vec<NewDelivery>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            tenant: "lk-beispiel",
            client: "portal",
            case: "fall-1".into(),
            data: PRIVATE[0].as_bytes().to_vec(),
            attachments: Vec::new(),
            key: None,
            foreign: Vec::new(),
            steps: vec![step("fachverfahren")],
        }
    }
}

impl Draft {
    pub(crate) fn case(case: &str) -> Self {
        Self { case: case.into(), ..Self::default() }
    }

    pub(crate) fn steps(steps: impl IntoIterator<Item = NewDelivery>) -> Self {
        Self { steps: steps.into_iter().collect(), ..Self::default() }
    }
}

/// A due delivery to the destination `ziel`.
pub(crate) fn step(step: &str) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(at(0)),
        step: name(step),
        destination: Some(name("ziel")),
        pinned: Some(Digest::of(b"pinned")),
        ordered: false,
        after: Vec::new(),
        on: On::Delivered,
        state: State::Due,
        reason: None,
        due_at: Some(at(0)),
        expires_at: None,
        warn_at: Vec::new(),
    }
}

pub(crate) fn ordered() -> NewDelivery {
    NewDelivery { ordered: true, ..step("fachverfahren") }
}

pub(crate) fn after(this: &str, others: &[&str]) -> NewDelivery {
    let after = others.iter().map(|step| name::<StepName>(step)).collect();
    NewDelivery { after, state: State::Blocked, due_at: None, ..step(this) }
}

impl Ports {
    /// Takes content in as a sender's bytes come in.
    pub(crate) async fn stage(&self, key: &Arc<dyn ContentKey>, slot: Slot, plain: &[u8]) -> StagedContent {
        let mut stage = self.blobs.stage(Arc::clone(key), slot);
        for piece in plain.chunks(100_000) {
            stage.write(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        let staged = stage.finish().await.unwrap();
        assert_eq!((staged.size, staged.sha256), (plain.len() as u64, Digest::of(plain)));
        staged.content
    }

    pub(crate) async fn new_submission(&self, draft: &Draft) -> NewSubmission {
        let tenant: TenantName = name(draft.tenant);
        let id = SubmissionId::new(at(0));
        let issued = self.vault.issue(&tenant, at(0)).unwrap();
        let (mut parts, mut contents) = (Vec::new(), Vec::new());
        for (number, content) in (0..).zip(std::iter::once(&draft.data).chain(&draft.attachments)) {
            parts.push(part(number, content));
            contents.push(self.stage(&issued.key, Slot::Part(id, number), content).await);
        }
        let submission = submission(draft, id, parts);
        let answer = Answer {
            id,
            case: submission.case.clone(),
            received_at: submission.received_at,
            sha256: Digest::of(&draft.data),
            receipt: format!("jws.{id}"),
        };
        let idempotency = draft.key.map(|key| Idempotency {
            key: self.vault.blind("idempotency", key.as_bytes()),
            content: Digest::of(&draft.data),
        });
        let (key, wrapped_key) = (issued.key, issued.wrapped);
        NewSubmission {
            submission,
            contents,
            key,
            wrapped_key,
            idempotency,
            foreign: draft.foreign.iter().map(|id| name(id)).collect(),
            answer,
            deliveries: draft.steps.clone(),
        }
    }

    /// Hands in what must be stored.
    pub(crate) async fn accept(&self, draft: &Draft) -> Answer {
        let new = self.new_submission(draft).await;
        match self.outbox.accept(new).await.unwrap() {
            Acceptance::Stored(answer) => answer,
            other => panic!("not stored: {other:?}"),
        }
    }

    pub(crate) async fn claim(&self, seconds: i64, limit: usize) -> Vec<Claim> {
        self.outbox.claim(&wanted(seconds, limit)).await.unwrap().claims
    }

    /// When the next unclaimed one falls due.
    pub(crate) async fn next_due(&self) -> Option<Timestamp> {
        let long_ago = Wanted { beyond: at(1_000_000), ..wanted(-1_000_000, 1) };
        let found = self.outbox.claim(&long_ago).await.unwrap();
        assert!(found.claims.is_empty());
        found.next_due
    }

    /// Claims the delivery that must be the only one to be had.
    pub(crate) async fn claim_only(&self, seconds: i64) -> Claim {
        let mut claims = self.claim(seconds, 10).await;
        assert_eq!(claims.len(), 1, "one delivery is to be had");
        claims.pop().unwrap()
    }

    pub(crate) async fn mark(&self, claim: &mut Claim, seconds: i64) -> Result<(), StoreFault> {
        let key = self.key_of(claim.delivery.submission).await;
        let document = match claim.delivery.document {
            Some(_) => None,
            None => Some(self.document(claim, &key).await),
        };
        self.outbox.mark(claim, Mark { at: at(seconds), document, key }).await
    }

    pub(crate) async fn document(
        &self,
        claim: &Claim,
        key: &Arc<dyn ContentKey>,
    ) -> (KeptDocument, Vec<StagedContent>) {
        let (submission, delivery) = (claim.delivery.submission, claim.delivery.id);
        let (message, signature) = (PRIVATE[5].as_bytes(), b"signature");
        let kept = KeptDocument {
            content_sha256: Digest::of(b"before the seal"),
            sent_sha256: Digest::of(b"manifest"),
            media_type: "application/xml".into(),
            message: kept_part(message),
            signature: Some(kept_part(signature)),
            enclosed: vec![KeptEnclosed {
                name: name("index"),
                media_type: "application/json".into(),
                part: kept_part(ENCLOSED),
            }],
            attachments: true,
        };
        let message = self.stage(key, Slot::Message(submission, delivery), message).await;
        let signature = self.stage(key, Slot::Signature(submission, delivery), signature).await;
        let enclosed = self.stage(key, Slot::Enclosed(submission, delivery, 1), ENCLOSED).await;
        (kept, vec![message, signature, enclosed])
    }

    pub(crate) async fn key_of(&self, id: SubmissionId) -> Arc<dyn ContentKey> {
        let view = self.records.submission(&Scope::Hub, id).await.unwrap().unwrap();
        self.vault.open(&view.key).unwrap()
    }

    pub(crate) async fn settle(&self, claim: Claim, settlement: &Settlement) -> State {
        self.outbox.settle(claim, settlement).await.unwrap()
    }

    /// Claims the one delivery that is to be had, sends it, and ends it with `event`.
    pub(crate) async fn send(&self, seconds: i64, event: Event) -> State {
        let mut claim = self.claim_only(seconds).await;
        self.mark(&mut claim, seconds).await.unwrap();
        self.settle(claim, &attempt(event, seconds)).await
    }

    pub(crate) async fn read(&self, key: &Arc<dyn ContentKey>, slot: Slot, location: &Location) -> Vec<u8> {
        self.try_read(key, slot, location).await.unwrap()
    }

    pub(crate) async fn try_read(
        &self,
        key: &Arc<dyn ContentKey>,
        slot: Slot,
        location: &Location,
    ) -> Result<Vec<u8>, StoreFault> {
        let stream = self.blobs.open(Arc::clone(key), slot, location).await?;
        let pieces: Vec<Bytes> = stream.try_collect().await?;
        Ok(pieces.concat())
    }

    pub(crate) async fn deliveries(&self) -> Vec<Delivery> {
        let filter = DeliveryFilter::default();
        let found = self.records.deliveries(&Scope::Hub, &filter, None, 1000).await.unwrap();
        found.into_iter().map(|(_, delivery)| delivery).collect()
    }

    /// The states of all deliveries in the order they were made.
    pub(crate) async fn states(&self) -> Vec<State> {
        self.deliveries().await.iter().map(|delivery| delivery.state).collect()
    }

    pub(crate) async fn history_len(&self, id: DeliveryId) -> usize {
        self.records.delivery(&Scope::Hub, id).await.unwrap().unwrap().history.len()
    }
}

pub(crate) fn wanted(seconds: i64, limit: usize) -> Wanted {
    Wanted {
        destination: Some(name::<DestinationName>("ziel")),
        work: Work::All,
        limit,
        now: at(seconds),
        beyond: at(seconds + 1_000_000),
        after: None,
    }
}

pub(crate) fn attempt(event: Event, seconds: i64) -> Settlement {
    Settlement {
        at: at(seconds),
        event,
        cause: Attempted::Attempt,
        reason: None,
        due_at: matches!(event, Event::NotTaken | Event::TakenForNow | Event::OutcomeLost)
            .then(|| at(seconds + 60)),
        receipt: (event == Event::Taken).then(receipt),
        begins: Vec::new(),
    }
}

pub(crate) fn rule(event: Event, seconds: i64) -> Settlement {
    Settlement { cause: Attempted::Rule("test"), ..attempt(event, seconds) }
}

pub(crate) fn receipt() -> Receipt {
    Receipt {
        reference: Some(PRIVATE[3].into()),
        at: Some(at(5)),
        code: Some("201".into()),
        result: Some("paid".into()),
    }
}

pub(crate) fn command(delivery: DeliveryId, order: Order) -> Command {
    Command { delivery, order, who: "betrieb".into(), why: PRIVATE[4].into(), at: at(500), part_of: None }
}

pub(crate) const DISCARD: Order = Order::Discard(Dependents::Discard);

pub(crate) fn scope(tenants: &[&str], client: Option<&str>) -> Scope {
    let tenants: BTreeSet<TenantName> = tenants.iter().map(|tenant| name(tenant)).collect();
    Scope::Of { tenants, client: client.map(name::<ClientName>) }
}

fn kept_part(bytes: &[u8]) -> KeptPart {
    KeptPart { size: bytes.len() as u64, sha256: Digest::of(bytes), location: None }
}

fn part(number: u32, content: &[u8]) -> Part {
    let is_data = number == 0;
    Part {
        number,
        role: if is_data { Role::Data } else { Role::Attachment },
        name: (!is_data).then(|| PRIVATE[1].to_owned()),
        media_type: if is_data { "application/xml".into() } else { "application/pdf".into() },
        size: content.len() as u64,
        sha256: Digest::of(content),
        location: None,
    }
}

fn submission(draft: &Draft, id: SubmissionId, parts: Vec<Part>) -> Submission {
    Submission {
        id,
        tenant: name(draft.tenant),
        client: name(draft.client),
        kind: name("application"),
        service: name("99012345678901"),
        area: name("150910000000"),
        case: name::<CaseId>(&draft.case),
        sequence: 0,
        received_at: at(0),
        trust_level: Some(3.try_into().unwrap()),
        reply: Some(ReplyChannel::PostBox { system: "bundid".into(), handle: PRIVATE[2].into() }),
        test: true,
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        not_before: Timestamp::from_second(1).ok(),
        properties: [("xta.author".to_owned(), "gae:Erika".to_owned())].into(),
        parts,
    }
}
