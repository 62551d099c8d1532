//! `tenants/*.toml`: who is responsible for which area.

use super::files::name_of;
use super::reader::{Faults, Placed, Source, Table};
use rohrpost_model::route::Tenant;
use rohrpost_model::{AreaPattern, TenantName};

/// A tenant as written.
pub struct TenantDraft {
    /// Its name.
    pub name: Placed<TenantName>,
    title: String,
    areas: Vec<Placed<AreaPattern>>,
}

impl TenantDraft {
    /// Reads one file.
    pub fn read(source: &Source, faults: &Faults) -> Option<Self> {
        let tree = source.parse(faults);
        let table = Table::whole(source, &tree, faults);
        let name = name_of(source, &table);
        let title = table.must("title").text::<String>().map(|title| title.value);
        let areas = table.must("areas").some_texts("area, for instance \"15091*\"");
        table.end(&[]);
        Some(Self { name: name?, title: title.unwrap_or_default(), areas })
    }

    /// The noun.
    pub fn build(self) -> Tenant {
        let areas = self.areas.into_iter().map(|area| area.value).collect();
        Tenant { name: self.name.value, title: self.title, areas }
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
