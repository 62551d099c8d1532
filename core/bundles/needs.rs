//! What a hand over asks of this hub: what is here, what is missing, and what creates it. Whether the configuration would be
//! in order with it, its check says; this is for people.

use super::content::HandOver;
use crate::config::{RouteAsks, Texts, Unfilled, fill, route_asks};
use rohrpost_mappings::Shelf;
use rohrpost_model::{AreaPattern, Digest, TenantName};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::Table;

/// Whether something is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is.
    There,
    /// Something else is called so.
    Other,
    /// It is not.
    Missing,
}

impl Standing {
    /// For operators.
    pub fn german(self) -> &'static str {
        match self {
            Self::There => "vorhanden",
            Self::Other => "zu prüfen",
            Self::Missing => "fehlt",
        }
    }
}

/// Something that a hand over asks of this hub.
#[derive(Debug, Serialize)]
pub struct Need {
    /// What it is, in one German word.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Whether it is here.
    pub standing: Standing,
    /// What is to be done, a German sentence; empty where nothing is.
    pub says: String,
}

impl Need {
    fn new(kind: &'static str, name: impl ToString, standing: Standing, says: impl Into<String>) -> Self {
        let says = if standing == Standing::There { String::new() } else { says.into() };
        Self { kind, name: name.to_string(), standing, says }
    }
}

/// Everything that is asked, by kind and name. `texts` is what is configured here, `shelf` what is installed.
pub fn needs(package: &HandOver, texts: &Texts, shelf: &Shelf) -> Vec<Need> {
    let here = Here { package, texts };
    let routes: Vec<_> = package.routes().filter_map(|(file, text)| route_asks(&file, &text).ok()).collect();
    let mut needs = here.tenants(&routes);
    needs.extend(here.destinations(&routes));
    needs.extend(here.seals(&routes));
    needs.extend(here.standards(shelf));
    needs
}

struct Here<'a> {
    package: &'a HandOver,
    texts: &'a Texts,
}

/// Who is to be served by a destination, whether by tests, and over which adapters.
#[derive(Default)]
struct Wanted {
    tenants: BTreeSet<String>,
    test: bool,
    adapters: BTreeSet<String>,
}

