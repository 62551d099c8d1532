//! The rig: the real engine on the real store, a clock that stands still until the test moves it, and targets that record
//! what they are asked.
//!
//! Time goes from one event to the next ([`World::until`]): the clock moves to where the next sleeper wakes, and not
//! before the engine has come to rest. So a test sees every conversation at its exact time, and waits for nothing.

pub mod clock;
pub mod letters;
pub mod office;
pub mod post;
pub mod watch;

use clock::StillClock;
use office::Office;
use rohrpost_engine::catalog::{Catalog, Connected};
use rohrpost_engine::{Engine, Ports};
use rohrpost_model::client::{Grant, Role};
use rohrpost_model::destination::Destination;
use rohrpost_model::limits::Limits;
use rohrpost_model::ports::{Clock as _, ReceiptSigner, SealFault, Statement, Target};
use rohrpost_model::route::{Match, On, Route, Stage, Step, Tenant};
use rohrpost_model::{Client, DestinationName, ServiceKey, TenantName, Timestamp};
use rohrpost_seal::{HubKey, KeyFolder};
use rohrpost_store::{SqliteStore, StoreOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch as signal;
use tokio::task::JoinHandle;
use watch::{Doings, Watched};

/// The tenants, each with the areas whose keys begin with its number.
pub const TENANTS: [&str; 3] = ["adorf", "behausen", "cestadt"];

/// How long a test waits, in real time, for the engine to come to rest.
const PATIENCE: Duration = Duration::from_secs(300);

/// So many turns for everybody without anything happening are rest.
const TURNS: u32 = 40;

pub struct World {
    folder: TempDir,
    pub clock: Arc<StillClock>,
    pub doings: Arc<Doings>,
    destinations: BTreeMap<DestinationName, Connected>,
    routes: Vec<Vec<Step>>,
    hub: Option<Hub>,
}

struct Hub {
    engine: Arc<Engine>,
    stop: signal::Sender<bool>,
    run: JoinHandle<()>,
    store: Weak<SqliteStore>,
}

/// A time as people write it, with its offset.
pub fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

pub const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

pub const fn hours(hours: u64) -> Duration {
    minutes(60 * hours)
}

/// A destination for all tenants, with the policy that holds where the configuration says nothing.
pub fn destination(name: &str) -> Destination {
    let tenants = TENANTS.into_iter().map(|name| name.parse().unwrap()).collect();
    Destination { tenants, ..Destination::new(name.parse().unwrap()) }
}

/// The same without breaker and ramp, where a test looks at something else.
pub fn steady(name: &str) -> Destination {
    Destination { breaker: None, ramp: None, ..destination(name) }
}

/// A step whose document is the data as they came.
pub fn step(name: &str, destination: &str) -> Step {
    Step {
        name: name.parse().unwrap(),
        destination: destination.to_owned(),
        test_destination: None,
        mapping: None,
        document: None,
        with: vec![],
        params: BTreeMap::new(),
        seal: None,
        ordered: false,
        after: Vec::new(),
        on: On::default(),
        when: None,
        attachments: false,
        expiry: None,
    }
}

impl World {
    /// Nothing runs yet.
    pub fn at(now: &str) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: StillClock::at(at(now)),
            doings: Arc::default(),
            destinations: BTreeMap::new(),
            routes: Vec::new(),
            hub: None,
        }
    }

    /// A world with one destination `amt`, a route with one step to it, and the hub running.
    pub async fn with(now: &str, policy: Destination) -> (Self, Arc<Office>) {
        let mut world = Self::at(now);
        let step = step("schritt", policy.name.as_str());
        let office = world.office(policy);
        world.route([step]);
        world.start().await;
        (world, office)
    }

    /// Adds a destination that records.
    pub fn office(&mut self, policy: Destination) -> Arc<Office> {
        let office = Office::open(&self.clock, &self.doings);
        self.connect(policy, Arc::clone(&office) as _);
        office
    }

    /// Adds a destination.
    pub fn connect(&mut self, destination: Destination, target: Arc<dyn Target>) {
        self.destinations.insert(destination.name.clone(), Connected { destination, target });
    }

    /// Adds a route. The first one takes letters without a word on their route.
    pub fn route(&mut self, steps: impl Into<Vec<Step>>) {
        self.routes.push(steps.into());
    }

    /// Starts the hub on what is there.
    pub async fn start(&mut self) {
        self.doings.forget_claims();
        let (engine, store) = self.open().await;
        engine.recover().await.unwrap();
        let (stop, stopping) = signal::channel(false);
        let run = tokio::spawn(Arc::clone(&engine).run(stopping));
        self.hub = Some(Hub { engine, stop, run, store });
        self.rest().await;
    }

    async fn open(&self) -> (Arc<Engine>, Weak<SqliteStore>) {
        let path = |name| self.folder.path().join(name);
        let vault = Arc::new(KeyFolder::open(&path("keys"), &HubKey::from_bytes([7; 32])).unwrap());
        let store =
            SqliteStore::open(&path("data"), Arc::clone(&vault) as _, StoreOptions::default()).unwrap();
        let watched = Arc::new(Watched { store: Arc::clone(&store), doings: Arc::clone(&self.doings) });
        let weak = Arc::downgrade(&store);
        let ports = Ports {
            outbox: Arc::clone(&watched) as _,
            records: Arc::clone(&watched) as _,
            commands: watched,
            blobs: Arc::clone(&store) as _,
            audit: Arc::clone(&store) as _,
            versions: store.clone(),
            configurations: store,
            vault,
            clock: Arc::clone(&self.clock) as _,
            receipts: Arc::new(NoReceipts),
        };
        (Engine::start(ports, self.catalog()).await.unwrap(), weak)
    }

    /// Activates what the destinations and routes are now.
    pub async fn activate(&self) {
        self.engine().activate(self.catalog()).await.unwrap();
        self.rest().await;
    }

    /// Asks the hub to stop: what is under way may end.
    pub async fn ask_to_stop(&self) {
        self.hub.as_ref().unwrap().stop.send_replace(true);
        self.rest().await;
    }

    /// Stops the hub.
    pub async fn stop(&mut self) {
        self.ask_to_stop().await;
        let hub = self.hub.take().unwrap();
        hub.run.await.unwrap();
        drop(hub.engine);
        closed(&hub.store).await;
    }

    /// Ends it as a crash would.
    pub async fn crash(&mut self) {
        let hub = self.hub.take().unwrap();
        hub.run.abort();
        assert!(hub.run.await.unwrap_err().is_cancelled());
        drop(hub.engine);
        closed(&hub.store).await;
    }

    pub fn engine(&self) -> &Arc<Engine> {
        &self.hub.as_ref().unwrap().engine
    }

    /// Whether the chained history is whole.
    pub async fn verify_history(&self) {
        let store = self.hub.as_ref().unwrap().store.upgrade().unwrap();
        assert!(store.verify_chain().await.unwrap() > 0);
    }

    /// Changes the policy of a destination, or what its target is. To be activated.
    pub fn change(&mut self, destination: &str, change: impl FnOnce(&mut Destination)) {
        change(&mut self.destinations.get_mut(destination).unwrap().destination);
    }

    /// Changes the steps of the first route. To be activated.
    pub fn change_steps(&mut self, change: impl FnMut(&mut Step)) {
        self.routes[0].iter_mut().for_each(change);
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns when the engine has come to rest: nothing happens any more unless time passes.
    pub async fn rest(&self) {
        let rest = tokio::time::timeout(PATIENCE, async {
            loop {
                self.doings.quiet().await;
                let before = (self.doings.happened(), self.clock.slept());
                for _ in 0..TURNS {
                    tokio::task::yield_now().await;
                }
                if before == (self.doings.happened(), self.clock.slept()) {
                    return;
                }
            }
        });
        rest.await.expect("the engine does not come to rest");
    }

    /// Time passes from one event to the next, up to this moment.
    pub async fn until(&self, end: Timestamp) {
        self.rest().await;
        loop {
            let left = Duration::try_from(end.duration_since(self.now())).unwrap_or_default();
            match self.clock.next() {
                Some(next) if next <= left => self.clock.advance(next),
                _ => break self.clock.advance(left),
            }
            self.rest().await;
        }
        self.rest().await;
    }

    pub async fn pass(&self, time: Duration) {
        self.until(self.now() + time).await;
    }

    /// Time passes in leaps, where nobody cares what happens when.
    pub async fn leap(&self, time: Duration, step: Duration) {
        self.leap_until(self.now() + time, step).await;
    }

    pub async fn leap_until(&self, end: Timestamp, step: Duration) {
        while self.now() < end {
            let left = Duration::try_from(end.duration_since(self.now())).unwrap_or_default();
            self.clock.advance(left.min(step));
            self.rest().await;
        }
    }

    /// Somebody puts the clock.
    pub async fn put_clock(&self, to: Timestamp) {
        self.clock.put(to);
        self.rest().await;
    }

    fn catalog(&self) -> Catalog {
        let tenants = TENANTS.into_iter().zip(1..).map(|(name, number)| {
            let areas = vec![format!("{number:02}*").parse().unwrap()];
            (
                name.parse().unwrap(),
                Tenant { name: name.parse().unwrap(), title: name.to_owned(), areas, stage: Stage::Live },
            )
        });
        let routes = self.routes.iter().enumerate().map(|(number, steps)| {
            let name: rohrpost_model::RouteName = format!("route-{number}").parse().unwrap();
            let matches = Match {
                kinds: BTreeSet::new(),
                services: BTreeSet::from([service(number)]),
                area: "*".parse().unwrap(),
            };
            let (special, testing) = (BTreeMap::new(), BTreeSet::new());
            let steps = steps.clone();
            let (tenants, amendments) = (all_tenants(), None);
            (name.clone(), Route { name, tenants, matches, steps, special, testing, amendments })
        });
        let portal = portal();
        Catalog {
            tenants: tenants.collect(),
            clients: BTreeMap::from([(portal.name.clone(), portal)]),
            routes: routes.collect(),
            destinations: self.destinations.clone(),
            mappings: BTreeMap::new(),
            seals: BTreeMap::new(),
            responsibilities: rohrpost_model::responsibility::Responsibilities::default(),
            limits: Limits::default(),
        }
    }
}

/// The service that a route takes.
fn service(route: usize) -> ServiceKey {
    format!("9912800{route:07}").parse().unwrap()
}

fn all_tenants() -> BTreeSet<TenantName> {
    TENANTS.into_iter().map(|name| name.parse().unwrap()).collect()
}

/// Who hands everything in, and operates.
fn portal() -> Client {
    let grant = Grant {
        tenants: all_tenants(),
        roles: BTreeSet::from([Role::Submit, Role::Operate]),
        services: BTreeSet::new(),
    };
    Client { name: "portal".parse().unwrap(), tokens: Vec::new(), grants: vec![grant] }
}

/// Returns when the store has given its folder free.
async fn closed(store: &Weak<SqliteStore>) {
    let closing = async {
        while store.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, closing).await.expect("somebody holds the store");
}

struct NoReceipts;

impl ReceiptSigner for NoReceipts {
    fn sign(&self, _: Statement, _: &[u8]) -> Result<String, SealFault> {
        Ok("kein.beleg.hier".to_owned())
    }
}
