//! `rohrpost check`: reports every fault, or says what the configuration does.

use super::Context;
use super::table::Table;
use crate::config::{Configuration, Listener};
use crate::faults::Stop;
use rohrpost_engine::catalog::Catalog;
use rohrpost_gateway::Fetching;
use rohrpost_model::route::{RESPONSIBLE, Route, Stage, Step, Tenant};
use rohrpost_model::{AreaPattern, Fault, ListenerName, SourceName};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// So many rows of a table are printed without being asked for.
const ROWS: usize = 40;

/// How much is told.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print tables of any length, too: each step of each route for each tenant.
    #[arg(long)]
    table: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let configuration = context.load()?;
    let summary = Summary::of(&configuration);
    let rows = if arguments.table { usize::MAX } else { ROWS };
    if context.json { context.json(&summary) } else { summary.print(rows, context) }
}

/// What the configuration does.
#[derive(Serialize)]
struct Summary<'c> {
    faults: [(); 0],
    warnings: &'c [Fault],
    demo: bool,
    tenants: Vec<TenantLine>,
    clients: Vec<String>,
    deliveries: Vec<DeliveryLine>,
    listeners: Vec<ListenerLine>,
    sources: Vec<SourceLine>,
    mappings: Vec<MappingLine>,
    seals: Vec<SealLine>,
}

#[derive(Serialize)]
struct TenantLine {
    name: String,
    title: String,
    stage: Stage,
    areas: Vec<String>,
    /// Areas of others out of which it has its own.
    within: Vec<String>,
}

/// One step of one route for one tenant.
#[derive(Serialize)]
struct DeliveryLine {
    route: String,
    tenant: String,
    stage: Stage,
    step: String,
    /// Where live submissions go; those of tenants in the stage test go nowhere.
    destination: Option<String>,
    /// Where test submissions go; without one they wait.
    test_destination: Option<String>,
    adapter: String,
    mapping: Option<String>,
    /// Its other documents that go along.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    with: Vec<String>,
    params: BTreeMap<String, String>,
    seal: Option<String>,
}

/// Where foreign systems talk to the hub.
#[derive(Serialize)]
struct ListenerLine {
    name: String,
    adapter: &'static str,
    address: SocketAddr,
    tls: bool,
    /// `required`, `optional` or none.
    client_certificate: Option<&'static str>,
    proxies: Vec<String>,
}

/// Where the hub fetches.
#[derive(Serialize)]
struct SourceLine {
    name: String,
    adapter: &'static str,
    client: String,
    /// Seconds between two rounds.
    interval: u64,
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

impl<'c> Summary<'c> {
    fn of(configuration: &'c Configuration) -> Self {
        let catalog = &configuration.catalog;
        let tenants = catalog.tenants.values().map(|tenant| tenant_line(catalog, tenant));
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
            warnings: &configuration.warnings,
            demo: configuration.hub.demo,
            tenants: tenants.collect(),
            clients: catalog.clients.keys().map(ToString::to_string).collect(),
            deliveries: catalog.routes.values().flat_map(|route| deliveries(configuration, route)).collect(),
            listeners: configuration.listeners.iter().map(listener_line).collect(),
            sources: configuration.sources.iter().map(source_line).collect(),
            mappings: mappings.collect(),
            seals: seals.collect(),
        }
    }

