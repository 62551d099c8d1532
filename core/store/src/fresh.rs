//! Submissions that were accepted or worked on lately, whole and with their open keys, so that whoever works on them need not
//! read and decrypt them again.

use lru::LruCache;
use rohrpost_model::SubmissionId;
use rohrpost_model::ports::Origin;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

/// Bounded by number: a submission without its contents is small.
pub(crate) struct Fresh(Mutex<LruCache<SubmissionId, Arc<Origin>>>);

impl Fresh {
    pub(crate) fn new(at_most: usize) -> Self {
        Self(Mutex::new(LruCache::new(NonZeroUsize::new(at_most).unwrap_or(NonZeroUsize::MIN))))
    }

    pub(crate) fn keep(&self, origin: Arc<Origin>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(origin.submission.id, origin);
    }

    pub(crate) fn get(&self, id: SubmissionId) -> Option<Arc<Origin>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }
}
