//! The plan, the moves, and what they leave behind.

use crate::disk::Disk;
use crate::names::{Names, Unit};
use crate::sidecar::Sidecar;
use crate::unavailable;
use rohrpost_model::{DeliveryId, Digest, Failure, Reason, ReasonCode, Timestamp};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// How long plans are kept, and work that was never finished.
const KEPT_SECONDS: i64 = 30 * 24 * 3600;
/// How often old ones are looked for.
const SWEEP_SECONDS: i64 = 24 * 3600;
/// The folder for work and plans in the target folder.
pub(crate) const WORK: &str = ".rohrpost";

/// What is moved from the work folder into the target folder, in this order. The last move publishes the unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plan {
    version: u32,
    sent_sha256: Digest,
    reference: String,
    moves: Vec<String>,
}

impl Plan {
    /// The plan for a unit of these files, the message first.
    pub(crate) fn new(sent_sha256: Digest, names: &Names, files: Vec<String>) -> Self {
        let (reference, moves) = match names.unit {
            Unit::Subfolder => (names.base.clone(), vec![names.base.clone()]),
            Unit::Flat => {
                let message = files.first().cloned().unwrap_or_default();
                (message, files.into_iter().chain([names.sidecar()]).collect())
            }
        };
        Self { version: 1, sent_sha256, reference, moves }
    }

    /// What the unit will be called.
    pub(crate) fn reference(&self) -> &str {
        &self.reference
    }
}

/// A unit that is there, or was and the reader took it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// The name of the message's file, or of the subfolder.
    pub(crate) reference: String,
}

/// What was found of a delivery.
pub(crate) enum Find {
    /// It is, or was, there.
    Published(Published),
    /// It surely was never published.
    Absent,
    /// Nothing was ever delivered into this folder: perhaps it is not the folder but the place where a share should be
    /// mounted.
    OtherFolder,
}

/// How far an earlier attempt came.
pub(crate) enum Begun {
    /// To the end.
    Published(Published),
    /// To a plan that is to be carried out.
    Planned,
    /// Nowhere; nothing of it is left.
    Empty,
}

/// The work on one delivery in a target folder.
#[derive(Clone)]
pub(crate) struct Work {
    disk: Arc<dyn Disk>,
    target: PathBuf,
    key: DeliveryId,
}

impl Work {
    pub(crate) fn new(disk: Arc<dyn Disk>, target: PathBuf, key: DeliveryId) -> Self {
        Self { disk, target, key }
    }

    pub(crate) fn disk(&self) -> Arc<dyn Disk> {
        self.disk.clone()
    }

    fn root(&self) -> PathBuf {
        self.target.join(WORK)
    }

