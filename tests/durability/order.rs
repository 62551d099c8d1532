//! The order in which things reach the disk and the network, as the kernel saw it.

use super::hasten;
use super::notice::Notice;
use super::trace::{Call, Trace, Traced};
use crate::support::client::Client;
use crate::support::hub::Setup;
use crate::support::sink::Sink;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use std::net::SocketAddr;

const SEGMENTS: &str = "/data/segments/";
const WAL: &str = "/data/rohrpost.sqlite-wal";

/// The way of one submission through a new hub.
struct Way {
    trace: Trace,
    dms: SocketAddr,
}

/// Hands in one notice with attachments of these sizes, and waits until it is delivered. The DMS takes it at the second
/// attempt. `None` if it cannot be traced.
async fn way_of(sizes: &[usize]) -> Option<Way> {
    let dms = Sink::answering(|number, _| match number {
        1 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => "4711".into_response(),
    });
    let dms = dms.await;
    let setup = Setup::new(dms.address);
    hasten(&setup);
    let traced = Traced::start(&setup)?;
    let client = Client::of(&traced.hub, "portal");
    let notice = Notice::of(1, sizes);
    let response = client.submit(&notice.xml, &notice.attachments, None).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let answer: serde_json::Value = response.json().await.expect("JSON");
    client.completed(answer["id"].as_str().expect("an id")).await;
    assert_eq!(dms.requests().len(), 2);
    Some(Way { trace: traced.end().await, dms: dms.address })
}

/// The call after `after` that is `wanted`, which must be over before `before` begins.
fn must<'t>(
    trace: &'t Trace,
    what: &str,
    after: &Call,
    before: &Call,
    wanted: impl Fn(&Call) -> bool,
) -> &'t Call {
    let found = trace.first(after.end, wanted).unwrap_or_else(|| panic!("{what}: it never happens"));
    assert!(found.end < before.begin, "{what}: it is not over before {before:?} begins, but: {found:?}");
    found
}

fn writes_content(call: &Call) -> bool {
    call.writes(SEGMENTS) && !call.text.contains("RPSEGMNT")
}

impl Way {
    fn find(&self, what: &str, wanted: impl Fn(&Call) -> bool) -> &Call {
        self.trace.first(0, wanted).unwrap_or_else(|| panic!("{what}: it never happens"))
    }

    fn acknowledgement(&self) -> &Call {
        self.find("202", |call| call.writes("TCP:") && call.text.contains("\"HTTP/1.1 202"))
    }

    /// The submission's content, what makes it durable, and the commit that names it. Returns the begin of the commit.
    fn content_is_covered(&self, trace: &Trace) -> &Call {
        let answer = self.acknowledgement();
        let segment = self.find("the segment", |call| call.creates(SEGMENTS));
        must(trace, "H1: fsync of the segments' folder", segment, answer, |call| {
            call.syncs("/data/segments>")
        });
        let content = self.find("content into the segment", writes_content);
        let wal = self.trace.first(content.end, |call| call.writes(WAL)).expect("a commit");
        must(trace, "H1: fdatasync of the segment before its commit", content, wal, |call| {
            call.syncs(SEGMENTS)
        });
        must(trace, "H1: fsync of the database after the commit", wal, answer, |call| call.syncs(WAL));
        let log = self.find("the database's log", |call| call.creates(WAL));
        must(trace, "H1: fsync of the data directory", log, answer, |call| call.syncs("/data>"));
        wal
    }

    /// The epoch's key, without which no content can be read.
    fn key_is_covered(&self, before: &Call) {
        let trace = &self.trace;
        let folder = self
            .find("the tenant's folder of keys", |call| call.name == "mkdir" && call.text.contains("/keys/"));
        must(trace, "H1: fsync of the folder above the keys", folder, before, |call| call.syncs("/keys>"));
        let made =
            self.find("the epoch's key", |call| call.name == "openat" && call.creates("/keys/lk-beispiel/"));
        let name = made.file_name();
        let written = must(trace, "H1: the key is written", made, before, |call| call.writes(name));
        let renamed = must(trace, "H1: rename of the key", written, before, |call| call.renames(name));
        must(trace, "H1: fsync of the key before its rename", written, renamed, |call| call.syncs(name));
        must(trace, "H1: fsync of the key's folder", renamed, before, |call| {
            call.syncs("/keys/lk-beispiel>")
        });
    }

