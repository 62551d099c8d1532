//! The files of a configuration folder.

use super::reader::{Faults, Place, Placed, Source, Table};
use crate::faults::plain;
use rohrpost_kit::settings::Secrets;
use rohrpost_model::Fault;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// All files of a configuration.
pub struct Files {
    /// `hub.toml`.
    pub hub: Option<Source>,
    /// `tenants/*.toml`.
    pub tenants: Vec<Source>,
    /// `clients/*.toml`.
    pub clients: Vec<Source>,
    /// `destinations/*.toml`.
    pub destinations: Vec<Source>,
    /// `listeners/*.toml`.
    pub listeners: Vec<Source>,
    /// `sources/*.toml`.
    pub sources: Vec<Source>,
    /// `seals/*.toml`.
    pub seals: Vec<Source>,
    /// `routes/*.toml`.
    pub routes: Vec<Source>,
    /// `responsibilities/*.csv`.
    pub responsibilities: Vec<Source>,
}

impl Files {
    /// Reads them; what cannot be read is noted.
    pub fn read(folder: &Path, faults: &Faults) -> Self {
        let all = |kind| read_folder(folder, kind, faults);
        Self {
            hub: read_hub(folder, faults),
            tenants: all("tenants"),
            clients: all("clients"),
            destinations: all("destinations"),
            listeners: all("listeners"),
            sources: all("sources"),
            seals: all("seals"),
            routes: all("routes"),
            responsibilities: all(RESPONSIBILITIES),
        }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Source> {
        let Self {
            tenants, clients, destinations, listeners, sources, seals, routes, responsibilities, ..
        } = self;
        let folders = [tenants, clients, destinations, listeners, sources, seals, routes, responsibilities];
        self.hub.iter().chain(folders.into_iter().flatten())
    }
}

fn read_hub(folder: &Path, faults: &Faults) -> Option<Source> {
    if folder.join("hub.toml").exists() {
        return read_source(folder, "hub.toml", faults);
    }
    let fault = Fault::of_file("hub.toml", format!("there is no hub.toml in {}", folder.display()));
    faults.note(fault.hint("name the configuration folder with --config DIR"));
    None
}

/// The folders of items.
const KINDS: [&str; 8] =
    ["tenants", "clients", "destinations", "listeners", "sources", "seals", "routes", RESPONSIBILITIES];

/// The folder of the table of responsibilities, which is CSV.
pub const RESPONSIBILITIES: &str = "responsibilities";

/// The text of every file that can be read, by its path.
pub fn read_folder_texts(folder: &Path) -> BTreeMap<String, String> {
    let faults = Faults::default();
    let items = KINDS.into_iter().flat_map(|kind| read_folder(folder, kind, &faults));
    let all = read_hub(folder, &faults).into_iter().chain(items);
    all.map(|source| (source.name.to_string(), source.text)).collect()
}

/// The `*.toml` (or `*.csv`) of one folder, by name. A folder that is not there has none.
fn read_folder(folder: &Path, kind: &str, faults: &Faults) -> Vec<Source> {
    let entries = match fs::read_dir(folder.join(kind)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            faults.note(Fault::of_file(kind, plain(&error)));
            return Vec::new();
        }
    };
    let ending = if kind == RESPONSIBILITIES { ".csv" } else { ".toml" };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let sorted: BTreeSet<_> = names.filter(|name| name.ends_with(ending)).collect();
    sorted.iter().filter_map(|name| read_source(folder, &format!("{kind}/{name}"), faults)).collect()
}

fn read_source(folder: &Path, name: &str, faults: &Faults) -> Option<Source> {
    match fs::read_to_string(folder.join(name)) {
        Ok(text) => Some(Source { name: name.into(), text }),
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            faults.note(Fault::of_file(name, "the file is not UTF-8").hint("convert it to UTF-8"));
            None
        }
        Err(error) => {
            faults.note(Fault::of_file(name, plain(&error)));
            None
        }
    }
}

impl Source {
    /// The file name without folder and `.toml`: the name of the item in it.
    pub fn stem(&self) -> &str {
        let file = self.name.rsplit('/').next().unwrap_or(&self.name);
        file.strip_suffix(".toml").unwrap_or(file)
    }
}

/// The item's name, which must be the file's. Where it cannot be read, the file's name stands in, so that references
/// to the item are not faults of their own.
pub fn name_of<N: FromStr<Err: Display> + Display>(source: &Source, table: &Table<'_>) -> Option<Placed<N>> {
    let name = table.must("name").text::<N>();
    check_name(source, table, name.as_ref());
    name.or_else(|| Some(Placed { value: source.stem().parse().ok()?, at: table.place().clone() }))
}

/// The same of an item that need not say its name.
pub fn name_or_stem<N: FromStr<Err: Display> + Display>(
    source: &Source,
    table: &Table<'_>,
) -> Option<Placed<N>> {
    let name = table.may("name").text::<N>();
    check_name(source, table, name.as_ref());
    let wrong =
        |error| table.faults().note(table.place().fault(format!("the file is not called so: {error}")));
    let stem = || {
        let value = source.stem().parse().map_err(wrong).ok()?;
        Some(Placed { value, at: table.place().clone() })
    };
    name.or_else(stem)
}

fn check_name<N: Display>(source: &Source, table: &Table<'_>, name: Option<&Placed<N>>) {
    if let Some(name) = name
        && name.to_string() != source.stem()
    {
        let fault =
            name.at.fault(format!("the name `{}` is not that of the file, `{}`", **name, source.stem()));
        table.faults().note(fault.hint(format!("rename the file to {}.toml, or the item", **name)));
    }
}

/// Looks into the environment.
pub type Environment = fn(&str) -> Option<String>;

/// Secrets from files and from the environment, which only `main` reads.
pub struct FileSecrets<'a> {
    /// Where relative paths start.
    pub folder: PathBuf,
    /// Looks into the environment.
    pub environment: &'a Environment,
}

impl Secrets for FileSecrets<'_> {
    fn file(&self, path: &Path) -> Result<SecretString, String> {
        let read = fs::read_to_string(self.folder.join(path));
        read.map(SecretString::from).map_err(|error| format!("{}: {}", path.display(), plain(&error)))
    }

    fn env(&self, name: &str) -> Result<SecretString, String> {
        let value = (self.environment)(name).map(SecretString::from);
        value.ok_or_else(|| format!("the environment variable {name} is not set"))
    }
}

/// The bytes of a file that the configuration names, relative to its folder; noted where it cannot be read.
pub fn read_named(folder: &Path, path: &Placed<PathBuf>, faults: &Faults) -> Option<Vec<u8>> {
    read_bytes(folder, &path.value, &path.at).map_err(|fault| faults.note(fault)).ok()
}

fn read_bytes(folder: &Path, path: &Path, at: &Place) -> Result<Vec<u8>, Fault> {
    let wrong = |error| at.fault(format!("{} cannot be read: {}", path.display(), plain(&error)));
    fs::read(folder.join(path)).map_err(wrong)
}

/// Writes a file under a temporary name, syncs it, renames it and syncs its folder: a crash leaves the old state or the
/// new one. `mode` are the permissions of a new file.
pub fn write_whole(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = folder.join(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&temporary)?;
    let written =
        file.write_all(content).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // What is left of it is of no use; the fault that is told is the first one.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    File::open(folder)?.sync_all()
}
