//! Errors of the disk and the database, sorted by what the caller does next.

use rohrpost_model::ports::StoreFault;
use rohrpost_model::transition::Impossible;
use rusqlite::{Error as Sql, ErrorCode, ffi};
use std::io;
use std::path::Path;

/// Why a work of the writer was not done.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It concerns this work alone.
    Own(StoreFault),
    /// The disk or the database failed: the whole group is rolled back.
    Group(StoreFault),
}

impl Fault {
    pub(crate) fn into_store(self) -> StoreFault {
        match self {
            Self::Own(fault) | Self::Group(fault) => fault,
        }
    }
}

impl From<Sql> for Fault {
    /// A broken constraint is a defect of the caller, so that the others of the group need not suffer for it.
    fn from(error: Sql) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) | None => Self::Own(sql(&error)),
            Some(_) => Self::Group(sql(&error)),
        }
    }
}

impl From<StoreFault> for Fault {
    fn from(fault: StoreFault) -> Self {
        Self::Own(fault)
    }
}

impl From<Impossible> for Fault {
    fn from(impossible: Impossible) -> Self {
        Self::Own(impossible.into())
    }
}

/// A fault of the database. Its text names no value: SQLite's messages carry names of tables and columns only.
pub(crate) fn sql(error: &Sql) -> StoreFault {
    let text = error.to_string();
    if is_failed_sync(error) {
        return StoreFault::Stopped(text);
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreFault::Full(text),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::ConstraintViolation)
        | None => StoreFault::Damaged(text),
        Some(_) => StoreFault::Unavailable(text),
    }
}

/// After a sync that failed the system takes for clean what never reached the disk, so a later sync that succeeds says
/// nothing about it.
fn is_failed_sync(error: &Sql) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC))
}

/// A write failed, and not for want of room on the disk; SQLite does not say for want of what.
pub(crate) fn is_failed_write(error: &Sql) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_WRITE)
}

/// A fault of the disk.
pub(crate) fn disk(what: &str, error: &io::Error) -> StoreFault {
    let text = format!("{what}: {error}");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StoreFault::Full(text)
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound => StoreFault::Damaged(text),
        _ => StoreFault::Unavailable(text),
    }
}

/// What an operator reads where the store in this directory cannot be opened.
pub fn unopened(directory: &Path, fault: StoreFault) -> StoreFault {
    let place = directory.display();
    match fault {
        StoreFault::Damaged(text) => StoreFault::Damaged(format!(
            "Die Daten in {place} sind beschädigt ({text}). Datenträger prüfen, dann aus der Sicherung wiederherstellen."
        )),
        StoreFault::Full(text) => StoreFault::Full(format!(
            "Für die Daten in {place} ist kein Platz ({text}). Platz schaffen, Rohrpost neu starten."
        )),
        StoreFault::Stopped(text) => StoreFault::Stopped(format!(
            "In {place} lässt sich nicht schreiben ({text}). Datenträger prüfen, Rohrpost neu starten; bleibt es dabei, aus \
             der Sicherung wiederherstellen."
        )),
        StoreFault::Unavailable(text) => StoreFault::Unavailable(format!(
            "Die Daten in {place} lassen sich nicht öffnen ({text}). Datenträger und Rechte prüfen, Rohrpost neu starten."
        )),
        other => other,
    }
}

/// A row that cannot be read; `what` names the column, never the value.
pub(crate) fn damaged(what: &str) -> StoreFault {
    StoreFault::Damaged(format!("{what} cannot be read"))
}

/// The same fault for everyone in a group.
pub(crate) fn copy(fault: &StoreFault) -> StoreFault {
    match fault {
        StoreFault::Unavailable(text) => StoreFault::Unavailable(text.clone()),
        StoreFault::Full(text) => StoreFault::Full(text.clone()),
        StoreFault::Stopped(text) => StoreFault::Stopped(text.clone()),
        StoreFault::Damaged(text) => StoreFault::Damaged(text.clone()),
        StoreFault::Impossible(impossible) => StoreFault::Impossible(*impossible),
        StoreFault::Erased => StoreFault::Erased,
    }
}
