//! `hub.toml`: what the hub itself needs.

use super::audit::Heads;
use super::reader::{Faults, Placed, Source, Table};
use super::seals::KeyReading;
use super::tls::{Tls, read_tls};
use rohrpost_kit::settings::{ByteSize, Duration, SecretRef, Secrets};
use rohrpost_model::SealName;
use rohrpost_model::limits::Limits;
use rohrpost_seal::{HubKey, parse_hub_key};
use secrecy::ExposeSecret;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What the hub itself needs, in use.
#[derive(Debug)]
pub struct Hub {
    /// The configuration makes its own secrets and is for trying out: only loopback addresses are served.
    pub demo: bool,
    /// The data directory.
    pub data: PathBuf,
    /// The folder of epoch keys.
    pub keys: PathBuf,
    /// The key that wraps all others.
    pub hub_key: HubKey,
    /// The seal that signs receipts.
    pub receipt_seal: SealName,
    /// Where the REST API is served.
    pub api: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` are served, without log-in.
    pub operations: SocketAddr,
    /// Certificate and key of the API; `None` on loopback only.
    pub tls: Option<Tls>,
    /// What a sender may hand in at most.
    pub limits: Limits,
    /// Where heads of the history are kept; `None` for nowhere.
    pub heads: Option<Heads>,
    /// How the log is written.
    pub log: Log,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// As JSON, one object per line; otherwise as text.
    pub json: bool,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: &'static str,
}

/// The hub as written.
pub struct HubDraft {
    /// Whether it is for trying out.
    pub demo: bool,
    data: Option<PathBuf>,
    keys: Option<PathBuf>,
    /// The library of mappings, relative to the configuration folder.
    pub mappings: Option<Placed<PathBuf>>,
    hub_key: Option<HubKey>,
    /// The seal that signs receipts.
    pub receipt_seal: Option<Placed<SealName>>,
    api: Option<SocketAddr>,
    operations: Option<SocketAddr>,
    tls: Option<Tls>,
    limits: Limits,
    heads: Option<Heads>,
    log: Log,
}

impl HubDraft {
    /// Where the hub itself listens, each with the key that says so.
    pub fn addresses(&self) -> Vec<(SocketAddr, &'static str)> {
        let (api, operations) = (self.api.map(|it| (it, "listen.api")), self.operations);
        api.into_iter().chain(operations.map(|it| (it, "listen.operations"))).collect()
    }

    /// Reads `hub.toml`, with its keys and certificate.
    pub fn read(source: &Source, reading: &KeyReading<'_>, faults: &Faults) -> Self {
        let tree = source.parse(faults);
        let table = Table::whole(source, &tree, faults);
        let path = |key| table.must(key).text::<PathBuf>();
        let demo = table.may("demo").flag().is_some_and(|demo| demo.value);
        let (data, keys, mappings) = (path("data"), path("keys"), path("mappings"));
        let hub_key =
            table.must("hub-key").secret().and_then(|key| read_hub_key(&key, reading.secrets, faults));
        let receipt_seal = table.must("receipt-seal").text();
        let listen = read_listen(table.must("listen").table(), demo, reading);
        check_apart(data.as_ref(), keys.as_ref(), faults);
        let limits = read_limits(table.may("limits").table());
        let heads = Heads::read(table.may("audit").table(), data.as_ref());
        let log = read_log(table.may("log").table());
        table.end(&[]);
        let (data, keys) = (data.map(|data| data.value), keys.map(|keys| keys.value));
        let Listen { api, operations, tls } = listen;
        Self { demo, data, keys, mappings, hub_key, receipt_seal, api, operations, tls, limits, heads, log }
    }

    /// The settings, with paths that start where the process does. `None` where something is missing, which has been
    /// noted.
    pub fn build(self, folder: &Path) -> Option<Hub> {
        Some(Hub {
            demo: self.demo,
            data: folder.join(self.data?),
            keys: folder.join(self.keys?),
            hub_key: self.hub_key?,
            receipt_seal: self.receipt_seal?.value,
            api: self.api?,
            operations: self.operations?,
            tls: self.tls,
            limits: self.limits,
            heads: self.heads.map(|heads| heads.below(folder)),
            log: self.log,
        })
    }
}

/// Who gets hold of the data, or of a backup of them, must not get the keys with them (promise H9).
fn check_apart(data: Option<&Placed<PathBuf>>, keys: Option<&Placed<PathBuf>>, faults: &Faults) {
    if let (Some(data), Some(keys)) = (data, keys)
        && keys.starts_with(&data.value)
    {
        let what = format!("the keys lie in the data directory, {}", data.display());
        faults.note(keys.at.fault(what).hint("name a folder apart from the data, and from their backups"));
    }
}

fn read_hub_key(key: &Placed<SecretRef>, secrets: &dyn Secrets, faults: &Faults) -> Option<HubKey> {
    let read = key.resolve(secrets).and_then(|text| parse_hub_key(text.expose_secret()));
    read.map_err(|message| faults.note(key.at.fault(message))).ok()
}

struct Listen {
    api: Option<SocketAddr>,
    operations: Option<SocketAddr>,
    tls: Option<Tls>,
}

fn read_listen(table: Table<'_>, demo: bool, reading: &KeyReading<'_>) -> Listen {
    let (api, operations) = (table.must("api").text(), table.must("operations").text());
    let encrypted = table.may("tls");
    let faults = table.faults();
    if let Some(address) = &api {
        check_address(address, demo, encrypted.is_there(), faults);
    }
    if let Some(address) = &operations {
        check_operations(address, faults);
    }
    let tls = if encrypted.is_there() { read_tls(encrypted, reading) } else { None };
    table.end(&[]);
    Listen { api: api.map(|api| api.value), operations: operations.map(|address| address.value), tls }
}

/// Only who sits at the machine may be served without TLS, or with the secrets of the demo.
fn check_address(address: &Placed<SocketAddr>, demo: bool, encrypted: bool, faults: &Faults) {
    let (shown, loopback) = (**address, format!("127.0.0.1:{}", address.port()));
    if address.ip().is_loopback() {
        return;
    }
    if demo {
        let what = format!("a demo configuration serves loopback addresses only, and {shown} is not one");
        let hint = format!("use {loopback}, or set demo = false and bring your own secrets");
        faults.note(address.at.fault(what).hint(hint));
    } else if !encrypted {
        let what = format!("plain HTTP is served on loopback addresses only, and {shown} is not one");
        faults.note(
            address
                .at
                .fault(what)
                .hint(format!("add [listen.tls] with certificate and key, or use {loopback}")),
        );
    }
}

/// Operations are always plain HTTP and without log-in.
fn check_operations(address: &Placed<SocketAddr>, faults: &Faults) {
    if !address.ip().is_loopback() {
        let what = format!("operations are served on loopback addresses only, and {} is not one", **address);
        let hint = format!(
            "use 127.0.0.1:{}; let a proxy or an agent on this machine carry the metrics on",
            address.port()
        );
        faults.note(address.at.fault(what).hint(hint));
    }
}

fn read_limits(table: Table<'_>) -> Limits {
    let standard = Limits::default();
    let size = |key, default| table.may(key).text::<ByteSize>().map_or(default, |size| size.get());
    let number = |key, range, default| table.may(key).number(range).map_or(default, |number| number.value);
    let limits = Limits {
        data_bytes: size("data", standard.data_bytes),
        attachment_bytes: size("attachment", standard.attachment_bytes),
        attachments: number("attachments", 0..=10_000, standard.attachments),
        depth: number("depth", 1..=256, standard.depth),
        receive: table.may("receive").text::<Duration>().map_or(standard.receive, |time| time.get()),
    };
    table.end(&[]);
    limits
}

fn read_log(table: Table<'_>) -> Log {
    let json = table.may("format").word(&[("text", false), ("json", true)]);
    let levels = ["error", "warn", "info", "debug", "trace"].map(|level| (level, level));
    let level = table.may("level").word(&levels);
    table.end(&[]);
    Log { json: json.is_some_and(|json| json.value), level: level.map_or("info", |level| level.value) }
}
