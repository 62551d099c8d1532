//! The port `Configurations`: every configuration that was active, and who activated it when and why.

use crate::fault::{Fault, damaged};
use crate::keys::Column;
use crate::rows::{as_word, digest, first, number, size, time, word};
use crate::store::SqliteStore;
use crate::work::{ForgetConfigurations, KeepActivation};
use async_trait::async_trait;
use rohrpost_model::ports::{
    ActivationWords, Configurations, Cursor, KeptActivation, NewActivation, StoreFault, Vault, WrappedKey,
};
use rohrpost_model::version::{ConfigurationText, MAPPINGS, VersionKind};
use rohrpost_model::{Digest, MappingName};
use rusqlite::{Connection, Row};
use std::collections::BTreeSet;
use std::sync::Arc;

#[async_trait]
impl Configurations for SqliteStore {
    async fn keep_activation(&self, activation: NewActivation) -> Result<(), StoreFault> {
        self.writer.submit(KeepActivation(activation)).await
    }

    async fn activations(
        &self,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, KeptActivation)>, StoreFault> {
        let vault = Arc::clone(&self.vault);
        let (before, limit) = (after.map_or(i64::MAX, |cursor| size(cursor.0)), limit.clamp(1, 1000));
        let sql =
            format!("SELECT {ACTIVATION} FROM activations a WHERE a.seq < ?1 ORDER BY a.seq DESC LIMIT ?2");
        let read =
            move |connection: &Connection| select(connection, &*vault, &sql, (before, size(limit as u64)));
        self.readers.snapshot(read).await
    }

    async fn activations_of(&self, version: &Digest) -> Result<Vec<KeptActivation>, StoreFault> {
        let (vault, version) = (Arc::clone(&self.vault), *version);
        let sql = format!("SELECT {ACTIVATION} FROM activations a WHERE a.version = ?1 ORDER BY a.seq DESC");
        let read = move |connection: &Connection| select(connection, &*vault, &sql, [version.as_bytes()]);
        Ok(self.readers.snapshot(read).await?.into_iter().map(|(_, activation)| activation).collect())
    }

    async fn configuration(&self, version: &Digest) -> Result<Option<ConfigurationText>, StoreFault> {
        let version = *version;
        self.readers.snapshot(move |connection| configuration(connection, &version)).await
    }

    async fn beginning_with(&self, digits: &str) -> Result<Vec<Digest>, StoreFault> {
        let digits = digits.to_ascii_uppercase();
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(
                "SELECT DISTINCT version FROM configuration_parts WHERE substr(hex(version), 1, length(?1)) = ?1 LIMIT 2",
            )?;
            let mut rows = statement.query([&digits])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(digest(row, 0)?);
            }
            Ok(found)
        };
        self.readers.read(read).await
    }

    async fn forget_configurations(&self, keep: usize) -> Result<usize, StoreFault> {
        let keep = size(keep as u64);
        let work = self.readers.snapshot(move |connection| forgettable(connection, keep)).await?;
        if work.versions.is_empty() { Ok(0) } else { self.writer.submit(work).await }
    }
}

/// The columns that [`activation`] reads, of `activations a`.
const ACTIVATION: &str = "a.seq, a.version, a.at, a.cause, a.who, a.sealed_words, a.epoch, a.wrapped_key, \
     EXISTS (SELECT 1 FROM configuration_parts p WHERE p.version = a.version)";

fn select(
    connection: &Connection,
    vault: &dyn Vault,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<(Cursor, KeptActivation)>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((Cursor(number(row, 0, "activation")?), activation(row, vault)?));
    }
    Ok(found)
}

fn activation(row: &Row<'_>, vault: &dyn Vault) -> Result<KeptActivation, Fault> {
    Ok(KeptActivation {
        version: digest(row, 1)?,
        at: time(row, 2)?,
        cause: word(row, 3, "cause of an activation")?,
        who: row.get(4)?,
        words: words(row, vault)?,
        kept: row.get(8)?,
    })
}

