//! What lies in a hand over, once its signature was believed: exactly the files of its manifest, where they belong.

use super::container::{Members, Unopened};
use super::manifest::Manifest;
use super::{CASES, ROUTES, guard};
use crate::config::route_asks;
use rohrpost_mappings::{Bundle, STANDARDS_IN_BUNDLE, shared_folders, wanted_standards};
use rohrpost_model::version::MAPPINGS;
use rohrpost_model::{Digest, Fault, MappingName, RouteName};
use std::collections::BTreeSet;

/// A hand over whose files are those that were signed.
pub struct HandOver {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Its files by path.
    pub members: Members,
}

impl HandOver {
    /// Compares what was read with its manifest, and names everything that is not as it must be.
    pub fn open(unopened: Unopened) -> Result<Self, Vec<Fault>> {
        let Unopened { shown, manifest, members, .. } = unopened;
        let opened = Self { manifest: Manifest::read(&manifest, &shown)?, members };
        let mut faults = opened.unlike_its_manifest();
        if faults.is_empty() {
            faults = opened.misplaced();
            faults
                .extend(opened.members.iter().filter_map(|(path, content)| guard::holds_key(path, content)));
        }
        if faults.is_empty() {
            faults = opened.wrong_routes();
            faults.extend(opened.of_no_standard());
        }
        let named = |fault: Fault| Fault { file: format!("{shown}/{}", fault.file), ..fault };
        if faults.is_empty() { Ok(opened) } else { Err(faults.into_iter().map(named).collect()) }
    }

    fn unlike_its_manifest(&self) -> Vec<Fault> {
        let hint = "the file was changed after it was signed: have it written and sent anew";
        let fault = |path: &str, message: String| Fault::of_file(path, message).hint(hint);
        let mut faults = Vec::new();
        for (path, signed) in &self.manifest.files {
            match self.members.get(path).map(|content| Digest::of(content)) {
                None => faults.push(fault(path, "is missing, and the manifest names it".into())),
                Some(found) if found != *signed => {
                    faults.push(fault(path, format!("has the SHA-256 {found}, and {signed} was signed")));
                }
                Some(_) => {}
            }
        }
        let surplus = self.members.keys().filter(|path| !self.manifest.files.contains_key(*path));
        faults.extend(surplus.map(|path| fault(path, "is not in the manifest, so nobody signed it".into())));
        faults
    }

    /// Whoever signs may err, too: only routes and mappings are taken, each where it belongs.
    fn misplaced(&self) -> Vec<Fault> {
        let Manifest { routes, mappings, shared, .. } = &self.manifest;
        let fault = |path: &String| {
            let message = "belongs to none of the routes and mappings that the manifest names";
            let hint = "a hand over holds routes/NAME.toml, routes/NAME/cases/ and mappings/NAME/ only";
            Fault::of_file(path, message).hint(hint)
        };
        let stray = |path: &&String| match Place::of(path) {
            Some(Place::Route(name) | Place::RouteCase(name)) => !routes.contains(&name),
            // With a manifest of its own a shared folder would be a mapping.
            Some(Place::Mapping(name)) => {
                let of_mapping = mappings.contains(&name);
                !of_mapping && (!shared.contains(&name) || path.ends_with("/mapping.toml"))
            }
            None => true,
        };
        let mut faults: Vec<_> = self.members.keys().filter(stray).map(fault).collect();
        let lacks = |path: String| {
            let message = "is missing, and the manifest names what should be there";
            (!self.members.contains_key(&path)).then(|| Fault::of_file(path, message))
        };
        faults.extend(routes.iter().filter_map(|name| lacks(format!("{ROUTES}/{name}.toml"))));
        faults.extend(mappings.iter().filter_map(|name| lacks(format!("{MAPPINGS}/{name}/mapping.toml"))));
        let used: BTreeSet<_> = mappings.iter().flat_map(|name| shared_folders(&self.bundle(name))).collect();
        let unused = shared.iter().filter(|name| !used.contains(name.as_str()));
        faults.extend(unused.map(|name| {
            Fault::of_file(format!("{MAPPINGS}/{name}"), "is a shared folder that none of the mappings names")
        }));
        faults
    }

    /// What is wrong with routes by themselves, and mappings that they name and that are not there, or the other way round.
    fn wrong_routes(&self) -> Vec<Fault> {
        let (mut faults, mut named) = (Vec::new(), BTreeSet::new());
        for (file, text) in self.routes() {
            match route_asks(&file, &text) {
                Ok(asks) => named.extend(asks.mappings),
                Err(found) => faults.extend(found),
            }
            if text.contains(char::REPLACEMENT_CHARACTER) {
                faults.push(Fault::of_file(file, "the file is not UTF-8").hint("convert it to UTF-8"));
            }
        }
        let here = &self.manifest.mappings;
        let lacking = named.iter().filter(|name| !here.contains(*name)).map(|name| {
            Fault::of_file(format!("{MAPPINGS}/{name}"), "is missing, and a route names that mapping")
        });
        let surplus = here.iter().filter(|name| !named.contains(*name)).map(|name| {
            Fault::of_file(format!("{MAPPINGS}/{name}"), "is a mapping that none of the routes names")
        });
        if faults.is_empty() {
            faults.extend(lacking.chain(surplus));
        }
        faults
    }

