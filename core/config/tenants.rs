//! `tenants/*.toml`: who is responsible for which area, whether it is in service yet, and what routes say of it.

use super::files::name_of;
use super::reader::{Faults, Place, Placed, Source, Table};
use rohrpost_model::route::{Stage, Tenant};
use rohrpost_model::{AreaPattern, TenantName};
use std::collections::BTreeMap;

/// The words for a stage.
pub const STAGES: [(&str, Stage); 2] = [("live", Stage::Live), ("test", Stage::Test)];

/// A tenant as written.
pub struct TenantDraft {
    /// Its name.
    pub name: Placed<TenantName>,
    /// The areas it is responsible for.
    pub areas: Vec<Placed<AreaPattern>>,
    /// Where it stands on its way into service.
    pub stage: Stage,
    areas_at: Option<Place>,
    title: String,
    values: BTreeMap<String, String>,
}

impl TenantDraft {
    /// Reads one file.
    pub fn read(source: &Source, faults: &Faults) -> Option<Self> {
        let tree = source.parse(faults);
        let table = Table::whole(source, &tree, faults);
        let name = name_of(source, &table);
        let title = table.must("title").text::<String>().map(|title| title.value);
        let listed = table.must("areas");
        let (areas, areas_at) = (listed.texts(), listed.place());
        let stage = table.may("stage").word(&STAGES).map(|stage| stage.value).unwrap_or_default();
        let values = table.may("values").pairs().into_iter().map(|(key, value)| (key, value.value)).collect();
        table.end(&[]);
        Some(Self { name: name?, title: title.unwrap_or_default(), areas, areas_at, stage, values })
    }

    /// Whether it names an area. One that the table of responsibilities names need not.
    pub fn check_areas(&self, faults: &Faults) {
        if let Some(at) = self.areas_at.as_ref().filter(|_| self.areas.is_empty()) {
            let hint =
                "name at least one area, for instance \"15091*\", or the tenant in responsibilities/*.csv";
            faults.note(at.fault("the list is empty").hint(hint));
        }
    }

    /// What `{value.KEY}` stands for.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// The noun.
    pub fn build(&self) -> Tenant {
        let areas = self.areas.iter().map(|area| area.value.clone()).collect();
        Tenant { name: self.name.value.clone(), title: self.title.clone(), areas, stage: self.stage }
    }
}

/// Two tenants that name the same area equally narrowly: nobody could say whose a submission is.
pub fn check_overlaps(tenants: &[TenantDraft], faults: &Faults) {
    for (index, tenant) in tenants.iter().enumerate() {
        for earlier in &tenants[..index] {
            for area in &tenant.areas {
                let same = |other: &&Placed<AreaPattern>| {
                    other.specificity() == area.specificity() && other.overlaps(area)
                };
                if let Some(other) = earlier.areas.iter().find(same) {
                    let what = format!("the tenant `{}` names the same area as {}", *tenant.name, other.at);
                    faults.note(
                        area.at.fault(what).hint("each area belongs to one tenant; narrow one of them"),
                    );
                }
            }
        }
    }
}
