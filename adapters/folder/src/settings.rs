use rohrpost_kit::AdapterSource;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::files::{Folder, Naming, PrintSettings, Unit};
use rohrpost_model::Fault;
use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;

/// The table `[folder]` of a destination.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The folder; relative to the configuration. It must exist.
    path: Spanned<PathBuf>,
    /// The template of the unit's name; `{delivery-id}` must be in it.
    name: Option<Spanned<String>>,
    /// The template of what documents that go along are called; `{delivery-id}` and `{document}` must be in it.
    #[serde(rename = "document-name")]
    document_name: Option<Spanned<String>>,
    /// How the files of a unit lie together.
    #[serde(default)]
    unit: Unit,
    /// Where it is a print service's folder.
    print: Option<PrintSettings>,
}

pub(crate) fn read(source: &AdapterSource<'_>, kind: &str) -> Result<Folder, Vec<Fault>> {
    let settings: Settings = source.read(kind)?;
    let places = source.places();
    let naming =
        Naming::configured(settings.name.as_ref(), settings.document_name.as_ref(), settings.unit, &places);
    let mut faults = Faults::default();
    let naming = faults.note(naming.and_then(|naming| naming.printing(settings.print.as_ref(), &places)));
    if settings.path.get_ref().as_os_str().is_empty() {
        faults.push(places.fault_at(&settings.path, "the path is empty"));
    }
    let path = source.path(settings.path.get_ref());
    faults.finish(naming.map(|naming| Folder::new(path, naming, source.clock.clone())))
}
