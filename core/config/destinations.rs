//! `destinations/*.toml`: the foreign systems, each with its adapter and the table that belongs to the adapter.

mod hours;
mod policy;

use super::clients::ClientDraft;
use super::files::name_of;
use super::reader::{Faults, Placed, Source, Table};
use super::references::Known;
use policy::Policy;
use rohrpost_kit::settings::{Secrets, nearest};
use rohrpost_kit::{Adapter, AdapterSource, InboundAdapter, SourceAdapter};
use rohrpost_model::client::Role;
use rohrpost_model::destination::Destination;
use rohrpost_model::ports::{Clock, Target};
use rohrpost_model::{DestinationName, TenantName};
use std::path::Path;
use std::sync::Arc;
use toml::de::DeTable;

/// Keys of a destination that are not an adapter's table, beside those of its policy.
const OWN: [&str; 3] = ["name", "tenants", "adapter"];

/// A destination as written, and how to talk to it if that is clear.
pub struct DestinationDraft {
    /// Its name.
    pub name: Placed<DestinationName>,
    /// Whose submissions may reach it.
    pub tenants: Vec<Placed<TenantName>>,
    /// Its adapter's kind.
    pub adapter: Option<&'static str>,
    policy: Policy,
    target: Option<Arc<dyn Target>>,
}

/// Every adapter that a hub knows.
#[derive(Clone, Copy)]
pub struct Adapters<'a> {
    /// Those that talk to foreign systems.
    pub outbound: &'a [&'a dyn Adapter],
    /// Those that foreign systems talk to.
    pub inbound: &'a [&'a dyn InboundAdapter],
    /// Those that fetch.
    pub sources: &'a [&'a dyn SourceAdapter],
}

/// What adapters are configured with.
pub struct Surroundings<'a> {
    /// All adapters that this hub knows.
    pub adapters: Adapters<'a>,
    /// Where relative paths start.
    pub folder: &'a Path,
    /// Fetches secrets.
    pub secrets: &'a dyn Secrets,
    /// The time.
    pub clock: &'a Arc<dyn Clock>,
}

impl DestinationDraft {
    /// Reads one file, the adapter's table included.
    pub fn read(source: &Source, surroundings: &Surroundings<'_>, faults: &Faults) -> Option<Self> {
        let tree = source.parse(faults);
        let table = Table::whole(source, &tree, faults);
        let name = name_of(source, &table);
        let tenants = table.must("tenants").some_texts("tenant");
        let policy = Policy::read(&table);
        let adapter = named_adapter(&table, surroundings.adapters.outbound, |adapter| adapter.kind());
        // A table of an adapter that is not known is not another fault.
        let left: Vec<&str> = match adapter {
            Some(adapter) => vec![adapter.kind()],
            None => tree
                .get_ref()
                .keys()
                .map(|key| key.get_ref().as_ref())
                .filter(|key| !OWN.contains(key) && !policy::KEYS.contains(key))
                .collect(),
        };
        table.end(&left);
        let target = adapter.and_then(|adapter| surroundings.configure(adapter, source, faults));
        Some(Self { name: name?, tenants, adapter: adapter.map(Adapter::kind), policy, target })
    }

    /// Checks what it names.
    pub fn check(&self, known: &Known, faults: &Faults) {
        for tenant in &self.tenants {
            known.tenants.check(tenant, faults);
        }
        if let Some(mapping) = self.target.as_ref().and_then(|target| target.answers_by()) {
            known.mappings.check(&Placed { value: mapping, at: self.name.at.clone() }, faults);
        }
    }

