//! `rohrpost bundle export ROUTE… [--seal NAME] -o FILE`.

use crate::bundles::{Manifest, gather, pack};
use crate::commands::Context;
use crate::commands::library::unknown;
use crate::config::{Configuration, file_signer};
use crate::faults::Stop;
use rohrpost_model::ports::Sealed;
use rohrpost_model::{Digest, RouteName, SealName};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Write routes with their mappings, schemas, code lists and cases into one signed file, without secrets and addresses.
///
/// The signature is a CMS with the key of the seal, whatever form the seal gives to documents.
#[derive(clap::Args)]
pub struct Arguments {
    /// The routes.
    #[arg(value_name = "ROUTE", required = true)]
    routes: Vec<RouteName>,
    /// The seal whose key signs; not needed where there is one seal for documents only.
    #[arg(long, value_name = "NAME")]
    seal: Option<SealName>,
    /// Where the file goes.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let configuration = context.load()?;
    let routes: BTreeSet<_> = arguments.routes.iter().cloned().collect();
    let known: Vec<_> = configuration.catalog.routes.keys().map(RouteName::as_str).collect();
    if let Some(name) = routes.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(unknown("route", name.as_str(), &known));
    }
    let seal = seal(arguments.seal.as_ref(), &configuration)?;
    let (manifest, members) =
        gather(&routes, &configuration, &context.folder, &context.secrets(), context.clock.now())?;
    let text = manifest.to_bytes().map_err(|error| Stop::Failed(error.to_string()))?;
    let file = pack(&text, &signature(&seal, &text, context)?, &members).map_err(Stop::Failed)?;
    context.put(Some(&arguments.output), &file)?;
    told(arguments, &manifest, (&seal, Digest::of(&file)), context)
}

/// The seal that was named, or the only one for documents.
fn seal(named: Option<&SealName>, configuration: &Configuration) -> Result<SealName, Stop> {
    let seals: Vec<_> = configuration.catalog.seals.keys().collect();
    match (named, seals.as_slice()) {
        (Some(name), _) => Ok(name.clone()),
        (None, [only]) => Ok((*only).clone()),
        (None, several) => {
            let known: Vec<_> = several.iter().map(|name| name.as_str()).collect();
            Err(Stop::Usage(format!(
                "say with --seal whose key signs; seals for documents: {}",
                known.join(", ")
            )))
        }
    }
}

fn signature(name: &SealName, text: &[u8], context: &Context<'_>) -> Result<Vec<u8>, Stop> {
    let signer = file_signer(&context.folder, name, &context.secrets(), context.clock.now())?;
    let known = crate::config::names_of(&context.folder, "seals");
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    let signer = signer.ok_or_else(|| unknown("seal", name.as_str(), &known))?;
    match signer.seal(text).map_err(|fault| Stop::Failed(fault.to_string()))? {
        Sealed::Enveloped(signature) | Sealed::Detached(signature) => Ok(signature),
    }
}

fn told(
    arguments: &Arguments,
    manifest: &Manifest,
    (seal, sha256): (&SealName, Digest),
    context: &mut Context<'_>,
) -> Result<(), Stop> {
    let written = arguments.output.display().to_string();
    let Manifest { routes, mappings, needs, files, .. } = manifest;
    if context.json {
        return context.json(&json!({
            "written": written, "sha256": sha256, "seal": seal, "routes": routes, "mappings": mappings, "needs": needs,
            "files": files.len(),
        }));
    }
    let listed = |names: Vec<&str>| if names.is_empty() { "keine".to_owned() } else { names.join(", ") };
    let (routes, mappings) = (
        routes.iter().map(|name| name.as_str()).collect(),
        mappings.iter().map(|name| name.as_str()).collect(),
    );
    context.line(format!("{written}: {} Dateien, signiert mit dem Schlüssel von {seal}", files.len()))?;
    context.line(format!("  Routen:   {}\n  Mappings: {}", listed(routes), listed(mappings)))?;
    context.line(format!("  SHA-256:  {sha256}"))
}
