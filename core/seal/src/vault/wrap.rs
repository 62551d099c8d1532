//! One key under another.
//!
//! Format, version 1: the version (1 byte), a random nonce (12 bytes), and the AES-256-GCM encryption of the 32 bytes of
//! the key with its tag (48 bytes). What the key is for, and the version, are authenticated with it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rohrpost_model::ports::VaultFault;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const TAG_LEN: usize = 16;

/// The length of a wrapped key in bytes.
pub(super) const WRAPPED_LEN: usize = 1 + NONCE_LEN + 32 + TAG_LEN;

/// What a wrapped key is, so that none can stand in another's place.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    EpochKey,
    DataKey,
}

impl Purpose {
    fn label(self) -> &'static str {
        match self {
            Self::EpochKey => "epoch key",
            Self::DataKey => "data key",
        }
    }
}

/// Random bytes of the cryptographic library.
pub(super) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, VaultFault> {
    let mut bytes = Zeroizing::new([0; N]);
    aws_lc_rs::rand::fill(bytes.as_mut())
        .map_err(|_| VaultFault::Unavailable("the machine gives no random numbers".to_owned()))?;
    Ok(bytes)
}

/// 32 bytes, ready to encrypt with.
pub(super) fn cipher(bytes: &[u8; 32]) -> Result<LessSafeKey, VaultFault> {
    let key = UnboundKey::new(&AES_256_GCM, bytes)
        .map_err(|_| VaultFault::Unavailable("the key cannot be prepared".to_owned()))?;
    Ok(LessSafeKey::new(key))
}

/// Wraps `key` under `outer`, bound to its purpose and epoch.
pub(super) fn wrap(
    outer: &LessSafeKey,
    purpose: Purpose,
    epoch: &str,
    key: &[u8; 32],
) -> Result<Vec<u8>, VaultFault> {
    let nonce = random::<NONCE_LEN>()?;
    let mut wrapped = Vec::with_capacity(WRAPPED_LEN);
    wrapped.push(VERSION);
    wrapped.extend_from_slice(nonce.as_ref());
    let start = wrapped.len();
    wrapped.extend_from_slice(key);
    let plain = wrapped.get_mut(start..).unwrap_or_default();
    let tag = outer
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(*nonce),
            authenticated(purpose, epoch),
            plain,
        )
        .map_err(|_| VaultFault::Unavailable("the key cannot be wrapped".to_owned()))?;
    wrapped.extend_from_slice(tag.as_ref());
    Ok(wrapped)
}

/// Opens what [`wrap`] made. [`VaultFault::Damaged`] for anything else.
pub(super) fn unwrap(
    outer: &LessSafeKey,
    purpose: Purpose,
    epoch: &str,
    wrapped: &[u8],
) -> Result<Zeroizing<[u8; 32]>, VaultFault> {
    let damaged = || VaultFault::Damaged(format!("a wrapped {} of {epoch}", purpose.label()));
    let (&version, rest) = wrapped.split_first().ok_or_else(damaged)?;
    if version != VERSION {
        return Err(VaultFault::Damaged(format!(
            "a {} of {epoch} has the format {version}, which this version does not know",
            purpose.label()
        )));
    }
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
    let mut sealed = Zeroizing::new(sealed.to_vec());
    let plain = outer
        .open_in_place(Nonce::assume_unique_for_key(*nonce), authenticated(purpose, epoch), &mut sealed)
        .map_err(|_| damaged())?;
    Ok(Zeroizing::new(<[u8; 32]>::try_from(&*plain).map_err(|_| damaged())?))
}

fn authenticated(purpose: Purpose, epoch: &str) -> Aad<String> {
    Aad::from(format!("rohrpost {} {VERSION} {epoch}", purpose.label()))
}
