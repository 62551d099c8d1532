//! Writing the files of a unit into its work folder.

use crate::disk::OpenFile;
use crate::names::{Names, Unit};
use crate::publish::{Plan, Work};
use crate::sidecar::{Part, Role, Sidecar};
use crate::{blocking, unavailable};
use bytes::Bytes;
use futures::TryStreamExt;
use rohrpost_kit::parcel::{CheckedStream, checked};
use rohrpost_model::ports::{Attached, Parcel};
use rohrpost_model::{Digest, Failure};
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
    let mut writer = Writer { work, folder, parts: vec![] };
    writer.all(names, parcel).await?;
    let parts = std::mem::take(&mut writer.parts);
    let files: Vec<String> = parts.iter().map(|part| part.file.clone()).collect();
    let sidecar = Sidecar::new(parcel, parts).to_json()?;
    writer.bytes(names.sidecar(), sidecar.into()).await?;
    let folder = (work.clone(), writer.folder);
    blocking(move || folder.0.sync(&folder.1).map_err(|error| unavailable(&error))).await?;
    Ok(Plan::new(parcel.sent_sha256, names, files))
}

struct Writer<'w> {
    work: &'w Work,
    folder: PathBuf,
    parts: Vec<Part>,
}

impl Writer<'_> {
    async fn all(&mut self, names: &Names, parcel: &Parcel<'_>) -> Result<(), Failure> {
        let (file, message) = (names.message(parcel.media_type), parcel.message.clone());
        self.part(Role::Message, file, parcel.media_type, message).await?;
        if let Some(signature) = &parcel.signature {
            let (file, media_type) = (names.signature(), "application/pkcs7-signature");
            self.part(Role::Signature, file, media_type, signature.clone()).await?;
        }
        for attached in &parcel.attachments {
            self.attachment(names.attachment(attached), attached).await?;
        }
        Ok(())
    }

    async fn part(
        &mut self,
        role: Role,
        file: String,
        media_type: &str,
        content: Bytes,
    ) -> Result<(), Failure> {
        self.parts.push(Part {
            role,
            number: 0,
            file: file.clone(),
            name: None,
            media_type: media_type.to_owned(),
            size: content.len() as u64,
            sha256: Digest::of(&content),
        });
        self.bytes(file, content).await
    }

    async fn attachment(&mut self, file: String, attached: &Attached) -> Result<(), Failure> {
        self.parts.push(Part {
            role: Role::Attachment,
            number: attached.number,
            file: file.clone(),
            name: attached.name.clone(),
            media_type: attached.media_type.clone(),
            size: attached.size,
            sha256: attached.sha256,
        });
        let content = checked(attached).await.map_err(|fault| fault.before_sending())?;
        self.stream(file, content).await
    }

    async fn bytes(&self, file: String, content: Bytes) -> Result<(), Failure> {
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
    async fn stream(&self, file: String, mut content: CheckedStream) -> Result<(), Failure> {
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
