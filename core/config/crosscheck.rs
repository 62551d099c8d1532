//! What items have to do with each other: every name leads somewhere, nothing reaches a tenant that is not its own,
//! and for each submission it is clear which route takes it.

use super::destinations::DestinationDraft;
use super::mapping_ref::{MappingRef, check_place};
use super::placeholders::{Unfilled, asks_the_table, destination_for, for_tenant};
use super::reader::{Faults, Placed};
use super::references::Known;
use super::responsibilities::LineDraft;
use super::routes::{RouteDraft, StepDraft};
use super::seals::{Form, SealDraft};
use super::tenants::TenantDraft;
use rohrpost_model::ports::SealForm;
use rohrpost_model::route::{Match, RESPONSIBLE, Stage};
use rohrpost_model::{DestinationName, Fault, TenantName};
use std::collections::{BTreeMap, BTreeSet};

/// What routes are checked against.
pub struct World<'a> {
    /// All names.
    pub known: &'a Known,
    /// Tenants that could be read.
    pub tenants: BTreeMap<&'a TenantName, &'a TenantDraft>,
    /// Destinations that could be read.
    pub destinations: BTreeMap<&'a DestinationName, &'a DestinationDraft>,
    /// Seals that could be read.
    pub seals: &'a [SealDraft],
    /// The table of responsibilities, as far as it could be read.
    pub lines: &'a [LineDraft],
    /// The media type of what a mapping makes; `None` for one that has faults or is not there.
    pub media_type: &'a dyn Fn(&MappingRef) -> Option<String>,
    /// The parameters of a mapping; the same.
    pub params: &'a dyn Fn(&str) -> Option<Vec<String>>,
    /// The documents that a mapping makes beside its message; the same.
    pub documents: &'a dyn Fn(&str) -> Option<Vec<String>>,
}

/// One step as it is for one tenant.
struct Resolved<'a> {
    route: &'a RouteDraft,
    step: &'a StepDraft,
    tenant: &'a TenantDraft,
    stage: Stage,
}

