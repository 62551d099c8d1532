//! `sources/*.toml`: places outside that the hub fetches from, each with its adapter and the table that belongs to the
//! adapter.

use super::clients::ClientDraft;
use super::destinations::{Surroundings, named_adapter};
use super::files::name_or_stem;
use super::reader::{Faults, Placed, Source as File, Table};
use super::references::Known;
use rohrpost_gateway::Fetching;
use rohrpost_kit::SourceAdapter;
use rohrpost_kit::correlation::{self, Answers};
use rohrpost_kit::settings::Duration as Length;
use rohrpost_model::client::Role;
use rohrpost_model::ports::Source;
use rohrpost_model::{ClientName, MappingName, SourceName};
use std::sync::Arc;
use std::time::Duration;

/// Keys of a source that are not an adapter's table.
const OWN: [&str; 6] = ["name", "adapter", "client", "interval", "timeout", correlation::TABLE];

/// The pause between two rounds where a source does not say it.
const INTERVAL: Duration = Duration::from_secs(60);

/// The longest that a round may take where a source does not say it.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// The longest of both.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A source as written, and what it fetches from if that is clear.
pub struct SourceDraft {
    /// Its name.
    pub name: Placed<SourceName>,
    adapter: Option<&'static str>,
    client: Option<Placed<ClientName>>,
    interval: Duration,
    timeout: Duration,
    answers: Option<Named>,
    source: Option<Arc<dyn Source>>,
}

impl SourceDraft {
    /// Reads one file, the adapter's table included.
    pub fn read(file: &File, surroundings: &Surroundings<'_>, faults: &Faults) -> Option<Self> {
        let tree = file.parse(faults);
        let table = Table::whole(file, &tree, faults);
        let name = name_or_stem(file, &table);
        let adapter = named_adapter(&table, surroundings.adapters.sources, |adapter| adapter.kind());
        let client = table.must("client").text();
        let (interval, timeout) = (length(&table, "interval", INTERVAL), length(&table, "timeout", TIMEOUT));
        // A table of an adapter that is not known is not another fault.
        let keys = tree.get_ref().keys().map(|key| key.get_ref().as_ref());
        let left: Vec<&str> = match adapter {
            Some(adapter) => vec![adapter.kind(), correlation::TABLE],
            None => keys.filter(|key| !OWN.contains(key)).collect(),
        };
        table.end(&left);
        let answers = adapter.and_then(|adapter| answers_of(adapter, surroundings, file, faults));
        let source = adapter.and_then(|adapter| configured(adapter, surroundings, file, faults));
        let adapter = adapter.map(SourceAdapter::kind);
        Some(Self { name: name?, adapter, client, interval, timeout, answers, source })
    }

    /// Checks that its client is there and may hand in, and that what its answers name is there.
    pub fn check(&self, known: &Known, clients: &[ClientDraft], faults: &Faults) {
        self.answers.iter().for_each(|named| named.check(known, faults));
        let Some(client) = &self.client else { return };
        known.clients.check(client, faults);
        let found = clients.iter().find(|draft| draft.name.value == client.value);
        if found.is_some_and(|draft| !draft.has_role(&[Role::Submit])) {
            let fault = client.at.fault(format!("the client `{}` may not hand in", **client));
            faults.note(fault.hint(format!("give it the role submit in clients/{}.toml", **client)));
        }
    }

    /// What is fetched from; `None` where something is not clear, which has been noted.
    pub fn build(self) -> Option<(SourceName, Fetching)> {
        let fetching = Fetching {
            adapter: self.adapter?,
            client: self.client?.value,
            interval: self.interval,
            timeout: self.timeout,
            source: self.source?,
        };
        Some((self.name.value, fetching))
    }
}

/// What the table of answers names.
struct Named {
    mapping: Option<Placed<MappingName>>,
    system: Option<Placed<String>>,
}

impl Named {
    fn check(&self, known: &Known, faults: &Faults) {
        if let Some(mapping) = &self.mapping {
            known.mappings.check(mapping, faults);
        }
        let Some(system) = &self.system else { return };
        if !known.clients.has(system) && !known.destinations.has(system) {
            let fault = system.at.fault(format!("`{}` is neither a destination nor a client", **system));
            faults.note(fault.hint("name the one that gave the identifier"));
        }
    }
}

/// What makes answers of what it fetches, where they are answers.
fn answers_of(
    adapter: &dyn SourceAdapter,
    surroundings: &Surroundings<'_>,
    file: &File,
    faults: &Faults,
) -> Option<Named> {
    let answers = Answers::read(&surroundings.source(file)?);
    let answers = answers.map_err(|found| faults.extend(found)).ok()??;
    if !adapter.takes_answers() {
        let kind = adapter.kind();
        let fault = file.place().fault(format!("a source of the adapter {kind} has no table [answers]"));
        faults.note(fault.hint("take the table out"));
    }
    Some(Named {
        mapping: answers.mapping.map(|mapping| file.placed(&mapping)),
        system: answers.system.map(|system| file.placed(&system)),
    })
}

fn configured(
    adapter: &dyn SourceAdapter,
    surroundings: &Surroundings<'_>,
    file: &File,
    faults: &Faults,
) -> Option<Arc<dyn Source>> {
    let configured = adapter.configure(&surroundings.source(file)?);
    configured.map_err(|found| faults.extend(found)).ok()
}

fn length(table: &Table<'_>, key: &'static str, usual: Duration) -> Duration {
    let Some(length) = table.may(key).text::<Length>() else { return usual };
    if length.get() < Duration::from_secs(1) || length.get() > LONGEST {
        let fault = length.at.fault(format!("`{key}` is from a second to a day"));
        table.faults().note(fault.hint("write it like 30s, 1m or 1h"));
    }
    length.get()
}