impl Here<'_> {
    /// What the file of an item says.
    fn item(&self, kind: &str, name: &str) -> Option<Table> {
        let text = self.texts.files.get(&format!("{kind}/{name}.toml"))?;
        // A file that is no TOML is there all the same; what is wrong with it, the check says.
        Some(text.parse().unwrap_or_default())
    }

    fn tenants(&self, routes: &[RouteAsks]) -> Vec<Need> {
        let mut needs: BTreeMap<(&str, String), Need> = BTreeMap::new();
        for asks in routes {
            for name in &asks.tenants {
                for need in self.tenant(name, asks) {
                    needs.entry((need.kind, need.name.clone())).or_insert(need);
                }
            }
        }
        needs.into_values().collect()
    }

    fn tenant(&self, name: &TenantName, asks: &RouteAsks) -> Vec<Need> {
        let Some(tenant) = self.item("tenants", name.as_str()) else {
            let says = format!(
                "tenants/{name}.toml anlegen, oder mit --tenant einen Mandanten nennen, den es hier gibt"
            );
            return vec![Need::new("Mandant", name, Standing::Missing, says)];
        };
        let mut needs = vec![Need::new("Mandant", name, Standing::There, "")];
        if let Some(area) = asks.area.as_ref().filter(|area| !responsible_in(&tenant, area)) {
            let says = format!(
                "in tenants/{name}.toml steht kein Gebiet, das zu {area} passt: unter areas ergänzen, oder die Route nach \
                 der Übernahme ändern"
            );
            needs.push(Need::new("Gebiet", format!("{area} ({name})"), Standing::Missing, says));
        }
        for key in &asks.values {
            let there = tenant.get("values").and_then(|values| values.get(key)).is_some();
            let standing = if there { Standing::There } else { Standing::Missing };
            let says = format!("in tenants/{name}.toml unter [values] eintragen: {key} = \"…\"");
            needs.push(Need::new("Wert", format!("{key} ({name})"), standing, says));
        }
        needs
    }

    fn destinations(&self, routes: &[RouteAsks]) -> Vec<Need> {
        let (mut wanted, mut needs) = (BTreeMap::<String, Wanted>::new(), Vec::new());
        let mut of_table = BTreeSet::new();
        for ask in routes.iter().flat_map(|asks| &asks.destinations) {
            if ask.template.contains("{responsible}") {
                of_table.insert((ask.template.clone(), ask.tenant.to_string()));
                continue;
            }
            // A value that is missing is a need of its own.
            let Some(name) = self.name(&ask.template, &ask.tenant) else { continue };
            let meant = wanted.entry(name).or_default();
            meant.tenants.insert(ask.tenant.to_string());
            meant.test |= ask.test;
            let described = self.package.manifest.needs.destinations.iter();
            let same = described.filter(|need| need.name == ask.template && need.step == ask.step);
            meant.adapters.extend(same.flat_map(|need| need.adapters.iter().cloned()));
        }
        needs.extend(of_table.into_iter().map(|(template, tenant)| {
            let says = "für diesen Mandanten in responsibilities/*.csv Zeilen mit einem Ziel haben";
            Need::new("Ziel", format!("{template} ({tenant})"), Standing::Other, says)
        }));
        needs.extend(wanted.iter().map(|(name, wanted)| self.destination(name, wanted)));
        needs
    }

    fn name(&self, template: &str, tenant: &TenantName) -> Option<String> {
        let values = self.item("tenants", tenant.as_str()).unwrap_or_default();
        let value = |key: &str| values.get("values")?.get(key)?.as_str().map(str::to_owned);
        let filled = fill(template, |name| match name.strip_prefix("value.") {
            Some(key) => value(key).ok_or(Unfilled { message: String::new(), hint: String::new() }),
            None => Ok(tenant.to_string()),
        });
        filled.ok()
    }

    fn destination(&self, name: &str, wanted: &Wanted) -> Need {
        let Wanted { tenants, test, adapters } = wanted;
        let kinds = adapters.iter().cloned().collect::<Vec<_>>().join(" oder ");
        let Some(there) = self.item("destinations", name) else {
            let tenants: String = tenants.iter().map(|tenant| format!(" --tenant {tenant}")).collect();
            let adapter = adapters.first().map_or("ART", String::as_str);
            let stage = if *test { "; darin stage = \"test\" schreiben" } else { "" };
            let says = format!("rohrpost new destination {name} --adapter {adapter}{tenants}{stage}");
            return Need::new("Ziel", name, Standing::Missing, says);
        };
        let own = there.get("adapter").and_then(|adapter| adapter.as_str()).unwrap_or_default();
        let same = adapters.is_empty() || adapters.contains(own);
        let says = format!("ist hier ein Ziel der Art {own}, dort {kinds}: prüfen, ob es das richtige ist");
        Need::new("Ziel", name, if same { Standing::There } else { Standing::Other }, says)
    }

    fn seals(&self, routes: &[RouteAsks]) -> Vec<Need> {
        let names: BTreeSet<_> =
            routes.iter().flat_map(|asks| &asks.seals).map(ToString::to_string).collect();
        let need = |name: String| {
            let wanted = self.package.manifest.needs.seals.get(&name).map_or("xml-dsig", String::as_str);
            let Some(there) = self.item("seals", &name) else {
                let says = format!(
                    "seals/{name}.toml mit form = \"{wanted}\" und einem Schlüssel anlegen, oder mit \
                     --rename seal:{name}=NAME eines nennen, das es hier gibt"
                );
                return Need::new("Siegel", name, Standing::Missing, says);
            };
            let own = there.get("form").and_then(|form| form.as_str()).unwrap_or_default();
            let says = format!("hat hier die Form {own}, dort {wanted}: prüfen, ob das Ziel sie annimmt");
            Need::new("Siegel", name, if own == wanted { Standing::There } else { Standing::Other }, says)
        };
        names.into_iter().map(need).collect()
    }

    fn standards(&self, shelf: &Shelf) -> Vec<Need> {
        let need = |(id, sha256): (&rohrpost_mappings::StandardId, &Digest)| {
            let Some(standard) = shelf.get(id) else {
                let (name, version) = (id.name(), id.version());
                let says = format!("rohrpost standard add PAKET --name {name} --version {version}");
                return Need::new("Standard", id, Standing::Missing, says);
            };
            let same = Digest::of(standard.manifest().as_bytes()) == *sha256;
            let says = "ist hier anders eingespielt als dort; ob das Gebrauchte gleich ist, sagt die Prüfung";
            Need::new("Standard", id, if same { Standing::There } else { Standing::Other }, says)
        };
        self.package.manifest.needs.standards.iter().map(need).collect()
    }
}

/// Whether an area of a tenant meets what a route takes. One without areas may be in the table of responsibilities.
fn responsible_in(tenant: &Table, area: &AreaPattern) -> bool {
    let areas = tenant.get("areas").and_then(|areas| areas.as_array());
    let own: Vec<_> = areas.into_iter().flatten().filter_map(|own| own.as_str()?.parse().ok()).collect();
    own.is_empty() || own.iter().any(|own: &AreaPattern| own.overlaps(area))
}
