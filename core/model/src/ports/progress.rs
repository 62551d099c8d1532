use super::StoreFault;
use crate::{Failure, Reason, ReasonCode};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The longest value, in bytes: an id, a digest, a time.
const VALUE_MAX: usize = 1000;

/// The longest key.
const KEY_MAX: usize = 100;

/// What a delivery of several calls has done so far: "the folder was created, its id is 4711". What was recorded on one
/// attempt is handed to every later one at the same destination, and to inquiries; see [`Target`](super::Target) for
/// the protocol.
///
/// A key is a word of the adapter's in kebab case, with numbers and names of the configuration where there are several of
/// one kind; it stands in the history. A value is content (a foreign system's
/// identifier may name a person): it is stored encrypted under its submission's key, erased with it, and never logged.
pub struct Progress {
    recorded: Mutex<BTreeMap<String, String>>,
    keeper: Arc<dyn ProgressKeeper>,
}

/// Keeps what is recorded.
#[async_trait]
pub trait ProgressKeeper: Send + Sync {
    /// When it returns `Ok`, the entry is on disk; when it returns an error, nothing was changed, and it tells why.
    async fn keep(&self, key: &str, value: &str) -> Result<(), StoreFault>;
}

impl Progress {
    /// What was recorded before, and who keeps what comes.
    pub const fn new(recorded: BTreeMap<String, String>, keeper: Arc<dyn ProgressKeeper>) -> Self {
        Self { recorded: Mutex::new(recorded), keeper }
    }

    /// To be read only: nothing more is recorded while a target is asked, or where nothing is sent.
    pub fn to_read(recorded: BTreeMap<String, String>) -> Self {
        Self::new(recorded, Arc::new(Nobody))
    }

    /// What was recorded last under this key.
    pub fn get(&self, key: &str) -> Option<String> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Records an entry, or another value under its key. Only after it returned `Ok` may the next call be made. Where it
    /// cannot be kept, nobody would know of what was done: the outcome of the attempt is unknown, and the target is asked.
    pub async fn record(&self, key: &str, value: &str) -> Result<(), Failure> {
        let lost = || Failure::Unknown(Reason::new(ReasonCode::ProgressNotKept).with("key", key));
        if value.len() > VALUE_MAX || key.len() > KEY_MAX {
            return Err(lost());
        }
        self.keeper.keep(key, value).await.map_err(|_| lost())?;
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.insert(key.to_owned(), value.to_owned());
        Ok(())
    }
}

/// Keeps nothing.
struct Nobody;

#[async_trait]
impl ProgressKeeper for Nobody {
    async fn keep(&self, _: &str, _: &str) -> Result<(), StoreFault> {
        Err(StoreFault::Unavailable("nothing is recorded here".into()))
    }
}
