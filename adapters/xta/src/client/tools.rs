//! Single operations by hand, for operators and for trying a partner. They use what a destination's or a source's file
//! says, and nothing of the hub: what is fetched by them is nowhere kept, and what is closed by them is gone.

use super::source::XtaSource;
use super::target::XtaTarget;
use super::verdict::Trouble;
use crate::{
    Body, BoxError, Container, ContentOutline, ContentSink, DeliveryAttributes, FaultCode, Iteration,
    ListForm, MessageMetaData, MsgBoxState, MsgPart, MsgSelector, MsgStatusList, Operation, OutgoingContent,
    ProcessReference, Qualifier, StatusListRequest, TransportReport, Unread, ids,
};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use rohrpost_kit::AdapterSource;
use rohrpost_model::{Fault, SubmissionId};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum ToolFault {
    /// The file of the destination or source is wrong.
    #[error("the configuration has faults")]
    Configuration(Vec<Fault>),
    /// A file of this machine.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// The partner, or the way to it: a German sentence for whoever asked.
    #[error("{0}")]
    Partner(String),
}

impl From<Vec<Fault>> for ToolFault {
    fn from(faults: Vec<Fault>) -> Self {
        Self::Configuration(faults)
    }
}

impl From<Trouble> for ToolFault {
    /// Who asks by hand may read what the partner says, word by word.
    fn from(trouble: Trouble) -> Self {
        Self::Partner(match trouble {
            Trouble::Fault(fault) => {
                let number = fault.detail.as_ref().map_or("SOAP", |detail| detail.number.as_str());
                format!("Der Partner antwortet mit dem Fehler {number}: {}", fault.reason)
            }
            Trouble::Unread(Unread::Sink(error), _) => error.to_string(),
            Trouble::Unread(unread, status) => {
                format!("Die Antwort des Partners (Status {status}) lässt sich nicht lesen: {unread}")
            }
            Trouble::Http(failure) => failure.reason().german(),
            Trouble::Defect(field) => format!("In der Tabelle [xta] fehlt `{field}`, oder es stimmt nicht."),
        })
    }
}

/// A message that is sent by hand.
#[derive(Debug)]
pub struct Letter<'a> {
    /// The message.
    pub message: &'a Path,
    /// The attachments.
    pub attachments: &'a [PathBuf],
    /// Its id; a fresh one if not said.
    pub id: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// The sender's process.
    pub case: Option<String>,
    /// It is meant, and no test.
    pub live: bool,
}

/// Sends a message to the reader of a destination, and returns its id.
pub async fn send(source: &AdapterSource<'_>, letter: Letter<'_>) -> Result<String, ToolFault> {
    let target = XtaTarget::configure(source)?;
    let now = target.partner.clock.now();
    let id = letter.id.unwrap_or_else(|| target.id_of(&SubmissionId::new(now).to_string()));
    let (message, mut size) = content(letter.message)?;
    let mut attachments = Vec::new();
    for path in letter.attachments {
        let (content, length) = content(path)?;
        size += length;
        attachments.push(content);
    }
    let process = |value| ProcessReference { value, name: None };
    let metadata = MessageMetaData {
        test: !letter.live,
        delivery: DeliveryAttributes { origin: Some(now.into()), ..DeliveryAttributes::default() },
        author: target.partner.author.clone(),
        reader: target.reader.clone(),
        message_id: id.clone(),
        requester: letter.case.map(process),
        qualifier: Qualifier { subject: letter.subject, ..target.qualifier.clone() },
        size: Some(size).filter(|size| *size > 0),
        ..MessageMetaData::default()
    };
    target.partner.send(metadata, Container::Plain { message, attachments }).await?;
    Ok(id)
}

/// The transport report on a message, asked of a destination.
pub async fn report(source: &AdapterSource<'_>, id: &str) -> Result<TransportReport, ToolFault> {
    let target = XtaTarget::configure(source)?;
    match target.partner.ask(Operation::GetTransportReport, &Body::MessageId(id.to_owned())).await? {
        Body::Report(report) => Ok(*report),
        _ => Err(ToolFault::Partner("Die Antwort des Partners ist kein Transportbericht.".into())),
    }
}

