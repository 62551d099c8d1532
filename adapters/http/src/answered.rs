//! What is taken from the target's answer: the reference, and, where the configuration says so, an answer in the case.
//!
//! | Step | Where |
//! |---|---|
//! | the target took it | recorded ([`Taken`]) with the digest of what was sent, before anything is handed in |
//! | what it answered is in the case | [`AtOnce::hand_in`], under the delivery's key |
//!
//! After a crash between the two the target is asked again under the same key if it knows repetitions by itself; of any other
//! target the answer is lost, and a person has to look. Once the answer is in the case, nothing is sent any more.

use rohrpost_kit::answer::{Extract, NotThere};
use rohrpost_kit::at_once::AtOnce;
use rohrpost_kit::http::header::CONTENT_TYPE;
use rohrpost_kit::http::{Answer, Unread};
use rohrpost_model::ports::{Parcel, Why};
use rohrpost_model::{Failure, Reason, ReasonCode};

/// Status, and digest of what was sent.
const TAKEN: &str = "taken";
/// What the target calls it.
const REFERENCE: &str = "reference";

/// What is read out of an answer.
pub(crate) struct Answered {
    pub(crate) reference: Option<Extract>,
    pub(crate) at_once: Option<AtOnce>,
}

/// An earlier attempt with the same content, which the target took with an answer.
pub(crate) struct Taken {
    pub(crate) reference: Option<String>,
    pub(crate) status: u16,
}

impl Taken {
    fn of(parcel: &Parcel<'_>) -> Option<Self> {
        let recorded = parcel.progress.get(TAKEN)?;
        let (status, sent) = recorded.split_once(' ')?;
        // A person may have mended it since: then other content is to be sent.
        let same = sent == parcel.sent_sha256.to_string();
        let reference = parcel.progress.get(REFERENCE).filter(|reference| !reference.is_empty());
        Some(Self { reference, status: status.parse().ok()? }).filter(|_| same)
    }

    async fn record(parcel: &Parcel<'_>, status: u16, reference: Option<&str>) -> Result<(), Failure> {
        let before = parcel.progress.get(REFERENCE);
        if before.as_deref() != reference {
            parcel.progress.record(REFERENCE, reference.unwrap_or_default()).await?;
        }
        parcel.progress.record(TAKEN, &format!("{status} {}", parcel.sent_sha256)).await
    }
}

impl Answered {
    /// How the target calls the delivery.
    pub(crate) fn reference(&self, answer: &Answer) -> Result<Option<String>, NotThere> {
        self.reference.as_ref().map_or(Ok(None), |extract| extract.read(answer))
    }

    /// Whether what the target answers is an answer in the case.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.at_once.is_some()
    }

    /// An answer is never answered: two routes could talk to each other for ever.
    pub(crate) fn check(&self, parcel: &Parcel<'_>) -> Result<(), Failure> {
        if self.is_wanted() && parcel.submission.kind.is_answer() {
            let reason = Reason::new(ReasonCode::AdapterConfiguration).with("field", "kind");
            return Err(Failure::Defect(reason));
        }
        Ok(())
    }

    /// Whether the target took it with an answer; asked only where that answer is not in the case.
    pub(crate) fn is_outstanding(&self, parcel: &Parcel<'_>) -> bool {
        self.is_wanted() && Taken::of(parcel).is_some()
    }

    /// The earlier attempt whose answer is in the case.
    pub(crate) async fn finished(&self, parcel: &Parcel<'_>) -> Result<Option<Taken>, Failure> {
        let Some(at_once) = &self.at_once else { return Ok(None) };
        match Taken::of(parcel) {
            Some(taken) if at_once.is_in_case(parcel).await? => Ok(Some(taken)),
            _ => Ok(None),
        }
    }

    /// Hands in what was answered; nothing where it is empty.
    pub(crate) async fn hand_in(
        &self,
        parcel: &Parcel<'_>,
        answer: &Answer,
        reference: Option<&str>,
    ) -> Result<(), Failure> {
        let Some(at_once) = &self.at_once else { return Ok(()) };
        let before = Taken::of(parcel).is_some();
        let said = match &answer.body {
            Ok(said) => said,
            Err(Unread::TooLarge) => return Err(refused("answer-limit")),
            Err(Unread::Torn) => return Err(Failure::Unknown(Reason::new(ReasonCode::Torn))),
        };
        // "It is there already" is no answer: the one that it gave the first time is missing.
        if !(200..300).contains(&answer.status) {
            return Err(lost());
        }
        if said.trim_ascii().is_empty() {
            return if before { Err(lost()) } else { Ok(()) };
        }
        Taken::record(parcel, answer.status, reference).await?;
        match at_once.hand_in(parcel, media_type(answer), said).await {
            Ok(()) => Ok(()),
            // It answered the same content in other words: what it said first is in the case.
            Err(Why::OtherContent) if before => Ok(()),
            Err(Why::Unavailable) => Err(Failure::Unknown(Reason::new(ReasonCode::HubTrouble))),
            Err(why) => Err(refused(word(why))),
        }
    }
}

fn media_type(answer: &Answer) -> &str {
    let said = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match said.split(';').next().unwrap_or_default().trim() {
        "" => "application/octet-stream",
        said => said,
    }
}

fn refused(why: impl std::fmt::Display) -> Failure {
    Failure::Refused(Reason::new(ReasonCode::AnswerRefused).with("why", why))
}

/// The target has it, and does not say again what it answered.
pub(crate) const fn lost() -> Failure {
    Failure::Refused(Reason::new(ReasonCode::AnswerLost))
}

/// The word for why, never what was answered.
fn word(why: Why) -> String {
    serde_json::to_value(why).ok().and_then(|word| Some(word.as_str()?.to_owned())).unwrap_or_default()
}
