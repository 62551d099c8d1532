//! The plan, the moves, and what they leave behind.

use super::disk::Disk;
use super::names::{Names, Unit};
use super::sidecar::Sidecar;
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
pub(super) const WORK: &str = ".rohrpost";

/// What is moved from the work folder into the target folder, in this order. The last move publishes the unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Plan {
    version: u32,
    sent_sha256: Digest,
    reference: String,
    moves: Vec<String>,
}

impl Plan {
    /// The plan for a unit of these files, the message first.
    pub(super) fn new(sent_sha256: Digest, names: &Names, files: Vec<String>) -> Self {
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
    pub(super) fn reference(&self) -> &str {
        &self.reference
    }
}

/// A unit that is there, or was and the reader took it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Published {
    /// The name of the message's file, or of the subfolder.
    pub(super) reference: String,
}

/// What was found of a delivery.
pub(super) enum Find {
    /// It is, or was, there.
    Published(Published),
    /// It surely was never published.
    Absent,
    /// Nothing was ever delivered into this folder: perhaps it is not the folder but the place where a share should be
    /// mounted.
    OtherFolder,
}

/// How far an earlier attempt came.
pub(super) enum Begun {
    /// To the end.
    Published(Published),
    /// To a plan that is to be carried out.
    Planned,
    /// Nowhere; nothing of it is left.
    Empty,
}

/// The work on one delivery in a target folder.
#[derive(Clone)]
pub(super) struct Work {
    disk: Arc<dyn Disk>,
    target: PathBuf,
    key: DeliveryId,
}

impl Work {
    pub(super) fn new(disk: Arc<dyn Disk>, target: PathBuf, key: DeliveryId) -> Self {
        Self { disk, target, key }
    }

    pub(super) const fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    fn failed(&self, error: &io::Error) -> Failure {
        self.disk.failure(error)
    }

    fn root(&self) -> PathBuf {
        self.target.join(WORK)
    }

    /// Where the unit is prepared.
    pub(super) fn folder(&self) -> PathBuf {
        self.root().join(self.key.to_string())
    }

    fn plan_path(&self) -> PathBuf {
        self.root().join(format!("{}.json", self.key))
    }

    /// Makes the work folder, and the unit's own in it.
    pub(super) async fn make(&self, unit: &Path, subfolder: bool) -> io::Result<()> {
        self.disk.make_folder(&self.root(), true).await?;
        self.disk.sync_folder(&self.target).await?;
        self.disk.make_folder(&self.folder(), true).await?;
        if subfolder { self.disk.make_folder(unit, false).await } else { Ok(()) }
    }

    /// Syncs the folder that the files were written to, and those that it lies in.
    pub(super) async fn sync(&self, unit: &Path) -> io::Result<()> {
        self.disk.sync_folder(unit).await?;
        if unit != self.folder() {
            self.disk.sync_folder(&self.folder()).await?;
        }
        self.disk.sync_folder(&self.root()).await
    }

    /// Looks how far an earlier attempt came and clears away what cannot be used.
    pub(super) async fn begin(&self, sent_sha256: Digest) -> Result<Begun, Failure> {
        let cleared = match self.plan().await? {
            Some(plan) if self.is_published(&plan).await? => {
                if plan.sent_sha256 == sent_sha256 {
                    return Ok(Begun::Published(Published { reference: plan.reference }));
                }
                return Err(name_taken());
            }
            Some(plan) if plan.sent_sha256 == sent_sha256 => return Ok(Begun::Planned),
            // A person mended the delivery after an attempt that published nothing.
            Some(plan) => self.withdraw(&plan).await,
            None => self.clear().await,
        };
        cleared.map(|()| Begun::Empty).map_err(|error| self.failed(&error))
    }

