//! `listeners/*.toml`: where foreign systems talk to the hub in a protocol of theirs, each with its adapter and the table
//! that belongs to the adapter.

use super::clients::ClientDraft;
use super::destinations::{DestinationDraft, Surroundings, named_adapter};
use super::files::name_or_stem;
use super::reader::{Faults, Placed, Source, Table};
use super::references::Known;
use super::seals::{Form, KeyReading, SealDraft};
use super::tls::{Tls, read_mutual_tls};
use axum::http::HeaderName;
use rohrpost_gateway::Proxy;
use rohrpost_kit::InboundAdapter;
use rohrpost_kit::inbound::Inbound;
use rohrpost_model::client::Role;
use rohrpost_model::ports::{Seal, SealForm};
use rohrpost_model::{ClientName, DestinationName, ListenerName, Network, SealName};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Keys of a listener that are not an adapter's table.
const OWN: [&str; 7] = ["name", "adapter", "listen", "seal", "connections", "tls", "proxy"];

/// Connections held at one time where a listener does not say it.
const CONNECTIONS: u32 = 256;

/// A listener in use.
pub struct Listener {
    /// Its adapter's kind.
    pub adapter: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    /// Connections held at one time.
    pub connections: usize,
    /// Certificate and key; without them it listens on loopback, or for named proxies.
    pub tls: Option<Tls>,
    /// Proxies that are believed which certificate they have seen.
    pub proxies: Vec<Proxy>,
    /// What it serves.
    pub inbound: Arc<dyn Inbound>,
    /// Signs what the endpoint attests.
    pub seal: Option<Arc<dyn Seal>>,
}

/// A listener as written, and what it serves if that is clear.
pub struct ListenerDraft {
    /// Its name.
    pub name: Placed<ListenerName>,
    adapter: Option<&'static str>,
    /// Where it listens.
    pub listen: Option<Placed<SocketAddr>>,
    seal: Option<Placed<SealName>>,
    connections: u32,
    encrypted: bool,
    tls: Option<Tls>,
    proxies: Vec<ProxyDraft>,
    named: Named,
    inbound: Option<Arc<dyn Inbound>>,
}

struct ProxyDraft {
    network: Placed<Network>,
    header: HeaderName,
}

/// What the adapter's table names.
#[derive(Default)]
struct Named {
    clients: Vec<Placed<ClientName>>,
    mailboxes: Vec<(Placed<DestinationName>, ClientName)>,
    seal: Option<SealForm>,
}

impl Named {
    fn of(inbound: &dyn Inbound, source: &Source) -> Self {
        let names = inbound.names();
        Self {
            clients: names.clients.iter().map(|client| source.placed(client)).collect(),
            mailboxes: names
                .mailboxes
                .iter()
                .map(|(mailbox, reader)| (source.placed(mailbox), (*reader).clone()))
                .collect(),
            seal: names.seal,
        }
    }
}

impl ListenerDraft {
    /// Reads one file, the adapter's table included.
    pub fn read(
        source: &Source,
        surroundings: &Surroundings<'_>,
        reading: &KeyReading<'_>,
        faults: &Faults,
    ) -> Option<Self> {
        let tree = source.parse(faults);
        let table = Table::whole(source, &tree, faults);
        let name = name_or_stem(source, &table);
        let adapter = named_adapter(&table, surroundings.adapters.inbound, |adapter| adapter.kind());
        let (listen, seal) = (table.must("listen").text(), table.may("seal").text());
        let connections = table.may("connections").number(1..=10_000).map_or(CONNECTIONS, |it| it.value);
        let encrypted = table.may("tls");
        let tls = encrypted.is_there().then(|| read_mutual_tls(encrypted, reading)).flatten();
        let proxies = read_proxies(&table);
        // A table of an adapter that is not known is not another fault.
        let keys = tree.get_ref().keys().map(|key| key.get_ref().as_ref());
        let left: Vec<&str> = match adapter {
            Some(adapter) => vec![adapter.kind()],
            None => keys.filter(|key| !OWN.contains(key)).collect(),
        };
        table.end(&left);
        let inbound = adapter.and_then(|adapter| configured(adapter, surroundings, source, faults));
        let named = inbound.as_ref().map(|inbound| Named::of(inbound.as_ref(), source));
        Some(Self {
            name: name?,
            adapter: adapter.map(InboundAdapter::kind),
            listen,
            seal,
            connections,
            encrypted: encrypted.is_there(),
            tls,
            proxies,
            named: named.unwrap_or_default(),
            inbound,
        })
    }

