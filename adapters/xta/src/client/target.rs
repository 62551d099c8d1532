//! A destination: messages are sent to a partner's server, and its transport report says when they have arrived.

use super::partner::Partner;
use super::probe;
use super::settings::{PartySettings, ScenarioSettings, Server};
use super::verdict::Trouble;
use crate::carry::{self, Carried, TypeSettings};
use crate::intake;
use crate::{
    Body, BoxError, Container, DeliveryAttributes, FaultCode, MessageMetaData, MessageType, Operation,
    OutgoingContent, Party, ProcessReference, Qualifier, TransportReport, TransportStatus, ids,
};
use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::http::Connection;
use rohrpost_kit::parcel::{self, checked};
use rohrpost_kit::settings::{ByteSize, Duration as Length};
use rohrpost_kit::template::{Place, Template};
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::digest::Hasher;
use rohrpost_model::ports::{Attached, Inquiry, Parcel, Probe, Target};
use rohrpost_model::{Failure, Fault, Outcome, Reason, ReasonCode, Receipt};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;
use uuid::Uuid;

/// The adapter of kind `xta` for destinations.
pub struct XtaDestination;

impl Adapter for XtaDestination {
    fn kind(&self) -> &'static str {
        "xta"
    }

    fn example(&self) -> &'static str {
        include_str!("target.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("target.json")
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Target>, Vec<Fault>> {
        Ok(Arc::new(XtaTarget::configure(source)?))
    }
}

/// The table `[xta]` of a destination.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    /// The address of the send port.
    send: Spanned<String>,
    /// The address of the management port, which is asked for reports.
    management: Option<Spanned<String>>,
    /// Who writes: an identifier of the hub's account.
    author: PartySettings,
    /// Whom it is for.
    reader: PartySettings,
    /// `Qualifier/Service`.
    service: String,
    /// `BusinessScenario`.
    scenario: ScenarioSettings,
    /// `MessageType`.
    message_type: TypeSettings,
    /// `Subject`, a text with placeholders.
    subject: Option<Spanned<String>>,
    /// The sender in message ids.
    #[serde(default = "default_sender")]
    sender: Spanned<String>,
    /// What says that a message has arrived.
    #[serde(rename = "final", default)]
    final_word: FinalWord,
    /// How long after a message was taken its report is asked for first. Later questions stretch out, as the destination
    /// says.
    #[serde(default = "default_report_after")]
    report_after: Length,
    /// Contents as parts (MTOM) and not as base64 in the envelope.
    #[serde(default)]
    mtom: bool,
    #[serde(default)]
    max_size: Option<ByteSize>,
    #[serde(default)]
    connection: Connection,
}

/// What says that a message has arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FinalWord {
    /// The transport report.
    #[default]
    Report,
    /// The answer to sendMessage: the server has it, and what becomes of it is its business.
    Answer,
}

fn default_sender() -> Spanned<String> {
    Spanned::new(0..0, "rohrpost".to_owned())
}

fn default_report_after() -> Length {
    Length::from_secs(30)
}

/// A reader at a partner's server.
pub(super) struct XtaTarget {
    pub(super) partner: Partner,
    pub(super) reader: Party,
    pub(super) qualifier: Qualifier,
    subject: Option<Template>,
    sender: String,
    final_word: FinalWord,
    report_after: Duration,
    max_size: Option<u64>,
}

impl XtaTarget {
    /// The target of a destination's table.
    pub(super) fn configure(source: &AdapterSource<'_>) -> Result<Self, Vec<Fault>> {
        let settings: Settings = source.read("xta")?;
        let mut faults = Faults::default();
        let server = Server {
            management: settings.management.as_ref(),
            send: Some(&settings.send),
            msgbox: None,
            author: &settings.author,
            mtom: settings.mtom,
            max_size: settings.max_size,
            connection: &settings.connection,
        };
        let partner = faults.note(server.partner(source));
        let subject = settings.subject.as_ref();
        let subject = subject.map(|text| Template::configured(text, Place::Plain, &source.places()));
        let subject = faults.note(subject.transpose());
        for fault in settings.faults(source) {
            faults.push(fault);
        }
        let whole = partner.zip(subject);
        faults.finish(whole.map(|(partner, subject)| Self {
            partner,
            reader: settings.reader.party(),
            qualifier: settings.qualifier(),
            subject,
            sender: settings.sender.into_inner(),
            final_word: settings.final_word,
            report_after: settings.report_after.get(),
            max_size: settings.max_size.map(ByteSize::get),
        }))
    }

