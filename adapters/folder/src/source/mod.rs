//! A source: files that others drop into a folder (a hotfolder). The rules are the kit's
//! ([`inbox`](rohrpost_kit::inbox)); here is the folder.

mod local;

use crate::advice;
use crate::disk::RealDisk;
use async_trait::async_trait;
use local::Local;
use rohrpost_kit::files::{self, Disk};
use rohrpost_kit::inbox::{self, Inbox};
use rohrpost_kit::{AdapterSource, SourceAdapter};
use rohrpost_model::ports::{Clock, Desk, Probe, Round, Source};
use rohrpost_model::{ClientName, Failure, Fault};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use toml::Spanned;

/// The adapter of kind `folder` for sources.
pub struct Hotfolder;

impl SourceAdapter for Hotfolder {
    fn kind(&self) -> &'static str {
        "folder"
    }

    fn example(&self) -> &'static str {
        include_str!("source.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("source.json")
    }

    fn takes_answers(&self) -> bool {
        true
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Source>, Vec<Fault>> {
        Ok(Arc::new(Dropped::configure(source)?))
    }
}

/// What of the table `[folder]` of a source is not the inbox's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// The folder; relative to the configuration. It must exist.
    path: Spanned<PathBuf>,
}

/// A folder that others drop files into.
struct Dropped {
    inbox: Inbox,
    path: PathBuf,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
}

impl Dropped {
    fn configure(source: &AdapterSource<'_>) -> Result<Self, Vec<Fault>> {
        let (settings, place): (inbox::Settings, Place) = source.read_groups("folder")?;
        if place.path.get_ref().as_os_str().is_empty() {
            return Err(vec![source.places().fault_at(&place.path, "the path is empty")]);
        }
        let path = source.path(place.path.get_ref());
        let rules = settings.rules(source)?;
        let files = Arc::new(Local::new(path.clone()));
        let clock = Arc::clone(&source.clock);
        Ok(Self { inbox: Inbox::new(files, rules, clock.clone()), path, disk: Arc::new(RealDisk), clock })
    }
}

#[async_trait]
impl Source for Dropped {
    async fn round(&self, desk: &dyn Desk, client: &ClientName, round: &mut Round) -> Result<(), Failure> {
        self.inbox.round(desk, client, round).await
    }

    /// The hub moves files within the folder, so it needs of it what a destination needs.
    async fn probe(&self, probe: &mut Probe) {
        files::plan_probe(&self.path, probe);
        files::probe(&self.disk, &self.path, self.clock.now(), advice, probe).await;
    }
}
