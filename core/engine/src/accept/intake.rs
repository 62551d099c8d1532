//! A submission while its parts come in: content streams to the store, hashed and encrypted on the way.

use super::{Intent, Refusal};
use crate::catalog::Catalog;
use crate::dispatch::after;
use crate::judge::longest_wait;
use crate::routing::{self, Facts};
use crate::trace::{Ids, Trial};
use async_trait::async_trait;
use bytes::Bytes;
use rohrpost_model::digest::Hasher;
use rohrpost_model::ports::{
    Blobs, Idempotency, Issued, NewDelivery, Slot, Stage, Staged, StagedContent, StoreFault, Vault,
};
use rohrpost_model::reply::{self, Reply};
use rohrpost_model::submission::{Part, ReplyWay, Role};
use rohrpost_model::{
    Area, CaseId, Client, ClientName, Digest, ForeignId, Kind, MappingName, Reason, ReasonCode, ServiceKey,
    Submission, SubmissionId, TenantName, Timestamp,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A submission while its parts come in.
pub struct Intake {
    pub(super) catalog: Arc<Catalog>,
    /// Where content is kept; `None` in a dry run, which keeps nothing.
    pub(super) keeping: Option<Keeping>,
    pub(super) intent: Intent,
    pub(super) client: Client,
    pub(super) tenant: TenantName,
    pub(super) id: SubmissionId,
    pub(super) parts: Vec<Part>,
    pub(super) contents: Vec<StagedContent>,
    pub(super) data: Option<Bytes>,
}

/// Where content is kept, and the key that it is encrypted with.
pub(super) struct Keeping {
    pub(super) blobs: Arc<dyn Blobs>,
    pub(super) key: Issued,
}

/// One part while it comes in.
pub struct Incoming {
    stage: Box<dyn Stage>,
    part: Part,
    limit: u64,
    data: Option<Vec<u8>>,
}

impl Intake {
    /// Whose submission it is.
    pub fn tenant(&self) -> &TenantName {
        &self.tenant
    }

    /// What was taken in for a dry run, and the configuration that was active when it began. `client` is who would hand it
    /// in.
    pub fn into_trial(
        self,
        client: Option<Client>,
        now: Timestamp,
    ) -> Result<(Arc<Catalog>, Trial), Refusal> {
        let data = self.data.ok_or(Refusal::NoData)?;
        let (answers, ids) = (BTreeMap::new(), Ids::Fresh(now));
        Ok((self.catalog, Trial { intent: self.intent, client, data, parts: self.parts, answers, ids }))
    }

    /// The id that the submission will have.
    pub fn id(&self) -> SubmissionId {
        self.id
    }

    /// Adds a property that became known only with the content.
    pub fn note(&mut self, name: String, value: String) {
        self.intent.properties.insert(name, value);
    }

    /// Begins a part. Attachments are numbered in the order they begin.
    pub fn begin(
        &mut self,
        role: Role,
        name: Option<String>,
        media_type: String,
    ) -> Result<Incoming, Refusal> {
        let limits = self.catalog.limits;
        let number = match role {
            Role::Data if self.data.is_some() => return Err(Refusal::SecondData),
            Role::Data => 0,
            Role::Attachment => self.next_attachment(limits.attachments)?,
        };
        let limit = if role == Role::Data { limits.data_bytes } else { limits.attachment_bytes };
        let stage: Box<dyn Stage> = match &self.keeping {
            Some(Keeping { blobs, key }) => blobs.stage(Arc::clone(&key.key), Slot::Part(self.id, number)),
            None => Box::new(Unkept::default()),
        };
        let part = Part { number, role, name, media_type, size: 0, sha256: Digest::of(b""), location: None };
        Ok(Incoming { stage, part, limit, data: (role == Role::Data).then(Vec::new) })
    }

    fn next_attachment(&self, most: u32) -> Result<u32, Refusal> {
        let number = self.parts.iter().filter(|part| part.role == Role::Attachment).count();
        let number = u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
        if number > most { Err(Refusal::TooMany(most)) } else { Ok(number) }
    }

    /// Ends a part.
    pub async fn end(&mut self, incoming: Incoming) -> Result<(), Refusal> {
        let Incoming { stage, mut part, data, .. } = incoming;
        let staged = stage.finish().await?;
        part.size = staged.size;
        part.sha256 = staged.sha256;
        if let Some(data) = data {
            self.data = Some(Bytes::from(data));
        }
        self.parts.push(part);
        self.contents.push(staged.content);
        Ok(())
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            tenant: &self.tenant,
            kind: &self.intent.kind,
            service: &self.intent.service,
            area: &self.intent.area,
        }
    }

    /// How long amendments are taken, if it is one and its route says so.
    pub(super) fn amendments_until(&self) -> Option<Duration> {
        let route = routing::route_for(&self.catalog, &self.facts()).ok();
        route.filter(|_| self.intent.kind.is_amendment())?.amendments
    }

    /// The deliveries to make, and the mappings whose source schemas the data must fit.
    pub(super) fn route(&self, now: Timestamp) -> Result<(Vec<NewDelivery>, Vec<MappingName>), Refusal> {
        let facts = self.facts();
        let planned = routing::route_for(&self.catalog, &facts).and_then(|route| {
            let deliveries = routing::plan(&self.catalog, route, (&facts, self.intent.test), now)?;
            Ok((deliveries, route.steps_for(&self.tenant)))
        });
        match planned {
            Ok((deliveries, steps)) => {
                let deliveries = deliveries.into_iter().map(|planned| self.in_time(planned, now)).collect();
                Ok((deliveries, steps.iter().filter_map(|step| step.mapping.clone()).collect()))
            }
            Err(none) => {
                let step =
                    routing::unrouted_step().map_err(|bad| StoreFault::Unavailable(bad.to_string()))?;
                Ok((vec![routing::unrouted(step, none.reason(&facts), now)], Vec::new()))
            }
        }
    }

    /// Not before and not after the times that the sender set.
    fn in_time(&self, mut planned: NewDelivery, now: Timestamp) -> NewDelivery {
        if let Some(not_before) =
            self.intent.not_before.filter(|time| *time > now && planned.due_at.is_some())
        {
            planned.due_at = Some(not_before.min(after(now, self.longest_wait(&planned))));
            planned.reason = Some(Reason::new(ReasonCode::NotBefore).with("at", not_before));
        }
        if let Some(obsolete) = self.intent.obsolete_after {
            planned.expires_at = Some(planned.expires_at.map_or(obsolete, |rule| rule.min(obsolete)));
            planned.warn_at.retain(|warning| *warning < obsolete);
        }
        planned
    }

    /// What is due later than after this counts as due (see [`Wanted`](rohrpost_model::ports::Wanted)).
    fn longest_wait(&self, planned: &NewDelivery) -> Duration {
        let to = planned.destination.as_ref().and_then(|name| self.catalog.destinations.get(name));
        to.map_or(Duration::ZERO, |to| longest_wait(&to.destination))
    }

    /// Contents are compared by what was said of them and the hashes of the parts, not by the bytes of the envelope
    /// (promise H3).
    pub(super) fn idempotency(&self, vault: &dyn Vault) -> Option<Idempotency> {
        let key = self.intent.idempotency_key.as_ref()?;
        Some(Idempotency { key: blinded(vault, &self.client.name, key), content: self.fingerprint() })
    }

    fn fingerprint(&self) -> Digest {
        let intent = &self.intent;
        let mut hasher = Hasher::default();
        let said = (
            &intent.kind,
            &intent.service,
            &intent.area,
            &intent.case,
            // Made of the message, which its key names.
            intent.reply.as_ref().filter(|reply| ReplyWay::of(Some(reply)) != ReplyWay::Xta),
            &intent.trust_level,
            intent.test,
        );
        hasher.update(&serde_json::to_vec(&said).unwrap_or_default());
        let times = (&intent.not_before, &intent.obsolete_after);
        if !intent.foreign.is_empty() {
            hasher.update(&serde_json::to_vec(&intent.foreign).unwrap_or_default());
        }
        if times != (&None, &None) || !intent.properties.is_empty() {
            hasher.update(&serde_json::to_vec(&(times, &intent.properties)).unwrap_or_default());
        }
        // The data may come before or after the attachments.
        let mut parts: Vec<&Part> = self.parts.iter().collect();
        parts.sort_by_key(|part| part.number);
        for part in parts {
            let line = (part.number, part.role, &part.name, &part.media_type, part.size, part.sha256);
            hasher.update(&serde_json::to_vec(&line).unwrap_or_default());
        }
        hasher.finish()
    }

    /// What the sender calls the case: what it says beside the data, and what an answer says itself.
    pub(super) fn foreign(&self, data: &[u8]) -> Vec<ForeignId> {
        let kind = &self.intent.kind;
        let said = (kind.is_answer() || kind.is_payment_order()) && data.len() <= reply::LONGEST;
        let reference = said.then(|| serde_json::from_slice::<Reply>(data).ok()?.reference?.parse().ok());
        self.intent.foreign.iter().cloned().chain(reference.flatten()).collect()
    }

    pub(super) fn receipt_claims(&self, case: &CaseId, now: Timestamp) -> Vec<u8> {
        let parts = self.parts.iter().map(PartClaim::of).collect();
        let claims = ReceiptClaims {
            id: self.id,
            case,
            received_at: now,
            tenant: &self.tenant,
            client: self.client.name.as_str(),
            kind: &self.intent.kind,
            service: &self.intent.service,
            area: &self.intent.area,
            parts,
        };
        serde_json::to_vec(&claims).unwrap_or_default()
    }

    /// What it has become, with its contents.
    pub(super) fn into_submission(self, case: CaseId, now: Timestamp) -> (Submission, Vec<StagedContent>) {
        let intent = self.intent;
        let submission = Submission {
            id: self.id,
            tenant: self.tenant,
            client: self.client.name,
            kind: intent.kind,
            service: intent.service,
            area: intent.area,
            case,
            sequence: 0,
            received_at: now,
            trust_level: intent.trust_level,
            reply: intent.reply,
            test: intent.test,
            traceparent: intent.traceparent,
            not_before: intent.not_before,
            properties: intent.properties,
            parts: self.parts,
        };
        (submission, self.contents)
    }
}

