//! The configuration: read, checked whole, and ready to run. Nothing here opens a connection.
//!
//! | Step | Where |
//! |---|---|
//! | find and read the files, or take those of a version that was kept | [`files`], [`origin`] |
//! | read a file, noting every fault and going on | [`reader`] |
//! | each kind of item | [`hub`], [`audit`], [`tls`], [`tenants`], [`responsibilities`], [`clients`], [`destinations`], [`listeners`], [`sources`], [`seals`], [`routes`], [`mappings`] |
//! | what items have to do with each other | [`references`], [`crosscheck`] |
//! | secrets: those of the demo; which changed | [`demo`], [`secrets`] |
//! | what a route asks of a hub that it is handed over to | [`asks`] |
//! | what commands ask of hub.toml without loading the rest | [`glance`] |
//!
//! An item is read into a draft, which holds what could be read with its places; faults are noted on the way. Only when
//! there is no fault in any file are the drafts built into the nouns of the model.

mod asks;
mod audit;
mod clients;
mod crosscheck;
mod destinations;
mod files;
mod glance;
mod holes;
mod hub;
mod listeners;
mod made_secrets;
mod mapping_ref;
mod mappings;
mod origin;
mod overrides;
mod placeholders;
mod reader;
mod references;
mod responsibilities;
mod routes;
mod seals;
mod secrets;
mod sources;
mod tenants;
mod tls;

pub use asks::{RouteAsks, placeholders_in, route_asks};
pub use audit::Heads;
pub use destinations::Adapters;
pub use files::{Environment, FileSecrets, write_whole};
pub use glance::{
    LIBRARY, api_address, area_of, data_folder, heads_folder, is_demo, library_folder, names_of,
    route_mappings,
};
pub use hub::{Hub, Log};
pub use listeners::Listener;
pub use made_secrets::{SECRETS, demo_secrets, fresh_secrets};
pub use mapping_ref::MappingRef;
pub use mappings::{
    compile as compile_mapping, compile_bundle, find_mappings, read_bundle, that_name as mappings_that_name,
};
pub use origin::{Origin, Texts};
pub use placeholders::{Unfilled, fill};
pub use seals::file_signer;
pub use tls::Tls;

use crate::standards::read_shelf;
use clients::ClientDraft;
use crosscheck::World;
use destinations::{DestinationDraft, Surroundings};
use files::Files;
use holes::Whole;
use hub::HubDraft;
use listeners::{ListenerDraft, Others};
use mappings::Library;
use reader::{Faults, Placed, Source};
use references::{Known, Names, check_unique};
use responsibilities::LineDraft;
use rohrpost_engine::catalog::{Catalog, Connected};
use rohrpost_gateway::AllFetching;
use rohrpost_kit::settings::Secrets;
use rohrpost_model::ports::{Clock, ReceiptSigner};
use rohrpost_model::version::ConfigurationText;
use rohrpost_model::{DestinationName, Digest, Fault, ListenerName};
use routes::RouteDraft;
use seals::{Form, KeyReading, SealDraft, Signer};
use sources::SourceDraft;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tenants::TenantDraft;

/// A configuration without faults, ready to run.
pub struct Configuration {
    /// What the hub itself needs.
    pub hub: Hub,
    /// Tenants, clients, routes, destinations, mappings and seals, as the engine takes them.
    pub catalog: Catalog,
    /// Where foreign systems talk to the hub in protocols of theirs.
    pub listeners: BTreeMap<ListenerName, Listener>,
    /// Places that the hub fetches from.
    pub sources: AllFetching,
    /// Signs the receipts that senders get.
    pub receipts: Arc<dyn ReceiptSigner>,
    /// What is written. Its version names it by its content; secrets do not count.
    pub text: ConfigurationText,
    /// The folder of the library of mappings.
    pub library: PathBuf,
    /// Secrets, keys and certificates that it names, each with the digest of its content.
    pub named: BTreeMap<String, Digest>,
    /// The kind of each destination's adapter.
    pub adapters: BTreeMap<DestinationName, &'static str>,
    /// What it leaves open.
    pub warnings: Vec<Fault>,
}

/// Reads and checks everything, and returns **all** faults of all files, sorted by file, line and column. Keys and
/// certificates are judged at the clock's time. Places in faults are relative to `folder`.
pub fn load(
    folder: &Path,
    secrets: &dyn Secrets,
    adapters: Adapters<'_>,
    clock: &Arc<dyn Clock>,
) -> Result<Configuration, Vec<Fault>> {
    load_from(Origin::Folder, folder, secrets, adapters, clock)
}

/// The same of text that may come from elsewhere. What it names (secrets, keys, certificates) lies where `folder` says.
pub fn load_from(
    origin: Origin<'_>,
    folder: &Path,
    secrets: &dyn Secrets,
    adapters: Adapters<'_>,
    clock: &Arc<dyn Clock>,
) -> Result<Configuration, Vec<Fault>> {
    let faults = Faults::default();
    let draft = Draft::read(origin, &Surroundings { adapters, folder, secrets, clock }, &faults);
    draft.check(&faults);
    let found = faults.sorted();
    if !found.is_empty() {
        return Err(found);
    }
    // Whatever keeps a draft from being built has been noted, so this cannot fail without a fault.
    draft.build(folder).ok_or_else(|| vec![Fault::of_file("hub.toml", "the configuration is not complete")])
}

