//! What a configuration without faults leaves open: text that has no effect, and submissions that would wait for ever.
//! Each may be meant so for a while, so these are warnings; what can never be right is a fault and stands elsewhere.

use super::clients::ClientDraft;
use super::destinations::DestinationDraft;
use super::placeholders::{asks_the_table, destination_for};
use super::reader::Placed;
use super::responsibilities::LineDraft;
use super::routes::{RouteDraft, StepDraft};
use super::tenants::TenantDraft;
use rohrpost_model::route::Match;
use rohrpost_model::{AreaPattern, DestinationName, Fault, TenantName};
use std::collections::{BTreeMap, BTreeSet};

/// What is looked through.
pub struct Whole<'a> {
    /// Tenants.
    pub tenants: &'a [TenantDraft],
    /// Clients.
    pub clients: &'a [ClientDraft],
    /// Destinations.
    pub destinations: &'a [DestinationDraft],
    /// Routes.
    pub routes: &'a [RouteDraft],
    /// The table of responsibilities.
    pub lines: &'a [LineDraft],
}

/// The routes that serve one tenant, each with what it takes.
type Serving<'a> = Vec<(&'a RouteDraft, &'a Match)>;

impl Whole<'_> {
    /// All holes, in the order of files, lines and columns.
    pub fn holes(&self) -> Vec<Fault> {
        let by_tenant: BTreeMap<_, _> =
            self.tenants.iter().map(|it| (&it.name.value, self.serving(it))).collect();
        let mut holes: Vec<_> =
            self.tenants.iter().flat_map(|it| of_tenant(it, &by_tenant[&it.name.value])).collect();
        holes.extend(self.routes.iter().flat_map(|route| self.of_route(route, &by_tenant)));
        holes.extend(self.clients.iter().flat_map(|client| of_client(client, &by_tenant)));
        holes.extend(self.of_destinations());
        holes.extend(self.lines.iter().filter_map(|line| of_line(line, by_tenant.get(&line.tenant.value)?)));
        holes.sort();
        holes
    }

    fn serving(&self, tenant: &TenantDraft) -> Serving<'_> {
        let serving = self.routes.iter().filter(|route| route.serves(&tenant.name));
        serving.filter_map(|route| Some((route, &route.matches.as_ref()?.value))).collect()
    }

    fn of_route(&self, route: &RouteDraft, by_tenant: &BTreeMap<&TenantName, Serving<'_>>) -> Vec<Fault> {
        let Some(takes) = &route.matches else { return Vec::new() };
        let hole = |named: &Placed<TenantName>| {
            let tenant = self.tenants.iter().find(|tenant| tenant.name.value == named.value)?;
            let by_table = self.lines.iter().filter(|line| *line.tenant == named.value && meets(line, takes));
            let areas_of: Vec<_> =
                tenant.areas.iter().map(|area| &area.value).chain(by_table.map(|line| &line.area)).collect();
            let common = common(&areas_of, takes);
            if common.is_empty() {
                let what = format!(
                    "the route takes nothing of the tenant `{}`: it wants the area `{}`",
                    **named, takes.area
                );
                return Some(named.at.fault(what).hint(format!("the tenant's areas: {}", areas(tenant))));
            }
            let others = by_tenant.get(&named.value)?;
            let (winner, _) = others.iter().find(|(_, other)| takes_all(other, takes, &common))?;
            let what = format!(
                "the route never takes anything of the tenant `{}`: `{}` ({}) takes the same more specifically",
                **named, *winner.name, winner.name.at
            );
            Some(named.at.fault(what).hint("take the tenant out of one of them"))
        };
        route.tenants.iter().filter_map(hole).collect()
    }

    /// Destinations that no step of any tenant leads to.
    fn of_destinations(&self) -> Vec<Fault> {
        let reached: BTreeSet<String> = self.routes.iter().flat_map(|route| self.reached(route)).collect();
        let unreached = self.destinations.iter().filter(|it| !reached.contains(it.name.as_str()));
        let hole = |it: &DestinationDraft| {
            let fault = it.name.at.fault(format!("no step leads to the destination `{}`", *it.name));
            fault.hint("name it in a route, or remove it")
        };
        unreached.map(hole).collect()
    }

    fn reached(&self, route: &RouteDraft) -> Vec<String> {
        let tenants = self.tenants.iter().filter(|tenant| route.serves(&tenant.name));
        let by_table: BTreeSet<_> =
            self.lines.iter().filter_map(|line| Some(&line.destination.as_ref()?.value)).collect();
        tenants
            .flat_map(|tenant| {
                let steps = route.steps_for(&tenant.name);
                steps.iter().flat_map(|step| reached_by(step, tenant, &by_table)).collect::<Vec<_>>()
            })
            .collect()
    }
}

