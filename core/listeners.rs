//! Listeners of inbound adapters while the hub runs: opened at the start, and given their endpoints anew by every
//! configuration.

use crate::config;
use crate::faults::Stop;
use rohrpost_engine::Engine;
use rohrpost_engine::catalog::Catalog;
use rohrpost_gateway::{
    AllFetching, Door, Endpoint, Gateway, Listener, Settings, TlsFault, TlsIdentity, serve_endpoint,
};
use rohrpost_kit::inbound::Hub;
use rohrpost_model::ports::{Clock, Desk};
use rohrpost_model::{Fault, ListenerName};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The listeners of a configuration.
pub type Configured = BTreeMap<ListenerName, config::Listener>;

/// What endpoints may ask of the hub.
#[derive(Clone)]
pub struct House {
    /// Takes in what they are handed.
    pub gateway: Arc<Gateway>,
    /// Holds the mailboxes.
    pub engine: Arc<Engine>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl House {
    fn endpoint(&self, listener: &config::Listener) -> Endpoint {
        let routes = listener.inbound.routes(Hub {
            desk: Arc::clone(&self.gateway) as _,
            mailbox: Arc::clone(&self.engine) as _,
            clock: Arc::clone(&self.clock),
            seal: listener.seal.clone(),
        });
        Endpoint::new(routes, listener.proxies.clone())
    }
}

/// Shows the desk to targets that hand in by themselves.
pub fn introduce(gateway: &Arc<Gateway>, catalog: &Catalog) {
    let desk = Arc::clone(gateway) as Arc<dyn Desk>;
    catalog.destinations.values().for_each(|connected| connected.target.meet(&desk));
}

fn identity(listener: &config::Listener) -> Result<Option<TlsIdentity>, TlsFault> {
    listener.tls.as_ref().map(config::Tls::identity).transpose()
}

/// Listeners that are open and not served yet.
pub struct Opened {
    sockets: Vec<(ListenerName, Listener, Arc<Door>, Settings)>,
}

impl Opened {
    /// Opens all of them, or none.
    pub async fn open(listeners: &Configured, house: &House) -> Result<Self, Stop> {
        let mut sockets = Vec::new();
        for (name, listener) in listeners {
            let failed =
                |fault: &dyn std::fmt::Display| Stop::Failed(format!("listeners/{name}.toml: {fault}"));
            let tls = identity(listener).map_err(|fault| failed(&fault))?;
            let door = Door::new(house.endpoint(listener), tls);
            let socket = door.listen(listener.address).await.map_err(|fault| failed(&fault))?;
            let settings = Settings { connections: listener.connections, ..Settings::default() };
            sockets.push((name.clone(), socket, door, settings));
        }
        Ok(Self { sockets })
    }

    /// Where they listen.
    pub fn addresses(&self) -> BTreeMap<ListenerName, SocketAddr> {
        self.sockets.iter().map(|(name, socket, ..)| (name.clone(), socket.address())).collect()
    }

    /// Their doors. What they open to holds the gateway, and the gateway's activation holds these: so that the store is
    /// closed at the end, they hold nothing.
    pub fn doors(&self, house: &House) -> Doors {
        let doors = self.sockets.iter().map(|(name, _, door, _)| (name.clone(), Arc::downgrade(door)));
        Doors {
            doors: doors.collect(),
            gateway: Arc::downgrade(&house.gateway),
            engine: Arc::downgrade(&house.engine),
            clock: Arc::clone(&house.clock),
        }
    }

    /// Serves them until `stop` turns true.
    pub fn serve(self, tasks: &mut JoinSet<()>, stop: &watch::Receiver<bool>) {
        for (_, socket, door, settings) in self.sockets {
            tasks.spawn(serve_endpoint(socket, door, settings, stop.clone()));
        }
    }
}

/// The doors of a hub that runs.
pub struct Doors {
    doors: BTreeMap<ListenerName, Weak<Door>>,
    gateway: Weak<Gateway>,
    engine: Weak<Engine>,
    clock: Arc<dyn Clock>,
}

/// What doors open to, and what is fetched from, once a configuration is active.
pub struct Prepared {
    doors: Vec<(Arc<Door>, Endpoint, Option<TlsIdentity>)>,
    sources: Option<(Arc<Gateway>, AllFetching)>,
}

impl Doors {
    /// Shows the desk to targets of a configuration that hand in by themselves.
    pub fn introduce(&self, catalog: &Catalog) {
        self.gateway.upgrade().iter().for_each(|gateway| introduce(gateway, catalog));
    }

    /// Makes ready what a configuration says of sources, and of listeners that are open. What it says of other listeners
    /// needs a restart.
    pub fn prepare(&self, listeners: &Configured, sources: AllFetching) -> Result<Prepared, Vec<Fault>> {
        let mut prepared = Vec::new();
        // Where these are gone, the hub is ending.
        let (Some(gateway), Some(engine)) = (self.gateway.upgrade(), self.engine.upgrade()) else {
            return Ok(Prepared { doors: prepared, sources: None });
        };
        let sources = Some((Arc::clone(&gateway), sources));
        let house = House { gateway, engine, clock: Arc::clone(&self.clock) };
        for (name, listener) in listeners {
            let Some(door) = self.doors.get(name).and_then(Weak::upgrade) else { continue };
            let wrong =
                |fault: TlsFault| vec![Fault::of_file(format!("listeners/{name}.toml"), fault.to_string())];
            prepared.push((door, house.endpoint(listener), identity(listener).map_err(wrong)?));
        }
        Ok(Prepared { doors: prepared, sources })
    }
}

impl Prepared {
    /// Has it served from the next request on.
    pub fn adopt(self) {
        for (door, endpoint, tls) in self.doors {
            door.adopt(endpoint, tls.as_ref());
        }
        if let Some((gateway, sources)) = self.sources {
            gateway.sources().adopt(sources);
        }
    }
}
