//! Stored formats and who may open them.

use super::{Folder, open, vault::TestVault};
use crate::{SqliteStore, StoreOptions};
use rohrpost_model::ports::StoreFault;
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

const GOLDEN: &str = include_str!("../../golden/schema-1.sql");

fn try_open(folder: &Folder) -> Result<Arc<SqliteStore>, StoreFault> {
    SqliteStore::open(&folder.path(), Arc::new(TestVault), StoreOptions::default())
}

/// A released version of the schema never changes: whoever edits a migration instead of adding one sees it here.
#[test]
fn version_1_of_the_schema_is_as_it_was_released() {
    let folder = Folder::new();
    drop(open(&folder.path()));
    let connection = Connection::open(folder.path().join("rohrpost.sqlite")).unwrap();
    let mut statement =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
    let found: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let found = format!("-- user_version {version}\n{};\n", found.join(";\n"));
    assert_eq!(found, GOLDEN, "found:\n{found}");
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = Folder::new();
    drop(open(&folder.path()));
    let database = folder.path().join("rohrpost.sqlite");
    let connection = Connection::open(&database).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    drop(connection);
    let Err(StoreFault::Unavailable(text)) = try_open(&folder) else { panic!("a newer schema is opened") };
    assert!(text.contains("neueren Rohrpost") && text.contains("Fassung 2"), "{text}");
    let connection = Connection::open(&database).unwrap();
    assert_eq!(connection.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0)).unwrap(), 2);
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
    }
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