    /// Files that lie where those of standards do, in mappings that name no standard.
    fn of_no_standard(&self) -> Vec<Fault> {
        let named = |name: &MappingName| wanted_standards(&self.bundle(name)).len();
        let plain = self.manifest.mappings.iter().filter(|name| named(name) == 0);
        let below: Vec<_> = plain.map(|name| format!("{MAPPINGS}/{name}/{STANDARDS_IN_BUNDLE}")).collect();
        let stray = self.members.keys().filter(|path| below.iter().any(|below| path.starts_with(below)));
        let message = "is of a standard, and the mapping names none";
        stray.map(|path| Fault::of_file(path.as_str(), message)).collect()
    }

    /// The files of the routes, with their texts. One that is no UTF-8 is read as far as it is.
    pub fn routes(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.manifest.routes.iter().filter_map(|name| {
            let file = format!("{ROUTES}/{name}.toml");
            let text = String::from_utf8_lossy(self.members.get(&file)?).into_owned();
            Some((file, text))
        })
    }

    /// A mapping with what it took of standards and of shared folders.
    pub fn bundle(&self, name: &MappingName) -> Bundle {
        let below = format!("{MAPPINGS}/{name}/");
        let files = self.members.iter().filter_map(|(path, content)| {
            let path = path.strip_prefix(&below).filter(|path| is_part(path))?;
            Some((path.to_owned(), content.clone()))
        });
        let mut bundle = Bundle { name: name.clone(), files: files.collect() };
        for shared in shared_folders(&bundle) {
            bundle.files.extend(self.shared(&shared));
        }
        bundle
    }

    /// The files of a shared folder, as they are called in the mappings that share it.
    pub fn shared<'a>(&'a self, name: &str) -> impl Iterator<Item = (String, Vec<u8>)> + use<'a> {
        let below = format!("{name}/");
        self.members.iter().filter_map(move |(path, content)| {
            let path = path.strip_prefix(MAPPINGS)?.strip_prefix('/')?;
            (path.starts_with(&below) && is_part(path)).then(|| (path.to_owned(), content.clone()))
        })
    }
}

/// Whether a mapping depends on a file in its folder.
pub fn is_part(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or(path);
    !path.starts_with("cases/") && !last.ends_with(".md") && !last.ends_with('~')
}

/// Where a file of a hand over belongs.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// It is a route.
    Route(RouteName),
    /// It is of a case of a route.
    RouteCase(RouteName),
    /// It is in the folder of a mapping.
    Mapping(MappingName),
}

impl Place {
    /// That of a path; `None` where no file belongs.
    pub fn of(path: &str) -> Option<Self> {
        let (kind, rest) = path.split_once('/')?;
        let hidden = |rest: &str| rest.split('/').any(|part| part.starts_with('.'));
        match (kind, rest.split_once('/')) {
            (ROUTES, None) => Some(Self::Route(rest.strip_suffix(".toml")?.parse().ok()?)),
            (ROUTES, Some((name, rest))) => {
                let case = rest.strip_prefix(CASES).and_then(|rest| rest.strip_prefix('/'));
                let case = case.filter(|case| !hidden(case) && !case.is_empty());
                case.and_then(|_| Some(Self::RouteCase(name.parse().ok()?)))
            }
            (MAPPINGS, Some((name, rest))) => {
                let own = rest.strip_prefix(STANDARDS_IN_BUNDLE).unwrap_or(rest);
                (!hidden(own) && !own.is_empty()).then_some(Self::Mapping(name.parse().ok()?))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_belong_to_routes_and_mappings_only() {
        let name = |text: &str| text.parse().unwrap();
        assert_eq!(Place::of("routes/a.toml"), Some(Place::Route(name("a"))));
        assert_eq!(Place::of("routes/a/cases/01/data.xml"), Some(Place::RouteCase(name("a"))));
        let mapping = || Some(Place::Mapping("m".parse().unwrap()));
        assert_eq!(Place::of("mappings/m/cases/01.in.xml"), mapping());
        assert_eq!(Place::of("mappings/m/.standards/x@1/a.xsd"), mapping());
        let none = [
            "hub.toml",
            "seals/x.toml",
            "destinations/x.toml",
            "routes/a.csv",
            "routes/.a.toml",
            "routes/a/other/x",
            "routes/a/cases/.x",
            "mappings/m",
            "mappings/x.toml",
            "mappings/m/.hidden",
            "mappings/m/sub/.standards/x",
        ];
        none.iter().for_each(|path| assert_eq!(Place::of(path), None, "{path}"));
    }
}
