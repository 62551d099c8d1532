//! `rohrpost verify FILE [--signature FILE.p7s] --trust DIR`. Needs no configuration.

use super::{Context, read_file};
use crate::faults::Stop;
use rohrpost_seal::{SignedBy, TrustStore, Verdict, verify_cms, verify_xml};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// Verify a signed file.
#[derive(clap::Args)]
pub struct Arguments {
    /// The signed file.
    file: PathBuf,
    /// The detached signature (CMS); without it the file is XML with its signature inside.
    #[arg(long, value_name = "FILE.p7s")]
    signature: Option<PathBuf>,
    /// The folder of trusted certificates, in PEM.
    #[arg(long, value_name = "DIR")]
    trust: PathBuf,
}

/// Runs the command. It ends well only if the file may be taken as the signer's word.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let trust = read_trust(&arguments.trust)?;
    let (document, now) = (read_file(&arguments.file)?, context.clock.now());
    let verdict = match &arguments.signature {
        Some(signature) => verify_cms(&document, &read_file(signature)?, &trust, now),
        None => verify_xml(&document, &trust, now),
    };
    let verdict_of_file = format!("{}: {}\n{}", arguments.file.display(), german(&verdict), verdict);
    if context.json {
        context.json(&machine(&verdict))?
    } else {
        context.line(verdict_of_file)?
    }
    if verdict.is_trusted() { Ok(()) } else { Err(Stop::Negative) }
}

/// The certificates in a folder; other files are not looked at.
pub fn read_trust(folder: &Path) -> Result<TrustStore, Stop> {
    let entries = fs::read_dir(folder).map_err(|error| Stop::file(folder, &error))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.is_file() && is_certificate(path));
    paths.sort();
    let read = |path: &PathBuf| Ok((path.display().to_string(), read_file(path)?));
    let files = paths.iter().map(read).collect::<Result<Vec<_>, Stop>>()?;
    TrustStore::from_pems(files).map_err(|fault| Stop::Failed(fault.0))
}

fn is_certificate(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("pem" | "crt" | "cer"))
}

/// What was found, for operators.
pub fn german(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Trusted(by) => format!("unversehrt und vertrauenswürdig: {}", signed_by(by)),
        Verdict::Untrusted { signed_by: by, .. } => {
            format!("unversehrt, dem Unterzeichner wird nicht vertraut: {}", signed_by(by))
        }
        Verdict::Broken(_) => "gebrochen: Dokument oder Signatur wurde verändert oder beweist nichts".into(),
        Verdict::NotCovering(_) => "die Signatur umfasst nicht das ganze Dokument".into(),
        Verdict::NoSignature => "nicht unterschrieben".into(),
    }
}

fn signed_by(by: &SignedBy) -> String {
    format!("unterzeichnet von {} ({})", by.subject, by.algorithm)
}

/// What was found, for machines.
pub fn machine(verdict: &Verdict) -> serde_json::Value {
    let (word, by, reason) = match verdict {
        Verdict::Trusted(by) => ("trusted", Some(by), None),
        Verdict::Untrusted { signed_by, reason } => ("untrusted", Some(signed_by), Some(reason)),
        Verdict::Broken(reason) => ("broken", None, Some(reason)),
        Verdict::NotCovering(reason) => ("not-covering", None, Some(reason)),
        Verdict::NoSignature => ("no-signature", None, None),
    };
    json!({
        "verdict": word,
        "signer": by.map(|by| &by.subject),
        "algorithm": by.map(|by| &by.algorithm),
        "covers": by.map(|by| &by.covers),
        "reason": reason,
    })
}
