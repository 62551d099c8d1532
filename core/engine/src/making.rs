//! One document: condition → map → validate → seal. CPU-bound, and the same whether it is made of what the store kept or
//! of what was parsed at the door.

use crate::catalog::Catalog;
use crate::prepare::Stop;
use rohrpost_mappings::{
    AttachmentFact, Condition, Facts, Limits as MappingLimits, Mapping, MappingFault, NamedAttachment,
    Output, ReceiptFact, Unchecked, Violation, Xml,
};
use rohrpost_model::document::{Document, Enclosed};
use rohrpost_model::ports::{Seal, Sealed};
use rohrpost_model::reason::Place;
use rohrpost_model::route::{PinnedStep, Step, When};
use rohrpost_model::submission::ReplyWay;
use rohrpost_model::{Digest, DocumentName, Reason, ReasonCode, Receipt, SealName, StepName, Submission};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a document is made by.
pub(crate) struct Making {
    pinned: Arc<PinnedStep>,
    mapping: Option<Arc<Mapping>>,
    seal: Option<NamedSeal>,
    facts: Facts,
    receipts: BTreeMap<StepName, Receipt>,
    /// By which way its answers are wanted.
    reply: ReplyWay,
    media_type: String,
}

impl Making {
    /// By the pinned step and mapping, and the seal as it is configured now.
    pub(crate) fn new(
        catalog: &Catalog,
        submission: &Submission,
        pinned: Arc<PinnedStep>,
        mapping: Option<Arc<Mapping>>,
        receipts: BTreeMap<StepName, Receipt>,
    ) -> Result<Self, Stop> {
        let seal = seal_for(catalog, &pinned)?;
        let facts = Facts { params: pinned.step.params.clone(), ..facts(submission, &receipts) };
        let media_type = submission.data().map(|part| part.media_type.clone()).unwrap_or_default();
        let reply = ReplyWay::of(submission.reply.as_ref());
        Ok(Self { pinned, mapping, seal, facts, receipts, reply, media_type })
    }

    /// Makes the document of the data; with a mapping only their tree is looked at. Data that are known to be `valid` are
    /// not validated again.
    pub(crate) fn make(self, data: &[u8], xml: Parsed, valid: bool) -> Result<Document, Stop> {
        self.make_before(data, xml, valid, &mut |_| {})
    }

    /// The same before somebody who looks on.
    pub(crate) fn make_before(
        self,
        data: &[u8],
        xml: Parsed,
        valid: bool,
        witness: Witness<'_>,
    ) -> Result<Document, Stop> {
        condition_holds(&self.pinned.step, &xml, &self.facts, (&self.receipts, self.reply))?;
        let step = &self.pinned.step;
        let (message, media_type, enclosed) = match &self.mapping {
            Some(mapping) => map_and_validate(mapping, xml, valid, (&self.facts, step), witness)?,
            None => (data.to_vec(), self.media_type, Vec::new()),
        };
        put_seal(self.seal, message, media_type).map(|document| Document { enclosed, ..document })
    }
}

/// What there is to see while a document is made. It quotes content, so it goes to whoever asked and into no log.
pub(crate) enum Seen<'a> {
    /// The data, and what is wrong with them under the mapping's source schema.
    Source(&'a Mapping, &'a Xml, &'a Facts, Option<&'a MappingFault>),
    /// What the stylesheet made, whatever it is.
    Made(&'a Unchecked),
    /// What the mapping gave.
    Mapped(Result<&'a [u8], &'a MappingFault>),
}

