//! Units for a print service: PDFs that were looked at, and in the place of the sidecar a control file in the service's form.

use super::names::Names;
use super::sidecar::{self, Part, Role};
use crate::adapter::Faults;
use crate::pdf::Rules;
use crate::settings::Places;
use crate::template::{Format, Further, Place, Template};
use bytes::Bytes;
use rohrpost_model::ports::Parcel;
use rohrpost_model::{Failure, Fault, Reason, ReasonCode};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// The table `print` in an adapter's own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PrintSettings {
    /// What is printed.
    #[serde(default)]
    documents: Documents,
    control: ControlSettings,
    #[serde(default)]
    pdf: Rules,
}

/// How the control file is made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ControlSettings {
    extension: Spanned<String>,
    format: Format,
    head: Option<Spanned<String>>,
    line: Spanned<String>,
    foot: Option<Spanned<String>>,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Documents {
    /// The message.
    #[default]
    Message,
    /// Every attachment that is a PDF.
    Attachments,
}

/// What a print service gets.
pub struct Print {
    documents: Documents,
    rules: Rules,
    extension: String,
    head: Option<Template>,
    line: Template,
    foot: Option<Template>,
}

/// How many pages each file has.
pub(super) type Pages = BTreeMap<String, u32>;

impl Print {
    /// Checks the table.
    pub fn configured(settings: &PrintSettings, places: &Places<'_>) -> Result<Self, Vec<Fault>> {
        let (control, mut faults) = (&settings.control, Faults::default());
        let template = |setting: &Spanned<String>, place| Template::configured(setting, place, places);
        let around = Place::ControlAround(control.format);
        let head = faults.note(control.head.as_ref().map(|head| template(head, around)).transpose());
        let line = faults.note(template(&control.line, Place::Control(control.format)));
        let foot = faults.note(control.foot.as_ref().map(|foot| template(foot, around)).transpose());
        let extension = faults.note(extension(&control.extension, places));
        let (documents, rules) = (settings.documents, settings.pdf);
        let whole = head.zip(line).zip(foot).zip(extension);
        faults.finish(whole.map(|(((head, line), foot), extension)| Self {
            documents,
            rules,
            extension,
            head,
            line,
            foot,
        }))
    }

    /// The control file of a unit.
    pub(super) fn file(&self, base: &str) -> String {
        format!("{base}.{}", self.extension)
    }

    /// The files that are printed, in their order.
    pub(super) fn parts(&self, names: &Names, parcel: &Parcel<'_>) -> Result<Vec<Part>, Failure> {
        if self.documents == Documents::Message && parcel.signature.is_some() {
            // A signature beside the message is nothing that can be printed, and is never left out in silence.
            return Err(crate::http::misconfigured("seal"));
        }
        let wanted = |part: &Part| match self.documents {
            Documents::Message => part.role == Role::Message,
            Documents::Attachments => part.role == Role::Attachment && is_pdf(&part.media_type),
        };
        let parts: Vec<_> = sidecar::parts(names, parcel).into_iter().filter(wanted).collect();
        if parts.is_empty() {
            return Err(Failure::Refused(Reason::new(ReasonCode::NothingToPrint)));
        }
        Ok(parts)
    }

    /// Looks at every file before one of them is written. An attachment is read twice, so that no more than one is ever in
    /// memory.
    pub(super) async fn look_at(&self, names: &Names, parcel: &Parcel<'_>) -> Result<Pages, Failure> {
        let mut pages = Pages::new();
        for part in self.parts(names, parcel)? {
            let attached = parcel.attachments.iter().find(|attached| attached.number == part.number);
            let (document, bytes) = match attached {
                Some(attached) => {
                    let document = format!("attachment {}", part.number);
                    let bytes = self.rules.read(&document, attached).await?;
                    (document, bytes)
                }
                None => ("message".to_owned(), parcel.message.clone()),
            };
            let paper = self.rules.look_at(&document, bytes).await?;
            pages.insert(part.file, paper.pages);
        }
        Ok(pages)
    }

    /// The control file's content: the same on every attempt.
    pub(super) fn content(
        &self,
        parcel: &Parcel<'_>,
        parts: &[Part],
        pages: &Pages,
    ) -> Result<Bytes, Failure> {
        let around = |template: &Option<Template>| {
            template.as_ref().map_or_else(|| Ok(String::new()), |template| template.fill(parcel))
        };
        let mut content = around(&self.head)?;
        for part in parts {
            let printed = pages.get(&part.file).map(|pages| (part.file.as_str(), *pages));
            content.push_str(&self.line.fill_with(parcel, Further { printed, ..Further::default() })?);
        }
        content.push_str(&around(&self.foot)?);
        Ok(content.into())
    }
}

/// It must not be taken for a file that is printed, nor for one that is still written.
fn extension(setting: &Spanned<String>, places: &Places<'_>) -> Result<String, Fault> {
    let text = setting.get_ref();
    let allowed = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if (1..=10).contains(&text.len()) && allowed && !text.eq_ignore_ascii_case("pdf") {
        return Ok(text.clone());
    }
    let fault = places.fault_at(setting, "this is no ending for the control file");
    Err(fault.hint("write 1 to 10 letters and digits without a dot, and not pdf: csv"))
}

fn is_pdf(media_type: &str) -> bool {
    let kind = media_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/pdf")
}
