//! `rohrpost audit export`: one line for each row, and a last one with the signed head.

use super::{End, FORMAT, second, told};
use crate::commands::Context;
use crate::faults::Stop;
use rohrpost_model::Timestamp;
use rohrpost_model::ports::{HeadClaims, ReceiptSigner, Statement};
use rohrpost_store::audit::{AuditFault, AuditReader, AuditRow};
use serde::Serialize;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Write the history out.
#[derive(clap::Args)]
pub struct Arguments {
    /// Where it goes, whole or not at all; without it, to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command. The data directory and the key of the receipts are those of the configuration.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let configuration = context.load()?;
    let source = Source {
        reader: AuditReader::open(&configuration.hub.data).map_err(|fault| told::store(&fault))?,
        signer: configuration.receipts.as_ref(),
        now: context.clock.now(),
    };
    let Some(path) = &arguments.output else {
        return source.write(&mut *context.out).map(drop);
    };
    let head = source.write_file(path)?;
    if context.json {
        return context.json(&head);
    }
    context.line(format!("{} Zeilen bis {}: {}", head.seq, second(head.at), path.display()))
}

/// What is exported, and who signs it.
struct Source<'a> {
    reader: AuditReader,
    signer: &'a dyn ReceiptSigner,
    now: Timestamp,
}

impl Source<'_> {
    /// A history may be longer than the memory, so it is written row by row beside the file, and then moved.
    fn write_file(&self, path: &Path) -> Result<HeadClaims, Stop> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(format!(".{}.tmp", std::process::id()));
        let temporary = PathBuf::from(temporary);
        let written = self.write_and_move(&temporary, path);
        if written.is_err() {
            // What is left of it is of no use; the fault that is told is the first one.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn write_and_move(&self, temporary: &Path, path: &Path) -> Result<HeadClaims, Stop> {
        let fault = |error: io::Error| Stop::file(path, &error);
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(temporary);
        let mut out = BufWriter::new(file.map_err(fault)?);
        let head = self.write(&mut out)?;
        let file = out.into_inner().map_err(|error| fault(error.into_error()))?;
        file.sync_all().map_err(fault)?;
        fs::rename(temporary, path).map_err(fault)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault)?;
        Ok(head)
    }

    /// Writes it all. A chain that does not hold is not exported: the last line would vouch for it.
    fn write(&self, out: &mut dyn Write) -> Result<HeadClaims, Stop> {
        let walked = self.reader.walk(&[], |row: &AuditRow| line(out, row));
        let end = walked.map_err(|fault| match fault {
            AuditFault::Broken(broken) => Stop::Failed(told::broken(&broken)),
            AuditFault::Store(fault) => told::store(&fault),
            // Who reads the output has seen enough (`| head`).
            AuditFault::Taker(error) if error.kind() == io::ErrorKind::BrokenPipe => Stop::Negative,
            AuditFault::Taker(error) => Stop::from(error),
        })?;
        let claims = HeadClaims { seq: end.end.seq, hash: end.end.hash, at: self.now };
        let failed =
            |fault: &dyn std::fmt::Display| Stop::Failed(format!("the head cannot be signed: {fault}"));
        let payload = serde_json::to_vec(&claims).map_err(|error| failed(&error))?;
        let head = self.signer.sign(Statement::AuditHead, &payload).map_err(|fault| failed(&fault))?;
        line(out, &End { format: FORMAT.to_owned(), head })?;
        out.flush()?;
        Ok(claims)
    }
}

fn line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
