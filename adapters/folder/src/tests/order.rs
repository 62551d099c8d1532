//! The order in which things come to the disk, so that a power failure finds nothing half done.

use super::faulty::{FaultyDisk, Op};
use super::target;
use rohrpost_kit::conformance::Sample;
use rohrpost_kit::files::Unit;
use rohrpost_model::ports::Target;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The log of a delivery, and where the target folder was.
async fn log(unit: Unit) -> (Vec<Op>, PathBuf) {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let sample = Sample::new().with_signature().with_attachment(Some("a.pdf"), 100_000);
    target(folder.path(), unit, Arc::new(disk.clone())).deliver(&sample.parcel(1)).await.unwrap();
    (disk.log(), folder.path().to_path_buf())
}

fn position(log: &[Op], what: &str, wanted: impl Fn(&Op) -> bool) -> usize {
    log.iter().position(wanted).unwrap_or_else(|| panic!("{what} is not in {log:#?}"))
}

/// The moves into the target folder.
fn moves(log: &[Op], folder: &Path) -> Vec<usize> {
    let into = |op: &Op| matches!(op, Op::Move(_, to) if to.parent() == Some(folder));
    log.iter().enumerate().filter(|(_, op)| into(op)).map(|(at, _)| at).collect()
}

#[tokio::test]
async fn h1_every_file_is_synced_after_its_last_write_and_before_the_plan() {
    for unit in [Unit::Flat, Unit::Subfolder] {
        let (log, _) = log(unit).await;
        let plan = position(
            &log,
            "the plan",
            |op| matches!(op, Op::Move(_, to) if to.extension().is_some_and(|e| e == "json")),
        );
        let files: Vec<&PathBuf> =
            log.iter().filter_map(|op| if let Op::Create(path) = op { Some(path) } else { None }).collect();
        assert_eq!(files.len(), 5, "message, signature, attachment, sidecar, plan");
        for file in files {
            let written = log.iter().rposition(|op| *op == Op::Write(file.clone())).unwrap();
            let synced = position(&log, "sync of a file", |op| *op == Op::SyncFile(file.clone()));
            assert!(written < synced && synced < plan, "{unit:?}: {}", file.display());
            let entry = Op::SyncFolder(file.parent().unwrap().to_path_buf());
            let draft = file.ends_with(".plan");
            let listed = log[..plan].iter().rposition(|op| *op == entry);
            assert!(draft || listed.is_some_and(|listed| listed > synced), "{unit:?}: {}", file.display());
        }
    }
}

#[tokio::test]
async fn h1_the_plan_is_durable_before_the_first_move_and_all_else_before_the_last() {
    for unit in [Unit::Flat, Unit::Subfolder] {
        let (log, folder) = log(unit).await;
        let moves = moves(&log, &folder);
        let root = folder.join(".rohrpost");
        let plan =
            position(&log, "the plan", |op| matches!(op, Op::Move(_, to) if to.parent() == Some(&root)));
        assert!(log[plan..moves[0]].contains(&Op::SyncFolder(root)), "{unit:?}");
        let sync = Op::SyncFolder(folder.clone());
        let last = *moves.last().unwrap();
        if let Some(before) = moves.iter().rev().nth(1) {
            assert!(log[*before..last].contains(&sync), "{unit:?}: the parts before the sidecar");
        }
        assert!(log[last..].contains(&sync), "{unit:?}: the last move before the answer");
    }
}

#[tokio::test]
async fn the_sidecar_comes_last() {
    let (log, folder) = log(Unit::Flat).await;
    let moves = moves(&log, &folder);
    assert_eq!(moves.len(), 4);
    let Op::Move(_, last) = &log[*moves.last().unwrap()] else { unreachable!() };
    assert!(last.to_string_lossy().ends_with(".meta.json"), "{}", last.display());
}
