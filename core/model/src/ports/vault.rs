use crate::{TenantName, Timestamp};
use std::sync::Arc;

/// The size of the plain chunks that content is encrypted in.
pub const CHUNK: usize = 64 * 1024;

/// What went wrong with a key.
#[derive(Debug, thiserror::Error)]
pub enum VaultFault {
    /// The key folder cannot be read or written now.
    #[error("the keys cannot be used now: {0}")]
    Unavailable(String),
    /// The hub key is not the one that these keys were wrapped with.
    #[error("wrong hub key: {0}")]
    WrongKey(String),
    /// A key or a chunk is not what was written.
    #[error("damaged: {0}")]
    Damaged(String),
    /// The epoch's key was destroyed: its content is erased.
    #[error("the key of this epoch was destroyed")]
    Destroyed,
}

/// A submission's data key as it is stored: wrapped by the key of its epoch, and useless without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// The epoch: tenant and ISO week of acceptance, for instance `lk-beispiel/2026-W48`.
    pub epoch: String,
    /// A versioned format of the vault's own.
    pub bytes: Vec<u8>,
}

/// A fresh data key, open and wrapped.
pub struct Issued {
    /// The key to encrypt with.
    pub key: Arc<dyn ContentKey>,
    /// The same key as the store keeps it.
    pub wrapped: WrappedKey,
}

/// Keeps the keys that content is encrypted with.
///
/// Keys form three layers: the hub key (given at start) wraps one key per epoch (tenant × week of acceptance), an epoch
/// key wraps one data key per submission. Destroying an epoch key erases everything under it, backups included (H9).
/// All calls are synchronous, quick, and safe in parallel; [`Vault::issue`] touches the disk only for the first
/// submission of an epoch, and returns after the new epoch key is durable (file and directory synced), because a data
/// key that is lost would be content lost (H1).
pub trait Vault: Send + Sync {
    /// A fresh data key for a submission of `tenant` accepted at `at`.
    fn issue(&self, tenant: &TenantName, at: Timestamp) -> Result<Issued, VaultFault>;

    /// Opens a stored data key.
    fn open(&self, wrapped: &WrappedKey) -> Result<Arc<dyn ContentKey>, VaultFault>;

    /// A keyed hash (HMAC-SHA-256 under a key derived from the hub key) of an identifier that must be found again but
    /// not be read: idempotency keys, foreign identifiers. `purpose` separates the kinds.
    fn blind(&self, purpose: &str, value: &[u8]) -> crate::Digest;
}

/// One submission's data key. Encrypts in chunks of [`CHUNK`] bytes (AES-256-GCM, STREAM construction of Hoang,
/// Reyhanitabar, Rogaway and Vizár 2015), so that content of any size streams and no chunk can be cut off, swapped or
/// repeated unnoticed. `context` names what the content is (submission, part); it is authenticated with every chunk,
/// so that one stored content cannot stand in another's place.
pub trait ContentKey: Send + Sync {
    /// Begins to encrypt.
    fn sealer(&self, context: &[u8]) -> Box<dyn StreamSealer>;

    /// Begins to decrypt.
    fn opener(&self, context: &[u8]) -> Box<dyn StreamOpener>;

    /// Encrypts what fits into memory.
    fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultFault> {
        let mut out = Vec::with_capacity(plain.len() + 64);
        let mut sealer = self.sealer(context);
        sealer.push(plain, &mut out)?;
        sealer.finish(&mut out)?;
        Ok(out)
    }

    /// Decrypts what fits into memory.
    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultFault> {
        let mut out = Vec::with_capacity(sealed.len());
        let mut opener = self.opener(context);
        opener.push(sealed, &mut out)?;
        opener.finish(&mut out)?;
        Ok(out)
    }
}

/// Encrypts a stream. Pieces may have any size.
pub trait StreamSealer: Send {
    /// Takes the next plain piece and appends what is ready to `out`.
    fn push(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), VaultFault>;

    /// Closes the stream and appends its last chunk, which exists even for empty content.
    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<(), VaultFault>;
}

/// Decrypts a stream. Pieces may have any size; only authenticated bytes are ever appended to `out`.
pub trait StreamOpener: Send {
    /// Takes the next stored piece. [`VaultFault::Damaged`] if a chunk is not the one written at this place.
    fn push(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), VaultFault>;

    /// Ends the stream. [`VaultFault::Damaged`] if it was cut off; then nothing of what was given out may be trusted
    /// to be complete.
    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<(), VaultFault>;
}
