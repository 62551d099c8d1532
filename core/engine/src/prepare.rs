//! load → map → validate → seal: makes the document of a delivery, or takes the one that was kept.

use crate::Engine;
use crate::accept::xml_limits;
use crate::catalog::Catalog;
use crate::content::Stored;
use bytes::Bytes;
use rohrpost_mappings::{
    AttachmentFact, Bundle, Condition, Facts, Limits as MappingLimits, Mapping, MappingFault, ReceiptFact,
    Violation, Xml,
};
use rohrpost_model::delivery::KeptDocument;
use rohrpost_model::document::Document;
use rohrpost_model::ports::{Claim, Origin, Seal, Sealed, Slot, StoreFault};
use rohrpost_model::reason::Place;
use rohrpost_model::route::{PinnedStep, Step, When};
use rohrpost_model::version::VersionKind;
use rohrpost_model::{
    Delivery, Digest, MappingName, Reason, ReasonCode, Receipt, SealName, StepName, Submission,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// Why there is nothing to send.
pub(crate) enum Stop {
    /// The step's condition is false.
    Skip,
    /// The hub's mapping or configuration is wrong: a person must look.
    Defect(Reason),
    /// The hub's own trouble, which passes: the claim is given back.
    Later(StoreFault),
}

impl From<StoreFault> for Stop {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::Damaged(_) => Self::Defect(Reason::new(ReasonCode::ContentDamaged)),
            StoreFault::Erased => Self::Defect(Reason::new(ReasonCode::ContentErased)),
            // Trying again would be refused again.
            StoreFault::Impossible(_) => Self::Defect(Reason::new(ReasonCode::HubTrouble)),
            other => Self::Later(other),
        }
    }
}

/// A claimed delivery with all that its document is made of.
pub(crate) struct Loaded {
    pub(crate) origin: Arc<Origin>,
    pub(crate) pinned: Arc<PinnedStep>,
    pub(crate) receipts: BTreeMap<StepName, Receipt>,
}

/// A document, made now or kept from the first attempt.
pub(crate) enum Ready {
    New(Document),
    Kept { kept: KeptDocument, message: Bytes, signature: Option<Bytes> },
}

/// Pinned versions that are in use, so that they are parsed and compiled once. Bounded by what the configurations of
/// one run of the process pin.
#[derive(Default)]
pub(crate) struct PinnedVersions {
    mappings: Known<Mapping>,
    steps: Known<PinnedStep>,
}

