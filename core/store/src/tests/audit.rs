//! The chain looked at from outside, and everything that somebody could do to it.

use super::{Folder, open, ports};
use crate::SqliteStore;
use crate::audit::{AuditFault, AuditReader, AuditRow, Broken, Fit, How, Walk, Walked};
use crate::conformance::Ports;
use crate::conformance::sample::*;
use rohrpost_model::ports::{Audit, Head, Order, Scope};
use rohrpost_model::transition::Event;
use rohrpost_model::{DeliveryId, Digest};
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Two deliveries: one taken, one that a person asked for again and then gave up.
async fn lived(folder: &Folder) -> (Ports, Arc<SqliteStore>) {
    let store = open(&folder.path());
    let ports = ports(&store);
    ports.accept(&Draft::default()).await;
    ports.send(0, Event::Taken).await;
    ports.accept(&Draft::case("fall-2")).await;
    ports.send(0, Event::NotTaken).await;
    let id = ports.deliveries().await.pop().unwrap().id;
    for order in [Order::Retry, Order::Discard(rohrpost_model::ports::Dependents::Discard)] {
        ports.outbox.command(&Scope::Hub, command(id, order)).await.unwrap();
    }
    (ports, store)
}

/// A directory with that life whose store was closed, its head, and its head three rows before.
async fn closed() -> (Folder, Head, Head) {
    let folder = Folder::new();
    let (ports, store) = lived(&folder).await;
    let head = store.head().await.unwrap();
    let seq = head.seq - 3;
    let earlier = Head { seq, hash: store.hash_at(seq).await.unwrap().unwrap() };
    drop((ports, store));
    (folder, head, earlier)
}

fn walk(folder: &Folder, heads: &[Head]) -> Result<Walked, AuditFault> {
    AuditReader::open(&folder.path()).unwrap().walk(heads, |_| Ok(()))
}

fn rows(folder: &Folder) -> Vec<AuditRow> {
    let mut rows = Vec::new();
    let walked = AuditReader::open(&folder.path()).unwrap().walk(&[], |row| {
        rows.push(row.clone());
        Ok(())
    });
    walked.unwrap();
    rows
}

/// What is broken first.
fn broken(walked: Result<Walked, AuditFault>) -> Option<(u64, How)> {
    match walked {
        Err(AuditFault::Broken(Broken { seq, how })) => Some((seq, how)),
        Err(fault) => panic!("{fault}"),
        Ok(_) => None,
    }
}

fn copy(from: &Folder) -> Folder {
    let to = Folder::new();
    fs::create_dir_all(to.path()).unwrap();
    fs::copy(from.path().join("rohrpost.sqlite"), to.path().join("rohrpost.sqlite")).unwrap();
    to
}

/// A copy to which somebody did this.
fn tampered(folder: &Folder, sql: &str) -> Folder {
    let tampered = copy(folder);
    let connection = Connection::open(tampered.path().join("rohrpost.sqlite")).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    connection.execute_batch(sql).unwrap();
    assert!(connection.total_changes() > 0, "{sql} did nothing");
    tampered
}

#[tokio::test]
async fn h6_an_untouched_chain_holds_and_its_heads_fit() {
    let (folder, head, earlier) = closed().await;
    let walked = walk(&folder, &[earlier, head]).unwrap();
    assert_eq!((walked.end, walked.fits.as_slice()), (head, &[Fit::Fits, Fit::Fits][..]));
    let rows = rows(&folder);
    assert_eq!(rows.len() as u64, head.seq);
    assert_eq!(rows.iter().filter(|row| row.why_sha256.is_some()).count(), 2);
    let (first, last) = walked.times.unwrap();
    assert_eq!((first, last), (at(0), at(500)));
    let store = open(&folder.path());
    assert_eq!(store.verify_chain().await.unwrap(), head.seq, "as the store sees it itself");
}

