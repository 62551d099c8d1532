//! Takes the parts of a multipart body (RFC 7578) into an intake, piece by piece.
//!
//! The parser reads ahead for as long as bytes are there, so a fast sender could make it hold any amount. [`Sips`]
//! stands before it: it hands over small pieces, one per poll and only when the parser has used what it has, and ends a
//! body whose unread part grows beyond what boundaries and headers of parts may need. So one request holds less than
//! 128 KiB beside its data part, however fast it comes.

use crate::fields::MediaType;
use crate::file_name;
use crate::metadata::{self, Metadata};
use crate::problem::{Kind, Problem};
use crate::refusal;
use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures::Stream;
use multer::{Field, Multipart};
use rohrpost_engine::accept::{Intake, Intent};
use rohrpost_model::submission::Role;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::{Context, Poll};

/// The most bytes handed to the parser at one time.
const SIP: usize = 16 * 1024;

/// The most bytes that the parser may hold unread: a boundary and the headers of one part, and what came with them.
const UNREAD: i64 = 64 * 1024;

/// The largest envelope: boundaries and headers beside the contents, per part. For the early word on `Content-Length`.
pub(crate) const ENVELOPE: u64 = 8 * 1024;

/// How many bytes the parser holds: what it was given, less what it gave out again.
#[derive(Default)]
struct Ledger {
    held: AtomicI64,
    /// Whether it gave something out since it was last held back.
    progressed: AtomicBool,
}

impl Ledger {
    fn took(&self, bytes: usize) -> bool {
        self.held.fetch_add(signed(bytes), Ordering::Relaxed).saturating_add(signed(bytes)) <= UNREAD
    }

    fn gave_out(&self, bytes: usize) {
        self.held.fetch_sub(signed(bytes), Ordering::Relaxed);
        self.progressed.store(true, Ordering::Relaxed);
    }

    /// A part has begun: boundary and headers are read. Their length is known but for optional blanks.
    fn part_begins(&self, headers: &HeaderMap, boundary: usize) {
        const LINE: usize = ": \r\n".len();
        const BOUNDARY: usize = "\r\n--\r\n\r\n".len();
        let lines: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + LINE).sum();
        self.gave_out(lines + boundary + BOUNDARY);
        self.held.fetch_max(0, Ordering::Relaxed);
    }

    /// Whether the parser should first use what it has. Never twice without progress: it may need more to go on.
    fn holds_back(&self) -> bool {
        self.held.load(Ordering::Relaxed) >= signed(SIP) && self.progressed.swap(false, Ordering::Relaxed)
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[derive(Debug, thiserror::Error)]
#[error("the headers of a part, or what stands between parts, are too long")]
struct HeadersTooLong;

/// Hands a body over in sips.
struct Sips {
    body: BodyDataStream,
    rest: Bytes,
    rests: bool,
    ledger: Arc<Ledger>,
}

impl Stream for Sips {
    type Item = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // After each sip one poll without: only that ends the parser's loop.
        if std::mem::take(&mut self.rests) || self.ledger.holds_back() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_next(context) {
                Poll::Ready(Some(Ok(bytes))) => self.rest = bytes,
                Poll::Ready(Some(Err(fault))) => return Poll::Ready(Some(Err(fault.into()))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
        let length = self.rest.len().min(SIP);
        let sip = self.rest.split_to(length);
        if !self.ledger.took(length) {
            return Poll::Ready(Some(Err(HeadersTooLong.into())));
        }
        self.rests = true;
        Poll::Ready(Some(Ok(sip)))
    }
}

/// Reads a multipart body into an intake that `admit` gives: `metadata` first, then exactly one `data` and any `attachment`s.
pub(crate) async fn take_in(
    headers: &HeaderMap,
    body: Body,
    admit: impl FnOnce(Intent) -> Result<Intake, Problem>,
) -> Result<Intake, Problem> {
    let boundary = boundary(headers)?;
    let (length, ledger) = (boundary.len(), Arc::new(Ledger::default()));
    let mut parts = open(boundary, body, Arc::clone(&ledger));
    let metadata = metadata_part(parts.next_field().await.map_err(broken)?, &ledger).await?;
    let mut intake = admit(metadata.intent(headers)?)?;
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        ledger.part_begins(part.headers(), length);
        refuse_encoded(part.headers())?;
        match part.name() {
            Some("data") => take_data(&mut intake, part, &ledger).await?,
            Some("attachment") => take_attachment(&mut intake, part, &ledger).await?,
            Some("metadata") => return Err(metadata_first("it stands there once")),
            other => return Err(unknown_part(other.unwrap_or_default())),
        }
    }
    Ok(intake)
}

/// Reads an answer: `reply` first, from which `admit` makes an intake, then any `attachment`s.
pub(crate) async fn take_reply(
    headers: &HeaderMap,
    body: Body,
    admit: impl AsyncFnOnce(Bytes) -> Result<Intake, Problem>,
) -> Result<Intake, Problem> {
    let boundary = boundary(headers)?;
    let (length, ledger) = (boundary.len(), Arc::new(Ledger::default()));
    let mut parts = open(boundary, body, Arc::clone(&ledger));
    let first = parts.next_field().await.map_err(broken)?;
    let Some(first) = first.filter(|part| part.name() == Some("reply")) else {
        return Err(malformed("the part `reply` (JSON) comes first, before `attachment`"));
    };
    let mut intake = admit(small_part(first, &ledger).await?.into()).await?;
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        ledger.part_begins(part.headers(), length);
        refuse_encoded(part.headers())?;
        match part.name() {
            Some("attachment") => take_attachment(&mut intake, part, &ledger).await?,
            other => return Err(unknown_part_of_reply(other.unwrap_or_default())),
        }
    }
    Ok(intake)
}

