//! Contents on their way to the desk.

use super::{Attachments, media_type};
use crate::profile::Profile;
use crate::{BoxError, ContentEnd, ContentFacts, ContentKind, ContentSink, Head, Received};
use async_trait::async_trait;
use bytes::Bytes;
use rohrpost_model::ports::{TakingIn, TurnedAway};
use rohrpost_model::submission::{REMARKS, Role};

/// Hands contents on to the desk.
pub(crate) struct Sink<'p> {
    pub(crate) taking: Box<dyn TakingIn>,
    attachments: Attachments,
    profile: Option<&'p Profile>,
    /// So many bytes may still come by the profile.
    left: u64,
    /// The message goes with an answer as a document, so it needs its name.
    is_answer: bool,
}

impl<'p> Sink<'p> {
    /// A sink to what the desk takes in, under the transport profile of the service.
    pub(crate) fn new(taking: Box<dyn TakingIn>, profile: Option<&'p Profile>) -> Self {
        let left = profile.and_then(Profile::max_size).unwrap_or(u64::MAX);
        Self { taking, attachments: Attachments::default(), profile, left, is_answer: false }
    }

    /// The same for an answer in a case.
    pub(crate) fn of_answer(taking: Box<dyn TakingIn>, profile: Option<&'p Profile>) -> Self {
        Self { is_answer: true, ..Self::new(taking, profile) }
    }

    /// What a partner did not do as the standard wants it stands with the submission.
    pub(crate) fn note(&mut self, head: &Head, received: &Received) {
        let violations = head.violations.iter().chain(&received.violations).map(ToString::to_string);
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
            self.taking.note(REMARKS.into(), remarks.join("\n"));
        }
    }
}

/// What a transport profile forbids, on its way through the reader.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgainstProfile {
    #[error("{0}")]
    Attachment(String),
    #[error("too large for the transport profile")]
    TooLarge,
}

/// The desk's refusal on its way through the reader.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.english)]
pub(crate) struct Refused(pub(crate) TurnedAway);

fn through(turned: TurnedAway) -> BoxError {
    Box::new(Refused(turned))
}

#[async_trait]
impl ContentSink for Sink<'_> {
    async fn begin(&mut self, facts: &ContentFacts) -> Result<(), BoxError> {
        let media_type = media_type(&facts.outline.content_type, facts.kind);
        match facts.kind {
            ContentKind::Message | ContentKind::Encrypted => {
                let name = self.is_answer.then(|| self.attachments.name(&facts.outline)).flatten();
                self.taking.begin(Role::Data, name, media_type).map_err(through)
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
