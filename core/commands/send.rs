//! `rohrpost send FILE --service … --area …`: hands in a submission over HTTP.

use super::Context;
use super::api::{Access, Api, Content};
use crate::faults::Stop;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use rohrpost_kit::http::header::{CONTENT_TYPE, HeaderName};
use rohrpost_kit::http::{Method, Multipart, Part};
use rohrpost_kit::parcel::ContentFault;
use rohrpost_model::ports::StoreFault;
use rohrpost_model::{Area, CaseId, DeliveryId, Kind, ServiceKey};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A file is read in pieces of this many bytes.
const PIECE: usize = 64 << 10;

/// Hand in a submission at a running hub and print its id.
#[derive(clap::Args)]
pub struct Arguments {
    /// The structured data: XML or JSON, by the file's name.
    file: PathBuf,
    /// The service: a LeiKa key.
    #[arg(long)]
    service: ServiceKey,
    /// The area: an Amtlicher Regionalschlüssel (ARS).
    #[arg(long)]
    area: Area,
    /// What it is: application (default), amendment, withdrawal, …
    #[arg(long)]
    kind: Option<Kind>,
    /// The case it belongs to; without one it begins a new case.
    #[arg(long)]
    case: Option<CaseId>,
    /// A document to go with it; may be given often.
    #[arg(long = "attach", value_name = "FILE")]
    attachments: Vec<PathBuf>,
    /// Makes a repetition known: the same key gives the same answer and one submission.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Hand in a test, which never reaches a live destination.
    #[arg(long)]
    test: bool,
    #[command(flatten)]
    access: Access,
}

impl Arguments {
    /// What the demo hands in.
    pub fn of(file: PathBuf, service: &str, area: &str, attachments: Vec<PathBuf>) -> Result<Self, Stop> {
        let wrong = |bad: rohrpost_model::BadName| Stop::Usage(bad.to_string());
        let (service, area) = (service.parse().map_err(wrong)?, area.parse().map_err(wrong)?);
        let (kind, case, idempotency_key) = (None, None, None);
        Ok(Self {
            file,
            service,
            area,
            kind,
            case,
            attachments,
            idempotency_key,
            test: false,
            access: Access::default(),
        })
    }
}

/// Hands in and returns what the hub answers.
pub fn hand_in(arguments: &Arguments, api: &Api, context: &Context<'_>) -> Result<serde_json::Value, Stop> {
    let body = multipart(arguments, context)?;
    Api::json(&api.send(Method::POST, &["submissions"], &[], body)?)
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let api = Api::open(&arguments.access, "portal", context)?;
    let answer = hand_in(arguments, &api, context)?;
    if context.json {
        return context.json(&answer);
    }
    let id = answer["id"].as_str();
    context.line(id.ok_or_else(|| Stop::Failed("the answer names no id; is this a Rohrpost hub?".into()))?)
}

fn multipart(arguments: &Arguments, context: &Context<'_>) -> Result<Content, Stop> {
    let mut multipart = Multipart::new(DeliveryId::new(context.clock.now()));
    let json = Some("application/json");
    let metadata = Part { name: "metadata", file_name: None, content_type: json };
    multipart.bytes(&metadata, metadata_of(arguments).to_string().into());
    add_file(&mut multipart, "data", &arguments.file)?;
    for attachment in &arguments.attachments {
        add_file(&mut multipart, "attachment", attachment)?;
    }
    let mut headers = vec![(CONTENT_TYPE, multipart.content_type())];
    headers.extend(arguments.idempotency_key.iter().map(|key| (IDEMPOTENCY_KEY, key.clone())));
    Ok(Content { headers, body: multipart.finish() })
}

fn metadata_of(arguments: &Arguments) -> serde_json::Value {
    let mut metadata = serde_json::json!({ "service": arguments.service, "area": arguments.area });
    if let Some(kind) = &arguments.kind {
        metadata["kind"] = serde_json::json!(kind);
    }
    if let Some(case) = &arguments.case {
        metadata["case"] = serde_json::json!(case);
    }
    if arguments.test {
        metadata["test"] = serde_json::json!(true);
    }
    metadata
}

/// Streams a file, so that a large one is never whole in memory.
fn add_file(multipart: &mut Multipart, name: &str, path: &Path) -> Result<(), Stop> {
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    let (metadata, file) = opened.map_err(|error| Stop::file(path, &error))?;
    if metadata.is_dir() {
        return Err(Stop::Usage(format!("{}: this is a folder, not a file", path.display())));
    }
    let file_name = path.file_name().map(|name| name.to_string_lossy());
    let part = Part { name, file_name: file_name.as_deref(), content_type: Some(media_type(path)) };
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
