//! The keys of stored content.
//!
//! ```text
//! hub key (given at start) ── wraps ──► epoch key (keys/<tenant>/<year>-W<week>.key) ── wraps ──► data key (in the store)
//! ```
//!
//! In the folder lie only wrapped keys, `HUB-KEY.check`, a value by which a wrong hub key is noticed at start, and
//! `EPOCHS.made`, by which a lost key is noticed. Upper case, because no tenant can be called so. The folder belongs apart from the data and from its backups; one process
//! uses it at a time (the lock on the data directory sees to that).

mod epoch;
mod files;
mod hub_key;
pub(crate) mod stream;
mod wrap;

pub use hub_key::{HubKey, parse_hub_key};

use aws_lc_rs::aead::LessSafeKey;
use aws_lc_rs::hmac;
use epoch::Epoch;
use lru::LruCache;
use rohrpost_model::ports::{ContentKey, Issued, Vault, VaultFault, WrappedKey};
use rohrpost_model::{Digest, TenantName, Timestamp};
use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use stream::DataKey;
use wrap::Purpose;

const CHECK_FILE: &str = "HUB-KEY.check";

/// The names of all epochs whose key was ever made, one per line: so that a key file that got lost is noticed, and not
/// made anew under the same name. Upper case, as above.
const MADE_FILE: &str = "EPOCHS.made";

/// Opened epoch keys that are kept in memory: more than the tenants of a large hub have weeks in use.
const CACHED_EPOCHS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// What stands in the place of a destroyed epoch key.
const DESTROYED: &[u8] = b"destroyed 1\n";

/// The keys in a folder; see the module. Implements the port [`Vault`].
pub struct KeyFolder {
    folder: PathBuf,
    wrapping: LessSafeKey,
    blinding: hmac::Key,
    cached: Mutex<LruCache<Epoch, Arc<LessSafeKey>>>,
    /// Held while an epoch's file is read or made, so that two threads in a new epoch make one key.
    loading: Mutex<()>,
}

impl fmt::Debug for KeyFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFolder({}, ***)", self.folder.display())
    }
}

impl KeyFolder {
    /// Opens the folder, making it at the first start. [`VaultFault::WrongKey`] if it was made with another hub key:
    /// then nothing was changed.
    pub fn open(folder: &Path, hub_key: &HubKey) -> Result<Self, VaultFault> {
        files::make_folder(folder)?;
        check_hub_key(folder, hub_key)?;
        // The first draw gathers entropy for tens of milliseconds: nobody shall wait for it later.
        drop(wrap::random::<32>()?);
        Ok(Self {
            folder: folder.to_owned(),
            wrapping: wrap::cipher(&*hub_key.derive("wrap epoch keys")?)?,
            blinding: hmac::Key::new(hmac::HMAC_SHA256, hub_key.derive("blind identifiers")?.as_ref()),
            cached: Mutex::new(LruCache::new(CACHED_EPOCHS)),
            loading: Mutex::new(()),
        })
    }

    /// Destroys the key of an epoch, and with it all content under it, in backups too (promise H9). What has to stay
    /// must have been wrapped anew before. It cannot be undone.
    pub fn destroy_epoch(&self, epoch: &str) -> Result<(), VaultFault> {
        let epoch = Epoch::parse(epoch)?;
        let _loading = locked(&self.loading);
        files::write_durably(&epoch.path(&self.folder), DESTROYED)?;
        locked(&self.cached).pop(&epoch);
        Ok(())
    }

    /// The key of an epoch, from memory or from its file; `make` says what to do where there is no file.
    fn epoch_key(
        &self,
        epoch: &Epoch,
        make: impl FnOnce(&Self, &Epoch) -> Result<LessSafeKey, VaultFault>,
    ) -> Result<Arc<LessSafeKey>, VaultFault> {
        if let Some(key) = self.cached_key(epoch) {
            return Ok(key);
        }
        let _loading = locked(&self.loading);
        if let Some(key) = self.cached_key(epoch) {
            return Ok(key);
        }
        let key = match files::read(&epoch.path(&self.folder))? {
            Some(bytes) if bytes == DESTROYED => return Err(VaultFault::Destroyed),
            Some(bytes) => {
                // A crash may have come before the key was durable, or between the key and the note of it.
                files::settle(&epoch.path(&self.folder))?;
                self.note_made(epoch)?;
                wrap::cipher(&*wrap::unwrap(&self.wrapping, Purpose::EpochKey, epoch.name(), &bytes)?)?
            }
            None => make(self, epoch)?,
        };
        let key = Arc::new(key);
        locked(&self.cached).put(epoch.clone(), Arc::clone(&key));
        Ok(key)
    }

