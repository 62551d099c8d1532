//! A submission as it is named on the command line: files and what is said of them.

use super::Context;
use super::api::Content;
use crate::faults::Stop;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use rohrpost_engine::accept::Intent;
use rohrpost_kit::http::header::CONTENT_TYPE;
use rohrpost_kit::http::{Multipart, Part};
use rohrpost_kit::parcel::ContentFault;
use rohrpost_model::digest::Hasher;
use rohrpost_model::ports::StoreFault;
use rohrpost_model::submission::{self, Role};
use rohrpost_model::{Area, CaseId, DeliveryId, Digest, Kind, ServiceKey};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A file is read in pieces of this many bytes.
const PIECE: usize = 64 << 10;

/// What a submission is when nobody says.
const APPLICATION: &str = "application";

/// A submission on the command line.
#[derive(clap::Args)]
pub struct Submission {
    /// The structured data: XML or JSON, by the file's name.
    pub file: PathBuf,
    /// The service: a LeiKa key.
    #[arg(long)]
    pub service: ServiceKey,
    /// The area: an Amtlicher Regionalschlüssel (ARS).
    #[arg(long)]
    pub area: Area,
    /// What it is: application (default), amendment, withdrawal, …
    #[arg(long)]
    pub kind: Option<Kind>,
    /// The case it belongs to; without one it begins a new case.
    #[arg(long)]
    pub case: Option<CaseId>,
    /// A document to go with it; may be given often.
    #[arg(long = "attach", value_name = "FILE")]
    pub attachments: Vec<PathBuf>,
    /// It is a test, which never reaches a live destination.
    #[arg(long)]
    pub test: bool,
}

impl Submission {
    /// A live application.
    pub fn of(file: PathBuf, service: &str, area: &str, attachments: Vec<PathBuf>) -> Result<Self, Stop> {
        let wrong = |bad: rohrpost_model::BadName| Stop::Usage(bad.to_string());
        let (service, area) = (service.parse().map_err(wrong)?, area.parse().map_err(wrong)?);
        Ok(Self { file, service, area, kind: None, case: None, attachments, test: false })
    }

    /// The same as a Nachreichung in this case.
    pub fn amending(self, case: &str) -> Result<Self, Stop> {
        let wrong = |bad: rohrpost_model::BadName| Stop::Usage(bad.to_string());
        let (kind, case) = ("amendment".parse().map_err(wrong)?, case.parse().map_err(wrong)?);
        Ok(Self { kind: Some(kind), case: Some(case), ..self })
    }

    /// What the API is sent.
    pub fn content(&self, context: &Context<'_>) -> Result<Content, Stop> {
        let mut multipart = Multipart::new(DeliveryId::new(context.clock.now()));
        let json = Some("application/json");
        let metadata = Part { name: "metadata", file_name: None, content_type: json, ..Part::default() };
        multipart.bytes(&metadata, self.metadata().to_string().into());
        add_file(&mut multipart, "data", &self.file)?;
        for attachment in &self.attachments {
            add_file(&mut multipart, "attachment", attachment)?;
        }
        Ok(Content { headers: vec![(CONTENT_TYPE, multipart.content_type())], body: multipart.finish() })
    }

    fn metadata(&self) -> serde_json::Value {
        let mut metadata = serde_json::json!({ "service": self.service, "area": self.area });
        if let Some(kind) = &self.kind {
            metadata["kind"] = serde_json::json!(kind);
        }
        if let Some(case) = &self.case {
            metadata["case"] = serde_json::json!(case);
        }
        if self.test {
            metadata["test"] = serde_json::json!(true);
        }
        metadata
    }

    /// What the engine is told.
    pub fn intent(&self) -> Result<Intent, Stop> {
        let application = || APPLICATION.parse();
        let kind = self.kind.clone().map_or_else(application, Ok);
        Ok(Intent {
            kind: kind.map_err(|bad: rohrpost_model::BadName| Stop::Usage(bad.to_string()))?,
            service: self.service.clone(),
            area: self.area.clone(),
            case: self.case.clone(),
            tenant: None,
            reply: None,
            trust_level: None,
            test: self.test,
            traceparent: None,
            not_before: None,
            obsolete_after: None,
            properties: Default::default(),
            idempotency_key: None,
        })
    }

    /// The data, and all parts as the hub would note them.
    pub fn parts(&self) -> Result<(Bytes, Vec<submission::Part>), Stop> {
        let data = super::read_file(&self.file)?;
        let part = submission::Part {
            number: 0,
            role: Role::Data,
            name: None,
            media_type: media_type(&self.file).to_owned(),
            size: data.len() as u64,
            sha256: Digest::of(&data),
            location: None,
        };
        let attachments = (1..).zip(&self.attachments).map(|(number, path)| attachment(number, path));
        let parts = std::iter::once(Ok(part)).chain(attachments).collect::<Result<_, _>>()?;
        Ok((data.into(), parts))
    }
}

/// An attachment, measured without being held in memory.
fn attachment(number: u32, path: &Path) -> Result<submission::Part, Stop> {
    let told = |error| Stop::file(path, &error);
    let (mut file, mut hasher, mut size) = (File::open(path).map_err(told)?, Hasher::default(), 0);
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece).map_err(told)?;
        if read == 0 {
            break;
        }
        hasher.update(piece.get(..read).unwrap_or_default());
        size += read as u64;
    }
    Ok(submission::Part {
        number,
        role: Role::Attachment,
        name: path.file_name().map(|name| name.to_string_lossy().into_owned()),
        media_type: media_type(path).to_owned(),
        size,
        sha256: hasher.finish(),
        location: None,
    })
}

/// Streams a file, so that a large one is never whole in memory.
fn add_file(multipart: &mut Multipart, name: &str, path: &Path) -> Result<(), Stop> {
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    let (metadata, file) = opened.map_err(|error| Stop::file(path, &error))?;
    if metadata.is_dir() {
        return Err(Stop::Usage(format!("{}: this is a folder, not a file", path.display())));
    }
    let file_name = path.file_name().map(|name| name.to_string_lossy());
    let part = Part {
        name,
        file_name: file_name.as_deref(),
        content_type: Some(media_type(path)),
        ..Part::default()
    };
    multipart.stream(&part, metadata.len(), pieces(file));
    Ok(())
}

/// The pieces of a file. It is read where the request is sent: this program does nothing else meanwhile.
fn pieces(file: File) -> BoxStream<'static, Result<Bytes, ContentFault>> {
    stream::try_unfold(file, |mut file| async {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).map_err(|error| StoreFault::Unavailable(error.to_string()))?;
        piece.truncate(read);
        Ok((read > 0).then(|| (piece.into(), file)))
    })
    .boxed()
}

fn media_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "xml" => "application/xml",
        "json" => "application/json",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "tif" | "tiff" => "image/tiff",
        "txt" => "text/plain",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}
