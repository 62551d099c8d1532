use super::{AuditRow, Broken, How, Walk, Walked};
use crate::fault::{Fault, damaged, disk, sql};
use crate::schema;
use rohrpost_model::ports::{Head, StoreFault};
use rohrpost_model::{DeliveryId, Digest};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error as Sql, ErrorCode, OpenFlags, Row};
use std::io;
use std::path::Path;
use std::time::Duration;

/// Why a chain could not be gone through, or does not hold.
#[derive(Debug, thiserror::Error)]
pub enum AuditFault {
    /// It does not hold.
    #[error("the chain is broken at row {}", .0.seq)]
    Broken(Broken),
    /// The data directory cannot be read.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// Whoever takes the rows could not take one.
    #[error(transparent)]
    Taker(#[from] io::Error),
}

impl From<Sql> for AuditFault {
    fn from(error: Sql) -> Self {
        Self::Store(sql(&error))
    }
}

/// Reads the history of a data directory. It takes no lock, changes nothing, and sees one state of the database for as
/// long as it walks; a hub may run and write meanwhile.
pub struct AuditReader {
    connection: Connection,
    /// The version of the schema.
    version: usize,
}

impl AuditReader {
    /// Opens the database in `dir`. [`StoreFault::Unavailable`] if there is none, or a newer Rohrpost made it;
    /// [`StoreFault::Damaged`] if it is something else.
    pub fn open(dir: &Path) -> Result<Self, StoreFault> {
        let path = dir.join("rohrpost.sqlite");
        if let Err(error) = path.metadata() {
            return Err(match error.kind() {
                io::ErrorKind::NotFound => StoreFault::Unavailable(format!(
                    "In {} liegt keine Datenbank von Rohrpost. Das Datenverzeichnis mit --data angeben.",
                    dir.display()
                )),
                _ => disk(&path.display().to_string(), &error),
            });
        }
        let connection = connect(&path).map_err(|error| sql(&error))?;
        let version = schema::version_of(&connection, &path)?;
        Ok(Self { connection, version })
    }

    /// Goes through the whole chain, gives each row to `each`, and compares the chain with `heads`. After that it looks
    /// whether each delivery is in the state that its last row says.
    pub fn walk(
        &self,
        heads: &[Head],
        mut each: impl FnMut(&AuditRow) -> io::Result<()>,
    ) -> Result<Walked, AuditFault> {
        let snapshot = self.connection.unchecked_transaction()?;
        let mut walk = Walk::new(heads);
        go_through(&snapshot, self.version, &mut walk, &mut each)?;
        check_states(&snapshot, walk.expected() - 1)?;
        Ok(walk.finish())
    }
}

/// Walks the whole chain of an open store. Returns how many rows it has; damaged if one was changed, taken out or put in.
pub(crate) fn verify(connection: &Connection) -> Result<u64, Fault> {
    let mut walk = Walk::new(&[]);
    match go_through(connection, schema::newest(), &mut walk, &mut |_| Ok(())) {
        Ok(()) => Ok(walk.finish().end.seq),
        Err(AuditFault::Broken(Broken { seq, .. })) => {
            Err(damaged(&format!("the chain of the history at row {seq}")).into())
        }
        Err(AuditFault::Store(fault)) => Err(fault.into()),
        Err(AuditFault::Taker(error)) => Err(disk("history", &error).into()),
    }
}

/// Takes all rows in their order.
fn go_through(
    connection: &Connection,
    version: usize,
    walk: &mut Walk,
    each: &mut dyn FnMut(&AuditRow) -> io::Result<()>,
) -> Result<(), AuditFault> {
    let mut statement = connection.prepare(&rows_of(version))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let broken = |how| AuditFault::Broken(Broken { seq: walk.expected(), how });
        let (read, words_fit) = read(row).map_err(|error| match error {
            Sql::InvalidColumnType(..) | Sql::FromSqlConversionFailure(..) => broken(How::Unreadable),
            error => error.into(),
        })?;
        if !words_fit {
            return Err(broken(How::Words));
        }
        walk.take(&read).map_err(AuditFault::Broken)?;
        each(&read)?;
    }
    Ok(())
}

fn rows_of(version: usize) -> String {
    // The first version of the schema knew no rows without a delivery.
    let subject = if version < 2 { "NULL" } else { "h.subject" };
    format!(
        "SELECT h.seq, h.delivery, d.id, {subject}, h.at, h.event, h.state, h.cause, h.who, h.why_sha256, \
             h.reason, h.evidence, h.hash, h.sealed_why FROM history h LEFT JOIN deliveries d ON d.seq = h.delivery \
             ORDER BY h.seq"
    )
}

/// A row, and whether a person's words are those that its hash covers. Words that were erased do not break a chain.
fn read(row: &Row<'_>) -> rusqlite::Result<(AuditRow, bool)> {
    let seq: i64 = row.get(0)?;
    let (place, delivery): (Option<i64>, Option<[u8; 16]>) = (row.get(1)?, row.get(2)?);
    let digest = |index| row.get::<_, Option<[u8; 32]>>(index).map(|bytes| bytes.map(Digest::from_bytes));
    let read = AuditRow {
        seq: u64::try_from(seq).unwrap_or(0),
        // A row of a delivery that is not there any more is of no form that there is.
        delivery: delivery.map(DeliveryId::from_bytes).filter(|_| place.is_some()),
        subject: row.get(3)?,
        at: row.get(4)?,
        event: row.get(5)?,
        state: row.get(6)?,
        cause: row.get(7)?,
        who: row.get(8)?,
        why_sha256: digest(9)?,
        reason: row.get(10)?,
        evidence: digest(11)?,
        hash: Digest::from_bytes(row.get(12)?),
    };
    let words: Option<Vec<u8>> = row.get(13)?;
    let fit = words.is_none_or(|words| read.why_sha256 == Some(Digest::of(&words)));
    Ok((read, fit))
}

/// The first delivery whose state is not that of its last row, if there is one.
fn check_states(connection: &Connection, last: u64) -> Result<(), AuditFault> {
    let mut statement = connection.prepare(
        "SELECT d.id, h.seq FROM deliveries d LEFT JOIN history h ON h.seq = \
         (SELECT max(l.seq) FROM history l WHERE l.delivery = d.seq) WHERE h.state IS NOT d.state LIMIT 1",
    )?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let (id, seq): ([u8; 16], Option<i64>) = (row.get(0)?, row.get(1)?);
    let seq = seq.and_then(|seq| u64::try_from(seq).ok()).unwrap_or(last);
    Err(AuditFault::Broken(Broken { seq, how: How::State(DeliveryId::from_bytes(id)) }))
}

/// Opens the database to read only. Beside a running hub, or where a crash left a write-ahead log, its other files are
/// used as they are. Where they are not there and cannot be made (a backup on a medium that cannot be written), the
/// database is whole by itself.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        configure(&connection)?;
        Ok(connection)
    };
    match open() {
        Err(error) if cannot_open(&error) && !log_of(path).exists() => {
            let uri = format!("file:{}?immutable=1", escaped(path));
            let connection = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?;
            configure(&connection)?;
            Ok(connection)
        }
        opened => opened,
    }
}

fn cannot_open(error: &Sql) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

fn log_of(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// A path as it stands in a URI (SQLite's own rules: `%`, `?` and `#` mean something).
fn escaped(path: &Path) -> String {
    path.display().to_string().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

/// The first statement that reads shows whether the other files can be used.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}
