//! Who may do what.

use crate::{ClientName, ServiceKey, TenantName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A system or a person that talks to the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its name; it stands in histories as `who`.
    pub name: ClientName,
    /// SHA-256 of each of its bearer tokens. Tokens are long random texts, so a plain hash keeps them.
    pub tokens: Vec<crate::Digest>,
    /// What it may do.
    pub grants: Vec<Grant>,
}

/// Some roles for some tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The tenants.
    pub tenants: BTreeSet<TenantName>,
    /// The roles.
    pub roles: BTreeSet<Role>,
    /// For [`Role::Submit`]: the services it may hand in; empty for all.
    pub services: BTreeSet<ServiceKey>,
}

/// What somebody may do for a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Hand in submissions, and follow the state of its own.
    Submit,
    /// Read content.
    Fetch,
    /// See submissions, cases and deliveries, without content.
    View,
    /// Retry, discard.
    Operate,
    /// Activate a configuration.
    Configure,
    /// Read histories of attempts.
    Audit,
}

impl Client {
    /// The tenants for which it has `role`.
    pub fn tenants_as(&self, role: Role) -> BTreeSet<TenantName> {
        self.grants
            .iter()
            .filter(|grant| grant.roles.contains(&role))
            .flat_map(|grant| grant.tenants.iter().cloned())
            .collect()
    }

    /// Whether it may hand in `service` for `tenant`.
    pub fn may_submit(&self, tenant: &TenantName, service: &ServiceKey) -> bool {
        self.grants.iter().any(|grant| {
            grant.roles.contains(&Role::Submit)
                && grant.tenants.contains(tenant)
                && (grant.services.is_empty() || grant.services.contains(service))
        })
    }
}
