//! A probe tries what publishing does, and leaves nothing.

use super::faulty::{FaultyDisk, Op};
use super::target;
use rohrpost_kit::conformance::Sample;
use rohrpost_kit::files::Unit;
use rohrpost_model::ReasonCode;
use rohrpost_model::ports::{Finding, Inquiry, Probe, Target};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

async fn probed(folder: &Path, disk: &FaultyDisk) -> Probe {
    let mut probe = Probe::default();
    target(folder, Unit::Flat, Arc::new(disk.clone())).probe(&mut probe).await;
    probe
}

/// The finding of the step `word`.
fn finding(probe: &Probe, word: &str) -> Finding {
    probe.steps().iter().find(|step| step.word == word).unwrap().finding.clone()
}

/// Every path that was changed.
fn touched(disk: &FaultyDisk) -> Vec<String> {
    let paths = disk.log().into_iter().flat_map(|op| match op {
        Op::MakeFolder(path) | Op::Create(path) | Op::Write(path) | Op::SyncFile(path) | Op::Remove(path) => {
            vec![path]
        }
        Op::Move(from, to) => vec![from, to],
        Op::SyncFolder(_) => vec![],
    });
    paths.map(|path| path.to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn h5_what_a_probe_writes_has_a_name_of_its_own_from_the_first_moment_to_the_last() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let own = folder.path().join(".rohrpost-probe-").to_string_lossy().into_owned();
    assert!(probed(folder.path(), &disk).await.is_well());
    assert!(touched(&disk).iter().all(|path| path.starts_with(&own)), "{:?}", touched(&disk));
    assert!(disk.log().iter().any(|op| matches!(op, Op::Move(..))));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left, and no .rohrpost is made");
    let sample = Sample::new();
    let target = target(folder.path(), Unit::Flat, Arc::new(disk.clone()));
    let asked = target.inquire(&sample.parcel(1), None).await;
    assert_eq!(asked, Ok(Inquiry::NoWord), "it is still a folder that nothing was delivered into");
}

#[tokio::test]
async fn where_deliveries_work_in_their_own_folder_a_probe_works_there_too() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let work = folder.path().join(".rohrpost");
    fs::create_dir(&work).unwrap();
    assert!(probed(folder.path(), &disk).await.is_well());
    let moved = disk.log().into_iter().find_map(|op| match op {
        Op::Move(from, to) => Some((from, to)),
        _ => None,
    });
    let (from, to) = moved.unwrap();
    assert_eq!((from.parent(), to.parent()), (Some(work.as_path()), Some(folder.path())));
    assert_eq!(fs::read_dir(&work).unwrap().count(), 0);
}

#[tokio::test]
async fn whatever_fails_is_told_and_cleared_away() {
    let disk = FaultyDisk::default();
    let count = {
        let folder = tempfile::tempdir().unwrap();
        probed(folder.path(), &disk).await;
        disk.log().len()
    };
    assert!(count >= 8, "{count}");
    for number in 0..count {
        let folder = tempfile::tempdir().unwrap();
        disk.fails_at(number, ErrorKind::StorageFull);
        let probe = probed(folder.path(), &disk).await;
        let Finding::Fails { reason, advice } = finding(&probe, "write") else {
            panic!("{number}: {probe:?}")
        };
        assert_eq!(reason.code, ReasonCode::FolderFull, "{number}");
        assert!(advice.german.contains("kein Platz"), "{number}: {advice:?}");
        let left = fs::read_dir(folder.path()).unwrap().count();
        let last_is_the_removal = number == count - 1;
        assert_eq!(left, usize::from(last_is_the_removal), "{number}");
    }
}

#[tokio::test]
async fn little_room_is_a_warning_and_none_a_failure() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    for (bytes, word, told) in [
        (0, "failed", "kein Platz frei"),
        (5_000_000, "warning", "Nur 5 MB sind frei"),
        (2_000_000_000, "ok", "2 GB frei"),
    ] {
        disk.has_room(bytes);
        let probe = probed(folder.path(), &disk).await;
        let found = finding(&probe, "room");
        assert_eq!(found.word(), word, "{bytes}");
        assert!(found.words().german.contains(told), "{bytes}: {found:?}");
        assert_eq!(probe.is_well(), bytes > 0, "{bytes}");
    }
}

#[tokio::test]
async fn each_trouble_has_its_advice() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    for (kind, told) in [
        (ErrorKind::PermissionDenied, "Besitzer, Gruppe und Rechte"),
        (ErrorKind::ReadOnlyFilesystem, "nur lesbar eingebunden"),
        (ErrorKind::StaleNetworkFileHandle, "Einbindung, Netz"),
    ] {
        disk.refuses(|_| true, kind);
        let found = finding(&probed(folder.path(), &disk).await, "write");
        assert!(found.words().german.contains(told), "{kind:?}: {found:?}");
    }
}
