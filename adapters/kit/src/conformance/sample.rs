use super::Letter;
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use rohrpost_model::digest::Hasher;
use rohrpost_model::document::{Document, Enclosed};
use rohrpost_model::ports::{
    Attached, Clock, Content, ContentStream, Parcel, Piece, Progress, ProgressKeeper, StoreFault,
};
use rohrpost_model::submission::{Part, Role};
use rohrpost_model::{DeliveryId, Digest, Receipt, StepName, Submission, SubmissionId, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Stands in every sample's message, and must not be seen in an error or a log.
pub const CONTENT_MARK: &str = "Mustermann-Inhalt";

/// A clock that stands still.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub Timestamp);

impl Default for FixedClock {
    /// 2026-11-24, 08:30 UTC.
    fn default() -> Self {
        Self(Timestamp::from_second(1_795_509_000).unwrap_or_default())
    }
}

#[async_trait]
impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        if deadline > self.0 {
            std::future::pending().await
        }
    }
}

/// A made-up delivery.
pub struct Sample {
    /// Its key; every sample has another.
    pub key: DeliveryId,
    /// What it is made of.
    pub submission: Submission,
    /// The step.
    pub step: StepName,
    /// The message.
    pub message: Bytes,
    /// Its media type.
    pub media_type: &'static str,
    /// A detached signature.
    pub signature: Option<Bytes>,
    /// Documents that go along.
    pub enclosed: Vec<Enclosed>,
    /// The attachments.
    pub attachments: Vec<Attached>,
    /// What earlier steps were answered.
    pub receipts: BTreeMap<StepName, Receipt>,
    /// What was recorded so far; it outlives attempts, as if it were on disk.
    pub progress: Progress,
    keeper: Arc<Kept>,
    marked: Option<Digest>,
}

impl Sample {
    /// A delivery of one XML message.
    #[expect(clippy::new_without_default, reason = "every sample is another one")]
    pub fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let keeper = Arc::new(Kept::default());
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut id = [7; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        Self {
            key: DeliveryId::from_bytes(id),
            submission: submission(SubmissionId::from_bytes(id)),
            step: name("fachverfahren"),
            message: format!("<a n=\"{number}\">{CONTENT_MARK}</a>").into(),
            media_type: "application/xml",
            signature: None,
            enclosed: vec![],
            attachments: vec![],
            receipts: BTreeMap::new(),
            progress: Progress::new(BTreeMap::new(), Arc::clone(&keeper) as _),
            keeper,
            marked: None,
        }
    }

    /// A delivery of one letter as PDF.
    pub fn letter() -> Self {
        let xml = Self::new();
        let text = String::from_utf8_lossy(&xml.message).into_owned();
        Self { message: Letter::saying(&text).bytes(), media_type: "application/pdf", ..xml }
    }

    /// Adds a detached signature.
    #[must_use]
    pub fn with_signature(mut self) -> Self {
        self.signature = Some(Bytes::from_static(b"\x30\x03\x02\x01\x05"));
        self
    }

    /// Adds a document that goes along.
    #[must_use]
    pub fn with_document(mut self, document: &str) -> Self {
        self.enclosed.push(Enclosed {
            name: name(document),
            media_type: "application/json".into(),
            content: format!("{{\"{document}\":\"{CONTENT_MARK}\"}}").into(),
        });
        self
    }

    /// The same as if the mapping's rule called the last attachment so.
    #[must_use]
    pub fn called(mut self, id: &str, file_name: &str) -> Self {
        if let Some(last) = self.attachments.last_mut() {
            (last.id, last.file_name) = (Some(id.to_owned()), Some(file_name.to_owned()));
        }
        self
    }

    /// Adds an attachment of generated content.
    #[must_use]
    pub fn with_attachment(self, name: Option<&str>, size: u64) -> Self {
        self.attach(name, size, digest_of_generated(size), Generated { size, fails: false })
    }

    /// Adds an attachment whose content is another one than marked.
    #[must_use]
    pub fn with_altered_attachment(self, size: u64) -> Self {
        self.attach(None, size, Digest::of(b"another one"), Generated { size, fails: false })
    }