    /// The id of a message is made of the delivery and of what is sent: a repetition has the same one, and what a person
    /// changed has another. So an id that the server has already says that it has this very content (H4, H5).
    pub(super) fn message_id(&self, parcel: &Parcel<'_>) -> String {
        let mut hasher = Hasher::default();
        hasher.update(parcel.key.to_string().as_bytes());
        hasher.update(parcel.sent_sha256.to_string().as_bytes());
        let digest = hasher.finish();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.as_bytes()[..16]);
        let uuid = uuid::Builder::from_custom_bytes(bytes).into_uuid();
        self.id_of(&uuid.to_string())
    }

    /// The message id that a UUID makes.
    pub(super) fn id_of(&self, uuid: &str) -> String {
        format!("{}{}:{uuid}", ids::PREFIX, self.sender)
    }

    fn metadata(&self, parcel: &Parcel<'_>) -> Result<MessageMetaData, Failure> {
        let submission = parcel.submission;
        let attached: u64 = parcel.attachments.iter().map(|attached| attached.size).sum();
        let signature = parcel.signature.as_ref().map_or(0, |bytes| bytes.len() as u64);
        let subject = self.subject.as_ref().map(|template| template.fill(parcel)).transpose()?;
        let origin = Some(submission.received_at.into());
        Ok(MessageMetaData {
            test: submission.test,
            delivery: DeliveryAttributes { origin, ..DeliveryAttributes::default() },
            author: self.partner.author.clone(),
            reader: self.reader.clone(),
            message_id: self.message_id(parcel),
            in_reply_to: intake::answered(submission).map(str::to_owned).into_iter().collect(),
            requester: Some(ProcessReference { value: submission.case.to_string(), name: None }),
            qualifier: Qualifier { subject, ..self.qualifier.clone() },
            size: Some(parcel.message.len() as u64 + attached + signature).filter(|size| *size > 0),
            ..MessageMetaData::default()
        })
    }

    async fn container(&self, parcel: &Parcel<'_>) -> Result<Container<'static>, Failure> {
        let mut attachments = Vec::new();
        for attached in &parcel.attachments {
            attachments.push(content(attached).await?);
        }
        let carried = Carried {
            id: parcel.key,
            message: parcel.message.clone(),
            media_type: parcel.media_type,
            signature: parcel.signature.clone(),
            attachments,
        };
        Ok(carried.container())
    }

    fn within_limits(&self, metadata: &MessageMetaData) -> Result<(), Failure> {
        match (self.max_size, metadata.size) {
            (Some(most), Some(size)) if size > most => {
                let told = format!("{} {}", FaultCode::TooLarge.number(), FaultCode::TooLarge.text());
                let told = told.trim_end_matches('.');
                Err(Failure::Refused(Reason::new(ReasonCode::TargetRefused).with("status", told)))
            }
            _ => Ok(()),
        }
    }

    /// The server has it. Whether that is the final word is a matter of the configuration.
    fn taken(&self, message_id: String) -> Outcome {
        let now = self.partner.clock.now();
        let receipt = Receipt { reference: Some(message_id), at: Some(now), code: None, result: None };
        match self.final_word {
            FinalWord::Answer => Outcome::Done(receipt),
            FinalWord::Report => {
                Outcome::Accepted { receipt, ask_again_at: now.checked_add(self.report_after).unwrap_or(now) }
            }
        }
    }

    /// What a report says of a message that the server knows.
    fn reported(&self, message_id: String, report: &TransportReport) -> Result<Inquiry, Failure> {
        let status = report.status.status.unwrap_or_default();
        match (status, self.taken(message_id)) {
            (TransportStatus::Red, _) => {
                Err(Failure::Refused(Reason::new(ReasonCode::ReportedFailed).with("status", status.number())))
            }
            // It is asked again, at times that stretch out.
            (TransportStatus::Open, Outcome::Accepted { .. }) => Ok(Inquiry::NoWord),
            (_, Outcome::Accepted { receipt, .. } | Outcome::Done(receipt)) => {
                let code = Some(status.number().to_owned());
                Ok(Inquiry::Found(Outcome::Done(Receipt { code, ..receipt })))
            }
        }
    }
}

