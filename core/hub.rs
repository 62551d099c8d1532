//! The hub while it runs: listeners, delivery loop, signals, and an orderly end.

use crate::activation::{Activator, Active, Fixed, Place};
use crate::assemble::{self, House};
use crate::config::{Configuration, Environment, Log, Tls};
use crate::faults::Stop;
use crate::heads::Heads;
use crate::listeners::{self, Opened};
use rohrpost_engine::Engine;
use rohrpost_gateway::{Activation as _, By, Gateway, Health, Listener, Settings, install_metrics};
use rohrpost_gateway::{serve_api, serve_operations};
use rohrpost_model::ListenerName;
use rohrpost_model::ports::{ActivationCause, Clock};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long deliveries under way may take to end once the hub stops. What is cut off then was marked, so its outcome
/// counts as unknown at the next start.
const DRAIN: Duration = Duration::from_secs(60);

/// The hub while it runs.
pub struct Running {
    /// Where the API is served.
    pub api: SocketAddr,
    /// Where health and metrics are served.
    pub operations: SocketAddr,
    /// Where foreign systems talk to it in protocols of theirs.
    pub listeners: BTreeMap<ListenerName, SocketAddr>,
    activator: Arc<Activator>,
    health: Arc<Health>,
    /// Keeps heads of the history, where the configuration wants it.
    heads: Option<Arc<Heads>>,
    signals: Signals,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// What the process is told from outside. Heard from before the hub serves, so that none is missed and none kills it.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    /// A file that may not grow further (`ulimit -f`) is told by the error of the write, like a full disk. Unheard, this
    /// signal would end the process.
    _file_too_large: Signal,
}

/// `SIGXFSZ` of Linux.
const FILE_TOO_LARGE: SignalKind = SignalKind::from_raw(25);

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            _file_too_large: signal(FILE_TOO_LARGE)?,
        })
    }

    /// Returns when the process is asked to end.
    async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What a hub is started from.
pub struct Start {
    /// The configuration folder, to load it anew.
    pub folder: PathBuf,
    /// Looks into the environment.
    pub environment: Environment,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The configuration.
    pub configuration: Configuration,
}

impl Start {
    /// Opens the store, recovers, and begins to serve and to deliver.
    pub async fn run(self) -> Result<Running, Stop> {
        let Self { folder, environment, clock, configuration } = self;
        let fixed = Fixed::of(&configuration.hub, &configuration.listeners);
        let active = Active { version: configuration.text.version(), named: configuration.named.clone() };
        let signals = Signals::listen()?;
        let metrics = install_metrics().map_err(failed)?;
        let House { engine, hub, listeners, sources, store_stopped } =
            assemble::house(configuration, Arc::clone(&clock)).await?;
        let tls = hub.tls.as_ref().map(Tls::identity).transpose().map_err(failed)?;
        let api = Listener::bind(hub.api, tls.clone()).await.map_err(failed)?;
        let operations = Listener::bind(hub.operations, None).await.map_err(failed)?;
        let heads = Heads::open(hub.heads.clone(), Arc::clone(&engine)).await;
        let place = Place { folder, environment, clock: Arc::clone(&clock) };
        let activator = Arc::new(Activator::new(place, Arc::clone(&engine), tls, fixed, active));
        let health = Arc::new(Health::default());
        let gateway = Gateway::new(
            Arc::clone(&engine),
            Arc::clone(&activator) as _,
            Arc::clone(&health),
            metrics,
            Settings::default(),
        );
        gateway.sources().adopt(sources);
        listeners::introduce(&gateway, &engine.catalog());
        let house = listeners::House { gateway: Arc::clone(&gateway), engine: Arc::clone(&engine), clock };
        let opened = Opened::open(&listeners, &house).await?;
        activator.open_doors(opened.doors(&house));
        drop(house);
        let sockets = (api, operations, opened);
        let mut running = Running::begin(engine, gateway, activator, (health, heads), signals, sockets);
        running.watch_store(store_stopped);
        Ok(running)
    }
}

