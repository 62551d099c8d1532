//! One step, made as a delivery of it would be.

use super::path::Path;
use super::{Condition, MappingTrace, StepEnd, StepTrace, Trial};
use crate::accept::xml_limits;
use crate::attempt::{allowed, attached, has_place, sent_attachments};
use crate::making::{Making, Parsed, Seen, attachment_names};
use crate::prepare::Stop;
use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use rohrpost_mappings::NamedAttachment;
use rohrpost_model::document::Document;
use rohrpost_model::ports::{Content, ContentStream, Parcel, Preview, Progress, StoreFault};
use rohrpost_model::route::{Route, Step, When};
use rohrpost_model::{
    DeliveryId, DestinationName, Failure, Reason, ReasonCode, Receipt, StepName, Submission,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A step that is tried.
pub(super) struct Tried<'a> {
    pub(super) path: &'a Path<'a>,
    pub(super) route: &'a Route,
    pub(super) step: &'a Step,
    pub(super) submission: &'a Submission,
    pub(super) trial: &'a Trial,
    pub(super) key: DeliveryId,
}

/// What earlier steps are taken to have been answered.
#[derive(Default)]
struct Answers {
    receipts: BTreeMap<StepName, Receipt>,
    /// Those in which something was assumed.
    assumed: BTreeSet<StepName>,
}

/// A document, or why there is none, with all that was seen on the way.
type Made = (Result<Document, Stop>, MappingTrace);

