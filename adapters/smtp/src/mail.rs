//! What a delivery is as a mail.

use crate::body::{self, Pieces};
use crate::connection::Envelope;
use bytes::Bytes;
use futures::{StreamExt, stream};
use lettre::Address;
use lettre::message::header::{
    ContentDisposition, ContentTransferEncoding, ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0,
};
use lettre::message::{Mailbox, MessageBuilder, SinglePart};
use rohrpost_kit::parcel::{CheckedStream, checked};
use rohrpost_kit::template::{Template, attachment_name, extension, file_name};
use rohrpost_model::ports::Parcel;
use rohrpost_model::submission::ReplyChannel;
use rohrpost_model::{Failure, Reason, ReasonCode, Submission, Timestamp};
use std::time::{Duration, SystemTime};

/// The longest name of an attachment, in bytes.
const NAME_MAX: usize = 150;

/// How deliveries are written.
pub(crate) struct Letter {
    pub(crate) from: Mailbox,
    pub(crate) to: Recipients,
    pub(crate) subject: Template,
    pub(crate) text: Template,
    /// Whether the content goes along.
    pub(crate) attach: bool,
    pub(crate) size_limit: u64,
}

/// Who gets mails.
pub(crate) enum Recipients {
    /// Always these.
    Fixed(Vec<Mailbox>),
    /// Whom the submission names for its answers.
    OfSubmission,
}

impl Recipients {
    fn of(&self, submission: &Submission) -> Result<Vec<Mailbox>, Failure> {
        match (self, &submission.reply) {
            (Self::Fixed(to), _) => Ok(to.clone()),
            (Self::OfSubmission, Some(ReplyChannel::Mail { address })) => {
                // The address was checked when it was handed in; lettre may still see it otherwise.
                let email = address.as_str().parse::<Address>().map_err(|_| no_address())?;
                Ok(vec![Mailbox::new(None, email)])
            }
            (Self::OfSubmission, _) => Err(no_address()),
        }
    }
}

fn no_address() -> Failure {
    Failure::Defect(Reason::new(ReasonCode::NoMailAddress))
}

/// A mail that is written.
pub(crate) struct Written {
    /// From whom and to whom.
    pub(crate) envelope: Envelope,
    /// Its `Message-ID`.
    pub(crate) id: String,
    pub(crate) pieces: Pieces,
}

/// A part of a mail: its head, and its content with its size.
struct Enclosure {
    head: Vec<u8>,
    size: u64,
    content: CheckedStream,
}