    /// Where the unit is prepared.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root().join(self.key.to_string())
    }

    fn plan_path(&self) -> PathBuf {
        self.root().join(format!("{}.json", self.key))
    }

    /// Makes the work folder, and the unit's own in it.
    pub(crate) fn make(&self, unit: &Path, subfolder: bool) -> io::Result<()> {
        self.disk.make_folder(&self.root(), true)?;
        self.disk.sync_folder(&self.target)?;
        self.disk.make_folder(&self.folder(), true)?;
        if subfolder { self.disk.make_folder(unit, false) } else { Ok(()) }
    }

    /// Syncs the folder that the files were written to, and those that it lies in.
    pub(crate) fn sync(&self, unit: &Path) -> io::Result<()> {
        self.disk.sync_folder(unit)?;
        if unit != self.folder() {
            self.disk.sync_folder(&self.folder())?;
        }
        self.disk.sync_folder(&self.root())
    }

    /// Looks how far an earlier attempt came and clears away what cannot be used.
    pub(crate) fn begin(&self, sent_sha256: Digest) -> Result<Begun, Failure> {
        let plan = self.plan()?;
        match plan {
            Some(plan) if self.is_published(&plan)? => {
                if plan.sent_sha256 == sent_sha256 {
                    return Ok(Begun::Published(Published { reference: plan.reference }));
                }
                Err(name_taken())
            }
            Some(plan) if plan.sent_sha256 == sent_sha256 => Ok(Begun::Planned),
            // A person mended the delivery after an attempt that published nothing.
            Some(plan) => self.withdraw(&plan).map(|()| Begun::Empty).map_err(|error| unavailable(&error)),
            None => self.clear().map(|()| Begun::Empty).map_err(|error| unavailable(&error)),
        }
    }

    fn plan(&self) -> Result<Option<Plan>, Failure> {
        match self.disk.read(&self.plan_path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unavailable(&error)),
            // A plan is synced before it gets its name, so one that cannot be read is not of our making.
            Ok(json) => serde_json::from_slice(&json).map(Some).map_err(|_| name_taken()),
        }
    }

    fn is_published(&self, plan: &Plan) -> Result<bool, Failure> {
        let Some(last) = plan.moves.last() else { return Err(name_taken()) };
        self.disk.exists(&self.folder().join(last)).map(|waits| !waits).map_err(|error| unavailable(&error))
    }

    /// Removes the plan first: without it nothing can look published that is not.
    fn withdraw(&self, plan: &Plan) -> io::Result<()> {
        let moved: Vec<&String> = plan
            .moves
            .iter()
            .filter(|file| !self.disk.exists(&self.folder().join(file)).unwrap_or(true))
            .collect();
        for file in moved {
            not_there_is_fine(self.disk.remove(&self.target.join(file)))?;
        }
        self.disk.sync_folder(&self.target)?;
        self.disk.remove(&self.plan_path())?;
        self.disk.sync_folder(&self.root())?;
        self.clear()
    }

    fn clear(&self) -> io::Result<()> {
        not_there_is_fine(self.disk.remove_folder(&self.folder()))
    }

    /// Writes the plan; from then on the unit is moved into place, by this attempt or by the next.
    pub(crate) fn commit(&self, plan: &Plan) -> Result<(), Failure> {
        let json = serde_json::to_vec(plan).map_err(|_| name_taken())?;
        self.write_plan(&json).map_err(|error| unavailable(&error))
    }

    fn write_plan(&self, json: &[u8]) -> io::Result<()> {
        let draft = self.folder().join(".plan");
        let mut file = self.disk.create(&draft)?;
        file.write(json)?;
        file.sync()?;
        self.disk.move_to_new(&draft, &self.plan_path())?;
        self.disk.sync_folder(&self.root())
    }

    /// Carries the plan out.
    pub(crate) fn publish(&self) -> Result<Published, Failure> {
        let plan = self.plan()?.ok_or_else(name_taken)?;
        let Some((last, before)) = plan.moves.split_last() else { return Err(name_taken()) };
        for file in before {
            self.place(file)?;
        }
        if !before.is_empty() {
            self.disk.sync_folder(&self.target).map_err(|error| unavailable(&error))?;
        }
        self.place(last)?;
        // From here on the reader may have it.
        let torn = |_| Failure::Unknown(Reason::new(ReasonCode::Torn));
        self.disk.sync_folder(&self.target).map_err(torn)?;
        if self.clear().is_err() {
            tracing::debug!("an empty work folder is left for the sweep");
        }
        Ok(Published { reference: plan.reference })
    }

    /// Moves one file, unless an earlier attempt did.
    fn place(&self, file: &str) -> Result<(), Failure> {
        let (from, to) = (self.folder().join(file), self.target.join(file));
        if !self.disk.exists(&from).map_err(|error| unavailable(&error))? {
            return Ok(());
        }
        match self.disk.move_to_new(&from, &to) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.keep_there(&from, &to),
            // On a network mount the error may be about the answer, not about the move.
            Err(_) if !self.disk.exists(&from).unwrap_or(true) => {
                Err(Failure::Unknown(Reason::new(ReasonCode::Torn)))
            }
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// The name is taken. If the same content lies there, it was an attempt whose plan somebody removed.
    fn keep_there(&self, from: &Path, to: &Path) -> Result<(), Failure> {
        if !self.disk.same(from, to).map_err(|error| unavailable(&error))? {
            return Err(name_taken());
        }
        let removed = if from.is_dir() { self.disk.remove_folder(from) } else { self.disk.remove(from) };
        removed.map_err(|error| unavailable(&error))
    }

    /// The unit, if it is or was there. Without a plan (somebody removed `.rohrpost`, or it is older than 30 days) the
    /// sidecar is looked for under today's name.
    pub(crate) fn find(&self, names: Option<&Names>) -> Result<Find, Failure> {
        if !self.disk.exists(&self.target).map_err(|error| unavailable(&error))? {
            return Err(unavailable(&io::ErrorKind::NotFound.into()));
        }
        let published = match (self.plan()?, names) {
            (Some(plan), _) => self.is_published(&plan)?.then_some(Published { reference: plan.reference }),
            (None, Some(names)) => self.find_sidecar(names).map_err(|error| unavailable(&error))?,
            (None, None) => None,
        };
        let used = self.disk.exists(&self.root()).map_err(|error| unavailable(&error))?;
        Ok(match published {
            Some(published) => Find::Published(published),
            None if used => Find::Absent,
            None => Find::OtherFolder,
        })
    }

    fn find_sidecar(&self, names: &Names) -> io::Result<Option<Published>> {
        let folder = match names.unit {
            Unit::Flat => self.target.clone(),
            Unit::Subfolder => self.target.join(&names.base),
        };
        let json = match self.disk.read(&folder.join(names.sidecar())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let sidecar =
            serde_json::from_slice::<Sidecar>(&json).ok().filter(|found| found.delivery_id == self.key);
        Ok(sidecar.and_then(|sidecar| {
            let message = sidecar.parts.into_iter().next()?.file;
            let reference = if names.unit == Unit::Flat { message } else { names.base.clone() };
            Some(Published { reference })
        }))
    }
}

/// Something has the name, and it is not ours to overwrite: a person must look.
fn name_taken() -> Failure {
    Failure::Refused(Reason::new(ReasonCode::NameTaken))
}

fn not_there_is_fine(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Removes old plans and unfinished work, which may hold content, once a day. That the time of the last sweep is lost
/// with the process does no harm.
#[derive(Clone)]
pub(crate) struct Sweep(Arc<AtomicI64>);

impl Default for Sweep {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MIN)))
    }
}

