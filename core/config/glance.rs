//! What commands ask of hub.toml when they do not need the whole configuration. Its faults are
//! [`load`](super::load)'s business: here a key that cannot be read is not there.

use super::files::{Files, read_folder_texts};
use super::reader::Faults;
use super::routes::RouteDraft;
use rohrpost_model::TenantName;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// Whether the configuration in `folder` says that it is the demo.
pub fn is_demo(folder: &Path) -> bool {
    glance(folder, |hub| hub.get("demo")?.get_ref().as_bool()).unwrap_or(false)
}

/// Where the API of the hub is served, and whether over TLS.
pub fn api_address(folder: &Path) -> Option<(SocketAddr, bool)> {
    glance(folder, |hub| {
        let listen = hub.get("listen")?.get_ref();
        Some((listen.get("api")?.get_ref().as_str()?.parse().ok()?, listen.get("tls").is_some()))
    })
}

/// The library of mappings.
pub fn library_folder(folder: &Path) -> Option<PathBuf> {
    glance(folder, |hub| Some(folder.join(hub.get("mappings")?.get_ref().as_str()?)))
}

/// The data directory.
pub fn data_folder(folder: &Path) -> Option<PathBuf> {
    glance(folder, |hub| Some(folder.join(hub.get("data")?.get_ref().as_str()?)))
}

/// Where heads of the history are kept.
pub fn heads_folder(folder: &Path) -> Option<PathBuf> {
    glance(folder, |hub| {
        let audit = hub.get("audit")?.get_ref();
        Some(folder.join(audit.get("heads")?.get_ref().as_str()?))
    })
}

fn glance<T>(folder: &Path, look: impl FnOnce(&DeTable<'_>) -> Option<T>) -> Option<T> {
    let text = std::fs::read_to_string(folder.join("hub.toml")).ok()?;
    let (tree, _) = DeTable::parse_recoverable(&text);
    look(tree.get_ref())
}

/// The routes by name, each with the mappings of its steps.
pub fn route_mappings(folder: &Path) -> Vec<(String, Vec<String>)> {
    let faults = Faults::default();
    let files = Files::read(folder, &faults);
    let routes = files.routes.iter().filter_map(|source| RouteDraft::read(source, &faults));
    let mappings = |route: &RouteDraft| {
        route.steps.iter().filter_map(|step| Some(step.mapping.as_ref()?.name.to_string())).collect()
    };
    routes.map(|route| (route.name.to_string(), mappings(&route))).collect()
}

/// Where a fresh configuration has its mappings, from the configuration folder.
pub const LIBRARY: &str = "../mappings";

/// The names of the items of a kind (`tenants`, `destinations`, …), as their files are called.
pub fn names_of(folder: &Path, kind: &str) -> Vec<String> {
    let texts = read_folder_texts(folder);
    let stem =
        |name: &String| Some(name.strip_prefix(kind)?.strip_prefix('/')?.strip_suffix(".toml")?.to_owned());
    texts.keys().filter_map(stem).collect()
}

/// The first area that a tenant names.
pub fn area_of(folder: &Path, tenant: &TenantName) -> Option<String> {
    let text = std::fs::read_to_string(folder.join("tenants").join(format!("{tenant}.toml"))).ok()?;
    let (tree, _) = DeTable::parse_recoverable(&text);
    let areas = tree.get_ref().get("areas")?.get_ref();
    let first = areas.as_array().and_then(|areas| areas.first()).map_or(areas, |first| first.get_ref());
    first.as_str().map(str::to_owned)
}