    fn cached_key(&self, epoch: &Epoch) -> Option<Arc<LessSafeKey>> {
        locked(&self.cached).get(epoch).cloned()
    }

    /// Makes a new epoch key; it is durable, and noted, before anything is encrypted with it (promise H1).
    fn make_epoch_key(&self, epoch: &Epoch) -> Result<LessSafeKey, VaultFault> {
        if self.made()?.lines().any(|name| name == epoch.name()) {
            return self.missing_epoch_key(epoch);
        }
        let bytes = wrap::random::<32>()?;
        let wrapped = wrap::wrap(&self.wrapping, Purpose::EpochKey, epoch.name(), &bytes)?;
        let path = epoch.path(&self.folder);
        path.parent().map_or(Ok(()), files::make_folder)?;
        files::write_durably(&path, &wrapped)?;
        self.note_made(epoch)?;
        wrap::cipher(&bytes)
    }

    /// The names of all epochs whose key was ever made.
    fn made(&self) -> Result<String, VaultFault> {
        let bytes = files::read(&self.folder.join(MADE_FILE))?.unwrap_or_default();
        String::from_utf8(bytes).map_err(|_| VaultFault::Damaged(MADE_FILE.to_owned()))
    }

    fn note_made(&self, epoch: &Epoch) -> Result<(), VaultFault> {
        let made = self.made()?;
        if made.lines().any(|name| name == epoch.name()) {
            return Ok(());
        }
        files::write_durably(&self.folder.join(MADE_FILE), format!("{made}{}\n", epoch.name()).as_bytes())
    }

    /// A key that content was written with is never made anew: it would open nothing.
    fn missing_epoch_key(&self, epoch: &Epoch) -> Result<LessSafeKey, VaultFault> {
        let path = epoch.path(&self.folder);
        Err(VaultFault::Unavailable(format!(
            "{0} fehlt. Bitte aus der Sicherung der Schlüssel wiederherstellen. ({0} is missing; restore it from the backup \
             of the keys.)",
            path.display()
        )))
    }
}

impl Vault for KeyFolder {
    fn issue(&self, tenant: &TenantName, at: Timestamp) -> Result<Issued, VaultFault> {
        let epoch = Epoch::of(tenant, at);
        let outer = self.epoch_key(&epoch, Self::make_epoch_key)?;
        let key = wrap::random::<32>()?;
        let bytes = wrap::wrap(&outer, Purpose::DataKey, epoch.name(), &key)?;
        let wrapped = WrappedKey { epoch: epoch.name().to_owned(), bytes };
        Ok(Issued { key: Arc::new(DataKey::new(&key)?), wrapped })
    }

    fn open(&self, wrapped: &WrappedKey) -> Result<Arc<dyn ContentKey>, VaultFault> {
        let epoch = Epoch::parse(&wrapped.epoch)?;
        let outer = self.epoch_key(&epoch, Self::missing_epoch_key)?;
        let key = wrap::unwrap(&outer, Purpose::DataKey, epoch.name(), &wrapped.bytes)?;
        Ok(Arc::new(DataKey::new(&key)?))
    }

    fn blind(&self, purpose: &str, value: &[u8]) -> Digest {
        let mut context = hmac::Context::with_key(&self.blinding);
        // The length keeps ("ab", "c") apart from ("a", "bc").
        context.update(&(purpose.len() as u64).to_be_bytes());
        context.update(purpose.as_bytes());
        context.update(value);
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        Digest::from_bytes(digest)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is guarded stays whole when a thread panics: a cache and an empty lock.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Compares the hub key with the one of the first start, by a value derived from it; writes that value at the first
/// start.
fn check_hub_key(folder: &Path, hub_key: &HubKey) -> Result<(), VaultFault> {
    let path = folder.join(CHECK_FILE);
    let expected = format!("rohrpost keys 1\n{}\n", hex::encode(hub_key.derive("check value")?.as_ref()));
    match files::read(&path)? {
        Some(stored) if stored == expected.as_bytes() => Ok(()),
        Some(_) => Err(VaultFault::WrongKey(format!(
            "Der Hub-Schlüssel passt nicht zu den Schlüsseln in {}. Bitte den Hub-Schlüssel angeben, mit dem dieser \
             Ordner angelegt wurde, oder den Ordner aus der passenden Sicherung wiederherstellen; es wurde nichts \
             verändert.",
            folder.display()
        ))),
        None if !files::holds_folders(folder)? => files::write_durably(&path, expected.as_bytes()),
        None => Err(VaultFault::Damaged(format!(
            "{} fehlt, obwohl der Ordner schon Schlüssel enthält. Bitte den ganzen Ordner aus der Sicherung der Schlüssel \
             wiederherstellen.",
            path.display()
        ))),
    }
}
