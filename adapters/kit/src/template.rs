//! Texts with `{placeholders}`, checked when the configuration is read and filled for each delivery.
//!
//! | Placeholder | Stands for |
//! |---|---|
//! | `{delivery-id}` | the idempotency key |
//! | `{submission-id}`, `{case}`, `{tenant}`, `{service}`, `{area}`, `{kind}`, `{sequence}` | the submission's facts |
//! | `{received-at}` | when it was received: RFC 3339, UTC |
//! | `{received-at:%Y%m%d}` | the same in a form of one's own (strftime) |
//! | `{step}` | the step |
//! | `{sent-sha256}` | SHA-256 of the manifest of all that is sent |
//! | `{receipt:STEP}` | the reference that an earlier step of the submission was answered |
//! | `{attempt}` | the number of the attempt; only in headers, because all else is the same on every attempt (H4) |
//! | `{reference}` | what the target calls the delivery; only where the target is asked |
//! | `{attachment-number}`, `{attachment-name}`, `{attachment-id}` | only where an attachment is named; name and id are those of the mapping's rule, where it has one |
//! | `{file}`, `{pages}` | only in the lines of a control file: a file that is printed, and how many pages it has |
//! | `{document}` | the name of a document that goes along; only where one is named |
//!
//! `{{` and `}}` stand for the braces themselves. Every value is escaped for the place that it goes to; a reference is
//! a foreign system's text and may contain anything.

use crate::settings::{Places, nearest};
pub use rohrpost_model::media_type::extension;
use rohrpost_model::ports::{Attached, Parcel};
use rohrpost_model::{DocumentName, Failure, Fault, Reason, ReasonCode, StepName, Timestamp};
use std::fmt::Write;
use toml::Spanned;

/// Where the filled text goes to. It decides how values are escaped and which placeholders are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A URL of a delivery. Values are percent-encoded but for the unreserved characters (RFC 3986, 2.3), so they
    /// stay inside their path segment or query value.
    Url,
    /// A URL that the target is asked by.
    InquiryUrl,
    /// The value of an HTTP header. What is not visible ASCII becomes `?`.
    Header,
    /// A file name of our own, see [`file_name`].
    FileName,
    /// A name of an attachment: as the sender gave it, but for control characters and path separators.
    AttachmentName,
    /// A name of a document that goes along, escaped like a file name of our own.
    DocumentName,
    /// A text in a JSON string (RFC 8259, 7).
    Json,
    /// A text in XML: an element's content or an attribute's value.
    Xml,
    /// Plain text.
    Plain,
    /// A line of a control file, about one file that is printed.
    Control(Format),
    /// What stands before and after those lines.
    ControlAround(Format),
    /// A text that leaves by open mail. A foreign system's references are not allowed in it: they may be of a person.
    Notice,
}

/// The form of a control file. It decides how values are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Values between separators. In one that stands in quotation marks those in it are doubled (RFC 4180, 2).
    Csv,
    /// XML.
    Xml,
    /// JSON.
    Json,
}

const FACTS: [&str; 12] = [
    "delivery-id",
    "submission-id",
    "case",
    "tenant",
    "service",
    "area",
    "kind",
    "sequence",
    "received-at",
    "step",
    "sent-sha256",
    RECEIPT,
];

const RECEIPT: &str = "receipt:STEP";

const DOCUMENT: &str = "document";

impl Place {
    /// The place of a text of this media type.
    pub fn of_media_type(media_type: &str) -> Self {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        match essence.rsplit(['/', '+']).next() {
            Some("json") => Self::Json,
            Some("xml" | "html") => Self::Xml,
            _ => Self::Plain,
        }
    }

    fn known(self) -> Vec<&'static str> {
        let further: &[&str] = match self {
            Self::InquiryUrl => &["reference"],
            Self::Header => &["attempt"],
            Self::AttachmentName => &["attachment-number", "attachment-name", "attachment-id"],
            Self::DocumentName => &[DOCUMENT],
            Self::Control(_) => &["file", "pages"],
            _ => &[],
        };
        let allowed = |fact: &&str| self != Self::Notice || *fact != RECEIPT;
        FACTS.iter().copied().filter(allowed).chain(further.iter().copied()).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Fact(&'static str),
    ReceivedAt(String),
    Receipt(StepName),
}

/// A checked template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
    place: Place,
}

