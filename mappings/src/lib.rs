//! Compiles a mapping or reports all its faults; applies it. Pure: no file, no network, no clock.
//!
//! A mapping is a folder of text: a stylesheet (XSLT 1.0 with EXSLT), schemas (XML Schema 1.0), code lists, and
//! `mapping.toml`, which says what is what. Its content is a [`Bundle`]; [`Mapping::compile`] makes of it what can be
//! applied, by many threads at once. The same source and facts give the same bytes for ever.
//!
//! | To find | Look in |
//! |---|---|
//! | what is parsed and what is refused | [`Xml`], [`XmlLimits`] |
//! | how a document is checked | [`Schema`], [`Violation`] |
//! | what else must hold in it (ISO Schematron) | [`Rules`] |
//! | published standards (XÖV) with their imports | [`Standard`], [`Shelf`], [`Picked`] |
//! | what a stylesheet is told | [`Facts`], [`envelope`] |
//! | the way from source to output | [`Mapping::apply`] |
//! | several documents out of one run | [`Output`], [`DOCUMENTS_NAMESPACE`] |
//! | ids and names of attachments by rule | [`Mapping::attachment_names`] |
//! | conditions of steps, references in answers | [`Condition`], [`xpath_string`] |
//! | the examples that lie beside a mapping | [`Case`], [`run_case`] |

mod attachments;
mod bundle;
mod calls;
mod cases;
mod check;
mod diff;
mod encoding;
mod envelope;
mod facts;
mod faults;
mod ffi;
mod functions;
mod json;
mod lexical;
mod lists;
mod manifest;
mod mapping;
mod place;
mod query;
mod running;
mod scan;
mod schema;
mod schematron;
mod standard;
mod typed;
mod types;
mod xml;
mod xml_diff;

#[cfg(test)]
mod tests;

pub use attachments::NamedAttachment;
pub use bundle::{BadBundle, Bundle};
pub use cases::{Case, CaseResult, run_case};
pub use diff::lines as line_difference;
pub use envelope::{ENVELOPE_NAMESPACE, envelope};
pub use facts::{AttachmentFact, Facts, ReceiptFact};
pub use functions::{FUNCTIONS, FUNCTIONS_NAMESPACE, Function};
pub use json::{JSON_NAMESPACE, NotJson};
pub use manifest::{WantedStandard, place_in_library, shared_folders, wanted_standards};
pub use mapping::{DOCUMENTS_NAMESPACE, Mapping, MappingFault, Output, Unchecked};
pub use query::{Condition, xpath_string};
pub use running::{Limit, Limits};
pub use schema::{MAX_VIOLATIONS, Schema, Violation};
pub use schematron::{Judgement, Rules};
pub use standard::{
    NotAStandard, Picked, RESERVED as STANDARDS_IN_BUNDLE, Root, STANDARD_MANIFEST, Shelf, Standard,
    StandardId,
};
pub use xml::{NotWellFormed, Xml, XmlFault, XmlLimits, canonical};