    /// Checks that the readers of a mailbox are there and may fetch something of it.
    pub fn check_readers(&self, clients: &[ClientDraft], faults: &Faults) {
        for reader in self.target.iter().filter_map(|target| target.readers()).flatten() {
            let client = clients.iter().find(|client| client.name.value == *reader);
            let (what, hint) = match client {
                None => (
                    format!("the reader `{reader}` is no client"),
                    nearest(reader.as_str(), clients.iter().map(|client| client.name.value.as_str()))
                        .map_or_else(
                            || "add a file to clients/".to_owned(),
                            |it| format!("did you mean `{it}`?"),
                        ),
                ),
                Some(client) if !client.fetches_for(&self.tenants) => (
                    format!(
                        "the reader `{reader}` may not fetch for any tenant of the mailbox `{}`",
                        *self.name
                    ),
                    format!("give it the role fetch for one of them in {}", client.name.at.file()),
                ),
                Some(_) => continue,
            };
            faults.note(self.name.at.fault(what).hint(hint));
        }
    }

    /// Checks that a target that hands in by itself does so in the name of a client that may.
    pub fn check_hands_in(&self, clients: &[ClientDraft], faults: &Faults) {
        let Some(name) = self.target.as_ref().and_then(|target| target.hands_in_as()) else { return };
        let client = clients.iter().find(|client| client.name.value == *name);
        let (what, hint) = match client {
            None => (format!("the client `{name}` is not there"), "add a file to clients/".to_owned()),
            Some(client) if !client.has_role(&[Role::Submit]) => (
                format!("the client `{name}` may not hand in"),
                format!("give it the role submit in {}", client.name.at.file()),
            ),
            Some(_) => return,
        };
        faults.note(self.name.at.fault(what).hint(hint));
    }

    /// Whether it lists the tenant (promise H7).
    pub fn serves(&self, tenant: &TenantName) -> bool {
        self.tenants.iter().any(|listed| listed.value == *tenant)
    }

    /// How it is talked to, if that is clear.
    pub fn target(&self) -> Option<&dyn Target> {
        self.target.as_deref()
    }

    /// Whether it has a place for documents that go along; `None` where that is not clear.
    pub fn takes_enclosed(&self) -> Option<bool> {
        self.target.as_ref().map(|target| target.takes_enclosed())
    }

    /// Whether it takes test submissions, and only those.
    pub fn is_test(&self) -> bool {
        self.policy.test
    }

    /// The noun and how to talk to it; `None` where that is not clear, which has been noted.
    pub fn build(self) -> Option<(Destination, &'static str, Arc<dyn Target>)> {
        let tenants = self.tenants.into_iter().map(|tenant| tenant.value).collect();
        let destination = self.policy.of(self.name.value, tenants);
        Some((destination, self.adapter?, self.target?))
    }
}

impl<'a> Surroundings<'a> {
    fn configure(&self, adapter: &dyn Adapter, source: &Source, faults: &Faults) -> Option<Arc<dyn Target>> {
        let configured = adapter.configure(&self.source(source)?);
        configured.map_err(|found| faults.extend(found)).ok()
    }

    /// What an adapter is configured from; `None` where the file is no TOML, which is a fault already.
    pub fn source<'s>(&'s self, source: &'s Source) -> Option<AdapterSource<'s>> {
        DeTable::parse(&source.text).ok()?;
        let (folder, secrets, clock) = (self.folder, self.secrets, self.clock.clone());
        Some(AdapterSource { file: &source.name, text: &source.text, folder, secrets, clock })
    }
}

/// The adapter that a table names, out of all that there are.
pub fn named_adapter<A: Copy>(table: &Table<'_>, all: &[A], kind: fn(A) -> &'static str) -> Option<A> {
    let word = table.must("adapter").text::<String>()?;
    let found = all.iter().copied().find(|adapter| kind(*adapter) == word.value);
    if found.is_none() {
        let kinds: Vec<_> = all.iter().map(|adapter| kind(*adapter)).collect();
        let known = kinds.join(", ");
        let hint = match nearest(&word, kinds) {
            Some(meant) => format!("did you mean `{meant}`? Known adapters: {known}"),
            None if known.is_empty() => "there is no adapter of this kind in this version".to_owned(),
            None => format!("known adapters: {known}"),
        };
        table.faults().note(word.at.fault(format!("unknown adapter `{}`", *word)).hint(hint));
    }
    found
}

#[cfg(test)]
mod tests;
