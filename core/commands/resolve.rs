//! `rohrpost resolve`: who is responsible for a service in an area on a day, and where a submission would go; and why
//! not otherwise.

use super::Context;
use super::table::Table;
use crate::faults::Stop;
use rohrpost_engine::catalog::Catalog;
use rohrpost_engine::routing::{self, Asks, Facts, NoRoute};
use rohrpost_model::responsibility::{Force, Responsibility};
use rohrpost_model::route::{Route, Stage, Tenant};
use rohrpost_model::{Area, Date, Kind, ServiceKey};
use serde::Serialize;

/// What is asked.
#[derive(clap::Args)]
pub struct Arguments {
    /// The service: a LeiKa key.
    #[arg(long)]
    service: ServiceKey,
    /// The area: an ARS.
    #[arg(long)]
    area: Area,
    /// What is handed in.
    #[arg(long, default_value = "application")]
    kind: Kind,
    /// The day, like 2026-12-31; today without it.
    #[arg(long, value_name = "DATE")]
    at: Option<Date>,
}

/// Runs the command. It fails where a submission would be refused or wait as `unrouted`.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let catalog = context.load()?.catalog;
    let day = arguments.at.unwrap_or_else(|| catalog.responsibilities.day(context.clock.now()));
    let answer = Answer::of(&catalog, arguments, day);
    if context.json {
        context.json(&answer)?
    } else {
        answer.print(context)?
    }
    match answer.trouble {
        None => Ok(()),
        Some(trouble) => Err(Stop::Failed(trouble)),
    }
}

/// What comes of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    service: String,
    area: String,
    kind: String,
    day: String,
    /// Lines of the table that are about this service and area.
    lines: Vec<LineAnswer>,
    tenant: Option<TenantAnswer>,
    routes: Vec<RouteAnswer>,
    route: Option<String>,
    stage: Option<Stage>,
    steps: Vec<StepAnswer>,
    trouble: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineAnswer {
    place: String,
    service: String,
    area: String,
    tenant: String,
    destination: Option<String>,
    valid_from: Option<String>,
    valid_to: Option<String>,
    chosen: bool,
    why: String,
}

#[derive(Serialize)]
struct TenantAnswer {
    name: String,
    title: String,
    stage: Stage,
    why: String,
}

#[derive(Serialize)]
struct RouteAnswer {
    name: String,
    chosen: bool,
    why: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepAnswer {
    step: String,
    destination: Option<String>,
    test_destination: Option<String>,
    mapping: Option<String>,
}

impl Answer {
    fn of(catalog: &Catalog, asked: &Arguments, day: Date) -> Self {
        let Arguments { service, area, kind, .. } = asked;
        let chosen = catalog.responsibilities.find(service, area, day);
        let mut answer = Self {
            service: service.to_string(),
            area: area.to_string(),
            kind: kind.to_string(),
            day: day.to_string(),
            lines: lines(catalog, asked, chosen, day),
            tenant: None,
            routes: Vec::new(),
            route: None,
            stage: None,
            steps: Vec::new(),
            trouble: None,
        };
        let Some((tenant, why)) = tenant(catalog, chosen, area) else {
            answer.trouble = Some(format!(
                "für das Gebiet {area} ist niemand zuständig; eine Einreichung würde abgelehnt"
            ));
            return answer;
        };
        answer.tenant = Some(TenantAnswer {
            name: tenant.name.to_string(),
            title: tenant.title.clone(),
            stage: tenant.stage,
            why,
        });
        let facts = Facts { tenant: &tenant.name, kind, service, area };
        answer.route(catalog, &facts, tenant, day);
        answer
    }

    fn route(&mut self, catalog: &Catalog, facts: &Facts<'_>, tenant: &Tenant, day: Date) {
        let found = routing::route_for(catalog, facts);
        self.routes = catalog.routes.values().map(|route| route_answer(route, facts, &found)).collect();
        match found {
            Ok(route) => {
                let responsible =
                    catalog.responsible_destination(facts.tenant, (facts.service, facts.area), day);
                let stage = route.stage_for(tenant);
                let steps = route.steps_for(&tenant.name).iter().map(|step| {
                    let goes_to = |test: bool| {
                        let name = step.destination_for(&tenant.name, test, responsible)?;
                        let there = catalog.destinations.get(&name)?;
                        (stage.takes(test) && there.destination.test == test).then(|| name.to_string())
                    };
                    StepAnswer {
                        step: step.name.to_string(),
                        destination: goes_to(false),
                        test_destination: goes_to(true),
                        mapping: step.mapping_written(),
                    }
                });
                self.steps = steps.collect();
                self.trouble = nowhere(&self.steps);
                (self.route, self.stage) = (Some(route.name.to_string()), Some(stage));
            }
            Err(none) => self.trouble = Some(none.reason(facts).german()),
        }
    }

