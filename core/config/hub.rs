//! `hub.toml`: what the hub itself needs.

use super::files::read_named;
use super::reader::{Entry, Faults, Place, Placed, Source, Table};
use openssl::pkey::PKey;
use openssl::x509::X509;
use rohrpost_kit::settings::{ByteSize, Duration, SecretRef, Secrets};
use rohrpost_model::SealName;
use rohrpost_model::limits::Limits;
use rohrpost_seal::{HubKey, parse_hub_key};
use secrecy::{ExposeSecret, SecretString};
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
    /// The library of mappings.
    pub mappings: PathBuf,
    /// The key that wraps all others.
    pub hub_key: HubKey,
    /// Where the REST API is served.
    pub api: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` are served, without log-in.
    pub operations: SocketAddr,
    /// Certificate and key of the API; `None` on loopback only.
    pub tls: Option<Tls>,
    /// What a sender may hand in at most.
    pub limits: Limits,
    /// How the log is written.
    pub log: Log,
}

/// Certificate chain and key of the API.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The chain in PEM, the hub's own certificate first.
    pub certificate: Vec<u8>,
    /// The private key in PEM.
    pub key: SecretString,
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
    demo: bool,
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
    log: Log,
}

impl HubDraft {
    /// Reads `hub.toml`. `now` judges the certificate.
    pub fn read(source: &Source, folder: &Path, secrets: &dyn Secrets, faults: &Faults) -> Self {
        let tree = source.parse(faults);
        let table = Table::whole(source, &tree, faults);
        let path = |key| table.must(key).text::<PathBuf>();
        let demo = table.may("demo").flag().is_some_and(|demo| demo.value);
        let (data, keys, mappings) = (path("data"), path("keys"), path("mappings"));
        let hub_key = table.must("hub-key").secret().and_then(|key| read_hub_key(&key, secrets, faults));
        let receipt_seal = table.must("receipt-seal").text();
        let listen = read_listen(table.must("listen").table(), demo, folder, secrets);
        let limits = read_limits(table.may("limits").table());
        let log = read_log(table.may("log").table());
        table.end(&[]);
        let (data, keys) = (data.map(|data| data.value), keys.map(|keys| keys.value));
        let Listen { api, operations, tls } = listen;
        Self { demo, data, keys, mappings, hub_key, receipt_seal, api, operations, tls, limits, log }
    }

    /// The settings, with paths that start where the process does. `None` where something is missing, which has been
    /// noted.
    pub fn build(self, folder: &Path) -> Option<Hub> {
        Some(Hub {
            demo: self.demo,
            data: folder.join(self.data?),
            keys: folder.join(self.keys?),
            mappings: folder.join(self.mappings?.value),
            hub_key: self.hub_key?,
            api: self.api?,
            operations: self.operations?,
            tls: self.tls,
            limits: self.limits,
            log: self.log,
        })
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

fn read_listen(table: Table<'_>, demo: bool, folder: &Path, secrets: &dyn Secrets) -> Listen {
    let (api, operations) = (table.must("api").text(), table.must("operations").text());
    let encrypted = table.may("tls");
    let faults = table.faults();
    if let Some(address) = &api {
        check_address(address, demo, encrypted.is_there(), faults);
    }
    if let Some(address) = &operations {
        check_operations(address, faults);
    }
    let tls = if encrypted.is_there() { read_tls(encrypted, folder, secrets) } else { None };
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

fn read_tls(entry: Entry<'_>, folder: &Path, secrets: &dyn Secrets) -> Option<Tls> {
    let table = entry.table();
    let faults = table.faults();
    let (path, key) = (table.must("certificate").text::<PathBuf>(), table.must("key").secret());
    let at = path.as_ref().map_or_else(|| table.place().clone(), |path| path.at.clone());
    table.end(&[]);
    let certificate = read_named(folder, &path?, faults);
    let key = key.and_then(|key| {
        let resolved = key.resolve(secrets);
        resolved.map_err(|message| faults.note(key.at.fault(message))).ok()
    });
    let tls = Tls { certificate: certificate?, key: key? };
    check_tls(&tls, &at, faults);
    Some(tls)
}

fn check_tls(tls: &Tls, at: &Place, faults: &Faults) {
    let chain = X509::stack_from_pem(&tls.certificate).unwrap_or_default();
    // The callback keeps the library from asking for a password on the terminal.
    let key = PKey::private_key_from_pem_callback(tls.key.expose_secret().as_bytes(), |_| Ok(0));
    let fault = match (chain.first(), key) {
        (None, _) => at
            .fault("the file holds no certificate in PEM")
            .hint("give the chain in PEM, the hub's own first"),
        (_, Err(_)) => at.fault("the key of [listen.tls] is no private key in PEM without password"),
        (Some(leaf), Ok(key)) if !leaf.public_key().is_ok_and(|public| public.public_eq(&key)) => at
            .fault("the first certificate does not belong to the key")
            .hint("put the hub's own certificate first"),
        _ => return,
    };
    faults.note(fault);
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
