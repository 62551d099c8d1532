//! What a dry run answers: documented and stable. A member may be added, none is renamed or taken away.

use crate::shapes::ReasonShape;
use rohrpost_model::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The way that a submission would take, with every document on it. Nothing was sent and nothing kept.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Trace)]
pub struct TraceReport {
    /// The version of this shape: 1.
    pub version: u32,
    /// The version of the configuration that it was tried under.
    pub configuration: String,
    /// Whether that is the active one of a running hub, and not what lies in a folder.
    pub running: bool,
    /// What was tried.
    pub submission: TracedSubmission,
    /// Whether it would be taken in.
    pub door: TracedDoor,
    /// The route that takes it.
    pub route: Option<String>,
    /// Why none does.
    pub no_route: Option<ReasonShape>,
    /// Every route, by name.
    pub routes: Vec<TracedRoute>,
    /// What the route's steps make of it, in the order written.
    pub steps: Vec<TracedStep>,
    /// Whether it would be taken in, and every step be sent or skipped.
    pub well: bool,
}

/// What was tried.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TracedSubmission {
    /// The id that stands in for the one it would get.
    pub id: String,
    /// Its case.
    pub case: Option<String>,
    /// When it was tried.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// The tenant that is responsible for its area.
    pub tenant: Option<String>,
    /// The client whose grants were asked for.
    pub client: Option<String>,
    /// What it is.
    pub kind: String,
    /// The LeiKa key.
    pub service: String,
    /// The ARS.
    pub area: String,
    /// Whether it is a test.
    pub test: bool,
    /// The data as they came.
    pub data: TracedContent,
    /// The attachments.
    pub attachments: Vec<TracedAttachment>,
}

/// An attachment, without its content.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TracedAttachment {
    /// From 1.
    pub number: u32,
    /// Its file name.
    pub name: Option<String>,
    /// Its media type.
    pub media_type: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// A document.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TracedContent {
    /// Its media type.
    pub media_type: String,
    /// Its whole size.
    pub bytes: u64,
    /// SHA-256 of the whole, hexadecimal.
    pub sha256: String,
    /// Its text, where it is UTF-8.
    pub text: Option<String>,
    /// Its bytes, where they are not.
    pub base64: Option<String>,
    /// Whether only its beginning is shown here.
    pub cut: bool,
}

/// Whether a submission would be taken in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TracedDoor {
    /// Whether it would.
    pub accepted: bool,
    /// What its sender would be answered (RFC 9457), where it would not.
    pub problem: Option<serde_json::Value>,
}

/// One route and the submission.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TracedRoute {
    /// Its name.
    pub route: String,
    /// `takes`, `differs` (it asks for something else), `less-specific`, `tie`.
    pub verdict: String,
    /// What it asks for.
    pub asks: Vec<TracedAsk>,
}

/// One thing that a route asks for.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TracedAsk {
    /// `tenant`, `kind`, `service`, `area`.
    pub of: String,
    /// What it takes; nothing for all.
    pub wants: Vec<String>,
    /// What the submission has.
    pub has: Option<String>,
    /// Whether it takes that.
    pub fits: bool,
}

/// One step and the submission.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TracedStep {
    /// Its name.
    pub step: String,
    /// What a delivery on it would pin (SHA-256).
    pub pinned: String,
    /// The id of the delivery that stands in for the one it would get.
    pub delivery: String,
    /// The destination as it is written.
    pub destination_written: String,
    /// The destination for this tenant.
    pub destination: Option<String>,
    /// The steps that come first.
    pub after: Vec<String>,
    /// What those are taken to have been answered.
    pub answers: Vec<TracedAnswer>,
    /// Its condition.
    pub condition: TracedCondition,
    /// What its mapping did.
    pub mapping: Option<TracedMapping>,
    /// Its seal.
    pub seal: Option<TracedSeal>,
    /// The message as it would be sent, sealed where the seal is inside.
    pub message: Option<TracedContent>,
    /// A detached signature.
    pub signature: Option<TracedContent>,
    /// Other documents of the mapping that go along.
    #[serde(default)]
    pub documents: Vec<TracedDocument>,
    /// SHA-256 of the message before the seal.
    pub content_sha256: Option<String>,
    /// SHA-256 of the manifest of all that would be sent.
    pub sent_sha256: Option<String>,
    /// What would be sent; null where the adapter does not tell.
    pub request: Option<TracedRequest>,
    /// What the target would surely call it.
    pub reference: Option<String>,
    /// `sends`, `skipped`, `fails`.
    pub end: String,
    /// Why it fails.
    pub reason: Option<ReasonShape>,
}

