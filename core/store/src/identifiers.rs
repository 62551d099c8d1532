//! What others call a case, and how it is found again.

use crate::fault::{Fault, damaged};
use crate::keys::{Column, Keys};
use crate::ledger::Ledger;
use crate::rows::{Stored, as_word, digest, first, nanos, open_column, text, time, word};
use crate::scope::{ScopeParams, VISIBLE_SUBMISSION};
use rohrpost_model::foreign::{Giver, Hit, KnownAs, Sought, normalised};
use rohrpost_model::ports::{ContentKey, StoreFault};
use rohrpost_model::{CaseId, Digest, ForeignId, Submission, SubmissionId, TenantName, Timestamp};
use rusqlite::{Connection, Row, params};

/// The giver of a file's name.
const FILE: &str = "file";

/// An identifier about to be written.
pub(crate) struct Learned {
    giver: String,
    system: String,
    hash: Digest,
    sealed: Option<Vec<u8>>,
}

impl Learned {
    fn seal(
        (keys, key): (&Keys, &dyn ContentKey),
        (submission, tenant): (SubmissionId, &TenantName),
        (giver, system): (Giver, &str),
        id: &ForeignId,
    ) -> Result<Self, Fault> {
        let hash = hash_of_id(keys, tenant, id.as_str());
        let giver = as_word(&giver)?;
        let sealed = Column::Identifier(hash).seal(key, submission, &(&giver, system, id))?;
        Ok(Self { giver, system: system.to_owned(), hash, sealed: Some(sealed) })
    }

