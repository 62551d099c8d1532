//! Deliveries as files in a folder, for every adapter that has a file system at its other end.
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
//! For a print service there are PDFs only, and in the place of the sidecar a control file in the service's own form:
//! [`Print`].
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
//! not.** A repetition goes on where the crash was.

mod disk;
mod names;
mod preview;
mod print;
mod probe;
mod publish;
mod settings;
mod sidecar;
mod write;

pub use disk::{Disk, OpenFile};
pub use names::{Naming, Unit};
pub use print::{Print, PrintSettings};
pub use probe::{Advice, plan as plan_probe, try_steps as probe};
pub use sidecar::{Part, Role, Sidecar};

use crate::parcel;
use disk::run;
use publish::{Begun, Find, Published, Sweep, Work};
use rohrpost_model::ports::{Clock, Inquiry, Parcel, Preview};
use rohrpost_model::{Failure, Outcome, Receipt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder that units are delivered into, on a disk that is named with each call.
pub struct Folder {
    path: PathBuf,
    naming: Naming,
    clock: Arc<dyn Clock>,
    sweep: Sweep,
}

impl Folder {
    /// The folder at `path`.
    pub fn new(path: PathBuf, naming: Naming, clock: Arc<dyn Clock>) -> Self {
        Self { path, naming, clock, sweep: Sweep::default() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether units are for a print service: PDFs and a control file, and nothing else has a place.
    pub const fn prints(&self) -> bool {
        self.naming.print.is_some()
    }

    /// Fails if this parcel must not be sent. Nothing is touched.
    pub fn check(&self, parcel: &Parcel<'_>) -> Result<(), Failure> {
        self.naming.of(parcel)?;
        parcel::check(parcel)
    }

    /// Publishes the unit of a parcel, unless an earlier attempt did.
    pub async fn deliver(&self, disk: &Arc<dyn Disk>, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        let names = self.naming.of(parcel)?;
        parcel::check(parcel)?;
        let printed = match &self.naming.print {
            Some(print) => Some((print, print.look_at(&names, parcel).await?)),
            None => None,
        };
        let work = self.work(disk, parcel);
        let (sweep, now) = (self.sweep.clone(), self.clock.now());
        let (sent, own) = (parcel.sent_sha256, work.clone());
        let begun = run(disk, async move {
            sweep.run(&own, now).await;
            own.begin(sent).await
        });
        let published = match begun.await? {
            Begun::Published(published) => published,
            Begun::Planned => run(disk, async move { work.publish().await }).await?,
            Begun::Empty => {
                let plan = write::unit(&work, &names, parcel, printed.as_ref()).await?;
                let publish = async move {
                    work.commit(&plan).await?;
                    work.publish().await
                };
                run(disk, publish).await?
            }
        };
        Ok(self.done(published))
    }

    /// Whether the unit of a parcel is, or was, there.
    pub async fn inquire(&self, disk: &Arc<dyn Disk>, parcel: &Parcel<'_>) -> Result<Inquiry, Failure> {
        let (names, work) = (self.naming.of(parcel).ok(), self.work(disk, parcel));
        Ok(match run(disk, async move { work.find(names.as_ref()).await }).await? {
            Find::Published(published) => Inquiry::Found(self.done(published)),
            Find::Absent => Inquiry::Absent,
            Find::OtherFolder => Inquiry::NoWord,
        })
    }

    /// The unit as a reader of the folder would find it.
    pub fn preview(&self, parcel: &Parcel<'_>) -> Result<Preview, Failure> {
        let names = self.naming.of(parcel)?;
        parcel::check(parcel)?;
        preview::preview(&self.path, &names, parcel)
    }

    fn work(&self, disk: &Arc<dyn Disk>, parcel: &Parcel<'_>) -> Work {
        Work::new(Arc::clone(disk), self.path.clone(), parcel.key)
    }

    fn done(&self, published: Published) -> Outcome {
        Outcome::Done(Receipt {
            reference: Some(published.reference),
            at: Some(self.clock.now()),
            ..Receipt::default()
        })
    }
}
