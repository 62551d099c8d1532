//! Stored formats and who may open them.

use super::{Folder, open, ports, vault::TestVault};
use crate::conformance::sample::{Draft, after, at, name, ordered};
use crate::{SqliteStore, StoreOptions};
use rohrpost_model::ports::{
    BulkEnd, BulkOrder, BulkState, DeliveryFilter, DestinationOrder, NewBulkCommand, NewDelivery,
    NewDestinationCommand, Recorded, Scope, StoreFault, Vault as _,
};
use rohrpost_model::transition::Event;
use rohrpost_model::{CommandId, Digest, State};
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

/// What each released version of the schema looks like, and the one in the making.
const GOLDEN: [&str; 7] = [
    include_str!("../../golden/schema-1.sql"),
    include_str!("../../golden/schema-2.sql"),
    include_str!("../../golden/schema-3.sql"),
    include_str!("../../golden/schema-4.sql"),
    include_str!("../../golden/schema-5.sql"),
    include_str!("../../golden/schema-6.sql"),
    include_str!("../../golden/schema-7.sql"),
];

fn try_open(folder: &Folder) -> Result<Arc<SqliteStore>, StoreFault> {
    SqliteStore::open(&folder.path(), Arc::new(TestVault), StoreOptions::default())
}

/// A released version of the schema never changes: whoever edits a migration instead of adding one sees it here.
#[test]
fn every_version_of_the_schema_is_as_it_was_released() {
    for (version, golden) in (1..).zip(GOLDEN) {
        let folder = Folder::new();
        fs::create_dir_all(folder.path()).unwrap();
        let database = folder.path().join("rohrpost.sqlite");
        crate::schema::open_at_version(&database, version).unwrap();
        let found = schema_of(&Connection::open(&database).unwrap());
        assert_eq!(found, golden, "found:\n{found}");
    }
}

fn schema_of(connection: &Connection) -> String {
    let mut statement =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
    let found: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    format!("-- user_version {version}\n{};\n", found.join(";\n"))
}

/// A store of the first version, with a delivery that was sent once, is brought up to date: nothing of it is lost, and its
/// history is still one chain.
#[tokio::test]
async fn a_store_of_version_1_is_brought_up_to_date() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path()).unwrap();
    let database = folder.path().join("rohrpost.sqlite");
    let connection = crate::schema::open_at_version(&database, 1).unwrap();
    connection.execute_batch(include_str!("../../golden/rows-1.sql")).unwrap();
    drop(connection);
    let store = open(&folder.path());
    assert_eq!(store.verify_chain().await.unwrap(), 3);
    let delivery = ports(&store).deliveries().await.pop().unwrap();
    assert_eq!(delivery.state, State::Due);
    assert_eq!((delivery.attempts, delivery.tries), (1, 1));
    assert_eq!((delivery.tries_since, delivery.since), (Some(at(1)), at(2)));
    assert!(delivery.paused_by.is_none() && delivery.expires_at.is_none());
}

/// Takes back what the seventh version added.
const BACK_TO_6: &str = "DROP TABLE identifiers; PRAGMA user_version = 6;";

/// Takes back what the sixth version added.
const BACK_TO_5: &str = "DROP TABLE progress; PRAGMA user_version = 5;";

/// Takes back what the fifth version added.
const BACK_TO_4: &str = "ALTER TABLE submissions DROP COLUMN not_before;
    ALTER TABLE submissions DROP COLUMN sealed_properties;
    ALTER TABLE deliveries DROP COLUMN fetched_at;
    PRAGMA user_version = 4;";

/// What the fourth version added, taken away again.
const BACK_TO_3: &str = "DROP TABLE activations; DROP TABLE configuration_parts; PRAGMA user_version = 3;";

/// What the third version added, taken away again.
const BACK_TO_2: &str = "DROP TABLE words; DROP INDEX history_by_subject; \
     ALTER TABLE commands DROP COLUMN ended_row; PRAGMA user_version = 2;";

