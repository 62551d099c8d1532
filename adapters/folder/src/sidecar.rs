use crate::names::Names;
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
pub(crate) struct Sidecar {
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
    /// SHA-256 of the manifest of all parts.
    pub(crate) sent_sha256: Digest,
    pub(crate) parts: Vec<Part>,
}

/// One file of the unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part {
    pub(crate) role: Role,
    /// 0 for message and signature, 1 and up for documents that go along, and for attachments.
    pub(crate) number: u32,
    /// The name of the file.
    pub(crate) file: String,
    /// The name of a document that goes along; of an attachment the one that the sender gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// What the message calls an attachment, where the mapping has a rule for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    /// The same for its file name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file_name: Option<String>,
    pub(crate) media_type: String,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) sha256: Digest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Message,
    Signature,
    Document,
    Attachment,
}

impl Part {
    /// What stands in the file.
    pub(crate) fn content(&self) -> Piece {
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
pub(crate) fn parts(names: &Names, parcel: &Parcel<'_>) -> Vec<Part> {
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
    pub(crate) fn new(parcel: &Parcel<'_>, parts: Vec<Part>) -> Self {
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

    pub(crate) fn to_json(&self) -> Result<Vec<u8>, Failure> {
        let defect = |_| Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", "name"));
        let mut json = serde_json::to_vec_pretty(self).map_err(defect)?;
        json.push(b'\n');
        Ok(json)
    }
}
