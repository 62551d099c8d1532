//! Finds the tenant and the route of a submission, and plans its deliveries.

use crate::catalog::Catalog;
use rohrpost_model::ports::NewDelivery;
use rohrpost_model::route::{On, Route, Step, UNROUTED};
use rohrpost_model::{
    Area, Client, DeliveryId, Kind, Reason, ReasonCode, RouteName, ServiceKey, State, StepName, TenantName, Timestamp,
};

/// No tenant can be given to a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoTenant {
    /// No tenant is responsible for the area.
    UnknownArea,
    /// A tenant is, but the client may not hand in this service for it.
    NotGranted,
}

/// The tenant responsible for `area`: the one that names it most specifically, if the client may hand in `service`
/// for it.
pub fn tenant_for(catalog: &Catalog, client: &Client, service: &ServiceKey, area: &Area) -> Result<TenantName, NoTenant> {
    let tenant = catalog
        .tenants
        .values()
        .filter_map(|tenant| {
            let narrowest = tenant.areas.iter().filter(|pattern| pattern.covers(area)).map(|p| p.specificity()).max()?;
            Some((narrowest, &tenant.name))
        })
        .max_by_key(|(specificity, _)| *specificity)
        .map(|(_, name)| name)
        .ok_or(NoTenant::UnknownArea)?;
    if client.may_submit(tenant, service) { Ok(tenant.clone()) } else { Err(NoTenant::NotGranted) }
}

/// What routing looks at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The tenant.
    pub tenant: &'a TenantName,
    /// The kind.
    pub kind: &'a Kind,
    /// The service.
    pub service: &'a ServiceKey,
    /// The area.
    pub area: &'a Area,
}

/// Why no route takes a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// None fits.
    None,
    /// Several fit equally well. `check` reports such routes, so this is a configuration that changed under way.
    Tie(Vec<RouteName>),
}

impl NoRoute {
    /// The reason to store.
    pub fn reason(&self, facts: &Facts<'_>) -> Reason {
        match self {
            Self::None => Reason::new(ReasonCode::NoRoute).with("service", facts.service).with("area", facts.area),
            Self::Tie(routes) => {
                let names: Vec<_> = routes.iter().map(RouteName::as_str).collect();
                Reason::new(ReasonCode::RouteTie).with("routes", names.join(", "))
            }
        }
    }
}

/// The most specific route that takes the submission: exactly one, or none.
pub fn route_for<'a>(catalog: &'a Catalog, facts: &Facts<'_>) -> Result<&'a Route, NoRoute> {
    let fits = |route: &&Route| {
        route.tenants.contains(facts.tenant) && route.matches.takes(facts.kind, facts.service, facts.area)
    };
    let fitting: Vec<&Route> = catalog.routes.values().filter(fits).collect();
    let best = fitting.iter().map(|route| route.matches.specificity()).max().ok_or(NoRoute::None)?;
    let mut narrowest = fitting.into_iter().filter(|route| route.matches.specificity() == best);
    match (narrowest.next(), narrowest.next()) {
        (Some(route), None) => Ok(route),
        (Some(first), Some(second)) => {
            let names = [first, second].into_iter().chain(narrowest).map(|route| route.name.clone()).collect();
            Err(NoRoute::Tie(names))
        }
        _ => Err(NoRoute::None),
    }
}

/// The deliveries that a route makes of a submission: one per step.
pub fn plan(catalog: &Catalog, route: &Route, tenant: &TenantName, now: Timestamp) -> Vec<NewDelivery> {
    route.steps.iter().map(|step| planned(catalog, route, step, tenant, now)).collect()
}

fn planned(catalog: &Catalog, route: &Route, step: &Step, tenant: &TenantName, now: Timestamp) -> NewDelivery {
    let waits = !step.after.is_empty();
    let names: Vec<_> = step.after.iter().map(StepName::as_str).collect();
    NewDelivery {
        id: DeliveryId::new(now),
        step: step.name.clone(),
        destination: step.destination_for(tenant),
        pinned: Some(catalog.pin(route, step)),
        ordered: step.ordered,
        after: step.after.clone(),
        on: step.on,
        state: if waits { State::Blocked } else { State::Due },
        reason: waits.then(|| Reason::new(ReasonCode::WaitsForSteps).with("steps", names.join(", "))),
        due_at: (!waits).then_some(now),
    }
}

/// The delivery on which a submission waits that no route takes: nothing is dropped (promise H2).
pub fn unrouted(step: StepName, reason: Reason, now: Timestamp) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(now),
        step,
        destination: None,
        pinned: None,
        ordered: false,
        after: Vec::new(),
        on: On::Delivered,
        state: State::Parked,
        reason: Some(reason),
        due_at: None,
    }
}

/// The name of the hub's own step.
pub fn unrouted_step() -> Result<StepName, rohrpost_model::BadName> {
    UNROUTED.parse()
}
