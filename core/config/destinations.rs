//! `destinations/*.toml`: the foreign systems, each with its adapter and the table that belongs to the adapter.

use super::files::name_of;
use super::reader::{Faults, Placed, Source, Table};
use super::references::Known;
use rohrpost_kit::settings::{Duration, Secrets, nearest};
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::destination::{Destination, OnUnknown, Retry};
use rohrpost_model::ports::{Clock, Target};
use rohrpost_model::{DestinationName, TenantName};
use std::path::Path;
use std::sync::Arc;
use toml::de::DeTable;

const CONCURRENCY: u32 = 4;
const TIMEOUT: Duration = Duration::from_secs(60);
const RETRY_FIRST: Duration = Duration::from_secs(30);
const RETRY_CAP: Duration = Duration::from_secs(3600);

/// Keys of a destination that are not an adapter's table.
const RESERVED: [&str; 8] =
    ["name", "tenants", "adapter", "stage", "concurrency", "timeout", "unknown", "retry"];

/// A destination as written, and how to talk to it if that is clear.
pub struct DestinationDraft {
    /// Its name.
    pub name: Placed<DestinationName>,
    /// Whose submissions may reach it.
    pub tenants: Vec<Placed<TenantName>>,
    /// Its adapter's kind.
    pub adapter: Option<&'static str>,
    settings: Settings,
    target: Option<Arc<dyn Target>>,
}

/// What a destination's own keys say.
struct Settings {
    test: bool,
    concurrency: u16,
    timeout: Duration,
    retry: Retry,
    unknown: OnUnknown,
}

/// What adapters are configured with.
pub struct Surroundings<'a> {
    /// All adapters that this hub knows.
    pub adapters: &'a [&'a dyn Adapter],
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
        let settings = read_settings(&table);
        let adapter = surroundings.adapter(&table);
        // A table of an adapter that is not known is not another fault.
        let left: Vec<&str> = match adapter {
            Some(adapter) => vec![adapter.kind()],
            None => tree
                .get_ref()
                .keys()
                .map(|key| key.get_ref().as_ref())
                .filter(|key| !RESERVED.contains(key))
                .collect(),
        };
        table.end(&left);
        let target = adapter.and_then(|adapter| surroundings.configure(adapter, source, faults));
        Some(Self { name: name?, tenants, adapter: adapter.map(Adapter::kind), settings, target })
    }

    /// Checks what it names.
    pub fn check(&self, known: &Known, faults: &Faults) {
        for tenant in &self.tenants {
            known.tenants.check(tenant, faults);
        }
    }

    /// Whether it lists the tenant (promise H7).
    pub fn serves(&self, tenant: &TenantName) -> bool {
        self.tenants.iter().any(|listed| listed.value == *tenant)
    }

    /// The noun and how to talk to it; `None` where that is not clear, which has been noted.
    pub fn build(self) -> Option<(Destination, &'static str, Arc<dyn Target>)> {
        let settings = self.settings;
        let destination = Destination {
            tenants: self.tenants.into_iter().map(|tenant| tenant.value).collect(),
            test: settings.test,
            concurrency: settings.concurrency,
            timeout: settings.timeout.get(),
            retry: settings.retry,
            unknown: settings.unknown,
            ..Destination::new(self.name.value)
        };
        Some((destination, self.adapter?, self.target?))
    }
}

fn read_settings(table: &Table<'_>) -> Settings {
    let test = table.may("stage").word(&[("live", false), ("test", true)]);
    let concurrency = table.may("concurrency").number(1..=1000).map_or(CONCURRENCY, |number| number.value);
    let timeout = positive(table, "timeout", TIMEOUT);
    let unknown = table.may("unknown").word(&[("park", OnUnknown::Park), ("retry", OnUnknown::Retry)]);
    let retry = read_retry(table.may("retry").table());
    Settings {
        test: test.is_some_and(|test| test.value),
        concurrency: u16::try_from(concurrency).unwrap_or(u16::MAX),
        timeout,
        retry,
        unknown: unknown.map(|unknown| unknown.value).unwrap_or_default(),
    }
}

fn read_retry(table: Table<'_>) -> Retry {
    let first = positive(&table, "first", RETRY_FIRST);
    let cap = positive(&table, "cap", RETRY_CAP.max(first));
    if cap < first {
        let fault = table.place_of("cap").fault("the longest wait is shorter than the first one");
        table.faults().note(fault.hint("make `cap` at least as long as `first`"));
    }
    table.end(&[]);
    Retry { first: first.get(), cap: cap.get(), ..Retry::default() }
}

fn positive(table: &Table<'_>, key: &'static str, default: Duration) -> Duration {
    let Some(duration) = table.may(key).text::<Duration>() else { return default };
    if duration.get().is_zero() {
        table.faults().note(duration.at.fault(format!("`{key}` must be longer than nothing")));
    }
    duration.value
}

impl<'a> Surroundings<'a> {
    fn adapter(&self, table: &Table<'_>) -> Option<&'a dyn Adapter> {
        let kind = table.must("adapter").text::<String>()?;
        let found = self.adapters.iter().find(|adapter| adapter.kind() == kind.value);
        if found.is_none() {
            let kinds: Vec<_> = self.adapters.iter().map(|adapter| adapter.kind()).collect();
            let known = kinds.join(", ");
            let hint = match nearest(&kind, kinds) {
                Some(meant) => format!("did you mean `{meant}`? Known adapters: {known}"),
                None => format!("known adapters: {known}"),
            };
            table.faults().note(kind.at.fault(format!("unknown adapter `{}`", *kind)).hint(hint));
        }
        found.copied()
    }

    fn configure(&self, adapter: &dyn Adapter, source: &Source, faults: &Faults) -> Option<Arc<dyn Target>> {
        // A file that is no TOML has that fault already.
        DeTable::parse(&source.text).ok()?;
        let (folder, secrets) = (self.folder, self.secrets);
        let clock = self.clock.clone();
        let configured = adapter.configure(&AdapterSource {
            file: &source.name,
            text: &source.text,
            folder,
            secrets,
            clock,
        });
        configured.map_err(|found| faults.extend(found)).ok()
    }
}