/// What waits in a mailbox, at most `most`, and how much more.
pub async fn list(
    source: &AdapterSource<'_>,
    most: u64,
    new: bool,
) -> Result<(Vec<MessageMetaData>, u64), ToolFault> {
    let mailbox = XtaSource::configure(source)?;
    let selector = new.then(|| MsgSelector { new_entry: Some(true), ..MsgSelector::default() });
    let (max_items, form) = (Some(most), Some(ListForm::MessageMetaData));
    let asked = Body::StatusListRequest(StatusListRequest { max_items, form, selector });
    let opened = mailbox.partner.open(Operation::GetStatusList, &asked).await?;
    let (head, received) = opened.read(&mut crate::NoContent).await?;
    let pending = match head.msg_box.map(|it| it.state) {
        Some(MsgBoxState::Pending(count)) => count,
        _ => 0,
    };
    let Body::StatusList(MsgStatusList { attributes, mut metadata }) = received.body else {
        return Err(ToolFault::Partner("Die Antwort des Partners ist keine Liste.".into()));
    };
    // Some servers tell in brief whatever was asked for.
    metadata.extend(attributes.into_iter().map(|brief| MessageMetaData {
        message_id: brief.message_id,
        size: u64::try_from(brief.size).ok(),
        ..MessageMetaData::default()
    }));
    Ok((metadata, pending))
}

/// Fetches a message; its contents go into the sink. It stays in the mailbox.
pub async fn get(
    source: &AdapterSource<'_>,
    id: &str,
    sink: &mut dyn ContentSink,
) -> Result<MessageMetaData, ToolFault> {
    let mailbox = XtaSource::configure(source)?;
    let asked = Body::Fetch { part: MsgPart::Envelope, selector: Some(MsgSelector::of_message(id)) };
    let opened = mailbox.partner.open(Operation::GetMessage, &asked).await?;
    let (head, _) = opened.read(sink).await?;
    head.metadata.ok_or_else(|| ToolFault::Partner("Die Antwort des Partners ist keine Nachricht.".into()))
}

/// Closes messages: they are gone from the mailbox. Which of them were not there is returned.
pub async fn close(source: &AdapterSource<'_>, ids: &[String]) -> Result<Vec<String>, ToolFault> {
    let mailbox = XtaSource::configure(source)?;
    let mut unknown = Vec::new();
    for id in ids {
        let done = Body::Close(Iteration { request_id: "1".to_owned(), received: vec![id.clone()] });
        match mailbox.partner.ask(Operation::Close, &done).await {
            Ok(_) => {}
            Err(trouble) if trouble.code() == Some(FaultCode::MessageIdUnknown) => unknown.push(id.clone()),
            Err(trouble) => return Err(trouble.into()),
        }
    }
    Ok(unknown)
}

/// Whether it is a message id, by the pattern of the standard.
pub fn check_id(id: &str) -> Result<String, String> {
    ids::check(id).map(|()| id.to_owned()).map_err(|bad| bad.to_string())
}

/// A file as content, read while it is sent.
fn content(path: &Path) -> Result<(OutgoingContent<'static>, u64), ToolFault> {
    let wrong = |error| ToolFault::File(path.to_owned(), error);
    let file = File::open(path).map_err(wrong)?;
    let size = file.metadata().map_err(wrong)?.len();
    let outline = ContentOutline {
        file_name: path.file_name().map(|name| name.to_string_lossy().into_owned()),
        size: Some(size).filter(|size| *size > 0),
        ..ContentOutline::of_type(media_type(path))
    };
    Ok((OutgoingContent { outline, bytes: pieces(file) }, size))
}

fn pieces(file: File) -> BoxStream<'static, Result<Bytes, BoxError>> {
    stream::try_unfold(file, |mut file| async move {
        let mut piece = vec![0; 64 << 10];
        let read = file.read(&mut piece)?;
        piece.truncate(read);
        Ok((read > 0).then(|| (Bytes::from(piece), file)))
    })
    .boxed()
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("xml") => "application/xml",
        Some("json") => "application/json",
        Some("pdf") => "application/pdf",
        Some("zip") => "application/zip",
        _ => "application/octet-stream",
    }
}
