mod configuration;
mod crashes;
mod dropped;
mod faulty;
mod order;
mod probes;
mod units;

use crate::disk::{Disk, RealDisk};
use crate::names::{Naming, Unit};
use crate::sidecar::Sidecar;
use crate::{FolderTarget, Target};
use async_trait::async_trait;
use faulty::{FaultyDisk, Op};
use rohrpost_kit::conformance::{self, FixedClock, Mood, Peer};
use rohrpost_kit::template::{Place, Template};
use rohrpost_model::digest::Hasher;
use rohrpost_model::ports::{Piece, Preview, Sends};
use rohrpost_model::{DeliveryId, Digest};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

fn target(path: &Path, unit: Unit, disk: Arc<dyn Disk>) -> FolderTarget {
    let template =
        Template::parse("{received-at:%Y%m%dT%H%M%SZ}_{case}_{delivery-id}", Place::FileName).unwrap();
    FolderTarget::new(
        path.into(),
        Naming { template, document: None, unit },
        Arc::new(FixedClock::default()),
        disk,
    )
}

/// All files that a reader sees, without `.rohrpost`.
fn visible(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true if path.ends_with(".rohrpost") => {}
            true => files.extend(visible(&path)),
            false => files.push(path),
        }
    }
    files.sort();
    files
}

/// The sidecars that a reader sees, each checked: all that it names is there, whole.
fn whole_units(folder: &Path) -> Vec<Sidecar> {
    let is_sidecar = |path: &PathBuf| path.to_string_lossy().ends_with(".meta.json");
    let sidecars = visible(folder).into_iter().filter(is_sidecar);
    sidecars
        .map(|path| {
            let sidecar: Sidecar = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            for part in &sidecar.parts {
                let read = read(&path.with_file_name(&part.file));
                assert_eq!(read, (part.size, part.sha256), "{}", part.file);
            }
            sidecar
        })
        .collect()
}

/// Size and digest, without holding the whole in memory: the suite measures that.
fn read(path: &Path) -> (u64, Digest) {
    let (mut file, mut hasher, mut size) = (fs::File::open(path).unwrap(), Hasher::default(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return (size, hasher.finish()),
            length => {
                hasher.update(&buffer[..length]);
                size += length as u64;
            }
        }
    }
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
        if !self.path.exists() {
            return vec![];
        }
        let units = whole_units(&self.path).into_iter().filter(|sidecar| sidecar.delivery_id == key);
        units
            .map(|sidecar| {
                let mut digests: Vec<Digest> = sidecar.parts.iter().map(|part| part.sha256).collect();
                digests.sort();
                (digests, Digest::of(&serde_json::to_vec(&sidecar).unwrap()))
            })
            .collect()
    }

    fn foreseen(&self, preview: &Preview, whole: &dyn Fn(&Piece) -> Vec<u8>) -> (Vec<Digest>, Digest) {
        let Sends::Files { folder, files } = &preview.sends else { panic!("{preview:?}") };
        let paths: Vec<_> = files.iter().map(|(name, _)| Path::new(folder).join(name)).collect();
        let mut seen = paths.clone();
        seen.sort();
        assert_eq!(visible(&self.path), seen);
        let (sidecar, parts) = files.split_last().unwrap();
        for (path, (_, piece)) in paths.iter().zip(files) {
            assert_eq!(fs::read(path).unwrap(), whole(piece), "{}", path.display());
        }
        let mut digests: Vec<_> = parts.iter().map(|(_, piece)| Digest::of(&whole(piece))).collect();
        digests.sort();
        let sidecar: Sidecar = serde_json::from_slice(&whole(&sidecar.1)).unwrap();
        (digests, Digest::of(&serde_json::to_vec(&sidecar).unwrap()))
    }

    async fn takes(&self) -> usize {
        if !self.path.is_dir() {
            return 0;
        }
        let units = whole_units(&self.path);
        let named: usize = units.iter().map(|unit| unit.parts.len() + 1).sum();
        units.len() + visible(&self.path).len() - named
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