impl World<'_> {
    /// Checks what a route names, for each of its tenants.
    pub fn check_route(&self, route: &RouteDraft, faults: &Faults) {
        // What is wrong for one tenant is mostly wrong for all: the first one is told.
        let mut told = BTreeSet::new();
        for name in &route.tenants {
            self.known.tenants.check(name, faults);
            let Some(tenant) = self.tenants.get(&name.value) else { continue };
            let stage = stage_of(route, tenant);
            for step in &route.steps_for(name) {
                self.check_step(&Resolved { route, step, tenant, stage }, &mut told, faults);
            }
        }
        // Also where no tenant can be read.
        for step in &route.steps {
            self.check_names(step, faults);
        }
    }

    fn check_step(&self, it: &Resolved<'_>, told: &mut BTreeSet<String>, faults: &Faults) {
        let StepDraft { destination, test_destination, .. } = it.step;
        // While a tenant tests, the destination that it has later need not be there.
        let lives = it.stage == Stage::Live || test_destination.is_none();
        if let Some(template) = destination.as_ref().filter(|_| lives) {
            self.check_destinations(template, it.stage == Stage::Test, it, told, faults);
        }
        if let Some(template) = test_destination {
            self.check_destinations(template, true, it, told, faults);
        }
        self.check_params(it, faults);
        self.check_names(it.step, faults);
    }

    fn check_names(&self, step: &StepDraft, faults: &Faults) {
        if let Some(Placed { value, at }) = &step.mapping {
            self.known.mappings.check(&Placed { value: value.name.clone(), at: at.clone() }, faults);
        }
        step.check_documents(self.documents, faults);
        self.check_seal(step, faults);
    }

    /// All destinations that a template leads to: one, or as many as the table of responsibilities names.
    fn check_destinations(
        &self,
        template: &Placed<String>,
        test: bool,
        it: &Resolved<'_>,
        told: &mut BTreeSet<String>,
        faults: &Faults,
    ) {
        let mut check = |name: Option<&DestinationName>| match destination_for(template, it.tenant, name) {
            Ok(text) => self.check_destination(template, &text, (test, it), told, faults),
            Err(Unfilled { message, hint }) => faults.note(template.at.fault(message).hint(hint)),
        };
        if !asks_the_table(template) {
            return check(None);
        }
        let mut named = BTreeSet::new();
        for line in self.lines.iter().filter(|line| concerns(line, it)) {
            match &line.destination {
                Some(name) => drop(named.insert(&name.value)),
                None => faults.note(no_destination(line, it)),
            }
        }
        if named.is_empty() {
            let what = format!(
                "no line of responsibilities/*.csv names a destination for the tenant `{}` here",
                *it.tenant.name
            );
            faults.note(
                template.at.fault(what).hint("add one, or name another destination with an [[override]]"),
            );
        }
        named.into_iter().for_each(|name| check(Some(name)));
    }

    /// One fault for each destination that a template leads to, and for each tenant that must not reach it.
    fn check_destination(
        &self,
        template: &Placed<String>,
        text: &str,
        (test, it): (bool, &Resolved<'_>),
        told: &mut BTreeSet<String>,
        faults: &Faults,
    ) {
        let Ok(name) = text.parse::<DestinationName>() else {
            if told.insert(template.at.to_string()) {
                let fault = template.at.fault(format!("`{text}` is not a destination's name"));
                faults.note(fault.hint("write a name; {tenant} stands for the tenant's name"));
            }
            return;
        };
        if !self.known.destinations.has(name.as_str()) {
            if told.insert(format!("{} {name}", template.at)) {
                let what = format!("unknown destination `{name}` (for the tenant `{}`)", *it.tenant.name);
                faults.note(template.at.fault(what).hint(self.known.destinations.hint(name.as_str())));
            }
        } else if let Some(destination) = self.destinations.get(&name) {
            check_reach(template, destination, it.tenant, faults);
            check_stage(template, destination, test, it, faults);
            check_place(&it.step.with, name.as_str(), destination.takes_enclosed(), faults);
        }
    }

    fn check_params(&self, it: &Resolved<'_>, faults: &Faults) {
        let StepDraft { mapping, params, .. } = it.step;
        let known = mapping.as_ref().map(|mapping| (self.params)(mapping.name.as_str()));
        for (name, text) in params {
            match &known {
                None => {
                    let fault =
                        text.at.fault(format!("`{name}` is a parameter, and the step has no mapping"));
                    faults.note(fault.hint("name a mapping, or take the parameter out"));
                }
                Some(Some(known)) if !known.contains(name) => {
                    faults.note(no_parameter(name, text, mapping, known))
                }
                Some(_) => {}
            }
            if let Err(Unfilled { message, hint }) = for_tenant(text, it.tenant) {
                faults.note(text.at.fault(message).hint(hint));
            }
        }
    }

    fn check_seal(&self, step: &StepDraft, faults: &Faults) {
        let Some(seal) = &step.seal else { return };
        if !self.known.seals.check(seal, faults) {
            return;
        }
        let form =
            self.seals.iter().find(|draft| draft.name.value == seal.value).and_then(|draft| draft.form);
        let made = step.mapping.as_ref().and_then(|mapping| (self.media_type)(mapping));
        match (form, made) {
            (Some(Form::Receipt), _) => {
                let fault =
                    seal.at.fault(format!("the seal `{}` is a JWS, which signs receipts only", **seal));
                faults.note(fault.hint("name a seal of the form xml-dsig or cms"));
            }
            (Some(Form::Document(SealForm::XmlDsig)), Some(media_type)) if !is_xml(&media_type) => {
                let what = format!("the seal `{}` signs XML, and the mapping makes {media_type}", **seal);
                faults.note(seal.at.fault(what).hint("name a seal of the form cms, or leave it out"));
            }
            _ => {}
        }
    }
}

/// Whether a line of the table can be about a submission that the route takes for the tenant.
fn concerns(line: &LineDraft, it: &Resolved<'_>) -> bool {
    let Some(takes) = &it.route.matches else { return false };
    let services = &takes.services;
    let meets = services.is_empty() || services.iter().any(|service| line.service.covers(service));
    *line.tenant == *it.tenant.name && meets && line.area.overlaps(&takes.area)
}

