//! Takes in what a sender hands in: nothing is acknowledged before it is kept (promise H1), and what a step could not
//! map is refused at the door, with nothing stored.

use crate::Engine;
use crate::catalog::Catalog;
use crate::routing::{self, Facts, NoTenant};
use bytes::Bytes;
use rohrpost_mappings::{NotWellFormed, Violation, Xml, XmlLimits};
use rohrpost_model::digest::Hasher;
use rohrpost_model::limits::Limits;
use rohrpost_model::ports::{
    Acceptance, Answer, Idempotency, Issued, NewDelivery, NewSubmission, Slot, Stage, StagedContent,
    StoreFault,
};
use rohrpost_model::submission::{Part, ReplyChannel, Role, TrustLevel};
use rohrpost_model::{
    Area, CaseId, Client, Digest, Kind, MappingName, ServiceKey, Submission, SubmissionId, TenantName,
    Timestamp,
};
use serde::Serialize;
use std::sync::Arc;

/// What a sender says of a submission before its content.
#[derive(Clone, Debug)]
pub struct Intent {
    /// What it is.
    pub kind: Kind,
    /// The service.
    pub service: ServiceKey,
    /// The area.
    pub area: Area,
    /// The case that it belongs to; without one the hub opens a case.
    pub case: Option<CaseId>,
    /// Where answers are wanted.
    pub reply: Option<ReplyChannel>,
    /// How surely the applicant is known.
    pub trust_level: Option<TrustLevel>,
    /// A test submission never reaches a live destination.
    pub test: bool,
    /// The sender's trace.
    pub traceparent: Option<String>,
    /// The sender's idempotency key.
    pub idempotency_key: Option<String>,
}

/// Why a submission is not taken. Nothing of it was stored. The texts inside may quote what was handed in: they go to
/// the sender and into no log.
#[derive(Debug)]
pub enum Refusal {
    /// No tenant is responsible for the area.
    UnknownArea(Area),
    /// The client may not hand in this service for this area.
    NotGranted(ServiceKey, Area),
    /// There is no data part.
    NoData,
    /// There is a second data part.
    SecondData,
    /// The data are not of a kind that can be checked here.
    MediaType(String),
    /// A part is too large: its kind and the limit in bytes.
    TooLarge(Role, u64),
    /// Too many attachments: the limit.
    TooMany(u32),
    /// The data are not well-formed XML, or XML of a kind that is refused outright.
    NotWellFormed(NotWellFormed),
    /// The data are not well-formed JSON.
    NotJson(NotJson),
    /// The route's steps map XML, and the data are not.
    WantsXml,
    /// The data do not fit the schema.
    Invalid(Vec<Violation>),
    /// The idempotency key was used with other content.
    OtherContent,
    /// The hub cannot take it now.
    Trouble(StoreFault),
}

impl From<StoreFault> for Refusal {
    fn from(fault: StoreFault) -> Self {
        Self::Trouble(fault)
    }
}

/// Where JSON is not well-formed, or too deep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotJson {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// What the sender is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The answer, the same for every repetition.
    pub answer: Answer,
    /// Whether this was a repetition.
    pub repeated: bool,
}

/// A submission while its parts come in.
pub struct Intake {
    catalog: Arc<Catalog>,
    blobs: Arc<dyn rohrpost_model::ports::Blobs>,
    intent: Intent,
    client: Client,
    tenant: TenantName,
    id: SubmissionId,
    key: Issued,
    parts: Vec<Part>,
    contents: Vec<StagedContent>,
    data: Option<Bytes>,
}

/// One part while it comes in.
pub struct Incoming {
    stage: Box<dyn Stage>,
    part: Part,
    limit: u64,
    data: Option<Vec<u8>>,
}

impl Engine {
    /// Admits a submission of `client`: finds its tenant, checks the grant, and makes its data key.
    pub fn admit(&self, client: &Client, intent: Intent) -> Result<Intake, Refusal> {
        let catalog = self.catalog();
        let tenant = routing::tenant_for(&catalog, client, &intent.service, &intent.area).map_err(
            |none| match none {
                NoTenant::UnknownArea => Refusal::UnknownArea(intent.area.clone()),
                NoTenant::NotGranted => Refusal::NotGranted(intent.service.clone(), intent.area.clone()),
            },
        )?;
        let now = self.ports.clock.now();
        let key = self.ports.vault.issue(&tenant, now).map_err(StoreFault::from)?;
        Ok(Intake {
            catalog,
            blobs: Arc::clone(&self.ports.blobs),
            intent,
            client: client.clone(),
            tenant,
            id: SubmissionId::new(now),
            key,
            parts: Vec::new(),
            contents: Vec::new(),
            data: None,
        })
    }

