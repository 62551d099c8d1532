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
//! attach = "bescheid.pdf"               # the step's message goes with it under this name, and its attachments
//! attachments = true                    # its attachments alone
//! ```
//!
//! The answer is a submission of the same case, handed in at the hub itself under the delivery's key: however often the
//! delivery is repeated, there is one answer (H3, H4). Where it goes from there, the routes for its kind say. An answer is
//! never answered, so that no two routes can talk to each other for ever.

use async_trait::async_trait;
use rohrpost_kit::adapter::Faults;
use rohrpost_kit::answering::{Answerer, Answering};
use rohrpost_kit::parcel;
use rohrpost_kit::template::{Place, Template};
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::ports::{Clock, Desk, Finding, Inquiry, Parcel, Probe, Target, Words};
use rohrpost_model::reply::Reply as Said;
use rohrpost_model::{ClientName, Failure, Fault, Kind, Outcome, Reason, ReasonCode, Receipt};
use serde::Deserialize;
use std::sync::Arc;
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
    /// The step's attachments go with it, also where its message does not.
    #[serde(default)]
    attachments: bool,
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
        let Settings { client, kind, text, attach, attachments } = source.read(self.kind())?;
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
            answerer: Answerer::new(client),
            kind: kind.into_inner(),
            text,
            attach,
            attachments,
            clock: Arc::clone(&source.clock),
        });
        Ok(Arc::new(faults.finish(target)?))
    }
}

struct ReplyTarget {
    answerer: Answerer,
    kind: Kind,
    text: Template,
    attach: Option<Template>,
    attachments: bool,
    clock: Arc<dyn Clock>,
}

impl ReplyTarget {
    /// The step's message, signature and attachments as attachments of the answer.
    async fn attach(&self, answering: &mut Answering, parcel: &Parcel<'_>) -> Result<(), Failure> {
        if let Some(name) = &self.attach {
            let name = name.fill(parcel)?;
            answering.attach(name.clone(), parcel.media_type, parcel.message.clone()).await?;
            if let Some(signature) = &parcel.signature {
                let name = format!("{name}.p7s");
                answering.attach(name, "application/pkcs7-signature", signature.clone()).await?;
            }
        }
        if self.attach.is_some() || self.attachments {
            for attached in &parcel.attachments {
                answering.pass_on(attached).await?;
            }
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

#[async_trait]
impl Target for ReplyTarget {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        parcel::check(parcel)?;
        if parcel.submission.kind.is_answer() {
            return Err(Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", "kind")));
        }
        let said = Said::new(self.kind.clone(), self.text.fill(parcel)?);
        let mut answering = self.answerer.begin(parcel, &said, key(parcel)).await?;
        self.attach(&mut answering, parcel).await?;
        Ok(self.done(answering.accept().await?))
    }

    async fn inquire(&self, parcel: &Parcel<'_>, _: Option<&str>) -> Result<Inquiry, Failure> {
        let kept = self.answerer.handed_in(&key(parcel)).await?;
        Ok(kept.map_or(Inquiry::Absent, |view| Inquiry::Found(self.done(view.submission.id.to_string()))))
    }

    fn deduplicates(&self) -> bool {
        true
    }

    async fn probe(&self, probe: &mut Probe) {
        let name = self.answerer.client();
        probe.plan("client", Words::new(format!("Client: {name}"), format!("client: {name}")));
        probe.end(Finding::Works(Words::new(
            format!("antwortet im Vorgang als {}", self.kind),
            format!("answers in the case as {}", self.kind),
        )));
    }

    fn hands_in_as(&self) -> Option<&ClientName> {
        Some(self.answerer.client())
    }

    fn meet(&self, desk: &Arc<dyn Desk>) {
        self.answerer.meet(desk);
    }
}

#[cfg(test)]
mod tests;
