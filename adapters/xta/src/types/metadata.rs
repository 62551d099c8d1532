//! MessageMetaData: the order to transport a message.

use super::check::boolean;
use super::{Code, Date, DateTime, Identifier, Party, attribute_of, text_of, texts_of};
use crate::names::{META, Name, WSA};
use crate::xml::{Element, Writer};

/// What a sender says of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageMetaData {
    /// A test never reaches a live destination.
    pub test: bool,
    /// Times and wishes.
    pub delivery: DeliveryAttributes,
    /// Who wrote it.
    pub author: Party,
    /// Who sent it on.
    pub sender: Option<Party>,
    /// Who is answered, if not the author.
    pub reply_to: Option<Party>,
    /// Whom it is for.
    pub reader: Party,
    /// Others whom it is for.
    pub other_readers: Vec<Identifier>,
    /// Who gets a copy.
    pub copy_readers: Vec<Identifier>,
    /// The message's id.
    pub message_id: String,
    /// The ids of messages that it answers.
    pub in_reply_to: Vec<String>,
    /// The process on the asking side.
    pub requester: Option<ProcessReference>,
    /// The process on the answering side.
    pub responder: Option<ProcessReference>,
    /// What kind of message it is.
    pub qualifier: Qualifier,
    /// Further properties.
    pub properties: Vec<Property>,
    /// The size in bytes; an empty message cannot state its.
    pub size: Option<u64>,
}

/// Times and wishes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // their names are those of the standard
pub struct DeliveryAttributes {
    pub origin: Option<DateTime>,
    pub initial_send: Option<DateTime>,
    pub not_before: Option<DateTime>,
    pub obsolete_after: Option<Date>,
    pub delivery: Option<DateTime>,
    pub initial_fetch: Option<DateTime>,
    pub reception: Option<DateTime>,
    pub service_quality: Option<String>,
    /// `ReceiptRequests` as it came.
    pub receipt_requests: Option<Element>,
}

/// A process and what it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessReference {
    /// The reference, such as an Aktenzeichen.
    pub value: String,
    /// The process' name; the attribute is spelt `ProccesName`.
    pub name: Option<String>,
}

/// What kind of message it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Qualifier {
    /// A text for people.
    pub subject: Option<String>,
    /// The service's URI; some partners leave it empty.
    pub service: String,
    /// The business scenario; some partners leave it out.
    pub scenario: Option<BusinessScenario>,
    /// The message's type.
    pub message_type: MessageType,
}

/// The field that a message belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BusinessScenario {
    /// One of a list.
    Defined(Code),
    /// A free one.
    Undefined(String),
}

/// The type of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageType {
    /// The type's code.
    pub code: Code,
    /// The schema of what is sent.
    pub payload_schema: String,
}

/// A property: a code and its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Property {
    /// Which property.
    pub key: Code,
    /// Its value.
    pub value: String,
}

impl MessageMetaData {
    /// The whole as a document of its own, to be kept.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::default();
        self.write(&mut writer);
        writer.finish()
    }

    /// What [`Self::to_xml`] wrote.
    pub fn from_xml(xml: &str) -> Option<Self> {
        crate::soap::parse(xml).ok().map(|element| Self::read(&element))
    }

    pub(crate) fn read(element: &Element) -> Self {
        let part = |name| element.child((META, name));
        let party = |parent, name| Some(Party::read(element.path(&[(META, parent), (META, name)])?));
        let others = |name: &'static str| {
            let parent = element.path(&[(META, "Destinations"), (META, "OtherDestinations")]);
            parent.map(|it| it.all((META, name)).map(Identifier::read).collect()).unwrap_or_default()
        };
        let identification = part("MsgIdentification");
        let process = |name| {
            let process = identification?.path(&[(META, "ProcessRef"), (META, name)])?;
            let value = process.trimmed().to_owned();
            Some(ProcessReference { value, name: attribute_of(process, "ProccesName") })
        };
        let properties = part("MessageProperties").map(|all| all.all((META, "Property")).map(Property::read));
        Self {
            test: element.attribute("TestMsg").and_then(boolean).unwrap_or(false),
            delivery: part("DeliveryAttributes").map(DeliveryAttributes::read).unwrap_or_default(),
            author: party("Originators", "Author").unwrap_or_default(),
            sender: party("Originators", "Sender"),
            reply_to: party("Originators", "ReplyTo"),
            reader: party("Destinations", "Reader").unwrap_or_default(),
            other_readers: others("OtherReaders"),
            copy_readers: others("CcReaders"),
            message_id: identification.and_then(|it| text_of(it, (WSA, "MessageID"))).unwrap_or_default(),
            in_reply_to: identification.map(|it| texts_of(it, (META, "In-Reply-To"))).unwrap_or_default(),
            requester: process("Requester"),
            responder: process("Responder"),
            qualifier: part("Qualifier").map(Qualifier::read).unwrap_or_default(),
            properties: properties.map(Iterator::collect).unwrap_or_default(),
            size: text_of(element, (META, "MsgSize")).and_then(|size| size.parse().ok()),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        let test = if self.test { "true" } else { "false" };
        writer.open_with((META, "MessageMetaData"), &[("TestMsg", test)]);
        self.delivery.write(writer);
        self.write_parties(writer);
        self.write_identification(writer);
        self.qualifier.write(writer);
        if !self.properties.is_empty() {
            writer.open((META, "MessageProperties"));
            self.properties.iter().for_each(|property| property.write(writer));
            writer.close();
        }
        let size = self.size.filter(|size| *size > 0).map(|size| size.to_string());
        writer.optional((META, "MsgSize"), size.as_deref());
        writer.close();
    }

    fn write_parties(&self, writer: &mut Writer) {
        writer.open((META, "Originators"));
        self.author.write((META, "Author"), writer);
        for (name, party) in [("Sender", &self.sender), ("ReplyTo", &self.reply_to)] {
            party.iter().for_each(|party| party.write((META, name), writer));
        }
        writer.close();
        writer.open((META, "Destinations"));
        self.reader.write((META, "Reader"), writer);
        if !self.other_readers.is_empty() || !self.copy_readers.is_empty() {
            writer.open((META, "OtherDestinations"));
            self.other_readers.iter().for_each(|other| other.write((META, "OtherReaders"), writer));
            self.copy_readers.iter().for_each(|copy| copy.write((META, "CcReaders"), writer));
            writer.close();
        }
        writer.close();
    }

    fn write_identification(&self, writer: &mut Writer) {
        writer.open((META, "MsgIdentification"));
        writer.leaf((WSA, "MessageID"), &self.message_id);
        self.in_reply_to.iter().for_each(|id| writer.leaf((META, "In-Reply-To"), id));
        if self.requester.is_some() || self.responder.is_some() {
            writer.open((META, "ProcessRef"));
            self.requester.iter().for_each(|process| process.write((META, "Requester"), writer));
            self.responder.iter().for_each(|process| process.write((META, "Responder"), writer));
            writer.close();
        }
        writer.close();
    }
}

