//! Why an envelope could not be read, and how that is answered.

use super::MultipartFault;
use super::incoming::BoxError;
use crate::faults::{Blame, Exception, Fault, FaultCode};
use crate::names::Operation;
use crate::xml::{Position, XmlFault};

/// Why an envelope could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// The media type is none of SOAP 1.2.
    #[error("the media type `{0}` is neither application/soap+xml nor multipart/related with XOP")]
    MediaType(String),
    /// The parts are not what they should be.
    #[error("multipart: {0}")]
    Multipart(#[from] MultipartFault),
    /// No XML that is allowed here.
    #[error("envelope:{position}: {fault}")]
    Xml {
        /// What is wrong.
        fault: XmlFault,
        /// Where.
        position: Position,
    },
    /// An envelope of SOAP 1.1.
    #[error("the envelope is one of SOAP 1.1; web service 2.1.1 speaks SOAP 1.2")]
    Soap11,
    /// Another root element.
    #[error("the root element is not the Envelope of SOAP 1.2")]
    NotAnEnvelope,
    /// Header and body do not stand as they should.
    #[error("envelope:{position}: {what}")]
    Structure {
        /// What is wrong, and what would be right.
        what: String,
        /// Where.
        position: Position,
    },
    /// Neither HTTP nor WS-Addressing says what is wanted.
    #[error("no action: neither Content-Type nor wsa:Action names one")]
    NoAction,
    /// An action that is none of the twelve.
    #[error("an action that web service 2.1.1 does not know")]
    UnknownAction(String),
    /// The body holds another element than the operation has.
    #[error("the body of {operation} must {expected}")]
    UnexpectedBody {
        /// The operation's name.
        operation: &'static str,
        /// What it should hold.
        expected: String,
    },
    /// The header is too long.
    #[error("the header of the envelope is longer than {0} bytes")]
    HeaderTooLarge(u64),
    /// The body is too long, though it carries no content.
    #[error("a body without contents is longer than {0} bytes")]
    BodyTooLarge(u64),
    /// The contents are too long. Becomes 9023.
    #[error("the contents are longer than {0} bytes")]
    ContentTooLarge(u64),
    /// A content is not in base64.
    #[error("envelope:{position}: {place} is no base64: {what}")]
    Base64 {
        /// Which content.
        place: String,
        /// Where it ends or breaks.
        position: Position,
        /// What is wrong.
        what: &'static str,
    },
    /// A content points to a part that did not come.
    #[error("xop:Include points to the part `{0}`, which is not there")]
    MissingPart(String),
    /// Two contents point to the same part.
    #[error("two xop:Include point to the part `{0}`")]
    PartUsedTwice(String),
    /// A part that no content points to.
    #[error("no xop:Include points to the part `{0}`")]
    UnusedPart(String),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Connection(BoxError),
    /// Who takes the contents did not take them.
    #[error("the content was not taken: {0}")]
    Sink(BoxError),
}

impl Unread {
    pub(super) fn structure(position: Position, what: impl Into<String>) -> Self {
        Self::Structure { what: what.into(), position }
    }

    /// The status of HTTP to answer with where the operation is not known; SOAP 1.2 has 400 for faults of the sender and
    /// 500 for others.
    pub const fn status(&self) -> u16 {
        match self {
            Self::MediaType(_) => 415,
            Self::HeaderTooLarge(_) | Self::BodyTooLarge(_) | Self::ContentTooLarge(_) => 413,
            Self::Connection(_) | Self::Sink(_) => 500,
            _ => 400,
        }
    }

    /// The fault to answer with, once the operation is known. `None` where only HTTP can answer: another protocol, a
    /// broken connection, and what the taker of contents must explain itself.
    pub fn fault(&self, operation: Option<Operation>) -> Option<Fault> {
        let reason = self.to_string();
        match (self, operation) {
            (Self::MediaType(_) | Self::Connection(_) | Self::Sink(_), _) => None,
            (Self::ContentTooLarge(_), Some(operation)) => {
                Some(Fault::of_operation(FaultCode::TooLarge, operation))
            }
            (_, Some(_)) => {
                Some(Fault { blame: Blame::Sender, ..Fault::described(Exception::TechnicalProblem, &reason) })
            }
            (_, None) => Some(Fault::of_soap(Blame::Sender, &reason)),
        }
    }
}