    /// The listener; `None` where something is not clear, which has been noted.
    pub fn build(self, seals: &BTreeMap<SealName, Arc<dyn Seal>>) -> Option<(ListenerName, Listener)> {
        let proxy = |it: ProxyDraft| Proxy { network: it.network.value, header: it.header };
        let listener = Listener {
            adapter: self.adapter?,
            address: self.listen?.value,
            connections: usize::try_from(self.connections).ok()?,
            tls: self.tls,
            proxies: self.proxies.into_iter().map(proxy).collect(),
            inbound: self.inbound?,
            seal: self.seal.and_then(|seal| seals.get(&seal.value).cloned()),
        };
        Some((self.name.value, listener))
    }

    /// Checks what it names, and who may connect where nothing is encrypted.
    pub fn check(&self, others: &Others<'_>, faults: &Faults) {
        self.check_open(others.demo, faults);
        self.check_proxies(faults);
        self.check_seal(others, faults);
        self.named.clients.iter().for_each(|client| others.check_client(client, faults));
        for (mailbox, reader) in &self.named.mailboxes {
            others.check_mailbox(mailbox, reader, faults);
        }
    }

    fn check_open(&self, demo: bool, faults: &Faults) {
        let Some(listen) = self.listen.as_ref().filter(|listen| !listen.ip().to_canonical().is_loopback())
        else {
            return;
        };
        let (shown, loopback) = (**listen, format!("127.0.0.1:{}", listen.port()));
        if demo {
            let what = format!("a demo configuration serves loopback addresses only, and {shown} is not one");
            let hint = format!("use {loopback}, or set demo = false and bring your own secrets");
            faults.note(listen.at.fault(what).hint(hint));
        } else if !self.encrypted && self.proxies.is_empty() {
            let what = format!("plain HTTP is served on loopback addresses only, and {shown} is not one");
            let hint = format!(
                "add [tls] with certificate and key, name as [[proxy]] who ends TLS in front of it, or use {loopback}"
            );
            faults.note(listen.at.fault(what).hint(hint));
        }
    }

    /// Whose header is read must be clear.
    fn check_proxies(&self, faults: &Faults) {
        for (index, proxy) in self.proxies.iter().enumerate() {
            let (network, before) = (&proxy.network, &self.proxies[..index]);
            if let Some(other) = before.iter().find(|other| other.network.overlaps(&network.value)) {
                let fault = network
                    .at
                    .fault(format!("`{}` has addresses of the proxy at {}", **network, other.network.at));
                faults.note(fault.hint("each address belongs to one proxy"));
            }
        }
    }

    fn check_seal(&self, others: &Others<'_>, faults: &Faults) {
        let Some(seal) = &self.seal else { return };
        others.known.seals.check(seal, faults);
        let found = others.seals.iter().find(|draft| draft.name.value == seal.value);
        let fault = match (found.and_then(|draft| draft.form), self.named.seal) {
            (Some(Form::Receipt), _) => format!("the seal `{}` is a JWS, which signs receipts only", **seal),
            (Some(Form::Document(form)), Some(wanted)) if form != wanted => {
                format!("the seal `{}` has a form that this adapter cannot sign with", **seal)
            }
            _ => return,
        };
        faults.note(seal.at.fault(fault).hint(format!("name a seal of the form {}", right(self.named.seal))));
    }
}

