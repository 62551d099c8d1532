//! The store's own tests: the conformance suite, and what is particular to SQLite, segments and files.

mod audit;
mod crash;
mod mirror;
mod plans;
mod ready;
mod schema;
mod syncs;
pub(crate) mod vault;

use crate::conformance::{Ports, Stand};
use crate::{SqliteStore, StoreOptions};
use async_trait::async_trait;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use vault::TestVault;

/// A store in a folder of its own.
pub(crate) struct Folder {
    root: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().join("data")
    }
}

#[async_trait]
impl Stand for Folder {
    async fn open(&self) -> Ports {
        ports(&open(&self.path()))
    }
}

pub(crate) fn open(path: &Path) -> Arc<SqliteStore> {
    SqliteStore::open(path, Arc::new(TestVault), StoreOptions::default()).unwrap()
}

/// A store that reads `ahead` deliveries of a tenant at one time.
pub(crate) fn open_ahead(path: &Path, ahead: usize) -> Arc<SqliteStore> {
    let options = StoreOptions { ahead, ..StoreOptions::default() };
    SqliteStore::open(path, Arc::new(TestVault), options).unwrap()
}

pub(crate) fn ports(store: &Arc<SqliteStore>) -> Ports {
    Ports {
        outbox: store.clone(),
        records: store.clone(),
        commands: store.clone(),
        blobs: store.clone(),
        versions: store.clone(),
        configurations: store.clone(),
        vault: Arc::new(TestVault),
    }
}

mod suite {
    use super::Folder;

    crate::conformance::conformance!(Folder::new());
}
