//! Takes a changed configuration while the hub runs: checked whole, swapped atomically, or refused with all its faults
//! while the old one goes on.

use crate::assemble::ADAPTERS;
use crate::config::{self, Configuration, Environment, FileSecrets, Hub};
use async_trait::async_trait;
use rohrpost_engine::Engine;
use rohrpost_gateway::{Activation, ActivationReport, TlsIdentity};
use rohrpost_model::ports::Clock;
use rohrpost_model::{ClientName, Digest, Fault};
use secrecy::ExposeSecret as _;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Loads configurations out of one folder and gives them to the engine.
pub struct Activator {
    folder: PathBuf,
    environment: Environment,
    clock: Arc<dyn Clock>,
    engine: Arc<Engine>,
    tls: Option<TlsIdentity>,
    /// What the hub was started with and keeps until it is started anew.
    started: Fixed,
    /// The version that is active. Held while one is activated, so that activations come one after the other.
    active: Mutex<Digest>,
}

impl Activator {
    /// For a hub that runs on the configuration in `folder`, whose content is named by `version`.
    pub fn new(
        folder: PathBuf,
        environment: Environment,
        clock: Arc<dyn Clock>,
        engine: Arc<Engine>,
        tls: Option<TlsIdentity>,
        started: Fixed,
        version: Digest,
    ) -> Self {
        Self { folder, environment, clock, engine, tls, started, active: Mutex::new(version) }
    }

    /// Loads off the runtime's threads: it reads files and compiles mappings.
    async fn load(&self) -> Result<Configuration, Vec<Fault>> {
        let (folder, environment, clock) = (self.folder.clone(), self.environment, Arc::clone(&self.clock));
        let loading = tokio::task::spawn_blocking(move || {
            let secrets = FileSecrets { folder: folder.clone(), environment: &environment };
            config::load(&folder, &secrets, ADAPTERS, &clock)
        });
        loading.await.unwrap_or_else(|panic| Err(vec![Fault::of_file("hub.toml", panic.to_string())]))
    }

    fn renew_certificate(&self, configuration: &Configuration) -> Result<(), Vec<Fault>> {
        let (Some(identity), Some(tls)) = (&self.tls, &configuration.hub.tls) else { return Ok(()) };
        let renewed = identity.replace(&tls.certificate, tls.key.expose_secret().as_bytes());
        renewed.map_err(|fault| vec![Fault::of_file("hub.toml", fault.to_string())])
    }
}

/// What a running hub cannot change.
#[derive(Clone, Debug)]
pub struct Fixed(Vec<(&'static str, String)>);

impl Fixed {
    /// Of these settings.
    pub fn of(hub: &Hub) -> Self {
        Self(vec![
            ("data", hub.data.display().to_string()),
            ("keys", hub.keys.display().to_string()),
            ("receipt-seal", hub.receipt_seal.to_string()),
            ("listen.api", hub.api.to_string()),
            ("listen.operations", hub.operations.to_string()),
            ("listen.tls", hub.tls.is_some().to_string()),
            ("audit", format!("{:?}", hub.heads)),
            ("log", format!("{:?}", hub.log)),
        ])
    }

    fn differences(&self, other: &Self) -> Vec<&'static str> {
        let pairs = self.0.iter().zip(&other.0);
        pairs.filter(|(before, now)| before != now).map(|(before, _)| before.0).collect()
    }
}

#[async_trait]
impl Activation for Activator {
    async fn activate(&self, who: &ClientName, _why: &str) -> Result<ActivationReport, Vec<Fault>> {
        let mut active = self.active.lock().await;
        let configuration = self.load().await?;
        self.renew_certificate(&configuration)?;
        let version = configuration.version;
        let needs_restart = self.started.differences(&Fixed::of(&configuration.hub));
        let changed = version != *active;
        let taken = self.engine.activate(configuration.catalog).await;
        taken.map_err(|fault| {
            vec![Fault::of_file("hub.toml", format!("the store cannot keep it: {fault}"))]
        })?;
        if let Err(fault) = self.engine.park_homeless().await {
            tracing::error!(%fault, "deliveries to destinations that are gone were not parked");
        }
        *active = version;
        // Why stays out of the log: a person's words may name a person (H10).
        tracing::info!(%who, %version, changed, ?needs_restart, "configuration activated");
        let needs_restart = needs_restart.into_iter().map(str::to_owned).collect();
        Ok(ActivationReport {
            version: version.to_string(),
            changed,
            needs_restart,
            activated_at: self.clock.now(),
        })
    }
}
