//! `rohrpost xta send|list|get|close|report`: single operations at a partner's XTA server, by hand.
//!
//! They work on the file of a destination or source alone, so that a partner can be tried before the rest is in order.
//! Operators read German, so what is printed is German.

use super::Context;
use super::table::Table;
use crate::assemble::xta::tools::{self, Letter, ToolFault};
use crate::assemble::xta::{
    BoxError, ContentEnd, ContentFacts, ContentKind, ContentSink, DateTime, MessageMetaData, Record,
    TransportReport, TransportStatus,
};
use crate::faults::Stop;
use async_trait::async_trait;
use bytes::Bytes;
use rohrpost_kit::AdapterSource;
use rohrpost_model::{DestinationName, SourceName};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Send to a partner's XTA server by hand, and look into a mailbox there.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(clap::Subcommand)]
enum Task {
    /// Send a file as a message to the reader of a destination; a test unless it is said otherwise.
    Send(Send),
    /// Ask what became of a message that was sent. Ends with 1 where it failed.
    Report {
        /// The destination that it was sent to.
        destination: DestinationName,
        /// Its id.
        id: String,
    },
    /// List what waits in the mailbox of a source.
    List {
        /// The source.
        source: SourceName,
        /// Only what was never fetched.
        #[arg(long)]
        new: bool,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: u64,
    },
    /// Fetch a message into a folder. It stays in the mailbox.
    Get {
        /// The source.
        source: SourceName,
        /// The message's id.
        id: String,
        /// The folder; it is made, and must not be there.
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Close messages: they are gone from the mailbox, and the hub does not get them any more.
    Close {
        /// The source.
        source: SourceName,
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// A message by hand.
#[derive(clap::Args)]
struct Send {
    /// The destination: its file says server, author, reader, service and type.
    destination: DestinationName,
    /// The message.
    file: PathBuf,
    /// A file that goes along; may be given often.
    #[arg(long = "attach", value_name = "FILE")]
    attachments: Vec<PathBuf>,
    /// Its id; a fresh one if not given.
    #[arg(long, value_name = "ID", value_parser = tools::check_id)]
    message_id: Option<String>,
    /// Its subject.
    #[arg(long)]
    subject: Option<String>,
    /// The sender's process.
    #[arg(long)]
    case: Option<String>,
    /// It is meant, and no test.
    #[arg(long)]
    live: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    match &arguments.task {
        Task::Send(letter) => send(letter, context),
        Task::Report { destination, id } => report(destination, id, context),
        Task::List { source, new, limit } => list(source, *limit, *new, context),
        Task::Get { source, id, output } => get(source, id, output, context),
        Task::Close { source, ids } => close(source, ids, context),
    }
}

/// Does something at the partner that a file of the configuration names.
fn at<T>(
    kind: &str,
    name: &str,
    context: &Context<'_>,
    work: impl AsyncFnOnce(&AdapterSource<'_>) -> Result<T, ToolFault>,
) -> Result<T, Stop> {
    context.make_demo_secrets()?;
    let file = format!("{kind}/{name}.toml");
    let path = context.folder.join(&file);
    let text = fs::read_to_string(&path).map_err(|error| Stop::file(&path, &error))?;
    let secrets = context.secrets();
    let source = AdapterSource {
        file: &file,
        text: &text,
        folder: &context.folder,
        secrets: &secrets,
        clock: Arc::clone(&context.clock),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work(&source)).map_err(|fault| match fault {
        ToolFault::Configuration(faults) => faults.into(),
        ToolFault::File(path, error) => Stop::file(&path, &error),
        ToolFault::Partner(told) => Stop::Failed(told),
    })
}

fn send(letter: &Send, context: &mut Context<'_>) -> Result<(), Stop> {
    let sent = Letter {
        message: &letter.file,
        attachments: &letter.attachments,
        id: letter.message_id.clone(),
        subject: letter.subject.clone(),
        case: letter.case.clone(),
        live: letter.live,
    };
    let name = letter.destination.as_str();
    let id = at("destinations", name, context, async |source| tools::send(source, sent).await)?;
    if context.json {
        return context.json(&json!({ "id": id, "test": !letter.live }));
    }
    context.line(&id)?;
    context.line(format!("Was daraus wird: rohrpost xta report {name} {id}"))
}

fn report(destination: &DestinationName, id: &str, context: &mut Context<'_>) -> Result<(), Stop> {
    let name = destination.as_str();
    let report = at("destinations", name, context, async |source| tools::report(source, id).await)?;
    let status = report.status.status.unwrap_or_default();
    if context.json {
        context.json(&report_json(&report))?;
    } else {
        tell(&report, context)?;
    }
    if status == TransportStatus::Red { Err(Stop::Negative) } else { Ok(()) }
}

fn tell(report: &TransportReport, context: &mut Context<'_>) -> Result<(), Stop> {
    let status = report.status.status.unwrap_or_default();
    let time = report.time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    context.line(format!("{} {}: {}", status.number(), word(status), meaning(status)))?;
    let signed = if report.signed { "signiert (nicht geprüft)" } else { "nicht signiert" };
    context.line(format!("Server {}, Stand {time}, {signed}", report.server))?;
    let mut table = Table::new(&["ART", "WANN", "CODE", "GRUND"]);
    for (kind, record) in records(report) {
        let at = record.at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        table.row(vec![kind.to_owned(), at, record.code.code.clone(), record.reason.clone()]);
    }
    if table.len() > 0 { context.line(format!("\n{table}")) } else { Ok(()) }
}

fn records(report: &TransportReport) -> impl Iterator<Item = (&'static str, &Record)> {
    let status = &report.status;
    let lists = [("Fehler", &status.errors), ("Warnung", &status.warnings), ("Hinweis", &status.infos)];
    lists.into_iter().flat_map(|(kind, records)| records.iter().map(move |record| (kind, record)))
}

const fn word(status: TransportStatus) -> &'static str {
    match status {
        TransportStatus::Open => "offen",
        TransportStatus::Green => "grün",
        TransportStatus::Yellow => "gelb",
        TransportStatus::Red => "rot",
    }
}

const fn meaning(status: TransportStatus) -> &'static str {
    match status {
        TransportStatus::Open => "Die Nachricht ist noch unterwegs.",
        TransportStatus::Green => "Die Nachricht ist angekommen.",
        TransportStatus::Yellow => "Die Nachricht ist angekommen, mit Warnungen.",
        TransportStatus::Red => "Die Nachricht ist gescheitert.",
    }
}

fn report_json(report: &TransportReport) -> Value {
    let entries = records(report).map(|(kind, record)| {
        json!({
            "kind": match kind { "Fehler" => "error", "Warnung" => "warning", _ => "info" },
            "at": record.at.map(|at| at.to_string()),
            "code": record.code.code,
            "reason": record.reason,
        })
    });
    json!({
        "id": report.metadata.message_id,
        "status": report.status.status.unwrap_or_default().number(),
        "server": report.server,
        "at": report.time.map(|time| time.to_string()),
        "signed": report.signed,
        "records": entries.collect::<Vec<_>>(),
    })
}

fn list(source: &SourceName, limit: u64, new: bool, context: &mut Context<'_>) -> Result<(), Stop> {
    let listed =
        at("sources", source.as_str(), context, async |source| tools::list(source, limit, new).await);
    let (messages, pending) = listed?;
    if context.json {
        let messages: Vec<_> = messages.iter().map(message_json).collect();
        return context.json(&json!({ "messages": messages, "pending": pending }));
    }
    if messages.is_empty() {
        return context.line("Das Postfach ist leer.");
    }
    let mut table = Table::new(&["NACHRICHT", "VON", "DIENST", "TYP", "EINGANG", "GEHOLT", "BYTES"]);
    for message in &messages {
        let time = |time: Option<DateTime>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
        table.row(vec![
            message.message_id.clone(),
            message.author.identifier.value.clone(),
            message.qualifier.service.clone(),
            message.qualifier.message_type.code.code.clone(),
            time(message.delivery.delivery),
            time(message.delivery.initial_fetch),
            message.size.map_or_else(|| "-".to_owned(), |size| size.to_string()),
        ]);
    }
    context.line(table)?;
    if pending > 0 { context.line(format!("{pending} weitere warten.")) } else { Ok(()) }
}

fn message_json(message: &MessageMetaData) -> Value {
    json!({
        "id": message.message_id,
        "author": message.author.identifier.value,
        "reader": message.reader.identifier.value,
        "service": message.qualifier.service,
        "messageType": message.qualifier.message_type.code.code,
        "subject": message.qualifier.subject,
        "test": message.test,
        "delivered": message.delivery.delivery.map(|time| time.to_string()),
        "fetched": message.delivery.initial_fetch.map(|time| time.to_string()),
        "size": message.size,
    })
}

fn get(source: &SourceName, id: &str, output: &Path, context: &mut Context<'_>) -> Result<(), Stop> {
    fs::create_dir(output).map_err(|error| Stop::file(output, &error))?;
    let mut folder = Folder { path: output.to_owned(), open: None, written: Vec::new() };
    let fetched =
        at("sources", source.as_str(), context, async |source| tools::get(source, id, &mut folder).await);
    let metadata = fetched?;
    let path = output.join("metadata.xml");
    fs::write(&path, metadata.to_xml()).map_err(|error| Stop::file(&path, &error))?;
    folder.written.push(path);
    let written: Vec<_> = folder.written.iter().map(|path| path.display().to_string()).collect();
    if context.json {
        return context.json(&json!({ "message": message_json(&metadata), "written": written }));
    }
    written.iter().try_for_each(|path| context.line(path))
}

/// Writes contents into a folder, under names of its own: what a sender calls them stands in the metadata.
struct Folder {
    path: PathBuf,
    open: Option<File>,
    written: Vec<PathBuf>,
}

#[async_trait]
impl ContentSink for Folder {
    async fn begin(&mut self, facts: &ContentFacts) -> Result<(), BoxError> {
        let ending = rohrpost_model::media_type::extension(&facts.outline.content_type);
        let name = match facts.kind {
            ContentKind::Message => format!("message.{ending}"),
            ContentKind::Attachment(number) => format!("attachment-{}.{ending}", number + 1),
            ContentKind::Encrypted => "encrypted.xml".to_owned(),
        };
        let path = self.path.join(name);
        self.open = Some(File::create_new(&path)?);
        self.written.push(path);
        Ok(())
    }

    async fn piece(&mut self, bytes: Bytes) -> Result<(), BoxError> {
        self.open.as_mut().map_or(Ok(()), |file| file.write_all(&bytes)).map_err(Into::into)
    }

    async fn end(&mut self, _: &ContentEnd) -> Result<(), BoxError> {
        self.open.take().map_or(Ok(()), |file| file.sync_all()).map_err(Into::into)
    }
}

fn close(source: &SourceName, ids: &[String], context: &mut Context<'_>) -> Result<(), Stop> {
    let unknown = at("sources", source.as_str(), context, async |source| tools::close(source, ids).await)?;
    if context.json {
        context.json(&json!({ "closed": ids.len() - unknown.len(), "unknown": unknown }))?;
    } else {
        context.line(format!("{} von {} geschlossen.", ids.len() - unknown.len(), ids.len()))?;
        unknown.iter().try_for_each(|id| context.line(format!("nicht im Postfach: {id}")))?;
    }
    if unknown.is_empty() { Ok(()) } else { Err(Stop::Negative) }
}
