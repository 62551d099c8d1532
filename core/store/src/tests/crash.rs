//! What a crash, a damaged disk or a full one leaves.

use super::{Folder, open, ports, vault::TestVault};
use crate::conformance::sample::*;
use crate::conformance::{Ports, Stand, blobs::noise};
use crate::directory::Directory;
use crate::schema::open_writer;
use crate::{SqliteStore, StoreOptions};
use rohrpost_model::ports::{Acceptance, Location, NewDelivery, Order, Recorded, Scope, Slot, StoreFault};
use rohrpost_model::transition::Event;
use rohrpost_model::{State, SubmissionId};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stands on disk now, as a crash would leave it: the store stays open meanwhile.
fn copy(from: &Path) -> Folder {
    let folder = Folder::new();
    copy_all(from, &folder.path());
    folder
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

async fn place_of(ports: &Ports, id: SubmissionId, number: usize) -> Location {
    let view = ports.records.submission(&Scope::Hub, id).await.unwrap().unwrap();
    view.submission.parts[number].location.clone().unwrap()
}

async fn read_part(ports: &Ports, id: SubmissionId, number: usize) -> Result<Vec<u8>, StoreFault> {
    let location = place_of(ports, id, number).await;
    let key = ports.key_of(id).await;
    ports.try_read(&key, Slot::Part(id, u32::try_from(number).unwrap()), &location).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h1_what_was_acknowledged_is_there_after_a_crash_at_any_commit() {
    let folder = Folder::new();
    let ports = folder.open().await;
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        let drafts = (0..8).map(|number| Draft {
            data: format!("<runde>{round}-{number}</runde>").into_bytes(),
            attachments: if number == 0 { vec![noise(300_000 + round)] } else { Vec::new() },
            steps: vec![step("fachverfahren")],
            ..Draft::default()
        });
        let mut calls = Vec::new();
        for draft in drafts {
            let new = ports.new_submission(&draft).await;
            let outbox = Arc::clone(&ports.outbox);
            calls.push(tokio::spawn(async move { (draft, outbox.accept(new).await.unwrap()) }));
        }
        for call in calls {
            let (draft, Acceptance::Stored(answer)) = call.await.unwrap() else { panic!("stored") };
            acknowledged.push((draft, answer));
        }
        let mut claim = ports.claim(0, 1).await.remove(0);
        ports.mark(&mut claim, 1).await.unwrap();

        let crashed = copy(&folder.path());
        let after = crashed.open().await;
        for (draft, answer) in &acknowledged {
            let view = after.records.submission(&Scope::Hub, answer.id).await.unwrap().unwrap();
            assert_eq!(view.answer, *answer);
            assert_eq!(read_part(&after, answer.id, 0).await.unwrap(), draft.data);
            for (number, attachment) in draft.attachments.iter().enumerate() {
                assert!(read_part(&after, answer.id, number + 1).await.unwrap() == *attachment);
            }
        }
        assert_eq!(
            after.outbox.recover(at(2), at(2)).await.unwrap(),
            round as u64 + 1,
            "every mark is found again"
        );
        drop(claim);
    }
}

#[tokio::test]
async fn h1_a_torn_end_of_a_segment_is_cut_off() {
    let folder = Folder::new();
    let ports = folder.open().await;
    let before = ports.accept(&Draft::default()).await;
    drop(ports);
    let segment = folder.path().join("segments/00000001.seg");
    let whole = fs::metadata(&segment).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&segment).unwrap();
    file.write_all_at(&noise(5000), whole).unwrap();
    let unnamed = folder.path().join("segments/00000002.seg");
    fs::write(&unnamed, noise(100)).unwrap();

    let ports = folder.open().await;
    assert_eq!(fs::metadata(&segment).unwrap().len(), whole);
    assert!(!unnamed.exists(), "a segment that no row names");
    let after = ports.accept(&Draft { steps: vec![step("fachverfahren")], ..Draft::default() }).await;
    drop(ports);
    let ports = folder.open().await;
    for id in [before.id, after.id] {
        assert_eq!(read_part(&ports, id, 0).await.unwrap(), PRIVATE[0].as_bytes());
    }
    let location = place_of(&ports, after.id, 0).await;
    assert!(matches!(location, Location::Segment { segment: 1, offset, .. } if offset == whole));
}

