//! The history of changes of state and of what persons asked (H6): append-only, each row chained to the one before by its
//! hash.

use crate::fault::{Fault, damaged};
use crate::keys::{Column, Keys};
use crate::rows::{as_json, as_word, nanos};
use rohrpost_model::digest::Hasher;
use rohrpost_model::transition::Event;
use rohrpost_model::{Delivery, DeliveryId, Digest, Reason, State, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row};

/// One change of state about to be written.
pub(crate) struct Entry<'a> {
    pub(crate) at: Timestamp,
    /// `None` where the delivery begins.
    pub(crate) event: Option<Event>,
    pub(crate) state: State,
    pub(crate) cause: &'a str,
    pub(crate) who: &'a str,
    pub(crate) why: Option<&'a str>,
    pub(crate) reason: Option<&'a Reason>,
    /// SHA-256 of what was accepted, or of what was sent.
    pub(crate) evidence: Option<Digest>,
}

/// What a row is about.
enum About {
    /// A delivery that is in this state then.
    Delivery([u8; 16], String),
    /// Something else.
    Subject(String),
}

/// The end of the chain.
#[derive(Clone, Copy)]
pub(crate) struct Chain {
    seq: i64,
    hash: Digest,
}

const BEGINNING: Chain = Chain { seq: 0, hash: Digest::from_bytes([0; 32]) };

/// What a person asked that concerns no single delivery, about to be written.
pub(crate) struct Note<'a> {
    /// `destination NAME`, `command ID` or `configuration VERSION`.
    pub(crate) subject: &'a str,
    pub(crate) at: Timestamp,
    /// What was asked, or that it ended.
    pub(crate) event: &'a str,
    pub(crate) who: &'a str,
    /// The person's words, encrypted.
    pub(crate) sealed_why: Option<&'a [u8]>,
}

/// What the chain covers of a row, as it is kept.
struct Link {
    about: About,
    at: i64,
    event: Option<String>,
    cause: String,
    who: String,
    why_sha256: Option<[u8; 32]>,
    reason: Option<String>,
    evidence: Option<[u8; 32]>,
}

impl Chain {
    /// The end as it is kept.
    pub(crate) fn read(connection: &Connection) -> Result<Self, Fault> {
        let last =
            connection.query_row("SELECT seq, hash FROM history ORDER BY seq DESC LIMIT 1", [], |row| {
                Ok(Self { seq: row.get(0)?, hash: Digest::from_bytes(row.get(1)?) })
            });
        Ok(last.optional()?.unwrap_or(BEGINNING))
    }

    /// Appends a row for `delivery`, whose place in its table is `place`.
    pub(crate) fn append(
        &mut self,
        connection: &Connection,
        keys: &Keys,
        place: i64,
        delivery: &Delivery,
        entry: &Entry<'_>,
    ) -> Result<(), Fault> {
        let seq = self.seq + 1;
        let why = entry.why.map(|why| seal_why(connection, keys, delivery, seq, why)).transpose()?;
        let link = Link::new(delivery.id, entry, why.as_deref())?;
        self.insert(connection, Some(place), &link, why.as_deref())
    }

    pub(crate) fn next_seq(&self) -> i64 {
        self.seq + 1
    }

    /// Appends a row that is about no delivery.
    pub(crate) fn note(&mut self, connection: &Connection, note: &Note<'_>) -> Result<(), Fault> {
        self.insert(connection, None, &Link::of_note(note), note.sealed_why)
    }

