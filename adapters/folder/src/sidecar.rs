use rohrpost_model::ports::Parcel;
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
    /// 0 for message and signature, 1 and up for attachments.
    pub(crate) number: u32,
    /// The name of the file.
    pub(crate) file: String,
    /// The name that the sender gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
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
    Attachment,
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
