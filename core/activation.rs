//! Takes a changed configuration, or one from before, while the hub runs: checked whole, kept, swapped atomically; or
//! refused with all its faults while the old one goes on.

use crate::assemble::ALL;
use crate::config::{self, Configuration, Environment, FileSecrets, Hub, Listener, Origin, Texts};
use crate::difference;
use crate::faults::plain;
use crate::listeners::{Configured, Doors, Prepared};
use crate::restore::{self, Plan};
use async_trait::async_trait;
use rohrpost_engine::Engine;
use rohrpost_engine::configurations::ActivatedBy;
use rohrpost_gateway::{
    Activation, ActivationReport, AllFetching, By, Difference, FileDifference, RollbackFault, Side,
    TlsIdentity,
};
use rohrpost_model::ports::{Clock, StoreFault};
use rohrpost_model::{Digest, Fault, ListenerName};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use tokio::sync::Mutex;

/// Loads configurations out of one folder and gives them to the engine.
pub struct Activator {
    place: Place,
    engine: Arc<Engine>,
    tls: Option<TlsIdentity>,
    /// The listeners of inbound adapters, once they are open.
    doors: OnceLock<Doors>,
    /// What the hub was started with and keeps until it is started anew.
    started: Fixed,
    /// Held while one is activated, so that activations come one after the other.
    active: Mutex<Active>,
}

/// The configuration that is active.
pub struct Active {
    /// Its version.
    pub version: Digest,
    /// What it names, with the digest of its content.
    pub named: BTreeMap<String, Digest>,
}

/// Where a configuration lies, and what loads it.
#[derive(Clone)]
pub struct Place {
    /// The configuration folder.
    pub folder: PathBuf,
    /// Looks into the environment.
    pub environment: Environment,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Place {
    /// Does what reads files and compiles mappings off the runtime's threads.
    async fn off<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Vec<Fault>> {
        let place = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&place));
        done.await.map_err(|panic| vec![Fault::of_file("hub.toml", panic.to_string())])
    }

    fn load(&self, origin: Origin<'_>) -> Result<Configuration, Vec<Fault>> {
        let secrets = FileSecrets { folder: self.folder.clone(), environment: &self.environment };
        config::load_from(origin, &self.folder, &secrets, ALL, &self.clock)
    }

    /// What a rollback left undone comes first.
    fn load_folder(&self) -> Result<Configuration, Vec<Fault>> {
        restore::finish(&self.folder).map_err(|error| unwritten(&error))?;
        self.load(Origin::Folder)
    }
}

impl Activator {
    /// For a hub that runs on `active`, which lies in `place`.
    pub fn new(
        place: Place,
        engine: Arc<Engine>,
        tls: Option<TlsIdentity>,
        started: Fixed,
        active: Active,
    ) -> Self {
        Self { place, engine, tls, doors: OnceLock::new(), started, active: Mutex::new(active) }
    }

    /// Has what is activated from now on served behind these doors. They are opened after this was made, because what they
    /// open to asks the gateway, which asks this.
    pub fn open_doors(&self, doors: Doors) {
        // There is one start, and so one time that they are opened.
        let _ = self.doors.set(doors);
    }

    fn endpoints(
        &self,
        listeners: &Configured,
        sources: AllFetching,
    ) -> Result<Option<Prepared>, Vec<Fault>> {
        self.doors.get().map(|doors| doors.prepare(listeners, sources)).transpose()
    }

    /// The certificate of a configuration, ready to be presented.
    fn certificate(&self, configuration: &Configuration) -> Result<Option<TlsIdentity>, Vec<Fault>> {
        let (Some(_), Some(tls)) = (&self.tls, &configuration.hub.tls) else { return Ok(None) };
        tls.identity().map(Some).map_err(|fault| vec![Fault::of_file("hub.toml", fault.to_string())])
    }

    /// Takes a configuration that was checked. It is kept first, so that nothing changes where it cannot be.
    async fn take(
        &self,
        configuration: Configuration,
        by: By,
        active: &mut Active,
    ) -> Result<ActivationReport, Vec<Fault>> {
        let certificate = self.certificate(&configuration)?;
        let Configuration { hub, catalog, listeners, sources, text, named, .. } = configuration;
        let endpoints = self.endpoints(&listeners, sources)?;
        self.doors.get().iter().for_each(|doors| doors.introduce(&catalog));
        let version = text.version();
        let needs_restart = self.started.differences(&Fixed::of(&hub, &listeners));
        let changed = version != active.version;
        let By { client, cause, words } = by;
        let who = client.to_string();
        let taken = self.engine.activate_kept(catalog, text, ActivatedBy { who, cause, words }).await;
        taken.map_err(|fault| {
            vec![Fault::of_file("hub.toml", format!("the store cannot keep it: {fault}"))]
        })?;
        if let (Some(identity), Some(ready)) = (&self.tls, &certificate) {
            identity.adopt(ready);
        }
        endpoints.into_iter().for_each(Prepared::adopt);
        if let Err(fault) = self.engine.park_homeless().await {
            tracing::error!(%fault, "deliveries to destinations that are gone were not parked");
        }
        *active = Active { version, named };
        // Why stays out of the log: a person's words may name a person (H10).
        tracing::info!(%client, %version, ?cause, changed, ?needs_restart, "configuration activated");
        Ok(ActivationReport {
            version: version.to_string(),
            changed,
            needs_restart,
            activated_at: self.place.clock.now(),
            replaced: None,
            folder_incomplete: false,
        })
    }

    async fn kept(&self, version: &Digest) -> Result<Option<Texts>, StoreFault> {
        let kept = self.engine.kept_configuration(version).await?;
        Ok(kept.map(|kept| Texts { files: kept.files, mappings: kept.mappings }))
    }