    fn insert(
        &mut self,
        connection: &Connection,
        place: Option<i64>,
        link: &Link,
        sealed_why: Option<&[u8]>,
    ) -> Result<(), Fault> {
        let next = self.next(link);
        let (state, subject) = match &link.about {
            About::Delivery(_, state) => (Some(state), None),
            About::Subject(subject) => (None, Some(subject)),
        };
        let mut insert = connection.prepare_cached(
            "INSERT INTO history (seq, delivery, subject, at, event, state, cause, who, sealed_why, why_sha256, reason, \
             evidence, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?;
        insert.execute(rusqlite::params![
            next.seq,
            place,
            subject,
            link.at,
            link.event,
            state,
            link.cause,
            link.who,
            sealed_why,
            link.why_sha256,
            link.reason,
            link.evidence,
            next.hash.as_bytes(),
        ])?;
        *self = next;
        Ok(())
    }

    /// Part of the stored format: SHA-256 over the name of the format, the hash before, and the fields, each with a
    /// byte that says whether it is there and with its length. Format 1 is about a delivery, format 2 about a subject.
    fn next(&self, link: &Link) -> Self {
        let seq = self.seq + 1;
        let mut hasher = Hasher::default();
        hasher.update(match link.about {
            About::Delivery(..) => b"rohrpost history 1",
            About::Subject(_) => b"rohrpost history 2",
        });
        hasher.update(self.hash.as_bytes());
        hasher.update(&seq.to_be_bytes());
        match &link.about {
            About::Delivery(delivery, _) => hasher.update(delivery),
            About::Subject(subject) => field(&mut hasher, Some(subject.as_bytes())),
        }
        hasher.update(&link.at.to_be_bytes());
        field(&mut hasher, link.event.as_ref().map(String::as_bytes));
        if let About::Delivery(_, state) = &link.about {
            field(&mut hasher, Some(state.as_bytes()));
        }
        field(&mut hasher, Some(link.cause.as_bytes()));
        field(&mut hasher, Some(link.who.as_bytes()));
        field(&mut hasher, link.why_sha256.as_ref().map(<[u8; 32]>::as_slice));
        field(&mut hasher, link.reason.as_ref().map(String::as_bytes));
        field(&mut hasher, link.evidence.as_ref().map(<[u8; 32]>::as_slice));
        Self { seq, hash: hasher.finish() }
    }
}

fn field(hasher: &mut Hasher, value: Option<&[u8]>) {
    let Some(value) = value else { return hasher.update(&[0]) };
    hasher.update(&[1]);
    hasher.update(&(value.len() as u64).to_be_bytes());
    hasher.update(value);
}

fn seal_why(
    connection: &Connection,
    keys: &Keys,
    delivery: &Delivery,
    seq: i64,
    why: &str,
) -> Result<Vec<u8>, Fault> {
    let key = keys.of(connection, delivery.submission)?;
    Ok(Column::Why(seq).seal(&*key, delivery.submission, &why)?)
}

impl Link {
    fn new(delivery: DeliveryId, entry: &Entry<'_>, sealed_why: Option<&[u8]>) -> Result<Self, Fault> {
        Ok(Self {
            about: About::Delivery(*delivery.as_bytes(), entry.state.as_str().to_owned()),
            at: nanos(entry.at),
            event: entry.event.as_ref().map(as_word).transpose()?,
            cause: entry.cause.to_owned(),
            who: entry.who.to_owned(),
            why_sha256: sealed_why.map(|why| *Digest::of(why).as_bytes()),
            reason: entry.reason.map(as_json).transpose()?,
            evidence: entry.evidence.map(|evidence| *evidence.as_bytes()),
        })
    }

    fn of_note(note: &Note<'_>) -> Self {
        Self {
            about: About::Subject(note.subject.to_owned()),
            at: nanos(note.at),
            event: Some(note.event.to_owned()),
            cause: "command".to_owned(),
            who: note.who.to_owned(),
            why_sha256: note.sealed_why.map(|why| *Digest::of(why).as_bytes()),
            reason: None,
            evidence: None,
        }
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let about = match row.get(12)? {
            Some(subject) => About::Subject(subject),
            None => About::Delivery(row.get(1)?, row.get(4)?),
        };
        Ok(Self {
            about,
            at: row.get(2)?,
            event: row.get(3)?,
            cause: row.get(5)?,
            who: row.get(6)?,
            why_sha256: row.get(7)?,
            reason: row.get(8)?,
            evidence: row.get(9)?,
        })
    }
}

/// Walks the whole chain. Returns how many rows it has; damaged if one was changed, taken out or put in. A person's
/// words that were erased do not break it.
pub(crate) fn verify(connection: &Connection) -> Result<u64, Fault> {
    let mut statement = connection.prepare(
        "SELECT h.seq, d.id, h.at, h.event, h.state, h.cause, h.who, h.why_sha256, h.reason, h.evidence, h.hash, \
         h.sealed_why, h.subject FROM history h LEFT JOIN deliveries d ON d.seq = h.delivery ORDER BY h.seq",
    )?;
    let mut rows = statement.query([])?;
    let mut chain = BEGINNING;
    while let Some(row) = rows.next()? {
        let link = Link::read(row)?;
        let next = chain.next(&link);
        let kept = Chain { seq: row.get(0)?, hash: Digest::from_bytes(row.get(10)?) };
        let why: Option<Vec<u8>> = row.get(11)?;
        let why_fits = why.is_none_or(|why| link.why_sha256 == Some(*Digest::of(&why).as_bytes()));
        if kept.seq != next.seq || kept.hash != next.hash || !why_fits {
            return Err(damaged(&format!("the chain of the history at row {}", next.seq)).into());
        }
        chain = next;
    }
    Ok(u64::try_from(chain.seq).unwrap_or(0))
}