impl Incoming {
    /// Takes the next piece; waits while the disk is behind.
    pub async fn write(&mut self, piece: Bytes) -> Result<(), Refusal> {
        self.part.size += piece.len() as u64;
        if self.part.size > self.limit {
            return Err(Refusal::TooLarge(self.part.role, self.limit));
        }
        if let Some(data) = &mut self.data {
            data.extend_from_slice(&piece);
        }
        Ok(self.stage.write(piece).await?)
    }
}

/// A client's idempotency key as it is kept.
pub(crate) fn blinded(vault: &dyn Vault, client: &ClientName, key: &str) -> Digest {
    let mut text = Vec::from(client.as_str());
    text.push(0);
    text.extend_from_slice(key.as_bytes());
    vault.blind("idempotency key", &text)
}

/// What a receipt states. File names are left out: they may name a person.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptClaims<'a> {
    id: SubmissionId,
    case: &'a CaseId,
    received_at: Timestamp,
    tenant: &'a TenantName,
    client: &'a str,
    kind: &'a Kind,
    service: &'a ServiceKey,
    area: &'a Area,
    parts: Vec<PartClaim>,
}

#[derive(Serialize)]
struct PartClaim {
    number: u32,
    role: Role,
    size: u64,
    sha256: Digest,
}

impl PartClaim {
    fn of(part: &Part) -> Self {
        Self { number: part.number, role: part.role, size: part.size, sha256: part.sha256 }
    }
}

/// Content that is measured and forgotten.
#[derive(Default)]
struct Unkept {
    hasher: Hasher,
    size: u64,
}

#[async_trait]
impl Stage for Unkept {
    async fn write(&mut self, piece: Bytes) -> Result<(), StoreFault> {
        self.hasher.update(&piece);
        self.size += piece.len() as u64;
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<Staged, StoreFault> {
        let content = StagedContent::Small(Vec::new());
        Ok(Staged { size: self.size, sha256: self.hasher.finish(), content })
    }
}