fn no_destination(line: &LineDraft, it: &Resolved<'_>) -> Fault {
    let route = &it.route.name;
    let fault = line.at.fault(format!(
        "the line names no destination, and the route `{}` ({}) asks for one with {RESPONSIBLE}",
        **route, route.at
    ));
    fault.hint("name one in the column `destination`")
}

/// The stage of a tenant on a route: the more careful of both.
pub fn stage_of(route: &RouteDraft, tenant: &TenantDraft) -> Stage {
    if route.own_stage_for(&tenant.name) == Stage::Test { Stage::Test } else { tenant.stage }
}

fn check_reach(
    template: &Placed<String>,
    destination: &DestinationDraft,
    tenant: &TenantDraft,
    faults: &Faults,
) {
    // A list that could not be read has a fault of its own.
    if destination.tenants.is_empty() || destination.serves(&tenant.name) {
        return;
    }
    let (name, file) = (&*destination.name, destination.name.at.file());
    let what = format!("the destination `{name}` does not serve the tenant `{}`", *tenant.name);
    let hint = format!("name another destination, or add the tenant to `tenants` in {file}");
    faults.note(template.at.fault(what).hint(hint));
}

/// Test submissions reach destinations marked test, others those that are not: anything else would wait for ever.
fn check_stage(
    template: &Placed<String>,
    destination: &DestinationDraft,
    test: bool,
    it: &Resolved<'_>,
    faults: &Faults,
) {
    if destination.is_test() == test {
        return;
    }
    let (name, file) = (&*destination.name, destination.name.at.file());
    let tenant = &*it.tenant.name;
    let (what, hint) = match (test, it.stage) {
        (true, Stage::Test) => (
            format!(
                "the tenant `{tenant}` is in the stage test here, and the destination `{name}` is not marked test"
            ),
            format!("name a `test-destination`, or write stage = \"test\" in {file}"),
        ),
        (true, Stage::Live) => (
            format!(
                "test submissions of the tenant `{tenant}` go here, and the destination `{name}` is not marked test"
            ),
            format!("write stage = \"test\" in {file}, or name another destination"),
        ),
        (false, _) => (
            format!(
                "the tenant `{tenant}` is live here, and the destination `{name}` takes test submissions only"
            ),
            format!(
                "make it the `test-destination`, put the tenant into the stage test, or take stage out of {file}"
            ),
        ),
    };
    faults.note(template.at.fault(what).hint(hint));
}

fn no_parameter(
    name: &str,
    text: &Placed<String>,
    mapping: &Option<Placed<MappingRef>>,
    known: &[String],
) -> Fault {
    let mapping = mapping.as_ref().map_or("", |mapping| mapping.name.as_str());
    let fault = text.at.fault(format!("the mapping `{mapping}` has no parameter `{name}`"));
    match known.join(", ") {
        none if none.is_empty() => fault.hint("it has none; they stand in [params] of its mapping.toml"),
        known => fault.hint(format!("it has: {known}")),
    }
}

/// Media types of XML (RFC 7303).
fn is_xml(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    matches!(essence, "application/xml" | "text/xml") || essence.ends_with("+xml")
}

/// Two routes that say equally narrowly what they take, and some submission of a common tenant that fits both.
pub fn check_ties(routes: &[RouteDraft], faults: &Faults) {
    for (index, route) in routes.iter().enumerate() {
        for earlier in &routes[..index] {
            let (Some(mine), Some(other)) = (&route.matches, &earlier.matches) else { continue };
            let common =
                route.tenants.iter().find(|tenant| earlier.tenants.iter().any(|t| t.value == tenant.value));
            if let Some(tenant) = common.filter(|_| tie(mine, other)) {
                let what = format!(
                    "this route and `{}` ({}) take the same submissions of the tenant `{}` equally specifically",
                    *earlier.name, other.at, **tenant
                );
                faults.note(
                    mine.at
                        .fault(what)
                        .hint("narrow one of them by service, kind or area, or separate their tenants"),
                );
            }
        }
    }
}

fn tie(left: &Match, right: &Match) -> bool {
    left.specificity() == right.specificity() && left.overlaps(right)
}
