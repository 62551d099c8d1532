mod configuration;
mod crashes;
mod dropped;
mod faulty;
mod lying;
mod order;
mod print;
mod probes;

use crate::disk::RealDisk;
use crate::{FolderTarget, Target};
use async_trait::async_trait;
use faulty::{FaultyDisk, Op};
use rohrpost_kit::conformance::units;
use rohrpost_kit::conformance::{self, Cut, FixedClock, Mood, Peer};
use rohrpost_kit::files::{Disk, Folder, Naming, Unit};
use rohrpost_kit::template::{Place, Template};
use rohrpost_model::ports::{Piece, Preview};
use rohrpost_model::{DeliveryId, Digest};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

fn target(path: &Path, unit: Unit, disk: Arc<dyn Disk>) -> FolderTarget {
    let template =
        Template::parse("{received-at:%Y%m%dT%H%M%SZ}_{case}_{delivery-id}", Place::FileName).unwrap();
    of(path, Naming { template, document: None, unit, print: None }, disk)
}

fn of(path: &Path, naming: Naming, disk: Arc<dyn Disk>) -> FolderTarget {
    let clock = Arc::new(FixedClock::default());
    FolderTarget { folder: Folder::new(path.into(), naming, clock.clone()), clock, disk }
}

/// What a reader sees in a folder, in order.
fn visible_names(folder: &Path) -> Vec<String> {
    let files = units::visible(folder).into_iter();
    files.map(|path| path.strip_prefix(folder).unwrap().to_string_lossy().into_owned()).collect()
}

struct FolderPeer {
    _home: TempDir,
    path: PathBuf,
    unit: Unit,
    disk: Arc<FaultyDisk>,
}

impl FolderPeer {
    fn new(unit: Unit) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("eingang");
        fs::create_dir(&path).unwrap();
        Self { _home: home, path, unit, disk: Arc::new(FaultyDisk::default()) }
    }
}

#[async_trait]
impl Peer for FolderPeer {
    fn target(&self) -> Arc<dyn Target> {
        Arc::new(target(&self.path, self.unit, self.disk.clone()))
    }

    async fn behave(&self, mood: Mood) -> bool {
        let away = self.path.with_extension("away");
        if away.exists() {
            fs::rename(&away, &self.path).unwrap();
        }
        self.disk.works();
        let (root, target) = (self.path.join(".rohrpost"), self.path.clone());
        match mood {
            Mood::Well => {}
            Mood::Unavailable => fs::rename(&self.path, &away).unwrap(),
            Mood::BreaksBefore => self
                .disk
                .crashes_at(move |op| matches!(op, Op::Move(from, _) if from.parent() != Some(&root))),
            Mood::BreaksAfter => {
                let moved = std::sync::atomic::AtomicBool::new(false);
                self.disk.crashes_at(move |op| {
                    let last = |name: &Path| name.to_string_lossy().ends_with(".meta.json") || name.is_dir();
                    if let Op::Move(from, _) = op
                        && last(from)
                    {
                        moved.store(true, std::sync::atomic::Ordering::Relaxed);
                    }
                    matches!(op, Op::SyncFolder(path) if *path == target)
                        && moved.load(std::sync::atomic::Ordering::Relaxed)
                });
            }
            Mood::Refusing | Mood::Silent => return false,
        }
        true
    }

    async fn arrived(&self, key: DeliveryId) -> Vec<(Vec<Digest>, Digest)> {
        units::arrived(&self.path, key)
    }

    fn foreseen(&self, preview: &Preview, whole: &dyn Fn(&Piece) -> Vec<u8>) -> (Vec<Digest>, Digest) {
        units::foreseen(&self.path, preview, whole)
    }

    async fn takes(&self) -> usize {
        units::takes(&self.path)
    }

    async fn break_step(&self, word: &str) {
        match word {
            "there" => fs::remove_dir(&self.path).unwrap(),
            "is-folder" => {
                fs::remove_dir(&self.path).unwrap();
                fs::write(&self.path, b"").unwrap();
            }
            "write" => self.disk.refuses(|_| true, std::io::ErrorKind::PermissionDenied),
            "room" => self.disk.has_room(0),
            other => panic!("there is no step {other}"),
        }
    }

    /// A disk's operation is never done without being answered, but for the crash after it, which is one before the next.
    async fn cut(&self, request: usize, cut: Cut) -> bool {
        self.disk.crashes_before(request - 1);
        cut == Cut::TornBefore
    }

    fn requests(&self) -> usize {
        self.disk.log().len()
    }

    async fn reached(&self) {
        std::future::pending().await
    }

    fn inquires(&self) -> bool {
        true
    }

    fn secrets(&self) -> Vec<String> {
        vec![]
    }
}

#[tokio::test]
async fn flat_units_pass_the_conformance_suite() {
    conformance::run(async || FolderPeer::new(Unit::Flat)).await;
}

#[tokio::test]
async fn subfolders_pass_the_conformance_suite() {
    conformance::run(async || FolderPeer::new(Unit::Subfolder)).await;
}

fn real(path: &Path, unit: Unit) -> FolderTarget {
    target(path, unit, Arc::new(RealDisk))
}