impl Running {
    fn begin(
        engine: Arc<Engine>,
        gateway: Arc<Gateway>,
        activator: Arc<Activator>,
        (health, heads): (Arc<Health>, Option<Arc<Heads>>),
        signals: Signals,
        (api, operations, opened): (Listener, Listener, Opened),
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let addresses = (api.address(), operations.address(), opened.addresses());
        let mut tasks = JoinSet::new();
        tasks.spawn(engine.run(stopped.clone()));
        tasks.spawn(serve_api(api, Arc::clone(&gateway), stopped.clone()));
        if let Some(heads) = &heads {
            tasks.spawn(Arc::clone(heads).run(stopped.clone()));
        }
        opened.serve(&mut tasks, &stopped);
        tasks.spawn(Arc::clone(gateway.sources()).run(Arc::clone(&gateway), stopped.clone()));
        tasks.spawn(serve_operations(operations, gateway, stopped));
        health.set_ready(true);
        let (api, operations, listeners) = addresses;
        Self { api, operations, listeners, activator, health, heads, signals, stop, tasks }
    }

    /// A hub whose store stopped writing takes nothing in any more, and says so to whoever asks whether it is ready.
    fn watch_store(&mut self, mut store_stopped: watch::Receiver<bool>) {
        let (health, mut stop) = (Arc::clone(&self.health), self.stop.subscribe());
        self.tasks.spawn(async move {
            tokio::select! {
                stopped = store_stopped.wait_for(|stopped| *stopped) => {
                    if stopped.is_ok() {
                        health.set_ready(false);
                    }
                }
                _ = stop.changed() => {}
            }
        });
    }

    /// Loads the configuration anew whenever the process gets SIGHUP, and returns when it is asked to end.
    pub async fn until_asked_to_end(&mut self) {
        loop {
            let Signals { terminate, interrupt, hang_up, .. } = &mut self.signals;
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                _ = hang_up.recv() => self.reload().await,
            }
        }
    }

    /// Waits for `time`; whether the process was asked to end meanwhile.
    pub async fn asked_to_end_within(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.signals.end()).await.is_ok()
    }

    async fn reload(&self) {
        let Ok(client) = "sighup".parse() else { return };
        let by = By { client, cause: ActivationCause::Reloaded, words: None };
        if let Err(faults) = self.activator.activate(by).await {
            for fault in faults {
                tracing::error!(%fault, "configuration refused, the old one goes on");
            }
        }
    }

    /// Ends in order: no new work, what is under way gets its time, the store is closed last.
    pub async fn end(mut self) {
        self.health.set_ready(false);
        self.stop.send_replace(true);
        let ended = tokio::time::timeout(DRAIN, async { while self.tasks.join_next().await.is_some() {} });
        if ended.await.is_err() {
            tracing::warn!("deliveries were cut off; their targets are asked at the next start");
        }
        if let Some(heads) = &self.heads {
            heads.keep().await;
        }
    }
}

/// The stack of each thread. Reserved, not used: a stylesheet may recurse deeply, and runs where it stands if the stack
/// is deep enough, else on a thread made for it.
const STACK: usize = 64 << 20;

/// The runtime that carries all conversations.
pub fn runtime() -> Result<tokio::runtime::Runtime, Stop> {
    Ok(tokio::runtime::Builder::new_multi_thread().thread_stack_size(STACK).enable_all().build()?)
}

/// Writes the log to stderr as the configuration says. A second call changes nothing.
pub fn begin_log(log: Log) {
    // Below these levels libraries tell of each message that they pass on.
    let quiet = "hyper=warn,rustls=warn,h2=warn,russh=warn,lapin=warn";
    let filter = tracing_subscriber::EnvFilter::new(format!("{},{quiet}", log.level));
    let colours = io::stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(io::stderr);
    // Only the first subscriber of a process is taken; a second is not an error that anybody could mend.
    let _ = if log.json { builder.json().try_init() } else { builder.try_init() };
}

fn failed(error: impl std::fmt::Display) -> Stop {
    Stop::Failed(error.to_string())
}

#[cfg(test)]
mod tests;
