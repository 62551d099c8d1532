//! Writing the files of a unit into its work folder.

use super::disk::{Disk, OpenFile, run};
use super::names::{Names, Unit};
use super::print::{Pages, Print};
use super::publish::{Plan, Work};
use super::sidecar::{self, Part, Sidecar};
use crate::parcel::{CheckedStream, ContentFault, checked};
use bytes::Bytes;
use futures::TryStreamExt;
use rohrpost_model::Failure;
use rohrpost_model::ports::{Attached, Parcel, Piece};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Writes and syncs every file. What is written is what was marked to be sent, or it is an error (H8).
pub(super) async fn unit(
    work: &Work,
    names: &Names,
    parcel: &Parcel<'_>,
    printed: Option<&(&Print, Pages)>,
) -> Result<Plan, Failure> {
    let folder = match names.unit {
        Unit::Flat => work.folder(),
        Unit::Subfolder => work.folder().join(&names.base),
    };
    let (own, unit, nested) = (work.clone(), folder.clone(), names.unit == Unit::Subfolder);
    let made = async move { own.make(&unit, nested).await.map_err(|error| own.disk().failure(&error)) };
    run(work.disk(), made).await?;
    let parts = match printed {
        Some((print, _)) => print.parts(names, parcel)?,
        None => sidecar::parts(names, parcel),
    };
    let files: Vec<String> = parts.iter().map(|part| part.file.clone()).collect();
    let writer = Writer { work, folder };
    for part in &parts {
        writer.part(part, parcel).await?;
    }
    let last = match printed {
        Some((print, pages)) => print.content(parcel, &parts, pages)?,
        None => Sidecar::new(parcel, parts).to_json()?.into(),
    };
    writer.bytes(&names.sidecar(), last).await?;
    let (own, folder) = (work.clone(), writer.folder);
    let synced = async move { own.sync(&folder).await.map_err(|error| own.disk().failure(&error)) };
    run(work.disk(), synced).await?;
    Ok(Plan::new(parcel.sent_sha256, names, files))
}

struct Writer<'w> {
    work: &'w Work,
    folder: PathBuf,
}

impl Writer<'_> {
    async fn part(&self, part: &Part, parcel: &Parcel<'_>) -> Result<(), Failure> {
        match (part.content(), &parcel.signature) {
            (Piece::Signature, Some(signature)) => self.bytes(&part.file, signature.clone()).await,
            (Piece::Enclosed(name), _) => match parcel.enclosed.iter().find(|one| one.name == name) {
                Some(enclosed) => self.bytes(&part.file, enclosed.content.clone()).await,
                None => Err(ContentFault::Differs.before_sending()),
            },
            (Piece::Attachment(number), _) => {
                let mut attachments = parcel.attachments.iter();
                match attachments.find(|attached| attached.number == number) {
                    Some(attached) => self.attachment(&part.file, attached).await,
                    None => Err(ContentFault::Differs.before_sending()),
                }
            }
            _ => self.bytes(&part.file, parcel.message.clone()).await,
        }
    }

    async fn attachment(&self, file: &str, attached: &Attached) -> Result<(), Failure> {
        let content = checked(attached).await.map_err(|fault| fault.before_sending())?;
        self.stream(file, content).await
    }

    async fn bytes(&self, file: &str, content: Bytes) -> Result<(), Failure> {
        let (disk, path) = (Arc::clone(self.work.disk()), self.folder.join(file));
        let written = async move {
            let written = write_whole(disk.as_ref(), &path, &content).await;
            written.map_err(|error| disk.failure(&error))
        };
        run(self.work.disk(), written).await
    }

    /// Piece by piece, so that a large file is never in memory.
    async fn stream(&self, file: &str, mut content: CheckedStream) -> Result<(), Failure> {
        let (disk, path) = (Arc::clone(self.work.disk()), self.folder.join(file));
        let created = async move { disk.create(&path).await.map_err(|error| disk.failure(&error)) };
        let mut file = run(self.work.disk(), created).await?;
        while let Some(piece) = content.try_next().await.map_err(|fault| fault.before_sending())? {
            file = self.write(file, piece).await?;
        }
        let disk = Arc::clone(self.work.disk());
        let synced = async move { file.sync().await.map_err(|error| disk.failure(&error)) };
        run(self.work.disk(), synced).await
    }

    async fn write(&self, mut file: Box<dyn OpenFile>, piece: Bytes) -> Result<Box<dyn OpenFile>, Failure> {
        let disk = Arc::clone(self.work.disk());
        let written = async move {
            file.write(&piece).await.map_err(|error| disk.failure(&error))?;
            Ok(file)
        };
        run(self.work.disk(), written).await
    }
}

async fn write_whole(disk: &dyn Disk, path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = disk.create(path).await?;
    file.write(content).await?;
    file.sync().await
}
