use crate::names::{Naming, Unit};
use rohrpost_kit::AdapterSource;
use rohrpost_kit::settings::Places;
use rohrpost_kit::template::{Place, Template};
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
}

const NAME: &str = "{received-at:%Y%m%dT%H%M%SZ}_{case}_{delivery-id}";

pub(crate) fn read(source: &AdapterSource<'_>, kind: &str) -> Result<(PathBuf, Naming), Vec<Fault>> {
    let settings: Settings = source.read(kind)?;
    let name = settings.name.unwrap_or_else(|| Spanned::new(0..0, NAME.to_owned()));
    let places = source.places();
    let template = Template::configured(&name, Place::FileName, &places).map_err(|fault| vec![fault])?;
    let document = settings.document_name.as_ref();
    let document = document.map(|name| Template::configured(name, Place::DocumentName, &places)).transpose();
    let document = document.map_err(|fault| vec![fault])?;
    let mut faults = Vec::new();
    if let (Some(template), Some(name)) = (&document, &settings.document_name) {
        faults.extend(document_faults(template, name, &places));
    }
    if !template.names("delivery-id") {
        let fault = places.fault_at(&name, "the placeholder {delivery-id} is missing");
        faults.push(fault.hint("it keeps two deliveries from having the same name"));
    }
    faults.extend(no_file_name(&name, &places));
    if settings.path.get_ref().as_os_str().is_empty() {
        faults.push(places.fault_at(&settings.path, "the path is empty"));
    }
    if faults.is_empty() {
        Ok((source.path(settings.path.get_ref()), Naming { template, document, unit: settings.unit }))
    } else {
        Err(faults)
    }
}

fn no_file_name(name: &Spanned<String>, places: &Places<'_>) -> Option<Fault> {
    let wrong = name.get_ref().contains(['/', '\\']) || name.get_ref().starts_with('.');
    wrong.then(|| places.fault_at(name, "a name has no slash in it and does not begin with a dot"))
}

fn document_faults(template: &Template, name: &Spanned<String>, places: &Places<'_>) -> Vec<Fault> {
    let missing =
        ["delivery-id", "document"].into_iter().filter(|wanted| !template.names(wanted)).map(|wanted| {
            places
                .fault_at(name, format!("the placeholder {{{wanted}}} is missing"))
                .hint("both keep two documents from having the same name: {delivery-id}, {document}")
        });
    missing.chain(no_file_name(name, places)).collect()
}