/// What was loaded before, by its digest.
struct Known<T>(Mutex<HashMap<Digest, Arc<T>>>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Known<T> {
    fn get(&self, digest: &Digest) -> Option<Arc<T>> {
        self.0.lock().ok()?.get(digest).cloned()
    }

    fn remember(&self, digest: Digest, value: &Arc<T>) {
        if let Ok(mut known) = self.0.lock() {
            known.insert(digest, Arc::clone(value));
        }
    }
}

impl Engine {
    /// Loads the submission of a claim, and the step as it was pinned.
    pub(crate) async fn load(&self, delivery: &Delivery) -> Result<Loaded, Stop> {
        let origin = self.ports.records.origin(delivery.submission).await?;
        let origin = origin.ok_or_else(|| StoreFault::Damaged("a delivery without its submission".into()))?;
        let pinned = self.pinned_step(delivery).await?;
        // A step that comes after none knows of none, whatever was answered beside it.
        let receipts = match pinned.step.after.is_empty() {
            true => BTreeMap::new(),
            false => self.ports.records.receipts(delivery.submission).await?,
        };
        Ok(Loaded { origin, pinned, receipts })
    }

    pub(crate) async fn pinned_step(&self, delivery: &Delivery) -> Result<Arc<PinnedStep>, Stop> {
        let digest = delivery.pinned.ok_or_else(|| version_missing("-"))?;
        if let Some(step) = self.pinned.steps.get(&digest) {
            return Ok(step);
        }
        let stored = self
            .ports
            .versions
            .load(VersionKind::Step, &digest)
            .await?
            .ok_or_else(|| version_missing(digest))?;
        let step = Arc::new(serde_json::from_slice(&stored).map_err(|_| version_missing(digest))?);
        self.pinned.steps.remember(digest, &step);
        Ok(step)
    }

    /// The document of a claimed delivery: the kept one if there is one, because under one key the same bytes are
    /// sent (promise H4); else map → validate → seal.
    pub(crate) async fn prepare(&self, claim: &Claim, loaded: &Loaded) -> Result<Ready, Stop> {
        if let Some(kept) = &claim.delivery.document {
            return self.kept(&claim.delivery, loaded, kept).await;
        }
        let data = self.data(loaded).await?;
        let mapping = self.mapping(&loaded.pinned).await?;
        let valid =
            mapping.as_ref().is_some_and(|mapping| self.is_known_valid(&loaded.origin.submission, mapping));
        let seal = seal_for(&self.catalog(), &loaded.pinned)?;
        let step = loaded.pinned.step.clone();
        let facts = facts(&loaded.origin.submission, &loaded.receipts);
        let receipts = loaded.receipts.clone();
        let media_type =
            loaded.origin.submission.data().map(|part| part.media_type.clone()).unwrap_or_default();
        let xml_limits = xml_limits(&self.catalog().limits);
        let work = move || {
            let xml = Parsed::new(&data, &xml_limits);
            condition_holds(&step, &xml, &facts, &receipts)?;
            let (message, media_type) =
                map_and_validate(mapping.as_deref(), &xml, valid, &facts, &data, media_type)?;
            put_seal(seal, message, media_type)
        };
        self.workers
            .run(work)
            .await
            .map_err(|_| Stop::Later(StoreFault::Unavailable("a worker failed".into())))?
            .map(Ready::New)
    }

    /// Whether the data were found valid at the door under the schema that this mapping has.
    fn is_known_valid(&self, submission: &Submission, mapping: &Mapping) -> bool {
        let schema = mapping.source_schema().zip(submission.data());
        schema.is_some_and(|(schema, data)| self.known_valid.has(data.sha256, schema.digest()))
    }

    async fn data(&self, loaded: &Loaded) -> Result<Bytes, Stop> {
        let submission = &loaded.origin.submission;
        let part =
            submission.data().ok_or_else(|| StoreFault::Damaged("a submission without data".into()))?;
        let location = part.location.clone().ok_or(StoreFault::Erased)?;
        Ok(self.stored(loaded, Slot::Part(submission.id, part.number), location).read().await?)
    }

    fn stored(&self, loaded: &Loaded, slot: Slot, location: rohrpost_model::ports::Location) -> Stored {
        Stored { blobs: Arc::clone(&self.ports.blobs), key: Arc::clone(&loaded.origin.key), slot, location }
    }

    async fn kept(&self, delivery: &Delivery, loaded: &Loaded, kept: &KeptDocument) -> Result<Ready, Stop> {
        let erased = || Stop::from(StoreFault::Erased);
        let id = loaded.origin.submission.id;
        let location = kept.message.location.clone().ok_or_else(erased)?;
        let message = self.stored(loaded, Slot::Message(id, delivery.id), location).read().await?;
        let signature = match &kept.signature {
            Some(part) => {
                let location = part.location.clone().ok_or_else(erased)?;
                Some(self.stored(loaded, Slot::Signature(id, delivery.id), location).read().await?)
            }
            None => None,
        };
        let intact = Digest::of(&message) == kept.message.sha256
            && signature.as_ref().map(|bytes| Digest::of(bytes))
                == kept.signature.as_ref().map(|part| part.sha256);
        if !intact {
            return Err(StoreFault::Damaged("a kept document is not the one that was sent".into()).into());
        }
        Ok(Ready::Kept { kept: kept.clone(), message, signature })
    }

    /// The pinned mapping, compiled: the active one where it is the same, else the kept version.
    async fn mapping(&self, pinned: &PinnedStep) -> Result<Option<Arc<Mapping>>, Stop> {
        let (Some(name), Some(digest)) = (&pinned.step.mapping, pinned.mapping) else {
            return Ok(None);
        };
        if let Some(active) =
            self.catalog().mappings.get(name).filter(|mapped| mapped.mapping.digest() == digest)
        {
            return Ok(Some(Arc::clone(&active.mapping)));
        }
        if let Some(compiled) = self.pinned.mappings.get(&digest) {
            return Ok(Some(compiled));
        }
        self.compile_kept(name, digest).await.map(Some)
    }

    async fn compile_kept(&self, name: &MappingName, digest: Digest) -> Result<Arc<Mapping>, Stop> {
        let stored = self
            .ports
            .versions
            .load(VersionKind::Mapping, &digest)
            .await?
            .ok_or_else(|| version_missing(digest))?;
        let bundle = Bundle::from_bytes(&stored).map_err(|_| version_missing(digest))?;
        let failed = || Stop::Defect(Reason::new(ReasonCode::MappingFailed).with("mapping", name));
        let compiled = self.workers.run(move || Mapping::compile(&bundle)).await.map_err(|_| failed())?;
        let compiled = Arc::new(compiled.map_err(|_| failed())?);
        self.pinned.mappings.remember(digest, &compiled);
        Ok(compiled)
    }
}

fn version_missing(version: impl std::fmt::Display) -> Stop {
    Stop::Defect(Reason::new(ReasonCode::VersionMissing).with("version", version))
}

/// The submission's data as XML, where they are.
struct Parsed(Option<Xml>);

impl Parsed {
    fn new(data: &[u8], limits: &rohrpost_mappings::XmlLimits) -> Self {
        Self(Xml::parse(data, limits).ok())
    }
}

fn facts(submission: &Submission, receipts: &BTreeMap<StepName, Receipt>) -> Facts {
    Facts {
        submission_id: submission.id.to_string(),
        case: submission.case.to_string(),
        received_at: submission.received_at.to_string(),
        service: submission.service.to_string(),
        area: submission.area.to_string(),
        tenant: submission.tenant.to_string(),
        kind: submission.kind.to_string(),
        test: submission.test,
        attachments: submission.attachments().map(attachment_fact).collect(),
        receipts: receipts.iter().map(|(step, receipt)| receipt_fact(step, receipt)).collect(),
        params: BTreeMap::new(),
    }
}

fn attachment_fact(part: &rohrpost_model::submission::Part) -> AttachmentFact {
    AttachmentFact {
        number: part.number,
        name: part.name.clone(),
        media_type: part.media_type.clone(),
        size: part.size,
        sha256: part.sha256.to_string(),
    }
}

fn receipt_fact(step: &StepName, receipt: &Receipt) -> ReceiptFact {
    ReceiptFact {
        step: step.to_string(),
        reference: receipt.reference.clone(),
        code: receipt.code.clone(),
        result: receipt.result.clone(),
        at: receipt.at.map(|at| at.to_string()),
    }
}

/// A seal and what it is called.
type NamedSeal = (SealName, Arc<dyn Seal>);

/// The step's seal as it is configured now, if it still has the form that was pinned.
fn seal_for(catalog: &Catalog, pinned: &PinnedStep) -> Result<Option<NamedSeal>, Stop> {
    let Some(name) = &pinned.step.seal else {
        return Ok(None);
    };
    match catalog.seals.get(name).filter(|seal| Some(seal.form()) == pinned.seal_form) {
        Some(seal) => Ok(Some((name.clone(), Arc::clone(seal)))),
        None => Err(Stop::Defect(Reason::new(ReasonCode::NoSeal).with("seal", name))),
    }
}

fn condition_holds(
    step: &Step,
    xml: &Parsed,
    facts: &Facts,
    receipts: &BTreeMap<StepName, Receipt>,
) -> Result<(), Stop> {
    let failed = || Stop::Defect(Reason::new(ReasonCode::ConditionFailed));
    let holds = match &step.when {
        None => true,
        Some(When::Result(result)) => step
            .after
            .iter()
            .all(|earlier| receipts.get(earlier).and_then(|receipt| receipt.result.as_ref()) == Some(result)),
        Some(When::Xpath { expression, namespaces }) => {
            let xml = xml.0.as_ref().ok_or_else(failed)?;
            let condition = Condition::compile(expression, namespaces).map_err(|_| failed())?;
            condition.holds(xml, facts).map_err(|_| failed())?
        }
    };
    if holds { Ok(()) } else { Err(Stop::Skip) }
}

/// The message and its media type; the data as they came where the step has no mapping. Data that are known to be
/// `valid` are not validated again.
fn map_and_validate(
    mapping: Option<&Mapping>,
    xml: &Parsed,
    valid: bool,
    facts: &Facts,
    data: &[u8],
    media_type: String,
) -> Result<(Vec<u8>, String), Stop> {
    let Some(mapping) = mapping else {
        return Ok((data.to_vec(), media_type));
    };
    let not_xml = || Stop::Defect(Reason::new(ReasonCode::SourceInvalid).with("mapping", mapping.name()));
    let xml = xml.0.as_ref().ok_or_else(not_xml)?;
    let limits = MappingLimits::default();
    let mapped =
        if valid { mapping.apply_valid(xml, facts, &limits) } else { mapping.apply(xml, facts, &limits) };
    let message = mapped.map_err(|fault| Stop::Defect(mapping_reason(mapping, &fault)))?;
    Ok((message, mapping.media_type().to_owned()))
}

/// A mapping's fault as a reason: code and place, nothing quoted (promise H10).
fn mapping_reason(mapping: &Mapping, fault: &MappingFault) -> Reason {
    let of = |code| Reason::new(code).with("mapping", mapping.name());
    let violated = |code, violations: &[Violation]| match violations.first() {
        Some(first) => {
            of(code).at(Place { line: first.line, column: first.column, path: first.path.clone() })
        }
        None => of(code),
    };
    match fault {
        // The path is left out: its names are the sender's.
        MappingFault::Source(violations) => match violations.first() {
            Some(Violation { line, column, .. }) => {
                of(ReasonCode::SourceInvalid).at(Place { line: *line, column: *column, path: String::new() })
            }
            None => of(ReasonCode::SourceInvalid),
        },
        MappingFault::Target(violations) => violated(ReasonCode::TargetInvalid, violations),
        MappingFault::Limit(limit) => of(ReasonCode::MappingLimit).with("limit", limit),
        MappingFault::Transform(faults) => match faults.first() {
            Some(first) => of(ReasonCode::MappingFailed).at(Place {
                line: first.line,
                column: first.column,
                path: first.file.clone(),
            }),
            None => of(ReasonCode::MappingFailed),
        },
    }
}

fn put_seal(seal: Option<NamedSeal>, message: Vec<u8>, media_type: String) -> Result<Document, Stop> {
    let content_sha256 = Digest::of(&message);
    let Some((name, seal)) = seal else {
        return Ok(Document { message, media_type, signature: None, content_sha256 });
    };
    match seal.seal(&message) {
        Ok(Sealed::Enveloped(sealed)) => {
            Ok(Document { message: sealed, media_type, signature: None, content_sha256 })
        }
        Ok(Sealed::Detached(signature)) => {
            Ok(Document { message, media_type, signature: Some(signature), content_sha256 })
        }
        Err(fault) => {
            tracing::error!(seal = %name, %fault, "sealing failed");
            Err(Stop::Defect(Reason::new(ReasonCode::SealFailed).with("seal", &name)))
        }
    }
}