    /// The files of one side, and the faults of the folder.
    async fn files(&self, side: Side) -> Result<Option<(difference::Files, usize)>, StoreFault> {
        match side {
            Side::Version(version) => Ok(self.kept(&version).await?.map(|texts| (texts.to_compare(), 0))),
            Side::Folder => {
                let read = |place: &Place| {
                    let faults = place.load(Origin::Folder).err().map_or(0, |faults| faults.len());
                    (Texts::of_folder(&place.folder).to_compare(), faults)
                };
                let read = self.place.off(read).await;
                Ok(Some(read.map_err(|_| StoreFault::Unavailable("the folder cannot be read".into()))?))
            }
        }
    }

    /// What the active configuration names and is other now.
    async fn changed_secrets(&self) -> Vec<String> {
        let now = self.place.off(|place| {
            let secrets = FileSecrets { folder: place.folder.clone(), environment: &place.environment };
            config::named_in(&place.folder, &secrets)
        });
        let (now, active) = (now.await.unwrap_or_default(), self.active.lock().await);
        let was = active.named.iter();
        was.filter(|(name, digest)| now.get(*name).is_some_and(|now| now != *digest))
            .map(|(name, _)| name.clone())
            .collect()
    }
}

/// What a running hub cannot change: each key, and how it stands.
#[derive(Clone, Debug)]
pub struct Fixed(Vec<(String, String)>);

impl Fixed {
    /// Of these settings.
    pub fn of(hub: &Hub, listeners: &Configured) -> Self {
        let own = [
            ("data", hub.data.display().to_string()),
            ("keys", hub.keys.display().to_string()),
            ("receipt-seal", hub.receipt_seal.to_string()),
            ("listen.api", hub.api.to_string()),
            ("listen.operations", hub.operations.to_string()),
            ("listen.tls", hub.tls.is_some().to_string()),
            ("audit", format!("{:?}", hub.heads)),
            ("log", format!("{:?}", hub.log)),
        ];
        let own = own.map(|(key, value)| (key.to_owned(), value));
        let socket = |(name, it): (&ListenerName, &Listener)| {
            let value = format!("{} {} {}", it.address, it.tls.is_some(), it.connections);
            (format!("listeners/{name}"), value)
        };
        Self(own.into_iter().chain(listeners.iter().map(socket)).collect())
    }

    /// The keys that are not the same in both, or not there in one.
    fn differences(&self, other: &Self) -> Vec<String> {
        let has = |all: &Self, one| all.0.contains(one);
        let changed = self.0.iter().filter(|one| !has(other, *one));
        let new = other.0.iter().filter(|one| self.0.iter().all(|(key, _)| *key != one.0));
        changed.chain(new).map(|(key, _)| key.clone()).collect()
    }
}

#[async_trait]
impl Activation for Activator {
    async fn activate(&self, by: By) -> Result<ActivationReport, Vec<Fault>> {
        let mut active = self.active.lock().await;
        let configuration = self.place.off(Place::load_folder).await??;
        self.take(configuration, by, &mut active).await
    }

    async fn roll_back(&self, version: Digest, by: By) -> Result<ActivationReport, RollbackFault> {
        let mut active = self.active.lock().await;
        let texts = self.kept(&version).await?.ok_or(RollbackFault::NotKept)?;
        let staged = self.place.off(move |place| stage(place, &texts)).await??;
        let (configuration, plan) = staged;
        let mut report = match self.take(configuration, by, &mut active).await {
            Ok(report) => report,
            Err(faults) => {
                plan.discard();
                return Err(faults.into());
            }
        };
        report.replaced = plan.replaced().map(|replaced| replaced.display().to_string());
        let put_back = self.place.off(move |place| plan.carry_out(&place.folder)).await?;
        if let Err(error) = put_back {
            tracing::error!(%error, "the configuration folder is not yet the version that is active");
            report.folder_incomplete = true;
        }
        Ok(report)
    }

    async fn difference(&self, from: Side, to: Side) -> Result<Option<Difference>, StoreFault> {
        let (Some((old, a)), Some((new, b))) = (self.files(from).await?, self.files(to).await?) else {
            return Ok(None);
        };
        let active = Side::Version(self.active().await);
        let with_secrets = [from, to].contains(&active) && [from, to].contains(&Side::Folder);
        let secrets = if with_secrets { self.changed_secrets().await } else { Vec::new() };
        let files = difference::between(&old, &new).into_iter().map(|changed| FileDifference {
            path: changed.path,
            change: changed.change.to_owned(),
            diff: changed.diff,
        });
        let (from, to) = (word(from), word(to));
        Ok(Some(Difference { from, to, files: files.collect(), secrets, faults: a.max(b) }))
    }

    fn shown(&self, path: &str, text: &str) -> String {
        difference::without_secrets(path, text)
    }

    async fn active(&self) -> Digest {
        self.active.lock().await.version
    }
}

/// Checks a kept version whole under the circumstances of now, and makes ready to put it into the folder.
fn stage(place: &Place, texts: &Texts) -> Result<(Configuration, Plan), Vec<Fault>> {
    restore::finish(&place.folder).map_err(|error| unwritten(&error))?;
    let configuration = place.load(Origin::Kept(texts))?;
    let plan = Plan::stage(&place.folder, &configuration.library, texts, place.clock.now());
    Ok((configuration, plan.map_err(|error| unwritten(&error))?))
}

fn unwritten(error: &io::Error) -> Vec<Fault> {
    let what = format!("the version cannot be put into the configuration folder: {}", plain(error));
    vec![Fault::of_file("hub.toml", what).hint("give the hub's user the right to write there, and room")]
}

fn word(side: Side) -> String {
    match side {
        Side::Folder => "folder".to_owned(),
        Side::Version(version) => version.to_string(),
    }
}
