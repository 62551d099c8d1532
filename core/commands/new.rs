//! `rohrpost new destination|listener|source|mapping|route|schemas`: a new item, to be changed by hand.

use super::Context;
use super::library::unknown;
use crate::assemble::{ADAPTERS, INBOUND, SOURCES};
use crate::config::{LIBRARY, area_of, library_folder, names_of, random_secrets};
use crate::faults::Stop;
use crate::scaffold::{self, Example, NewRoute, Sheets};
use rohrpost_mappings::ENVELOPE_NAMESPACE;
use rohrpost_model::{
    AreaPattern, ClientName, DestinationName, Kind, ListenerName, MappingName, RouteName, ServiceKey,
    SourceName, TenantName,
};
use serde_json::json;
use std::path::{Component, Path, PathBuf};

/// Write a new destination, listener, source, mapping or route that passes `check`, to be changed by hand.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// A foreign system.
    Destination(Destination),
    /// Where foreign systems talk to the hub in a protocol of theirs.
    Listener(Listener),
    /// A place outside that the hub fetches from.
    Source(Source),
    /// A mapping with schemas, a stylesheet and cases.
    Mapping {
        /// Its name.
        name: MappingName,
    },
    /// Which submissions go where.
    Route(Route),
    /// The JSON schemas of all files, for editors, in place of those of an earlier version.
    Schemas,
}

/// A foreign system.
#[derive(clap::Args)]
struct Destination {
    /// Its name.
    name: DestinationName,
    /// How it is talked to.
    #[arg(long, value_name = "KIND")]
    adapter: String,
    /// Whose submissions it may get; may be given often. Not needed where there is one tenant only.
    #[arg(long = "tenant", value_name = "NAME")]
    tenants: Vec<TenantName>,
}

/// Where foreign systems talk to the hub in a protocol of theirs.
#[derive(clap::Args)]
struct Listener {
    /// Its name.
    name: ListenerName,
    /// Which protocol it speaks.
    #[arg(long, value_name = "KIND")]
    adapter: String,
}

/// A place outside that the hub fetches from.
#[derive(clap::Args)]
struct Source {
    /// Its name.
    name: SourceName,
    /// How it is fetched from.
    #[arg(long, value_name = "KIND")]
    adapter: String,
    /// In whose name is handed in what was fetched.
    #[arg(long, value_name = "NAME")]
    client: ClientName,
}

/// Which submissions go where.
#[derive(clap::Args)]
struct Route {
    /// Its name.
    name: RouteName,
    /// The service: a LeiKa key.
    #[arg(long, value_name = "LEIKA")]
    service: ServiceKey,
    /// From where: an ARS, or the beginning of one with a star; from everywhere if not given.
    #[arg(long, value_name = "ARS")]
    area: Option<AreaPattern>,
    /// What it is: application, amendment, withdrawal, …
    #[arg(long, default_value = "application")]
    kind: Kind,
    /// Where to: a destination, or its name with {tenant} in it.
    #[arg(long, value_name = "NAME")]
    destination: String,
    /// Mapped by.
    #[arg(long, value_name = "NAME")]
    mapping: Option<MappingName>,
    /// Whose submissions it takes; may be given often. Not needed where there is one tenant only.
    #[arg(long = "tenant", value_name = "NAME")]
    tenants: Vec<TenantName>,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let folder = context.folder.clone();
    if !folder.join("hub.toml").exists() {
        let what =
            format!("in {} liegt keine Konfiguration; mit `rohrpost init` eine anlegen", folder.display());
        return Err(Stop::Failed(what));
    }
    match &arguments.what {
        What::Destination(new) => {
            let tenants = tenants(&new.tenants, &folder)?;
            let adapter = adapter(&new.adapter, ADAPTERS, |adapter| adapter.kind())?;
            let sheets = scaffold::destination(&new.name, adapter, &tenants);
            let mut paths = scaffold::write_new(&folder, &sheets)?;
            let secrets = random_secrets(&folder, &scaffold::secrets(&new.name, adapter));
            paths.extend(secrets.map_err(|fault| Stop::Failed(fault.to_string()))?);
            told(&paths, context)
        }
        What::Listener(new) => {
            let adapter = adapter(&new.adapter, INBOUND, |adapter| adapter.kind())?;
            written(&folder, &scaffold::listener(&new.name, adapter), context)
        }
        What::Source(new) => {
            let adapter = adapter(&new.adapter, SOURCES, |adapter| adapter.kind())?;
            among("client", new.client.as_str(), &names_of(&folder, "clients"))?;
            written(&folder, &scaffold::source(&new.name, adapter, &new.client), context)
        }
        What::Mapping { name } => {
            let library = library_folder(&folder).ok_or_else(|| {
                Stop::Failed("hub.toml names no folder of mappings; add mappings = \"…\"".into())
            })?;
            let schemas = schemas_from(&library, &folder);
            written(&library, &scaffold::mapping(name, schemas.as_deref()), context)
        }
        What::Route(new) => written(&folder, &route(new, &folder)?, context),
        What::Schemas => told(&scaffold::write_schemas(&folder)?, context),
    }
}

