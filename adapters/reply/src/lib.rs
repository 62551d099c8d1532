//! Answers in the case of a submission: a receipt when it came in, a status when the Fachverfahren has it, a notice at the
//! end. When a step is made, the order of steps says.
//!
//! ```toml
//! adapter = "reply"
//!
//! [reply]
//! client = "amt"                        # in whose name; it needs the role `submit` for the case's tenant and service
//! kind = "receipt"
//! text = "Ihr Antrag ist eingegangen."  # what the citizen reads, with placeholders
//! attach = "bescheid.pdf"               # the step's message goes with it under this name
//! ```
//!
//! The answer is a submission of the same case, handed in at the hub itself under the delivery's key: however often the
//! delivery is repeated, there is one answer (H3, H4). Where it goes from there, the routes for its kind say. An answer is
//! never answered, so that no two routes can talk to each other for ever.

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::parcel::{self, checked};
use rohrpost_kit::template::{Place, Template, attachment_name};
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::ports::{
    Attached, Clock, Desk, Finding, Inquiry, Intent, Parcel, Probe, TakingIn, Target, TurnedAway, Why, Words,
};
use rohrpost_model::reply::Reply as Said;
use rohrpost_model::submission::Role;
use rohrpost_model::{ClientName, Failure, Fault, Kind, Outcome, Reason, ReasonCode, Receipt};
use serde::Deserialize;
use std::sync::{Arc, OnceLock, Weak};
use toml::Spanned;

/// The adapter of kind `reply`.
pub struct Reply;

/// The table `[reply]` of a destination.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// In whose name.
    client: ClientName,
    /// What it is.
    kind: Spanned<Kind>,
    /// What the citizen reads.
    text: Spanned<String>,
    /// The name under which the step's message goes with it.
    attach: Option<Spanned<String>>,
}

impl Adapter for Reply {
    fn kind(&self) -> &'static str {
        "reply"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.json")
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Target>, Vec<Fault>> {
        let Settings { client, kind, text, attach } = source.read(self.kind())?;
        let (places, mut faults) = (source.places(), Faults::default());
        let template = faults.note(Template::configured(&text, Place::Plain, &places));
        let named = |name: &Spanned<String>| Template::configured(name, Place::FileName, &places);
        let attach = faults.note(attach.as_ref().map(named).transpose());
        let sample = Said::new(kind.get_ref().clone(), text.get_ref().clone());
        if let Err(wrong) = sample.check() {
            let at = if wrong.member == "text" { text.span() } else { kind.span() };
            faults.push(places.fault(at, format!("the hub cannot answer so: {}", wrong.english)));
        }
        let target = template.zip(attach).map(|(text, attach)| ReplyTarget {
            client,
            kind: kind.into_inner(),
            text,
            attach,
            desk: OnceLock::new(),
            clock: Arc::clone(&source.clock),
        });
        Ok(Arc::new(faults.finish(target)?))
    }
}

struct ReplyTarget {
    client: ClientName,
    kind: Kind,
    text: Template,
    attach: Option<Template>,
    /// Weak: the desk holds the targets.
    desk: OnceLock<Weak<dyn Desk>>,
    clock: Arc<dyn Clock>,
}

impl ReplyTarget {
    fn desk(&self) -> Result<Arc<dyn Desk>, Failure> {
        let desk = self.desk.get().and_then(Weak::upgrade);
        desk.ok_or_else(|| Failure::unavailable(Reason::new(ReasonCode::HubStopping)))
    }

    fn intent(&self, parcel: &Parcel<'_>) -> Intent {
        let submission = parcel.submission;
        Intent {
            case: Some(submission.case.clone()),
            tenant: Some(submission.tenant.clone()),
            reply: submission.reply.clone(),
            test: submission.test,
            traceparent: submission.traceparent.clone(),
            idempotency_key: Some(key(parcel)),
            ..Intent::new(self.kind.clone(), submission.service.clone(), submission.area.clone())
        }
    }

    /// The step's message, signature and attachments as attachments of the answer.
    async fn attach(&self, taking: &mut dyn TakingIn, parcel: &Parcel<'_>) -> Result<(), Failure> {
        let Some(name) = &self.attach else { return Ok(()) };
        let name = name.fill(parcel)?;
        put(taking, Some(name.clone()), parcel.media_type, parcel.message.clone()).await?;
        if let Some(signature) = &parcel.signature {
            put(taking, Some(format!("{name}.p7s")), "application/pkcs7-signature", signature.clone())
                .await?;
        }
        for attached in &parcel.attachments {
            pass_on(taking, attached).await?;
        }
        Ok(())
    }

