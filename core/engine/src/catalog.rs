//! The active configuration, as the engine needs it. Immutable; a changed configuration is a new one.

use rohrpost_mappings::{Bundle, Mapping};
use rohrpost_model::destination::Destination;
use rohrpost_model::limits::Limits;
use rohrpost_model::ports::{Seal, StoreFault, Target, Versions};
use rohrpost_model::route::{PinnedStep, Route, Step, Tenant};
use rohrpost_model::version::VersionKind;
use rohrpost_model::{
    Client, ClientName, DestinationName, Digest, MappingName, RouteName, SealName, StepName, TenantName,
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
        let steps = self.routes.values().flat_map(|route| route.steps.iter().map(move |step| (route, step)));
        steps.map(|(route, step)| (format!("{}/{}", route.name, step.name), self.pin(route, step))).collect()
    }

    /// Keeps every version that a delivery could pin under this configuration.
    pub(crate) async fn keep_versions(&self, versions: &dyn Versions) -> Result<(), StoreFault> {
        for mapped in self.mappings.values() {
            versions.keep(VersionKind::Mapping, &mapped.bundle.to_bytes()).await?;
        }
        for route in self.routes.values() {
            for step in &route.steps {
                versions.keep(VersionKind::Step, &self.pinned_step(route, step)).await?;
            }
        }
        Ok(())
    }

    /// The step of a route by name.
    pub fn step(&self, route: &RouteName, step: &StepName) -> Option<&Step> {
        self.routes.get(route)?.steps.iter().find(|candidate| &candidate.name == step)
    }
}
