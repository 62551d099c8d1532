use super::names::Names;
use bytes::Bytes;
use rohrpost_model::document::Enclosed;
use rohrpost_model::ports::{Attached, Parcel, Piece};
use rohrpost_model::{
    Area, CaseId, DeliveryId, Digest, Failure, Kind, Reason, ReasonCode, ServiceKey, StepName, SubmissionId,
    TenantName, Timestamp,
};
use serde::{Deserialize, Serialize};

/// The sidecar `NAME.meta.json`: what the unit is, and what belongs to it. It is the same on every attempt, so it does
/// not say when it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sidecar {
    /// The version of this format; a reader refuses one that it does not know.
    pub version: u32,
    /// The idempotency key.
    pub delivery_id: DeliveryId,
    /// What it is made of.
    pub submission_id: SubmissionId,
    /// The Vorgang.
    pub case: CaseId,
    /// The place of the submission in its case.
    pub sequence: u64,
    /// The tenant.
    pub tenant: TenantName,
    /// The LeiKa key.
    pub service: ServiceKey,
    /// The ARS.
    pub area: Area,
    /// The kind of submission.
    pub kind: Kind,
    /// The step of the route.
    pub step: StepName,
    /// When the hub took the submission.
    pub received_at: Timestamp,
    /// Whether it is a test.
    pub test: bool,
    /// SHA-256 of the manifest of all parts.
    pub sent_sha256: Digest,
    /// Every file but this one, the message first.
    pub parts: Vec<Part>,
}

/// One file of the unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// What the file is.
    pub role: Role,
    /// 0 for message and signature, 1 and up for documents that go along, and for attachments.
    pub number: u32,
    /// The name of the file.
    pub file: String,
    /// The name of a document that goes along; of an attachment the one that the sender gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the message calls an attachment, where the mapping has a rule for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The same for its file name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Its media type.
    pub media_type: String,
    /// In bytes.
    pub size: u64,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

/// What a file of a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The message.
    Message,
    /// Its detached signature.
    Signature,
    /// A document that goes along.
    Document,
    /// An attachment.
    Attachment,
}

impl Part {
    /// What stands in the file.
    pub(super) fn content(&self) -> Piece {
        match self.role {
            Role::Message => Piece::Message,
            Role::Signature => Piece::Signature,
            Role::Document => match self.name.as_deref().map(str::parse) {
                Some(Ok(name)) => Piece::Enclosed(name),
                _ => Piece::Bytes(Bytes::new()),
            },
            Role::Attachment => Piece::Attachment(self.number),
        }
    }
}

/// The files of a unit without its sidecar, in the order in which they are written: the message first.
pub(super) fn parts(names: &Names, parcel: &Parcel<'_>) -> Vec<Part> {
    let own = |role, file, media_type: &str, content: &[u8]| Part {
        role,
        number: 0,
        file,
        name: None,
        id: None,
        file_name: None,
        media_type: media_type.to_owned(),
        size: content.len() as u64,
        sha256: Digest::of(content),
    };
    let message = own(Role::Message, names.message(parcel.media_type), parcel.media_type, &parcel.message);
    let signature = parcel
        .signature
        .as_ref()
        .map(|signature| own(Role::Signature, names.signature(), "application/pkcs7-signature", signature));
    let attachments = parcel.attachments.iter().map(|attached| attachment(names, attached));
    let enclosed = (1..).zip(parcel.enclosed).map(|(number, enclosed)| {
        let Enclosed { name, media_type, content } = enclosed;
        let part = own(Role::Document, names.document(name), media_type, content);
        Part { number, name: Some(name.to_string()), ..part }
    });
    std::iter::once(message).chain(signature).chain(enclosed).chain(attachments).collect()
}

fn attachment(names: &Names, attached: &Attached) -> Part {
    Part {
        role: Role::Attachment,
        number: attached.number,
        file: names.attachment(attached),
        name: attached.name.clone(),
        id: attached.id.clone(),
        file_name: attached.file_name.clone(),
        media_type: attached.media_type.clone(),
        size: attached.size,
        sha256: attached.sha256,
    }
}

impl Sidecar {
    pub(super) fn new(parcel: &Parcel<'_>, parts: Vec<Part>) -> Self {
        let submission = parcel.submission;
        Self {
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
            sent_sha256: parcel.sent_sha256,
            parts,
        }
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, Failure> {
        let defect = |_| Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", "name"));
        let mut json = serde_json::to_vec_pretty(self).map_err(defect)?;
        json.push(b'\n');
        Ok(json)
    }
}