/// Secrets, keys and certificates that the configuration in `folder` names, each with the digest of its content.
pub fn named_in(folder: &Path, secrets: &dyn Secrets) -> BTreeMap<String, Digest> {
    secrets::named(&Files::read(folder, &Faults::default()), folder, secrets)
}

/// All that is written, as far as it can be read.
struct Draft {
    known: Known,
    text: ConfigurationText,
    named: BTreeMap<String, Digest>,
    hub: Option<HubDraft>,
    tenants: Vec<TenantDraft>,
    clients: Vec<ClientDraft>,
    destinations: Vec<DestinationDraft>,
    listeners: Vec<ListenerDraft>,
    sources: Vec<SourceDraft>,
    seals: Vec<SealDraft>,
    routes: Vec<RouteDraft>,
    lines: Vec<LineDraft>,
    library: Library,
}

impl Draft {
    fn read(origin: Origin<'_>, surroundings: &Surroundings<'_>, faults: &Faults) -> Self {
        let Surroundings { folder, secrets, clock, .. } = *surroundings;
        let files = origin.files(folder, faults);
        let keys = KeyReading { folder, secrets, now: clock.now() };
        let hub = files.hub.as_ref().map(|source| HubDraft::read(source, &keys, faults));
        let tenants = each(&files.tenants, |source| TenantDraft::read(source, faults));
        let clients = each(&files.clients, |source| ClientDraft::read(source, secrets, faults));
        let destinations =
            each(&files.destinations, |source| DestinationDraft::read(source, surroundings, faults));
        let listeners =
            each(&files.listeners, |source| ListenerDraft::read(source, surroundings, &keys, faults));
        let sources = each(&files.sources, |source| SourceDraft::read(source, surroundings, faults));
        let seals = each(&files.seals, |source| SealDraft::read(source, &keys, faults));
        let routes = each(&files.routes, |source| RouteDraft::read(source, faults));
        let lines =
            files.responsibilities.iter().flat_map(|source| responsibilities::read(source, faults)).collect();
        let library = hub.as_ref().and_then(|hub| hub.mappings.as_ref());
        let (shelf, changed) = read_shelf(folder);
        faults.extend(changed);
        let library = library.and_then(|named| match origin {
            Origin::Folder => Library::of_hub(folder, named, &shelf, faults),
            Origin::Kept(texts) => Some(Library::of_kept(&texts.mappings, named, &shelf, faults)),
        });
        let mappings = match &library {
            Some(library) => Names::new("mapping", library.names()),
            None => Names::unread("mapping"),
        };
        let library = library.unwrap_or_default();
        let known = Known {
            tenants: names("tenant", &files.tenants, tenants.iter().map(|tenant| &tenant.name)),
            clients: names("client", &files.clients, clients.iter().map(|client| &client.name)),
            destinations: names(
                "destination",
                &files.destinations,
                destinations.iter().map(|draft| &draft.name),
            ),
            seals: names("seal", &files.seals, seals.iter().map(|seal| &seal.name)),
            mappings,
        };
        let text = text(&files, &library);
        let named = secrets::named(&files, folder, secrets);
        Self {
            known,
            text,
            named,
            hub,
            tenants,
            clients,
            destinations,
            listeners,
            sources,
            seals,
            routes,
            lines,
            library,
        }
    }

    fn check(&self, faults: &Faults) {
        check_unique("tenant", self.tenants.iter().map(|tenant| &tenant.name), faults);
        check_unique("client", self.clients.iter().map(|client| &client.name), faults);
        check_unique("destination", self.destinations.iter().map(|draft| &draft.name), faults);
        check_unique("seal", self.seals.iter().map(|seal| &seal.name), faults);
        check_unique("route", self.routes.iter().map(|route| &route.name), faults);
        tenants::check_overlaps(&self.tenants, faults);
        let named: BTreeSet<_> = self.lines.iter().map(|line| &line.tenant.value).collect();
        self.tenants
            .iter()
            .filter(|it| !named.contains(&it.name.value))
            .for_each(|it| it.check_areas(faults));
        self.lines.iter().for_each(|line| line.check(&self.known, faults));
        responsibilities::check_clashes(&self.lines, faults);
        clients::check_tokens(&self.clients, faults);
        self.clients.iter().for_each(|client| client.check(&self.known, faults));
        self.destinations.iter().for_each(|destination| destination.check(&self.known, faults));
        self.destinations.iter().for_each(|destination| destination.check_readers(&self.clients, faults));
        self.destinations.iter().for_each(|destination| destination.check_hands_in(&self.clients, faults));
        self.check_listeners(faults);
        self.sources.iter().for_each(|source| source.check(&self.known, &self.clients, faults));
        self.check_receipt_seal(faults);
        self.check_routes(faults);
    }

