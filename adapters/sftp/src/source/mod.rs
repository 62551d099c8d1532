//! A source: files that others drop into a folder of an SFTP server. The rules are the kit's
//! ([`inbox`](rohrpost_kit::inbox)); here is the folder. A round is a connection of its own.

mod files;
mod watched;
mod wire;

use crate::probe;
use crate::settings::Location;
use async_trait::async_trait;
use files::Remote;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::inbox::{self, Inbox};
use rohrpost_kit::{AdapterSource, SourceAdapter};
use rohrpost_model::ports::{Clock, Desk, Probe, Round, Source};
use rohrpost_model::{ClientName, Failure, Fault};
use std::path::PathBuf;
use std::sync::Arc;

/// The adapter of kind `sftp` for sources.
pub struct SftpInbox;

impl SourceAdapter for SftpInbox {
    fn kind(&self) -> &'static str {
        "sftp"
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
        Ok(Arc::new(Dropped::configure(source, self.kind())?))
    }
}

/// A folder at a server that others drop files into.
struct Dropped {
    files: Arc<Remote>,
    inbox: Inbox,
    folder: PathBuf,
    clock: Arc<dyn Clock>,
}

impl Dropped {
    fn configure(source: &AdapterSource<'_>, kind: &str) -> Result<Self, Vec<Fault>> {
        let (location, settings): (Location, inbox::Settings) = source.read_groups(kind)?;
        let mut faults = Faults::default();
        let located = faults.note(location.read(source));
        let rules = faults.note(settings.rules(source));
        let clock = Arc::clone(&source.clock);
        faults.finish(located.zip(rules).map(|((server, folder), rules)| {
            let files = Arc::new(Remote::new(server, folder.to_string_lossy().into_owned()));
            let inbox = Inbox::new(files.clone(), rules, clock.clone());
            Self { files, inbox, folder, clock }
        }))
    }
}

#[async_trait]
impl Source for Dropped {
    async fn round(&self, desk: &dyn Desk, client: &ClientName, round: &mut Round) -> Result<(), Failure> {
        let _connected = self.files.connect().await?;
        self.inbox.round(desk, client, round).await
    }

    /// The hub moves files within the folder, so it needs of it what a destination needs.
    async fn probe(&self, probe: &mut Probe) {
        probe::probe(self.files.server(), &self.folder, self.clock.now(), probe).await;
    }
}
