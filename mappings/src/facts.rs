//! What the hub knows of a submission and tells a stylesheet.

use std::collections::BTreeMap;

/// What the hub knows of a submission. The texts reach every stylesheet as global parameters `submission-id`, `case`,
/// `received-at`, `service`, `area`, `tenant`, `kind`, `test` (`true` or `false`), each where the stylesheet declares it;
/// everything reaches a stylesheet with `input = "envelope"` in its source document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The submission's id.
    pub submission_id: String,
    /// Its case.
    pub case: String,
    /// When it was accepted, RFC 3339.
    pub received_at: String,
    /// LeiKa key of the service.
    pub service: String,
    /// ARS of the area.
    pub area: String,
    /// The tenant's name.
    pub tenant: String,
    /// The kind of submission.
    pub kind: String,
    /// Whether it is a test.
    pub test: bool,
    /// The attachments, in order.
    pub attachments: Vec<AttachmentFact>,
    /// The receipts of earlier steps.
    pub receipts: Vec<ReceiptFact>,
    /// Values for the mapping's own parameters, in place of the defaults in its `[params]`.
    pub params: BTreeMap<String, String>,
}

/// An attachment, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentFact {
    /// Its number, from 1.
    pub number: u32,
    /// The file name that the sender gave.
    pub name: Option<String>,
    /// Media type.
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
    /// What the mapping's rule calls it; whoever applies a mapping leaves both open, the mapping fills them.
    pub id: Option<String>,
    /// Its file name by the rule.
    pub file_name: Option<String>,
}

/// The receipt of an earlier step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptFact {
    /// The step.
    pub step: String,
    /// What the target calls the document.
    pub reference: Option<String>,
    /// The target's code.
    pub code: Option<String>,
    /// The target's result, for instance `paid`.
    pub result: Option<String>,
    /// When the target had it, RFC 3339.
    pub at: Option<String>,
}

impl Facts {
    /// The fixed facts of every case in a mapping's `cases/`, and the default of `rohrpost map`: no attachment, no
    /// receipt.
    pub fn sample() -> Self {
        Self {
            submission_id: "00000000-0000-7000-8000-000000000001".into(),
            case: "fall-0001".into(),
            received_at: "2026-01-15T09:30:00Z".into(),
            service: "99128001000000".into(),
            area: "150910000000".into(),
            tenant: "lk-beispiel".into(),
            kind: "application".into(),
            test: false,
            attachments: Vec::new(),
            receipts: Vec::new(),
            params: BTreeMap::new(),
        }
    }

    /// The texts by the name under which stylesheets and conditions know them.
    pub(crate) fn texts(&self) -> [(&'static str, &str); 8] {
        [
            ("submission-id", &self.submission_id),
            ("case", &self.case),
            ("received-at", &self.received_at),
            ("kind", &self.kind),
            ("service", &self.service),
            ("area", &self.area),
            ("tenant", &self.tenant),
            ("test", if self.test { "true" } else { "false" }),
        ]
    }
}