    /// Checks what was taken in, routes it and keeps it. When this returns `Ok`, it is on disk.
    pub async fn accept(&self, mut intake: Intake) -> Result<Accepted, Refusal> {
        let data = intake.data.take().ok_or(Refusal::NoData)?;
        let now = self.ports.clock.now();
        let (deliveries, checks) = intake.route(now)?;
        self.check(Arc::clone(&intake.catalog), intake.data_media_type(), data, checks).await?;
        let new = self.sign_and_seal(intake, deliveries, now).await?;
        match self.ports.outbox.accept(new).await? {
            Acceptance::Stored(answer) => {
                self.wake.notify_one();
                Ok(Accepted { answer, repeated: false })
            }
            Acceptance::Repeated(answer) => Ok(Accepted { answer, repeated: true }),
            Acceptance::OtherContent => Err(Refusal::OtherContent),
        }
    }

    async fn check(
        &self,
        catalog: Arc<Catalog>,
        media_type: String,
        data: Bytes,
        checks: Vec<MappingName>,
    ) -> Result<(), Refusal> {
        let checked = self.workers.run(move || check_data(&catalog, &media_type, &data, &checks)).await;
        checked.map_err(|reason| Refusal::Trouble(StoreFault::Unavailable(reason.english())))?
    }

    async fn sign_and_seal(
        &self,
        intake: Intake,
        deliveries: Vec<NewDelivery>,
        now: Timestamp,
    ) -> Result<NewSubmission, Refusal> {
        let idempotency = intake.idempotency(self.ports.vault.as_ref());
        let case = intake.intent.case.clone().map_or_else(|| new_case(intake.id), Ok)?;
        let claims = intake.receipt_claims(&case, now);
        let signer = Arc::clone(&self.ports.receipts);
        let signed = self.workers.run(move || signer.sign(&claims)).await;
        let receipt = match signed {
            Ok(Ok(receipt)) => receipt,
            Ok(Err(fault)) => {
                return Err(StoreFault::Unavailable(format!("the receipt cannot be signed: {fault}")).into());
            }
            Err(reason) => return Err(StoreFault::Unavailable(reason.english()).into()),
        };
        let sha256 = intake.data_sha256().ok_or(Refusal::NoData)?;
        let answer = Answer { id: intake.id, case: case.clone(), received_at: now, sha256, receipt };
        Ok(intake.into_new_submission(case, answer, idempotency, deliveries, now))
    }
}

fn new_case(id: SubmissionId) -> Result<CaseId, Refusal> {
    id.to_string()
        .parse()
        .map_err(|bad: rohrpost_model::BadName| StoreFault::Unavailable(bad.to_string()).into())
}

