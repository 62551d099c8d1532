//! That the model of the disk is as strict as it claims to be.

use super::disk::Disk;
use super::fate::{Fate, Mood};
use super::log::{Record, What};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::fs;

fn created(path: &str) -> What {
    What::Created(path.to_owned())
}

fn folder(path: &str) -> What {
    What::MadeFolder(path.to_owned())
}

fn written(path: &str, at: u64, text: &str) -> What {
    What::Written(path.to_owned(), at, Bytes::copy_from_slice(text.as_bytes()))
}

fn renamed(from: &str, to: &str) -> What {
    What::Renamed(from.to_owned(), to.to_owned())
}

fn synced(path: &str, number: u64) -> [What; 2] {
    [What::SyncBegan(number), What::SyncEnded(path.to_owned(), number)]
}

/// Paths and contents after a cut at the end of the log.
fn left(log: &[Record], mut fate: Fate) -> Vec<(String, String)> {
    let place = tempfile::tempdir().expect("a temporary folder");
    let mut disk = Disk::new();
    disk.advance(log, log.len(), |_| true);
    disk.cut(&mut fate, place.path());
    let mut found = Vec::new();
    for entry in fs::read_dir(place.path()).expect("the folder").flatten() {
        let name = entry.file_name().into_string().expect("a name");
        let content = if entry.path().is_dir() {
            "/".to_owned()
        } else {
            fs::read_to_string(entry.path()).expect("text")
        };
        found.push((name, content));
    }
    found.sort();
    found
}

fn log(whats: impl IntoIterator<Item = What>) -> Vec<Record> {
    whats.into_iter().enumerate().map(|(time, what)| Record { time: time as u64, what }).collect()
}

/// Everything that a cut may leave.
fn all_that_may_be_left(log: &[Record]) -> BTreeSet<Vec<(String, String)>> {
    (0..500).map(|seed| left(log, Fate::new(seed, Mood::Mixed))).collect()
}

fn one(name: &str, content: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), content.to_owned())]
}

#[test]
fn a_name_counts_after_the_sync_of_its_folder_and_content_after_that_of_its_file() {
    let strict = || Fate::new(0, Mood::Strict);
    let file = || [folder("data"), created("a"), written("a", 0, "text")];
    assert_eq!(left(&log(file()), strict()), []);
    assert_eq!(left(&log(file().into_iter().chain(synced("a", 1))), strict()), []);
    let named = left(&log(file().into_iter().chain(synced(".", 1))), strict());
    assert_eq!(named, [("a".to_owned(), String::new()), ("data".to_owned(), "/".to_owned())]);
    let both = left(&log(file().into_iter().chain(synced("a", 1)).chain(synced(".", 2))), strict());
    assert_eq!(both[0], ("a".to_owned(), "text".to_owned()));
}

#[test]
fn a_sync_covers_what_was_there_when_it_began() {
    let [begin, end] = synced("a", 2);
    let around = [written("a", 0, "one"), begin, written("a", 3, "two"), end];
    let log = log([created("a")].into_iter().chain(synced(".", 1)).chain(around));
    assert_eq!(left(&log, Fate::new(0, Mood::Strict)), one("a", "one"));
    assert_eq!(left(&log, Fate::new(0, Mood::Kind)), one("a", "onetwo"));
    let all = all_that_may_be_left(&log);
    let expected = ["one", "onetwo", "one\0\0\0"].map(|content| one("a", content));
    assert_eq!(all, BTreeSet::from(expected));
}

#[test]
fn a_rename_in_one_folder_leaves_one_of_both_names() {
    let kept = || [created("a"), written("a", 0, "old"), created("b"), written("b", 0, "new")];
    let synced = synced("a", 1).into_iter().chain(synced("b", 2)).chain(synced(".", 3));
    let all = all_that_may_be_left(&log(kept().into_iter().chain(synced).chain([renamed("b", "a")])));
    let before = vec![("a".to_owned(), "old".to_owned()), ("b".to_owned(), "new".to_owned())];
    assert_eq!(all, BTreeSet::from([before, one("a", "new")]));
}

#[test]
fn writes_reach_the_disk_in_any_order_and_in_parts() {
    let (first, second) = ("1".repeat(1024), "2".repeat(512));
    let writes = [written("a", 0, &first), written("a", 1024, &second)];
    let all = all_that_may_be_left(&log([created("a")].into_iter().chain(synced(".", 1)).chain(writes)));
    let contents: BTreeSet<_> = all.into_iter().map(|left| left[0].1.clone()).collect();
    let zeroes = "\0".repeat(512);
    for possible in [
        String::new(),
        format!("{first}{second}"),
        format!("{zeroes}{zeroes}{second}"),
        format!("{}{zeroes}{second}", &first[..512]),
        first[..512].to_owned(),
    ] {
        assert!(contents.contains(&possible), "{} bytes are never left", possible.len());
    }
}

#[test]
fn what_a_failed_sync_left_behind_is_not_covered_by_the_next_one() {
    let page = "x".repeat(4096);
    let after_another = |write: What| {
        let failed = [What::SyncBegan(1), What::SyncFailed("a".to_owned(), 1)];
        let begin = [created("a"), written("a", 0, &page)].into_iter().chain(failed);
        let again = [write].into_iter().chain(synced("a", 2)).chain(synced(".", 3));
        left(&log(begin.chain(again)), Fate::new(0, Mood::Strict))
    };
    let elsewhere = after_another(written("a", 8192, "later"));
    assert_eq!(elsewhere, one("a", &format!("{}later", "\0".repeat(8192))));
    let on_the_same_page = after_another(written("a", 4091, "later"));
    assert_eq!(on_the_same_page, one("a", &format!("{}later", &page[..4091])));
}
