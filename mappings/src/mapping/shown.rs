//! What a mapping shows of itself and of a run, for whoever writes one.

use super::Mapping;
use crate::envelope;
use crate::facts::Facts;
use crate::ffi::Made;
use crate::schema::Schema;
use crate::xml::Xml;
use std::borrow::Cow;

/// What a stylesheet made, which nothing has looked at yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unchecked(pub(crate) Made);

impl Unchecked {
    /// The bytes, to be shown.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl Mapping {
    /// What the stylesheet sees of a source, as text: the data, the XML that JSON became, or the envelope.
    pub fn seen(&self, source: &Xml, facts: &Facts) -> Vec<u8> {
        if self.manifest.envelope {
            // Without names where the rule gives none: then the run ends with that fault.
            envelope::envelope(source, self.with_names(facts).unwrap_or(Cow::Borrowed(facts)).as_ref())
        } else {
            source.text().as_bytes().to_vec()
        }
    }

    /// The global parameters that a run gets: the hub's facts where the stylesheet declares them, and its own.
    pub fn given(&self, facts: &Facts) -> Vec<(String, String)> {
        let bound = self.transform.as_ref().and_then(|transform| self.bound(transform, facts).ok());
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        bound.into_iter().flatten().map(owned).collect()
    }

    /// The files of its source schema and its target schema, in its folder or in a standard.
    pub fn schema_files(&self) -> (Option<&str>, Option<&str>) {
        (self.source_schema().map(Schema::file), self.target_schema().map(Schema::file))
    }
}
