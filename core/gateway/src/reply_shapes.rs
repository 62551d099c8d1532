//! What answers in a case look like.

use rohrpost_model::ports::SubmissionView;
use rohrpost_model::reply::Reply;
use rohrpost_model::{Date, Digest, Kind, SubmissionId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// An answer as an authority gives it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", as = Reply)]
#[allow(dead_code)] // the shape of `Reply` for the document
pub(crate) struct ReplyWritten {
    /// What it is: `receipt`, `status`, `query`, `document-request`, `payment-request`, `payment-confirmation`, `notice`,
    /// or a word of your own; never `application`, `amendment`, `withdrawal`.
    kind: String,
    /// What the citizen reads: German, plain text, 1 to 10000 characters.
    text: String,
    /// Until when an answer is wanted; the day itself counts.
    #[schema(format = Date)]
    deadline: Option<String>,
    /// The documents that a `document-request` asks for.
    documents: Option<Vec<String>>,
    /// What a `payment-request` asks for.
    payment: Option<PaymentShape>,
    /// What the authority calls the case: its Aktenzeichen.
    reference: Option<String>,
}

/// What is to be paid.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Payment)]
pub(crate) struct PaymentShape {
    /// In cents.
    amount_cents: u64,
    /// What for.
    purpose: String,
    /// Where it is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// The parts of an answer with attachments.
#[derive(ToSchema)]
#[allow(dead_code)] // for the document
pub(crate) struct ReplyParts {
    /// The answer. Comes first.
    reply: ReplyWritten,
    /// Documents that go with it.
    #[schema(value_type = Vec<String>)]
    attachment: Vec<Vec<u8>>,
}

/// The answers in a case.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplyList {
    /// In order of acceptance.
    pub(crate) replies: Vec<ReplyShape>,
}

/// An answer in a case. What is read out of its data is null where a Fachverfahren said it in words of its own: then
/// `/v1/submissions/{id}/data` has it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReplyReceived)]
pub(crate) struct ReplyShape {
    /// The submission that it is; its attachments are at `/v1/submissions/{id}/attachments/{n}`.
    #[schema(value_type = String, format = Uuid)]
    id: SubmissionId,
    /// Its place in the case: what `after` takes.
    sequence: u64,
    /// What it is.
    #[schema(value_type = String)]
    kind: Kind,
    /// When the hub had it.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// Whether it belongs to a test.
    test: bool,
    /// What the citizen reads: German, plain text.
    text: Option<String>,
    /// Until when an answer is wanted; the day itself counts.
    #[schema(value_type = Option<String>, format = Date)]
    deadline: Option<Date>,
    /// The documents that are asked for.
    documents: Vec<String>,
    /// What is to be paid.
    payment: Option<PaymentShape>,
    /// What the authority calls the case.
    reference: Option<String>,
    /// The media type of its data.
    media_type: Option<String>,
    /// What goes with it.
    attachments: Vec<ReplyAttachment>,
}

/// A document that goes with an answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReplyAttachment {
    /// Its number.
    number: u32,
    /// Its file name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    media_type: String,
    /// Size in bytes.
    size: u64,
    #[schema(value_type = String)]
    sha256: Digest,
}

impl ReplyShape {
    pub(crate) fn new(view: SubmissionView, reply: Option<Reply>) -> Self {
        let submission = view.submission;
        let attachments = submission.attachments().map(|part| ReplyAttachment {
            number: part.number,
            name: part.name.clone(),
            media_type: part.media_type.clone(),
            size: part.size,
            sha256: part.sha256,
        });
        let (attachments, media_type) =
            (attachments.collect(), submission.data().map(|data| data.media_type.clone()));
        let payment = reply.as_ref().and_then(|reply| reply.payment.clone());
        Self {
            id: submission.id,
            sequence: submission.sequence,
            kind: submission.kind,
            received_at: submission.received_at,
            test: submission.test,
            deadline: reply.as_ref().and_then(|reply| reply.deadline),
            documents: reply.as_ref().map(|reply| reply.documents.clone()).unwrap_or_default(),
            payment: payment.map(|it| PaymentShape {
                amount_cents: it.amount_cents,
                purpose: it.purpose,
                url: it.url,
            }),
            reference: reply.as_ref().and_then(|reply| reply.reference.clone()),
            text: reply.map(|reply| reply.text),
            media_type,
            attachments,
        }
    }
}
