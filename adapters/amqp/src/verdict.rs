//! What the broker's errors mean for a delivery.

use lapin::protocol::{AMQPError, AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::{Error, ErrorKind};
use rohrpost_model::{Failure, Reason, ReasonCode};

/// An error before anything of a message was sent.
pub(crate) fn of_opening(error: &Error) -> Failure {
    match error.kind() {
        ErrorKind::ProtocolError(told) if is_for_good(told) => Failure::Refused(reason(told)),
        _ => {
            // It speaks of states and sockets, never of content.
            tracing::warn!(cause = %error, "the broker cannot be talked to");
            Failure::unavailable(Reason::new(ReasonCode::Unreachable))
        }
    }
}

/// An error after a message may have left. Only a channel that the broker closed for this very message says that it was not
/// taken.
pub(crate) fn of_publishing(error: &Error) -> Failure {
    match error.kind() {
        ErrorKind::ProtocolError(told)
            if matches!(told.kind(), AMQPErrorKind::Soft(_)) && is_for_good(told) =>
        {
            Failure::Refused(reason(told))
        }
        _ => Failure::Unknown(Reason::new(ReasonCode::Torn)),
    }
}

/// An error while messages are consumed: what was not acknowledged comes again.
pub(crate) fn of_consuming(error: &Error) -> Failure {
    match error.kind() {
        ErrorKind::ProtocolError(told) if is_for_good(told) => Failure::Refused(reason(told)),
        _ => Failure::unavailable(Reason::new(ReasonCode::Torn)),
    }
}

/// Whether the same will be answered again until somebody mends something.
fn is_for_good(told: &AMQPError) -> bool {
    matches!(
        told.kind(),
        AMQPErrorKind::Soft(
            AMQPSoftError::ACCESSREFUSED
                | AMQPSoftError::NOTFOUND
                | AMQPSoftError::PRECONDITIONFAILED
                | AMQPSoftError::CONTENTTOOLARGE
        ) | AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED)
    )
}

fn reason(told: &AMQPError) -> Reason {
    let code = match told.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => ReasonCode::CredentialsRefused,
        _ => ReasonCode::TargetRefused,
    };
    Reason::new(code).with("status", told.get_id())
}
