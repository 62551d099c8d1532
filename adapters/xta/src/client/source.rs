//! A source: messages are fetched from a mailbox at a partner's server, and closed there once they are kept here.

use super::answers::{InCases, NumberAt};
use super::partner::{Opened, Partner};
use super::probe;
use super::settings::{PartySettings, Server};
use super::verdict::Trouble;
use crate::intake::{
    self, AgainstProfile, At, NoIntent, ReaderSettings, Refused, Rules, ServiceSettings, Sink,
};
use crate::profile::{Profile, profiles};
use crate::{
    Body, BoxError, FaultCode, Head, Iteration, ListForm, MessageMetaData, MsgBoxState, MsgPart, MsgSelector,
    MsgStatusList, Operation, StatusListRequest, Unread, ids,
};
use async_trait::async_trait;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::http::Connection;
use rohrpost_kit::settings::ByteSize;
use rohrpost_kit::{AdapterSource, SourceAdapter};
use rohrpost_model::ports::{Desk, Probe, Round, Source, TurnedAway, Why};
use rohrpost_model::{ClientName, Failure, Fault, Reason, ReasonCode, Timestamp};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use toml::Spanned;

/// So many messages are listed at once.
const PAGE: u64 = 100;

/// The most messages that are listed in a round.
const MOST: usize = 10_000;

/// How long a message that was left is let alone: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// The adapter of kind `xta` for sources.
pub struct XtaMailbox;

impl SourceAdapter for XtaMailbox {
    fn kind(&self) -> &'static str {
        "xta"
    }

    fn example(&self) -> &'static str {
        include_str!("source.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("source.json")
    }

    fn takes_answers(&self) -> bool {
        true
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Source>, Vec<Fault>> {
        Ok(Arc::new(XtaSource::configure(source)?))
    }
}

/// The table `[xta]` of a source.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    /// The address of the message box port.
    msgbox: Spanned<String>,
    /// Who fetches: an identifier of the hub's account.
    reader: PartySettings,
    /// The contents of one message together.
    max_size: Option<ByteSize>,
    /// Messages are taken although they break the schema of the standard; what breaks it is noted.
    #[serde(default)]
    lenient: bool,
    /// What messages are to the hub.
    #[serde(default)]
    service: Vec<ServiceSettings>,
    /// The areas that readers stand for.
    #[serde(default)]
    area: Vec<ReaderSettings>,
    /// Where answers have the number by which others call their case.
    foreign_id: Option<Spanned<NumberAt>>,
    /// Transport profiles that come with the hub, by name.
    #[serde(default)]
    profiles: Vec<Spanned<String>>,
    /// Further ones.
    #[serde(default)]
    profile: Vec<Profile>,
    #[serde(default)]
    connection: Connection,
}

/// A mailbox at a partner's server.
pub(super) struct XtaSource {
    pub(super) partner: Partner,
    services: Vec<ServiceSettings>,
    readers: Vec<ReaderSettings>,
    profiles: Vec<Profile>,
    lenient: bool,
    /// What makes answers in cases of messages, where they are answers.
    answers: Option<InCases>,
    /// Messages that were left: how often, and until when they are let alone.
    left: Mutex<BTreeMap<String, (u32, Timestamp, Why)>>,
}

impl XtaSource {
    /// The source of a table.
    pub(super) fn configure(source: &AdapterSource<'_>) -> Result<Self, Vec<Fault>> {
        let settings: Settings = source.read("xta")?;
        let mut faults = Faults::default();
        let server = Server {
            management: None,
            send: None,
            msgbox: Some(&settings.msgbox),
            author: &settings.reader,
            mtom: false,
            max_size: settings.max_size,
            connection: &settings.connection,
        };
        let partner = faults.note(server.partner(source));
        let profiles = faults.note(profiles(&settings.profiles, settings.profile, source));
        let answers =
            faults.note(InCases::configure(settings.foreign_id.as_ref(), &settings.service, source));
        let whole = partner.zip(profiles).zip(answers);
        faults.finish(whole.map(|((partner, profiles), answers)| Self {
            partner,
            services: settings.service,
            readers: settings.area,
            profiles,
            lenient: settings.lenient,
            answers,
            left: Mutex::default(),
        }))
    }

    fn rules(&self) -> Rules<'_> {
        Rules { services: &self.services, readers: &self.readers }
    }

    /// Why a message is let alone for now.
    fn rests(&self, id: &str, now: Timestamp) -> Option<Why> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.get(&ids::key(id)).filter(|(_, until, _)| *until > now).map(|(_, _, why)| *why)
    }

    fn rest(&self, id: &str, why: Why, now: Timestamp) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let times = left.get(&ids::key(id)).map_or(0, |(times, ..)| times + 1);
        let pause = FIRST_PAUSE.saturating_mul(1 << times.min(20)).min(LONGEST_PAUSE);
        left.insert(ids::key(id), (times, now.checked_add(pause).unwrap_or(Timestamp::MAX), why));
    }

    /// What is not listed any more is not remembered.
    fn forget_others(&self, listed: &BTreeSet<String>) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.retain(|id, _| listed.contains(id));
    }
}