    fn insert(&self, ledger: &Ledger, place: i64, at: Timestamp) -> Result<(), Fault> {
        let mut insert = ledger.connection.prepare_cached(
            "INSERT INTO identifiers (submission, giver, system, hash, sealed_value, learned_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        )?;
        let hash = self.hash.as_bytes();
        insert.execute(params![place, self.giver, self.system, hash, self.sealed, nanos(at)])?;
        Ok(())
    }
}

/// The same value is another with another tenant: nobody sees that two have it, and a search never leaves its tenant (H7).
fn hash_of_id(keys: &Keys, tenant: &TenantName, value: &str) -> Digest {
    keys.blind("foreign identifier", &format!("{tenant}\n{}", normalised(value)))
}

fn hash_of_file(keys: &Keys, tenant: &TenantName, name: &str) -> Digest {
    keys.blind("file name", &format!("{tenant}\n{}", normalised(name)))
}

/// What is learned with a submission: what its sender calls the case, and what its files are called.
pub(crate) fn of_submission(
    (keys, key): (&Keys, &dyn ContentKey),
    submission: &Submission,
    foreign: &[ForeignId],
) -> Result<Vec<Learned>, StoreFault> {
    let giver = if submission.kind.is_answer() { Giver::Answer } else { Giver::Sender };
    let given = (giver, submission.client.as_str());
    let of = (submission.id, &submission.tenant);
    let called = foreign.iter().map(|id| Learned::seal((keys, key), of, given, id));
    let mut learned = called.collect::<Result<Vec<_>, _>>().map_err(Fault::into_store)?;
    let names = submission.parts.iter().filter_map(|part| part.name.as_deref());
    learned.extend(names.map(|name| {
        let (hash, sealed) = (hash_of_file(keys, of.1, name), None);
        Learned { giver: FILE.to_owned(), system: String::new(), hash, sealed }
    }));
    Ok(learned)
}

/// Writes what is learned with a submission.
pub(crate) fn keep(ledger: &Ledger, learned: &[Learned], place: i64, at: Timestamp) -> Result<(), Fault> {
    learned.iter().try_for_each(|one| one.insert(ledger, place, at))
}

/// Learns what a target calls the case. What cannot be an identifier is none, and an answer that the hub gave itself is
/// none either.
pub(crate) fn keep_reference(
    ledger: &Ledger,
    stored: &Stored,
    reference: &str,
    at: Timestamp,
) -> Result<(), Fault> {
    let delivery = &stored.delivery;
    let Some(destination) = &delivery.destination else { return Ok(()) };
    let Ok(id) = reference.parse::<ForeignId>() else { return Ok(()) };
    if is_own(ledger, reference)? {
        return Ok(());
    }
    let key = ledger.keys.of(&ledger.connection, delivery.submission)?;
    let (of, given) = ((delivery.submission, &delivery.tenant), (Giver::Receipt, destination.as_str()));
    Learned::seal((&ledger.keys, &*key), of, given, &id)?.insert(ledger, stored.submission, at)
}

fn is_own(ledger: &Ledger, reference: &str) -> Result<bool, Fault> {
    let Ok(id) = reference.parse::<SubmissionId>() else { return Ok(false) };
    first(&ledger.connection, "SELECT EXISTS (SELECT 1 FROM submissions WHERE id = ?1)", [id.as_bytes()])
}

/// What others call a case, as it was learned, each with its tenant.
pub(crate) fn of_case(
    connection: &Connection,
    keys: &Keys,
    scope: &ScopeParams,
    case: &CaseId,
) -> Result<Vec<(TenantName, KnownAs)>, Fault> {
    let (tenants, client) = scope.as_sql();
    let sql = format!(
        "SELECT s.tenant, s.id, i.giver, i.system, i.hash, i.sealed_value, i.learned_at FROM submissions s \
         CROSS JOIN identifiers i ON i.submission = s.seq \
         WHERE {VISIBLE_SUBMISSION} AND s.case_id = ?3 AND i.sealed_value IS NOT NULL ORDER BY i.learned_at, i.submission"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((tenants, client, case.as_str()))?;
    let mut known = Vec::new();
    while let Some(row) = rows.next()? {
        let submission = SubmissionId::from_bytes(row.get(1)?);
        let (from, system, sealed): (Giver, String, Vec<u8>) =
            (word(row, 2, "giver")?, row.get(3)?, row.get(5)?);
        let column = Column::Identifier(digest(row, 4)?);
        let opened: Option<(Giver, String, ForeignId)> =
            open_column(keys, connection, submission, column, &sealed)?;
        let Some((sealed_from, sealed_system, id)) = opened else { continue };
        if (sealed_from, &sealed_system) != (from, &system) {
            return Err(damaged("an identifier").into());
        }
        let learned_at = time(row, 6)?;
        known.push((text(row, 0, "tenant")?, KnownAs { id, from, system, submission, learned_at }));
    }
    Ok(known)
}

/// The submissions of a tenant that were found, the newest first.
pub(crate) fn search(
    connection: &Connection,
    keys: &Keys,
    tenant: &TenantName,
    sought: &Sought,
    limit: usize,
) -> Result<Vec<Hit>, Fault> {
    let (hash, giver, system) = match sought {
        Sought::ForeignId(value, system) => (hash_of_id(keys, tenant, value), None, system.as_deref()),
        Sought::Receipt(value) => (hash_of_id(keys, tenant, value), Some("receipt"), None),
        Sought::FileName(name) => (hash_of_file(keys, tenant, name), Some(FILE), None),
    };
    let mut statement = connection.prepare_cached(SEARCH)?;
    let mut rows = statement.query(params![hash.as_bytes(), giver, system, tenant.as_str()])?;
    let mut hits: Vec<Hit> = Vec::new();
    while hits.len() < limit
        && let Some(row) = rows.next()?
    {
        let submission = SubmissionId::from_bytes(row.get(1)?);
        // Several may have called it so.
        if hits.last().is_none_or(|hit| hit.submission != submission) {
            hits.push(hit(row, tenant, submission)?);
        }
    }
    Ok(hits)
}

fn hit(row: &Row<'_>, tenant: &TenantName, submission: SubmissionId) -> Result<Hit, Fault> {
    Ok(Hit {
        tenant: tenant.clone(),
        case: text(row, 0, "case")?,
        submission,
        kind: text(row, 2, "kind")?,
        service: text(row, 3, "service")?,
        received_at: time(row, 4)?,
    })
}

/// The index has all rows of a hash in the order of acceptance: as many are read as are shown.
pub(crate) const SEARCH: &str = "SELECT s.case_id, s.id, s.kind, s.service, s.received_at FROM identifiers i \
     CROSS JOIN submissions s ON s.seq = i.submission WHERE i.hash = ?1 AND (?2 IS NULL OR i.giver = ?2) \
     AND (?3 IS NULL OR i.system = ?3) AND s.tenant = ?4 ORDER BY i.submission DESC";