/// What only some uses of a template know.
#[derive(Clone, Copy, Default)]
pub struct Further<'a> {
    /// What the target calls the delivery.
    pub reference: Option<&'a str>,
    /// The attachment that is named.
    pub attached: Option<&'a Attached>,
    /// The file that is printed, and how many pages it has.
    pub printed: Option<(&'a str, u32)>,
    /// The document that is named.
    pub document: Option<&'a DocumentName>,
}

impl Template {
    /// Checks a template.
    pub fn parse(text: &str, place: Place) -> Result<Self, (String, String)> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, found) = rest.split_at(at);
            push_text(&mut pieces, before);
            if let Some(after) = found.strip_prefix("{{").or_else(|| found.strip_prefix("}}")) {
                push_text(&mut pieces, &found[..1]);
                rest = after;
                continue;
            }
            let (name, after) =
                found.strip_prefix('{').and_then(|inner| inner.split_once('}')).ok_or_else(|| {
                    (
                        "a brace without its counterpart".to_owned(),
                        "write {{ or }} for the brace itself".to_owned(),
                    )
                })?;
            pieces.push(placeholder(name, place)?);
            rest = after;
        }
        push_text(&mut pieces, rest);
        Ok(Self { pieces, place })
    }

    /// Checks a template that stands in a configuration.
    pub fn configured(setting: &Spanned<String>, place: Place, places: &Places<'_>) -> Result<Self, Fault> {
        Self::parse(setting.get_ref(), place)
            .map_err(|(message, hint)| places.fault_at(setting, message).hint(hint))
    }

    /// Whether the fact `name` stands in it.
    pub fn names(&self, name: &str) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Fact(fact) if *fact == name))
    }

    /// The text before the first placeholder.
    pub fn fixed_start(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// Fills it. [`Failure::Defect`] if the configuration asks for something that this delivery does not have.
    pub fn fill(&self, parcel: &Parcel<'_>) -> Result<String, Failure> {
        self.fill_with(parcel, Further::default())
    }

    /// Fills it, where there is more to know than the parcel.
    pub fn fill_with(&self, parcel: &Parcel<'_>, further: Further<'_>) -> Result<String, Failure> {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Fact(name) => self.escape(&fact(name, parcel, further)?, &mut filled)?,
                Piece::ReceivedAt(form) => {
                    self.escape(&formatted(form, parcel.submission.received_at)?, &mut filled)?;
                }
                Piece::Receipt(step) => self.escape(reference_of(step, parcel)?, &mut filled)?,
            }
        }
        Ok(filled)
    }

    fn escape(&self, value: &str, out: &mut String) -> Result<(), Failure> {
        match self.place {
            Place::Url | Place::InquiryUrl => return escape_url(value, out),
            Place::Header => out.extend(value.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' })),
            Place::FileName | Place::DocumentName => out.push_str(&file_name(value, VALUE_IN_NAME_MAX)),
            Place::AttachmentName => {
                out.extend(value.chars().map(|c| if unsafe_in_name(c) { '_' } else { c }))
            }
            Place::Json | Place::Control(Format::Json) | Place::ControlAround(Format::Json) => {
                escape_json(value, out);
            }
            Place::Xml | Place::Control(Format::Xml) | Place::ControlAround(Format::Xml) => {
                escape_xml(value, out);
            }
            Place::Control(Format::Csv) | Place::ControlAround(Format::Csv) => escape_csv(value, out),
            Place::Plain => out.push_str(value),
            Place::Notice => out.extend(value.chars().map(|c| if c.is_control() { ' ' } else { c })),
        }
        Ok(())
    }
}

/// The longest that one value may be in a file name, in bytes.
const VALUE_IN_NAME_MAX: usize = 100;

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(before)) => before.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

fn placeholder(name: &str, place: Place) -> Result<Piece, (String, String)> {
    if let Some(form) = name.strip_prefix("received-at:") {
        let sample = formatted(form, Timestamp::UNIX_EPOCH);
        let piece = sample.ok().filter(|_| !form.is_empty()).map(|_| Piece::ReceivedAt(form.to_owned()));
        return piece.ok_or_else(|| {
            (
                format!("`{form}` is no form of a date"),
                "write it as strftime does, for instance %Y%m%d".into(),
            )
        });
    }
    if let Some(step) = name.strip_prefix("receipt:").filter(|_| place != Place::Notice) {
        return step.parse().map(Piece::Receipt).map_err(|error| (format!("{error}"), String::new()));
    }
    let known = place.known();
    known.iter().find(|fact| **fact == name).map(|fact| Piece::Fact(fact)).ok_or_else(|| {
        let list = known.join("}, {");
        let hint = match nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean {{{meant}}}? Known here: {{{list}}}"),
            None => format!("known here: {{{list}}}"),
        };
        (format!("unknown placeholder {{{name}}}"), hint)
    })
}

