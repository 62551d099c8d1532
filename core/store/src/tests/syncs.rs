//! That what is acknowledged was synced before, seen from outside: the system calls of this very test program.

use super::{Folder, vault::TestVault};
use crate::conformance::sample::*;
use crate::conformance::{Stand, blobs::noise};
use crate::{SqliteStore, StoreOptions};
use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const TRACED: &str = "tests::syncs::traced_accepts_and_marks";

/// Also runs by itself; [`h1_nothing_is_acknowledged_before_it_is_synced`] looks at its system calls.
#[tokio::test]
async fn traced_accepts_and_marks() {
    let folder = Folder::new();
    let ports = folder.open().await;
    say("opened");
    ports.accept(&Draft { attachments: vec![noise(400_000)], ..Draft::default() }).await;
    say("acknowledged");
    let mut claim = ports.claim_only(0).await;
    ports.mark(&mut claim, 1).await.unwrap();
    say("marked");
}

/// A word among the system calls.
fn say(word: &str) {
    let mut out = std::io::stderr();
    out.write_all(format!("SAID {word}\n").as_bytes()).unwrap();
}

/// The lines that name one of `calls` and `what`, in order.
fn position(trace: &[&str], from: usize, calls: &[&str], what: &str) -> usize {
    let is_call = |line: &str| calls.iter().any(|call| line.contains(&format!("{call}(")));
    let found = trace.iter().skip(from).position(|line| is_call(line) && line.contains(what));
    found.map_or_else(|| panic!("no {calls:?} of {what} after line {from}"), |found| found + from)
}

#[test]
fn h1_nothing_is_acknowledged_before_it_is_synced() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut strace = Command::new("strace");
    strace.args([
        "-f",
        "-y",
        "-s",
        "64",
        "-e",
        "trace=fsync,fdatasync,rename,renameat,renameat2,write",
        "-o",
    ]);
    strace.arg(log.path()).arg(std::env::current_exe().unwrap()).args(["--exact", TRACED, "--nocapture"]);
    match strace.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("the traced program failed: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => return println!("SKIPPED: strace cannot be run here ({error})"),
    }
    let text = std::fs::read_to_string(log.path()).unwrap();
    let trace: Vec<&str> = text.lines().collect();
    let said = |word: &str| position(&trace, 0, &["write"], &format!("SAID {word}"));
    let (opened, acknowledged, marked) = (said("opened"), said("acknowledged"), said("marked"));
    let sync = ["fsync", "fdatasync"];

    let database = position(&trace, 0, &sync, "/data>");
    assert!(database < opened, "the names of a new store");
    let file = position(&trace, opened, &sync, "/data/tmp/");
    let renamed = position(&trace, file, &["rename", "renameat", "renameat2"], "/data/blobs/");
    let folder = position(&trace, renamed, &sync, "/data/blobs/");
    let new_segment = position(&trace, folder, &sync, "/data/segments>");
    let segment = position(&trace, new_segment, &["fdatasync"], "/data/segments/00000001.seg");
    let commit = position(&trace, segment, &sync, "rohrpost.sqlite-wal");
    assert!(commit < acknowledged, "all before the acknowledgement");
    let document = position(&trace, acknowledged, &["fdatasync"], "/data/segments/00000001.seg");
    let mark = position(&trace, document, &sync, "rohrpost.sqlite-wal");
    assert!(mark < marked, "all before the first byte may leave");
}

/// With a pause that would be noticed: only works that came together bring it about.
#[tokio::test]
async fn who_writes_alone_is_not_kept_waiting() {
    let folder = Folder::new();
    let options = StoreOptions { pause: Duration::from_secs(60), ..StoreOptions::default() };
    let store = SqliteStore::open(&folder.path(), Arc::new(TestVault), options).unwrap();
    let ports = super::ports(&store);
    for _ in 0..3 {
        let draft = Draft::default();
        let alone = tokio::time::timeout(Duration::from_secs(20), ports.accept(&draft));
        alone.await.expect("no pause before a commit of its own");
    }
}