impl DeliveryAttributes {
    fn read(element: &Element) -> Self {
        let time = |name| text_of(element, (META, name)).and_then(|text| DateTime::read(&text));
        Self {
            origin: time("Origin"),
            initial_send: time("InitialSend"),
            not_before: time("NotBefore"),
            obsolete_after: text_of(element, (META, "ObsoleteAfter")).and_then(|text| Date::read(&text)),
            delivery: time("Delivery"),
            initial_fetch: time("InitialFetch"),
            reception: time("Reception"),
            service_quality: text_of(element, (META, "ServiceQuality")),
            receipt_requests: element.child((META, "ReceiptRequests")).cloned(),
        }
    }

    fn write(&self, writer: &mut Writer) {
        let text = |time: Option<DateTime>| time.map(|time| time.to_string());
        writer.open((META, "DeliveryAttributes"));
        for (name, value) in [
            ("Origin", text(self.origin)),
            ("InitialSend", text(self.initial_send)),
            ("NotBefore", text(self.not_before)),
            ("ObsoleteAfter", self.obsolete_after.map(|day| day.to_string())),
            ("Delivery", text(self.delivery)),
            ("InitialFetch", text(self.initial_fetch)),
            ("Reception", text(self.reception)),
            ("ServiceQuality", self.service_quality.clone()),
        ] {
            writer.optional((META, name), value.as_deref());
        }
        self.receipt_requests.iter().for_each(|requests| writer.element(requests));
        writer.close();
    }
}

impl ProcessReference {
    fn write(&self, name: Name, writer: &mut Writer) {
        let attributes: Vec<_> = self.name.iter().map(|name| ("ProccesName", name.as_str())).collect();
        writer.leaf_with(name, &attributes, &self.value);
    }
}

impl Qualifier {
    fn read(element: &Element) -> Self {
        let scenario = element.child((META, "BusinessScenario")).and_then(|scenario| {
            let defined =
                scenario.child((META, "Defined")).map(|it| BusinessScenario::Defined(Code::read(it)));
            defined.or_else(|| text_of(scenario, (META, "Undefined")).map(BusinessScenario::Undefined))
        });
        let message_type = element.child((META, "MessageType")).map(|it| MessageType {
            code: Code::read(it),
            payload_schema: attribute_of(it, "payloadSchema").unwrap_or_default(),
        });
        Self {
            subject: text_of(element, (META, "Subject")),
            service: text_of(element, (META, "Service")).unwrap_or_default(),
            scenario,
            message_type: message_type.unwrap_or_default(),
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer.open((META, "Qualifier"));
        writer.optional((META, "Subject"), self.subject.as_deref());
        writer.leaf((META, "Service"), &self.service);
        if let Some(scenario) = &self.scenario {
            writer.open((META, "BusinessScenario"));
            match scenario {
                BusinessScenario::Defined(code) => code.write((META, "Defined"), writer),
                BusinessScenario::Undefined(text) => writer.leaf((META, "Undefined"), text),
            }
            writer.close();
        }
        let schema = [("payloadSchema", self.message_type.payload_schema.as_str())];
        self.message_type.code.write_with((META, "MessageType"), &schema, writer);
        writer.close();
    }
}

impl Property {
    fn read(element: &Element) -> Self {
        let key = element.child((META, "Key")).map(Code::read).unwrap_or_default();
        Self { key, value: text_of(element, (META, "Value")).unwrap_or_default() }
    }

    fn write(&self, writer: &mut Writer) {
        writer.open((META, "Property"));
        self.key.write((META, "Key"), writer);
        writer.leaf((META, "Value"), &self.value);
        writer.close();
    }
}