#[async_trait]
impl Source for XtaSource {
    async fn round(&self, desk: &dyn Desk, client: &ClientName, round: &mut Round) -> Result<(), Failure> {
        let mut seen = BTreeSet::new();
        let asked = StatusListRequest {
            max_items: Some(PAGE),
            form: Some(ListForm::MessageMetaData),
            selector: None,
        };
        let mut page = self.listed(Operation::GetStatusList, Body::StatusListRequest(asked)).await?;
        loop {
            let fresh: Vec<_> = page.ids.into_iter().filter(|id| seen.insert(ids::key(id))).collect();
            let none = fresh.is_empty();
            for id in fresh {
                let at = At { desk, client, now: self.partner.clock.now() };
                self.message(at, &id, round).await?;
            }
            if none || !page.pending || seen.len() >= MOST {
                break;
            }
            let on = Iteration { request_id: page.request_id, received: Vec::new() };
            page = self.listed(Operation::GetNextStatusList, Body::GetNext(on)).await?;
        }
        self.forget_others(&seen);
        Ok(())
    }

    async fn probe(&self, probe: &mut Probe) {
        probe::of_mailbox(&self.partner, probe).await;
    }
}

/// A page of the list.
struct Page {
    request_id: String,
    ids: Vec<String>,
    pending: bool,
}

/// What became of one message.
enum Ended {
    /// It is kept here, and is to be closed there under this fetch.
    Kept { repeated: bool, request_id: String },
    /// It is not there any more.
    Gone,
    /// It stays there.
    Left(Why),
}

impl XtaSource {
    async fn listed(&self, operation: Operation, body: Body) -> Result<Page, Failure> {
        let opened = self.partner.open(operation, &body).await.map_err(Trouble::of_asking)?;
        let (head, received) = opened.read(&mut crate::NoContent).await.map_err(Trouble::of_asking)?;
        let Body::StatusList(MsgStatusList { attributes, metadata }) = received.body else {
            let reason = Reason::new(ReasonCode::UnexpectedAnswer).with("status", "MsgStatusList");
            return Err(Failure::unavailable(reason));
        };
        let brief = attributes.into_iter().map(|it| it.message_id);
        let whole = metadata.into_iter().map(|it| it.message_id);
        let ids = brief.chain(whole).filter(|id| !id.trim().is_empty()).collect();
        let response = head.msg_box;
        let pending = response.as_ref().is_some_and(|it| matches!(it.state, MsgBoxState::Pending(1..)));
        Ok(Page { request_id: response.map(|it| it.request_id).unwrap_or_default(), ids, pending })
    }

    /// Takes in one message: kept first, closed then.
    async fn message(&self, at: At<'_>, id: &str, round: &mut Round) -> Result<(), Failure> {
        if let Some(why) = self.rests(id, at.now) {
            round.leave(id, why);
            return Ok(());
        }
        match self.fetched(at, id).await? {
            Ended::Gone => {}
            Ended::Left(why) => {
                self.rest(id, why, at.now);
                round.leave(id, why);
            }
            Ended::Kept { repeated, request_id } => {
                round.take(repeated);
                self.close(id, request_id).await?;
            }
        }
        Ok(())
    }

    async fn fetched(&self, at: At<'_>, id: &str) -> Result<Ended, Failure> {
        let before = at.desk.handed_in(at.client, &intake::key(id)).await;
        if before.map_err(|_| trouble_here())?.is_some() {
            // It was kept before it could be closed; its content need not come again.
            return Ok(Ended::Kept { repeated: true, request_id: "1".to_owned() });
        }
        let selector = Some(MsgSelector::of_message(id));
        let asked = Body::Fetch { part: MsgPart::Envelope, selector };
        let opened = match self.partner.open(Operation::GetMessage, &asked).await {
            Ok(opened) => opened,
            Err(trouble) => return unfetched(trouble),
        };
        let request_id = opened.head.msg_box.as_ref().map(|it| it.request_id.clone()).unwrap_or_default();
        match self.taken_in(at, id, opened).await {
            Ok(repeated) => Ok(Ended::Kept { repeated, request_id }),
            Err(NotTaken::There(trouble)) => unfetched(trouble),
            Err(NotTaken::Here) => Err(trouble_here()),
            Err(NotTaken::Refused(why)) => Ok(Ended::Left(why)),
        }
    }

