//! What a route asks of a hub, as its text says, whether or not it lies in a configuration.

use super::placeholders::fill;
use super::reader::{Faults, Source};
use super::routes::{RouteDraft, StepDraft};
use rohrpost_model::{AreaPattern, Fault, MappingName, SealName, TenantName};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// What a route asks of the hub that runs it.
pub struct RouteAsks {
    /// The tenants that it serves.
    pub tenants: Vec<TenantName>,
    /// The area that it takes.
    pub area: Option<AreaPattern>,
    /// Mappings of its steps, for whichever tenant.
    pub mappings: BTreeSet<MappingName>,
    /// Seals of its steps, for whichever tenant.
    pub seals: BTreeSet<SealName>,
    /// Values of tenants in destinations and parameters.
    pub values: BTreeSet<String>,
    /// Where its steps lead.
    pub destinations: Vec<DestinationAsk>,
}

/// Where a step leads for a tenant.
pub struct DestinationAsk {
    /// The tenant.
    pub tenant: TenantName,
    /// The step.
    pub step: String,
    /// The destination's name, with placeholders.
    pub template: String,
    /// Whether test submissions go there.
    pub test: bool,
}

/// Reads a route, or names all that is wrong with it by itself. `file` is its place in a configuration, `routes/NAME.toml`.
pub fn route_asks(file: &str, text: &str) -> Result<RouteAsks, Vec<Fault>> {
    let (source, faults) = (Source { name: file.into(), text: text.to_owned() }, Faults::default());
    let route = RouteDraft::read(&source, &faults);
    match (faults.sorted(), route) {
        (found, Some(route)) if found.is_empty() => Ok(asks(&route)),
        (found, _) => Err(found),
    }
}

fn asks(route: &RouteDraft) -> RouteAsks {
    let area = route.matches.as_ref().map(|takes| takes.area.clone());
    let tenants: Vec<_> = route.tenants.iter().map(|tenant| tenant.value.clone()).collect();
    let (mappings, seals, values) = Default::default();
    let mut asks = RouteAsks { tenants, area, mappings, seals, values, destinations: Vec::new() };
    // A step as it is written may be changed for every tenant; what it names has to be there all the same.
    route.steps.iter().for_each(|step| asks.names(step));
    for tenant in &route.tenants {
        for step in route.steps_for(tenant) {
            asks.names(&step);
            asks.leads(&tenant.value, &step);
        }
    }
    asks
}

impl RouteAsks {
    fn names(&mut self, step: &StepDraft) {
        self.mappings.extend(step.mapping.iter().map(|mapping| mapping.value.name.clone()));
        self.seals.extend(step.seal.iter().map(|seal| seal.value.clone()));
        let templates = step.destination.iter().chain(&step.test_destination).chain(step.params.values());
        for text in templates {
            let named = placeholders_in(text).into_iter();
            self.values.extend(named.filter_map(|name| Some(name.strip_prefix("value.")?.to_owned())));
        }
    }

    fn leads(&mut self, tenant: &TenantName, step: &StepDraft) {
        let name = step.name.as_ref().map(|name| name.to_string()).unwrap_or_default();
        let both = [(&step.destination, false), (&step.test_destination, true)];
        for (template, test) in both.into_iter().filter_map(|(it, test)| Some((it.as_ref()?, test))) {
            let (tenant, step, template) = (tenant.clone(), name.clone(), template.value.clone());
            self.destinations.push(DestinationAsk { tenant, step, template, test });
        }
    }
}

/// The placeholders in a text.
pub fn placeholders_in(text: &str) -> BTreeSet<String> {
    let found = RefCell::new(BTreeSet::new());
    // Where a brace stands alone, those before it are found; the brace is a fault that `check` tells.
    let _ = fill(text, |name| {
        found.borrow_mut().insert(name.to_owned());
        Ok(String::new())
    });
    found.into_inner()
}