#[tokio::test]
async fn h1_files_that_no_row_names_are_swept_and_the_others_stay() {
    let folder = Folder::new();
    let ports = folder.open().await;
    let kept = ports.accept(&Draft { attachments: vec![noise(400_000)], ..Draft::default() }).await;
    let orphan = "0b0e7cf2-8a52-4b3c-9a55-1f2f5f6f7a8b";
    let orphans = [folder.path().join("tmp").join(orphan), folder.path().join("blobs/0b").join(orphan)];
    drop(ports);
    orphans.iter().for_each(|path| fs::write(path, b"left behind").unwrap());
    let ports = folder.open().await;
    assert!(orphans.iter().all(|path| !path.exists()));
    assert!(read_part(&ports, kept.id, 1).await.unwrap() == noise(400_000));
}

#[tokio::test]
async fn h3_files_of_a_repetition_are_removed() {
    let folder = Folder::new();
    let ports = folder.open().await;
    let draft = Draft { key: Some("key"), attachments: vec![noise(400_000)], ..Draft::default() };
    ports.accept(&draft).await;
    let blobs = folder.path().join("blobs");
    assert_eq!(files(&blobs).len(), 1);
    let again = ports.new_submission(&draft).await;
    assert_eq!(files(&blobs).len(), 2);
    assert!(matches!(ports.outbox.accept(again).await.unwrap(), Acceptance::Repeated(_)));
    while files(&blobs).len() > 1 {
        tokio::task::yield_now().await;
    }
    let mut stage = ports
        .blobs
        .stage(ports.vault.issue(&name("a"), at(0)).unwrap().key, Slot::Part(SubmissionId::new(at(0)), 0));
    stage.write(noise(600_000).into()).await.unwrap();
    assert_eq!(files(&folder.path().join("tmp")).len(), 1);
    drop(stage);
    assert!(files(&folder.path().join("tmp")).is_empty(), "a content that was broken off");
}

#[tokio::test]
async fn h8_damaged_content_is_never_given_out_as_content() {
    let folder = Folder::new();
    let ports = folder.open().await;
    let draft =
        Draft { attachments: vec![noise(400_000), noise(400_000), noise(90_000)], ..Draft::default() };
    let answer = ports.accept(&draft).await;
    let places = [place_of(&ports, answer.id, 1).await, place_of(&ports, answer.id, 2).await];
    drop(ports);
    let path = |root: &Path, place: &Location| match place {
        Location::File { name, .. } => root.join("blobs").join(&name[..2]).join(name),
        Location::Segment { .. } => root.join("segments/00000001.seg"),
    };
    let flip = |path: &Path, at: u64| {
        let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 1], at).unwrap();
    };
    let cut = |path: &Path, length: u64| {
        fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
    };
    let segment = |root: &Path| root.join("segments/00000001.seg");
    type Damage<'a> = (&'a str, &'a dyn Fn(&Path), usize);
    let damages: [Damage<'_>; 7] = [
        ("a byte of a file", &|root| flip(&path(root, &places[0]), 200_000), 1),
        ("the end of a file", &|root| cut(&path(root, &places[0]), 399_000), 1),
        (
            "files in each other's place",
            &|root| {
                let (one, two) = (path(root, &places[0]), path(root, &places[1]));
                fs::rename(&one, root.join("tmp-name")).unwrap();
                fs::rename(&two, &one).unwrap();
                fs::rename(root.join("tmp-name"), &two).unwrap();
            },
            2,
        ),
        ("a file that is gone", &|root| fs::remove_file(path(root, &places[0])).unwrap(), 1),
        ("a byte of a segment", &|root| flip(&segment(root), 40), 0),
        ("the end of a segment", &|root| cut(&segment(root), 20_000), 3),
        ("the header of a segment", &|root| flip(&segment(root), 0), 0),
    ];
    for (what, damage, part) in damages {
        let crashed = copy(&folder.path());
        damage(&crashed.path());
        let ports = crashed.open().await;
        let read = read_part(&ports, answer.id, part).await;
        assert!(matches!(read, Err(StoreFault::Damaged(_))), "{what}: {read:?}");
        let new = ports.accept(&Draft { steps: vec![step("fachverfahren")], ..Draft::default() }).await;
        assert!(read_part(&ports, new.id, 0).await.is_ok(), "{what}: the store goes on");
    }
}

