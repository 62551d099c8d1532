//! A dry run of the engine as it is answered.

use crate::problem::Problem;
use crate::trace_shapes::{
    TraceReport, TracedAnswer, TracedAsk, TracedAttachment, TracedCheck, TracedCondition, TracedContent,
    TracedDocument, TracedDoor, TracedFault, TracedFile, TracedMapping, TracedPair, TracedPiece,
    TracedRequest, TracedRoute, TracedSeal, TracedStep, TracedSubmission,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use rohrpost_engine::routing::Asks;
use rohrpost_engine::trace::{Condition, MappingTrace, RouteTrace, RouteVerdict, StepEnd, StepTrace, Trace};
use rohrpost_mappings::{MappingFault, Violation};
use rohrpost_model::document::Enclosed;
use rohrpost_model::ports::{Piece, Sends};
use rohrpost_model::route::When;
use rohrpost_model::submission::{Part, Role};
use rohrpost_model::{Digest, TenantName};
use serde::Serialize;
use std::collections::BTreeSet;

/// So many bytes of a document are shown. A page of more is of no use, and an answer must have a bound.
const SHOWN: usize = 256 << 10;

impl TraceReport {
    /// The report of a dry run under a configuration of this version. A running hub tells only of the routes and tenants
    /// that whoever asks may know; on files there is nobody to hide them from.
    pub fn new(trace: Trace, configuration: Digest, known: Option<&BTreeSet<TenantName>>) -> Self {
        let well = trace.is_well();
        let submission = submission(&trace);
        let serves = |route: &RouteTrace| known.is_none_or(|known| !known.is_disjoint(&route.route.tenants));
        let routes = trace.routes.iter().filter(|route| serves(route));
        let (route, no_route) = match trace.route {
            Ok(name) => (Some(name.to_string()), None),
            Err(reason) => (None, reason.map(Into::into)),
        };
        Self {
            version: 1,
            configuration: configuration.to_string(),
            running: known.is_some(),
            door: door(trace.door),
            route,
            no_route,
            routes: routes.map(|route| routed(route, &submission, known)).collect(),
            steps: trace.steps.into_iter().map(step).collect(),
            submission,
            well,
        }
    }
}

fn submission(trace: &Trace) -> TracedSubmission {
    let data = trace.parts.iter().find(|part| part.role == Role::Data);
    let attachments = trace.parts.iter().filter(|part| part.role == Role::Attachment);
    TracedSubmission {
        id: trace.id.to_string(),
        case: trace.case.as_ref().map(ToString::to_string),
        received_at: trace.at,
        tenant: trace.tenant.as_ref().map(ToString::to_string),
        client: trace.client.as_ref().map(ToString::to_string),
        kind: trace.intent.kind.to_string(),
        service: trace.intent.service.to_string(),
        area: trace.intent.area.to_string(),
        test: trace.intent.test,
        data: content(&trace.data, data.map_or("", |part| &part.media_type)),
        attachments: attachments.map(attachment).collect(),
    }
}

fn attachment(part: &Part) -> TracedAttachment {
    TracedAttachment {
        number: part.number,
        name: part.name.clone(),
        media_type: part.media_type.clone(),
        bytes: part.size,
        sha256: part.sha256.to_string(),
    }
}

fn content(bytes: &[u8], media_type: &str) -> TracedContent {
    let begin = |length: usize| bytes.get(..length).unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).ok().map(|text| {
        let end = (0..=SHOWN.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
        text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
    });
    let base64 = text.is_none().then(|| BASE64_STANDARD.encode(begin(SHOWN)));
    TracedContent {
        media_type: media_type.to_owned(),
        bytes: bytes.len() as u64,
        sha256: Digest::of(bytes).to_string(),
        text,
        base64,
        cut: bytes.len() > SHOWN,
    }
}

fn door(door: Result<(), rohrpost_engine::accept::Refusal>) -> TracedDoor {
    let problem = door.err().map(|refusal| Problem::from(refusal).to_json());
    TracedDoor { accepted: problem.is_none(), problem }
}

fn routed(
    traced: &RouteTrace,
    submission: &TracedSubmission,
    known: Option<&BTreeSet<TenantName>>,
) -> TracedRoute {
    let matches = &traced.route.matches;
    let serves =
        traced.route.tenants.iter().filter(|tenant| known.is_none_or(|known| known.contains(*tenant)));
    let ask = |(of, fits): (Asks, bool)| {
        let (of, wants, has) = match of {
            Asks::Tenant => ("tenant", strings(serves.clone()), submission.tenant.clone()),
            Asks::Kind => ("kind", strings(&matches.kinds), Some(submission.kind.clone())),
            Asks::Service => ("service", strings(&matches.services), Some(submission.service.clone())),
            Asks::Area => ("area", vec![matches.area.to_string()], Some(submission.area.clone())),
        };
        TracedAsk { of: of.to_owned(), wants, has, fits }
    };
    let verdict = match traced.verdict {
        RouteVerdict::Takes => "takes",
        RouteVerdict::Differs => "differs",
        RouteVerdict::LessSpecific => "less-specific",
        RouteVerdict::Tie => "tie",
    };
    TracedRoute {
        route: traced.route.name.to_string(),
        verdict: verdict.to_owned(),
        asks: traced.fits.into_iter().map(ask).collect(),
    }
}

fn strings<T: ToString>(names: impl IntoIterator<Item = T>) -> Vec<String> {
    names.into_iter().map(|name| name.to_string()).collect()
}

fn step(traced: StepTrace) -> TracedStep {
    let (end, reason) = match &traced.end {
        StepEnd::Sends => ("sends", None),
        StepEnd::Skipped => ("skipped", None),
        StepEnd::Fails(reason) => ("fails", Some(reason.clone().into())),
    };
    let document = traced.document.as_ref();
    let seal = traced.step.seal.as_ref().map(|name| TracedSeal {
        name: name.to_string(),
        form: traced.seal.and_then(word),
        signed: document.is_some(),
    });
    let signature = document.and_then(|document| document.signature.as_deref());
    TracedStep {
        step: traced.step.name.to_string(),
        pinned: traced.pinned.to_string(),
        delivery: traced.key.to_string(),
        destination_written: traced.step.destination.clone(),
        destination: traced.destination.as_ref().map(ToString::to_string),
        after: strings(&traced.step.after),
        answers: answers(&traced),
        condition: condition(&traced),
        seal,
        message: document.map(|document| content(&document.message, &document.media_type)),
        signature: signature.map(|bytes| content(bytes, "application/pkcs7-signature")),
        documents: document.iter().flat_map(|document| &document.enclosed).map(enclosed).collect(),
        content_sha256: document.map(|document| document.content_sha256.to_string()),
        sent_sha256: traced.sent_sha256.map(|digest| digest.to_string()),
        reference: traced.preview.as_ref().and_then(|preview| preview.reference.clone()),
        request: traced.preview.map(|preview| request(preview.sends)),
        end: end.to_owned(),
        reason,
        mapping: traced.mapping.and_then(|seen| Some(mapping(&traced.step.mapping_written()?, seen))),
    }
}

fn enclosed(enclosed: &Enclosed) -> TracedDocument {
    let content = content(&enclosed.content, &enclosed.media_type);
    TracedDocument { name: enclosed.name.to_string(), content }
}

/// The word of a unit variant.
fn word(value: impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

fn answers(traced: &StepTrace) -> Vec<TracedAnswer> {
    let answer = |(step, receipt): (&rohrpost_model::StepName, &rohrpost_model::Receipt)| TracedAnswer {
        step: step.to_string(),
        reference: receipt.reference.clone(),
        result: receipt.result.clone(),
        assumed: traced.assumed.contains(step),
    };
    traced.receipts.iter().map(answer).collect()
}

fn condition(traced: &StepTrace) -> TracedCondition {
    let written = traced.step.when.as_ref().map(|when| match when {
        When::Result(result) => result.clone(),
        When::Reply(ways) => {
            let words: Vec<_> = ways.iter().map(|way| way.word()).collect();
            format!("reply = {}", words.join(", "))
        }
        When::Xpath { expression, .. } => expression.clone(),
    });
    let verdict = match traced.condition {
        Condition::None => "none",
        Condition::Holds => "holds",
        Condition::Assumed => "assumed",
        Condition::False => "false",
        Condition::Failed => "failed",
    };
    TracedCondition { written, verdict: verdict.to_owned() }
}

fn mapping(name: &str, seen: MappingTrace) -> TracedMapping {
    let (source, target) = seen.schemas;
    let broken = |fault: &Option<MappingFault>| {
        matches!(fault, Some(MappingFault::Target(_) | MappingFault::Document(..)))
    };
    let target_verdict = match (&seen.output, broken(&seen.fault)) {
        (_, true) => "invalid",
        (Some(_), _) => "valid",
        (None, _) => "not-checked",
    };
    let source_verdict = match (&seen.source, &seen.input) {
        (Some(_), _) => "invalid",
        (None, Some(_)) => "valid",
        (None, None) => "not-checked",
    };
    let (faults, target_faults) = match seen.fault {
        Some(MappingFault::Target(violations)) => (Vec::new(), violated(violations)),
        Some(fault @ MappingFault::Document(..)) => (Vec::new(), faults(fault)),
        fault => (fault.map_or_else(Vec::new, faults), Vec::new()),
    };
    let made = seen.made.filter(|made| seen.output.as_ref() != Some(made));
    TracedMapping {
        name: name.to_owned(),
        version: seen.digest.map(|digest| digest.to_string()),
        params: seen.params.into_iter().map(|(name, value)| TracedPair { name, value }).collect(),
        input: seen.input.map(|input| content(&input, "application/xml")),
        source: TracedCheck {
            schema: source,
            verdict: source_verdict.to_owned(),
            faults: seen.source.map_or_else(Vec::new, self::faults),
        },
        made: made.map(|made| content(&made, "application/xml")),
        target: TracedCheck { schema: target, verdict: target_verdict.to_owned(), faults: target_faults },
        output: seen.output.map(|output| content(&output, &seen.media_type)),
        faults,
    }
}

fn faults(fault: MappingFault) -> Vec<TracedFault> {
    match fault {
        MappingFault::Source(violations) | MappingFault::Target(violations) => violated(violations),
        MappingFault::Document(name, violations) => violated(violations)
            .into_iter()
            .map(|fault| TracedFault { file: Some(name.to_string()), ..fault })
            .collect(),
        MappingFault::Transform(faults) => {
            let told = |fault: rohrpost_model::Fault| TracedFault {
                file: Some(fault.file),
                line: fault.line,
                column: fault.column,
                path: String::new(),
                message: match fault.hint.as_str() {
                    "" => fault.message,
                    hint => format!("{}; {hint}", fault.message),
                },
            };
            faults.into_iter().map(told).collect()
        }
        limit @ MappingFault::Limit(_) => {
            let message = limit.to_string();
            vec![TracedFault { file: None, line: 0, column: 0, path: String::new(), message }]
        }
    }
}

fn violated(violations: Vec<Violation>) -> Vec<TracedFault> {
    let told = |Violation { line, column, path, message, .. }| TracedFault {
        file: None,
        line,
        column,
        path,
        message,
    };
    violations.into_iter().map(told).collect()
}

fn request(sends: Sends) -> TracedRequest {
    match sends {
        Sends::Request { method, url, headers, body } => TracedRequest::Http {
            method,
            url,
            headers: headers.into_iter().map(|(name, value)| TracedPair { name, value }).collect(),
            body: body.into_iter().map(piece).collect(),
        },
        Sends::Files { folder, files } => TracedRequest::Files {
            folder,
            files: files
                .into_iter()
                .map(|(name, content)| TracedFile { name, content: piece(content) })
                .collect(),
        },
    }
}

fn piece(piece: Piece) -> TracedPiece {
    let named = |part: &str, number| TracedPiece { part: part.to_owned(), name: None, number, own: None };
    match piece {
        Piece::Message => named("message", None),
        Piece::Signature => named("signature", None),
        Piece::Enclosed(name) => TracedPiece { name: Some(name.to_string()), ..named("document", None) },
        Piece::Attachment(number) => named("attachment", Some(number)),
        Piece::Bytes(bytes) => TracedPiece { own: Some(added(&bytes)), ..named("own", None) },
    }
}

fn added(bytes: &Bytes) -> TracedContent {
    content(bytes, "application/octet-stream")
}
