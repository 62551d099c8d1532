//! What a message of XTA is to the hub, and what of it is kept as properties. The same for what is sent to the hub and for
//! what it fetches.

mod contents;

pub(crate) use contents::{AgainstProfile, Refused, Sink};

use crate::{BusinessScenario, ContentKind, ContentOutline, MessageMetaData, ids};
use jiff::tz::TimeZone;
use rohrpost_model::ports::{Desk, Intent, StoreFault};
use rohrpost_model::submission::{Properties, ReplyChannel};
use rohrpost_model::{Area, CaseId, ClientName, Kind, ServiceKey, Submission, Timestamp};
use serde::Deserialize;
use std::collections::BTreeSet;
use toml::Spanned;

/// The property that holds the whole metadata as XML: transport reports are made of it.
pub(crate) const METADATA: &str = "xta.metadata";

/// The idempotency key of a message: its id is unique for an account, and compared without regard to case.
pub(crate) fn key(message_id: &str) -> String {
    format!("xta:{}", ids::key(message_id))
}

/// A service, and what a message for it is to the hub.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ServiceSettings {
    /// The URI in `Qualifier/Service`; `*` for any, also an empty one.
    pub(crate) uri: String,
    /// The business scenario; without it any.
    pub(crate) scenario: Option<String>,
    /// The code of the message type; without it any.
    pub(crate) message_type: Option<String>,
    /// The service (LeiKa key).
    pub(crate) service: ServiceKey,
    /// What it is.
    pub(crate) kind: Option<Spanned<Kind>>,
}

/// A reader, and the area that it stands for.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ReaderSettings {
    /// Its identifier.
    pub(crate) identifier: String,
    /// The area.
    pub(crate) area: Area,
}

/// What messages are to the hub.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    /// The services that are taken.
    pub(crate) services: &'a [ServiceSettings],
    /// The readers that messages are taken for.
    pub(crate) readers: &'a [ReaderSettings],
}

/// Why a message is nothing to the hub.
pub(crate) enum NoIntent {
    /// No service of the table fits.
    Service,
    /// Its reader is not known.
    Reader,
    /// Its metadata do not do, for this reason (German).
    Metadata(&'static str),
    /// The hub cannot tell now.
    Trouble(StoreFault),
}

/// Who hands in, where and when.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    /// Where it is handed in.
    pub(crate) desk: &'a dyn Desk,
    /// Who hands it in.
    pub(crate) client: &'a ClientName,
    /// Now.
    pub(crate) now: Timestamp,
}

impl Rules<'_> {
    /// The service that takes a message: the first in the table that fits.
    pub(crate) fn service(
        &self,
        uri: &str,
        scenario: Option<&str>,
        message_type: &str,
    ) -> Option<&ServiceSettings> {
        let is = |wanted: &Option<String>, given: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| given.is_none_or(|given| given == wanted))
        };
        let given_type = Some(message_type).filter(|code| !code.is_empty());
        self.services.iter().find(|service| {
            (service.uri == "*" || service.uri == uri.trim())
                && is(&service.scenario, scenario)
                && is(&service.message_type, given_type)
        })
    }

    /// The service that takes the message of these metadata.
    pub(crate) fn service_of(&self, metadata: &MessageMetaData) -> Option<&ServiceSettings> {
        let qualifier = &metadata.qualifier;
        let scenario = qualifier.scenario.as_ref().map(scenario_word);
        self.service(&qualifier.service, scenario, &qualifier.message_type.code.code)
    }

    /// What is handed in.
    pub(crate) async fn intent(&self, at: At<'_>, metadata: &MessageMetaData) -> Result<Intent, NoIntent> {
        let service = self.service_of(metadata).ok_or(NoIntent::Service)?;
        let reader = metadata.reader.identifier.value.trim();
        let area = self.readers.iter().find(|one| one.identifier == reader).ok_or(NoIntent::Reader)?;
        let kind = service.kind().cloned().or_else(|| "application".parse().ok());
        let kind = kind.ok_or(NoIntent::Service)?;
        check(metadata, at.now)?;
        let mut intent = Intent::new(kind, service.service.clone(), area.area.clone());
        let answers = !metadata.in_reply_to.is_empty();
        intent.case = case_of(at, metadata, answers).await.map_err(NoIntent::Trouble)?;
        intent.test = metadata.test;
        intent.idempotency_key = Some(key(&metadata.message_id));
        intent.not_before = not_before(metadata);
        intent.obsolete_after = obsolete_after(metadata);
        intent.properties = properties(metadata);
        if !intent.kind.is_answer() {
            // An answer goes back as one to this message.
            intent.reply = Some(ReplyChannel::Xta { message_id: metadata.message_id.trim().to_owned() });
        }
        Ok(intent)
    }
}

impl ServiceSettings {
    /// What a message for it is, where the table says it.
    pub(crate) fn kind(&self) -> Option<&Kind> {
        self.kind.as_ref().map(Spanned::get_ref)
    }
}

