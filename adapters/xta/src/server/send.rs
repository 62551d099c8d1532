//! The send port: a message is handed in. It is acknowledged only after it is on disk.

use super::exchange::{Answer, Call, Refusal};
use super::intake::{self, Attachments};
use super::profile::Profile;
use crate::{
    Body, BoxError, ContentEnd, ContentFacts, ContentKind, ContentSink, Contents, Exception, Fault,
    FaultCode, MessageMetaData, Operation, Received, Unread,
};
use async_trait::async_trait;
use bytes::Bytes;
use rohrpost_model::ports::{HandedIn, TakingIn, TurnedAway, Why};
use rohrpost_model::submission::{REMARKS, Role};

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
    let intent = intake::intent(call, metadata).await?;
    let taking = call.server.hub.desk.admit(&call.account.client, intent);
    let taking = taking.map_err(|turned| turned_away(call, &turned))?;
    let left = profile.and_then(Profile::max_size).unwrap_or(u64::MAX);
    let mut sink = Sink { taking, attachments: Attachments::default(), profile, left };
    let received = match contents.read(&mut sink).await {
        Ok(received) => received,
        Err(Unread::Sink(refused)) => return Err(not_taken(call, refused).into()),
        Err(unread) => return Err(unread.into()),
    };
    strict(call, &received.violations)?;
    note(call, &mut sink, &received);
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

/// What a partner did not do as the standard wants it stands with the submission.
fn note(call: &Call<'_>, sink: &mut Sink<'_>, received: &Received) {
    let violations = call.head.violations.iter().chain(&received.violations).map(ToString::to_string);
    let twice = received.contents.iter().filter(|(_, end)| end.encoded_twice);
    let twice = twice.map(|(facts, _)| {
        let which = match facts.kind {
            ContentKind::Attachment(number) => format!("Attachment[{}]", number + 1),
            _ => "Message".to_owned(),
        };
        format!("{which}: Der Inhalt ist selbst base64; vermutlich wurde er zweimal kodiert.")
    });
    let remarks: Vec<_> = violations.chain(twice).collect();
    if !remarks.is_empty() {
        sink.taking.note(REMARKS.into(), remarks.join("\n"));
    }
}

/// Hands contents on to the desk.
struct Sink<'p> {
    taking: Box<dyn TakingIn>,
    attachments: Attachments,
    profile: Option<&'p Profile>,
    /// So many bytes may still come by the profile.
    left: u64,
}

/// What a transport profile forbids, on its way through the reader.
#[derive(Debug, thiserror::Error)]
enum AgainstProfile {
    #[error("{0}")]
    Attachment(String),
    #[error("too large for the transport profile")]
    TooLarge,
}

/// The desk's refusal on its way through the reader.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.english)]
struct Refused(TurnedAway);

fn through(turned: TurnedAway) -> BoxError {
    Box::new(Refused(turned))
}

#[async_trait]
impl ContentSink for Sink<'_> {
    async fn begin(&mut self, facts: &ContentFacts) -> Result<(), BoxError> {
        let media_type = intake::media_type(&facts.outline.content_type, facts.kind);
        match facts.kind {
            ContentKind::Message | ContentKind::Encrypted => {
                self.taking.begin(Role::Data, None, media_type).map_err(through)
            }
            ContentKind::Attachment(_) => {
                if let Some(wrong) = self.profile.and_then(|profile| profile.wrong(&facts.outline)) {
                    return Err(Box::new(AgainstProfile::Attachment(wrong)));
                }
                for (name, value) in self.attachments.properties(&facts.outline) {
                    self.taking.note(name, value);
                }
                let name = self.attachments.name(&facts.outline);
                self.taking.begin(Role::Attachment, name, media_type).map_err(through)
            }
        }
    }

    async fn piece(&mut self, bytes: Bytes) -> Result<(), BoxError> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(AgainstProfile::TooLarge)?;
        self.taking.write(bytes).await.map_err(through)
    }

    async fn end(&mut self, _: &ContentEnd) -> Result<(), BoxError> {
        self.taking.end().await.map_err(through)
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
        Why::UnknownArea | Why::TestOnly => {
            return Fault::described(Exception::ParameterIsNotValid, &turned.german);
        }
    };
    let reason = format!("{} {}", code.text(), turned.german);
    Fault { reason, ..call.fault(code) }
}
