//! Keeping a configuration that becomes active, and forgetting those of which nobody needs anything.

use crate::configurations::parts;
use crate::fault::Fault;
use crate::history::Note;
use crate::keys::Column;
use crate::ledger::Ledger;
use crate::rows::{as_word, first, nanos};
use crate::writer::Work;
use rohrpost_model::Digest;
use rohrpost_model::ports::NewActivation;
use rohrpost_model::version::VersionKind;
use rusqlite::params;

pub(crate) struct KeepActivation(pub(crate) NewActivation);

impl Work for KeepActivation {
    type Output = ();

    fn weight(&self) -> usize {
        self.0.text.files.values().map(String::len).sum()
    }

    fn run(&mut self, ledger: &mut Ledger) -> Result<(), Fault> {
        let version = self.0.text.version();
        self.keep_files(ledger)?;
        self.keep_parts(ledger, &version)?;
        self.keep_row(ledger, &version)?;
        let sealed = match &self.0.words {
            Some((words, key)) => Some(Column::Note(ledger.next_in_history()).seal_alone(&*key.key, words)?),
            None => None,
        };
        ledger.note(&Note {
            subject: &format!("configuration {version}"),
            at: self.0.at,
            event: &as_word(&self.0.cause)?,
            who: &self.0.who,
            sealed_why: sealed.as_deref(),
        })
    }
}

impl KeepActivation {
    fn keep_files(&self, ledger: &Ledger) -> Result<(), Fault> {
        let kind = as_word(&VersionKind::File)?;
        let mut insert = ledger.connection.prepare_cached(
            "INSERT INTO versions (kind, digest, content) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?;
        for text in self.0.text.files.values() {
            insert.execute((&kind, Digest::of(text.as_bytes()).as_bytes(), text.as_bytes()))?;
        }
        Ok(())
    }

    fn keep_parts(&self, ledger: &Ledger, version: &Digest) -> Result<(), Fault> {
        let mut insert = ledger.connection.prepare_cached(
            "INSERT INTO configuration_parts (version, kind, name, digest) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT DO UPDATE SET digest = excluded.digest",
        )?;
        for (kind, name, digest) in parts(&self.0)? {
            insert.execute((version.as_bytes(), kind, name, digest.as_bytes()))?;
        }
        Ok(())
    }

    fn keep_row(&self, ledger: &Ledger, version: &Digest) -> Result<(), Fault> {
        let new = &self.0;
        let seq: i64 = first(&ledger.connection, "SELECT coalesce(max(seq), 0) + 1 FROM activations", [])?;
        let sealed = match &new.words {
            Some((words, key)) => Some(Column::Activation(seq).seal_alone(&*key.key, words)?),
            None => None,
        };
        let wrapped = new.words.as_ref().map(|(_, key)| &key.wrapped);
        let mut insert = ledger.connection.prepare_cached(
            "INSERT INTO activations (seq, version, at, cause, who, sealed_words, epoch, wrapped_key) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        insert.execute(params![
            seq,
            version.as_bytes(),
            nanos(new.at),
            as_word(&new.cause)?,
            new.who,
            sealed,
            wrapped.map(|wrapped| &wrapped.epoch),
            wrapped.map(|wrapped| &wrapped.bytes),
        ])?;
        Ok(())
    }
}

/// Versions of which no delivery pinned anything in the state of the database whose history ended at `since`.
pub(crate) struct ForgetConfigurations {
    pub(crate) versions: Vec<[u8; 32]>,
    pub(crate) since: i64,
}

impl Work for ForgetConfigurations {
    type Output = usize;

    fn run(&mut self, ledger: &mut Ledger) -> Result<usize, Fault> {
        // Whatever pins a step writes a row of the history in the same transaction.
        let mut delete = ledger.connection.prepare_cached(
            "DELETE FROM configuration_parts WHERE version = ?1 AND NOT EXISTS ( \
             SELECT 1 FROM history h JOIN deliveries d ON d.seq = h.delivery \
             JOIN configuration_parts p ON p.version = ?1 AND p.kind = 'step' AND p.digest = d.pinned WHERE h.seq > ?2)",
        )?;
        let mut forgotten = 0;
        for version in &self.versions {
            forgotten += usize::from(delete.execute((version, self.since))? > 0);
        }
        drop(delete);
        ledger.connection.execute(
            "DELETE FROM versions WHERE kind = 'file' \
             AND digest NOT IN (SELECT digest FROM configuration_parts WHERE kind = 'file')",
            [],
        )?;
        Ok(forgotten)
    }
}