impl Intake {
    /// The id that the submission will have.
    pub fn id(&self) -> SubmissionId {
        self.id
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
        let stage = self.blobs.stage(Arc::clone(&self.key.key), Slot::Part(self.id, number));
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

    /// The deliveries to make, and the mappings whose source schemas the data must fit.
    fn route(&self, now: Timestamp) -> Result<(Vec<NewDelivery>, Vec<MappingName>), Refusal> {
        let facts = self.facts();
        match routing::route_for(&self.catalog, &facts) {
            Ok(route) => {
                let checks = route.steps.iter().filter_map(|step| step.mapping.clone()).collect();
                Ok((routing::plan(&self.catalog, route, &self.tenant, now), checks))
            }
            Err(none) => {
                let step =
                    routing::unrouted_step().map_err(|bad| StoreFault::Unavailable(bad.to_string()))?;
                Ok((vec![routing::unrouted(step, none.reason(&facts), now)], Vec::new()))
            }
        }
    }

    fn data_media_type(&self) -> String {
        let data = self.parts.iter().find(|part| part.role == Role::Data);
        data.map(|part| part.media_type.clone()).unwrap_or_default()
    }

    fn data_sha256(&self) -> Option<Digest> {
        self.parts.iter().find(|part| part.role == Role::Data).map(|part| part.sha256)
    }

    /// Contents are compared by what was said of them and the hashes of the parts, not by the bytes of the envelope
    /// (promise H3).
    fn idempotency(&self, vault: &dyn rohrpost_model::ports::Vault) -> Option<Idempotency> {
        let key = self.intent.idempotency_key.as_ref()?;
        let mut blinded = Vec::from(self.client.name.as_str());
        blinded.push(0);
        blinded.extend_from_slice(key.as_bytes());
        Some(Idempotency { key: vault.blind("idempotency key", &blinded), content: self.fingerprint() })
    }

    fn fingerprint(&self) -> Digest {
        let intent = &self.intent;
        let mut hasher = Hasher::default();
        let said = (
            &intent.kind,
            &intent.service,
            &intent.area,
            &intent.case,
            &intent.reply,
            &intent.trust_level,
            intent.test,
        );
        hasher.update(&serde_json::to_vec(&said).unwrap_or_default());
        // The data may come before or after the attachments.
        let mut parts: Vec<&Part> = self.parts.iter().collect();
        parts.sort_by_key(|part| part.number);
        for part in parts {
            let line = (part.number, part.role, &part.name, &part.media_type, part.size, part.sha256);
            hasher.update(&serde_json::to_vec(&line).unwrap_or_default());
        }
        hasher.finish()
    }

    fn receipt_claims(&self, case: &CaseId, now: Timestamp) -> Vec<u8> {
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

    fn into_new_submission(
        self,
        case: CaseId,
        answer: Answer,
        idempotency: Option<Idempotency>,
        deliveries: Vec<NewDelivery>,
        now: Timestamp,
    ) -> NewSubmission {
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
            parts: self.parts,
        };
        let Issued { key, wrapped } = self.key;
        NewSubmission {
            submission,
            contents: self.contents,
            key,
            wrapped_key: wrapped,
            idempotency,
            answer,
            deliveries,
        }
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

/// Checks the data as far as the route needs it. CPU-bound.
fn check_data(
    catalog: &Catalog,
    media_type: &str,
    data: &[u8],
    checks: &[MappingName],
) -> Result<(), Refusal> {
    match Format::of(media_type) {
        Format::Xml => check_xml(catalog, data, checks),
        Format::Json => {
            check_json(data, &catalog.limits).map_err(Refusal::NotJson)?;
            if checks.is_empty() { Ok(()) } else { Err(Refusal::WantsXml) }
        }
        Format::Opaque if checks.is_empty() => Ok(()),
        Format::Opaque => Err(Refusal::WantsXml),
        Format::Other => Err(Refusal::MediaType(media_type.to_owned())),
    }
}

/// What data can be.
enum Format {
    Xml,
    Json,
    /// Encrypted end to end: the hub does not look inside.
    Opaque,
    Other,
}

impl Format {
    fn of(media_type: &str) -> Self {
        match media_type {
            "application/xml" | "text/xml" => Self::Xml,
            "application/json" => Self::Json,
            "application/jose" | "application/octet-stream" | "application/pkcs7-mime" => Self::Opaque,
            other if other.ends_with("+xml") => Self::Xml,
            other if other.ends_with("+json") => Self::Json,
            _ => Self::Other,
        }
    }
}

fn check_xml(catalog: &Catalog, data: &[u8], checks: &[MappingName]) -> Result<(), Refusal> {
    let xml = Xml::parse(data, &xml_limits(&catalog.limits)).map_err(Refusal::NotWellFormed)?;
    let mut seen = Vec::new();
    for schema in checks.iter().filter_map(|name| catalog.mappings.get(name)?.mapping.source_schema()) {
        if seen.contains(&schema.digest()) {
            continue;
        }
        seen.push(schema.digest());
        let violations = schema.validate(&xml);
        if !violations.is_empty() {
            return Err(Refusal::Invalid(violations));
        }
    }
    Ok(())
}

/// The limits of the XML gate under the hub's limits.
pub(crate) fn xml_limits(limits: &Limits) -> XmlLimits {
    XmlLimits {
        bytes: usize::try_from(limits.data_bytes).unwrap_or(usize::MAX),
        depth: limits.depth,
        ..XmlLimits::default()
    }
}

fn check_json(data: &[u8], limits: &Limits) -> Result<(), NotJson> {
    too_deep(data, limits.depth)?;
    // The reader skips strings without a look at their bytes.
    let text = std::str::from_utf8(data).map_err(|error| not_utf8(&data[..error.valid_up_to()]))?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).map(|_| ()).map_err(|error| NotJson {
        line: error.line(),
        column: error.column().max(1), // of nothing at all it says 0
        message: error.to_string(),
    })
}

/// The place after `good`, where bytes are no UTF-8.
fn not_utf8(good: &[u8]) -> NotJson {
    let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = good.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    NotJson { line, column, message: "the bytes are no UTF-8".to_owned() }
}

/// Counts brackets outside of strings, so that nothing ever recurses into hostile input.
fn too_deep(data: &[u8], most: u32) -> Result<(), NotJson> {
    let (mut depth, mut line, mut column, mut string, mut escaped) = (0u32, 1, 0, false, false);
    for byte in data {
        column += 1;
        match byte {
            _ if escaped => escaped = false,
            b'\\' if string => escaped = true,
            b'"' => string = !string,
            b'\n' => (line, column) = (line + 1, 0),
            b'{' | b'[' if !string => depth += 1,
            b'}' | b']' if !string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return Err(NotJson { line, column, message: format!("values are nested deeper than {most}") });
        }
    }
    Ok(())
}
