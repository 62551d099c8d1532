//! What is asked of a message box, and what it answers.

use super::check::boolean;
use super::{Date, DateTime, MessageMetaData, attribute_of, text_of, texts_of};
use crate::names::{META, OSCI, WSA};
use crate::xml::{Element, Writer};

/// Which messages are meant. Without any of these, all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MsgSelector {
    /// Only those that were never fetched.
    pub new_entry: Option<bool>,
    /// These ids.
    pub message_ids: Vec<String>,
    /// Answers to these.
    pub relates_to: Vec<Related>,
    /// Entered the box at this time or later.
    pub from: Option<DateTime>,
    /// Entered the box until this time.
    pub to: Option<DateTime>,
    /// An extension as it came; the standard gives it no meaning.
    pub extension: Option<Element>,
}

/// A message that another one refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Related {
    /// Its id.
    pub id: String,
    /// In which way; an answer, if nothing is said.
    pub relationship: Option<String>,
}

/// How a list of messages is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListForm {
    /// In brief. It is spelt `MsgAtrributes`.
    MsgAttributes,
    /// With all metadata.
    MessageMetaData,
}

/// Asks for a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusListRequest {
    /// At most so many at once.
    pub max_items: Option<u64>,
    /// In which form.
    pub form: Option<ListForm>,
    /// Which messages.
    pub selector: Option<MsgSelector>,
}

/// Which part of a message is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // their names are those of the standard
pub enum MsgPart {
    #[default]
    Envelope,
    Header,
    Body,
}

/// Goes on with a fetch iterator, or closes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Iteration {
    /// The iterator. A client may send anything, such as `1`: it is opaque.
    pub request_id: String,
    /// The messages that were received, and are done with when it closes.
    pub received: Vec<String>,
}

/// The header block by which a box answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MsgBoxResponse {
    /// The fetch iterator.
    pub request_id: String,
    /// What is left.
    pub state: MsgBoxState,
}

/// What is left in a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MsgBoxState {
    /// Nothing to hand out, for this reason.
    Nothing(String),
    /// So many more.
    Pending(u64),
}

/// A message in brief.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MsgAttributes {
    /// Its id.
    pub message_id: String,
    /// What it refers to.
    pub relates_to: Vec<Related>,
    /// `wsa:From` as it came.
    pub from: Option<Element>,
    /// Its business scenario.
    pub scenario: String,
    /// Its size in bytes; the schema ends at 2 GB.
    pub size: i32,
    /// Until when it is of use.
    pub obsolete_after: Option<Date>,
    /// When it entered the box.
    pub delivered: Option<DateTime>,
    /// When it was first fetched.
    pub first_fetched: Option<DateTime>,
}

/// The list that a box answers with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MsgStatusList {
    /// In brief.
    pub attributes: Vec<MsgAttributes>,
    /// With all metadata.
    pub metadata: Vec<MessageMetaData>,
}

fn read_related(element: &Element) -> Vec<Related> {
    let related = |it: &Element| Related {
        id: it.trimmed().to_owned(),
        relationship: attribute_of(it, "RelationshipType"),
    };
    element.all((WSA, "RelatesTo")).map(related).collect()
}

fn write_related(related: &[Related], writer: &mut Writer) {
    for it in related {
        let attributes: Vec<_> =
            it.relationship.iter().map(|kind| ("RelationshipType", kind.as_str())).collect();
        writer.leaf_with((WSA, "RelatesTo"), &attributes, &it.id);
    }
}

impl MsgSelector {
    /// The one message of this id.
    pub fn of_message(id: &str) -> Self {
        Self { message_ids: vec![id.to_owned()], ..Self::default() }
    }