/// A small JSON body.
pub(crate) async fn small_json(body: Body) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, metadata::LONGEST).await.map_err(|_| too_long("reply"))
}

fn unknown_part_of_reply(name: &str) -> Problem {
    Problem::new(
        Kind::UnknownPart,
        format!("There is no part `{name}`; the parts are reply and attachment."),
        format!("Einen Teil `{name}` gibt es nicht; die Teile heißen reply und attachment."),
    )
}

fn boundary(headers: &HeaderMap) -> Result<String, Problem> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(content_type).map_err(broken)?;
    if (1..=70).contains(&boundary.len()) {
        return Ok(boundary);
    }
    Err(malformed("its boundary has not 1 to 70 characters (RFC 2046, section 5.1.1)"))
}

fn open(boundary: String, body: Body, ledger: Arc<Ledger>) -> Multipart<'static> {
    Multipart::new(Sips { body: body.into_data_stream(), rest: Bytes::new(), rests: false, ledger }, boundary)
}

async fn metadata_part(first: Option<Field<'_>>, ledger: &Ledger) -> Result<Metadata, Problem> {
    let Some(part) = first.filter(|part| part.name() == Some("metadata")) else {
        return Err(metadata_first("the first part has another name, or there is none"));
    };
    Metadata::parse(&small_part(part, ledger).await?)
}

/// A part that is read whole: `metadata` or `reply`.
async fn small_part(mut part: Field<'_>, ledger: &Ledger) -> Result<Vec<u8>, Problem> {
    let name = part.name().unwrap_or_default().to_owned();
    let mut json = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(broken)? {
        ledger.gave_out(piece.len());
        json.extend_from_slice(&piece);
        if json.len() > metadata::LONGEST {
            return Err(too_long(&name));
        }
    }
    Ok(json)
}

async fn take_data(intake: &mut Intake, part: Field<'_>, ledger: &Ledger) -> Result<(), Problem> {
    let media_type = data_type(part.headers())?;
    take(intake, Role::Data, None, media_type, part, ledger).await
}

async fn take_attachment(intake: &mut Intake, part: Field<'_>, ledger: &Ledger) -> Result<(), Problem> {
    let name = file_name::accepted(given_name(&part)?)?;
    let media_type = match part.headers().get(header::CONTENT_TYPE) {
        None => "application/octet-stream".to_owned(),
        Some(_) => {
            MediaType::of(part.headers()).map(|media_type| media_type.essence).ok_or_else(no_media_type)?
        }
    };
    take(intake, Role::Attachment, name, media_type, part, ledger).await
}