    /// Adds an attachment that cannot be read to its end.
    #[must_use]
    pub fn with_torn_attachment(self, size: u64) -> Self {
        self.attach(None, size, digest_of_generated(size), Generated { size: size / 2, fails: true })
    }

    /// Adds an attachment of this content.
    #[must_use]
    pub fn with_file(mut self, name: &str, media_type: &str, content: Bytes) -> Self {
        self.attachments.push(Attached {
            number: u32::try_from(self.attachments.len()).unwrap_or(u32::MAX) + 1,
            name: Some(name.to_owned()),
            id: None,
            file_name: None,
            media_type: media_type.to_owned(),
            size: content.len() as u64,
            sha256: Digest::of(&content),
            content: Arc::new(Held(content)),
        });
        self
    }

    /// Alters the message after it was marked.
    #[must_use]
    pub fn with_altered_message(mut self) -> Self {
        self.marked = Some(self.sent_sha256());
        self.message = Bytes::from_static(b"<another/>");
        self
    }

    /// Alters a document that goes along after it was marked.
    #[must_use]
    pub fn with_altered_document(mut self) -> Self {
        self = self.with_document("index");
        self.marked = Some(self.sent_sha256());
        self.enclosed.iter_mut().for_each(|enclosed| enclosed.content = Bytes::from_static(b"[]"));
        self
    }

    /// The store stops at this record until [`Sample::fail_to_record`].
    #[must_use]
    pub fn that_stops_at(mut self, record: usize) -> Self {
        self.keeper = Arc::new(Kept { stops_at: record, ..Kept::default() });
        self.progress = Progress::new(BTreeMap::new(), Arc::clone(&self.keeper) as _);
        self
    }

    /// Returns when it was asked to keep what it stops at.
    pub async fn asked_to_record(&self) {
        self.keeper.asked.notified().await;
    }

    /// It cannot be kept.
    pub fn fail_to_record(&self) {
        self.keeper.fails.notify_one();
    }

    /// How often something was recorded.
    pub fn recorded(&self) -> usize {
        self.keeper.records.load(Ordering::Relaxed)
    }

    fn attach(mut self, name: Option<&str>, size: u64, sha256: Digest, content: Generated) -> Self {
        self.attachments.push(Attached {
            number: u32::try_from(self.attachments.len()).unwrap_or(u32::MAX) + 1,
            name: name.map(str::to_owned),
            id: None,
            file_name: None,
            media_type: "application/pdf".into(),
            size,
            sha256,
            content: Arc::new(content),
        });
        self
    }

    /// What is handed to the target.
    pub fn parcel(&self, attempt: u32) -> Parcel<'_> {
        Parcel {
            key: self.key,
            attempt,
            submission: &self.submission,
            step: &self.step,
            message: self.message.clone(),
            media_type: self.media_type,
            signature: self.signature.clone(),
            enclosed: &self.enclosed,
            attachments: self.attachments.clone(),
            sent_sha256: self.marked.unwrap_or_else(|| self.sent_sha256()),
            receipts: &self.receipts,
            progress: &self.progress,
        }
    }

    /// The bytes of a piece of a preview.
    pub fn bytes_of(&self, piece: &Piece) -> Vec<u8> {
        match piece {
            Piece::Message => self.message.to_vec(),
            Piece::Signature => self.signature.as_deref().unwrap_or_default().to_vec(),
            Piece::Enclosed(name) => {
                let mut enclosed = self.enclosed.iter();
                enclosed.find(|one| one.name == *name).map_or_else(Vec::new, |one| one.content.to_vec())
            }
            Piece::Attachment(number) => {
                let size = self.attachments.iter().find(|attached| attached.number == *number);
                pieces(size.map_or(0, |attached| attached.size)).flatten().collect()
            }
            Piece::Bytes(bytes) => bytes.to_vec(),
        }
    }

    fn sent_sha256(&self) -> Digest {
        let document = Document {
            message: self.message.to_vec(),
            media_type: self.media_type.into(),
            signature: self.signature.as_deref().map(<[u8]>::to_vec),
            enclosed: self.enclosed.clone(),
            content_sha256: Digest::of(&self.message),
        };
        let parts: Vec<Part> = self.attachments.iter().map(part).collect();
        document.manifest(parts.iter())
    }

    /// The digests of all parts, sorted.
    pub fn digests(&self) -> Vec<Digest> {
        let mut all = self.digests_without_attachments();
        all.extend(self.attachments.iter().map(|attached| attached.sha256));
        all.sort();
        all
    }

    /// The same for a target that takes no attachments.
    pub fn digests_without_attachments(&self) -> Vec<Digest> {
        let signature = self.signature.iter().map(|bytes| Digest::of(bytes));
        let enclosed = self.enclosed.iter().map(|enclosed| Digest::of(&enclosed.content));
        let mut all: Vec<Digest> =
            [Digest::of(&self.message)].into_iter().chain(signature).chain(enclosed).collect();
        all.sort();
        all
    }
}

