//! `rohrpost standard add|list|remove`: published standards in the configuration folder.
//!
//! Operators read German, so what is told is German; faults are told as everywhere.

use super::Context;
use super::table::Table;
use crate::config::{library_folder, mappings_that_name};
use crate::faults::Stop;
use crate::standards::{
    Installed, editions, folder_of, in_standards, install, read_package, read_shelf, remove,
    standards_that_name,
};
use rohrpost_mappings::{Root, Shelf, Standard, StandardId};
use rohrpost_model::Fault;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Install published standards (XÖV) with their schemas and code lists; list and remove them.
///
/// They lie in the folder standards/ of the configuration, pinned by hash. Imports are resolved by a catalog within the
/// package and across installed standards, never from the network.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Install a package as it was published.
    Add(Add),
    /// List what is installed.
    List,
    /// Take a standard away that no mapping and no other standard names.
    Remove {
        /// The standard.
        #[arg(value_name = "NAME@VERSION")]
        standard: StandardId,
    },
}

/// Install a package as it was published.
#[derive(clap::Args)]
struct Add {
    /// A ZIP file or a folder.
    #[arg(value_name = "FILE.zip|DIR")]
    package: PathBuf,
    /// The standard's name; without it, what the file's name says before the version.
    #[arg(long)]
    name: Option<String>,
    /// Its version; without it, what the file's name says.
    #[arg(long)]
    version: Option<String>,
    /// The installed standard that imports may mean, where several could be meant; may be given often.
    #[arg(long, value_name = "NAME@VERSION")]
    requires: Vec<StandardId>,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    match &arguments.what {
        What::Add(arguments) => add(arguments, context),
        What::List => list(context),
        What::Remove { standard } => take_away(standard, context),
    }
}

fn add(arguments: &Add, context: &mut Context<'_>) -> Result<(), Stop> {
    let id = named(arguments)?;
    let package = read_package(&arguments.package)?;
    let mut shelf = shelf(context)?;
    if let Some(unknown) = arguments.requires.iter().find(|id| shelf.get(id).is_none()) {
        return Err(Stop::Usage(format!("--requires {unknown}: that standard is not installed")));
    }
    let shown =
        |fault: Fault| Fault { file: arguments.package.join(&fault.file).display().to_string(), ..fault };
    let made = Standard::of_package(id, package.files, &shelf, &arguments.requires);
    let standard = made.map_err(|faults| Stop::Faults(faults.into_iter().map(shown).collect()))?;
    let roots = standard.roots(&mut shelf);
    if roots.iter().all(|root| !root.faults.is_empty()) {
        return Err(Stop::Faults(roots.into_iter().flat_map(|root| root.faults).map(in_standards).collect()));
    }
    let became = install(&standard, &context.folder)?;
    told(&standard, &roots, package.left_out, &became, context)
}

fn named(arguments: &Add) -> Result<StandardId, Stop> {
    let (name, version) = guessed(&arguments.package);
    let name = arguments.name.clone().or(name);
    let version = arguments.version.clone().or(version);
    let both = name.zip(version).ok_or_else(|| {
        Stop::Usage(format!(
            "{} does not say name and version; give --name and --version",
            arguments.package.display()
        ))
    })?;
    StandardId::new(&both.0, &both.1).map_err(|error| Stop::Usage(error.to_string()))
}

/// `XBau_2.6.zip` is version 2.6 of xbau.
fn guessed(package: &Path) -> (Option<String>, Option<String>) {
    let last = package.file_name().unwrap_or_default().to_string_lossy();
    let stem = last.strip_suffix(".zip").unwrap_or(&last);
    let digit = stem
        .find(|c: char| c.is_ascii_digit())
        .filter(|at| stem[..*at].trim_end_matches(['v', 'V']).ends_with(['-', '_', '@', ' ']));
    match digit {
        Some(at) => {
            let name = stem[..at].trim_end_matches(['v', 'V']).trim_end_matches(['-', '_', '@', ' ']);
            (Some(name.to_lowercase()), Some(stem[at..].to_owned()))
        }
        None => (Some(stem.to_lowercase()), None),
    }
}

/// What is installed; a standard that was changed stops every change.
fn shelf(context: &Context<'_>) -> Result<Shelf, Stop> {
    let (shelf, faults) = read_shelf(&context.folder);
    if faults.is_empty() { Ok(shelf) } else { Err(faults.into()) }
}