/// A person's words; `None` where their key was destroyed.
fn words(row: &Row<'_>, vault: &dyn Vault) -> Result<Option<ActivationWords>, Fault> {
    let Some(sealed) = row.get::<_, Option<Vec<u8>>>(5)? else { return Ok(None) };
    let wrapped = WrappedKey { epoch: row.get(6)?, bytes: row.get(7)? };
    match vault.open(&wrapped).map_err(StoreFault::from) {
        Ok(key) => Ok(Some(Column::Activation(row.get(0)?).open_alone(&*key, &sealed)?)),
        Err(StoreFault::Erased) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

fn configuration(connection: &Connection, version: &Digest) -> Result<Option<ConfigurationText>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT p.kind, p.name, p.digest, v.content FROM configuration_parts p \
         LEFT JOIN versions v ON v.kind = p.kind AND v.digest = p.digest AND p.kind = 'file' \
         WHERE p.version = ?1 AND p.kind IN ('file', 'mapping')",
    )?;
    let mut rows = statement.query([version.as_bytes()])?;
    let mut text = ConfigurationText::default();
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        match word(row, 0, "kind of a part")? {
            VersionKind::File => {
                let content: Vec<u8> = row.get::<_, Option<_>>(3)?.ok_or_else(|| damaged("a kept file"))?;
                let content = String::from_utf8(content).map_err(|_| damaged("a kept file"))?;
                text.files.insert(name, content);
            }
            _ => drop(text.mappings.insert(mapping(&name)?, digest(row, 2)?)),
        }
    }
    if text == ConfigurationText::default() {
        return Ok(None);
    }
    if text.version() == *version { Ok(Some(text)) } else { Err(damaged("a kept configuration").into()) }
}

fn mapping(path: &str) -> Result<MappingName, Fault> {
    let name = path.strip_prefix(MAPPINGS).and_then(|rest| rest.strip_prefix('/'));
    Ok(name.and_then(|name| name.parse().ok()).ok_or_else(|| damaged("a kept mapping's name"))?)
}

/// The versions beyond the `keep` latest that nobody needs: no open delivery pins a step of them, and of those that have a
/// step which an ended delivery pins, they are not the latest. So what was done can be shown with all that was configured
/// beside it, and yet a step that never changes does not keep every configuration there ever was. It reads every delivery,
/// so it is done beside the writer; what is pinned after this state of the database, the writer looks after.
fn forgettable(connection: &Connection, keep: i64) -> Result<ForgetConfigurations, Fault> {
    let beyond = blobs(
        connection,
        "SELECT version FROM activations a WHERE EXISTS (SELECT 1 FROM configuration_parts p WHERE p.version = a.version) \
         GROUP BY version ORDER BY max(seq) DESC LIMIT -1 OFFSET ?1",
        [keep],
    )?;
    let since = first(connection, "SELECT coalesce(max(seq), 0) FROM history", [])?;
    if beyond.is_empty() {
        return Ok(ForgetConfigurations { versions: Vec::new(), since });
    }
    let open = "SELECT DISTINCT p.version FROM (SELECT DISTINCT pinned FROM deliveries \
         WHERE state NOT IN ('delivered', 'skipped', 'discarded', 'expired')) d \
         JOIN configuration_parts p ON p.digest = d.pinned AND p.kind = 'step'";
    // SQLite takes the other column from the row with the maximum.
    let latest = "SELECT version FROM (SELECT p.version, max(a.seq) FROM (SELECT DISTINCT pinned FROM deliveries) d \
         JOIN configuration_parts p ON p.digest = d.pinned AND p.kind = 'step' \
         JOIN activations a ON a.version = p.version GROUP BY p.digest)";
    let mut needed: BTreeSet<_> = blobs(connection, open, [])?.into_iter().collect();
    needed.extend(blobs(connection, latest, [])?);
    let versions = beyond.into_iter().filter(|version| !needed.contains(version)).collect();
    Ok(ForgetConfigurations { versions, since })
}

fn blobs(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<Vec<[u8; 32]>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map(params, |row| row.get(0))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Parts with kind, name and digest, as they are kept.
pub(crate) fn parts(new: &NewActivation) -> Result<Vec<(String, String, Digest)>, Fault> {
    let part = |kind, name, digest| Ok((as_word(&kind)?, name, digest));
    let files = new
        .text
        .files
        .iter()
        .map(|(name, text)| part(VersionKind::File, name.clone(), Digest::of(text.as_bytes())));
    let mappings = new.text.mappings.iter().map(|(name, digest)| {
        part(VersionKind::Mapping, rohrpost_model::version::mapping_path(name), *digest)
    });
    let steps = new.steps.iter().map(|(name, digest)| part(VersionKind::Step, name.clone(), *digest));
    files.chain(mappings).chain(steps).collect()
}
