//! What the door has parsed and checked, handed on to whoever maps it next, so that neither is done twice. A bounded cache:
//! what is not in it is read and parsed again.

use lru::LruCache;
use rohrpost_mappings::Xml;
use rohrpost_model::{Digest, SubmissionId};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

/// At most so many documents.
const DOCUMENTS: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// At most so many bytes of text; a parsed document takes about ten times that.
const BYTES: usize = 3 << 20;

/// Data that were parsed and checked at the door.
pub(crate) struct Checked {
    pub(crate) xml: Xml,
    /// The source schemas that they fit.
    pub(crate) fits: Vec<Digest>,
}

#[derive(Default)]
pub(crate) struct ParsedData(Mutex<Held>);

struct Held {
    documents: LruCache<SubmissionId, (Arc<Checked>, usize)>,
    bytes: usize,
}

impl Default for Held {
    fn default() -> Self {
        Self { documents: LruCache::new(DOCUMENTS), bytes: 0 }
    }
}

impl ParsedData {
    /// Keeps what `uses` deliveries will want.
    pub(crate) fn keep(&self, id: SubmissionId, checked: Checked, uses: usize) {
        let bytes = checked.xml.bytes().len();
        if uses == 0 || bytes > BYTES {
            return;
        }
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.bytes += bytes;
        if let Some((_, (out, _))) = held.documents.push(id, (Arc::new(checked), uses)) {
            held.bytes -= out.xml.bytes().len();
        }
        while held.bytes > BYTES {
            let Some((_, (out, _))) = held.documents.pop_lru() else { break };
            held.bytes -= out.xml.bytes().len();
        }
    }

    /// What was parsed of this submission; the last one who wants it takes it away.
    pub(crate) fn take(&self, id: SubmissionId) -> Option<Arc<Checked>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (checked, uses) = held.documents.get_mut(&id)?;
        *uses -= 1;
        if *uses > 0 {
            return Some(Arc::clone(checked));
        }
        let (checked, _) = held.documents.pop(&id)?;
        held.bytes -= checked.xml.bytes().len();
        Some(checked)
    }
}
