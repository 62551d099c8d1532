use super::names::{Names, Unit};
use super::publish::Plan;
use super::sidecar::{self, Sidecar};
use rohrpost_model::Failure;
use rohrpost_model::ports::{Parcel, Piece, Preview, Sends};
use std::path::Path;

/// The unit as a reader of the folder would find it.
pub(super) fn preview(path: &Path, names: &Names, parcel: &Parcel<'_>) -> Result<Preview, Failure> {
    let parts = sidecar::parts(names, parcel);
    let names_of = parts.iter().map(|part| part.file.clone()).collect();
    let plan = Plan::new(parcel.sent_sha256, names, names_of);
    let mut files: Vec<_> = parts.iter().map(|part| (part.file.clone(), part.content())).collect();
    let sidecar = Sidecar::new(parcel, parts).to_json()?;
    files.push((names.sidecar(), Piece::Bytes(sidecar.into())));
    let folder = match names.unit {
        Unit::Flat => path.to_owned(),
        Unit::Subfolder => path.join(&names.base),
    };
    let sends = Sends::Files { folder: folder.display().to_string(), files };
    Ok(Preview { sends, reference: Some(plan.reference().to_owned()) })
}
