//! What a printer's answers say.

use ipp::attribute::{IppAttributeGroup, IppAttributes};
use ipp::model::DelimiterTag;
use ipp::parser::IppParser;
use ipp::reader::IppReader;
use ipp::value::IppValue;
use rohrpost_model::{Failure, Reason, ReasonCode};
use std::io::Cursor;

/// The most characters that are told of a word of the printer's.
const WORD_MAX: usize = 60;

/// The most words of one kind that are told.
const WORDS_MAX: usize = 4;

/// No job of that id, or none any more.
const NOT_FOUND: [u16; 2] = [0x0406, 0x0407];

/// A whole answer.
pub(crate) struct Said {
    status: u16,
    attributes: IppAttributes,
}

/// A job as the printer knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) id: i32,
    /// `None` where the printer keeps names to itself.
    pub(crate) name: Option<String>,
    pub(crate) stage: Stage,
    /// The printer's words for its state and why.
    words: String,
}

/// What of a job's state matters here (RFC 8011, 5.3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// pending, pending-held, processing, processing-stopped
    UnderWay,
    /// completed
    Printed,
    /// canceled, aborted
    EndedBadly,
}

impl Said {
    /// Reads the body of an answer; `None` if it is none of IPP.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let reader = IppReader::new(Cursor::new(body.to_vec()));
        let (header, attributes, _) = IppParser::new(reader).parse_parts().ok()?;
        Some(Self { status: header.operation_or_status.cast_unsigned(), attributes })
    }

    /// What became of the operation, by its status (RFC 8011, appendix B).
    pub(crate) fn judge(self) -> Result<Self, Failure> {
        let told = |code| Reason::new(code).with("status", status_word(self.status));
        Err(match self.status {
            0x0000..=0x00ff => return Ok(self),
            0x0401..=0x0403 => Failure::Refused(told(ReasonCode::CredentialsRefused)),
            // timeout, service-unavailable, temporary-error, not-accepting-jobs, busy, printer-is-deactivated
            0x0405 | 0x0502 | 0x0505..=0x0507 | 0x050a => Failure::unavailable(told(ReasonCode::TargetBusy)),
            0x0400..=0x04ff | 0x0501 | 0x0503 | 0x0508 | 0x0509 => {
                Failure::Refused(told(ReasonCode::TargetRefused))
            }
            // internal-error, device-error and what nobody knows: a job may have been made.
            _ => Failure::Unknown(told(ReasonCode::UnexpectedAnswer)),
        })
    }

    /// The job of an answer about one.
    pub(crate) fn job(&self) -> Option<Job> {
        self.jobs().next()
    }

    /// The jobs of an answer about many.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = Job> + '_ {
        self.attributes.groups_of(DelimiterTag::JobAttributes).filter_map(Job::read)
    }

    /// Attributes of the printer.
    pub(crate) fn printer(&self) -> Option<&IppAttributeGroup> {
        self.attributes.first_of(DelimiterTag::PrinterAttributes)
    }

    pub(crate) fn is_not_found(&self) -> bool {
        NOT_FOUND.contains(&self.status)
    }
}

impl Job {
    fn read(group: &IppAttributeGroup) -> Option<Self> {
        let state = group.get("job-state").and_then(|state| number(state.value()))?;
        let stage = match state {
            7 | 8 => Stage::EndedBadly,
            9 => Stage::Printed,
            _ => Stage::UnderWay,
        };
        let name = group.get("job-name").and_then(|name| match name.value() {
            IppValue::NameWithoutLanguage(name) | IppValue::NameWithLanguage { name, .. } => {
                Some(name.as_str().to_owned())
            }
            _ => None,
        });
        let reasons = words(group, "job-state-reasons");
        let told = if reasons.is_empty() { String::new() } else { format!(" ({reasons})") };
        let words = format!("{}{told}", state_word(state));
        Some(Self { id: number(group.get("job-id")?.value())?, name, stage, words })
    }

    /// State and reasons in the printer's words.
    pub(crate) fn shown(&self) -> String {
        self.words.clone()
    }

    pub(crate) fn not_ended_badly(&self) -> Result<(), Failure> {
        match self.stage {
            Stage::EndedBadly => {
                let reason = Reason::new(ReasonCode::ReportedFailed).with("status", self.shown());
                Err(Failure::Refused(reason))
            }
            _ => Ok(()),
        }
    }
}

/// The keywords of an attribute with one or several. They come from outside and go into reasons: nothing but what keywords
/// are made of (RFC 8011, 5.1.4) is told.
pub(crate) fn words(group: &IppAttributeGroup, name: &str) -> String {
    let values = group.get(name).into_iter().flat_map(|attribute| attribute.value());
    let keywords = values.filter_map(|value| match value {
        IppValue::Keyword(word) if word.as_str() != "none" => Some(keyword(word.as_str())),
        _ => None,
    });
    keywords.take(WORDS_MAX).collect::<Vec<_>>().join(", ")
}

fn keyword(word: &str) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    word.chars().filter(allowed).take(WORD_MAX).collect()
}

pub(crate) fn number(value: &IppValue) -> Option<i32> {
    match value {
        IppValue::Integer(number) | IppValue::Enum(number) => Some(*number),
        _ => None,
    }
}

const fn state_word(state: i32) -> &'static str {
    match state {
        3 => "pending",
        4 => "pending-held",
        5 => "processing",
        6 => "processing-stopped",
        7 => "canceled",
        8 => "aborted",
        9 => "completed",
        _ => "unknown",
    }
}

/// The names of RFC 8011, appendix B, so that an operator finds them in the printer's manual.
fn status_word(status: u16) -> String {
    let name = match status {
        0x0400 => "client-error-bad-request",
        0x0401 => "client-error-forbidden",
        0x0402 => "client-error-not-authenticated",
        0x0403 => "client-error-not-authorized",
        0x0404 => "client-error-not-possible",
        0x0405 => "client-error-timeout",
        0x0406 => "client-error-not-found",
        0x0407 => "client-error-gone",
        0x0408 => "client-error-request-entity-too-large",
        0x0409 => "client-error-request-value-too-long",
        0x040a => "client-error-document-format-not-supported",
        0x040b => "client-error-attributes-or-values-not-supported",
        0x040c => "client-error-uri-scheme-not-supported",
        0x040d => "client-error-charset-not-supported",
        0x040e => "client-error-conflicting-attributes",
        0x040f => "client-error-compression-not-supported",
        0x0411 => "client-error-document-format-error",
        0x0500 => "server-error-internal-error",
        0x0501 => "server-error-operation-not-supported",
        0x0502 => "server-error-service-unavailable",
        0x0503 => "server-error-version-not-supported",
        0x0504 => "server-error-device-error",
        0x0505 => "server-error-temporary-error",
        0x0506 => "server-error-not-accepting-jobs",
        0x0507 => "server-error-busy",
        0x0508 => "server-error-job-canceled",
        0x0509 => "server-error-multiple-document-jobs-not-supported",
        0x050a => "server-error-printer-is-deactivated",
        other => return format!("0x{other:04x}"),
    };
    name.to_owned()
}