impl Settings {
    fn qualifier(&self) -> Qualifier {
        Qualifier {
            subject: None,
            service: self.service.clone(),
            scenario: Some(self.scenario.scenario()),
            message_type: MessageType {
                code: self.message_type.code(),
                payload_schema: self.message_type.schema.clone(),
            },
        }
    }

    /// What only all together can show.
    fn faults(&self, source: &AdapterSource<'_>) -> Vec<Fault> {
        let (places, mut faults) = (source.places(), Vec::new());
        if ids::make(self.sender.get_ref(), Uuid::nil()).is_err() {
            let fault = places.fault_at(&self.sender, "this cannot stand in a message id");
            faults.push(fault.hint("1 to 41 characters without colon and blank"));
        }
        if self.final_word == FinalWord::Report && self.management.is_none() {
            let fault =
                places.fault_at(&self.send, "`management` is missing, which is asked for transport reports");
            faults.push(fault.hint("add it, or say final = \"answer\" where the partner has no reports"));
        }
        faults
    }
}

#[async_trait]
impl Target for XtaTarget {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        parcel::check(parcel)?;
        let metadata = self.metadata(parcel)?;
        self.within_limits(&metadata)?;
        let (id, container) = (metadata.message_id.clone(), self.container(parcel).await?);
        match self.partner.send(metadata, container).await {
            Ok(()) => Ok(self.taken(id)),
            // An attempt before has arrived: nobody else makes this id, and it stands for this content.
            Err(trouble) if trouble.code() == Some(FaultCode::MessageIdTaken) => Ok(self.taken(id)),
            Err(trouble) => Err(trouble.of_sending()),
        }
    }

    async fn inquire(&self, parcel: &Parcel<'_>, reference: Option<&str>) -> Result<Inquiry, Failure> {
        if self.partner.ports.management.is_none() {
            return Ok(Inquiry::NoWord);
        }
        let id = reference.map_or_else(|| self.message_id(parcel), str::to_owned);
        let asked = self.partner.ask(Operation::GetTransportReport, &Body::MessageId(id.clone())).await;
        match asked {
            Ok(Body::Report(report)) => self.reported(id, &report),
            Ok(_) => Ok(Inquiry::NoWord),
            Err(trouble) if trouble.code() == Some(FaultCode::MessageIdUnknown) => Ok(match reference {
                // What it has taken it does not report on any more: that is no reason to send it again.
                Some(_) => Inquiry::NoWord,
                None => Inquiry::Absent,
            }),
            Err(trouble) => Err(Trouble::of_asking(trouble)),
        }
    }

    /// A server takes each message id once.
    fn deduplicates(&self) -> bool {
        true
    }

    async fn probe(&self, probe: &mut Probe) {
        probe::of_target(self, probe).await;
    }
}

/// An attachment that cannot be sent to its end unless it is the one that was marked.
async fn content(attached: &Attached) -> Result<OutgoingContent<'static>, Failure> {
    let outline = carry::outline(attached);
    let bytes = checked(attached).await.map_err(|fault| fault.before_sending())?;
    let bytes = bytes.map_err(|fault| Box::new(fault) as BoxError).boxed();
    Ok(OutgoingContent { outline, bytes })
}
