//! A folder with the configuration of the bench, and the processes on it.

use super::Arguments;
use super::measure::{Kind, Measured, Under, measure};
use super::process::{Serving, output, own};
use crate::Result;
use crate::load;
use std::cell::Cell;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Documents that hub and bare loop send at one time, as `bench/config/destinations` says it.
const CONCURRENCY: usize = 16;

const AREA: &str = "159990000000";

/// What is done with a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Variant {
    /// Mapping only.
    Plain,
    /// Schema in, mapping, schema out, ECDSA seal.
    Full,
}

impl Variant {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Plain, Self::Full];

    /// The name of its route, mapping and destination.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Full => "full",
        }
    }

    /// For people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Plain => "Mapping only",
            Self::Full => "XSD in and out, ECDSA P-256 seal",
        }
    }

    fn service(self) -> &'static str {
        match self {
            Self::Plain => "99999000000001",
            Self::Full => "99999000000002",
        }
    }
}

/// A folder of one part of the run. Removed when it is dropped.
pub(crate) struct Setup {
    folder: PathBuf,
    hub: PathBuf,
    beside: Option<PathBuf>,
    bench: PathBuf,
    mappings: PathBuf,
    sink: Serving,
    sink_address: SocketAddr,
    loads: Cell<usize>,
}

impl Setup {
    /// Makes the folder and starts the sink.
    pub(crate) fn make(arguments: &Arguments, name: &str) -> Result<Self> {
        let folder = arguments.folder.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let folder = folder.canonicalize()?;
        let sink = Serving::start(own("sink")?, &folder.join("sink.log"))?;
        let sink_address = sink.said.parse()?;
        let mappings = arguments.bench.join("mappings").canonicalize()?;
        let hub = arguments.hub.canonicalize().map_err(|_| "no hub: cargo build --release first")?;
        let beside = arguments.beside.as_ref().map(|path| path.canonicalize()).transpose()?;
        let bench = arguments.bench.canonicalize()?;
        Ok(Self { folder, hub, beside, bench, mappings, sink, sink_address, loads: Cell::new(0) })
    }

    /// Starts the hub on what is in the folder.
    pub(crate) fn start_hub(&self) -> Result<Under> {
        self.start(&self.hub, Kind::Hub, &self.folder)
    }

    /// Starts what the hub is compared with: the bare loop, or another hub in a folder of its own.
    pub(crate) fn start_beside(&self, variant: Variant) -> Result<Under> {
        match &self.beside {
            Some(other) => self.start(other, Kind::OtherHub, &self.folder.join("beside")),
            None => self.start_bare(variant),
        }
    }

    fn start(&self, program: &Path, kind: Kind, folder: &Path) -> Result<Under> {
        copy(&self.bench.join("config"), &folder.join("config"), &|text| {
            let text = text.replace("@SINK@", &self.sink.said);
            text.replace("@MAPPINGS@", &self.mappings.display().to_string())
        })?;
        let mut command = Command::new(program);
        command.arg("--config").arg(folder.join("config")).args(["--json", "serve"]);
        let token = folder.join("config/secrets/portal.token");
        let serving = Serving::start(command, &folder.join("hub.log"))?;
        let said: serde_json::Value = serde_json::from_str(&serving.said)?;
        let address = |name: &str| -> Result<SocketAddr> {
            Ok(said[name].as_str().ok_or("the hub does not say where it is")?.parse()?)
        };
        Ok(Under { kind, token, address: address("api")?, counters: address("operations")?, serving })
    }

    fn start_bare(&self, variant: Variant) -> Result<Under> {
        let folder = self.folder.join("bare");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let mut command = own("bare")?;
        command.arg("--folder").arg(&folder).arg("--sink").arg(&self.sink.said);
        command.arg("--mapping").arg(self.mappings.join(variant.name()));
        command.arg("--concurrency").arg(CONCURRENCY.to_string());
        if variant == Variant::Full {
            let secrets = self.folder.join("config/secrets");
            command.arg("--key").arg(secrets.join("siegel.key"));
            command.arg("--certificate").arg(secrets.join("siegel.pem"));
        }
        let serving = Serving::start(command, &self.folder.join("bare.log"))?;
        let address = serving.said.parse()?;
        let token = self.folder.join("config/secrets/portal.token");
        Ok(Under { kind: Kind::Bare, token, address, counters: address, serving })
    }

    /// Hands in so many submissions and waits until the last is delivered.
    pub(crate) fn load(
        &self,
        under: &Under,
        variant: Variant,
        senders: usize,
        count: usize,
        rate: Option<f64>,
    ) -> Result<Measured> {
        let number = self.loads.get();
        self.loads.set(number + 1);
        let load = load::Arguments {
            address: under.address,
            token: under.token.clone(),
            service: variant.service().into(),
            area: AREA.into(),
            senders,
            count,
            seconds: 120.0,
            rate,
            prefix: format!("bench-{number}"),
            acknowledged: self.folder.join("acknowledged"),
        };
        measure(under, &self.sink, self.sink_address, &load)
    }

    /// Fills the store; the hub must not run. What the filler says.
    pub(crate) fn fill(&self, finished: usize, waiting: usize) -> Result<String> {
        let mut command = own("fill")?;
        command.arg("--folder").arg(&self.folder);
        command.arg("--finished").arg(finished.to_string()).arg("--waiting").arg(waiting.to_string());
        output(command)
    }

    /// Medians of the questions for the next work, in microseconds: claim, next due.
    pub(crate) fn look(&self) -> Result<(f64, f64)> {
        let mut command = own("look")?;
        command.arg("--folder").arg(&self.folder);
        let said: serde_json::Value = serde_json::from_str(&output(command)?)?;
        let number = |name: &str| said[name].as_f64().ok_or("no number");
        Ok((number("claim")?, number("next_due")?))
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        // Only room on the disk is lost if it stays.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn copy(from: &Path, to: &Path, change: &dyn Fn(&str) -> String) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to, change)?;
        } else {
            fs::write(to, change(&fs::read_to_string(path)?))?;
        }
    }
    Ok(())
}
