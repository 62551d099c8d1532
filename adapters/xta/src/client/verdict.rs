//! What goes wrong when a partner is asked, and what it means for a delivery.

use crate::{Fault, FaultCode, Unread};
use rohrpost_model::{Failure, Reason, ReasonCode};

/// Why an operation has no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// HTTP, or what lies below it.
    Http(Failure),
    /// The partner answered with a fault.
    Fault(Fault),
    /// The answer cannot be read, and came with this status.
    Unread(Unread, u16),
    /// What is to be asked cannot be written, or has no address: the configuration is wrong.
    Defect(&'static str),
}

impl Trouble {
    /// The code of the fault, if it is one of the list.
    pub(super) fn code(&self) -> Option<FaultCode> {
        match self {
            Self::Fault(fault) => fault.code(),
            _ => None,
        }
    }

    /// For a message that was sent.
    pub(super) fn of_sending(self) -> Failure {
        match self {
            Self::Http(failure) => failure,
            Self::Fault(fault) => of_fault(&fault),
            Self::Unread(Unread::Connection(_), _) => Failure::Unknown(Reason::new(ReasonCode::Torn)),
            Self::Unread(_, status) => Failure::Unknown(unexpected(status)),
            Self::Defect(field) => defect(field),
        }
    }

    /// For a question: it is asked again, but where the configuration is wrong.
    pub(super) fn of_asking(self) -> Failure {
        match self.of_sending() {
            Failure::Unknown(reason) | Failure::Refused(reason) => Failure::unavailable(reason),
            failure => failure,
        }
    }
}

fn defect(field: &str) -> Failure {
    Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", field))
}

fn unexpected(status: impl std::fmt::Display) -> Reason {
    Reason::new(ReasonCode::UnexpectedAnswer).with("status", status)
}

/// What the code list says, never the partner's own words: they may quote the message.
fn told(code: FaultCode) -> String {
    format!("{} {}", code.number(), code.text().trim_end_matches('.'))
}

/// A server that had trouble may have taken the message; what is wrong with account or message will be wrong again.
fn of_fault(fault: &Fault) -> Failure {
    use FaultCode as C;
    let Some(code) = fault.code() else { return Failure::Unknown(unexpected("SOAP-Fault")) };
    match code {
        C::Unspecified | C::Internal | C::Directory | C::DeliveryFailed => {
            Failure::Unknown(unexpected(told(code)))
        }
        C::CertificateExpired
        | C::AccountLocked
        | C::AccountUnknown
        | C::ServiceNotBooked
        | C::NotTheAuthor => {
            Failure::Refused(Reason::new(ReasonCode::CredentialsRefused).with("status", told(code)))
        }
        _ => Failure::Refused(Reason::new(ReasonCode::TargetRefused).with("status", told(code))),
    }
}
