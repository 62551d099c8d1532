//! What is put into a hand over: routes with their cases, and the mappings that they name.

use super::container::Members;
use super::manifest::{DestinationNeed, Manifest};
use super::{CASES, ROUTES, guard};
use crate::config::{Configuration, RouteAsks, Texts, placeholders_in, route_asks};
use crate::faults::{Stop, plain};
use crate::standards::{bad_name, read_shelf};
use rohrpost_kit::settings::Secrets;
use rohrpost_mappings::{STANDARDS_IN_BUNDLE, StandardId, place_in_library, shared_folders};
use rohrpost_model::ports::SealForm;
use rohrpost_model::version::MAPPINGS;
use rohrpost_model::{Digest, Fault, MappingName, RouteName, Timestamp};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Gathers routes of a configuration without faults. A file that holds what must not leave the hub is a fault.
pub fn gather(
    routes: &BTreeSet<RouteName>,
    configuration: &Configuration,
    folder: &Path,
    secrets: &dyn Secrets,
    now: Timestamp,
) -> Result<(Manifest, Members), Stop> {
    let mut gathering = Gathering {
        configuration,
        folder,
        manifest: Manifest::new(now, routes.clone(), BTreeSet::new()),
        members: Members::new(),
    };
    for name in routes {
        gathering.route(name)?;
    }
    for name in gathering.manifest.mappings.clone() {
        gathering.mapping(&name)?;
    }
    gathering.standards();
    let Gathering { mut manifest, members, .. } = gathering;
    let faults = guard::guarded(&members, &Texts::of_folder(folder), secrets);
    if !faults.is_empty() {
        return Err(Stop::Faults(faults));
    }
    manifest.files = members.iter().map(|(path, content)| (path.clone(), Digest::of(content))).collect();
    Ok((manifest, members))
}

struct Gathering<'a> {
    configuration: &'a Configuration,
    folder: &'a Path,
    manifest: Manifest,
    members: Members,
}

impl Gathering<'_> {
    fn route(&mut self, name: &RouteName) -> Result<(), Stop> {
        let file = format!("{ROUTES}/{name}.toml");
        let gone = || Stop::Failed(format!("{file}: there is no such file"));
        let text = self.configuration.text.files.get(&file).ok_or_else(gone)?;
        let asks = route_asks(&file, text)?;
        self.members.insert(file.clone(), text.clone().into_bytes());
        self.needs(name, &asks);
        self.manifest.mappings.extend(asks.mappings);
        let cases = self.folder.join(ROUTES).join(name.as_str()).join(CASES);
        // What was sent depends on the destination, which stays here.
        let kept = |file: &str| !(file.contains("/expected/") && file.contains(".request."));
        self.files(&cases, &format!("{ROUTES}/{name}/{CASES}/"), kept)
    }

    fn mapping(&mut self, name: &MappingName) -> Result<(), Stop> {
        let mapped = self.configuration.catalog.mappings.get(name.as_str());
        let gone = || Stop::Failed(format!("{MAPPINGS}/{name}: there is no such mapping"));
        let bundle = &*mapped.ok_or_else(gone)?.bundle;
        for (file, content) in &bundle.files {
            let path = format!("{MAPPINGS}/{}", place_in_library(bundle, file));
            self.members.insert(path, content.clone());
        }
        let shared = shared_folders(bundle).into_iter().filter_map(|name| name.parse().ok());
        self.manifest.shared.extend(shared);
        let below = format!("{MAPPINGS}/{name}/");
        let folder = self.configuration.library.join(name.as_str());
        let explains = |file: &str| file.starts_with("cases/") || file.ends_with(".md");
        self.files(&folder, &below, explains)
    }

    /// The files below a folder, without what editors leave behind. A folder that is not there has none.
    fn files(&mut self, folder: &Path, below: &str, kept: impl Fn(&str) -> bool) -> Result<(), Stop> {
        let mut found = Vec::new();
        files(folder, "", &mut found).map_err(|error| Stop::file(folder, &error))?;
        for file in found.into_iter().filter(|file| kept(file)) {
            let (from, to) = (folder.join(&file), format!("{below}{file}"));
            if let Some(what) = bad_name(&to) {
                return Err(Stop::Faults(vec![Fault::of_file(to, what).hint("give the file another name")]));
            }
            let content =
                fs::read(&from).map_err(|error| Stop::Failed(format!("{to}: {}", plain(&error))))?;
            self.members.insert(to, content);
        }
        Ok(())
    }

    fn needs(&mut self, name: &RouteName, asks: &RouteAsks) {
        let Configuration { catalog, .. } = self.configuration;
        for seal in &asks.seals {
            let form = match catalog.seals.get(seal.as_str()).map(|seal| seal.form()) {
                Some(SealForm::Cms) => "cms",
                _ => "xml-dsig",
            };
            self.manifest.needs.seals.insert(seal.to_string(), form.into());
        }
        let needs = &mut self.manifest.needs;
        needs.tenants.extend(asks.tenants.iter().map(ToString::to_string));
        needs.areas.extend(asks.area.iter().map(ToString::to_string));
        needs.values.extend(asks.values.iter().cloned());
        for ask in &asks.destinations {
            let adapter = self.adapter(name, &ask.tenant, &ask.step, ask.test);
            let same = |need: &&mut DestinationNeed| {
                need.route == name.as_str()
                    && need.step == ask.step
                    && need.name == ask.template
                    && need.test == ask.test
            };
            let needs = &mut self.manifest.needs.destinations;
            match needs.iter_mut().find(same) {
                Some(need) => need.adapters.extend(adapter),
                None => needs.push(DestinationNeed {
                    route: name.to_string(),
                    step: ask.step.clone(),
                    name: ask.template.clone(),
                    test: ask.test,
                    placeholders: placeholders_in(&ask.template),
                    adapters: adapter.into_iter().collect(),
                }),
            }
        }
    }

    /// The kind of the adapter behind a step for one tenant; what the table of responsibilities decides is left open.
    fn adapter(
        &self,
        route: &RouteName,
        tenant: &rohrpost_model::TenantName,
        step: &str,
        test: bool,
    ) -> Option<String> {
        let route = self.configuration.catalog.routes.get(route.as_str())?;
        let step = route.steps_for(tenant).iter().find(|one| one.name.as_str() == step)?;
        let name = step.template_for(test).replace("{tenant}", tenant.as_str());
        self.configuration.adapters.get(name.as_str()).map(|kind| (*kind).to_owned())
    }

    /// The standards of which mappings took something.
    fn standards(&mut self) {
        let (shelf, _) = read_shelf(self.folder);
        let inside = self.members.keys().filter_map(|path| {
            let (_, rest) = path.split_once(STANDARDS_IN_BUNDLE)?;
            rest.split('/').next()?.parse::<StandardId>().ok()
        });
        let all: BTreeSet<_> = inside.collect();
        for id in all {
            if let Some(standard) = shelf.get(&id) {
                self.manifest.needs.standards.insert(id, Digest::of(standard.manifest().as_bytes()));
            }
        }
    }
}

fn files(folder: &Path, prefix: &str, found: &mut Vec<String>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        match entry.path().is_dir() {
            true => files(&entry.path(), &format!("{prefix}{name}/"), found)?,
            false => found.push(format!("{prefix}{name}")),
        }
    }
    Ok(())
}
