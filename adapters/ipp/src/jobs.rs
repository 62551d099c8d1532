//! What was recorded of the job of one document.

use crate::papers::Paper;
use rohrpost_model::ports::Progress;
use rohrpost_model::{Failure, Timestamp};
use std::time::Duration;

/// What stands in the place of a time or an id that counts no more.
const OVER: &str = "-";

/// Reads and records it. Each entry names the bytes that it speaks of: for others, because a person mended the delivery
/// since, nothing was done.
pub(crate) struct Ledger<'p, 'a> {
    pub(crate) progress: &'p Progress,
    pub(crate) paper: &'p Paper<'a>,
}

/// When a job was begun whose end is not recorded, or was.
#[derive(Clone, Copy)]
pub(crate) struct Begun(Timestamp);

impl Begun {
    /// How long ago; `None` where the clock was put back since.
    pub(crate) fn passed(self, now: Timestamp) -> Option<Duration> {
        Duration::try_from(now.duration_since(self.0)).ok()
    }
}

impl Ledger<'_, '_> {
    /// The job that was made.
    pub(crate) fn job(&self) -> Option<i32> {
        self.get("job").and_then(|id| id.parse().ok())
    }

    /// When one was begun. An entry that cannot be read is one of long ago.
    pub(crate) fn begun(&self) -> Option<Begun> {
        let text = self.get("begun").filter(|text| text != OVER)?;
        Some(Begun(text.parse().unwrap_or(Timestamp::UNIX_EPOCH)))
    }

    /// Whether a job ended badly and a person had it printed again since.
    pub(crate) fn gave_up(&self, id: i32) -> bool {
        self.get("given-up").is_some_and(|ids| ids.split(',').any(|one| one.parse() == Ok(id)))
    }

    /// Before Print-Job.
    pub(crate) async fn begin(&self, now: Timestamp) -> Result<(), Failure> {
        self.record("begun", &now.to_string()).await
    }

    /// After it.
    pub(crate) async fn made(&self, id: i32) -> Result<(), Failure> {
        self.record("job", &id.to_string()).await
    }

    /// Print-Job surely made no job.
    pub(crate) async fn nothing_made(&self) -> Result<(), Failure> {
        self.record("begun", OVER).await
    }

    /// The job ended badly, and another is to be made.
    pub(crate) async fn give_up(&self, id: i32) -> Result<(), Failure> {
        let before = self.get("given-up").map(|before| format!("{before},")).unwrap_or_default();
        self.record("given-up", &format!("{before}{id}")).await?;
        self.nothing_made().await?;
        self.record("job", OVER).await
    }

    fn key(&self, what: &str) -> String {
        format!("{what}-{}", self.paper.word)
    }

    fn get(&self, what: &str) -> Option<String> {
        let entry = self.progress.get(&self.key(what))?;
        let (value, bytes) = entry.split_once(' ')?;
        (bytes == self.paper.bytes_mark()).then(|| value.to_owned())
    }

    async fn record(&self, what: &str, value: &str) -> Result<(), Failure> {
        let entry = format!("{value} {}", self.paper.bytes_mark());
        self.progress.record(&self.key(what), &entry).await
    }
}
