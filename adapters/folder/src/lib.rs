//! Delivers into a folder; the model for other adapters.
//!
//! ```toml
//! adapter = "folder"
//!
//! [folder]
//! path = "/srv/fachverfahren/eingang"   # must exist; the hub does not make it
//! name = "{received-at:%Y%m%dT%H%M%SZ}_{case}_{delivery-id}"   # this is the default
//! document-name = "{delivery-id}_{document}"   # of documents that go along; default: the unit's name, `_` and theirs
//! unit = "flat"                         # or "subfolder"
//! ```
//!
//! # What the reader of the folder sees
//! One unit per delivery, of files that begin with the name made of the template:
//!
//! | File | Is |
//! |---|---|
//! | `NAME.xml` (or `.json`, … after the media type) | the message |
//! | `NAME.p7s` | its detached signature, if there is one |
//! | `NAME_DOCUMENT.json` (or `.xml`, …) | a document that goes along, under its name in the mapping |
//! | `NAME_anlageN_ORIGINAL-NAME` | attachment number N; where the mapping has a rule for names, with that one |
//! | `NAME.meta.json` | the sidecar: facts, and name, size and SHA-256 of every file |
//!
//! `flat`: the files lie beside each other and **the sidecar comes last**: when it is there, all is there, whole. A
//! reader waits for it. `subfolder`: the unit is a folder `NAME` that appears in one step. The reader may move or
//! delete a unit as soon as it is complete. It leaves `.rohrpost` alone.
//!
//! # How it is made
//! 1. All files are written to `.rohrpost/KEY/` under their final names, checked against the digests of the attempt
//!    (H8) and synced.
//! 2. The plan `.rohrpost/KEY.json` is written and synced: which of them are moved where, in which order.
//! 3. They are moved into place in that order, without overwriting anything, and the folder is synced before the last
//!    move and after it. The last move (the sidecar, or the subfolder) decides.
//! 4. The plan stays for 30 days as evidence; the empty work folder goes.
//!
//! So after a crash at any point the question whether the unit was published has a certain answer, also where the
//! reader has taken it away already: **with a plan, and without the source of the last move, it was; otherwise it was
//! not.** A repetition goes on where the crash was. One thing cannot be known: if the power fails between the last
//! move and the sync after it, the move may be undone although a reader saw it.
//!
//! Where a file system cannot rename without overwriting (some network mounts), the name is looked at first; the
//! delivery's key in it keeps others away.

mod disk;
mod names;
mod preview;
mod probe;
mod publish;
mod settings;
mod sidecar;
mod source;
mod write;

pub use source::Hotfolder;

use async_trait::async_trait;
use disk::Disk;
use names::Naming;
use publish::{Find, Published, Work};
use rohrpost_kit::{Adapter, AdapterSource, parcel};
use rohrpost_model::ports::{Clock, Inquiry, Parcel, Preview, Probe, Target};
use rohrpost_model::{DeliveryId, Failure, Fault, Outcome, Reason, ReasonCode, Receipt};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The adapter of kind `folder`.
pub struct Folder;

impl Adapter for Folder {
    fn kind(&self) -> &'static str {
        "folder"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.json")
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Target>, Vec<Fault>> {
        let (path, naming) = settings::read(source, self.kind())?;
        Ok(Arc::new(FolderTarget::new(path, naming, source.clock.clone(), Arc::new(disk::RealDisk))))
    }
}

struct FolderTarget {
    path: PathBuf,
    naming: Naming,
    clock: Arc<dyn Clock>,
    disk: Arc<dyn Disk>,
    sweep: publish::Sweep,
}

impl FolderTarget {
    fn new(path: PathBuf, naming: Naming, clock: Arc<dyn Clock>, disk: Arc<dyn Disk>) -> Self {
        Self { path, naming, clock, disk, sweep: publish::Sweep::default() }
    }

    fn work(&self, key: DeliveryId) -> Work {
        Work::new(self.disk.clone(), self.path.clone(), key)
    }

    fn done(&self, published: Published) -> Outcome {
        Outcome::Done(Receipt {
            reference: Some(published.reference),
            at: Some(self.clock.now()),
            ..Receipt::default()
        })
    }
}

#[async_trait]
impl Target for FolderTarget {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        let names = self.naming.of(parcel)?;
        parcel::check(parcel)?;
        let work = self.work(parcel.key);
        let (sweep, now) = (self.sweep.clone(), self.clock.now());
        let sent = parcel.sent_sha256;
        let begun = blocking(move || {
            sweep.run(&work, now);
            work.begin(sent).map(|begun| (begun, work))
        });
        let published = match begun.await? {
            (publish::Begun::Published(published), _) => published,
            (publish::Begun::Planned, work) => blocking(move || work.publish()).await?,
            (publish::Begun::Empty, work) => {
                let plan = write::unit(&work, &names, parcel).await?;
                blocking(move || work.commit(&plan).and_then(|()| work.publish())).await?
            }
        };
        Ok(self.done(published))
    }

    async fn inquire(&self, parcel: &Parcel<'_>, _: Option<&str>) -> Result<Inquiry, Failure> {
        let names = self.naming.of(parcel).ok();
        let work = self.work(parcel.key);
        Ok(match blocking(move || work.find(names.as_ref())).await? {
            Find::Published(published) => Inquiry::Found(self.done(published)),
            Find::Absent => Inquiry::Absent,
            Find::OtherFolder => Inquiry::NoWord,
        })
    }

    /// The same key makes the same names, and a unit that was published is not published again.
    fn deduplicates(&self) -> bool {
        true
    }

    fn takes_enclosed(&self) -> bool {
        true
    }

    async fn probe(&self, probe: &mut Probe) {
        probe::probe(&self.disk, &self.path, self.clock.now(), probe).await;
    }

    async fn preview(&self, parcel: &Parcel<'_>) -> Result<Option<Preview>, Failure> {
        let names = self.naming.of(parcel)?;
        parcel::check(parcel)?;
        preview::preview(&self.path, &names, parcel).map(Some)
    }
}

/// Runs work on the disk where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    // The task ends early only when the runtime stops; where it was then, only an inquiry can tell.
    done.unwrap_or_else(|_| Err(Failure::Unknown(Reason::new(ReasonCode::Interrupted))))
}

/// What an error of the folder means before the unit is published.
fn unavailable(error: &io::Error) -> Failure {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    tracing::warn!(kind = %error.kind(), "the folder cannot be written");
    Failure::unavailable(Reason::new(if full {
        ReasonCode::FolderFull
    } else {
        ReasonCode::FolderUnavailable
    }))
}

#[cfg(test)]
mod tests;
