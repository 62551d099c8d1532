//! What was found valid at the door need not be validated again when it is mapped a moment later.

use lru::LruCache;
use rohrpost_model::Digest;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many findings are kept, about 2 MB. What fell out is validated again.
const KEPT: NonZeroUsize = NonZeroUsize::new(16 * 1024).unwrap();

/// Data (by their SHA-256) that fit a schema (by its digest). A schema says the same of the same bytes for ever.
pub(crate) struct KnownValid(Mutex<LruCache<(Digest, Digest), ()>>);

impl Default for KnownValid {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl KnownValid {
    /// Notes that data fit a schema.
    pub(crate) fn remember(&self, data: Digest, schema: Digest) {
        self.lock().put((data, schema), ());
    }

    /// Whether data are known to fit a schema.
    pub(crate) fn has(&self, data: Digest, schema: Digest) -> bool {
        self.lock().contains(&(data, schema))
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<(Digest, Digest), ()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_holds_for_these_data_and_this_schema_only() {
        let known = KnownValid::default();
        let (data, schema, other) = (Digest::of(b"data"), Digest::of(b"schema"), Digest::of(b"other"));
        known.remember(data, schema);
        assert!(known.has(data, schema));
        assert!(!known.has(data, other) && !known.has(other, schema) && !known.has(schema, data));
    }
}
