use super::names::{Naming, Unit};
use super::print::{Print, PrintSettings};
use crate::settings::Places;
use crate::template::{Place, Template};
use rohrpost_model::Fault;
use toml::Spanned;

const NAME: &str = "{received-at:%Y%m%dT%H%M%SZ}_{case}_{delivery-id}";

impl Naming {
    /// Checks how units are to be named: the settings `name`, `document-name` and `unit` of an adapter.
    pub fn configured(
        name: Option<&Spanned<String>>,
        document: Option<&Spanned<String>>,
        unit: Unit,
        places: &Places<'_>,
    ) -> Result<Self, Vec<Fault>> {
        let default = Spanned::new(0..0, NAME.to_owned());
        let name = name.unwrap_or(&default);
        let template = Template::configured(name, Place::FileName, places).map_err(|fault| vec![fault])?;
        let documents = document.map(|name| Template::configured(name, Place::DocumentName, places));
        let documents = documents.transpose().map_err(|fault| vec![fault])?;
        let mut faults = Vec::new();
        if let (Some(template), Some(name)) = (&documents, document) {
            faults.extend(document_faults(template, name, places));
        }
        if !template.names("delivery-id") {
            let fault = places.fault_at(name, "the placeholder {delivery-id} is missing");
            faults.push(fault.hint("it keeps two deliveries from having the same name"));
        }
        faults.extend(no_file_name(name, places));
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self { template, document: documents, unit, print: None })
    }

    /// The same for a print service, where the setting `print` says so.
    pub fn printing(self, print: Option<&PrintSettings>, places: &Places<'_>) -> Result<Self, Vec<Fault>> {
        let print = print.map(|print| Print::configured(print, places)).transpose()?;
        Ok(Self { print, ..self })
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