    fn done(&self, id: String) -> Outcome {
        Outcome::Done(Receipt { reference: Some(id), at: Some(self.clock.now()), code: None, result: None })
    }
}

/// The idempotency key of the answer: one for each delivery.
fn key(parcel: &Parcel<'_>) -> String {
    format!("reply:{}", parcel.key)
}

async fn put(
    taking: &mut dyn TakingIn,
    name: Option<String>,
    media_type: &str,
    content: Bytes,
) -> Result<(), Failure> {
    taking.begin(Role::Attachment, name, media_type.to_owned()).map_err(|turned| failure(&turned))?;
    taking.write(content).await.map_err(|turned| failure(&turned))?;
    taking.end().await.map_err(|turned| failure(&turned))
}

async fn pass_on(taking: &mut dyn TakingIn, attached: &Attached) -> Result<(), Failure> {
    let (name, media_type) = (Some(attachment_name(attached)), attached.media_type.clone());
    let mut content = checked(attached).await.map_err(|fault| fault.before_sending())?;
    taking.begin(Role::Attachment, name, media_type).map_err(|turned| failure(&turned))?;
    while let Some(piece) = content.next().await {
        // Nothing is kept before the whole was accepted.
        let piece = piece.map_err(|fault| fault.before_sending())?;
        taking.write(piece).await.map_err(|turned| failure(&turned))?;
    }
    taking.end().await.map_err(|turned| failure(&turned))
}

/// What the desk's refusal means for the delivery. Nothing of it was kept.
fn failure(turned: &TurnedAway) -> Failure {
    let defect = |field| Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", field));
    match turned.why {
        Why::Unavailable => Failure::unavailable(Reason::new(ReasonCode::HubTrouble)),
        Why::OtherContent => Failure::Refused(Reason::new(ReasonCode::NameTaken)),
        Why::NotGranted
        | Why::UnknownArea
        | Why::TestOnly
        | Why::NoCase
        | Why::SeveralCases
        | Why::TooLate => defect("client"),
        Why::TooLarge | Why::Malformed | Why::Invalid => defect("attach"),
    }
}

#[async_trait]
impl Target for ReplyTarget {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        parcel::check(parcel)?;
        if parcel.submission.kind.is_answer() {
            return Err(Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", "kind")));
        }
        let said = Said::new(self.kind.clone(), self.text.fill(parcel)?);
        let data = serde_json::to_vec(&said).unwrap_or_default();
        let mut taking = self.desk()?.admit(&self.client, self.intent(parcel)).map_err(|it| failure(&it))?;
        taking.begin(Role::Data, None, "application/json".to_owned()).map_err(|turned| failure(&turned))?;
        taking.write(data.into()).await.map_err(|turned| failure(&turned))?;
        taking.end().await.map_err(|turned| failure(&turned))?;
        self.attach(&mut *taking, parcel).await?;
        let kept = taking.accept().await.map_err(|turned| failure(&turned))?;
        Ok(self.done(kept.answer.id.to_string()))
    }

    async fn inquire(&self, parcel: &Parcel<'_>, _: Option<&str>) -> Result<Inquiry, Failure> {
        let kept = self.desk()?.handed_in(&self.client, &key(parcel)).await;
        match kept.map_err(|_| Failure::unavailable(Reason::new(ReasonCode::HubTrouble)))? {
            Some(view) => Ok(Inquiry::Found(self.done(view.submission.id.to_string()))),
            None => Ok(Inquiry::Absent),
        }
    }

    fn deduplicates(&self) -> bool {
        true
    }

    async fn probe(&self, probe: &mut Probe) {
        let name = &self.client;
        probe.plan("client", Words::new(format!("Client: {name}"), format!("client: {name}")));
        probe.end(Finding::Works(Words::new(
            format!("antwortet im Vorgang als {}", self.kind),
            format!("answers in the case as {}", self.kind),
        )));
    }

    fn hands_in_as(&self) -> Option<&ClientName> {
        Some(&self.client)
    }

    fn meet(&self, desk: &Arc<dyn Desk>) {
        // There is one desk for as long as the hub runs.
        let _ = self.desk.set(Arc::downgrade(desk));
    }
}

#[cfg(test)]
mod tests;
