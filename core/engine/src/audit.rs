//! Signs heads of the history, so that somebody else can keep them: against a head that was kept elsewhere it shows
//! whether the history was written anew or cut off since.

use crate::Engine;
use rohrpost_model::ports::{Head, HeadClaims, Statement, StoreFault};
use rohrpost_model::{Digest, Timestamp};
use std::sync::Arc;

/// A head that the hub vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// The head.
    pub head: Head,
    /// When it was signed.
    pub at: Timestamp,
    /// The compact JWS over both.
    pub jws: String,
}

impl Engine {
    /// The end of the history as it is committed now, signed.
    pub async fn audit_head(&self) -> Result<SignedHead, StoreFault> {
        let (head, at) = (self.ports.audit.head().await?, self.ports.clock.now());
        let claims = HeadClaims { seq: head.seq, hash: head.hash, at };
        let claims = serde_json::to_vec(&claims).map_err(|error| unsigned(&error))?;
        let signer = Arc::clone(&self.ports.receipts);
        let signed = self.workers.run(move || signer.sign(Statement::AuditHead, &claims)).await;
        let jws = signed.map_err(|reason| unsigned(&reason))?.map_err(|fault| unsigned(&fault))?;
        Ok(SignedHead { head, at, jws })
    }

    /// The end of the history, unsigned.
    pub async fn audit_end(&self) -> Result<Head, StoreFault> {
        self.ports.audit.head().await
    }

    /// The hash of a row of the history.
    pub async fn audit_hash_at(&self, seq: u64) -> Result<Option<Digest>, StoreFault> {
        self.ports.audit.hash_at(seq).await
    }
}

fn unsigned(cause: &dyn std::fmt::Display) -> StoreFault {
    StoreFault::Unavailable(format!("the head of the history cannot be signed: {cause}"))
}