    async fn plan(&self) -> Result<Option<Plan>, Failure> {
        match self.disk.read(&self.plan_path()).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(&error)),
            // A plan is synced before it gets its name, so one that cannot be read is not of our making.
            Ok(json) => serde_json::from_slice(&json).map(Some).map_err(|_| name_taken()),
        }
    }

    async fn is_published(&self, plan: &Plan) -> Result<bool, Failure> {
        let Some(last) = plan.moves.last() else { return Err(name_taken()) };
        self.waits(last).await.map(|waits| !waits).map_err(|error| self.failed(&error))
    }

    /// Whether a file has not been moved yet.
    async fn waits(&self, file: &str) -> io::Result<bool> {
        self.disk.exists(&self.folder().join(file)).await
    }

    /// Removes the plan first: without it nothing can look published that is not.
    async fn withdraw(&self, plan: &Plan) -> io::Result<()> {
        let mut moved = Vec::new();
        for file in &plan.moves {
            if !self.waits(file).await.unwrap_or(true) {
                moved.push(file);
            }
        }
        for file in moved {
            not_there_is_fine(self.disk.remove(&self.target.join(file)).await)?;
        }
        self.disk.sync_folder(&self.target).await?;
        self.disk.remove(&self.plan_path()).await?;
        self.disk.sync_folder(&self.root()).await?;
        self.clear().await
    }

    async fn clear(&self) -> io::Result<()> {
        not_there_is_fine(self.disk.remove_folder(&self.folder()).await)
    }

    /// Writes the plan; from then on the unit is moved into place, by this attempt or by the next.
    pub(super) async fn commit(&self, plan: &Plan) -> Result<(), Failure> {
        let json = serde_json::to_vec(plan).map_err(|_| name_taken())?;
        self.write_plan(&json).await.map_err(|error| self.failed(&error))
    }

    async fn write_plan(&self, json: &[u8]) -> io::Result<()> {
        let draft = self.folder().join(".plan");
        let mut file = self.disk.create(&draft).await?;
        file.write(json).await?;
        file.sync().await?;
        self.disk.move_to_new(&draft, &self.plan_path()).await?;
        self.disk.sync_folder(&self.root()).await
    }

    /// Carries the plan out.
    pub(super) async fn publish(&self) -> Result<Published, Failure> {
        let plan = self.plan().await?.ok_or_else(name_taken)?;
        let Some((last, before)) = plan.moves.split_last() else { return Err(name_taken()) };
        for file in before {
            self.place(file, false).await?;
        }
        if !before.is_empty() {
            self.disk.sync_folder(&self.target).await.map_err(|error| self.failed(&error))?;
        }
        self.place(last, true).await?;
        // From here on the reader may have it.
        self.disk.sync_folder(&self.target).await.map_err(|_| torn())?;
        if self.clear().await.is_err() {
            tracing::debug!("an empty work folder is left for the sweep");
        }
        Ok(Published { reference: plan.reference })
    }

    /// Moves one file, unless an earlier attempt did. The last one publishes the unit.
    async fn place(&self, file: &str, last: bool) -> Result<(), Failure> {
        let (from, to) = (self.folder().join(file), self.target.join(file));
        if !self.waits(file).await.map_err(|error| self.failed(&error))? {
            return Ok(());
        }
        match self.disk.move_to_new(&from, &to).await {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.keep_there(&from, &to).await,
            // On a network the error may be about the answer, not about the move.
            Err(error) => match self.waits(file).await {
                Err(_) if last => Err(torn()),
                Ok(false) => Err(torn()),
                _ => Err(self.failed(&error)),
            },
        }
    }

    /// The name is taken. If the same content lies there, it was an attempt whose plan somebody removed.
    async fn keep_there(&self, from: &Path, to: &Path) -> Result<(), Failure> {
        if !self.disk.same(from, to).await.map_err(|error| self.failed(&error))? {
            return Err(name_taken());
        }
        let removed = match self.disk.is_folder(from).await {
            Ok(true) => self.disk.remove_folder(from).await,
            Ok(false) => self.disk.remove(from).await,
            Err(error) => Err(error),
        };
        removed.map_err(|error| self.failed(&error))
    }

    /// The unit, if it is or was there. Without a plan (somebody removed `.rohrpost`, or it is older than 30 days) the
    /// sidecar is looked for under today's name.
    pub(super) async fn find(&self, names: Option<&Names>) -> Result<Find, Failure> {
        let failed = |error: io::Error| self.failed(&error);
        if !self.disk.exists(&self.target).await.map_err(failed)? {
            return Err(self.failed(&io::ErrorKind::NotFound.into()));
        }
        let published = match (self.plan().await?, names) {
            (Some(plan), _) => {
                self.is_published(&plan).await?.then_some(Published { reference: plan.reference })
            }
            (None, Some(names)) => self.find_sidecar(names).await.map_err(failed)?,
            (None, None) => None,
        };
        let used = self.disk.exists(&self.root()).await.map_err(failed)?;
        Ok(match published {
            Some(published) => Find::Published(published),
            None if used => Find::Absent,
            None => Find::OtherFolder,
        })
    }

    async fn find_sidecar(&self, names: &Names) -> io::Result<Option<Published>> {
        let folder = match names.unit {
            Unit::Flat => self.target.clone(),
            Unit::Subfolder => self.target.join(&names.base),
        };
        if let Some(printed) = names.printed() {
            let reference = if names.unit == Unit::Flat { printed } else { names.base.clone() };
            let there = self.disk.exists(&folder.join(names.sidecar())).await?;
            return Ok(there.then_some(Published { reference }));
        }
        let json = match self.disk.read(&folder.join(names.sidecar())).await {
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

/// The reader may have it, and may not.
fn torn() -> Failure {
    Failure::Unknown(Reason::new(ReasonCode::Torn))
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
pub struct Sweep(Arc<AtomicI64>);

impl Default for Sweep {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MIN)))
    }
}

impl Sweep {
    pub(super) async fn run(&self, work: &Work, now: Timestamp) {
        let last = self.0.load(Ordering::Relaxed);
        let due = now.as_second().saturating_sub(last) >= SWEEP_SECONDS;
        let mine = || self.0.compare_exchange(last, now.as_second(), Ordering::Relaxed, Ordering::Relaxed);
        if due && mine().is_ok() && sweep(work, now).await.is_err() {
            tracing::debug!("old work in the folder could not be cleared away");
        }
    }
}

async fn sweep(work: &Work, now: Timestamp) -> io::Result<()> {
    let is_old = |changed: std::time::SystemTime| {
        Timestamp::try_from(changed).is_ok_and(|changed| now.as_second() - changed.as_second() > KEPT_SECONDS)
    };
    let entries = match work.disk.list(&work.root()).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        listed => listed?,
    };
    let old: Vec<PathBuf> =
        entries.into_iter().filter(|(_, changed)| is_old(*changed)).map(|(path, _)| path).collect();
    // Plans before folders: a plan without its folder would look published.
    for plan in old.iter().filter(|path| path.extension().is_some()) {
        not_there_is_fine(work.disk.remove(plan).await)?;
    }
    work.disk.sync_folder(&work.root()).await?;
    for folder in old.iter().filter(|path| path.extension().is_none()) {
        not_there_is_fine(work.disk.remove_folder(folder).await)?;
    }
    Ok(())
}