impl Tried<'_> {
    /// What the step makes of the submission, after `earlier` steps.
    pub(super) async fn trace<'s>(&self, earlier: impl Iterator<Item = &'s StepTrace>) -> StepTrace {
        let (catalog, step) = (self.path.catalog, self.step);
        let answers = self.answers(earlier);
        let (made, seen) = self.make(&answers).await;
        let condition = self.condition(&made, &answers);
        let (document, stopped) = match made {
            Ok(document) => (Some(document), None),
            Err(stop) => (None, Some(ended(stop))),
        };
        let sent = document
            .as_ref()
            .map(|document| document.manifest(sent_attachments(self.submission, step.attachments)));
        let (preview, end) = match (&document, stopped) {
            (Some(document), _) => match self.preview(document, &answers).await {
                Ok(preview) => (preview, StepEnd::Sends),
                Err(reason) => (None, StepEnd::Fails(reason)),
            },
            (None, stopped) => (None, stopped.unwrap_or(StepEnd::Skipped)),
        };
        StepTrace {
            step: step.clone(),
            pinned: catalog.pin(self.route, step),
            key: self.key,
            destination: self.destination(),
            receipts: answers.receipts,
            assumed: answers.assumed,
            condition,
            mapping: step.mapping.is_some().then_some(seen),
            seal: catalog.pinned(self.route, step).seal_form,
            document,
            sent_sha256: sent,
            preview,
            end,
        }
    }

    fn destination(&self) -> Option<DestinationName> {
        let (catalog, Submission { tenant, service, area, test, .. }) = (self.path.catalog, self.submission);
        let day = catalog.responsibilities.day(self.trial.ids.now());
        let responsible = catalog.responsible_destination(tenant, (service, area), day);
        self.step.destination_for(tenant, *test, responsible)
    }

    /// What earlier steps are taken to have been answered: as was given, else what is certain beforehand. Of a result that a
    /// condition asks for it is assumed that it is so, because else nothing further could be shown.
    fn answers<'s>(&self, earlier: impl Iterator<Item = &'s StepTrace>) -> Answers {
        let mut answers = Answers::default();
        if self.step.after.is_empty() {
            return answers;
        }
        for traced in earlier.filter(|traced| traced.end == StepEnd::Sends) {
            let (name, known) = (&traced.step.name, traced.preview.as_ref());
            let reference = known.and_then(|preview| preview.reference.clone());
            let given = self.trial.answers.get(name).cloned();
            if given.is_none() {
                answers.assumed.insert(name.clone());
            }
            let at = Some(self.trial.ids.now());
            let receipt = given.unwrap_or(Receipt { reference, at, ..Receipt::default() });
            answers.receipts.insert(name.clone(), receipt);
        }
        if let Some(When::Result(wanted)) = &self.step.when {
            for name in &self.step.after {
                let receipt = answers.receipts.get_mut(name).filter(|receipt| receipt.result.is_none());
                if let Some(receipt) = receipt.filter(|_| !self.trial.answers.contains_key(name)) {
                    receipt.result = Some(wanted.clone());
                }
            }
        }
        answers
    }

    /// Makes the document as a delivery of the step would.
    async fn make(&self, answers: &Answers) -> Made {
        let catalog = self.path.catalog;
        let pinned = Arc::new(catalog.pinned(self.route, self.step));
        let mapping = self.step.mapping.as_ref().and_then(|name| catalog.mappings.get(name));
        let mapping = mapping.map(|mapped| Arc::clone(&mapped.mapping));
        let applied = mapping.as_ref().map(|mapping| mapping.digest());
        let mut seen = MappingTrace::default();
        if let Some(mapping) = &mapping {
            let (source, target) = mapping.schema_files();
            seen.schemas = (source.map(str::to_owned), target.map(str::to_owned));
            let document = self.step.document.as_ref();
            seen.schemas.1 = mapping.schema_of(document).map(|schema| schema.file().to_owned());
            let media_type = mapping.media_type_of(document).unwrap_or_default().to_owned();
            (seen.digest, seen.media_type) = (Some(mapping.digest()), media_type);
        }
        let receipts = answers.receipts.clone();
        let making = match Making::new(catalog, self.submission, Arc::clone(&pinned), mapping, receipts) {
            Ok(making) => making,
            Err(stop) => return (Err(stop), seen),
        };
        let (data, limits) = (self.trial.data.clone(), xml_limits(&catalog.limits));
        let work = move || {
            let xml = Parsed::new(&data, &limits, false);
            let made = making.make_before(&data, xml, false, &mut |what| seen.note(what));
            (made, seen)
        };
        self.path
            .run(applied, work)
            .await
            .unwrap_or_else(|reason| (Err(Stop::Defect(reason)), MappingTrace::default()))
    }

    fn condition(&self, made: &Result<Document, Stop>, answers: &Answers) -> Condition {
        let assumed = |name: &StepName| answers.assumed.contains(name);
        match (&self.step.when, made) {
            (None, _) => Condition::None,
            (_, Err(Stop::Skip)) => Condition::False,
            (_, Err(Stop::Defect(reason))) if reason.code == ReasonCode::ConditionFailed => Condition::Failed,
            (Some(When::Result(_)), _) if self.step.after.iter().any(assumed) => Condition::Assumed,
            _ => Condition::Holds,
        }
    }

    /// What the destination would be sent; nothing of one that may not get the submission (promise H7).
    async fn preview(&self, document: &Document, answers: &Answers) -> Result<Option<Preview>, Reason> {
        let name = self.destination();
        let to =
            name.as_ref().and_then(|name| self.path.catalog.destinations.get(name)).ok_or_else(|| {
                let written =
                    name.as_ref().map_or(self.step.template_for(self.submission.test), |name| name.as_str());
                Reason::new(ReasonCode::NoDestination).with("destination", written)
            })?;
        let reason = |stop| match ended(stop) {
            StepEnd::Fails(reason) => reason,
            _ => Reason::new(ReasonCode::HubTrouble),
        };
        allowed(self.path.catalog, self.submission, &self.route.name, to).map_err(reason)?;
        has_place(&document.enclosed, to).map_err(reason)?;
        let mapping = self.step.mapping.as_ref().and_then(|name| self.path.catalog.mappings.get(name));
        let names = match mapping.filter(|_| self.step.attachments) {
            Some(mapped) => attachment_names(&mapped.mapping, self.submission).map_err(reason)?,
            None => Vec::new(),
        };
        let progress = Progress::to_read(BTreeMap::new());
        let parcel = self.parcel(document, (answers, &progress), &names);
        to.target.preview(&parcel).await.map_err(|failure: Failure| failure.reason().clone())
    }

    fn parcel<'p>(
        &'p self,
        document: &'p Document,
        (answers, progress): (&'p Answers, &'p Progress),
        names: &[NamedAttachment],
    ) -> Parcel<'p> {
        let sent = || sent_attachments(self.submission, self.step.attachments);
        Parcel {
            key: self.key,
            attempt: 1,
            submission: self.submission,
            step: &self.step.name,
            message: document.message.clone().into(),
            media_type: &document.media_type,
            signature: document.signature.clone().map(Into::into),
            enclosed: &document.enclosed,
            attachments: sent().map(|part| attached(part, names, Arc::new(NotHere))).collect(),
            sent_sha256: document.manifest(sent()),
            receipts: &answers.receipts,
            progress,
        }
    }
}

fn ended(stop: Stop) -> StepEnd {
    match stop {
        Stop::Skip => StepEnd::Skipped,
        Stop::Defect(reason) => StepEnd::Fails(reason),
        Stop::NotYet(until) => StepEnd::Fails(Reason::new(ReasonCode::NotBefore).with("at", until)),
        Stop::Later(_) => StepEnd::Fails(Reason::new(ReasonCode::HubTrouble)),
    }
}

impl MappingTrace {
    fn note(&mut self, seen: Seen<'_>) {
        match seen {
            Seen::Source(mapping, xml, facts, fault) => {
                self.params = mapping.given(facts);
                self.input = Some(mapping.seen(xml, facts));
                self.source = fault.cloned();
            }
            Seen::Made(made) => self.made = Some(made.bytes().to_vec()),
            Seen::Mapped(Ok(output)) => self.output = Some(output.to_vec()),
            Seen::Mapped(Err(fault)) if self.source.is_none() => self.fault = Some(fault.clone()),
            Seen::Mapped(Err(_)) => {}
        }
    }
}

/// The content of attachments is not kept in a dry run, and no preview reads it.
struct NotHere;

#[async_trait]
impl Content for NotHere {
    async fn open(&self) -> Result<ContentStream, StoreFault> {
        let unread = StoreFault::Unavailable("a dry run keeps no content".into());
        Ok(stream::iter([Err(unread)]).boxed())
    }
}
