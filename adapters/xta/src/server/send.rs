//! The send port: a message is handed in. It is acknowledged only after it is on disk.

use super::exchange::{Answer, Call, Refusal};
use crate::intake::{self, AgainstProfile, At, NoIntent, Refused, Sink};
use crate::{Body, BoxError, Contents, Exception, Fault, FaultCode, MessageMetaData, Operation, Unread};
use rohrpost_model::ports::{HandedIn, TurnedAway, Why};

/// Answers an operation of this port.
pub(super) async fn answer(call: &Call<'_>, contents: Contents<'_>) -> Result<Answer, Refusal> {
    let metadata = call.head.metadata.as_ref().ok_or_else(|| call.fault(FaultCode::NoParameters))?;
    call.speaks_as()?;
    call.account.has_booked(&metadata.qualifier.service).map_err(|code| call.fault(code))?;
    if call.head.operation == Operation::SendMessageSync {
        return Err(call.fault(FaultCode::OnlyAsynchronous).into());
    }
    strict(call, &call.head.violations)?;
    let profile = call.server.desk.profile(&metadata.qualifier.service);
    if let Some(missing) = profile.and_then(|profile| profile.missing(metadata)) {
        return Err(against_profile(call, &missing).into());
    }
    not_taken_before(call, metadata).await?;
    let settings = &call.server.desk.settings;
    let at = At { desk: &*call.server.hub.desk, client: &call.account.client, now: call.now };
    let intent = settings.rules().intent(at, metadata).await.map_err(|why| no_intent(call, why))?;
    let taking = call.server.hub.desk.admit(&call.account.client, intent);
    let taking = taking.map_err(|turned| turned_away(call, &turned))?;
    let mut sink = Sink::new(taking, profile);
    let received = match contents.read(&mut sink).await {
        Ok(received) => received,
        Err(Unread::Sink(refused)) => return Err(not_taken(call, refused).into()),
        Err(unread) => return Err(unread.into()),
    };
    strict(call, &received.violations)?;
    sink.note(&call.head, &received);
    let kept = sink.taking.accept().await.map_err(|turned| turned_away(call, &turned))?;
    acknowledged(call, &kept)
}

/// Also what raced with another send of the same id is answered by its id being taken.
fn acknowledged(call: &Call<'_>, kept: &HandedIn) -> Result<Answer, Refusal> {
    if !kept.repeated {
        return Ok(Answer::small(Body::Empty));
    }
    tracing::info!(client = %call.account.client, submission = %kept.answer.id, "the same message came again");
    Err(call.fault(FaultCode::MessageIdTaken).into())
}

/// Before its content is read.
async fn not_taken_before(call: &Call<'_>, metadata: &MessageMetaData) -> Result<(), Fault> {
    let key = intake::key(&metadata.message_id);
    let before = call.server.hub.desk.handed_in(&call.account.client, &key).await;
    match before.map_err(|fault| call.trouble(&fault))? {
        Some(_) => Err(call.fault(FaultCode::MessageIdTaken)),
        None => Ok(()),
    }
}

/// What breaks the schema is refused, but of a partner that the configuration calls lenient.
fn strict(call: &Call<'_>, violations: &[crate::Violation]) -> Result<(), Fault> {
    let Some(first) = violations.first().filter(|_| !call.account.lenient) else { return Ok(()) };
    let told = format!("{} {first}", FaultCode::ViolatesProfile.text());
    Err(Fault { reason: told, ..call.fault(FaultCode::ViolatesProfile) })
}

fn no_intent(call: &Call<'_>, why: NoIntent) -> Fault {
    let described = |reason| Fault::described(Exception::ParameterIsNotValid, reason);
    match why {
        NoIntent::Service => call.fault(FaultCode::ServiceNotBooked),
        NoIntent::Reader => described("Der Leser (Destinations/Reader) ist hier nicht bekannt."),
        NoIntent::Metadata(reason) => described(reason),
        NoIntent::Trouble(fault) => call.trouble(&fault),
    }
}

fn not_taken(call: &Call<'_>, refused: BoxError) -> Fault {
    match refused.downcast::<Refused>() {
        Ok(refused) => turned_away(call, &refused.0),
        Err(other) => match other.downcast_ref::<AgainstProfile>() {
            Some(AgainstProfile::Attachment(wrong)) => against_profile(call, wrong),
            Some(AgainstProfile::TooLarge) => call.fault(FaultCode::TooLarge),
            None => call.fault(FaultCode::Internal),
        },
    }
}

fn against_profile(call: &Call<'_>, what: &str) -> Fault {
    let reason = format!("{} {what}", FaultCode::ViolatesProfile.text());
    Fault { reason, ..call.fault(FaultCode::ViolatesProfile) }
}

/// The desk's refusal in the words of the standard, with what would be right.
fn turned_away(call: &Call<'_>, turned: &TurnedAway) -> Fault {
    let code = match turned.why {
        Why::NotGranted => FaultCode::ServiceNotBooked,
        Why::TooLarge => FaultCode::TooLarge,
        Why::Malformed | Why::Invalid => FaultCode::NotSchemaValid,
        Why::OtherContent => FaultCode::MessageIdTaken,
        Why::Unavailable => FaultCode::Internal,
        Why::UnknownArea | Why::TestOnly | Why::NoCase | Why::SeveralCases | Why::TooLate => {
            return Fault::described(Exception::ParameterIsNotValid, &turned.german);
        }
    };
    let reason = format!("{} {}", code.text(), turned.german);
    Fault { reason, ..call.fault(code) }
}
