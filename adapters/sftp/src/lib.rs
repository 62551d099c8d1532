//! Delivers into a folder of an SFTP server, and fetches from one (protocol version 3, as all servers speak it).
//!
//! # As a destination
//!
//! ```toml
//! adapter = "sftp"
//!
//! [sftp]
//! host = "sftp.example.org"
//! port = 22                              # this is the default
//! host-keys = ["SHA256:…"]               # fingerprints, or lines of known_hosts; nothing is ever trusted at first sight
//! user = "rohrpost"
//! key = { file = "secrets/sftp.key" }    # and/or password
//! passphrase = { file = "secrets/sftp.passphrase" }
//! folder = "/eingang"                    # must exist; the hub does not make it
//! name = "{received-at:%Y%m%dT%H%M%SZ}_{case}_{delivery-id}"   # this is the default
//! unit = "flat"                          # or "subfolder"
//! print = { … }                          # for a print service: PDFs and a control file, see rohrpost_kit::files::Print
//! connect-timeout = "10s"
//! ```
//!
//! What lies there, and how it is made so that a torn connection at any point leaves no doubt: [`rohrpost_kit::files`].
//! Every call is a connection of its own. A torn upload begins anew, under its name in `.rohrpost`.
//!
//! # What can go wrong, and what it is
//! | | |
//! |---|---|
//! | no connection, or it tears before the last move | unavailable: no reader can take it |
//! | it tears during the last move | unknown: the inquiry looks where the sidecar lies |
//! | another host key, no common algorithm, log-in refused, permission denied | refused: a person has to act |
//! | the server says "failure" | unavailable; without room for another byte: folder full |
//!
//! The protocol cannot sync a folder, so how durable names are is the server's matter; files are synced where it knows
//! `fsync@openssh.com`.
//!
//! # As a source
//! A round connects, takes in what lies whole in the folder ([`rohrpost_kit::inbox`]), and disconnects. Files are moved by
//! `posix-rename@openssh.com` where the server knows it, in one step. The protocol's own rename overwrites nothing, and
//! servers make it of two steps; there a file of the new name is removed first.

mod disk;
mod pin;
mod probe;
mod session;
mod settings;
mod source;

pub use source::SftpInbox;

use async_trait::async_trait;
use rohrpost_kit::files::{Disk, Folder};
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::ports::{Clock, Inquiry, Parcel, Preview, Probe, Target};
use rohrpost_model::{Failure, Fault, Outcome};
use session::Server;
use std::sync::Arc;

/// The adapter of kind `sftp` for destinations.
pub struct Sftp;

impl Adapter for Sftp {
    fn kind(&self) -> &'static str {
        "sftp"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.json")
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Target>, Vec<Fault>> {
        let (server, folder) = settings::read(source, self.kind())?;
        Ok(Arc::new(SftpTarget { server, folder, clock: source.clock.clone() }))
    }
}

struct SftpTarget {
    server: Server,
    folder: Folder,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Target for SftpTarget {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        self.folder.check(parcel)?;
        let disk = self.disk().await?;
        self.folder.deliver(&disk, parcel).await
    }

    async fn inquire(&self, parcel: &Parcel<'_>, _: Option<&str>) -> Result<Inquiry, Failure> {
        let disk = self.disk().await.map_err(to_be_asked_again)?;
        self.folder.inquire(&disk, parcel).await.map_err(to_be_asked_again)
    }

    /// The same key makes the same names, and a unit that was published is not published again.
    fn deduplicates(&self) -> bool {
        true
    }

    /// A print service has no place for what is not printed.
    fn takes_enclosed(&self) -> bool {
        !self.folder.prints()
    }

    async fn probe(&self, probe: &mut Probe) {
        probe::probe(&self.server, self.folder.path(), self.clock.now(), probe).await;
    }

    async fn preview(&self, parcel: &Parcel<'_>) -> Result<Option<Preview>, Failure> {
        if self.folder.prints() {
            // Its control file says how many pages there are, and attachments are not read for a preview.
            return self.folder.check(parcel).map(|()| None);
        }
        self.folder.preview(parcel).map(Some)
    }
}

impl SftpTarget {
    /// The server's file system, over a connection of its own. It is closed when this is dropped, whatever was under way.
    async fn disk(&self) -> Result<Arc<dyn Disk>, Failure> {
        let session = self.server.log_in().await.map_err(session::Trouble::failure)?;
        Ok(Arc::new(disk::Remote::new(session, self.folder.path())))
    }
}

/// A question that failed is asked again, whatever went wrong with it.
fn to_be_asked_again(failure: Failure) -> Failure {
    match failure {
        Failure::Unknown(reason) | Failure::Refused(reason) => Failure::unavailable(reason),
        failure => failure,
    }
}

#[cfg(test)]
mod tests;
