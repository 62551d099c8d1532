//! `standard.toml`: what was installed of a standard, pinned by hash. Written by `rohrpost standard add`.

use super::id::StandardId;
use crate::place;
use rohrpost_model::{Digest, Fault};
use serde::{Deserialize, Serialize};

/// The file's name in the folder of an installed standard.
pub const STANDARD_MANIFEST: &str = "standard.toml";

/// What `standard.toml` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) version: String,
    /// SHA-256 of this file with 64 zeros here: a catalog that was changed by hand would make other schemas.
    pub(crate) content: Digest,
    /// The standards whose schemas it imports.
    #[serde(default)]
    pub(crate) requires: Vec<StandardId>,
    #[serde(default, rename = "file")]
    pub(crate) files: Vec<FileRecord>,
    #[serde(default)]
    pub(crate) catalog: Vec<CatalogEntry>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileRecord {
    pub(crate) path: String,
    pub(crate) sha256: Digest,
    /// The target namespace of a schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
}

/// What a location means that is no file of the package by its path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatalogEntry {
    /// The address; or the path that a relative location leads to.
    pub(crate) location: String,
    /// The namespace that is wanted: packages exist that use one address for two.
    pub(crate) namespace: String,
    /// The standard whose file it is, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) standard: Option<StandardId>,
    pub(crate) file: String,
}

const ABOUT: &str =
    "# Written by `rohrpost standard add`. Do not change it: every file is pinned, this one, too.\n\n";

impl Record {
    /// The file's text, with the hash of its content filled in.
    pub(crate) fn to_text(&self) -> String {
        let with = |content| toml::to_string(&Self { content, ..self.clone() }).unwrap_or_default();
        let blank = with(Digest::from_bytes([0; 32]));
        format!("{ABOUT}{}", with(Digest::of(blank.as_bytes())))
    }

    /// Reads the file, and says where it is not what was written.
    pub(crate) fn read(text: &str, shown: &str) -> Result<Self, Fault> {
        let record: Self = toml::from_str(text).map_err(|error| {
            let (line, column) = place::of(text, error.span().unwrap_or_default().start);
            Fault::at(shown, line, column, error.message()).hint(ADD_AGAIN)
        })?;
        if record.to_text() != text {
            let message = "the file is not the one that was written when the standard was installed";
            return Err(Fault::of_file(shown, message).hint(ADD_AGAIN));
        }
        Ok(record)
    }
}

pub(crate) const ADD_AGAIN: &str =
    "restore it, or remove the standard (`rohrpost standard remove`) and add it again";
