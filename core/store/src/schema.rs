//! Connections and the versions of the schema.

use crate::fault::{disk, sql, unopened};
use rohrpost_model::ports::StoreFault;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Migrations in order; the number of the last is the version of the schema. A released one is never edited.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_operations.sql"),
    include_str!("../migrations/0003_words.sql"),
    include_str!("../migrations/0004_configuration.sql"),
    include_str!("../migrations/0005_mailbox.sql"),
    include_str!("../migrations/0006_progress.sql"),
    include_str!("../migrations/0007_identifiers.sql"),
];

/// Marks the database as Rohrpost's (`PRAGMA application_id`): "Rohr".
const APPLICATION: i32 = 0x526f_6872;

/// How every SQLite file begins (SQLite file format, section 1.3.1).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Opens the connection that writes, and brings the schema up to date.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, StoreFault> {
    check_header(path)?;
    let told = |fault| unopened(path, fault);
    make_private(path).map_err(|error| told(disk("database", &error)))?;
    settle_log(path).map_err(|error| told(disk("database log", &error)))?;
    let open = || {
        let connection = Connection::open(path)?;
        configure(&connection)?;
        Ok(connection)
    };
    let connection = open().map_err(|error| told(sql(&error)))?;
    migrate(&connection, path)?;
    Ok(connection)
}

/// Writes the log that the last process left once more, and syncs it. That process may have crashed between writing and
/// syncing it, or its sync may have failed: then its last commits can be read from the system's cache and are not on the
/// disk, and no later sync need bring them there, because the system takes them for clean. Whatever is read from the log
/// must be on the disk before anything rests on it (H1).
fn settle_log(database: &Path) -> io::Result<()> {
    let log = match OpenOptions::new().read(true).write(true).open(beside(database, "-wal")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        log => log?,
    };
    let (mut piece, mut at) = (vec![0; 1 << 20], 0);
    loop {
        let length = log.read_at(&mut piece, at)?;
        if length == 0 {
            return log.sync_all();
        }
        log.write_all_at(piece.get(..length).unwrap_or_default(), at)?;
        at += length as u64;
    }
}

/// Opens a connection that reads.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreFault> {
    let open = || {
        let connection = open_further(path)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    open().map_err(|error: rusqlite::Error| sql(&error))
}

/// Opens the database to move its log.
pub(crate) fn open_mover(path: &Path) -> Result<Connection, StoreFault> {
    open_further(path).map_err(|error| sql(&error))
}

fn open_further(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    Ok(connection)
}

/// `synchronous=FULL` syncs the write-ahead log at every commit: that is what "acknowledged" rests on (H1). The
/// database is not memory-mapped, so that a bad disk gives an error and not a signal.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(128);
    // Without it SQLite prepares every statement on a table with partial indexes anew whenever a parameter changes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cache_size", -8192)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    // The ledger sees to checkpoints: SQLite's own would keep to itself that the disk failed.
    connection.pragma_update(None, "wal_autocheckpoint", 0)
}

/// SQLite gives its other files the mode of the database, so the database is made before SQLite makes it.
fn make_private(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

/// One of the files that SQLite keeps beside a database.
fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// A file that is there, is not empty and does not begin as SQLite files do is somebody else's, or damaged. Where the power
/// failed while the database was made, its begin may be missing too; then the rollback journal is still beside it, with
/// which SQLite takes back what was half made, and says itself if that is none of its files.
fn check_header(path: &Path) -> Result<(), StoreFault> {
    if beside(path, "-journal").exists() {
        return Ok(());
    }
    let Ok(mut file) = File::open(path) else { return Ok(()) };
    let mut header = Vec::new();
    let read = Read::by_ref(&mut file).take(MAGIC.len() as u64).read_to_end(&mut header);
    read.map_err(|error| disk("database header", &error))?;
    if header.is_empty() || header == MAGIC {
        return Ok(());
    }
    Err(foreign(path))
}

fn foreign(path: &Path) -> StoreFault {
    StoreFault::Damaged(format!(
        "{} ist keine Datenbank von Rohrpost oder beschädigt. Aus der Sicherung wiederherstellen.",
        path.display()
    ))
}

/// A database as an earlier version made it, or one that is there brought up to that version.
#[cfg(test)]
pub(crate) fn open_at_version(path: &Path, version: usize) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    configure(&connection)?;
    let done: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(done).unwrap_or(0);
    for (number, migration) in MIGRATIONS.iter().enumerate().take(version).skip(done) {
        apply(&connection, number + 1, migration)?;
    }
    Ok(connection)
}

fn migrate(connection: &Connection, path: &Path) -> Result<(), StoreFault> {
    let read = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let told = |error: rusqlite::Error| unopened(path, sql(&error));
    let version = read("user_version").map_err(told)?;
    let application = read("application_id").map_err(told)?;
    let known = i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX);
    if version != 0 && application != APPLICATION {
        return Err(foreign(path));
    }
    if version > known {
        return Err(StoreFault::Unavailable(format!(
            "Die Datenbank {} stammt von einem neueren Rohrpost (Fassung {version}, bekannt bis {known}). Neueres Rohrpost starten.",
            path.display()
        )));
    }
    let first = usize::try_from(version).map_err(|_| StoreFault::Damaged("user_version".into()))?;
    for (number, migration) in MIGRATIONS.iter().enumerate().skip(first) {
        apply(connection, number + 1, migration).map_err(told)?;
    }
    Ok(())
}

/// One migration and its number, in one transaction.
fn apply(connection: &Connection, version: usize, migration: &str) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(migration)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", i64::try_from(version).unwrap_or(i64::MAX))?;
    transaction.commit()
}

/// The version that this program makes.
pub(crate) const fn newest() -> usize {
    MIGRATIONS.len()
}

/// The version of the schema of a database that is only read. A newer one is not understood, an older one is.
pub(crate) fn version_of(connection: &Connection, path: &Path) -> Result<usize, StoreFault> {
    let read = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let version = read("user_version").map_err(|error| sql(&error))?;
    let application = read("application_id").map_err(|error| sql(&error))?;
    match usize::try_from(version) {
        Ok(1..) if application != APPLICATION => {}
        Ok(known @ 1..) if known <= MIGRATIONS.len() => return Ok(known),
        Ok(1..) => {
            return Err(StoreFault::Unavailable(format!(
                "Die Datenbank {} stammt von einem neueren Rohrpost (Fassung {version}). Mit dem neueren prüfen.",
                path.display()
            )));
        }
        _ => {}
    }
    Err(foreign(path))
}
