//! A source: files that others drop into a folder (a hotfolder). The rules are the kit's
//! ([`inbox`](rohrpost_kit::inbox)); here is the folder.

mod local;

use crate::advice;
use crate::disk::RealDisk;
use async_trait::async_trait;
use local::Local;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::correlation::Answers;
use rohrpost_kit::files::{self, Disk};
use rohrpost_kit::inbox::{Inbox, Pattern, Rules, Whole, media_type};
use rohrpost_kit::intake::Usual;
use rohrpost_kit::settings::Duration;
use rohrpost_kit::{AdapterSource, SourceAdapter};
use rohrpost_model::ports::{Clock, Desk, Probe, Round, Source};
use rohrpost_model::{Area, ClientName, Failure, Fault, Kind, ServiceKey};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use toml::Spanned;

/// The adapter of kind `folder` for sources.
pub struct Hotfolder;

impl SourceAdapter for Hotfolder {
    fn kind(&self) -> &'static str {
        "folder"
    }

    fn example(&self) -> &'static str {
        include_str!("source.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("source.json")
    }

    fn takes_answers(&self) -> bool {
        true
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Source>, Vec<Fault>> {
        Ok(Arc::new(Dropped::configure(source)?))
    }
}

/// The table `[folder]` of a source.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    /// The folder; relative to the configuration. It must exist.
    path: Spanned<PathBuf>,
    /// The extension of data files, without its dot.
    #[serde(default = "default_extension")]
    extension: Spanned<String>,
    /// Their media type; without it the extension says it.
    media_type: Option<String>,
    /// A unit is whole when it has not changed for so long.
    stable: Option<Spanned<Duration>>,
    /// A unit is whole when `NAME.ready` is there.
    #[serde(default)]
    ready: bool,
    /// What the names of files say.
    name: Option<Spanned<String>>,
    /// The service, area and kind of units that do not say it.
    service: Option<ServiceKey>,
    area: Option<Area>,
    kind: Option<Kind>,
    /// All units are tests.
    #[serde(default)]
    test: bool,
    /// What becomes of files that are kept here.
    #[serde(default)]
    done: Done,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    /// They go to the folder `done`.
    #[default]
    Keep,
    /// They are deleted.
    Delete,
}

fn default_extension() -> Spanned<String> {
    Spanned::new(0..0, "xml".to_owned())
}

const STABLE: std::time::Duration = std::time::Duration::from_secs(10);

impl Settings {
    fn rules(self, source: &AdapterSource<'_>) -> Result<Rules, Vec<Fault>> {
        let (mut faults, places) = (Faults::default(), source.places());
        let extension = self.extension.get_ref();
        if extension.is_empty() || !extension.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let fault = places.fault_at(&self.extension, "this is no extension of a file");
            faults.push(fault.hint("write it without a dot, like xml"));
        }
        let whole = match &self.stable {
            Some(stable) if self.ready => {
                let fault = places.fault_at(stable, "with ready = true nothing has to be stable");
                faults.push(fault.hint("leave one of the two out"));
                Whole::Ready
            }
            _ if self.ready => Whole::Ready,
            stable => Whole::Stable(stable.as_ref().map_or(STABLE, |stable| stable.get_ref().get())),
        };
        let pattern = self.name.as_ref().map(|name| Pattern::configured(name, &places)).transpose();
        let pattern = faults.note(pattern);
        let named = || media_type(&format!("x.{extension}")).to_owned();
        let media_type = self.media_type.unwrap_or_else(named);
        let extension = extension.clone();
        let (service, area, kind, test) = (self.service, self.area, self.kind, self.test);
        // What is wrong with that table is told by whoever reads the file.
        let answers = Answers::read(source).unwrap_or_default();
        let usual = Usual { service, area, kind, test, answers };
        let delete = self.done == Done::Delete;
        faults.finish(pattern.map(|pattern| Rules { extension, media_type, whole, pattern, usual, delete }))
    }
}

/// A folder that others drop files into.
struct Dropped {
    inbox: Inbox,
    path: PathBuf,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
}

impl Dropped {
    fn configure(source: &AdapterSource<'_>) -> Result<Self, Vec<Fault>> {
        let settings: Settings = source.read("folder")?;
        if settings.path.get_ref().as_os_str().is_empty() {
            return Err(vec![source.places().fault_at(&settings.path, "the path is empty")]);
        }
        let path = source.path(settings.path.get_ref());
        let rules = settings.rules(source)?;
        let files = Arc::new(Local::new(path.clone()));
        let clock = Arc::clone(&source.clock);
        Ok(Self { inbox: Inbox::new(files, rules, clock.clone()), path, disk: Arc::new(RealDisk), clock })
    }
}

#[async_trait]
impl Source for Dropped {
    async fn round(&self, desk: &dyn Desk, client: &ClientName, round: &mut Round) -> Result<(), Failure> {
        self.inbox.round(desk, client, round).await
    }

    /// The hub moves files within the folder, so it needs of it what a destination needs.
    async fn probe(&self, probe: &mut Probe) {
        files::plan_probe(&self.path, probe);
        files::probe(&self.disk, &self.path, self.clock.now(), advice, probe).await;
    }
}
