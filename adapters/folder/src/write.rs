//! Writing the files of a unit into its work folder.

use crate::disk::OpenFile;
use crate::names::{Names, Unit};
use crate::publish::{Plan, Work};
use crate::sidecar::{self, Part, Sidecar};
use crate::{blocking, unavailable};
use bytes::Bytes;
use futures::TryStreamExt;
use rohrpost_kit::parcel::{CheckedStream, ContentFault, checked};
use rohrpost_model::Failure;
use rohrpost_model::ports::{Attached, Parcel, Piece};
use std::path::PathBuf;

/// Writes and syncs every file. What is written is what was marked to be sent, or it is an error (H8).
pub(crate) async fn unit(work: &Work, names: &Names, parcel: &Parcel<'_>) -> Result<Plan, Failure> {
    let folder = match names.unit {
        Unit::Flat => work.folder(),
        Unit::Subfolder => work.folder().join(&names.base),
    };
    let made = (work.clone(), folder.clone(), names.unit);
    blocking(move || made.0.make(&made.1, made.2 == Unit::Subfolder).map_err(|error| unavailable(&error)))
        .await?;
    let parts = sidecar::parts(names, parcel);
    let files: Vec<String> = parts.iter().map(|part| part.file.clone()).collect();
    let writer = Writer { work, folder };
    for part in &parts {
        writer.part(part, parcel).await?;
    }
    let sidecar = Sidecar::new(parcel, parts).to_json()?;
    writer.bytes(&names.sidecar(), sidecar.into()).await?;
    let folder = (work.clone(), writer.folder);
    blocking(move || folder.0.sync(&folder.1).map_err(|error| unavailable(&error))).await?;
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
        let (disk, path) = (self.work.disk(), self.folder.join(file));
        blocking(move || {
            let written = disk.create(&path).and_then(|mut file| {
                file.write(&content)?;
                file.sync()
            });
            written.map_err(|error| unavailable(&error))
        })
        .await
    }

    /// Piece by piece, so that a large file is never in memory.
    async fn stream(&self, file: &str, mut content: CheckedStream) -> Result<(), Failure> {
        let (disk, path) = (self.work.disk(), self.folder.join(file));
        let mut file = blocking(move || disk.create(&path).map_err(|error| unavailable(&error))).await?;
        while let Some(piece) = content.try_next().await.map_err(|fault| fault.before_sending())? {
            file = blocking(move || write(file, &piece)).await?;
        }
        blocking(move || file.sync().map_err(|error| unavailable(&error))).await
    }
}

fn write(mut file: Box<dyn OpenFile>, piece: &[u8]) -> Result<Box<dyn OpenFile>, Failure> {
    file.write(piece).map_err(|error| unavailable(&error))?;
    Ok(file)
}
