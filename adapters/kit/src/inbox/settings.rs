//! What of a source's table is the inbox's.

use super::{Pattern, Rules, Whole, media_type};
use crate::adapter::{AdapterSource, Faults};
use crate::correlation::Answers;
use crate::intake::Usual;
use crate::settings::Duration;
use rohrpost_model::{Area, Fault, Kind, ServiceKey};
use serde::Deserialize;
use toml::Spanned;

const STABLE: std::time::Duration = std::time::Duration::from_secs(10);

/// The keys that the rules are read from. Where the folder is, the adapter's own keys say:
/// [`read_groups`](AdapterSource::read_groups).
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
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

impl Settings {
    /// Checks them.
    pub fn rules(self, source: &AdapterSource<'_>) -> Result<Rules, Vec<Fault>> {
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
