//! The life of configurations: each that becomes active is kept first, with who activated it, when and why.

use crate::Engine;
use crate::catalog::Catalog;
use rohrpost_mappings::Bundle;
use rohrpost_model::ports::{
    ActivationCause, ActivationWords, Cursor, KeptActivation, NewActivation, StoreFault,
};
use rohrpost_model::route::PinnedStep;
use rohrpost_model::version::{ConfigurationText, VersionKind};
use rohrpost_model::{Delivery, Digest, TenantName};
use std::collections::BTreeMap;

/// How many versions are kept at least, those that were activated last; beyond, only those that a delivery needs.
pub const KEPT_CONFIGURATIONS: usize = 100;

/// Whose epochs the words about the hub as a whole are kept under: no tenant's, so that they do not end with one.
const HUB: &str = "rohrpost";

/// Who activates a configuration, how, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivatedBy {
    /// A client's name, or `rohrpost`.
    pub who: String,
    /// How.
    pub cause: ActivationCause,
    /// A person's words.
    pub words: Option<ActivationWords>,
}

/// A kept configuration with all that it is made of.
pub struct KeptConfiguration {
    /// The files.
    pub files: BTreeMap<String, String>,
    /// The mappings.
    pub mappings: Vec<Bundle>,
}

impl Engine {
    /// Keeps a configuration and that it becomes active, then swaps it in. Where it cannot be kept, nothing changes.
    pub async fn activate_kept(
        &self,
        catalog: Catalog,
        text: ConfigurationText,
        by: ActivatedBy,
    ) -> Result<(), StoreFault> {
        catalog.keep_versions(self.ports.versions.as_ref()).await?;
        self.keep_activation(&catalog, text, by).await?;
        self.swap(catalog);
        self.forget_configurations().await;
        Ok(())
    }

    /// Keeps that the hub was started on its configuration, unless that was active last anyway.
    pub async fn keep_started(&self, text: ConfigurationText) -> Result<(), StoreFault> {
        let last = self.activations(None, 1).await?.pop();
        if last.is_some_and(|(_, last)| last.kept && last.version == text.version()) {
            return Ok(());
        }
        let by = ActivatedBy { who: HUB.to_owned(), cause: ActivationCause::Started, words: None };
        self.keep_activation(&self.catalog(), text, by).await
    }

    async fn keep_activation(
        &self,
        catalog: &Catalog,
        text: ConfigurationText,
        by: ActivatedBy,
    ) -> Result<(), StoreFault> {
        let at = self.ports.clock.now();
        let ActivatedBy { who, cause, words } = by;
        let words = match words {
            Some(words) => Some((words, self.ports.vault.issue(&hub()?, at)?)),
            None => None,
        };
        let activation = NewActivation { text, steps: catalog.pins(), cause, who, words, at };
        self.ports.configurations.keep_activation(activation).await
    }

    /// What it does not do now, it does after the next activation.
    async fn forget_configurations(&self) {
        match self.ports.configurations.forget_configurations(KEPT_CONFIGURATIONS).await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "old configurations forgotten"),
            Err(fault) => tracing::warn!(%fault, "old configurations were not forgotten"),
        }
    }

    /// Activations, the newest first.
    pub async fn activations(
        &self,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, KeptActivation)>, StoreFault> {
        self.ports.configurations.activations(after, limit).await
    }

    /// The activations of one version, the newest first.
    pub async fn activations_of(&self, version: &Digest) -> Result<Vec<KeptActivation>, StoreFault> {
        self.ports.configurations.activations_of(version).await
    }

    /// The kept versions whose hexadecimal digest begins so, two at most.
    pub async fn versions_beginning_with(&self, digits: &str) -> Result<Vec<Digest>, StoreFault> {
        self.ports.configurations.beginning_with(digits).await
    }

    /// What a delivery pins, with its digest; `None` where it pins nothing, or what it pins cannot be read any more.
    pub async fn pinned(&self, delivery: &Delivery) -> Result<Option<(Digest, PinnedStep)>, StoreFault> {
        let Some(digest) = delivery.pinned else { return Ok(None) };
        let kept = match self.ports.versions.load(VersionKind::Step, &digest).await {
            // Whoever looks at the delivery that is parked for it must see the rest.
            Err(StoreFault::Damaged(_)) => None,
            kept => kept?,
        };
        Ok(kept.and_then(|kept| serde_json::from_slice(&kept).ok()).map(|step| (digest, step)))
    }

    /// A kept configuration with its mappings; `None` if it is not kept.
    pub async fn kept_configuration(
        &self,
        version: &Digest,
    ) -> Result<Option<KeptConfiguration>, StoreFault> {
        let Some(text) = self.ports.configurations.configuration(version).await? else { return Ok(None) };
        let mut mappings = Vec::new();
        for digest in text.mappings.values() {
            let bytes = self.ports.versions.load(VersionKind::Mapping, digest).await?;
            let bundle = bytes.and_then(|bytes| Bundle::from_bytes(&bytes).ok());
            mappings.push(bundle.ok_or_else(|| StoreFault::Damaged(format!("the kept mapping {digest}")))?);
        }
        Ok(Some(KeptConfiguration { files: text.files, mappings }))
    }
}

fn hub() -> Result<TenantName, StoreFault> {
    HUB.parse().map_err(|_| StoreFault::Unavailable("the hub has no name".into()))
}