/// A disk on which all is kept, but for what it stops at.
#[derive(Default)]
struct Kept {
    records: AtomicUsize,
    stops_at: usize,
    asked: Notify,
    fails: Notify,
}

#[async_trait]
impl ProgressKeeper for Kept {
    async fn keep(&self, _: &str, _: &str) -> Result<(), StoreFault> {
        if self.records.fetch_add(1, Ordering::Relaxed) + 1 == self.stops_at {
            self.asked.notify_one();
            self.fails.notified().await;
            return Err(StoreFault::Unavailable("made up".into()));
        }
        Ok(())
    }
}

fn part(attached: &Attached) -> Part {
    Part {
        number: attached.number,
        role: Role::Attachment,
        name: attached.name.clone(),
        media_type: attached.media_type.clone(),
        size: attached.size,
        sha256: attached.sha256,
        location: None,
    }
}

#[expect(clippy::expect_used, reason = "a made-up name that is right")]
pub(super) fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a name")
}

pub(super) fn submission(id: SubmissionId) -> Submission {
    Submission {
        id,
        tenant: name("lk-beispiel"),
        client: name("portal"),
        kind: name("application"),
        service: name("99012070006001"),
        area: name("15091"),
        case: name("2026:BR-4711"),
        sequence: 1,
        received_at: FixedClock::default().0,
        trust_level: None,
        reply: None,
        test: true,
        traceparent: None,
        not_before: None,
        properties: Default::default(),
        parts: vec![],
    }
}

const PIECE: usize = 64 * 1024;

/// Content in memory.
struct Held(Bytes);

#[async_trait]
impl Content for Held {
    async fn open(&self) -> Result<ContentStream, StoreFault> {
        let content = self.0.clone();
        Ok(stream::once(async { Ok(content) }).boxed())
    }
}

/// Content that is made while it is read.
struct Generated {
    size: u64,
    fails: bool,
}

#[async_trait]
impl Content for Generated {
    async fn open(&self) -> Result<ContentStream, StoreFault> {
        let fault = self.fails.then(|| Err(StoreFault::Damaged("a chunk".into())));
        Ok(stream::iter(pieces(self.size).map(Ok).chain(fault)).boxed())
    }
}

fn pieces(size: u64) -> impl Iterator<Item = Bytes> + Send {
    let piece = PIECE as u64;
    (0..size.div_ceil(piece)).map(move |number| {
        let length = usize::try_from((size - number * piece).min(piece)).unwrap_or(PIECE);
        let mut bytes = vec![b'x'; length];
        let label = number.to_string();
        let labelled = label.len().min(length);
        bytes[..labelled].copy_from_slice(&label.as_bytes()[..labelled]);
        bytes.into()
    })
}

/// The digest of a sample's attachment of this size.
pub fn digest_of_generated(size: u64) -> Digest {
    let mut hasher = Hasher::default();
    pieces(size).for_each(|piece| hasher.update(&piece));
    hasher.finish()
}

/// The most memory that the process ever had, in bytes; 0 where the system does not tell.
pub(super) fn resident_peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|number| number.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}