#[tokio::test]
async fn h6_an_empty_chain_holds_too() {
    let folder = Folder::new();
    let store = open(&folder.path());
    let head = store.head().await.unwrap();
    assert_eq!((head.seq, head.hash), (0, Digest::from_bytes([0; 32])));
    let walked = walk(&folder, &[head]).unwrap();
    assert_eq!((walked.end, walked.fits_all(), walked.times), (head, true, None));
    assert_eq!(store.hash_at(1).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_store_that_writes_one_state_is_seen_and_nobody_waits() {
    let folder = Folder::new();
    let (ports, store) = lived(&folder).await;
    let before = store.head().await.unwrap();
    let (path, hub) = (folder.path(), tokio::runtime::Handle::current());
    let walking = tokio::task::spawn_blocking(move || {
        let mut written = false;
        AuditReader::open(&path).unwrap().walk(&[before], |_| {
            if !written {
                written = true;
                hub.block_on(ports.accept(&Draft::case("fall-3")));
            }
            Ok(())
        })
    });
    let walked = walking.await.unwrap().unwrap();
    assert_eq!((walked.end, walked.fits_all()), (before, true), "what came meanwhile is not in this state");
    assert_eq!(store.head().await.unwrap().seq, before.seq + 1);
    assert_eq!(walk(&folder, &[before]).unwrap().end, store.head().await.unwrap());
}

#[tokio::test]
async fn looking_changes_nothing_and_takes_no_lock() {
    let (folder, head, _) = closed().await;
    let files = |folder: &Path| fs::read(folder.join("rohrpost.sqlite")).unwrap();
    let before = files(&folder.path());
    let reader = AuditReader::open(&folder.path()).unwrap();
    assert!(reader.walk(&[head], |_| Ok(())).unwrap().fits_all());
    let store = open(&folder.path());
    drop(reader);
    drop(store);
    assert_eq!(files(&folder.path()), before);
    // Where the other files of SQLite cannot be made: a medium that cannot be written, or somebody else's folder.
    let strange = copy(&folder);
    fs::create_dir(strange.path().join("rohrpost.sqlite-shm")).unwrap();
    assert!(walk(&strange, &[head]).unwrap().fits_all());
}

#[test]
fn what_is_no_data_directory_is_told() {
    let folder = Folder::new();
    let fault = |folder: &Folder| AuditReader::open(&folder.path()).err().unwrap().to_string();
    assert!(fault(&folder).contains("liegt keine Datenbank von Rohrpost"), "{}", fault(&folder));
    fs::create_dir_all(folder.path()).unwrap();
    let database = folder.path().join("rohrpost.sqlite");
    Connection::open(&database).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
    assert!(fault(&folder).contains("ist keine Datenbank von Rohrpost"), "{}", fault(&folder));
    fs::write(&database, "something else altogether").unwrap();
    assert!(AuditReader::open(&folder.path()).is_err());
    let newer = Folder::new();
    drop(open(&newer.path()));
    let connection = Connection::open(newer.path().join("rohrpost.sqlite")).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    drop(connection);
    assert!(fault(&newer).contains("neueren Rohrpost"), "{}", fault(&newer));
}

#[tokio::test]
async fn h6_every_column_of_a_row_is_covered() {
    let (folder, ..) = closed().await;
    let column = |set: &str, seq: u64| format!("UPDATE history SET {set} WHERE seq = {seq}");
    for (set, seq, how) in [
        ("at = at + 1", 5, How::Changed),
        ("event = 'taken'", 1, How::Changed),
        ("event = NULL", 2, How::Changed),
        ("state = 'parked'", 2, How::Changed),
        ("cause = 'command'", 2, How::Changed),
        ("who = 'anderer'", 2, How::Changed),
        ("reason = '{}'", 2, How::Changed),
        ("evidence = zeroblob(32)", 2, How::Changed),
        ("evidence = zeroblob(31)", 2, How::Unreadable),
        ("delivery = 2", 2, How::Changed),
        ("delivery = 999", 2, How::Unreadable),
        ("hash = zeroblob(32)", 2, How::Changed),
        ("why_sha256 = zeroblob(32), sealed_why = NULL", 7, How::Changed),
        ("why_sha256 = NULL, sealed_why = NULL", 7, How::Changed),
        ("sealed_why = x'00'", 7, How::Words),
    ] {
        let tampered = tampered(&folder, &column(set, seq));
        assert_eq!(broken(walk(&tampered, &[])), Some((seq, how)), "{set}");
    }
    let erased = tampered(&folder, &column("sealed_why = NULL", 7));
    assert_eq!(broken(walk(&erased, &[])), None, "h9: erased words do not break the chain");
}

#[tokio::test]
async fn h6_rows_taken_out_put_in_or_moved_are_found() {
    let (folder, ..) = closed().await;
    let last = rows(&folder).len() as u64;
    for (what, sql, expected) in [
        ("the first row", "DELETE FROM history WHERE seq = 1".to_owned(), (1, How::Missing)),
        ("a row in the middle", "DELETE FROM history WHERE seq = 4".to_owned(), (4, How::Missing)),
        (
            "a row in the middle, and the rest moved up",
            "DELETE FROM history WHERE seq = 4; UPDATE history SET seq = seq - 1 WHERE seq > 4".to_owned(),
            (4, How::Changed),
        ),
        (
            "two rows in each other's place",
            "UPDATE history SET seq = 1000 WHERE seq = 3; UPDATE history SET seq = 3 WHERE seq = 4; \
             UPDATE history SET seq = 4 WHERE seq = 1000"
                .to_owned(),
            (3, How::Changed),
        ),
        ("a row put in at the end", copied(last, last + 1), (last + 1, How::Changed)),
        (
            "a row put in in the middle",
            format!(
                "UPDATE history SET seq = seq + 1000 WHERE seq > 3; {}; UPDATE history SET seq = seq - 999 WHERE seq > 1000",
                copied(2, 4)
            ),
            (4, How::Changed),
        ),
    ] {
        let tampered = tampered(&folder, &sql);
        assert_eq!(broken(walk(&tampered, &[])), Some(expected), "{what}");
    }
}

/// Puts a copy of row `from` in as row `to`.
fn copied(from: u64, to: u64) -> String {
    format!(
        "INSERT INTO history (seq, delivery, at, event, state, cause, who, sealed_why, why_sha256, reason, evidence, hash) \
         SELECT {to}, delivery, at, event, state, cause, who, sealed_why, why_sha256, reason, evidence, hash \
         FROM history WHERE seq = {from}"
    )
}

#[tokio::test]
async fn h6_a_state_that_was_changed_without_a_row_is_found() {
    let (folder, ..) = closed().await;
    let rows = rows(&folder);
    let id: DeliveryId = rows[0].delivery.unwrap();
    let changed = tampered(&folder, "UPDATE deliveries SET state = 'discarded' WHERE seq = 1");
    let last = rows.iter().filter(|row| row.delivery == Some(id)).map(|row| row.seq).max().unwrap();
    assert_eq!(broken(walk(&changed, &[])), Some((last, How::State(id))));
    // Whoever cuts rows off the end and forgets the deliveries is found without a head.
    let cut = tampered(&folder, "DELETE FROM history WHERE seq = (SELECT max(seq) FROM history)");
    assert!(matches!(broken(walk(&cut, &[])), Some((_, How::State(_)))));
}

#[tokio::test]
async fn h6_rows_cut_off_the_end_are_found_against_a_head() {
    let (folder, head, earlier) = closed().await;
    let cut = tampered(
        &folder,
        "DELETE FROM history WHERE seq > (SELECT max(seq) - 2 FROM history); \
         UPDATE deliveries SET state = (SELECT state FROM history WHERE delivery = deliveries.seq ORDER BY seq DESC)",
    );
    let walked = walk(&cut, &[earlier, head]).unwrap();
    assert_eq!(walked.fits, [Fit::Fits, Fit::Beyond], "without the later head nobody would see it");
    assert_eq!(walked.end.seq, head.seq - 2);
}

/// Writes the chain anew with right hashes, as somebody would who knows how they are made.
fn forge(folder: &Folder, change: &str) -> Folder {
    let forged = tampered(folder, change);
    let path = forged.path().join("rohrpost.sqlite");
    let mut before = Digest::from_bytes([0; 32]);
    loop {
        let mut found = Vec::new();
        let walked = AuditReader::open(&forged.path()).unwrap().walk(&[], |row| {
            found.push(row.clone());
            Ok(())
        });
        let Some((seq, How::Changed)) = broken(walked) else { return forged };
        before = found.last().map_or(before, |row| row.hash);
        let connection = Connection::open(&path).unwrap();
        let hash = right_hash(&connection, seq, &before);
        connection
            .execute("UPDATE history SET hash = ?1 WHERE seq = ?2", (hash.as_bytes(), seq as i64))
            .unwrap();
    }
}

fn right_hash(connection: &Connection, seq: u64, before: &Digest) -> Digest {
    let row = connection.query_row(
        "SELECT d.id, h.at, h.event, h.state, h.cause, h.who, h.why_sha256, h.reason, h.evidence FROM history h \
         JOIN deliveries d ON d.seq = h.delivery WHERE h.seq = ?1",
        [seq as i64],
        |row| {
            let digest = |at| row.get::<_, Option<[u8; 32]>>(at).map(|bytes| bytes.map(Digest::from_bytes));
            Ok(AuditRow {
                seq,
                delivery: Some(DeliveryId::from_bytes(row.get(0)?)),
                subject: None,
                at: row.get(1)?,
                event: row.get(2)?,
                state: row.get(3)?,
                cause: row.get(4)?,
                who: row.get(5)?,
                why_sha256: digest(6)?,
                reason: row.get(7)?,
                evidence: digest(8)?,
                hash: *before,
            })
        },
    );
    row.unwrap().hash_after(before).unwrap()
}

#[tokio::test]
async fn h6_a_chain_that_was_written_anew_with_right_hashes_is_found_against_a_head() {
    let (folder, head, earlier) = closed().await;
    let forged = forge(&folder, "UPDATE history SET who = 'anderer' WHERE seq = 2");
    assert!(
        walk(&forged, &[]).unwrap().fits_all(),
        "the chain holds in itself: without a head nobody sees it"
    );
    let walked = walk(&forged, &[earlier, head]).unwrap();
    assert_eq!(walked.fits, [Fit::Differs, Fit::Differs]);
    // What lies before the forgery is still vouched for.
    let late = forge(&folder, &format!("UPDATE history SET who = 'anderer' WHERE seq = {}", head.seq));
    assert_eq!(walk(&late, &[earlier, head]).unwrap().fits, [Fit::Fits, Fit::Differs]);
    // A head of another hub, whose chain is as long.
    let (other, of_other, _) = closed().await;
    assert!(walk(&other, &[of_other]).unwrap().fits_all());
    assert_eq!(walk(&folder, &[of_other]).unwrap().fits, [Fit::Differs]);
}

#[tokio::test]
async fn a_row_is_the_same_in_json_and_a_row_of_no_form_is_none() {
    let (folder, head, _) = closed().await;
    let rows = rows(&folder);
    let mut walk = Walk::new(&[head]);
    for row in &rows {
        let json = serde_json::to_string(row).unwrap();
        let again: AuditRow = serde_json::from_str(&json).unwrap();
        assert_eq!(again, *row, "{json}");
        assert!(json.contains(&format!("\"at\":\"{}\"", row.at)), "{json}");
        walk.take(&again).unwrap();
    }
    assert!(walk.finish().fits_all());
    let mut about_both = rows[0].clone();
    about_both.subject = Some("destination ziel".into());
    assert_eq!(about_both.hash_after(&head.hash), None);
    let mut nothing = rows[0].clone();
    (nothing.delivery, nothing.state) = (None, None);
    assert_eq!(nothing.hash_after(&head.hash), None);
    nothing.subject = Some("destination ziel".into());
    assert!(nothing.hash_after(&head.hash).is_some());
}