#[tokio::test]
async fn h10_nothing_private_stands_on_disk_in_plain() {
    let folder = Folder::new();
    let ports = folder.open().await;
    for large in [false, true] {
        let mut draft = Draft {
            key: Some(PRIVATE[3]),
            foreign: vec![PRIVATE[4]],
            steps: vec![step("fachverfahren")],
            ..Draft::default()
        };
        let filling = if large { 9000 } else { 10 };
        draft.attachments = vec![PRIVATE[0].repeat(filling).into_bytes()];
        draft.key = (!large).then_some(PRIVATE[3]);
        ports.accept(&draft).await;
        ports.send(0, Event::TakenForNow).await;
        let id = ports.deliveries().await.last().unwrap().id;
        ports.outbox.command(&Scope::Hub, command(id, Order::Retry)).await.unwrap();
        let mut claim = ports.claim_only(900).await;
        ports.mark(&mut claim, 900).await.unwrap();
        let recorded = Recorded { at: at(900), key: "folder".into(), value: PRIVATE[3].into() };
        ports.outbox.record(id, &recorded).await.unwrap();
        ports.settle(claim, &attempt(Event::Taken, 900)).await;
        assert_eq!(ports.records.recorded(id).await.unwrap()["folder"], PRIVATE[3], "it is kept, though");
    }
    let shown = ports.deliveries().await.pop().unwrap();
    assert_eq!(shown.receipt.unwrap().reference.unwrap(), PRIVATE[3], "it is kept, though");
    let crashed = copy(&folder.path());
    drop(ports);
    for path in files(&folder.path()).into_iter().chain(files(&crashed.path())) {
        let bytes = fs::read(&path).unwrap();
        for word in PRIVATE {
            let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!found, "{word:?} stands in {}", path.display());
        }
    }
}

#[tokio::test]
async fn h1_a_full_database_refuses_and_keeps_what_it_had() {
    let folder = Folder::new();
    drop(folder.open().await);
    let directory = Directory::prepare(&folder.path()).unwrap();
    let lock = directory.lock().unwrap();
    let connection = open_writer(&directory.database()).unwrap();
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    connection.pragma_update(None, "max_page_count", pages + 12).unwrap();
    let (vault, options) = (Arc::new(TestVault), StoreOptions::default());
    let store = SqliteStore::assemble(&directory, lock, connection, vault, options).unwrap();
    let ports_of_full = ports(&store);
    drop(store);
    let mut stored = Vec::new();
    let fault = loop {
        let draft = Draft {
            steps: vec![step("fachverfahren")],
            attachments: vec![noise(300_000)],
            ..Draft::default()
        };
        match ports_of_full.outbox.accept(ports_of_full.new_submission(&draft).await).await {
            Ok(Acceptance::Stored(answer)) => stored.push(answer),
            Ok(other) => panic!("{other:?}"),
            Err(fault) => break fault,
        }
        assert!(stored.len() < 10_000, "it never got full");
    };
    assert!(matches!(fault, StoreFault::Full(_)), "{fault}");
    assert!(!stored.is_empty());
    drop(ports_of_full);
    let store = open(&folder.path());
    assert_eq!(usize::try_from(store.verify_chain().await.unwrap()).unwrap(), stored.len());
    let ports = ports(&store);
    assert_eq!(ports.states().await.len(), stored.len());
    for answer in stored {
        assert!(read_part(&ports, answer.id, 1).await.unwrap() == noise(300_000));
    }
}