    fn print(&self, rows: usize, context: &mut Context<'_>) -> Result<(), Stop> {
        let demo = if self.demo { " (demo: serves this machine only)" } else { "" };
        context.line(format!("{}: no fault{demo}\n", context.folder.display()))?;
        for warning in self.warnings {
            context.line(format!("warning: {warning}"))?;
        }
        if !self.warnings.is_empty() {
            context.line("")?;
        }
        print_table(&self.tenant_table(), "tenants", rows, context)?;
        print_table(&self.delivery_table(), "steps of tenants", rows, context)?;
        if !self.listeners.is_empty() {
            context.line(format!("{}\n", self.listener_table()))?;
        }
        if !self.sources.is_empty() {
            context.line(format!("{}\n", self.source_table()))?;
        }
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

    fn tenant_table(&self) -> Table {
        let mut table = Table::new(&["TENANT", "STAGE", "AREAS", "OUT OF", "TITLE"]);
        for TenantLine { name, title, stage, areas, within } in &self.tenants {
            let within = if within.is_empty() { "-".to_owned() } else { within.join(" ") };
            table.row(vec![name.clone(), stage.word().to_owned(), areas.join(" "), within, title.clone()]);
        }
        table
    }

    fn listener_table(&self) -> Table {
        let mut table =
            Table::new(&["LISTENER", "ADAPTER", "ADDRESS", "TLS", "CLIENT CERTIFICATE", "PROXIES"]);
        for line in &self.listeners {
            let tls = if line.tls { "yes" } else { "-" };
            let certificate = line.client_certificate.unwrap_or("-");
            let proxies = if line.proxies.is_empty() { "-".to_owned() } else { line.proxies.join(" ") };
            let (name, adapter, address) = (line.name.clone(), line.adapter, line.address.to_string());
            table.row(vec![name, adapter.into(), address, tls.into(), certificate.into(), proxies]);
        }
        table
    }

    fn source_table(&self) -> Table {
        let mut table = Table::new(&["SOURCE", "ADAPTER", "CLIENT", "EVERY"]);
        for SourceLine { name, adapter, client, interval } in &self.sources {
            let every = format!("{interval} s");
            table.row(vec![name.clone(), (*adapter).to_owned(), client.clone(), every]);
        }
        table
    }

    fn delivery_table(&self) -> Table {
        let headings =
            ["ROUTE", "TENANT", "STAGE", "STEP", "DESTINATION", "FOR TESTS", "ADAPTER", "MAPPING", "SEAL"];
        let mut table = Table::new(&headings);
        for line in &self.deliveries {
            let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
            table.row(vec![
                line.route.clone(),
                line.tenant.clone(),
                line.stage.word().to_owned(),
                line.step.clone(),
                or_dash(&line.destination),
                or_dash(&line.test_destination),
                line.adapter.clone(),
                line.with.iter().fold(or_dash(&line.mapping), |text, name| format!("{text} +{name}")),
                or_dash(&line.seal),
            ]);
        }
        table
    }
}

fn listener_line((name, listener): (&ListenerName, &Listener)) -> ListenerLine {
    let clients = listener.tls.as_ref().and_then(|tls| tls.clients.as_ref());
    ListenerLine {
        name: name.to_string(),
        adapter: listener.adapter,
        address: listener.address,
        tls: listener.tls.is_some(),
        client_certificate: clients.map(|it| if it.required { "required" } else { "optional" }),
        proxies: listener.proxies.iter().map(|proxy| proxy.network.to_string()).collect(),
    }
}

fn source_line((name, fetching): (&SourceName, &Fetching)) -> SourceLine {
    SourceLine {
        name: name.to_string(),
        adapter: fetching.adapter,
        client: fetching.client.to_string(),
        interval: fetching.interval.as_secs(),
    }
}

/// A table, or how long it would be.
fn print_table(table: &Table, what: &str, rows: usize, context: &mut Context<'_>) -> Result<(), Stop> {
    match table.len() {
        many if many > rows => context.line(format!("{many} {what}: `check --table` prints them\n")),
        _ => context.line(format!("{table}\n")),
    }
}

fn tenant_line(catalog: &Catalog, tenant: &Tenant) -> TenantLine {
    let others = catalog.tenants.values().filter(|other| other.name != tenant.name);
    let all = others.flat_map(|other| other.areas.iter().map(move |area| (area, &other.name)));
    let around = all.filter(|(area, _)| {
        let holds = |own: &AreaPattern| area.overlaps(own) && area.specificity() < own.specificity();
        tenant.areas.iter().any(holds)
    });
    TenantLine {
        name: tenant.name.to_string(),
        title: tenant.title.clone(),
        stage: tenant.stage,
        areas: tenant.areas.iter().map(ToString::to_string).collect(),
        within: around.map(|(area, name)| format!("{area} ({name})")).collect(),
    }
}

fn deliveries<'a>(
    configuration: &'a Configuration,
    route: &'a Route,
) -> impl Iterator<Item = DeliveryLine> + 'a {
    let tenants = route.tenants.iter().filter_map(|name| configuration.catalog.tenants.get(name));
    tenants.flat_map(move |tenant| {
        route.steps_for(&tenant.name).iter().map(move |step| delivery(configuration, route, tenant, step))
    })
}

/// Where submissions with this test flag go, if anywhere: a name, or a template that the table of responsibilities fills.
fn leads_to(catalog: &Catalog, (tenant, stage): (&Tenant, Stage), step: &Step, test: bool) -> Option<String> {
    let name = step.template_for(test).replace("{tenant}", tenant.name.as_str());
    if !stage.takes(test) {
        return None;
    }
    if name.contains(RESPONSIBLE) {
        return Some(name).filter(|_| !test || stage == Stage::Test || step.test_destination.is_some());
    }
    catalog.destinations.get(name.as_str()).filter(|to| to.destination.test == test).map(|_| name)
}

fn delivery(configuration: &Configuration, route: &Route, tenant: &Tenant, step: &Step) -> DeliveryLine {
    let Configuration { catalog, adapters, .. } = configuration;
    let stage = route.stage_for(tenant);
    let leads_to = |test: bool| leads_to(catalog, (tenant, stage), step, test);
    let (live, test) = (leads_to(false), leads_to(true));
    let adapter = live.as_ref().or(test.as_ref()).and_then(|name| adapters.get(name.as_str()));
    DeliveryLine {
        route: route.name.to_string(),
        tenant: tenant.name.to_string(),
        stage,
        step: step.name.to_string(),
        adapter: adapter.copied().unwrap_or_default().to_owned(),
        destination: live,
        test_destination: test,
        mapping: step.mapping_written(),
        with: step.with.iter().map(ToString::to_string).collect(),
        params: step.params.clone(),
        seal: step.seal.as_ref().map(ToString::to_string),
    }
}