/// What an earlier step is taken to have been answered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TracedAnswer {
    /// The step.
    pub step: String,
    /// What its target calls the document.
    pub reference: Option<String>,
    /// The word that conditions read.
    pub result: Option<String>,
    /// Whether nobody gave this answer, so that it is only assumed.
    pub assumed: bool,
}

/// A step's condition.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TracedCondition {
    /// The XPath, or the result that earlier steps must have; null without a condition.
    pub written: Option<String>,
    /// `none`, `holds`, `assumed` (it holds if earlier steps are answered as assumed), `false`, `failed`.
    pub verdict: String,
}

/// What a mapping did.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TracedMapping {
    /// Its name.
    pub name: String,
    /// Its version (SHA-256).
    pub version: Option<String>,
    /// The global parameters that its stylesheet got.
    pub params: Vec<TracedPair>,
    /// What the stylesheet saw: the data, the XML that JSON became, or the envelope.
    pub input: Option<TracedContent>,
    /// The data under its source schema.
    pub source: TracedCheck,
    /// What the stylesheet made, whatever it is; not repeated where it is the output.
    pub made: Option<TracedContent>,
    /// What it made under its target schema.
    pub target: TracedCheck,
    /// What it gave.
    pub output: Option<TracedContent>,
    /// Why the stylesheet gave nothing.
    pub faults: Vec<TracedFault>,
}

/// A name and its value.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TracedPair {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// One check against a schema.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TracedCheck {
    /// The schema's file, in the mapping's folder or in a standard; null without one, and then only the form is checked.
    pub schema: Option<String>,
    /// `valid`, `invalid`, `not-checked`.
    pub verdict: String,
    /// What is wrong, at most 100 faults.
    pub faults: Vec<TracedFault>,
}

/// A fault with its place.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TracedFault {
    /// The file, where it is not the document that was checked.
    pub file: Option<String>,
    /// From 1; 0 if unknown.
    pub line: u32,
    /// From 1; 0 if unknown.
    pub column: u32,
    /// XPath of the element; empty where there is none.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// A seal.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TracedSeal {
    /// Its name.
    pub name: String,
    /// `xml-dsig`, `cms`; null where it is not configured.
    pub form: Option<String>,
    /// Whether the document was really signed with it. A signature changes nothing outside, so a dry run signs.
    pub signed: bool,
}

/// What would be sent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TracedRequest {
    /// One HTTP request.
    Http {
        /// The method.
        method: String,
        /// The whole address.
        url: String,
        /// The headers that the adapter sets; credentials are `***`.
        headers: Vec<TracedPair>,
        /// The body, piece by piece.
        body: Vec<TracedPiece>,
    },
    /// Files in a folder.
    Files {
        /// The folder.
        folder: String,
        /// The files, in the order in which a reader sees them.
        files: Vec<TracedFile>,
    },
}

/// A file.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TracedFile {
    /// Its name.
    pub name: String,
    /// What stands in it.
    pub content: TracedPiece,
}

/// A document that goes along with a message.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TracedDocument {
    /// Its name in the mapping.
    pub name: String,
    /// What stands in it.
    pub content: TracedContent,
}

/// A piece of what would be sent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TracedPiece {
    /// `message`, `signature`, `document`, `attachment`, or `own` for what the adapter adds.
    pub part: String,
    /// The document's name.
    #[serde(default)]
    pub name: Option<String>,
    /// The attachment's number.
    pub number: Option<u32>,
    /// What the adapter adds.
    pub own: Option<TracedContent>,
}
