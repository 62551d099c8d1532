//! load → map → validate → seal: makes the document of a delivery, or takes the one that was kept.

use crate::Engine;
use crate::accept::xml_limits;
use crate::content::Stored;
use crate::making::{Making, Parsed, attachment_names};
use crate::valid::LOOKED_THROUGH;
use bytes::Bytes;
use rohrpost_mappings::{Bundle, Mapping, NamedAttachment};
use rohrpost_model::delivery::KeptDocument;
use rohrpost_model::document::{Document, Enclosed};
use rohrpost_model::ports::{Claim, Origin, Slot, StoreFault};
use rohrpost_model::route::PinnedStep;
use rohrpost_model::version::VersionKind;
use rohrpost_model::{
    Delivery, Digest, MappingName, Reason, ReasonCode, Receipt, StepName, Submission, Timestamp,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// Why there is nothing to send.
pub(crate) enum Stop {
    /// The step's condition is false.
    Skip,
    /// The hub's mapping or configuration is wrong: a person must look.
    Defect(Reason),
    /// Its sender asked that it leaves later.
    NotYet(Timestamp),
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
    /// What earlier attempts recorded.
    pub(crate) progress: BTreeMap<String, String>,
}

/// A document, made now or kept from the first attempt.
pub(crate) enum Ready {
    New(Document),
    Kept { kept: Box<KeptDocument>, message: Bytes, signature: Option<Bytes>, enclosed: Vec<Enclosed> },
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

impl PinnedVersions {
    /// A pinned step that is in use already.
    pub(crate) fn step(&self, digest: &Digest) -> Option<Arc<PinnedStep>> {
        self.steps.get(digest)
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
        let progress = match delivery.attempts {
            0 => BTreeMap::new(),
            _ => self.ports.records.recorded(delivery.id).await?,
        };
        Ok(Loaded { origin, pinned, receipts, progress })
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
        if let Some(made) = self.made_ahead(&claim.delivery).await {
            return made.map(Ready::New);
        }
        let data = self.data(loaded).await?;
        let mapping = self.mapping(&loaded.pinned).await?;
        let applied = mapping.as_ref().map(|mapping| mapping.digest());
        let known = self.door_said(&loaded.origin.submission, mapping.as_deref());
        let xml_limits = xml_limits(&self.catalog().limits);
        let making = Making::new(
            &self.catalog(),
            &loaded.origin.submission,
            Arc::clone(&loaded.pinned),
            mapping,
            loaded.receipts.clone(),
        )?;
        let work = move || {
            let xml = Parsed::new(&data, &xml_limits, known.looked_through);
            making.make(&data, xml, known.valid)
        };
        self.workers
            .run_mapping(applied, work)
            .await
            .map_err(|_| Stop::Later(StoreFault::Unavailable("a worker failed".into())))?
            .map(Ready::New)
    }

    /// What the door found out about the data.
    fn door_said(&self, submission: &Submission, mapping: Option<&Mapping>) -> DoorSaid {
        let has = |digest| submission.data().is_some_and(|data| self.known_valid.has(data.sha256, digest));
        let gate = mapping.and_then(Mapping::source_gate);
        DoorSaid { looked_through: has(LOOKED_THROUGH), valid: gate.is_some_and(has) }
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

    pub(crate) async fn kept(
        &self,
        delivery: &Delivery,
        loaded: &Loaded,
        kept: &KeptDocument,
    ) -> Result<Ready, Stop> {
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
            return Err(not_the_one_sent());
        }
        let enclosed = self.kept_enclosed(delivery, loaded, kept).await?;
        Ok(Ready::Kept { kept: Box::new(kept.clone()), message, signature, enclosed })
    }

    async fn kept_enclosed(
        &self,
        delivery: &Delivery,
        loaded: &Loaded,
        kept: &KeptDocument,
    ) -> Result<Vec<Enclosed>, Stop> {
        let mut enclosed = Vec::new();
        for (number, one) in (1..).zip(&kept.enclosed) {
            let location = one.part.location.clone().ok_or_else(|| Stop::from(StoreFault::Erased))?;
            let slot = Slot::Enclosed(loaded.origin.submission.id, delivery.id, number);
            let content = self.stored(loaded, slot, location).read().await?;
            if Digest::of(&content) != one.part.sha256 {
                return Err(not_the_one_sent());
            }
            let (name, media_type) = (one.name.clone(), one.media_type.clone());
            enclosed.push(Enclosed { name, media_type, content });
        }
        Ok(enclosed)
    }

    /// What the pinned mapping calls the attachments that go along.
    pub(crate) async fn attachment_names(&self, loaded: &Loaded) -> Result<Vec<NamedAttachment>, Stop> {
        let (step, submission) = (&loaded.pinned.step, &loaded.origin.submission);
        if !step.attachments || submission.attachments().next().is_none() {
            return Ok(Vec::new());
        }
        match self.mapping(&loaded.pinned).await? {
            Some(mapping) => attachment_names(&mapping, submission),
            None => Ok(Vec::new()),
        }
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

fn not_the_one_sent() -> Stop {
    StoreFault::Damaged("a kept document is not the one that was sent".into()).into()
}

fn version_missing(version: impl std::fmt::Display) -> Stop {
    Stop::Defect(Reason::new(ReasonCode::VersionMissing).with("version", version))
}

/// What the door found out about the data, as far as it is remembered.
#[derive(Clone, Copy)]
struct DoorSaid {
    /// They are XML within the limits, without a DOCTYPE.
    looked_through: bool,
    /// They fit the source schema.
    valid: bool,
}
