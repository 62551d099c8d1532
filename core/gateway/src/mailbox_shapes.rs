//! What answers about mailboxes look like.

use rohrpost_model::ports::Waiting;
use serde::Serialize;
use utoipa::ToSchema;

/// What waits in a mailbox.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MailboxPage {
    /// In the order of acceptance.
    pub messages: Vec<MailboxMessage>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A message that waits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MailboxMessage {
    /// Its id: that of its delivery.
    pub id: String,
    /// The submission that it was made of.
    pub submission: String,
    /// Its case.
    pub case: String,
    /// What it is.
    pub kind: String,
    /// The service.
    pub service: String,
    /// The area.
    pub area: String,
    /// The step of its route.
    pub step: String,
    /// Whether it was handed in with the test flag.
    pub test: bool,
    /// When it came into the mailbox.
    pub entered_at: String,
    /// When it was fetched first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched_at: Option<String>,
    /// The media type of its message.
    pub media_type: String,
    /// Size of its message in bytes.
    pub size: u64,
    /// The attachments that go with it.
    pub attachments: Vec<MailboxAttachment>,
}

/// An attachment of a message.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MailboxAttachment {
    /// Its number.
    pub number: u32,
    /// Its file name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its media type.
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

impl From<Waiting> for MailboxMessage {
    fn from(waiting: Waiting) -> Self {
        let submission = &waiting.submission;
        let sent = submission.attachments().filter(|_| waiting.attachments);
        let attachments = sent.map(|part| MailboxAttachment {
            number: part.number,
            name: part.name.clone(),
            media_type: part.media_type.clone(),
            size: part.size,
            sha256: part.sha256.to_string(),
        });
        Self {
            id: waiting.id.to_string(),
            submission: submission.id.to_string(),
            case: submission.case.to_string(),
            kind: submission.kind.to_string(),
            service: submission.service.to_string(),
            area: submission.area.to_string(),
            step: waiting.step.to_string(),
            test: submission.test,
            entered_at: waiting.entered_at.to_string(),
            fetched_at: waiting.fetched_at.map(|time| time.to_string()),
            media_type: waiting.media_type,
            size: waiting.size,
            attachments: attachments.collect(),
        }
    }
}