impl Sweep {
    pub(crate) fn run(&self, work: &Work, now: Timestamp) {
        let last = self.0.load(Ordering::Relaxed);
        let due = now.as_second().saturating_sub(last) >= SWEEP_SECONDS;
        let mine = || self.0.compare_exchange(last, now.as_second(), Ordering::Relaxed, Ordering::Relaxed);
        if due && mine().is_ok() && sweep(work, now).is_err() {
            tracing::debug!("old work in the folder could not be cleared away");
        }
    }
}

fn sweep(work: &Work, now: Timestamp) -> io::Result<()> {
    let is_old = |changed: std::time::SystemTime| {
        Timestamp::try_from(changed).is_ok_and(|changed| now.as_second() - changed.as_second() > KEPT_SECONDS)
    };
    let entries = match work.disk.list(&work.root()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        listed => listed?,
    };
    let old: Vec<PathBuf> =
        entries.into_iter().filter(|(_, changed)| is_old(*changed)).map(|(path, _)| path).collect();
    // Plans before folders: a plan without its folder would look published.
    for plan in old.iter().filter(|path| path.extension().is_some()) {
        not_there_is_fine(work.disk.remove(plan))?;
    }
    work.disk.sync_folder(&work.root())?;
    for folder in old.iter().filter(|path| path.extension().is_none()) {
        not_there_is_fine(work.disk.remove_folder(folder))?;
    }
    Ok(())
}