    fn print(&self, context: &mut Context<'_>) -> Result<(), Stop> {
        let Self { service, area, kind, day, .. } = self;
        context.line(format!("Leistung {service}, Gebiet {area}, Art {kind}, am {day}\n"))?;
        if !self.lines.is_empty() {
            context.line(format!("{}\n", self.line_table()))?;
        }
        let Some(tenant) = &self.tenant else { return Ok(()) };
        let TenantAnswer { name, title, stage, why } = tenant;
        context.line(format!("Mandant: {name} ({title}), Betriebsstufe {}: {why}\n", stage.word()))?;
        let mut routes = Table::new(&["ROUTE", "NIMMT", "WARUM"]);
        for route in &self.routes {
            let takes = if route.chosen { "ja" } else { "nein" };
            routes.row(vec![route.name.clone(), takes.to_owned(), route.why.clone()]);
        }
        context.line(&routes)?;
        let (Some(route), Some(stage)) = (&self.route, self.stage) else { return Ok(()) };
        context.line(format!("\nRoute {route}, Betriebsstufe {}:\n", stage.word()))?;
        context.line(self.step_table())
    }

    fn line_table(&self) -> Table {
        let mut table = Table::new(&["ZEILE", "LEISTUNG", "GEBIET", "MANDANT", "ZIEL", "VON", "BIS", ""]);
        for line in &self.lines {
            let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
            table.row(vec![
                line.place.clone(),
                line.service.clone(),
                line.area.clone(),
                line.tenant.clone(),
                or_dash(&line.destination),
                or_dash(&line.valid_from),
                or_dash(&line.valid_to),
                line.why.clone(),
            ]);
        }
        table
    }

    fn step_table(&self) -> Table {
        let mut table = Table::new(&["SCHRITT", "ZIEL", "ZIEL FÜR TESTS", "MAPPING"]);
        for step in &self.steps {
            let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
            table.row(vec![
                step.step.clone(),
                or_dash(&step.destination),
                or_dash(&step.test_destination),
                or_dash(&step.mapping),
            ]);
        }
        table
    }
}

/// Who is responsible, and what says so.
fn tenant<'c>(
    catalog: &'c Catalog,
    line: Option<&Responsibility>,
    area: &Area,
) -> Option<(&'c Tenant, String)> {
    if let Some(line) = line {
        return Some((catalog.tenants.get(&line.tenant)?, format!("so sagt es {}", line.place)));
    }
    let (name, pattern) = routing::by_area(catalog, area)?;
    Some((catalog.tenants.get(name)?, format!("nennt das Gebiet am genauesten (areas: {pattern})")))
}

fn lines(
    catalog: &Catalog,
    Arguments { service, area, .. }: &Arguments,
    chosen: Option<&Responsibility>,
    day: Date,
) -> Vec<LineAnswer> {
    let about = catalog.responsibilities.lines().iter().filter(|line| line.covers(service, area));
    let answer = |line: &Responsibility| {
        let is_chosen = chosen.is_some_and(|chosen| std::ptr::eq(chosen, line));
        let why = match (line.force(day), chosen) {
            (Force::NotYet(from), _) => format!("gilt erst ab {from}"),
            (Force::Over(until), _) => format!("galt nur bis {until}"),
            (Force::Now, Some(_)) if is_chosen => "gilt".to_owned(),
            (Force::Now, Some(chosen)) if chosen.service != line.service => {
                format!("nennt die Leistung weniger genau als {}", chosen.place)
            }
            (Force::Now, Some(chosen)) => format!("nennt das Gebiet weniger genau als {}", chosen.place),
            (Force::Now, None) => "-".to_owned(),
        };
        LineAnswer {
            place: line.place.clone(),
            service: line.service.to_string(),
            area: line.area.to_string(),
            tenant: line.tenant.to_string(),
            destination: line.destination.as_ref().map(ToString::to_string),
            valid_from: line.from.map(|day| day.to_string()),
            valid_to: line.until.map(|day| day.to_string()),
            chosen: is_chosen,
            why,
        }
    };
    about.map(answer).collect()
}

fn route_answer(route: &Route, facts: &Facts<'_>, found: &Result<&Route, NoRoute>) -> RouteAnswer {
    let chosen = found.as_ref().is_ok_and(|taken| taken.name == route.name);
    let wants = |asks: Asks| match asks {
        Asks::Tenant => "dient dem Mandanten nicht",
        Asks::Kind => "nimmt die Art nicht",
        Asks::Service => "nimmt die Leistung nicht",
        Asks::Area => "nimmt das Gebiet nicht",
    };
    let unfit: Vec<_> = routing::fits(route, facts)
        .into_iter()
        .filter(|(_, fits)| !fits)
        .map(|(asks, _)| wants(asks))
        .collect();
    let why = match found {
        _ if !unfit.is_empty() => unfit.join(", "),
        _ if chosen => "passt am genauesten".to_owned(),
        Ok(taken) => format!("passt weniger genau als {}", taken.name),
        Err(_) => "passt so genau wie eine andere".to_owned(),
    };
    RouteAnswer { name: route.name.to_string(), chosen, why }
}

/// A step that leads nowhere, neither tests nor others.
fn nowhere(steps: &[StepAnswer]) -> Option<String> {
    let lost = steps.iter().find(|step| step.destination.is_none() && step.test_destination.is_none())?;
    Some(format!(
        "der Schritt {} hat hier kein Ziel: keine gültige Zeile der Zuständigkeiten nennt eines; eine Einreichung würde warten",
        lost.step
    ))
}
