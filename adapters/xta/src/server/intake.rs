//! What a message of XTA is to the hub, and what of it is kept as properties.

use super::exchange::Call;
use super::settings::{ServiceSettings, Settings};
use crate::{
    BusinessScenario, ContentKind, ContentOutline, Exception, Fault, FaultCode, MessageMetaData, ids,
};
use jiff::tz::TimeZone;
use rohrpost_model::ports::Intent;
use rohrpost_model::submission::Properties;
use rohrpost_model::{Area, CaseId, Kind, Timestamp};
use std::collections::BTreeSet;

/// The property that holds the whole metadata as XML: transport reports are made of it.
pub(super) const METADATA: &str = "xta.metadata";

/// The idempotency key of a message: its id is unique for an account, and compared without regard to case.
pub(super) fn key(message_id: &str) -> String {
    format!("xta:{}", ids::key(message_id))
}

/// The service that takes a message: the first in the table that fits.
pub(super) fn service_for<'a>(
    settings: &'a Settings,
    uri: &str,
    scenario: Option<&str>,
    message_type: &str,
) -> Option<&'a ServiceSettings> {
    let is = |wanted: &Option<String>, given: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| given.is_none_or(|given| given == wanted))
    };
    let given_type = Some(message_type).filter(|code| !code.is_empty());
    settings.service.iter().find(|service| {
        (service.uri == "*" || service.uri == uri.trim())
            && is(&service.scenario, scenario)
            && is(&service.message_type, given_type)
    })
}

/// What is handed in.
pub(super) async fn intent(call: &Call<'_>, metadata: &MessageMetaData) -> Result<Intent, Fault> {
    let settings = &call.server.desk.settings;
    let qualifier = &metadata.qualifier;
    let scenario = qualifier.scenario.as_ref().map(scenario_word);
    let service = service_for(settings, &qualifier.service, scenario, &qualifier.message_type.code.code);
    let service = service.ok_or_else(|| call.fault(FaultCode::ServiceNotBooked))?;
    let area = area_for(settings, metadata)?;
    let kind = service.kind.clone().map_or_else(application, Ok)?;
    if ids::key(&metadata.message_id).is_empty() {
        return Err(described("Die Nachricht trägt keine MessageID."));
    }
    let mut intent = Intent::new(kind, service.service.clone(), area);
    intent.case = case_of(call, metadata).await?;
    intent.test = metadata.test;
    intent.idempotency_key = Some(key(&metadata.message_id));
    intent.not_before = not_before(metadata);
    intent.obsolete_after = obsolete_after(metadata);
    if intent.obsolete_after.is_some_and(|time| time <= call.now) {
        return Err(described("ObsoleteAfter liegt in der Vergangenheit."));
    }
    intent.properties = properties(metadata);
    Ok(intent)
}

fn described(reason: &str) -> Fault {
    Fault::described(Exception::ParameterIsNotValid, reason)
}

fn application() -> Result<Kind, Fault> {
    "application".parse().map_err(|_| Fault::of(FaultCode::Internal))
}

fn area_for(settings: &Settings, metadata: &MessageMetaData) -> Result<Area, Fault> {
    let reader = metadata.reader.identifier.value.trim();
    let known = settings.reader.iter().find(|one| one.identifier == reader);
    let area = known.map(|one| one.area.clone());
    area.ok_or_else(|| described("Der Leser (Destinations/Reader) ist hier nicht bekannt."))
}

/// The case of the message that is answered, or the sender's own process, or none.
async fn case_of(call: &Call<'_>, metadata: &MessageMetaData) -> Result<Option<CaseId>, Fault> {
    for id in &metadata.in_reply_to {
        let before = call.server.hub.desk.handed_in(&call.account.client, &key(id)).await;
        if let Some(view) = before.map_err(|fault| call.trouble(&fault))? {
            return Ok(Some(view.submission.case));
        }
    }
    let processes = metadata.responder.iter().chain(&metadata.requester);
    Ok(processes.filter_map(|process| process.value.trim().parse().ok()).next())
}

/// Where no zone is said, the time is that of Germany.
fn zone() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC)
}

fn not_before(metadata: &MessageMetaData) -> Option<Timestamp> {
    metadata.delivery.not_before.as_ref()?.instant(&zone())
}

/// The day itself counts.
fn obsolete_after(metadata: &MessageMetaData) -> Option<Timestamp> {
    let day = metadata.delivery.obsolete_after.as_ref()?.day.tomorrow().ok()?;
    zone().to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).ok()
}

/// The word of a business scenario.
pub(super) fn scenario_word(scenario: &BusinessScenario) -> &str {
    match scenario {
        BusinessScenario::Defined(code) => &code.code,
        BusinessScenario::Undefined(text) => text,
    }
}

fn properties(metadata: &MessageMetaData) -> Properties {
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
pub(super) fn media_type(stated: &str, kind: ContentKind) -> String {
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
pub(super) struct Attachments {
    names: BTreeSet<String>,
    count: u32,
}

impl Attachments {
    /// The id by which the message refers to it, under its number; called before [`Self::name`].
    pub(super) fn properties(&mut self, outline: &ContentOutline) -> Vec<(String, String)> {
        self.count += 1;
        let id = outline.id.iter().map(|id| (format!("xta.attachment.{}.id", self.count), id.clone()));
        let text = outline.description.iter();
        let text = text.map(|text| (format!("xta.attachment.{}.description", self.count), text.clone()));
        id.chain(text).collect()
    }

    /// Its file name, without folders; where two say the same, the later has its number before it.
    pub(super) fn name(&mut self, outline: &ContentOutline) -> Option<String> {
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
