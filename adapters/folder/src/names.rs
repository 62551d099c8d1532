use rohrpost_kit::template::{Template, attachment_name, extension, file_name};
use rohrpost_model::ports::{Attached, Parcel};
use rohrpost_model::{Failure, Reason, ReasonCode};

/// The longest file name that usual file systems allow, in bytes.
const NAME_MAX: usize = 255;
/// What the base may take of it, so that something is left for the attachments' own names.
const BASE_MAX: usize = 200;

/// How the files of a unit lie together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    /// Beside each other; the sidecar comes last.
    #[default]
    Flat,
    /// In a folder of their own that appears in one step.
    Subfolder,
}

/// How units are named.
pub(crate) struct Naming {
    pub(crate) template: Template,
    pub(crate) unit: Unit,
}

/// The names of one unit. The same for every attempt of a delivery.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) base: String,
    pub(crate) unit: Unit,
}

impl Naming {
    pub(crate) fn of(&self, parcel: &Parcel<'_>) -> Result<Names, Failure> {
        let base = self.template.fill(parcel)?;
        let base = file_name(&base, usize::MAX);
        if base.len() > BASE_MAX {
            return Err(Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", "name")));
        }
        Ok(Names { base, unit: self.unit })
    }
}

impl Names {
    pub(crate) fn message(&self, media_type: &str) -> String {
        format!("{}.{}", self.base, extension(media_type))
    }

    pub(crate) fn signature(&self) -> String {
        format!("{}.p7s", self.base)
    }

    pub(crate) fn attachment(&self, attached: &Attached) -> String {
        let start = format!("{}_anlage{}", self.base, attached.number);
        match &attached.name {
            None => format!("{start}.{}", extension(&attached.media_type)),
            Some(_) => {
                format!("{start}_{}", file_name(&attachment_name(attached), NAME_MAX - start.len() - 1))
            }
        }
    }

    pub(crate) fn sidecar(&self) -> String {
        format!("{}.meta.json", self.base)
    }
}