    /// Hands a message in; whether it was here already.
    async fn taken_in(&self, at: At<'_>, id: &str, opened: Opened) -> Result<bool, NotTaken> {
        let metadata = opened.head.metadata.clone();
        let Some(metadata) = metadata.filter(|metadata| ids::same(&metadata.message_id, id)) else {
            // A fault in the place of a message, or another message than was asked for.
            opened.read(&mut crate::NoContent).await.map_err(NotTaken::There)?;
            return Err(NotTaken::Refused(Why::Malformed));
        };
        self.strict(&opened.head)?;
        let profile = self.profiles.iter().find(|profile| profile.is_of(&metadata.qualifier.service));
        if profile.is_some_and(|profile| profile.missing(&metadata).is_some()) {
            return Err(NotTaken::Refused(Why::Malformed));
        }
        let mut sink = self.begun(at, &metadata, profile).await?;
        let (head, received) = opened.read(&mut sink).await.map_err(NotTaken::of_reading)?;
        if !self.lenient && !received.violations.is_empty() {
            return Err(NotTaken::Refused(Why::Malformed));
        }
        sink.note(&head, &received);
        Ok(sink.taking.accept().await.map_err(NotTaken::from)?.repeated)
    }

    /// Begins to hand in a message: as a submission, or as an answer in a case.
    async fn begun<'p>(
        &self,
        at: At<'_>,
        metadata: &MessageMetaData,
        profile: Option<&'p Profile>,
    ) -> Result<Sink<'p>, NotTaken> {
        match &self.answers {
            Some(answers) => {
                let answering = answers.answering(at, metadata, self.rules()).await?;
                Ok(Sink::of_answer(at.desk.answer(at.client, answering).await?, profile))
            }
            None => {
                let intent = self.rules().intent(at, metadata).await?;
                Ok(Sink::new(at.desk.admit(at.client, intent)?, profile))
            }
        }
    }

    fn strict(&self, head: &Head) -> Result<(), NotTaken> {
        if self.lenient || head.violations.is_empty() {
            Ok(())
        } else {
            Err(NotTaken::Refused(Why::Malformed))
        }
    }

    /// Closes what is kept. That it is closed already, or by somebody else, is as good.
    async fn close(&self, id: &str, request_id: String) -> Result<(), Failure> {
        let done = Body::Close(Iteration { request_id, received: vec![id.to_owned()] });
        match self.partner.ask(Operation::Close, &done).await {
            Ok(_) => Ok(()),
            Err(trouble) if trouble.code() == Some(FaultCode::MessageIdUnknown) => Ok(()),
            Err(trouble) => Err(trouble.of_asking()),
        }
    }
}

/// Why a message was not handed in.
pub(super) enum NotTaken {
    /// The partner, or the way to it.
    There(Trouble),
    /// The hub cannot take anything now.
    Here,
    /// The hub does not want this one.
    Refused(Why),
}

impl From<NoIntent> for NotTaken {
    fn from(why: NoIntent) -> Self {
        match why {
            NoIntent::Service => Self::Refused(Why::NotGranted),
            NoIntent::Reader => Self::Refused(Why::UnknownArea),
            NoIntent::Metadata(_) => Self::Refused(Why::Malformed),
            NoIntent::Trouble(_) => Self::Here,
        }
    }
}

impl From<TurnedAway> for NotTaken {
    fn from(turned: TurnedAway) -> Self {
        if turned.why == Why::Unavailable { Self::Here } else { Self::Refused(turned.why) }
    }
}

impl NotTaken {
    fn of_reading(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unread(Unread::Sink(refused), _) => Self::of_sink(refused),
            Trouble::Unread(Unread::ContentTooLarge(_), _) => Self::Refused(Why::TooLarge),
            trouble => Self::There(trouble),
        }
    }

    fn of_sink(refused: BoxError) -> Self {
        match refused.downcast::<Refused>() {
            Ok(refused) => refused.0.into(),
            Err(other) => match other.downcast_ref::<AgainstProfile>() {
                Some(AgainstProfile::TooLarge) => Self::Refused(Why::TooLarge),
                Some(AgainstProfile::Attachment(_)) => Self::Refused(Why::Malformed),
                None => Self::Here,
            },
        }
    }
}

fn trouble_here() -> Failure {
    Failure::unavailable(Reason::new(ReasonCode::HubTrouble))
}

/// A message that the partner does not hand out. Where the partner as a whole cannot be asked, the round ends; what is the
/// matter with one message does not keep the others.
fn unfetched(trouble: Trouble) -> Result<Ended, Failure> {
    match (&trouble, trouble.code()) {
        (_, Some(FaultCode::MessageIdUnknown)) => Ok(Ended::Gone),
        (
            Trouble::Fault(_),
            Some(FaultCode::Internal | FaultCode::Unspecified | FaultCode::DeliveryFailed),
        ) => Ok(Ended::Left(Why::Unavailable)),
        (Trouble::Unread(unread, _), _) if !matches!(unread, Unread::Connection(_)) => {
            Ok(Ended::Left(Why::Malformed))
        }
        _ => Err(trouble.of_asking()),
    }
}