fn told(
    standard: &Standard,
    roots: &[Root],
    left_out: usize,
    became: &Installed,
    context: &mut Context<'_>,
) -> Result<(), Stop> {
    let new = *became == Installed::New;
    let requires: Vec<_> = standard.requires().iter().map(ToString::to_string).collect();
    if context.json {
        let broken = roots.iter().filter(|root| !root.faults.is_empty()).count();
        let roots: Vec<_> =
            roots.iter().map(|root| json!({ "schema": root.path, "faults": root.faults })).collect();
        return context.json(&json!({
            "standard": standard.id(), "new": new, "files": standard.files().len(), "leftOut": left_out,
            "requires": requires, "schemas": roots, "broken": broken,
        }));
    }
    let word = if new { "installiert" } else { "unverändert, war schon installiert" };
    let others = if left_out > 0 { format!(", {left_out} andere ausgelassen") } else { String::new() };
    context.line(format!("{}: {word} ({} Dateien{others})", standard.id(), standard.files().len()))?;
    if !requires.is_empty() {
        context.line(format!("  braucht {}", requires.join(", ")))?;
    }
    for root in roots {
        let word = if root.faults.is_empty() { "übersetzt" } else { "FEHLER   " };
        context.line(format!("  {word}  {}", root.path))?;
        for fault in &root.faults {
            context.line(format!("             {}", in_standards(fault.clone())))?;
        }
    }
    let broken = roots.iter().filter(|root| !root.faults.is_empty()).count();
    if broken > 0 {
        context.line(format!("  {broken} von {} Schemata lassen sich nicht benutzen", roots.len()))?;
    }
    Ok(())
}

fn list(context: &mut Context<'_>) -> Result<(), Stop> {
    let (shelf, faults) = read_shelf(&context.folder);
    if context.json {
        let one = |standard: &Standard| {
            json!({
                "standard": standard.id(), "files": standard.files().len(), "requires": standard.requires(),
                "namespaces": standard.namespaces(),
            })
        };
        context.json(&json!({ "standards": shelf.all().map(one).collect::<Vec<_>>(), "faults": faults }))?;
    } else {
        let mut table = Table::new(&["STANDARD", "DATEIEN", "BRAUCHT", "NAMENSRÄUME"]);
        for standard in shelf.all() {
            let requires: Vec<_> = standard.requires().iter().map(ToString::to_string).collect();
            let requires = if requires.is_empty() { "-".into() } else { requires.join(" ") };
            let namespaces: Vec<_> = standard.namespaces().into_iter().collect();
            table.row(vec![
                standard.id().to_string(),
                standard.files().len().to_string(),
                requires,
                namespaces.join(" "),
            ]);
        }
        context.line(table)?;
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.into()) }
}

fn take_away(id: &StandardId, context: &mut Context<'_>) -> Result<(), Stop> {
    let known = editions(&context.folder).map_err(|error| Stop::file(&context.folder, &error))?;
    if !known.contains(id) {
        let known: Vec<_> = known.iter().map(ToString::to_string).collect();
        return Err(Stop::Usage(format!("{id} is not installed; installed: {}", known.join(", "))));
    }
    let users = users(id, context)?;
    if !users.is_empty() {
        return Err(Stop::Failed(format!(
            "{id} is in use by {}; change or remove that first",
            users.join(", ")
        )));
    }
    remove(id, &context.folder)?;
    let gone = folder_of(id).display().to_string();
    if context.json {
        context.json(&json!({ "removed": id }))
    } else {
        context.line(format!("{id}: entfernt ({gone})"))
    }
}

/// The mappings and standards that name a standard.
fn users(id: &StandardId, context: &Context<'_>) -> Result<Vec<String>, Stop> {
    let mut users = Vec::new();
    if let Some(library) = library_folder(&context.folder) {
        let found = mappings_that_name(id, &library).map_err(|error| Stop::file(&library, &error))?;
        users.extend(found.into_iter().map(|name| format!("the mapping {name}")));
    }
    let needing = standards_that_name(id, &context.folder);
    let needing = needing.map_err(|error| Stop::file(&context.folder, &error))?;
    users.extend(needing.into_iter().map(|other| format!("the standard {other}")));
    Ok(users)
}
