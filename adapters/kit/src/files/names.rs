use super::print::Print;
use crate::template::{Further, Template, attachment_name, extension, file_name};
use rohrpost_model::document::Enclosed;
use rohrpost_model::ports::{Attached, Parcel};
use rohrpost_model::{DocumentName, Failure, Reason, ReasonCode};
use std::collections::{BTreeMap, BTreeSet};

/// The longest file name that usual file systems allow, in bytes.
const NAME_MAX: usize = 255;
/// What the base may take of it, so that something is left for the attachments' own names.
const BASE_MAX: usize = 200;

/// How the files of a unit lie together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Beside each other; the sidecar comes last.
    #[default]
    Flat,
    /// In a folder of their own that appears in one step.
    Subfolder,
}

/// How units are named.
pub struct Naming {
    /// What a unit is called.
    pub template: Template,
    /// What documents that go along are called; without one after the unit.
    pub document: Option<Template>,
    /// How its files lie together.
    pub unit: Unit,
    /// Where units are for a print service.
    pub print: Option<Print>,
}

/// The names of one unit. The same for every attempt of a delivery.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub base: String,
    pub unit: Unit,
    /// The files of documents that go along, by their names.
    documents: BTreeMap<DocumentName, String>,
    /// The control file, where there is one in the place of the sidecar.
    control: Option<String>,
    /// The file that a unit of a print service is called by.
    printed: Option<String>,
}

impl Naming {
    pub(super) fn of(&self, parcel: &Parcel<'_>) -> Result<Names, Failure> {
        let base = self.template.fill(parcel)?;
        let base = file_name(&base, usize::MAX);
        if base.len() > BASE_MAX {
            return Err(misconfigured("name"));
        }
        let documents = parcel.enclosed.iter().map(|enclosed| {
            let file = self.document(parcel, &base, enclosed)?;
            Ok((enclosed.name.clone(), file))
        });
        let documents = documents.collect::<Result<_, Failure>>()?;
        let control = self.print.as_ref().map(|print| print.file(&base));
        let mut names = Names { base, unit: self.unit, documents, control, printed: None };
        if let Some(print) = &self.print {
            names.printed = print.parts(&names, parcel)?.into_iter().next().map(|part| part.file);
        }
        if names.are_unique(parcel) { Ok(names) } else { Err(misconfigured(DOCUMENT_NAME)) }
    }

    fn document(&self, parcel: &Parcel<'_>, base: &str, enclosed: &Enclosed) -> Result<String, Failure> {
        let further = Further { document: Some(&enclosed.name), ..Further::default() };
        let name = match &self.document {
            Some(template) => file_name(&template.fill_with(parcel, further)?, usize::MAX),
            None => format!("{base}_{}", enclosed.name),
        };
        let name = format!("{name}.{}", extension(&enclosed.media_type));
        if name.len() > NAME_MAX { Err(misconfigured(DOCUMENT_NAME)) } else { Ok(name) }
    }
}

/// The setting for what documents that go along are called.
pub(super) const DOCUMENT_NAME: &str = "document-name";

fn misconfigured(field: &str) -> Failure {
    Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", field))
}

impl Names {
    pub fn message(&self, media_type: &str) -> String {
        format!("{}.{}", self.base, extension(media_type))
    }

    pub fn signature(&self) -> String {
        format!("{}.p7s", self.base)
    }

    /// The file of a document that goes along.
    pub fn document(&self, name: &DocumentName) -> String {
        self.documents.get(name).cloned().unwrap_or_default()
    }

    /// Whether no document that goes along is called like another file of the unit.
    fn are_unique(&self, parcel: &Parcel<'_>) -> bool {
        let own = [self.message(parcel.media_type), self.signature(), self.sidecar()];
        let attachments = parcel.attachments.iter().map(|attached| self.attachment(attached));
        let mut seen: BTreeSet<String> = own.into_iter().chain(attachments).collect();
        self.documents.values().all(|file| seen.insert(file.clone()))
    }

    pub fn attachment(&self, attached: &Attached) -> String {
        let start = format!("{}_anlage{}", self.base, attached.number);
        match attached.file_name.as_ref().or(attached.name.as_ref()) {
            None => format!("{start}.{}", extension(&attached.media_type)),
            Some(_) => {
                format!("{start}_{}", file_name(&attachment_name(attached), NAME_MAX - start.len() - 1))
            }
        }
    }

    /// What comes last.
    pub fn sidecar(&self) -> String {
        self.control.clone().unwrap_or_else(|| format!("{}.meta.json", self.base))
    }

    /// What a unit is called by whose control file is there: no other delivery's has this name.
    pub fn printed(&self) -> Option<String> {
        self.printed.clone()
    }
}
