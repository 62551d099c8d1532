//! `rohrpost init`: a fresh configuration.

use super::Context;
use crate::config::{LIBRARY, fresh_secrets};
use crate::faults::Stop;
use crate::scaffold;
use rohrpost_model::{AreaPattern, TenantName};
use serde_json::json;
use std::path::PathBuf;

/// Write a fresh configuration with one tenant into the configuration folder, and its secrets.
///
/// Nothing that is there is changed. What comes next is told: destinations, mappings and routes (`rohrpost new`).
#[derive(clap::Args)]
pub struct Arguments {
    /// The name of the first tenant, as it stands in files.
    #[arg(long, value_name = "NAME", default_value = "kommune")]
    tenant: TenantName,
    /// What people call it.
    #[arg(long, value_name = "TEXT", default_value = "Kommune")]
    title: String,
    /// Its area: an ARS, or the beginning of one with a star.
    #[arg(long, value_name = "ARS", default_value = "*")]
    area: AreaPattern,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let title = arguments.title.trim();
    if title.is_empty() || title.chars().any(char::is_control) {
        return Err(Stop::Usage("--title: say what people call the tenant, in one line".into()));
    }
    let folder = context.folder.clone();
    let sheets = scaffold::fresh(&arguments.tenant, title, &arguments.area);
    let written = scaffold::write_new(&folder, &sheets)?;
    scaffold::write_schemas(&folder)?;
    let library = folder.join(LIBRARY);
    std::fs::create_dir_all(&library).map_err(|error| Stop::file(&library, &error))?;
    fresh_secrets(&folder, title, context.clock.now())
        .map_err(|fault| Stop::Failed(format!("die Geheimnisse ließen sich nicht anlegen: {fault}")))?;
    told(&written, context)
}

fn told(written: &[PathBuf], context: &mut Context<'_>) -> Result<(), Stop> {
    if context.json {
        let files: Vec<_> = written.iter().map(|path| path.display().to_string()).collect();
        return context.json(&json!({ "written": files }));
    }
    for path in written {
        context.line(path.display())?;
    }
    let folder = context.folder.display().to_string();
    context.line(format!(
        "{folder}/secrets: Hub-Schlüssel, Token von portal und operator, Schlüssel der Siegel und eine eigene CA\n\n\
         Den Hub-Schlüssel jetzt an einem zweiten Ort sichern: ohne ihn sind die Daten verloren.\n\
         So geht es weiter:\n  \
         rohrpost new destination NAME --adapter folder\n  \
         rohrpost new mapping NAME\n  \
         rohrpost new route NAME --service LEIKA --destination NAME --mapping NAME\n  \
         rohrpost check && rohrpost test && rohrpost serve"
    ))
}
