//! Transport profiles: what a Fachstandard asks of the transport of its messages, as data.

use crate::{ContentOutline, MessageMetaData};
use rohrpost_kit::AdapterSource;
use rohrpost_kit::settings::ByteSize;
use rohrpost_model::Fault;
use serde::Deserialize;
use toml::Spanned;
use uuid::Uuid;

/// The profiles that come with the adapter.
const SHIPPED: &[&str] = &[include_str!("profiles/xbau-2.6.toml")];

/// What a Fachstandard asks of the transport of its messages.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Profile {
    /// What it is called.
    pub(crate) name: String,
    /// The services (URIs) that it holds for.
    pub(crate) services: Vec<String>,
    /// All contents of a message together.
    max_size: Option<ByteSize>,
    /// How ids of attachments look.
    attachment_id: Option<AttachmentId>,
    /// What may be left out by the standard XTA, but not here.
    #[serde(default)]
    requires: Vec<Required>,
}

/// How ids of attachments look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AttachmentId {
    /// `urn_uuid_` and a UUID.
    UrnUuid,
}

/// What must be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Required {
    /// `BusinessScenario`.
    Scenario,
    /// `MessageType`.
    MessageType,
    /// `Subject`.
    Subject,
    /// The process of who asks.
    Requester,
    /// The process of who answers.
    Responder,
}

/// Profiles of a configuration: those that are named, and its own, which go before them.
pub(crate) fn profiles(
    named: &[Spanned<String>],
    own: Vec<Profile>,
    source: &AdapterSource<'_>,
) -> Result<Vec<Profile>, Vec<Fault>> {
    let (mut profiles, mut faults) = (own, Vec::new());
    for name in named {
        match Profile::shipped(name.get_ref()) {
            Some(profile) => profiles.push(profile),
            None => {
                let what = format!("there is no transport profile `{}`", name.get_ref());
                let fault = source.places().fault_at(name, what);
                faults.push(fault.hint(format!("known: {}", Profile::all_shipped().join(", "))));
            }
        }
    }
    if faults.is_empty() { Ok(profiles) } else { Err(faults) }
}

impl Profile {
    /// Whether it holds for a service.
    pub(crate) fn is_of(&self, service: &str) -> bool {
        self.services.iter().any(|uri| uri == service.trim())
    }

    /// A profile that comes with the adapter.
    pub(crate) fn shipped(name: &str) -> Option<Self> {
        let mut profiles = SHIPPED.iter().filter_map(|text| toml::from_str::<Self>(text).ok());
        profiles.find(|profile| profile.name == name)
    }

    /// Their names.
    pub(crate) fn all_shipped() -> Vec<String> {
        SHIPPED.iter().filter_map(|text| toml::from_str::<Self>(text).ok()).map(|it| it.name).collect()
    }

    /// How many bytes all contents may have.
    pub(crate) fn max_size(&self) -> Option<u64> {
        self.max_size.map(ByteSize::get)
    }

    /// What is missing in the metadata, in German.
    pub(crate) fn missing(&self, metadata: &MessageMetaData) -> Option<String> {
        let missing = self.requires.iter().find(|required| !required.is_there(metadata))?;
        Some(format!("Das Transportprofil {} verlangt {}.", self.name, missing.place()))
    }

    /// What is wrong with an attachment, in German.
    pub(crate) fn wrong(&self, outline: &ContentOutline) -> Option<String> {
        let AttachmentId::UrnUuid = self.attachment_id?;
        let uuid = outline.id.as_deref().and_then(|id| id.strip_prefix("urn_uuid_"));
        let fits = uuid.is_some_and(|uuid| uuid.len() == 36 && Uuid::try_parse(uuid).is_ok());
        let told = || {
            format!("Das Transportprofil {} verlangt Attachment/@id = urn_uuid_ und eine UUID.", self.name)
        };
        (!fits).then(told)
    }
}

impl Required {
    fn is_there(self, metadata: &MessageMetaData) -> bool {
        let said = |text: Option<&str>| text.is_some_and(|text| !text.trim().is_empty());
        let qualifier = &metadata.qualifier;
        match self {
            Self::Scenario => said(qualifier.scenario.as_ref().map(crate::intake::scenario_word)),
            Self::MessageType => said(Some(&qualifier.message_type.code.code)),
            Self::Subject => said(qualifier.subject.as_deref()),
            Self::Requester => said(metadata.requester.as_ref().map(|process| process.value.as_str())),
            Self::Responder => said(metadata.responder.as_ref().map(|process| process.value.as_str())),
        }
    }

    const fn place(self) -> &'static str {
        match self {
            Self::Scenario => "Qualifier/BusinessScenario",
            Self::MessageType => "Qualifier/MessageType",
            Self::Subject => "Qualifier/Subject",
            Self::Requester => "MsgIdentification/ProcessRef/Requester",
            Self::Responder => "MsgIdentification/ProcessRef/Responder",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_profile_can_be_read() {
        assert_eq!(Profile::all_shipped().len(), SHIPPED.len());
        let xbau = Profile::shipped("xbau-2.6").unwrap();
        assert_eq!((xbau.services.len(), xbau.max_size()), (16, Some(250_000_000)));
    }

    #[test]
    fn what_a_profile_asks_is_told_with_its_place() {
        let xbau = Profile::shipped("xbau-2.6").unwrap();
        let told = xbau.missing(&MessageMetaData::default()).unwrap();
        assert!(told.contains("Qualifier/BusinessScenario"), "{told}");
        let outline = |id: &str| ContentOutline { id: Some(id.into()), ..ContentOutline::default() };
        assert_eq!(xbau.wrong(&outline("urn_uuid_f81d4fae-7dec-11d0-a765-00a0c91e6bf6")), None);
        for id in ["urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "urn_uuid_1", "anlage-1"] {
            assert!(xbau.wrong(&outline(id)).is_some(), "{id}");
        }
    }
}