fn reached_by(step: &StepDraft, tenant: &TenantDraft, by_table: &BTreeSet<&DestinationName>) -> Vec<String> {
    let templates = step.destination.iter().chain(&step.test_destination);
    let leads_to = |template: &Placed<String>| {
        let named = by_table.iter().map(|name| Some(*name)).filter(|_| asks_the_table(template));
        let names = named.chain([None].into_iter().filter(|_| !asks_the_table(template)));
        names.filter_map(|name| destination_for(template, tenant, name).ok()).collect::<Vec<_>>()
    };
    templates.flat_map(leads_to).collect()
}

/// A line for whose services and areas its tenant has no route.
fn of_line(line: &LineDraft, serving: &Serving<'_>) -> Option<Fault> {
    if serving.iter().any(|(_, takes)| meets(line, takes) && takes.area.overlaps(&line.area)) {
        return None;
    }
    let tenant = &*line.tenant;
    let what = format!(
        "no route of the tenant `{tenant}` takes the service {} in the area {}",
        line.service, line.area
    );
    Some(line.at.fault(what).hint("add a route; until then it waits as `unrouted`"))
}

fn meets(line: &LineDraft, takes: &Match) -> bool {
    takes.services.is_empty() || takes.services.iter().any(|service| line.service.covers(service))
}

fn of_tenant(tenant: &TenantDraft, serving: &Serving<'_>) -> Vec<Fault> {
    if serving.is_empty() {
        let what = format!(
            "no route serves the tenant `{}`: what is handed in for it waits as `unrouted`",
            *tenant.name
        );
        return vec![tenant.name.at.fault(what).hint("add it to `tenants` of a route")];
    }
    let open = tenant.areas.iter().filter(|area| serving.iter().all(|(_, takes)| !takes.area.overlaps(area)));
    let hole = |area: &Placed<AreaPattern>| {
        let what =
            format!("no route of the tenant `{}` takes anything in its area `{}`", *tenant.name, **area);
        area.at.fault(what).hint("widen `area` of a route, or take the area out")
    };
    open.map(hole).collect()
}

/// Services that a client may hand in and no route takes.
fn of_client(client: &ClientDraft, by_tenant: &BTreeMap<&TenantName, Serving<'_>>) -> Vec<Fault> {
    let open = client.hands_in().filter(|(tenant, service)| {
        let takes = |takes: &Match| takes.services.is_empty() || takes.services.contains(&service.value);
        by_tenant.get(&tenant.value).is_some_and(|serving| !serving.iter().any(|(_, it)| takes(it)))
    });
    let hole = |(tenant, service): (&Placed<TenantName>, &Placed<_>)| {
        let what = format!(
            "the client `{}` may hand in the service {} for the tenant `{}`, and no route takes it",
            *client.name, **service, **tenant
        );
        service.at.fault(what).hint("add a route; until then it waits as `unrouted`")
    };
    open.map(hole).collect()
}

/// The areas of a tenant that a route takes.
fn common(areas: &[&AreaPattern], takes: &Match) -> Vec<AreaPattern> {
    let meeting = areas.iter().filter(|area| area.overlaps(&takes.area));
    let narrower = |area: &&AreaPattern| {
        if area.specificity() > takes.area.specificity() { (*area).clone() } else { takes.area.clone() }
    };
    meeting.map(narrower).collect()
}

/// Whether another route takes all that this one takes in these areas, and is preferred.
fn takes_all(other: &Match, this: &Match, common: &[AreaPattern]) -> bool {
    fn holds<T: Ord>(all: &BTreeSet<T>, these: &BTreeSet<T>) -> bool {
        all.is_empty() || (!these.is_empty() && these.is_subset(all))
    }
    let covers =
        |area: &AreaPattern| other.area.overlaps(area) && other.area.specificity() <= area.specificity();
    other.specificity() > this.specificity()
        && holds(&other.kinds, &this.kinds)
        && holds(&other.services, &this.services)
        && common.iter().all(covers)
}

fn areas(tenant: &TenantDraft) -> String {
    tenant.areas.iter().map(|area| area.to_string()).collect::<Vec<_>>().join(", ")
}
