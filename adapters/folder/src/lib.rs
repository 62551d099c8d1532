//! Delivers into a folder; the model for other adapters.
//!
//! ```toml
//! adapter = "folder"
//!
//! [folder]
//! path = "/srv/fachverfahren/eingang"   # must exist; the hub does not make it
//! name = "{received-at:%Y%m%dT%H%M%SZ}_{case}_{delivery-id}"   # this is the default
//! document-name = "{delivery-id}_{document}"   # of documents that go along; default: the unit's name, `_` and theirs
//! unit = "flat"                         # or "subfolder"
//! print = { … }                         # for a print service: PDFs and a control file, see rohrpost_kit::files::Print
//! ```
//!
//! What lies there, and how it is made so that a crash at any point leaves no doubt: [`rohrpost_kit::files`]. One thing
//! cannot be known: if the power fails between the last move and the sync after it, the move may be undone although a
//! reader saw it.
//!
//! Where a file system cannot rename without overwriting (some network mounts), the name is looked at first; the
//! delivery's key in it keeps others away.

mod disk;
mod settings;
mod source;

pub use source::Hotfolder;

use async_trait::async_trait;
use rohrpost_kit::files::{self, Disk};
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::ports::{Clock, Inquiry, Parcel, Preview, Probe, Target, Words};
use rohrpost_model::{Failure, Fault, Outcome};
use std::io::ErrorKind;
use std::sync::Arc;

/// The adapter of kind `folder`.
pub struct Folder;

impl Adapter for Folder {
    fn kind(&self) -> &'static str {
        "folder"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.json")
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Target>, Vec<Fault>> {
        let folder = settings::read(source, self.kind())?;
        Ok(Arc::new(FolderTarget { folder, clock: source.clock.clone(), disk: Arc::new(disk::RealDisk) }))
    }
}

struct FolderTarget {
    folder: files::Folder,
    clock: Arc<dyn Clock>,
    disk: Arc<dyn Disk>,
}

#[async_trait]
impl Target for FolderTarget {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        self.folder.deliver(&self.disk, parcel).await
    }

    async fn inquire(&self, parcel: &Parcel<'_>, _: Option<&str>) -> Result<Inquiry, Failure> {
        self.folder.inquire(&self.disk, parcel).await
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
        files::plan_probe(self.folder.path(), probe);
        files::probe(&self.disk, self.folder.path(), self.clock.now(), advice, probe).await;
    }

    async fn preview(&self, parcel: &Parcel<'_>) -> Result<Option<Preview>, Failure> {
        if self.folder.prints() {
            // Its control file says how many pages there are, and attachments are not read for a preview.
            return self.folder.check(parcel).map(|()| None);
        }
        self.folder.preview(parcel).map(Some)
    }
}

fn advice(kind: ErrorKind) -> Words {
    match kind {
        ErrorKind::NotFound => Words::new(
            "Den Ordner gibt es nicht. Anlegen oder die Freigabe einbinden; Rohrpost legt ihn nicht an.",
            "There is no such folder. Make it, or mount the share; the hub does not make it.",
        ),
        ErrorKind::PermissionDenied => Words::new(
            "Der Benutzer, unter dem die Probe läuft, darf das nicht. Besitzer, Gruppe und Rechte des Ordners (und von \
             `.rohrpost` darin) prüfen.",
            "The user that the probe runs as must not do that. Check owner, group and mode of the folder (and of \
             `.rohrpost` in it).",
        ),
        other => Words::new(
            format!("Das geht nicht ({other}). Einbindung, Netz und Datenträger prüfen."),
            format!("This does not work ({other}). Check mount, network and disk."),
        ),
    }
}

#[cfg(test)]
mod tests;
