//! What items have to do with each other: every name leads somewhere, nothing reaches a tenant that is not its own,
//! and for each submission it is clear which route takes it.

use super::destinations::DestinationDraft;
use super::reader::{Faults, Placed};
use super::references::Known;
use super::routes::{RouteDraft, StepDraft};
use super::seals::{Form, SealDraft};
use rohrpost_model::ports::SealForm;
use rohrpost_model::route::Match;
use rohrpost_model::{DestinationName, TenantName};

/// What routes are checked against.
pub struct World<'a> {
    /// All names.
    pub known: &'a Known,
    /// Destinations that could be read.
    pub destinations: &'a [DestinationDraft],
    /// Seals that could be read.
    pub seals: &'a [SealDraft],
    /// The media type of what a mapping makes; `None` for one that has faults or is not there.
    pub media_type: &'a dyn Fn(&str) -> Option<String>,
}

impl World<'_> {
    /// Checks what a route names.
    pub fn check_route(&self, route: &RouteDraft, faults: &Faults) {
        for tenant in &route.tenants {
            self.known.tenants.check(tenant, faults);
        }
        for step in &route.steps {
            self.check_destination(step, &route.tenants, faults);
            if let Some(mapping) = &step.mapping {
                self.known.mappings.check(mapping, faults);
            }
            self.check_seal(step, faults);
        }
    }

    /// The template is resolved for each tenant: one fault for each that it leads nowhere for.
    fn check_destination(&self, step: &StepDraft, tenants: &[Placed<TenantName>], faults: &Faults) {
        let Some(template) = &step.destination else { return };
        let known_tenants = tenants.iter().filter(|tenant| self.known.tenants.has(tenant.as_str()));
        let mut told = std::collections::BTreeSet::new();
        for tenant in known_tenants {
            let text = template.replace("{tenant}", tenant.as_str());
            let Ok(name) = text.parse::<DestinationName>() else {
                let fault = template.at.fault(format!("`{text}` is not a destination's name"));
                return faults.note(fault.hint("write a name; {tenant} stands for the tenant's name"));
            };
            let new = told.insert(name.clone());
            self.check_reach(template, &name, tenant, new, faults);
        }
    }

    fn check_reach(
        &self,
        template: &Placed<String>,
        name: &DestinationName,
        tenant: &TenantName,
        new: bool,
        faults: &Faults,
    ) {
        if !self.known.destinations.has(name.as_str()) {
            let what = format!("unknown destination `{name}` (for the tenant `{tenant}`)");
            if new {
                faults.note(template.at.fault(what).hint(self.known.destinations.hint(name.as_str())));
            }
            return;
        }
        let Some(destination) = self.destinations.iter().find(|draft| draft.name.value == *name) else {
            return;
        };
        // A list that could not be read has a fault of its own.
        if !destination.tenants.is_empty() && !destination.serves(tenant) {
            let what = format!("the destination `{name}` does not serve the tenant `{tenant}`");
            let hint = format!(
                "name another destination, or add the tenant to `tenants` in {}",
                destination.name.at.file()
            );
            faults.note(template.at.fault(what).hint(hint));
        }
    }

    fn check_seal(&self, step: &StepDraft, faults: &Faults) {
        let Some(seal) = &step.seal else { return };
        if !self.known.seals.check(seal, faults) {
            return;
        }
        let form =
            self.seals.iter().find(|draft| draft.name.value == seal.value).and_then(|draft| draft.form);
        let made = step.mapping.as_ref().and_then(|mapping| (self.media_type)(mapping.as_str()));
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
