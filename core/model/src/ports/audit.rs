use super::StoreFault;
use crate::{Digest, Timestamp};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// An end of the chained history: the number of a row and its hash, which covers all rows before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The row's number, from 1; 0 where there is no row yet.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
}

/// What a signed head says: the payload of the JWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadClaims {
    /// The row's number.
    pub seq: u64,
    /// Its hash, hexadecimal.
    pub hash: Digest,
    /// When it was signed.
    pub at: Timestamp,
}

impl HeadClaims {
    /// The head that is claimed.
    pub const fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }
}

/// The chained history, for those who keep its heads.
///
/// It is called in parallel with everything else. What it tells is committed and survives a power cut.
#[async_trait]
pub trait Audit: Send + Sync {
    /// The end of the chain now.
    async fn head(&self) -> Result<Head, StoreFault>;

    /// The hash of a row; `None` if there is no row of this number.
    async fn hash_at(&self, seq: u64) -> Result<Option<Digest>, StoreFault>;
}