/// What no message may lack, and that it is not too late for it.
pub(crate) fn check(metadata: &MessageMetaData, now: Timestamp) -> Result<(), NoIntent> {
    if ids::key(&metadata.message_id).is_empty() {
        return Err(NoIntent::Metadata("Die Nachricht trägt keine MessageID."));
    }
    if obsolete_after(metadata).is_some_and(|time| time <= now) {
        return Err(NoIntent::Metadata("ObsoleteAfter liegt in der Vergangenheit."));
    }
    Ok(())
}

/// The case of the message that is answered, or the process that the message names, or none. An answer calls our process
/// that of who asked; what is asked of us calls it that of who answers, where its sender knows it.
pub(crate) async fn case_of(
    at: At<'_>,
    metadata: &MessageMetaData,
    answers: bool,
) -> Result<Option<CaseId>, StoreFault> {
    for id in &metadata.in_reply_to {
        if let Some(view) = at.desk.handed_in(at.client, &key(id)).await? {
            return Ok(Some(view.submission.case));
        }
    }
    let (asking, answering) = (&metadata.requester, &metadata.responder);
    let (first, second) = if answers { (asking, answering) } else { (answering, asking) };
    let processes = first.iter().chain(second);
    Ok(processes.filter_map(|process| process.value.trim().parse().ok()).next())
}

/// The message that a submission answers, if it is an answer to one.
pub(crate) fn answered(submission: &Submission) -> Option<&str> {
    match &submission.reply {
        Some(ReplyChannel::Xta { message_id }) if submission.kind.is_answer() => Some(message_id),
        _ => None,
    }
}

/// Where no zone is said, the time is that of Germany.
fn zone() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC)
}

/// From when on a message may go out.
pub(crate) fn not_before(metadata: &MessageMetaData) -> Option<Timestamp> {
    metadata.delivery.not_before.as_ref()?.instant(&zone())
}

/// Until when a message may go out. The day itself counts.
pub(crate) fn obsolete_after(metadata: &MessageMetaData) -> Option<Timestamp> {
    let day = metadata.delivery.obsolete_after.as_ref()?.day.tomorrow().ok()?;
    zone().to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).ok()
}

/// The word of a business scenario.
pub(crate) fn scenario_word(scenario: &BusinessScenario) -> &str {
    match scenario {
        BusinessScenario::Defined(code) => &code.code,
        BusinessScenario::Undefined(text) => text,
    }
}

/// What is kept of the metadata.
pub(crate) fn properties(metadata: &MessageMetaData) -> Properties {
    let mut properties = Properties::new();
    let mut keep = |name: &str, value: &str| {
        if !value.trim().is_empty() {
            properties.insert(format!("xta.{name}"), value.trim().to_owned());
        }
    };
    keep("message-id", &metadata.message_id);
    keep("author", &metadata.author.identifier.value);
    keep("reader", &metadata.reader.identifier.value);
    keep("service", &metadata.qualifier.service);
    keep("scenario", metadata.qualifier.scenario.as_ref().map_or("", scenario_word));
    keep("message-type", &metadata.qualifier.message_type.code.code);
    keep("subject", metadata.qualifier.subject.as_deref().unwrap_or_default());
    keep("in-reply-to", &metadata.in_reply_to.join(" "));
    for (name, process) in [("requester", &metadata.requester), ("responder", &metadata.responder)] {
        keep(name, process.as_ref().map_or("", |process| &process.value));
    }
    for property in &metadata.properties {
        keep(&format!("property.{}", property.key.code), &property.value);
    }
    properties.insert(METADATA.into(), metadata.to_xml());
    properties
}

/// The media type without parameters.
pub(crate) fn media_type(stated: &str, kind: ContentKind) -> String {
    let essence = stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind {
        ContentKind::Encrypted => "application/octet-stream".into(),
        ContentKind::Message if essence.is_empty() => "application/xml".into(),
        ContentKind::Attachment(_) if essence.is_empty() => "application/octet-stream".into(),
        _ => essence,
    }
}

/// The attachments of one message: what they are called.
#[derive(Default)]
pub(crate) struct Attachments {
    names: BTreeSet<String>,
    count: u32,
}

impl Attachments {
    /// The id by which the message refers to it, under its number; called before [`Self::name`].
    pub(crate) fn properties(&mut self, outline: &ContentOutline) -> Vec<(String, String)> {
        self.count += 1;
        let id = outline.id.iter().map(|id| (format!("xta.attachment.{}.id", self.count), id.clone()));
        let text = outline.description.iter();
        let text = text.map(|text| (format!("xta.attachment.{}.description", self.count), text.clone()));
        id.chain(text).collect()
    }

    /// Its file name, without folders; where two say the same, the later has its number before it.
    pub(crate) fn name(&mut self, outline: &ContentOutline) -> Option<String> {
        let name = outline.file_name.as_deref().or(outline.id.as_deref())?;
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let name: String = name.chars().filter(|one| !one.is_control()).take(120).collect();
        let name = name.trim_start_matches('.').trim();
        if name.is_empty() {
            return None;
        }
        let name = if self.names.contains(name) { format!("{}_{name}", self.count) } else { name.to_owned() };
        self.names.insert(name.clone());
        Some(name)
    }
}