#[tokio::test]
async fn h6_the_chain_goes_on_after_a_work_that_was_refused_when_it_had_written() {
    let folder = Folder::new();
    let store = open(&folder.path());
    let ports = ports(&store);
    let taken = step("fachverfahren");
    ports.accept(&Draft::steps([taken.clone()])).await;
    let new = ports.new_submission(&Draft::steps([step("dms"), taken])).await;
    assert!(matches!(ports.outbox.accept(new).await, Err(StoreFault::Damaged(_))));
    let after = ports.accept(&Draft::steps([step("fachverfahren")])).await;
    assert_eq!(store.verify_chain().await.unwrap(), 2);
    assert_eq!(read_part(&ports, after.id, 0).await.unwrap(), PRIVATE[0].as_bytes());
    let counted = ports.records.counts().await.unwrap();
    assert_eq!(counted.iter().map(|count| count.count).sum::<u64>(), 2);
}

#[tokio::test]
async fn h6_a_history_that_was_changed_is_noticed() {
    let folder = Folder::new();
    let store = open(&folder.path());
    let ports = ports(&store);
    let steps =
        vec![NewDelivery { due_at: Some(at(0)), ..step("fachverfahren") }, after("dms", &["fachverfahren"])];
    ports.accept(&Draft { steps, ..Draft::default() }).await;
    ports.send(0, Event::Taken).await;
    let id = ports.deliveries().await[1].id;
    ports.outbox.command(&Scope::Hub, command(id, DISCARD)).await.unwrap();
    assert_eq!(ports.states().await, [State::Delivered, State::Discarded]);
    assert_eq!(store.verify_chain().await.unwrap(), 6);
    drop((store, ports));

    let forgeries = [
        "UPDATE history SET who = 'jemand' WHERE seq = 4",
        "UPDATE history SET at = at + 1 WHERE seq = 2",
        "UPDATE history SET evidence = NULL WHERE seq = 3",
        "UPDATE history SET sealed_why = x'00' WHERE seq = 6",
        "UPDATE history SET why_sha256 = NULL, sealed_why = NULL WHERE seq = 6",
        "UPDATE history SET delivery = 1 WHERE seq = 6",
        "DELETE FROM history WHERE seq = 1",
        "DELETE FROM history WHERE seq = 4",
    ];
    for forgery in forgeries {
        let forged = copy(&folder.path());
        let connection = rusqlite::Connection::open(forged.path().join("rohrpost.sqlite")).unwrap();
        assert_eq!(connection.execute(forgery, []).unwrap(), 1);
        drop(connection);
        let verdict = open(&forged.path()).verify_chain().await;
        assert!(matches!(verdict, Err(StoreFault::Damaged(_))), "{forgery}: {verdict:?}");
    }
    let erased = copy(&folder.path());
    let connection = rusqlite::Connection::open(erased.path().join("rohrpost.sqlite")).unwrap();
    assert_eq!(connection.execute("UPDATE history SET sealed_why = NULL WHERE seq = 6", []).unwrap(), 1);
    drop(connection);
    assert_eq!(open(&erased.path()).verify_chain().await.unwrap(), 6, "erased words do not break the chain");
}

#[test]
fn one_directory_has_one_store() {
    let folder = Folder::new();
    let first = open(&folder.path());
    let second = SqliteStore::open(&folder.path(), Arc::new(TestVault), StoreOptions::default());
    let Err(StoreFault::Unavailable(text)) = second else { panic!("the directory is taken") };
    assert!(
        text.contains(&folder.path().display().to_string()) && text.contains("anderes Rohrpost"),
        "{text}"
    );
    drop(first);
    drop(open(&folder.path()));
}