/// Looks on while a document is made.
pub(crate) type Witness<'w> = &'w mut dyn FnMut(Seen<'_>);

/// The submission's data as XML, where they are.
pub(crate) struct Parsed(Option<Xml>);

impl Parsed {
    pub(crate) fn new(data: &[u8], limits: &rohrpost_mappings::XmlLimits, looked_through: bool) -> Self {
        if !data.trim_ascii_start().starts_with(b"<") {
            // UTF-16 begins otherwise, but is no JSON either.
            if let Ok(xml) = Xml::from_json(data, limits) {
                return Self(Some(xml));
            }
        }
        let xml = if looked_through { Xml::parse_again(data) } else { Xml::parse(data, limits) };
        Self(xml.ok())
    }
}

impl From<Xml> for Parsed {
    fn from(xml: Xml) -> Self {
        Self(Some(xml))
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
        id: None,
        file_name: None,
    }
}

/// What the mapping calls the attachments of a submission. The mapping is pinned by its content, so on every attempt it is
/// the same (promise H4).
pub(crate) fn attachment_names(
    mapping: &Mapping,
    submission: &Submission,
) -> Result<Vec<NamedAttachment>, Stop> {
    let named = mapping.attachment_names(&facts(submission, &BTreeMap::new()));
    named.map_err(|fault| Stop::Defect(mapping_reason(mapping, &fault)))
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
    (receipts, reply): (&BTreeMap<StepName, Receipt>, ReplyWay),
) -> Result<(), Stop> {
    let failed = || Stop::Defect(Reason::new(ReasonCode::ConditionFailed));
    let holds = match &step.when {
        None => true,
        Some(When::Result(result)) => step
            .after
            .iter()
            .all(|earlier| receipts.get(earlier).and_then(|receipt| receipt.result.as_ref()) == Some(result)),
        Some(When::Reply(ways)) => ways.contains(&reply),
        Some(When::Xpath { expression, namespaces }) => {
            let xml = xml.0.as_ref().ok_or_else(failed)?;
            let condition = Condition::compile(expression, namespaces).map_err(|_| failed())?;
            condition.holds(xml, facts).map_err(|_| failed())?
        }
    };
    if holds { Ok(()) } else { Err(Stop::Skip) }
}

/// What a step sends of what its mapping made: the message with its media type, and what goes along.
type Chosen = (Vec<u8>, String, Vec<Enclosed>);

/// Data that are known to be `valid` are not validated again.
fn map_and_validate(
    mapping: &Mapping,
    xml: Parsed,
    valid: bool,
    (facts, step): (&Facts, &Step),
    witness: Witness<'_>,
) -> Result<Chosen, Stop> {
    let not_xml = || Stop::Defect(Reason::new(ReasonCode::SourceInvalid).with("mapping", mapping.name()));
    let xml = xml.0.filter(|xml| xml.is_json() == mapping.takes_json()).ok_or_else(not_xml)?;
    let checked = if valid { Ok(()) } else { mapping.validate_source(&xml) };
    witness(Seen::Source(mapping, &xml, facts, checked.as_ref().err()));
    let made = checked.and_then(|()| mapping.transform_valid_once(xml, facts, &MappingLimits::default()));
    made.iter().for_each(|made| witness(Seen::Made(made)));
    let mapped = made.and_then(|made| mapping.check_all(made));
    let message = mapped.as_ref().map(|output| output.get(step.document.as_ref()).unwrap_or_default());
    witness(Seen::Mapped(message));
    let output = mapped.map_err(|fault| Stop::Defect(mapping_reason(mapping, &fault)))?;
    chosen(mapping, output, step)
        .ok_or_else(|| Stop::Defect(Reason::new(ReasonCode::MappingFailed).with("mapping", mapping.name())))
}

/// `None` where the step names a document that the mapping does not make, which `check` refuses.
fn chosen(mapping: &Mapping, mut output: Output, step: &Step) -> Option<Chosen> {
    let media_type = |name: Option<&DocumentName>| mapping.media_type_of(name).map(str::to_owned);
    let message = output.take(step.document.as_ref())?;
    let enclosed = step.with.iter().map(|name| {
        let meant = step.enclosed(name);
        let content = output.take(meant)?.into();
        Some(Enclosed { name: name.clone(), media_type: media_type(meant)?, content })
    });
    let enclosed = enclosed.collect::<Option<_>>()?;
    Some((message, media_type(step.document.as_ref())?, enclosed))
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
        MappingFault::Document(name, violations) => violated(ReasonCode::TargetInvalid, violations)
            .with("mapping", format!("{}#{name}", mapping.name())),
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
        return Ok(Document { message, media_type, signature: None, enclosed: Vec::new(), content_sha256 });
    };
    match seal.seal(&message) {
        Ok(Sealed::Enveloped(sealed)) => Ok(Document {
            message: sealed,
            media_type,
            signature: None,
            enclosed: Vec::new(),
            content_sha256,
        }),
        Ok(Sealed::Detached(signature)) => {
            let signature = Some(signature);
            Ok(Document { message, media_type, signature, enclosed: Vec::new(), content_sha256 })
        }
        Err(fault) => {
            tracing::error!(seal = %name, %fault, "sealing failed");
            Err(Stop::Defect(Reason::new(ReasonCode::SealFailed).with("seal", &name)))
        }
    }
}
