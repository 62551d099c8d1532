//! The classes of syncs, and what becomes of a hub that leaves one out.

use super::check::{Expected, replica};
use super::disk::Disk;
use super::fate::{Fate, Mood};
use super::load::{Plan, Recording};
use crate::durability::crash::seed;
use crate::durability::slowly;
use crate::support::sink::Sink;
use std::fs;
use tokio::task::block_in_place;

/// What a sync is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A content segment.
    Segment,
    /// The names of segments.
    SegmentFolder,
    /// A large content in a file of its own.
    BlobFile,
    /// The names of such files.
    BlobFolder,
    /// The names of the folders of such files.
    BlobFolders,
    /// SQLite's write-ahead log.
    Wal,
    /// The database, at a checkpoint.
    Database,
    /// SQLite's rollback journal of the very first start, when nothing can have been acknowledged yet.
    Journal,
    /// The names in the data directory.
    DataFolder,
    /// A key of an epoch.
    EpochKey,
    /// The names of the keys of a tenant.
    EpochKeyFolder,
    /// The value by which a wrong hub key is noticed.
    KeyCheck,
    /// The list of epochs.
    KeyList,
    /// The names in the key folder.
    KeyFolder,
    /// The names of both folders.
    Above,
}

use Class::*;

impl Class {
    /// What a sync of this path is for.
    pub fn of(path: &str) -> Self {
        let parts: Vec<_> = path.split('/').collect();
        match parts[..] {
            ["."] => Above,
            ["data"] => DataFolder,
            ["data", "segments"] => SegmentFolder,
            ["data", "segments", _] => Segment,
            ["data", "blobs"] => BlobFolders,
            ["data", "blobs", _] => BlobFolder,
            ["data", "tmp", _] | ["data", "blobs", _, _] => BlobFile,
            ["data", "rohrpost.sqlite"] => Database,
            ["data", "rohrpost.sqlite-wal"] => Wal,
            ["data", "rohrpost.sqlite-journal"] => Journal,
            ["keys"] => KeyFolder,
            ["keys", "HUB-KEY.tmp"] => KeyCheck,
            ["keys", "EPOCHS.tmp"] => KeyList,
            ["keys", _] => EpochKeyFolder,
            ["keys", _, _] => EpochKey,
            _ => panic!("a sync of {path}: of which class is it?"),
        }
    }
}

/// Whatever hub leaves one of these out loses what it acknowledged.
const NEEDED: [Class; 13] = [
    Segment,
    SegmentFolder,
    BlobFile,
    BlobFolder,
    BlobFolders,
    Wal,
    Database,
    DataFolder,
    EpochKey,
    EpochKeyFolder,
    KeyCheck,
    KeyFolder,
    Above,
];

/// So many cuts are made until one shows a loss.
const TRIES: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn h1_a_hub_that_leaves_out_one_kind_of_sync_is_found_out() {
    let seed = seed();
    let recording = Recording::of(&Plan { senders: 8, lives: &[50, 50] }, seed).await;
    let dms = Sink::answering(|number, _| slowly(number, 500)).await;
    let mut missed = Vec::new();
    for class in NEEDED {
        match first_loss(&recording, class, &dms).await {
            Some(loss) => eprintln!("without {class:?}: {}", loss.lines().next().unwrap_or_default()),
            None => missed.push(class),
        }
    }
    assert!(missed.is_empty(), "nothing is lost without the syncs of {missed:?}");
    assert!(names_all_epochs(&recording, None) && !names_all_epochs(&recording, Some(KeyList)));
}

/// Whether the list of epochs names each key after a cut at the end. The list loses nothing by itself: a key that is
/// there is noted again when it is used. But a key that gets lost is noticed by it only.
fn names_all_epochs(recording: &Recording, without: Option<Class>) -> bool {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut disk = Disk::new();
    disk.advance(&recording.log, recording.log.len(), |path| Some(Class::of(path)) != without);
    disk.cut(&mut Fate::new(0, Mood::Strict), folder.path());
    let list = fs::read_to_string(folder.path().join("keys/EPOCHS.made")).expect("the list");
    let keys = fs::read_dir(folder.path().join("keys/lk-beispiel")).expect("the keys").flatten();
    let keys: Vec<_> = keys.filter_map(|key| Some(key.path().file_stem()?.to_str()?.to_owned())).collect();
    assert!(keys.len() > 1, "no second epoch began");
    keys.iter().all(|week| list.lines().any(|line| line.ends_with(week.as_str())))
}

/// What a cut right after an answer takes away if syncs of the class never happen.
async fn first_loss(recording: &Recording, without: Class, dms: &Sink) -> Option<String> {
    for position in after_answers(recording) {
        let mut disk = Disk::new();
        disk.advance(&recording.log, position, |path| Class::of(path) != without);
        let setup = replica(recording, dms);
        block_in_place(|| disk.cut(&mut Fate::new(0, Mood::Strict), &setup.path("")));
        let looked = Expected::at(recording, position).look(&setup, 0).await;
        if let Err(loss) = looked {
            return Some(loss);
        }
    }
    None
}

/// Places right after answers, from the last one back to the first.
fn after_answers(recording: &Recording) -> Vec<usize> {
    let all: Vec<_> =
        (0..recording.log.len()).filter(|at| recording.log[*at].acknowledges().is_some()).collect();
    (0..TRIES).map(|part| all[(all.len() - 1) * (TRIES - 1 - part) / (TRIES - 1)] + 1).collect()
}
