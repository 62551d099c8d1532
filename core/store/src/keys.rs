//! The data keys of submissions, and the columns that are encrypted with them.

use crate::fault::{Fault, damaged};
use lru::LruCache;
use rohrpost_model::ports::{ContentKey, StoreFault, Vault, WrappedKey};
use rohrpost_model::{CommandId, DeliveryId, Digest, SubmissionId};
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

/// Opens data keys and keeps the latest ones open.
pub(crate) struct Keys {
    vault: Arc<dyn Vault>,
    open: Mutex<LruCache<SubmissionId, Arc<dyn ContentKey>>>,
}

impl Keys {
    pub(crate) fn new(vault: Arc<dyn Vault>, at_most: usize) -> Self {
        let bound = NonZeroUsize::new(at_most).unwrap_or(NonZeroUsize::MIN);
        Self { vault, open: Mutex::new(LruCache::new(bound)) }
    }

    pub(crate) fn remember(&self, submission: SubmissionId, key: Arc<dyn ContentKey>) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).put(submission, key);
    }

    fn remembered(&self, submission: SubmissionId) -> Option<Arc<dyn ContentKey>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&submission).map(Arc::clone)
    }

    /// The keyed hash by which a value is found again.
    pub(crate) fn blind(&self, purpose: &str, value: &str) -> Digest {
        self.vault.blind(purpose, value.as_bytes())
    }

    /// The key of a kept submission. [`StoreFault::Erased`] if its epoch's key was destroyed.
    pub(crate) fn of(
        &self,
        connection: &Connection,
        submission: SubmissionId,
    ) -> Result<Arc<dyn ContentKey>, Fault> {
        if let Some(key) = self.remembered(submission) {
            return Ok(key);
        }
        let mut statement =
            connection.prepare_cached("SELECT epoch, wrapped_key FROM submissions WHERE id = ?1")?;
        let wrapped = statement.query_row([submission.as_bytes()], |row| {
            Ok(WrappedKey { epoch: row.get(0)?, bytes: row.get(1)? })
        })?;
        let key = self.vault.open(&wrapped).map_err(StoreFault::from)?;
        self.remember(submission, Arc::clone(&key));
        Ok(key)
    }
}

/// An encrypted column of one row.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    /// `submissions.sealed_reply`
    Reply,
    /// `submissions.sealed_properties`
    Properties,
    /// `parts.sealed_name` of this part
    PartName(u32),
    /// `deliveries.sealed_receipt` of this delivery
    Receipt(DeliveryId),
    /// `progress.sealed_value` of this delivery's attempt; key and value together
    Progress(DeliveryId, u32),
    /// `identifiers.sealed_value` of this row; giver, system and value together
    Identifier(Digest),
    /// `history.sealed_why` of this row
    Why(i64),
    /// The same of a row that is about no delivery
    Note(i64),
    /// `commands.sealed_why` of this order
    Order(CommandId),
    /// `activations.sealed_words` of this activation
    Activation(i64),
}

impl Column {
    /// What is authenticated with the value, so that it cannot stand in another's place. Part of the stored format.
    fn context(self, submission: Option<SubmissionId>) -> Vec<u8> {
        let submission = submission.map_or_else(|| "-".to_owned(), |id| id.to_string());
        let place = match self {
            Self::Reply => "submissions.reply".to_owned(),
            Self::Properties => "submissions.properties".to_owned(),
            Self::PartName(number) => format!("parts.name {number}"),
            Self::Receipt(delivery) => format!("deliveries.receipt {delivery}"),
            Self::Progress(delivery, attempt) => format!("progress.value {delivery} {attempt}"),
            Self::Identifier(hash) => format!("identifiers.value {hash}"),
            Self::Why(seq) => format!("history.why {seq}"),
            Self::Note(seq) => format!("history.note {seq}"),
            Self::Order(id) => format!("commands.why {id}"),
            Self::Activation(seq) => format!("activations.words {seq}"),
        };
        format!("rohrpost column 1 {submission} {place}").into_bytes()
    }

    pub(crate) fn seal<T: Serialize>(
        self,
        key: &dyn ContentKey,
        submission: SubmissionId,
        value: &T,
    ) -> Result<Vec<u8>, StoreFault> {
        self.seal_in(key, Some(submission), value)
    }

    /// Seals what belongs to no submission, under a key of its own.
    pub(crate) fn seal_alone<T: Serialize>(
        self,
        key: &dyn ContentKey,
        value: &T,
    ) -> Result<Vec<u8>, StoreFault> {
        self.seal_in(key, None, value)
    }

    fn seal_in<T: Serialize>(
        self,
        key: &dyn ContentKey,
        submission: Option<SubmissionId>,
        value: &T,
    ) -> Result<Vec<u8>, StoreFault> {
        let plain = to_json(value)?;
        Ok(key.seal(&self.context(submission), plain.as_bytes())?)
    }

    pub(crate) fn open<T: DeserializeOwned>(
        self,
        key: &dyn ContentKey,
        submission: SubmissionId,
        sealed: &[u8],
    ) -> Result<T, StoreFault> {
        self.open_in(key, Some(submission), sealed)
    }

    /// Opens what [`Self::seal_alone`] sealed.
    pub(crate) fn open_alone<T: DeserializeOwned>(
        self,
        key: &dyn ContentKey,
        sealed: &[u8],
    ) -> Result<T, StoreFault> {
        self.open_in(key, None, sealed)
    }

    fn open_in<T: DeserializeOwned>(
        self,
        key: &dyn ContentKey,
        submission: Option<SubmissionId>,
        sealed: &[u8],
    ) -> Result<T, StoreFault> {
        let plain = key.open(&self.context(submission), sealed)?;
        let plain = String::from_utf8(plain).map_err(|_| damaged("an encrypted column"))?;
        from_json(&plain, "an encrypted column")
    }
}

/// The form in which structures are kept in columns: with the version of the form from the first row on.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u32,
    value: T,
}

const VERSION: u32 = 1;

pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreFault> {
    serde_json::to_string(&Versioned { v: VERSION, value }).map_err(|_| damaged("a value that is to be kept"))
}

pub(crate) fn from_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, StoreFault> {
    let kept: Versioned<T> = serde_json::from_str(text).map_err(|_| damaged(what))?;
    if kept.v == VERSION { Ok(kept.value) } else { Err(damaged(what)) }
}