fn route(new: &Route, folder: &Path) -> Result<Sheets, Stop> {
    let tenants = tenants(&new.tenants, folder)?;
    if !new.destination.contains('{') {
        among("destination", &new.destination, &names_of(folder, "destinations"))?;
    }
    Ok(scaffold::route(&NewRoute {
        name: &new.name,
        tenants: &tenants,
        kind: &new.kind,
        service: &new.service,
        area: new.area.as_ref(),
        destination: &new.destination,
        mapping: new.mapping.as_ref(),
        example: example(new, &tenants, folder),
    }))
}

/// A case of the mapping as a first one of the route, in an area that both take; none where there is no such thing.
fn example(new: &Route, tenants: &[TenantName], folder: &Path) -> Option<Example> {
    let cases = library_folder(folder)?.join(new.mapping.as_ref()?.as_str()).join("cases");
    let read =
        |form: &'static str| Some((form, std::fs::read_to_string(cases.join(format!("01.in.{form}"))).ok()?));
    let (form, data) = read("xml").or_else(|| read("json"))?;
    let written = new.area.as_ref().map(ToString::to_string).or_else(|| area_of(folder, tenants.first()?))?;
    let digits = written.trim_end_matches('*');
    let area = format!("{digits:0<12}").parse().ok().filter(|_| !digits.is_empty())?;
    // An envelope is what the hub makes, and no submission.
    (!data.contains(ENVELOPE_NAMESPACE)).then_some(Example { area, form, data })
}

/// The tenants that were named, or the only one there is.
fn tenants(named: &[TenantName], folder: &Path) -> Result<Vec<TenantName>, Stop> {
    let known = names_of(folder, "tenants");
    if named.is_empty() {
        let [only] = known.as_slice() else {
            return Err(Stop::Usage(format!("name the tenants with --tenant; known: {}", known.join(", "))));
        };
        return only
            .parse()
            .map(|only| vec![only])
            .map_err(|bad: rohrpost_model::BadName| Stop::Usage(bad.to_string()));
    }
    named.iter().try_for_each(|name| among("tenant", name.as_str(), &known))?;
    Ok(named.to_vec())
}

fn among(kind: &str, name: &str, known: &[String]) -> Result<(), Stop> {
    if known.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(unknown(kind, name, &known.iter().map(String::as_str).collect::<Vec<_>>()))
}

fn adapter<A: Copy>(word: &str, all: &[A], kind: fn(A) -> &'static str) -> Result<A, Stop> {
    let found = all.iter().copied().find(|adapter| kind(*adapter) == word);
    let kinds: Vec<_> = all.iter().map(|adapter| kind(*adapter)).collect();
    found.ok_or_else(|| unknown("adapter", word, &kinds))
}

fn written(folder: &Path, sheets: &Sheets, context: &mut Context<'_>) -> Result<(), Stop> {
    told(&scaffold::write_new(folder, sheets)?, context)
}

/// Where the schemas lie, seen from a mapping's folder; told only where the library is in its usual place.
fn schemas_from(library: &Path, folder: &Path) -> Option<String> {
    let name = folder.file_name()?.to_str()?;
    let is_beside = library == folder.join(LIBRARY);
    is_beside.then(|| format!("../../{name}/{}", scaffold::SCHEMAS))
}

fn told(paths: &[PathBuf], context: &mut Context<'_>) -> Result<(), Stop> {
    let files: Vec<_> = paths.iter().map(|path| plain(path).display().to_string()).collect();
    if context.json {
        return context.json(&json!({ "written": files }));
    }
    files.iter().try_for_each(|file| context.line(file))
}

/// A path without `name/..`, as people read it.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        let back = part == Component::ParentDir
            && matches!(plain.components().next_back(), Some(Component::Normal(_)));
        if !back {
            plain.push(part);
        } else {
            plain.pop();
        }
    }
    plain
}