async fn take(
    intake: &mut Intake,
    role: Role,
    name: Option<String>,
    media_type: String,
    mut part: Field<'_>,
    ledger: &Ledger,
) -> Result<(), Problem> {
    let mut incoming = intake.begin(role, name, media_type)?;
    while let Some(piece) = part.chunk().await.map_err(broken)? {
        ledger.gave_out(piece.len());
        incoming.write(piece).await?;
    }
    Ok(intake.end(incoming).await?)
}

/// The file name of a part. One that is there but cannot be read must not get lost in silence.
fn given_name<'a>(part: &'a Field<'_>) -> Result<Option<&'a str>, Problem> {
    let disposition =
        part.headers().get(header::CONTENT_DISPOSITION).map(|value| value.as_bytes()).unwrap_or_default();
    let mentioned = disposition.to_ascii_lowercase().windows(8).any(|window| window == b"filename");
    match part.file_name() {
        None if mentioned => {
            Err(file_name::bad("it is not written as `filename=\"…\"` in UTF-8 (RFC 7578, section 4.2)"))
        }
        name => Ok(name),
    }
}

/// The media type of data. XML says its encoding itself and JSON is UTF-8, so a `charset` may only confirm that.
pub(crate) fn data_type(headers: &HeaderMap) -> Result<String, Problem> {
    let media_type = MediaType::of(headers).ok_or_else(|| refusal::media_type(""))?;
    match media_type.charset.as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(media_type.essence),
        Some(other) => Err(refusal::media_type(&format!("{}; charset={other}", media_type.essence))),
    }
}

/// Parts are taken as they are (RFC 7578, section 4.7). One that says it is encoded would be kept as what it is not.
fn refuse_encoded(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(encoding) = headers.get("content-transfer-encoding") else { return Ok(()) };
    let encoding = String::from_utf8_lossy(encoding.as_bytes());
    match encoding.trim().to_ascii_lowercase().as_str() {
        "7bit" | "8bit" | "binary" => Ok(()),
        _ => Err(malformed(&format!(
            "the Content-Transfer-Encoding {encoding} is not read; a part is sent as it is (RFC 7578, section 4.7)"
        ))),
    }
}

fn metadata_first(why: &str) -> Problem {
    malformed(&format!("the part `metadata` (JSON) comes first, before `data` and `attachment`: {why}"))
}

fn no_media_type() -> Problem {
    malformed("the Content-Type of an attachment is no media type (RFC 6838)")
}

fn unknown_part(name: &str) -> Problem {
    Problem::new(
        Kind::UnknownPart,
        format!("There is no part `{name}`; the parts are metadata, data and attachment."),
        format!("Einen Teil `{name}` gibt es nicht; die Teile heißen metadata, data und attachment."),
    )
}

fn too_long(name: &str) -> Problem {
    Problem::new(
        Kind::TooLarge,
        format!("The part `{name}` may have at most {} bytes.", metadata::LONGEST),
        format!("Der Teil `{name}` darf höchstens {} Bytes haben.", metadata::LONGEST),
    )
    .with("limit", metadata::LONGEST)
}

fn malformed(why: &str) -> Problem {
    Problem::new(
        Kind::MalformedMultipart,
        format!("The multipart body cannot be read: {why}."),
        format!("Der Multipart-Inhalt ist nicht lesbar: {why}."),
    )
}

/// The parser's faults. Its own texts may quote headers; they go to the sender only.
fn broken(fault: multer::Error) -> Problem {
    match fault {
        multer::Error::IncompleteStream | multer::Error::IncompleteFieldData { .. } => {
            malformed("it ends before its closing boundary")
        }
        multer::Error::NoBoundary => malformed("its Content-Type has no boundary"),
        multer::Error::StreamReadFailed(cause) if cause.is::<HeadersTooLong>() => {
            malformed(&cause.to_string())
        }
        multer::Error::StreamReadFailed(_) => malformed("the connection broke off"),
        other => malformed(&other.to_string()),
    }
}