impl Letter {
    /// The mail of a parcel. What cannot be opened, or is too large, is found out before anything is sent.
    pub(crate) async fn write(&self, parcel: &Parcel<'_>, now: Timestamp) -> Result<Written, Failure> {
        let id = format!("<{}@{}>", parcel.key, self.from.email.domain());
        let to = self.to.of(parcel.submission)?;
        let envelope = self.envelope_to(&to);
        let (head, text) = (self.head(parcel, (&id, to), now)?, self.text.fill(parcel)?);
        let pieces = if self.attach {
            self.mixed(head, text, parcel).await?
        } else {
            let part = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text);
            let mail = finished(head, |head| head.singlepart(part))?;
            self.fits(mail.len() as u64)?;
            body::text(&mail)
        };
        Ok(Written { envelope, id, pieces })
    }

    fn envelope_to(&self, to: &[Mailbox]) -> Envelope {
        Envelope { from: self.from.email.clone(), to: to.iter().map(|to| to.email.clone()).collect() }
    }

    /// What can be tried without a submission: the sender, and recipients where they are fixed.
    pub(crate) fn envelope(&self) -> Envelope {
        match &self.to {
            Recipients::Fixed(to) => self.envelope_to(to),
            Recipients::OfSubmission => self.envelope_to(&[]),
        }
    }

    fn head(
        &self,
        parcel: &Parcel<'_>,
        (id, to): (&str, Vec<Mailbox>),
        now: Timestamp,
    ) -> Result<MessageBuilder, Failure> {
        let since = Duration::from_secs(u64::try_from(now.as_second()).unwrap_or_default());
        let head = lettre::Message::builder().from(self.from.clone()).message_id(Some(id.to_owned()));
        let head = to.into_iter().fold(head, MessageBuilder::to);
        // RFC 3834: nobody's holiday notice is to answer it.
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        let automatic = HeaderValue::new(name, "auto-generated".to_owned());
        Ok(head
            .subject(self.subject.fill(parcel)?)
            .date(SystemTime::UNIX_EPOCH + since)
            .raw_header(automatic))
    }

    async fn mixed(
        &self,
        head: MessageBuilder,
        text: String,
        parcel: &Parcel<'_>,
    ) -> Result<Pieces, Failure> {
        // A key occurs once, so no content has it in it by chance; Base64 has no dash anyway.
        let boundary = format!("rohrpost-{}", parcel.key);
        let kind = media_type(&format!("multipart/mixed; boundary=\"{boundary}\""));
        let part = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text);
        let mut start =
            finished(head.header(kind).header(MIME_VERSION_1_0), |head| head.body(String::new()))?;
        start.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        start.extend_from_slice(&part.formatted());
        let enclosures = enclosures(parcel).await?;
        let between = format!("\r\n--{boundary}\r\n");
        let end = format!("\r\n--{boundary}--\r\n");
        let framed = |one: &Enclosure| (between.len() + one.head.len()) as u64 + body::encoded_size(one.size);
        let size = (start.len() + end.len()) as u64 + enclosures.iter().map(framed).sum::<u64>();
        self.fits(size)?;
        let mut all = vec![body::text(&start)];
        for Enclosure { head, content, .. } in enclosures {
            all.push(body::text(&[between.as_bytes(), &head].concat()));
            all.push(body::encoded(content));
        }
        all.push(body::text(end.as_bytes()));
        Ok(stream::iter(all).flatten().boxed())
    }

    fn fits(&self, size: u64) -> Result<(), Failure> {
        if size <= self.size_limit {
            return Ok(());
        }
        let reason = Reason::new(ReasonCode::TooLarge).with("size", size).with("limit", self.size_limit);
        Err(Failure::Refused(reason))
    }
}

/// Message, signature, documents that go along, attachments.
async fn enclosures(parcel: &Parcel<'_>) -> Result<Vec<Enclosure>, Failure> {
    let message = format!("{}.{}", parcel.key, extension(parcel.media_type));
    let mut all = vec![in_memory(&message, parcel.media_type, parcel.message.clone())];
    if let Some(signature) = &parcel.signature {
        let name = format!("{}.p7s", parcel.key);
        all.push(in_memory(&name, "application/pkcs7-signature", signature.clone()));
    }
    for enclosed in parcel.enclosed {
        let name = format!("{}_{}.{}", parcel.key, enclosed.name, extension(&enclosed.media_type));
        all.push(in_memory(&name, &enclosed.media_type, enclosed.content.clone()));
    }
    for attached in &parcel.attachments {
        let content = checked(attached).await.map_err(|fault| fault.before_sending())?;
        let name = file_name(&attachment_name(attached), NAME_MAX);
        all.push(Enclosure { head: part_head(&name, &attached.media_type), size: attached.size, content });
    }
    Ok(all)
}

fn in_memory(name: &str, kind: &str, content: Bytes) -> Enclosure {
    let size = content.len() as u64;
    Enclosure { head: part_head(name, kind), size, content: stream::iter([Ok(content)]).boxed() }
}

fn part_head(name: &str, kind: &str) -> Vec<u8> {
    let mut head = SinglePart::builder()
        .header(media_type(kind))
        .header(ContentDisposition::attachment(name))
        .header(ContentTransferEncoding::Base64)
        .body(String::new())
        .formatted();
    // The end of the line after the content, which is not there yet.
    head.truncate(head.len() - 2);
    head
}

/// What a sender called a media type may be none.
fn media_type(text: &str) -> ContentType {
    ContentType::parse(text).unwrap_or_else(|_| octets())
}

fn octets() -> ContentType {
    ContentType::parse("application/octet-stream").unwrap_or(ContentType::TEXT_PLAIN)
}

fn finished(
    head: MessageBuilder,
    finish: impl FnOnce(MessageBuilder) -> Result<lettre::Message, lettre::error::Error>,
) -> Result<Vec<u8>, Failure> {
    let defect = |_| Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", "from"));
    finish(head).map(|message| message.formatted()).map_err(defect)
}