/// A store of the second version is brought up to date: the words of who cancelled an order can be read, whose key was kept
/// with the order; those on a destination cannot, and say nothing instead.
#[tokio::test]
async fn a_store_of_version_2_is_brought_up_to_date() {
    let folder = Folder::new();
    let store = open(&folder.path());
    let key = || TestVault.issue(&name("lk-beispiel"), at(0)).unwrap();
    let (order, destination, who) = (DestinationOrder::Pause, name("ziel"), "betrieb".to_owned());
    let pause = NewDestinationCommand { destination, order, who, why: "Umzug".into(), at: at(1), key: key() };
    assert!(ports(&store).commands.order_destination(pause).await.unwrap());
    let id = CommandId::new(at(2));
    let begun = NewBulkCommand {
        id,
        order: BulkOrder::Retry,
        filter: DeliveryFilter::default(),
        scope: Scope::Hub,
        per_second: 1,
        who: "betrieb".into(),
        why: "läuft wieder".into(),
        at: at(2),
        key: key(),
    };
    ports(&store).commands.begin(begun).await.unwrap();
    let (state, who, why) = (BulkState::Cancelled, "aufsicht".to_owned(), Some("doch nicht".to_owned()));
    let ended = ports(&store).commands.end(BulkEnd { id, state, who, why, at: at(3) }).await.unwrap();
    drop(store);
    let connection = Connection::open(folder.path().join("rohrpost.sqlite")).unwrap();
    connection.execute_batch(BACK_TO_6).unwrap();
    connection.execute_batch(BACK_TO_5).unwrap();
    connection.execute_batch(BACK_TO_4).unwrap();
    connection.execute_batch(BACK_TO_3).unwrap();
    connection.execute_batch(BACK_TO_2).unwrap();
    assert_eq!(schema_of(&connection), GOLDEN[1], "it is a store of the second version");
    drop(connection);

    let store = open(&folder.path());
    assert_eq!(store.verify_chain().await.unwrap(), 3);
    assert_eq!(ports(&store).commands.order(id).await.unwrap(), ended);
    assert_eq!(ended.unwrap().ended.unwrap().why.as_deref(), Some("doch nicht"));
    let asked = ports(&store).commands.destination_orders(&name("ziel"), None, 10).await.unwrap();
    assert_eq!((asked[0].1.who.as_str(), asked[0].1.why.as_ref()), ("betrieb", None));
}

/// A store of the third version, from before configurations were kept, is brought up to date: what waits in it pins what it
/// pinned, the words on a destination can be read, it takes its first configuration, and its history goes on as one chain.
#[tokio::test]
async fn a_store_of_version_3_is_brought_up_to_date() {
    let folder = Folder::new();
    let store = open(&folder.path());
    let pinned = Some(Digest::of(b"step"));
    ports(&store).accept(&Draft::steps([NewDelivery { pinned, ..ordered() }])).await;
    let key = TestVault.issue(&name("lk-beispiel"), at(0)).unwrap();
    let (order, destination, who) = (DestinationOrder::Pause, name("ziel"), "betrieb".to_owned());
    let pause = NewDestinationCommand { destination, order, who, why: "Umzug".into(), at: at(1), key };
    assert!(ports(&store).commands.order_destination(pause).await.unwrap());
    drop(store);
    let connection = Connection::open(folder.path().join("rohrpost.sqlite")).unwrap();
    connection.execute_batch(BACK_TO_6).unwrap();
    connection.execute_batch(BACK_TO_5).unwrap();
    connection.execute_batch(BACK_TO_4).unwrap();
    connection.execute_batch(BACK_TO_3).unwrap();
    assert_eq!(schema_of(&connection), GOLDEN[2], "it is a store of the third version");
    drop(connection);

    let store = open(&folder.path());
    assert_eq!(ports(&store).deliveries().await.pop().unwrap().pinned, pinned);
    let asked = ports(&store).commands.destination_orders(&name("ziel"), None, 10).await.unwrap();
    assert_eq!(asked[0].1.why.as_deref(), Some("Umzug"));
    assert!(ports(&store).configurations.activations(None, 10).await.unwrap().is_empty());
    let before = store.verify_chain().await.unwrap();
    crate::conformance::configurations::keep_one(&ports(&store)).await;
    assert_eq!(ports(&store).configurations.activations(None, 10).await.unwrap().len(), 1);
    assert_eq!(store.verify_chain().await.unwrap(), before + 1);
}

/// A store of the fifth version, in which an attempt was under way, is brought up to date: the attempt has recorded nothing,
/// and the next one records.
#[tokio::test]
async fn a_store_of_version_5_is_brought_up_to_date() {
    let folder = Folder::new();
    let store = ports(&open(&folder.path()));
    store.accept(&Draft::default()).await;
    store.send(0, Event::NotTaken).await;
    drop(store);
    let connection = Connection::open(folder.path().join("rohrpost.sqlite")).unwrap();
    connection.execute_batch(BACK_TO_6).unwrap();
    connection.execute_batch(BACK_TO_5).unwrap();
    assert_eq!(schema_of(&connection), GOLDEN[4], "it is a store of the fifth version");
    drop(connection);

    let store = ports(&open(&folder.path()));
    let mut claim = store.claim_only(900).await;
    let id = claim.delivery.id;
    assert!(store.records.recorded(id).await.unwrap().is_empty());
    store.mark(&mut claim, 900).await.unwrap();
    let recorded = Recorded { at: at(900), key: "folder".into(), value: "4711".into() };
    store.outbox.record(id, &recorded).await.unwrap();
    assert_eq!(store.records.recorded(id).await.unwrap()["folder"], "4711");
}