    /// A large content: its file is synced, renamed, and its folder synced before the commit that names it.
    fn file_is_covered(&self, commit: &Call) {
        let trace = &self.trace;
        let made = self.find("the file", |call| call.creates("/data/tmp/"));
        let name = made.file_name();
        let renamed = must(trace, "H1: rename of the file", made, commit, |call| call.renames(name));
        let before = |call: &&Call| call.begin < renamed.begin;
        let written = trace.all(made.end, |call| call.writes(name)).take_while(before).last();
        let written = written.expect("the file is written");
        must(trace, "H1: fsync of the file before its rename", written, renamed, |call| call.syncs(name));
        must(trace, "H1: fsync of the file's folder after the rename", renamed, commit, |call| {
            call.syncs(&format!("/data/blobs/{}>", &name[..2]))
        });
    }

    /// The commits of the writer in order.
    fn commits(&self) -> Vec<Commit> {
        let content = self.find("content into the segment", writes_content);
        let mut commits = Vec::new();
        let mut open = Commit::default();
        for call in self.trace.all(content.begin - 1, |call| call.thread == content.thread) {
            if writes_content(call) {
                open = Commit { content: true, content_is_synced: false, ..open };
            } else if call.syncs(SEGMENTS) && !open.written {
                open.content_is_synced = true;
            } else if call.writes(WAL) {
                open.written = true;
            } else if call.syncs(WAL) && open.written {
                commits.push(Commit { end: call.end, ..open });
                open = Commit::default();
            }
        }
        commits
    }
}

/// One transaction that reached the disk.
#[derive(Clone, Copy, Debug, Default)]
struct Commit {
    /// It named content, for instance a message that a mark keeps.
    content: bool,
    content_is_synced: bool,
    written: bool,
    /// The line on which the disk had it.
    end: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_no_byte_of_a_202_leaves_before_the_fsync_that_covers_it() {
    let Some(small) = way_of(&[1000]).await else { return };
    small.key_is_covered(small.content_is_covered(&small.trace));
    let none = small.trace.first(0, |call| call.creates("/data/tmp/"));
    assert!(none.is_none(), "a small content is no file: {none:?}");

    let large = way_of(&[1000, 700_000]).await.expect("it could be traced before");
    let commit = large.content_is_covered(&large.trace);
    large.key_is_covered(commit);
    large.file_is_covered(commit);
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_no_byte_to_a_target_leaves_before_the_fsync_of_its_mark() {
    let Some(way) = way_of(&[1000, 700_000]).await else { return };
    let commits = way.commits();
    for commit in commits.iter().filter(|commit| commit.content) {
        assert!(commit.content_is_synced, "H5: a mark names a message that is not on disk: {commits:?}");
    }
    let begun = way.find("content", writes_content).end;
    let marks_before = |call: &Call| {
        commits.iter().filter(|commit| commit.content && commit.end < call.begin).count().saturating_sub(1)
    };

    // The first commit with content is the acceptance; each after it is the mark of a first attempt, with its message.
    let in_folder =
        way.trace.first(begun, |call| call.creates("/fachverfahren/")).expect("files in the folder");
    assert_eq!(marks_before(in_folder), 1, "H5: marks before {in_folder:?}: {commits:#?}");
    let published = way.trace.first(begun, |call| call.renames("/fachverfahren/")).expect("a rename");
    assert_eq!(marks_before(published), 1, "H5: marks before {published:?}: {commits:#?}");
    let reached = way.trace.first(begun, |call| call.reaches(way.dms)).expect("a connection to the DMS");
    assert_eq!(marks_before(reached), 2, "H5: marks before {reached:?}: {commits:#?}");
    way.key_is_covered(in_folder);

    // The second attempt sends what was kept: its mark names no content, and follows the settlement of the first.
    let to_dms = format!("->{}]", way.dms);
    let posts: Vec<_> =
        way.trace.all(begun, |call| call.writes(&to_dms) && call.text.contains("\"POST ")).collect();
    let [first, second] = &posts[..] else { panic!("two requests: {posts:?}") };
    let between = commits.iter().filter(|commit| first.end < commit.end && commit.end < second.begin);
    assert_eq!(between.count(), 2, "H5: settlement and mark between {first:?} and {second:?}: {commits:#?}");
}
