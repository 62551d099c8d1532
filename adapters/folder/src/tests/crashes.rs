//! A crash, or an error, at every single step.

use super::faulty::{FaultyDisk, Op};
use super::{real, target};
use rohrpost_kit::conformance::Sample;
use rohrpost_kit::conformance::units::{visible, whole_units};
use rohrpost_kit::files::Unit;
use rohrpost_model::ports::{Inquiry, Target};
use rohrpost_model::{Failure, ReasonCode};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

fn sample() -> Sample {
    Sample::new().with_signature().with_attachment(Some("Lageplan.pdf"), 150_000).with_attachment(None, 10)
}

/// How many operations a delivery takes.
async fn operations(unit: Unit) -> usize {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    target(folder.path(), unit, Arc::new(disk.clone())).deliver(&sample().parcel(1)).await.unwrap();
    disk.log().len()
}

/// What a reader does: takes away what is complete.
fn take_away(folder: &Path, unit: Unit) -> bool {
    if whole_units(folder).is_empty() {
        return false;
    }
    visible(folder).iter().for_each(|path| fs::remove_file(path).unwrap());
    if unit == Unit::Subfolder {
        let inside = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        inside.filter(|path| !path.ends_with(".rohrpost")).for_each(|path| fs::remove_dir(path).unwrap());
    }
    true
}

#[tokio::test]
async fn h5_after_a_crash_at_any_step_the_inquiry_is_right_and_a_repetition_completes_it() {
    for unit in [Unit::Flat, Unit::Subfolder] {
        for step in 0..operations(unit).await {
            for reader_comes in [false, true] {
                crash_at(unit, step, reader_comes).await;
            }
        }
    }
}

async fn crash_at(unit: Unit, step: usize, reader_comes: bool) {
    let (folder, disk, sample) = (tempfile::tempdir().unwrap(), FaultyDisk::default(), sample());
    // An earlier delivery has made the work folder.
    real(folder.path(), unit).deliver(&Sample::new().parcel(1)).await.unwrap();
    take_away(folder.path(), unit);
    disk.crashes_before(step);
    let crashed = target(folder.path(), unit, Arc::new(disk)).deliver(&sample.parcel(1)).await;
    let context = format!("{unit:?}, step {step}, {crashed:?}");

    let published = whole_units(folder.path()).len() == 1;
    assert_eq!(reader_comes && published, reader_comes && take_away(folder.path(), unit), "{context}");
    if matches!(crashed, Err(Failure::Unavailable { .. })) {
        assert!(!published, "h5: surely not taken, and it is there: {context}");
    }
    let target = real(folder.path(), unit);
    let inquiry = target.inquire(&sample.parcel(1), None).await.unwrap();
    assert_eq!(matches!(inquiry, Inquiry::Found(_)), published, "{context}: {inquiry:?}");
    assert_eq!(inquiry == Inquiry::Absent, !published, "{context}: {inquiry:?}");

    target.deliver(&sample.parcel(2)).await.unwrap();
    let units = whole_units(folder.path());
    assert_eq!(units.len(), usize::from(!(published && reader_comes)), "once and no more: {context}");
    let files = if units.is_empty() { 0 } else { 5 };
    assert_eq!(visible(folder.path()).len(), files, "nothing else is left: {context}");
}

#[tokio::test]
async fn h5_an_error_at_any_step_is_told_as_what_it_is() {
    for (kind, code) in [
        (ErrorKind::StorageFull, ReasonCode::FolderFull),
        (ErrorKind::PermissionDenied, ReasonCode::FolderUnavailable),
    ] {
        for unit in [Unit::Flat, Unit::Subfolder] {
            for step in 0..operations(unit).await {
                let (folder, disk, sample) = (tempfile::tempdir().unwrap(), FaultyDisk::default(), sample());
                disk.fails_at(step, kind);
                let result = target(folder.path(), unit, Arc::new(disk)).deliver(&sample.parcel(1)).await;
                let published = whole_units(folder.path()).len();
                let context = format!("{unit:?}, step {step}, {result:?}");
                match result {
                    Ok(_) => assert_eq!(published, 1, "{context}"),
                    Err(Failure::Unavailable { reason, .. }) => {
                        assert_eq!((reason.code, published), (code, 0), "{context}")
                    }
                    Err(Failure::Unknown(_)) => {
                        assert_eq!(published, 1, "only when it may be there: {context}")
                    }
                    Err(other) => panic!("{context}: {other:?}"),
                }
                real(folder.path(), unit).deliver(&sample.parcel(2)).await.unwrap();
                assert_eq!(
                    (whole_units(folder.path()).len(), visible(folder.path()).len()),
                    (1, 5),
                    "{context}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_delivery_that_was_mended_after_a_crash_replaces_what_was_half_published() {
    for step in 0..operations(Unit::Flat).await {
        let (folder, disk, mut sample) = (tempfile::tempdir().unwrap(), FaultyDisk::default(), sample());
        disk.crashes_before(step);
        let _ = target(folder.path(), Unit::Flat, Arc::new(disk)).deliver(&sample.parcel(1)).await;
        let published = !whole_units(folder.path()).is_empty();
        sample.message = b"<mended/>".as_slice().into();
        let mended = real(folder.path(), Unit::Flat).deliver(&sample.parcel(2)).await;
        if published {
            assert!(matches!(mended, Err(Failure::Refused(_))), "step {step}: {mended:?}");
        } else {
            assert!(mended.is_ok(), "step {step}: {mended:?}");
            assert_eq!(whole_units(folder.path())[0].parts[0].size, 9);
        }
        assert_eq!(visible(folder.path()).len(), 5, "step {step}");
    }
}

/// Before the last move of a flat unit: all parts are there, the sidecar is not.
async fn half_published(folder: &Path, sample: &Sample) {
    let disk = FaultyDisk::default();
    let root = folder.join(".rohrpost");
    disk.crashes_at(move |op| {
        matches!(op, Op::Move(from, _) if from.parent() != Some(&root) && from.to_string_lossy().ends_with(".meta.json"))
    });
    let crashed = target(folder, Unit::Flat, Arc::new(disk)).deliver(&sample.parcel(1)).await;
    assert!(crashed.is_err() && visible(folder).len() == 4, "{crashed:?}");
}

#[tokio::test]
async fn h5_a_crash_while_the_half_published_is_withdrawn_never_looks_like_a_delivery() {
    for step in 0.. {
        let (folder, disk, mut sample) = (tempfile::tempdir().unwrap(), FaultyDisk::default(), sample());
        half_published(folder.path(), &sample).await;
        sample.message = b"<mended/>".as_slice().into();
        disk.crashes_before(step);
        let crashed = target(folder.path(), Unit::Flat, Arc::new(disk)).deliver(&sample.parcel(2)).await;
        let published = whole_units(folder.path()).len() == 1;
        let target = real(folder.path(), Unit::Flat);
        let inquiry = target.inquire(&sample.parcel(2), None).await.unwrap();
        assert_eq!(matches!(inquiry, Inquiry::Found(_)), published, "step {step}: {inquiry:?}");
        target.deliver(&sample.parcel(3)).await.unwrap();
        let units = whole_units(folder.path());
        assert_eq!(
            (units.len(), units[0].parts[0].size, visible(folder.path()).len()),
            (1, 9, 5),
            "step {step}"
        );
        if crashed.is_ok() {
            assert!(step > 15, "the steps were gone through");
            return;
        }
    }
}