/// Which forms of seal may be named.
const fn right(wanted: Option<SealForm>) -> &'static str {
    match wanted {
        None => "xml-dsig or cms",
        Some(SealForm::XmlDsig) => "xml-dsig",
        Some(SealForm::Cms) => "cms",
    }
}

fn configured(
    adapter: &dyn InboundAdapter,
    surroundings: &Surroundings<'_>,
    source: &Source,
    faults: &Faults,
) -> Option<Arc<dyn Inbound>> {
    let configured = adapter.configure(&surroundings.source(source)?);
    configured.map_err(|found| faults.extend(found)).ok()
}

fn read_proxies(table: &Table<'_>) -> Vec<ProxyDraft> {
    let read = |table: Table<'_>| {
        let (network, header) = (table.must("address").text(), table.must("header").text::<HeaderName>());
        table.end(&[]);
        Some(ProxyDraft { network: network?, header: header?.value })
    };
    table.may("proxy").tables().into_iter().filter_map(read).collect()
}

/// What listeners are checked against.
pub struct Others<'a> {
    /// All names.
    pub known: &'a Known,
    /// Whether the configuration is a demo.
    pub demo: bool,
    /// Clients that could be read.
    pub clients: &'a [ClientDraft],
    /// Destinations that could be read.
    pub destinations: &'a [DestinationDraft],
    /// Seals that could be read.
    pub seals: &'a [SealDraft],
}

impl Others<'_> {
    fn check_client(&self, client: &Placed<ClientName>, faults: &Faults) {
        self.known.clients.check(client, faults);
        let found = self.clients.iter().find(|draft| draft.name.value == client.value);
        if found.is_some_and(|draft| !draft.has_role(&[Role::Submit, Role::Fetch])) {
            let what = format!("the client `{}` may neither hand in nor fetch", **client);
            let hint = format!("give it the role submit or fetch in clients/{}.toml", **client);
            faults.note(client.at.fault(what).hint(hint));
        }
    }

    fn check_mailbox(&self, mailbox: &Placed<DestinationName>, reader: &ClientName, faults: &Faults) {
        if !self.known.destinations.check(mailbox, faults) {
            return;
        }
        let found = self.destinations.iter().find(|draft| draft.name.value == mailbox.value);
        let Some(target) = found.and_then(DestinationDraft::target) else { return };
        let file = format!("destinations/{}.toml", **mailbox);
        match target.readers() {
            None => {
                let fault = mailbox.at.fault(format!("the destination `{}` is no mailbox", **mailbox));
                faults.note(fault.hint("name one whose messages wait for a reader"));
            }
            Some(readers) if !readers.contains(reader) => {
                let what = format!("the client `{reader}` is no reader of the mailbox `{}`", **mailbox);
                faults.note(mailbox.at.fault(what).hint(format!("add it to the readers in {file}")));
            }
            Some(_) => {}
        }
    }
}

/// Notes addresses that two listeners, or a listener and the hub itself, want to have. `taken` are the hub's own with
/// their names.
pub fn check_addresses(taken: &[(SocketAddr, &str)], listeners: &[ListenerDraft], faults: &Faults) {
    let own = taken.iter().map(|(address, name)| (*address, format!("`{name}` in hub.toml")));
    let mut all: Vec<(SocketAddr, String)> = own.collect();
    for listen in listeners.iter().filter_map(|listener| listener.listen.as_ref()) {
        if let Some((_, other)) = all.iter().find(|(address, _)| collide(address, listen)) {
            let fault = listen.at.fault(format!("{} is the address of {other}, too", **listen));
            faults.note(fault.hint("give each a port of its own"));
        }
        all.push((listen.value, listen.at.to_string()));
    }
}

fn collide(one: &SocketAddr, other: &SocketAddr) -> bool {
    let same = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    same && one.port() == other.port() && one.port() != 0
}

#[cfg(test)]
mod tests;
