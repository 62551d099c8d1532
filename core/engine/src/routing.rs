//! Finds the tenant and the route of a submission, and plans its deliveries.

use crate::catalog::Catalog;
use crate::dispatch::after;
use rohrpost_model::ports::NewDelivery;
use rohrpost_model::route::{Expiry, Match, On, Route, Step, UNROUTED};
use rohrpost_model::{
    Area, AreaPattern, Client, Date, DeliveryId, DestinationName, Kind, Reason, ReasonCode, RouteName,
    ServiceKey, State, StepName, TenantName, Timestamp,
};
use std::time::Duration;

/// No tenant can be given to a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoTenant {
    /// No tenant is responsible for the area.
    UnknownArea,
    /// A tenant is, but the client may not hand in this service for it.
    NotGranted,
}

/// The tenant responsible for `service` in `area`, if the client may hand that in for it.
pub fn tenant_for(
    catalog: &Catalog,
    client: &Client,
    (service, area): (&ServiceKey, &Area),
    now: Timestamp,
) -> Result<TenantName, NoTenant> {
    let day = catalog.responsibilities.day(now);
    let tenant = responsible(catalog, service, area, day).ok_or(NoTenant::UnknownArea)?;
    if client.may_submit(tenant, service) { Ok(tenant.clone()) } else { Err(NoTenant::NotGranted) }
}

/// The tenant that the table of responsibilities names on this day; where it names none, the one that names the area most
/// specifically.
pub fn responsible<'a>(
    catalog: &'a Catalog,
    service: &ServiceKey,
    area: &Area,
    day: Date,
) -> Option<&'a TenantName> {
    let line = catalog.responsibilities.find(service, area, day);
    line.map(|line| &line.tenant).or_else(|| by_area(catalog, area).map(|(tenant, _)| tenant))
}

/// The tenant that names `area` most specifically, and how it names it.
pub fn by_area<'a>(catalog: &'a Catalog, area: &Area) -> Option<(&'a TenantName, &'a AreaPattern)> {
    let named = catalog.tenants.values().filter_map(|tenant| {
        let covering = tenant.areas.iter().filter(|pattern| pattern.covers(area));
        Some((&tenant.name, covering.max_by_key(|pattern| pattern.specificity())?))
    });
    named.max_by_key(|(_, pattern)| pattern.specificity())
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
    /// One does, but it asks the table of responsibilities for a destination, and that has none.
    Nobody(RouteName),
}

impl NoRoute {
    /// The reason to store.
    pub fn reason(&self, facts: &Facts<'_>) -> Reason {
        match self {
            Self::None => {
                Reason::new(ReasonCode::NoRoute).with("service", facts.service).with("area", facts.area)
            }
            Self::Nobody(route) => Reason::new(ReasonCode::NobodyResponsible)
                .with("service", facts.service)
                .with("area", facts.area)
                .with("route", route),
            Self::Tie(routes) => {
                let names: Vec<_> = routes.iter().map(RouteName::as_str).collect();
                Reason::new(ReasonCode::RouteTie).with("routes", names.join(", "))
            }
        }
    }
}

/// What a route asks of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// A tenant that it serves.
    Tenant,
    /// A kind that it takes.
    Kind,
    /// A service that it takes.
    Service,
    /// An area that it covers.
    Area,
}

/// What a route asks of a submission, and whether it is so.
pub fn fits(route: &Route, facts: &Facts<'_>) -> [(Asks, bool); 4] {
    let Match { kinds, services, area } = &route.matches;
    [
        (Asks::Tenant, route.tenants.contains(facts.tenant)),
        (Asks::Kind, kinds.is_empty() || kinds.contains(facts.kind)),
        (Asks::Service, services.is_empty() || services.contains(facts.service)),
        (Asks::Area, area.covers(facts.area)),
    ]
}

