//! An inbox of files, as a hotfolder or a partner's SFTP server has one: the rules. What an adapter brings is [`Files`], the
//! few things that are done to a folder.
//!
//! One submission is one file `NAME.EXT`, and what belongs to it:
//!
//! | File | Is |
//! |---|---|
//! | `NAME.EXT` | the data |
//! | `NAME/…` | attachments, by their names, where that folder is there |
//! | `NAME.meta.json` | what the submission is, where the file's name and the configuration do not say it |
//! | `NAME.ready` | the sign that all is there, where the configuration wants one |
//!
//! 1. **Whole.** A unit is taken when its sign is there; without a sign, when neither name, size nor time of any of its files
//!    have changed for as long as the configuration says, by the hub's clock.
//! 2. **Claimed.** Its files are moved to `.rohrpost-claimed/NAME/`, the data last. So a unit whose data lie there is claimed
//!    whole, and one whose data do not is claimed on in the next round; nobody who looks at the inbox sees half of it.
//! 3. **Handed in** under a key made of its name and the SHA-256 of all that belongs to it: names may be used again (H3).
//! 4. **Put away**, in one move, once it is on disk (H1): to `done/NAME-DIGEST/`, or deleted. What the hub does not take goes
//!    to `error/NAME-DIGEST/` with `NAME.reason.txt`. Trouble of the hub's own leaves it claimed.
//!
//! Whatever the hub was killed at, the next round goes on from what lies where: what is claimed is handed in again and known.

mod claim;
mod pattern;
mod settings;
mod take;
mod unit;

pub use pattern::Pattern;
pub use settings::Settings;
pub use take::media_type;

use crate::intake::Usual;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use rohrpost_model::ports::{Clock, Desk, Round};
use rohrpost_model::{ClientName, Failure, ReasonCode, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where claimed units lie.
pub const CLAIMED: &str = ".rohrpost-claimed";
/// Where units go that are kept.
pub const DONE: &str = "done";
/// Where units go that the hub does not take.
pub const ERROR: &str = "error";

/// Content on its way in.
pub type Content = BoxStream<'static, Result<Bytes, Failure>>;

/// A folder somewhere. Paths are relative to it, with `/` between names. Every failure is
/// [`Failure::Unavailable`](rohrpost_model::Failure::Unavailable): the next round tries again.
#[async_trait]
pub trait Files: Send + Sync {
    /// What lies in a folder (`""`: the inbox itself), in no order; `None` where there is no such folder.
    async fn list(&self, folder: &str) -> Result<Option<Vec<Entry>>, Failure>;

    /// Opens a file.
    async fn open(&self, file: &str) -> Result<Content, Failure>;

    /// Moves a file or a folder in one step. False where it is not there any more.
    async fn rename(&self, from: &str, to: &str) -> Result<bool, Failure>;

    /// Makes a folder; that it is there already is as good.
    async fn make_folder(&self, folder: &str) -> Result<(), Failure>;

    /// Writes a file, in place of one of this name.
    async fn write(&self, file: &str, content: Bytes) -> Result<(), Failure>;

    /// Removes a file, or a folder with all in it; that it is not there is as good.
    async fn remove(&self, path: &str) -> Result<(), Failure>;
}

/// Something in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder. What is neither file nor folder is not listed.
    pub is_folder: bool,
    /// In bytes.
    pub size: u64,
    /// When it was changed, by the clock there: only whether it changes matters.
    pub modified: i128,
}

/// What is configured of an inbox.
pub struct Rules {
    /// The extension of data files, without its dot.
    pub extension: String,
    /// Their media type.
    pub media_type: String,
    /// What says that a unit is whole.
    pub whole: Whole,
    /// What the names of files say.
    pub pattern: Option<Pattern>,
    /// What is said of units that do not say it.
    pub usual: Usual,
    /// Whether what is kept is deleted there.
    pub delete: bool,
}

/// What says that a unit is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// It has not changed for so long.
    Stable(Duration),
    /// There is a file `NAME.ready`.
    Ready,
}

/// An inbox of files.
pub struct Inbox {
    files: Arc<dyn Files>,
    rules: Rules,
    clock: Arc<dyn Clock>,
    /// How units looked, and since when. A restart may forget it: then they are looked at for longer.
    seen: Mutex<BTreeMap<String, (Vec<Entry>, Timestamp)>>,
}

/// The most units that are taken in a round.
const MOST: usize = 10_000;

impl Inbox {
    /// An inbox of these files.
    pub fn new(files: Arc<dyn Files>, rules: Rules, clock: Arc<dyn Clock>) -> Self {
        Self { files, rules, clock, seen: Mutex::default() }
    }

    /// Takes in what is there and whole. A unit whose files make trouble does not keep the others.
    pub async fn round(
        &self,
        desk: &dyn Desk,
        client: &ClientName,
        round: &mut Round,
    ) -> Result<(), Failure> {
        let mut troubles = Vec::new();
        for name in self.claimed().await? {
            let taken = self.take(desk, client, &name, round).await;
            troubles.extend(of_one_unit(taken)?);
        }
        let whole = self.whole().await?;
        if !whole.is_empty() {
            self.files.make_folder(CLAIMED).await?;
        }
        for unit in whole.iter().take(MOST) {
            let taken = self.take_new(desk, client, unit, round).await;
            troubles.extend(of_one_unit(taken)?);
        }
        troubles.pop().map_or(Ok(()), Err)
    }

    async fn take_new(
        &self,
        desk: &dyn Desk,
        client: &ClientName,
        unit: &unit::Unit,
        round: &mut Round,
    ) -> Result<(), Failure> {
        if self.claim(unit).await? { self.take(desk, client, &unit.name, round).await } else { Ok(()) }
    }
}

/// The trouble of one unit. The hub's own ends the round, and that there is no connection any more.
fn of_one_unit(taken: Result<(), Failure>) -> Result<Option<Failure>, Failure> {
    let Err(failure) = taken else { return Ok(None) };
    match failure.reason().code {
        ReasonCode::HubTrouble | ReasonCode::Unreachable => Err(failure),
        _ => Ok(Some(failure)),
    }
}

#[cfg(test)]
mod tests;
