//! `rohrpost check`: reports every fault, or says what the configuration does.

use super::Context;
use super::table::Table;
use crate::config::Configuration;
use crate::faults::Stop;
use rohrpost_model::route::{Route, Step};
use serde::Serialize;

/// Nothing but what every command takes.
#[derive(clap::Args)]
pub struct Arguments {}

/// Runs the command.
pub fn run(_: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let configuration = context.load()?;
    let summary = Summary::of(&configuration);
    if context.json { context.json(&summary) } else { summary.print(context) }
}

/// What the configuration does.
#[derive(Serialize)]
struct Summary {
    faults: [(); 0],
    demo: bool,
    tenants: Vec<TenantLine>,
    clients: Vec<String>,
    deliveries: Vec<DeliveryLine>,
    mappings: Vec<MappingLine>,
    seals: Vec<SealLine>,
}

#[derive(Serialize)]
struct TenantLine {
    name: String,
    title: String,
    areas: Vec<String>,
}

/// One step of one route for one tenant.
#[derive(Serialize)]
struct DeliveryLine {
    route: String,
    tenant: String,
    step: String,
    destination: String,
    adapter: String,
    mapping: Option<String>,
    seal: Option<String>,
}

#[derive(Serialize)]
struct MappingLine {
    name: String,
    digest: String,
}

#[derive(Serialize)]
struct SealLine {
    name: String,
    form: &'static str,
}

impl Summary {
    fn of(configuration: &Configuration) -> Self {
        let catalog = &configuration.catalog;
        let tenants = catalog.tenants.values().map(|tenant| TenantLine {
            name: tenant.name.to_string(),
            title: tenant.title.clone(),
            areas: tenant.areas.iter().map(ToString::to_string).collect(),
        });
        let mappings = catalog.mappings.iter().map(|(name, mapped)| MappingLine {
            name: name.to_string(),
            digest: mapped.mapping.digest().to_string(),
        });
        let seals = catalog.seals.iter().map(|(name, seal)| SealLine {
            name: name.to_string(),
            form: match seal.form() {
                rohrpost_model::ports::SealForm::XmlDsig => "xml-dsig",
                rohrpost_model::ports::SealForm::Cms => "cms",
            },
        });
        Self {
            faults: [],
            demo: configuration.hub.demo,
            tenants: tenants.collect(),
            clients: catalog.clients.keys().map(ToString::to_string).collect(),
            deliveries: catalog.routes.values().flat_map(|route| deliveries(configuration, route)).collect(),
            mappings: mappings.collect(),
            seals: seals.collect(),
        }
    }

    fn print(&self, context: &mut Context<'_>) -> Result<(), Stop> {
        let demo = if self.demo { " (demo: serves this machine only)" } else { "" };
        context.line(format!("{}: no fault{demo}\n", context.folder.display()))?;
        let mut tenants = Table::new(&["TENANT", "AREAS", "TITLE"]);
        for tenant in &self.tenants {
            tenants.row(vec![tenant.name.clone(), tenant.areas.join(" "), tenant.title.clone()]);
        }
        context.line(format!("{tenants}\n"))?;
        context.line(format!("{}\n", self.delivery_table()))?;
        let mut mappings = Table::new(&["MAPPING", "VERSION"]);
        for mapping in &self.mappings {
            mappings.row(vec![mapping.name.clone(), mapping.digest.chars().take(16).collect()]);
        }
        context.line(format!("{mappings}\n"))?;
        let mut seals = Table::new(&["SEAL", "FORM"]);
        for seal in &self.seals {
            seals.row(vec![seal.name.clone(), seal.form.to_owned()]);
        }
        context.line(format!("{seals}\n"))?;
        context.line(format!("Clients: {}", self.clients.join(", ")))
    }

    fn delivery_table(&self) -> Table {
        let mut table = Table::new(&["ROUTE", "TENANT", "STEP", "DESTINATION", "ADAPTER", "MAPPING", "SEAL"]);
        for line in &self.deliveries {
            let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
            table.row(vec![
                line.route.clone(),
                line.tenant.clone(),
                line.step.clone(),
                line.destination.clone(),
                line.adapter.clone(),
                or_dash(&line.mapping),
                or_dash(&line.seal),
            ]);
        }
        table
    }
}

fn deliveries<'a>(
    configuration: &'a Configuration,
    route: &'a Route,
) -> impl Iterator<Item = DeliveryLine> + 'a {
    let line = |tenant, step: &Step| {
        let destination = step.destination_for(tenant);
        let adapter = destination.as_ref().and_then(|name| configuration.adapters.get(name));
        DeliveryLine {
            route: route.name.to_string(),
            tenant: tenant.to_string(),
            step: step.name.to_string(),
            destination: destination.as_ref().map_or_else(String::new, ToString::to_string),
            adapter: adapter.copied().unwrap_or_default().to_owned(),
            mapping: step.mapping.as_ref().map(ToString::to_string),
            seal: step.seal.as_ref().map(ToString::to_string),
        }
    };
    route.tenants.iter().flat_map(move |tenant| route.steps.iter().map(move |step| line(tenant, step)))
}
