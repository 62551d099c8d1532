//! The active configuration, as the engine needs it. Immutable; a changed configuration is a new one.

use rohrpost_mappings::{Bundle, Mapping};
use rohrpost_model::destination::Destination;
use rohrpost_model::limits::Limits;
use rohrpost_model::ports::{Seal, StoreFault, Target, Versions};
use rohrpost_model::responsibility::Responsibilities;
use rohrpost_model::route::{PinnedStep, Route, Stage, Step, Tenant};
use rohrpost_model::version::VersionKind;
use rohrpost_model::{
    Area, Client, ClientName, Date, DestinationName, Digest, MappingName, RouteName, SealName, ServiceKey,
    StepName, TenantName,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The format of [`PinnedStep`] that this engine writes.
const PINNED_STEP_VERSION: u32 = 1;

/// A destination and how to talk to it.
#[derive(Clone)]
pub struct Connected {
    /// What the engine knows of it.
    pub destination: Destination,
    /// How to talk to it.
    pub target: Arc<dyn Target>,
}

/// A mapping, compiled, with the text it was compiled from.
#[derive(Clone)]
pub struct Mapped {
    /// The text.
    pub bundle: Arc<Bundle>,
    /// Compiled.
    pub mapping: Arc<Mapping>,
}

/// The active configuration.
#[derive(Default)]
pub struct Catalog {
    /// Tenants.
    pub tenants: BTreeMap<TenantName, Tenant>,
    /// Clients.
    pub clients: BTreeMap<ClientName, Client>,
    /// Routes.
    pub routes: BTreeMap<RouteName, Route>,
    /// Destinations.
    pub destinations: BTreeMap<DestinationName, Connected>,
    /// Mappings.
    pub mappings: BTreeMap<MappingName, Mapped>,
    /// Seals.
    pub seals: BTreeMap<SealName, Arc<dyn Seal>>,
    /// Who is responsible where the areas of tenants do not say it.
    pub responsibilities: Responsibilities,
    /// What a sender may hand in at most.
    pub limits: Limits,
}

impl Catalog {
    /// What a delivery on `step` of `route` pins, as it is kept.
    pub(crate) fn pinned_step(&self, route: &Route, step: &Step) -> Vec<u8> {
        serde_json::to_vec(&self.pinned(route, step)).unwrap_or_default()
    }

    /// What a delivery on `step` of `route` pins.
    pub(crate) fn pinned(&self, route: &Route, step: &Step) -> PinnedStep {
        PinnedStep {
            version: PINNED_STEP_VERSION,
            route: route.name.clone(),
            step: step.clone(),
            mapping: step
                .mapping
                .as_ref()
                .and_then(|name| self.mappings.get(name))
                .map(|mapped| mapped.mapping.digest()),
            seal_form: step.seal.as_ref().and_then(|name| self.seals.get(name)).map(|seal| seal.form()),
        }
    }

    /// The digest that a delivery on `step` of `route` pins.
    pub(crate) fn pin(&self, route: &Route, step: &Step) -> Digest {
        Digest::of(&self.pinned_step(route, step))
    }

    /// `route/step` with what a delivery on it pins, for every step.
    pub(crate) fn pins(&self) -> Vec<(String, Digest)> {
        let steps = self.routes.values().flat_map(|route| {
            let pin = move |(name, step): (String, &Step)| {
                (format!("{}/{name}", route.name), self.pin(route, step))
            };
            route.all_steps().map(pin)
        });
        steps.collect()
    }

    /// Keeps every version that a delivery could pin under this configuration.
    pub(crate) async fn keep_versions(&self, versions: &dyn Versions) -> Result<(), StoreFault> {
        for mapped in self.mappings.values() {
            versions.keep(VersionKind::Mapping, &mapped.bundle.to_bytes()).await?;
        }
        for route in self.routes.values() {
            for (_, step) in route.all_steps() {
                versions.keep(VersionKind::Step, &self.pinned_step(route, step)).await?;
            }
        }
        Ok(())
    }

    /// The step of a route for a tenant by name.
    pub fn step(&self, route: &RouteName, tenant: &TenantName, step: &StepName) -> Option<(&Route, &Step)> {
        let route = self.routes.get(route)?;
        Some((route, route.steps_for(tenant).iter().find(|candidate| &candidate.name == step)?))
    }

    /// What `{responsible}` stands for on a day: what the table names, if it names this tenant.
    pub fn responsible_destination(
        &self,
        tenant: &TenantName,
        (service, area): (&ServiceKey, &Area),
        day: Date,
    ) -> Option<&DestinationName> {
        let line = self.responsibilities.find(service, area, day)?;
        line.destination.as_ref().filter(|_| line.tenant == *tenant)
    }

    /// The stage of a tenant on a route. A route that is not there any more has none of its own.
    pub fn stage(&self, tenant: &TenantName, route: &RouteName) -> Stage {
        let Some(tenant) = self.tenants.get(tenant) else { return Stage::Live };
        self.routes.get(route).map_or(tenant.stage, |route| route.stage_for(tenant))
    }
}
