//! The body of a message: the document alone, or all that belongs to a delivery as one JSON.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::TryStreamExt as _;
use rohrpost_kit::parcel::{self, ContentFault};
use rohrpost_model::ports::{Attached, Parcel};
use rohrpost_model::{
    Area, CaseId, DeliveryId, Digest, Failure, Kind, Reason, ReasonCode, ServiceKey, StepName, SubmissionId,
    TenantName, Timestamp,
};
use serde::{Deserialize, Serialize};

/// What the body of a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Form {
    /// The document as it is, under its own media type. It has no place for anything else.
    #[default]
    Message,
    /// One JSON that holds all parts as base64.
    Json,
}

/// Body and media type of a message.
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) media_type: String,
}

impl Form {
    /// What is sent. A broker holds a message whole, so what is larger than `max` is refused before it is read.
    pub(crate) async fn body(self, parcel: &Parcel<'_>, max: u64) -> Result<Body, Failure> {
        if size(parcel) > max {
            return Err(defect("max-size"));
        }
        match self {
            Self::Message if has_more(parcel) => Err(defect("form")),
            Self::Message => {
                Ok(Body { bytes: parcel.message.clone(), media_type: parcel.media_type.to_owned() })
            }
            Self::Json => Ok(Body { bytes: json(parcel).await?, media_type: "application/json".into() }),
        }
    }
}

fn defect(field: &str) -> Failure {
    Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", field))
}

fn has_more(parcel: &Parcel<'_>) -> bool {
    parcel.signature.is_some() || !parcel.enclosed.is_empty() || !parcel.attachments.is_empty()
}

fn size(parcel: &Parcel<'_>) -> u64 {
    let enclosed: usize = parcel.enclosed.iter().map(|enclosed| enclosed.content.len()).sum();
    let signature = parcel.signature.as_ref().map_or(0, Bytes::len);
    let attached = parcel.attachments.iter().map(|attached| attached.size);
    attached.fold((parcel.message.len() + enclosed + signature) as u64, u64::saturating_add)
}

/// The whole delivery as one JSON. The same on every attempt (H4).
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope {
    /// The version of this format; a reader refuses one that it does not know.
    pub(crate) version: u32,
    pub(crate) delivery_id: DeliveryId,
    pub(crate) submission_id: SubmissionId,
    pub(crate) case: CaseId,
    pub(crate) sequence: u64,
    pub(crate) tenant: TenantName,
    pub(crate) service: ServiceKey,
    pub(crate) area: Area,
    pub(crate) kind: Kind,
    pub(crate) step: StepName,
    pub(crate) received_at: Timestamp,
    pub(crate) test: bool,
    pub(crate) parts: Vec<Part>,
}

/// One part of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part {
    pub(crate) role: Role,
    /// 0 for message and signature, 1 and up for documents that go along, and for attachments.
    pub(crate) number: u32,
    /// The name of a document that goes along; of an attachment the one that the sender gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// What the message calls an attachment, where the mapping has a rule for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    /// The same for its file name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file_name: Option<String>,
    pub(crate) media_type: String,
    pub(crate) size: u64,
    pub(crate) sha256: Digest,
    /// Base64 (RFC 4648, 4).
    pub(crate) content: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Message,
    Signature,
    Document,
    Attachment,
}

async fn json(parcel: &Parcel<'_>) -> Result<Bytes, Failure> {
    let submission = parcel.submission;
    let envelope = Envelope {
        version: 1,
        delivery_id: parcel.key,
        submission_id: submission.id,
        case: submission.case.clone(),
        sequence: submission.sequence,
        tenant: submission.tenant.clone(),
        service: submission.service.clone(),
        area: submission.area.clone(),
        kind: submission.kind.clone(),
        step: parcel.step.clone(),
        received_at: submission.received_at,
        test: submission.test,
        parts: parts(parcel).await?,
    };
    serde_json::to_vec(&envelope).map(Bytes::from).map_err(|_| defect("form"))
}

async fn parts(parcel: &Parcel<'_>) -> Result<Vec<Part>, Failure> {
    let mut parts = vec![part(Role::Message, 0, None, parcel.media_type, &parcel.message)];
    let signature = parcel.signature.iter();
    parts.extend(signature.map(|bytes| part(Role::Signature, 0, None, "application/pkcs7-signature", bytes)));
    for (number, enclosed) in (1..).zip(parcel.enclosed) {
        let name = Some(enclosed.name.to_string());
        parts.push(part(Role::Document, number, name, &enclosed.media_type, &enclosed.content));
    }
    for attached in &parcel.attachments {
        let content = content(attached).await.map_err(|fault| fault.before_sending())?;
        let made =
            part(Role::Attachment, attached.number, attached.name.clone(), &attached.media_type, &content);
        parts.push(Part { id: attached.id.clone(), file_name: attached.file_name.clone(), ..made });
    }
    Ok(parts)
}

fn part(role: Role, number: u32, name: Option<String>, media_type: &str, content: &[u8]) -> Part {
    Part {
        role,
        number,
        name,
        id: None,
        file_name: None,
        media_type: media_type.to_owned(),
        size: content.len() as u64,
        sha256: Digest::of(content),
        content: BASE64_STANDARD.encode(content),
    }
}

/// An attachment, checked against its digest (H8).
async fn content(attached: &Attached) -> Result<Vec<u8>, ContentFault> {
    let pieces = parcel::checked(attached).await?;
    pieces
        .try_fold(Vec::new(), async |mut all, piece| {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
}