/// The most specific route that takes the submission: exactly one, or none.
pub fn route_for<'a>(catalog: &'a Catalog, facts: &Facts<'_>) -> Result<&'a Route, NoRoute> {
    let fits = |route: &&Route| fits(route, facts).into_iter().all(|(_, fits)| fits);
    let fitting: Vec<&Route> = catalog.routes.values().filter(fits).collect();
    let best = fitting.iter().map(|route| route.matches.specificity()).max().ok_or(NoRoute::None)?;
    let mut narrowest = fitting.into_iter().filter(|route| route.matches.specificity() == best);
    match (narrowest.next(), narrowest.next()) {
        (Some(route), None) => Ok(route),
        (Some(first), Some(second)) => {
            let names =
                [first, second].into_iter().chain(narrowest).map(|route| route.name.clone()).collect();
            Err(NoRoute::Tie(names))
        }
        _ => Err(NoRoute::None),
    }
}

/// The deliveries that a route makes of a submission whose test flag is `test`: one per step.
pub fn plan(
    catalog: &Catalog,
    route: &Route,
    (facts, test): (&Facts<'_>, bool),
    now: Timestamp,
) -> Result<Vec<NewDelivery>, NoRoute> {
    let day = catalog.responsibilities.day(now);
    let responsible = catalog.responsible_destination(facts.tenant, (facts.service, facts.area), day);
    let planned = |step: &Step| {
        let destination = step.destination_for(facts.tenant, test, responsible);
        let destination = destination.ok_or_else(|| NoRoute::Nobody(route.name.clone()))?;
        Ok(planned(catalog, route, step, destination, now))
    };
    route.steps_for(facts.tenant).iter().map(planned).collect()
}

fn planned(
    catalog: &Catalog,
    route: &Route,
    step: &Step,
    destination: DestinationName,
    now: Timestamp,
) -> NewDelivery {
    let waits = !step.after.is_empty();
    let names: Vec<_> = step.after.iter().map(StepName::as_str).collect();
    NewDelivery {
        id: DeliveryId::new(now),
        step: step.name.clone(),
        destination: Some(destination),
        pinned: Some(catalog.pin(route, step)),
        ordered: step.ordered,
        after: step.after.clone(),
        on: step.on,
        state: if waits { State::Blocked } else { State::Due },
        reason: waits.then(|| Reason::new(ReasonCode::WaitsForSteps).with("steps", names.join(", "))),
        due_at: (!waits).then_some(now),
        expires_at: step.expiry.as_ref().map(|expiry| after(now, expiry.after)),
        warn_at: step.expiry.as_ref().map(|expiry| warnings(expiry, now)).unwrap_or_default(),
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
        expires_at: None,
        warn_at: Vec::new(),
    }
}

/// When people are warned, the earliest first; what would come before acceptance is left out.
fn warnings(expiry: &Expiry, now: Timestamp) -> Vec<Timestamp> {
    let before = |warn: &Duration| expiry.after.checked_sub(*warn).map(|wait| after(now, wait));
    let mut times: Vec<_> = expiry.warn.iter().filter_map(before).collect();
    times.sort();
    times
}

/// The name of the hub's own step.
pub fn unrouted_step() -> Result<StepName, rohrpost_model::BadName> {
    UNROUTED.parse()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rohrpost_model::client::{Grant, Role};
    use rohrpost_model::limits::Limits;
    use rohrpost_model::responsibility::Responsibilities;
    use rohrpost_model::route::{Stage, Tenant};
    use std::collections::{BTreeMap, BTreeSet};

    const SERVICE: &str = "99128001000000";

    fn tenant(name: &str, areas: &[&str]) -> Tenant {
        let areas = areas.iter().map(|area| area.parse().unwrap()).collect();
        Tenant { name: name.parse().unwrap(), title: name.to_owned(), areas, stage: Stage::Live }
    }

    fn route(name: &str, tenant: &str, kind: Option<&str>, service: Option<&str>, area: &str) -> Route {
        let matches = Match {
            kinds: kind.map(|kind| kind.parse().unwrap()).into_iter().collect(),
            services: service.map(|service| service.parse().unwrap()).into_iter().collect(),
            area: area.parse().unwrap(),
        };
        let tenants = BTreeSet::from([tenant.parse().unwrap()]);
        Route {
            name: name.parse().unwrap(),
            tenants,
            matches,
            steps: Vec::new(),
            special: BTreeMap::new(),
            testing: BTreeSet::new(),
            amendments: None,
        }
    }

    fn catalog(tenants: Vec<Tenant>, routes: Vec<Route>) -> Catalog {
        Catalog {
            tenants: tenants.into_iter().map(|tenant| (tenant.name.clone(), tenant)).collect(),
            clients: BTreeMap::new(),
            routes: routes.into_iter().map(|route| (route.name.clone(), route)).collect(),
            destinations: BTreeMap::new(),
            mappings: BTreeMap::new(),
            seals: BTreeMap::new(),
            responsibilities: Responsibilities::default(),
            limits: Limits::default(),
        }
    }

    fn client(tenants: &[&str], services: &[&str]) -> Client {
        let grant = Grant {
            tenants: tenants.iter().map(|name| name.parse().unwrap()).collect(),
            roles: BTreeSet::from([Role::Submit]),
            services: services.iter().map(|service| service.parse().unwrap()).collect(),
        };
        Client { name: "portal".parse().unwrap(), tokens: Vec::new(), grants: vec![grant] }
    }

    fn taken_by(routes: Vec<Route>, kind: &str, area: &str) -> Result<String, NoRoute> {
        let catalog = catalog(Vec::new(), routes);
        let (tenant, kind) = ("a".parse().unwrap(), kind.parse().unwrap());
        let (service, area) = (SERVICE.parse().unwrap(), area.parse().unwrap());
        let facts = Facts { tenant: &tenant, kind: &kind, service: &service, area: &area };
        route_for(&catalog, &facts).map(|route| route.name.to_string())
    }

    #[test]
    fn h7_a_client_hands_in_only_for_tenants_and_services_it_is_granted() {
        let catalog =
            catalog(vec![tenant("kreis", &["15091*"]), tenant("stadt", &["150910010000"])], Vec::new());
        let service = SERVICE.parse().unwrap();
        let ask = |client: &Client, area: &str| {
            tenant_for(&catalog, client, (&service, &area.parse().unwrap()), Timestamp::UNIX_EPOCH)
        };
        let both = client(&["kreis", "stadt"], &[]);
        assert_eq!(ask(&both, "150910010000").unwrap().as_str(), "stadt", "the most specific tenant");
        assert_eq!(ask(&both, "150910020000").unwrap().as_str(), "kreis");
        assert_eq!(ask(&both, "09162"), Err(NoTenant::UnknownArea));
        assert_eq!(
            ask(&client(&["kreis"], &[]), "150910010000"),
            Err(NoTenant::NotGranted),
            "never another tenant"
        );
        assert_eq!(ask(&client(&["kreis"], &["99000000000001"]), "15091"), Err(NoTenant::NotGranted));
    }

    #[test]
    fn the_most_specific_route_takes_a_submission() {
        let routes = vec![
            route("alles", "a", None, None, "*"),
            route("gebiet", "a", None, None, "15091*"),
            route("leistung", "a", None, Some(SERVICE), "15*"),
            route("art", "a", Some("amendment"), Some(SERVICE), "15*"),
            route("fremd", "b", Some("application"), Some(SERVICE), "150910000000"),
        ];
        assert_eq!(taken_by(routes.clone(), "application", "150910000000").unwrap(), "leistung");
        assert_eq!(taken_by(routes.clone(), "amendment", "150910000000").unwrap(), "art");
        assert_eq!(taken_by(routes.clone(), "application", "09162").unwrap(), "alles");
        assert_eq!(taken_by(routes[4..].to_vec(), "application", "150910000000"), Err(NoRoute::None));
    }

    #[test]
    fn two_equally_specific_routes_take_nothing_and_say_so() {
        let routes = vec![
            route("eins", "a", None, Some(SERVICE), "15091*"),
            route("zwei", "a", None, Some(SERVICE), "15091*"),
        ];
        let Err(NoRoute::Tie(names)) = taken_by(routes, "application", "15091") else { panic!("no tie") };
        assert_eq!(names.len(), 2);
    }
}