/// A store of the sixth version is brought up to date: what was sent before is not found by what its target called it, and
/// what is taken then is.
#[tokio::test]
async fn a_store_of_version_6_is_brought_up_to_date() {
    let folder = Folder::new();
    let store = ports(&open(&folder.path()));
    let draft =
        Draft { foreign: vec!["AZ 1"], ..Draft::steps([ordered(), after("dms", &["fachverfahren"])]) };
    store.accept(&draft).await;
    store.send(0, Event::Taken).await;
    drop(store);
    let connection = Connection::open(folder.path().join("rohrpost.sqlite")).unwrap();
    connection.execute_batch(BACK_TO_6).unwrap();
    assert_eq!(schema_of(&connection), GOLDEN[5], "it is a store of the sixth version");
    drop(connection);

    let store = ports(&open(&folder.path()));
    assert_eq!(store.case_known_as("fall-1").await, Vec::<String>::new());
    store.send(900, Event::Taken).await;
    assert_eq!(store.case_known_as("fall-1").await, ["receipt ziel AZ-2026-4711-MUSTERMANN"]);
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = Folder::new();
    drop(open(&folder.path()));
    let database = folder.path().join("rohrpost.sqlite");
    let connection = Connection::open(&database).unwrap();
    connection.pragma_update(None, "user_version", 8).unwrap();
    drop(connection);
    let Err(StoreFault::Unavailable(text)) = try_open(&folder) else { panic!("a newer schema is opened") };
    assert!(text.contains("neueren Rohrpost") && text.contains("Fassung 8"), "{text}");
    let connection = Connection::open(&database).unwrap();
    assert_eq!(connection.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0)).unwrap(), 8);
}

/// The power fails while SQLite writes the first pages, and the begin of the file never reaches the disk.
#[test]
fn h1_a_database_that_was_half_made_when_the_power_failed_is_made_anew() {
    let (making, folder) = (Folder::new(), Folder::new());
    for folder in [&making, &folder] {
        fs::create_dir_all(folder.path()).unwrap();
    }
    let file = |folder: &Folder, ending: &str| folder.path().join(format!("rohrpost.sqlite{ending}"));
    let connection = Connection::open(file(&making, "")).unwrap();
    connection
        .execute_batch("PRAGMA cache_spill = 1; PRAGMA cache_size = 1; BEGIN; CREATE TABLE t (x);")
        .unwrap();
    for _ in 0..20 {
        connection.execute("INSERT INTO t VALUES (zeroblob(3000))", []).unwrap();
    }
    let mut half = fs::read(file(&making, "")).unwrap();
    assert!(half.len() > 8192, "pages went to the file before the end of the transaction");
    half[..512].fill(0);
    fs::write(file(&folder, ""), half).unwrap();
    fs::copy(file(&making, "-journal"), file(&folder, "-journal")).unwrap();
    let _store = try_open(&folder).unwrap_or_else(|fault| panic!("{fault:?}"));
    assert!(!file(&folder, "-journal").exists());
}

#[test]
fn what_is_no_store_is_refused() {
    let folder = Folder::new();
    drop(open(&folder.path()));
    let database = folder.path().join("rohrpost.sqlite");
    let connection = Connection::open(&database).unwrap();
    connection.pragma_update(None, "application_id", 7).unwrap();
    drop(connection);
    assert!(matches!(try_open(&folder), Err(StoreFault::Damaged(_))), "somebody else's database");
    for other in [&b"SQLite format 2\0........"[..], b"PK"] {
        fs::write(&database, other).unwrap();
        assert!(matches!(try_open(&folder), Err(StoreFault::Damaged(_))), "no database");
        assert_eq!(fs::read(&database).unwrap(), other, "left alone");
    }
    fs::write(folder.path().join("rohrpost.sqlite-journal"), "no journal").unwrap();
    assert!(matches!(try_open(&folder), Err(StoreFault::Damaged(_))), "no database, beside something");
}

#[test]
fn only_the_hub_may_read_its_directory() {
    let folder = Folder::new();
    drop(open(&folder.path()));
    let mode = |path: &str| fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("blobs/00"), 0o700);
    assert_eq!(mode("lock"), 0o600);
}