    pub(crate) fn read_in(element: &Element) -> Option<Self> {
        let selector = element.child((OSCI, "MsgSelector"))?;
        let time = |name| text_of(selector, (OSCI, name)).and_then(|text| DateTime::read(&text));
        Some(Self {
            new_entry: selector.attribute("newEntry").and_then(boolean),
            message_ids: texts_of(selector, (WSA, "MessageID")),
            relates_to: read_related(selector),
            from: time("MsgBoxEntryTimeFrom"),
            to: time("MsgBoxEntryTimeTo"),
            extension: selector.child((OSCI, "Extension")).cloned(),
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        let new = self.new_entry.map(|new| ("newEntry", if new { "true" } else { "false" }));
        writer.open_with((OSCI, "MsgSelector"), new.as_slice());
        self.message_ids.iter().for_each(|id| writer.leaf((WSA, "MessageID"), id));
        write_related(&self.relates_to, writer);
        for (name, time) in [("MsgBoxEntryTimeFrom", self.from), ("MsgBoxEntryTimeTo", self.to)] {
            writer.optional((OSCI, name), time.map(|time| time.to_string()).as_deref());
        }
        self.extension.iter().for_each(|extension| writer.element(extension));
        writer.close();
    }
}

impl StatusListRequest {
    pub(crate) fn read(element: &Element) -> Self {
        let form = match element.attribute("ListForm").map(str::trim) {
            Some("MsgAtrributes") => Some(ListForm::MsgAttributes),
            Some("MessageMetaData") => Some(ListForm::MessageMetaData),
            _ => None,
        };
        let max_items = element.attribute("maxListItems").and_then(|max| max.trim().parse().ok());
        Self { max_items, form, selector: MsgSelector::read_in(element) }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        let max = self.max_items.map(|max| max.to_string());
        let form = self.form.map(|form| match form {
            ListForm::MsgAttributes => "MsgAtrributes",
            ListForm::MessageMetaData => "MessageMetaData",
        });
        let known = [("maxListItems", max.as_deref()), ("ListForm", form)];
        let attributes: Vec<_> = known.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        writer.open_with((OSCI, "MsgBoxStatusListRequest"), &attributes);
        self.selector.iter().for_each(|selector| selector.write(writer));
        writer.close();
    }
}

impl MsgPart {
    pub(crate) fn read_in(element: &Element) -> Self {
        match element.attribute("MsgPart").map(str::trim) {
            Some("Header") => Self::Header,
            Some("Body") => Self::Body,
            _ => Self::Envelope,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Envelope => "Envelope",
            Self::Header => "Header",
            Self::Body => "Body",
        }
    }
}

impl Iteration {
    pub(crate) fn read(element: &Element) -> Self {
        Self {
            request_id: attribute_of(element, "MsgBoxRequestID").unwrap_or_default(),
            received: texts_of(element, (OSCI, "LastMsgReceived")),
        }
    }

    pub(crate) fn write(&self, name: &'static str, writer: &mut Writer) {
        writer.open_with((OSCI, name), &[("MsgBoxRequestID", &self.request_id)]);
        self.received.iter().for_each(|id| writer.leaf((OSCI, "LastMsgReceived"), id));
        writer.close();
    }
}

impl MsgBoxResponse {
    pub(crate) fn read(element: &Element) -> Self {
        let pending = text_of(element, (OSCI, "ItemsPending")).and_then(|count| count.parse().ok());
        let reason = element.child((OSCI, "NoMessageAvailable")).and_then(|it| attribute_of(it, "reason"));
        let state = match pending {
            Some(count) => MsgBoxState::Pending(count),
            None => MsgBoxState::Nothing(reason.unwrap_or_default()),
        };
        Self { request_id: attribute_of(element, "MsgBoxRequestID").unwrap_or_default(), state }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.open_with((OSCI, "MsgBoxResponse"), &[("MsgBoxRequestID", &self.request_id)]);
        match &self.state {
            MsgBoxState::Nothing(reason) => {
                writer.leaf_with((OSCI, "NoMessageAvailable"), &[("reason", reason)], "");
            }
            MsgBoxState::Pending(count) => writer.leaf((OSCI, "ItemsPending"), &count.to_string()),
        }
        writer.close();
    }
}

impl MsgAttributes {
    fn read(element: &Element) -> Self {
        let time = |name| text_of(element, (OSCI, name)).and_then(|text| DateTime::read(&text));
        Self {
            message_id: text_of(element, (WSA, "MessageID")).unwrap_or_default(),
            relates_to: read_related(element),
            from: element.child((WSA, "From")).cloned(),
            scenario: text_of(element, (OSCI, "TypeOfBusinessScenario")).unwrap_or_default(),
            size: text_of(element, (OSCI, "MsgSize")).and_then(|size| size.parse().ok()).unwrap_or(0),
            obsolete_after: text_of(element, (OSCI, "ObsoleteAfterDate")).and_then(|day| Date::read(&day)),
            delivered: time("DeliveryTime"),
            first_fetched: time("InitialFetchedTime"),
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer.open((OSCI, "MsgAttributes"));
        writer.leaf((WSA, "MessageID"), &self.message_id);
        write_related(&self.relates_to, writer);
        self.from.iter().for_each(|from| writer.element(from));
        writer.leaf((OSCI, "TypeOfBusinessScenario"), &self.scenario);
        writer.leaf((OSCI, "MsgSize"), &self.size.to_string());
        for (name, value) in [
            ("ObsoleteAfterDate", self.obsolete_after.map(|day| day.to_string())),
            ("DeliveryTime", self.delivered.map(|time| time.to_string())),
            ("InitialFetchedTime", self.first_fetched.map(|time| time.to_string())),
        ] {
            writer.optional((OSCI, name), value.as_deref());
        }
        writer.close();
    }
}

impl MsgStatusList {
    pub(crate) fn read(element: &Element) -> Self {
        Self {
            attributes: element.all((OSCI, "MsgAttributes")).map(MsgAttributes::read).collect(),
            metadata: element.all((META, "MessageMetaData")).map(MessageMetaData::read).collect(),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.open((OSCI, "MsgStatusList"));
        self.attributes.iter().for_each(|it| it.write(writer));
        self.metadata.iter().for_each(|it| it.write(writer));
        writer.close();
    }
}