fn fact(name: &str, parcel: &Parcel<'_>, further: Further<'_>) -> Result<String, Failure> {
    let submission = parcel.submission;
    Ok(match name {
        "delivery-id" => parcel.key.to_string(),
        "submission-id" => submission.id.to_string(),
        "case" => submission.case.to_string(),
        "tenant" => submission.tenant.to_string(),
        "service" => submission.service.to_string(),
        "area" => submission.area.to_string(),
        "kind" => submission.kind.to_string(),
        "sequence" => submission.sequence.to_string(),
        "received-at" => submission.received_at.to_string(),
        "step" => parcel.step.to_string(),
        "sent-sha256" => parcel.sent_sha256.to_string(),
        "attempt" => parcel.attempt.to_string(),
        "reference" => further.reference.ok_or_else(|| without("reference"))?.to_owned(),
        "attachment-number" => further.attached.ok_or_else(|| without(name))?.number.to_string(),
        "attachment-name" => attachment_name(further.attached.ok_or_else(|| without(name))?),
        "attachment-id" => {
            further.attached.and_then(|attached| attached.id.clone()).ok_or_else(|| without(name))?
        }
        "file" => further.printed.ok_or_else(|| without(name))?.0.to_owned(),
        "pages" => further.printed.ok_or_else(|| without(name))?.1.to_string(),
        DOCUMENT => further.document.ok_or_else(|| without(name))?.to_string(),
        _ => return Err(without(name)),
    })
}

/// The name by the mapping's rule, else the one that the sender gave, else one made of number and media type.
pub fn attachment_name(attached: &Attached) -> String {
    if let Some(name) = &attached.file_name {
        return name.clone();
    }
    match attached.name.as_deref().map(str::trim) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => format!("anlage{}.{}", attached.number, extension(&attached.media_type)),
    }
}

fn reference_of<'p>(step: &StepName, parcel: &'p Parcel<'_>) -> Result<&'p str, Failure> {
    let receipt = parcel.receipts.get(step);
    receipt
        .and_then(|receipt| receipt.reference.as_deref())
        .ok_or_else(|| without(&format!("receipt:{step}")))
}

fn without(field: &str) -> Failure {
    Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", field))
}

fn formatted(form: &str, at: Timestamp) -> Result<String, Failure> {
    jiff::fmt::strtime::format(form, at).map_err(|_| without("received-at"))
}

/// A value that is nothing but dots would climb out of its path segment however it is encoded.
fn escape_url(value: &str, out: &mut String) -> Result<(), Failure> {
    if value.is_empty() || value.bytes().all(|byte| byte == b'.') {
        return Err(without("url"));
    }
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Ok(())
}

fn escape_xml(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // XML 1.0, 2.2 knows no other control characters, not even escaped.
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => out.push('?'),
            c => out.push(c),
        }
    }
}

fn escape_json(value: &str, out: &mut String) {
    let quoted = serde_json::Value::from(value).to_string();
    let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    out.push_str(inner.unwrap_or_default());
}

/// A line stays a line, and a quoted value a value.
fn escape_csv(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '"' => out.push_str("\"\""),
            c => out.push(if c.is_control() { ' ' } else { c }),
        }
    }
}

fn unsafe_in_name(c: char) -> bool {
    c.is_control() || matches!(c, '/' | '\\')
}

/// A file name that is safe on every usual file system: letters and digits of any script, `.`, `_` and `-`; the rest
/// becomes `_`. It does not begin with a dot (hidden) or a dash (an option), and is at most `bytes_max` bytes long;
/// what is cut off is the middle, so that the extension stays.
pub fn file_name(text: &str, bytes_max: usize) -> String {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let mut name: String = text.chars().map(safe).collect();
    if name.starts_with(['.', '-']) {
        name.replace_range(..1, "_");
    }
    if name.ends_with('.') {
        // Windows drops it, and the file would not be found again.
        name.replace_range(name.len() - 1.., "_");
    }
    if name.len() > bytes_max {
        let extension = name.rfind('.').map(|dot| name.split_off(dot)).filter(|end| end.len() <= 10);
        let extension = extension.unwrap_or_default();
        name.truncate(name.floor_char_boundary(bytes_max.saturating_sub(extension.len())));
        name.push_str(&extension);
    }
    name
}

#[cfg(test)]
mod tests;