    fn check_listeners(&self, faults: &Faults) {
        let Self { known, hub, clients, destinations, seals, .. } = self;
        let demo = hub.as_ref().is_some_and(|hub| hub.demo);
        let others = Others { known, demo, clients, destinations, seals };
        self.listeners.iter().for_each(|listener| listener.check(&others, faults));
        let taken = hub.as_ref().map(HubDraft::addresses).unwrap_or_default();
        listeners::check_addresses(&taken, &self.listeners, faults);
    }

    fn check_receipt_seal(&self, faults: &Faults) {
        let Some(name) = self.hub.as_ref().and_then(|hub| hub.receipt_seal.as_ref()) else { return };
        self.known.seals.check(name, faults);
        let seal = self.seals.iter().find(|seal| seal.name.value == name.value);
        if let Some(Form::Document(_)) = seal.and_then(|seal| seal.form) {
            let fault = name.at.fault(format!("the seal `{}` does not sign receipts", **name));
            faults.note(fault.hint("name a seal of the form jws"));
        }
    }

    fn check_routes(&self, faults: &Faults) {
        let (destinations, seals, lines) = (&self.destinations, &self.seals, &self.lines);
        let media_type = |named: &MappingRef| self.library.media_type(named);
        let params = |name: &str| self.library.params(name);
        let tenants = self.tenants.iter().map(|tenant| (&tenant.name.value, tenant)).collect();
        let destinations = destinations.iter().map(|draft| (&draft.name.value, draft)).collect();
        let documents = |name: &str| self.library.documents(name);
        let (media_type, params, documents) = (&media_type, &params, &documents);
        let known = &self.known;
        let world = World { known, tenants, destinations, seals, lines, media_type, params, documents };
        self.routes.iter().for_each(|route| world.check_route(route, faults));
        crosscheck::check_ties(&self.routes, faults);
    }

    fn holes(&self) -> Vec<Fault> {
        let Self { tenants, clients, destinations, routes, lines, .. } = self;
        Whole { tenants, clients, destinations, routes, lines }.holes()
    }

    fn build(self, folder: &Path) -> Option<Configuration> {
        let warnings = self.holes();
        let draft = self.hub?;
        let receipt_seal = draft.receipt_seal.as_ref()?.value.clone();
        let library = folder.join(&draft.mappings.as_ref()?.value);
        let hub = draft.build(folder)?;
        let (mut destinations, mut adapters) = (BTreeMap::new(), BTreeMap::new());
        for draft in self.destinations {
            let (destination, kind, target) = draft.build()?;
            adapters.insert(destination.name.clone(), kind);
            destinations.insert(destination.name.clone(), Connected { destination, target });
        }
        let (mut seals, mut receipts) = (BTreeMap::new(), None);
        for seal in self.seals {
            match seal.signer? {
                Signer::Document(signer) => drop(seals.insert(seal.name.value, signer)),
                Signer::Receipt(signer) if seal.name.value == receipt_seal => receipts = Some(signer),
                Signer::Receipt(_) => {}
            }
        }
        let listeners =
            self.listeners.into_iter().map(|listener| listener.build(&seals)).collect::<Option<_>>()?;
        let sources = self.sources.into_iter().map(SourceDraft::build).collect::<Option<_>>()?;
        let clients = self.clients.into_iter().map(ClientDraft::build);
        let routes =
            self.routes.into_iter().map(|route| route.build(&self.tenants)).collect::<Option<Vec<_>>>()?;
        let tenants = self.tenants.iter().map(TenantDraft::build);
        let catalog = Catalog {
            tenants: tenants.map(|tenant| (tenant.name.clone(), tenant)).collect(),
            clients: clients.map(|client| (client.name.clone(), client)).collect(),
            routes: routes.into_iter().map(|route| (route.name.clone(), route)).collect(),
            destinations,
            mappings: self.library.build(),
            seals,
            responsibilities: responsibilities::build(&self.lines),
            limits: hub.limits,
        };
        Some(Configuration {
            hub,
            catalog,
            listeners,
            sources,
            receipts: receipts?,
            text: self.text,
            library,
            named: self.named,
            adapters,
            warnings,
        })
    }
}

fn text(files: &Files, library: &Library) -> ConfigurationText {
    let files = files.all().map(|source| (source.name.to_string(), source.text.clone()));
    let mappings = library.versions().map(|(name, digest)| (name.clone(), digest));
    ConfigurationText { files: files.collect(), mappings: mappings.collect() }
}

fn each<T>(sources: &[Source], read: impl Fn(&Source) -> Option<T>) -> Vec<T> {
    sources.iter().filter_map(read).collect()
}

/// What may be referred to: what items call themselves, and what their files are called, so that a fault in an item is
/// not a fault in all that refer to it.
fn names<'n, N: Display + 'n>(
    kind: &'static str,
    sources: &[Source],
    given: impl Iterator<Item = &'n Placed<N>>,
) -> Names {
    let stems = sources.iter().map(|source| source.stem().to_owned());
    Names::new(kind, stems.chain(given.map(|name| name.value.to_string())))
}
