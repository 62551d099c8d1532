//! A payment as a delivery: it is begun once, the citizen is told where to pay, and the provider is asked until it is decided.
//!
//! | Step | Where |
//! |---|---|
//! | what is to be paid | [`Orders`]: from the configuration and the message |
//! | begun at the provider | [`Provider::begin`], once for each delivery: its id is the provider's guard against doubles |
//! | told to the citizen | a `payment-request` in the case, handed in at the hub once ([`Answerer`]) |
//! | asked until decided | [`Provider::ask`], at times that stretch out; a notification or a browser that comes back only makes it earlier |
//! | decided | the delivery's result is `paid`, `failed` or `cancelled`, which later steps read (`when = "paid"`) |
//!
//! Of what was begun nothing is forgotten: the beginning is recorded before the call, and what came of it before the next. A
//! call whose answer was lost is made again under the same id; a provider that has it says so and makes no second one. Then, as
//! nobody can ask by that id, a person has to look.

mod order;
mod returning;

pub use order::{Item, Order, OrderSettings, Orders, wrong};
pub use returning::{ReturnSettings, Returning, notification_address};

use crate::adapter::{AdapterSource, Faults};
use crate::answering::Answerer;
use crate::parcel;
use crate::settings::Duration as Length;
use crate::template::{Place, Template};
use async_trait::async_trait;
use rohrpost_model::ports::{Clock, Desk, Forged, Inquiry, Noticed, Notification, Parcel, Probe, Target};
use rohrpost_model::reply::{Payment, Reply};
use rohrpost_model::{ClientName, Failure, Fault, Outcome, Reason, ReasonCode, Receipt, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;

/// The digest of the order that was begun, or was to be.
const ORDER: &str = "order";
/// What came of it.
const BEGUN: &str = "begun";
/// What [`ORDER`] is once the call surely began nothing.
const OVER: &str = "-";

/// A payment provider.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Begins a payment under the delivery's key. A provider that has one under this key already says so:
    /// [`ReasonCode::PaymentExists`], refused. Any other failure but [`Failure::Unknown`] means that nothing was begun.
    async fn begin(&self, order: &Order, parcel: &Parcel<'_>) -> Result<Begun, Failure>;

    /// What became of a payment. A question that failed is [`Failure::Unavailable`].
    async fn ask(&self, begun: &Begun, order: &Order) -> Result<Word, Failure>;

    /// See [`Target::notified`].
    fn notified(&self, notification: &Notification<'_>) -> Option<Result<Noticed, Forged>>;

    /// See [`Target::probe`].
    async fn probe(&self, probe: &mut Probe);
}

/// A payment that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// What the provider calls it.
    pub transaction: String,
    /// Where the citizen pays, if the provider said it.
    pub page: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// The provider's word on a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// The citizen may still pay: there, if the provider says it.
    Open(Option<String>),
    /// Paid.
    Paid(Paid),
    /// It failed, in the provider's word.
    Failed(String),
    /// The citizen gave it up, in the provider's word.
    Cancelled(String),
}

/// A payment that was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paid {
    /// The Kassenzeichen; it may come later than the payment.
    pub reference: Option<String>,
    /// How much, in cents, where the provider says it.
    pub amount_cents: Option<u64>,
    /// When, where the provider says it.
    pub at: Option<Timestamp>,
    /// The provider's word.
    pub code: String,
}

/// The table `answer` of a payment destination.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AnswerSettings {
    /// In whose name the citizen is told.
    client: ClientName,
    /// What the citizen reads.
    #[serde(default = "default_text")]
    text: Spanned<String>,
    /// How long after the payment its Kassenzeichen is waited for.
    #[serde(default = "default_patience")]
    reference_within: Length,
    /// How long after it was begun the provider is asked first.
    #[serde(default = "default_first")]
    first_question: Length,
}

fn default_text() -> Spanned<String> {
    let text = "Für Ihren Vorgang ist eine Gebühr zu bezahlen. Betrag und Verwendungszweck stehen in dieser Nachricht; über den Link \
                kommen Sie zur Bezahlseite.";
    Spanned::new(0..0, text.to_owned())
}

fn default_patience() -> Length {
    Length::from_secs(600)
}

fn default_first() -> Length {
    Length::from_secs(15)
}

/// A target that has something paid.
pub struct PaymentTarget<P> {
    provider: P,
    orders: Orders,
    answerer: Answerer,
    text: Template,
    reference_within: Duration,
    first_question: Duration,
    clock: Arc<dyn Clock>,
}

impl<P: Provider> PaymentTarget<P> {
    /// Puts it together; `provider` is `None` where its faults were noted.
    pub fn configured(
        provider: Result<P, Vec<Fault>>,
        order: &OrderSettings,
        answer: AnswerSettings,
        source: &AdapterSource<'_>,
    ) -> Result<Self, Vec<Fault>> {
        let (places, mut faults) = (source.places(), Faults::default());
        let provider = faults.note(provider);
        let orders = faults.note(order.configured(&places));
        let text = faults.note(Template::configured(&answer.text, Place::Plain, &places));
        faults.finish(provider.zip(orders).zip(text).map(|((provider, orders), text)| Self {
            provider,
            orders,
            answerer: Answerer::new(answer.client),
            text,
            reference_within: answer.reference_within.get(),
            first_question: answer.first_question.get(),
            clock: Arc::clone(&source.clock),
        }))
    }

    /// The payment of this delivery: the one that was begun, or a new one.
    async fn payment(&self, parcel: &Parcel<'_>, order: &Order) -> Result<Begun, Failure> {
        let (progress, digest) = (parcel.progress, order.digest());
        match progress.get(ORDER) {
            Some(before) if before != OVER && before != digest => {
                return Err(refused(ReasonCode::PaymentBegun));
            }
            Some(before) if before == digest => {
                if let Some(begun) = recorded(parcel) {
                    return Ok(begun);
                }
            }
            _ => {}
        }
        progress.record(ORDER, &digest).await?;
        match self.provider.begin(order, parcel).await {
            Ok(begun) => {
                progress.record(BEGUN, &serde_json::to_string(&begun).unwrap_or_default()).await?;
                Ok(begun)
            }
            Err(failure) if may_have_begun(&failure) => Err(failure),
            Err(failure) => {
                progress.record(ORDER, OVER).await?;
                Err(failure)
            }
        }
    }

    /// Tells the citizen where to pay, once.
    async fn tell(&self, parcel: &Parcel<'_>, order: &Order, begun: &Begun) -> Result<(), Failure> {
        if self.answerer.handed_in(&key(parcel)).await?.is_some() {
            return Ok(());
        }
        let page = match &begun.page {
            Some(page) => page.clone(),
            None => match self.provider.ask(begun, order).await? {
                Word::Open(Some(page)) => page,
                Word::Open(None) => return Err(unexpected()),
                // Whoever it was that decided it: nobody need be asked to pay any more.
                _ => return Ok(()),
            },
        };
        let payment =
            Payment { amount_cents: order.amount_cents, purpose: order.purpose.clone(), url: Some(page) };
        let kind = "payment-request".parse().map_err(|_| refused(ReasonCode::AdapterConfiguration))?;
        let said = Reply { payment: Some(payment), ..Reply::new(kind, self.text.fill(parcel)?) };
        // The page is the provider's word: only an address that a browser may safely be sent to is handed on.
        said.check().map_err(|_| unexpected())?;
        self.answerer.begin(parcel, &said, key(parcel)).await?.accept().await.map(drop)
    }

    fn waiting(&self, begun: &Begun) -> Outcome {
        let receipt = Receipt {
            reference: Some(begun.transaction.clone()),
            at: Some(begun.at),
            code: None,
            result: None,
        };
        let now = self.clock.now();
        Outcome::Accepted { receipt, ask_again_at: now.checked_add(self.first_question).unwrap_or(now) }
    }

    fn decided(&self, reference: String, result: &str, code: String) -> Inquiry {
        Inquiry::Found(Outcome::Done(Receipt {
            reference: Some(reference),
            at: Some(self.clock.now()),
            code: Some(code),
            result: Some(result.to_owned()),
        }))
    }

    fn paid(&self, begun: &Begun, order: &Order, paid: Paid) -> Result<Inquiry, Failure> {
        if paid.amount_cents.is_some_and(|amount| amount != order.amount_cents) {
            return Err(differs("amount"));
        }
        let since = paid.at.map(|at| self.clock.now().duration_since(at));
        let patient = since.is_some_and(|since| since.unsigned_abs() < self.reference_within);
        match paid.reference {
            // It is asked again, at times that stretch out.
            None if patient => Ok(Inquiry::NoWord),
            reference => {
                Ok(self.decided(reference.unwrap_or_else(|| begun.transaction.clone()), "paid", paid.code))
            }
        }
    }
}

/// What was begun, from the record of an earlier attempt.
fn recorded(parcel: &Parcel<'_>) -> Option<Begun> {
    serde_json::from_str(&parcel.progress.get(BEGUN)?).ok()
}

fn may_have_begun(failure: &Failure) -> bool {
    let code = failure.reason().code;
    let exists = matches!(code, ReasonCode::PaymentExists | ReasonCode::PaymentDiffers);
    exists || matches!(failure, Failure::Unknown(_))
}

/// The idempotency key of the payment request: one for each delivery.
fn key(parcel: &Parcel<'_>) -> String {
    format!("payment:{}", parcel.key)
}

const fn refused(code: ReasonCode) -> Failure {
    Failure::Refused(Reason::new(code))
}

/// The provider speaks of another payment: `field` is a name, never a value.
pub fn differs(field: &str) -> Failure {
    Failure::Refused(Reason::new(ReasonCode::PaymentDiffers).with("field", field))
}

/// The provider has a payment under this key already.
pub const fn exists() -> Failure {
    refused(ReasonCode::PaymentExists)
}

/// The provider said something that is not to be handed on.
fn unexpected() -> Failure {
    Failure::Refused(Reason::new(ReasonCode::UnexpectedAnswer).with("status", "-"))
}

/// A question that failed is asked again, whatever went wrong with it: it makes nothing. That credentials are refused is told too.
pub fn asked_again(failure: Failure) -> Failure {
    match failure {
        Failure::Unavailable { .. } => failure,
        other => Failure::unavailable(other.reason().clone()),
    }
}

#[async_trait]
impl<P: Provider> Target for PaymentTarget<P> {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        parcel::check(parcel)?;
        if parcel.signature.is_some() {
            return Err(Failure::Defect(Reason::new(ReasonCode::AdapterConfiguration).with("field", "seal")));
        }
        let order = self.orders.order(parcel)?;
        let begun = self.payment(parcel, &order).await?;
        self.tell(parcel, &order, &begun).await?;
        Ok(self.waiting(&begun))
    }

    async fn inquire(&self, parcel: &Parcel<'_>, reference: Option<&str>) -> Result<Inquiry, Failure> {
        let Some(begun) = recorded(parcel) else {
            let begins = parcel.progress.get(ORDER).is_some_and(|order| order != OVER);
            return Ok(if begins { Inquiry::Unfinished } else { Inquiry::Absent });
        };
        let order = self.orders.order(parcel)?;
        // A delivery whose outcome was unknown, and perhaps the citizen was not told yet.
        if reference.is_none() && self.answerer.handed_in(&key(parcel)).await?.is_none() {
            return Ok(Inquiry::Unfinished);
        }
        match self.provider.ask(&begun, &order).await? {
            // It had been taken, and is asked again at times that stretch out.
            Word::Open(_) if reference.is_some() => Ok(Inquiry::NoWord),
            Word::Open(_) => Ok(Inquiry::Found(self.waiting(&begun))),
            Word::Paid(paid) => self.paid(&begun, &order, paid),
            Word::Failed(code) => Ok(self.decided(begun.transaction, "failed", code)),
            Word::Cancelled(code) => Ok(self.decided(begun.transaction, "cancelled", code)),
        }
    }

    /// A provider begins one payment under one key.
    fn deduplicates(&self) -> bool {
        true
    }

    async fn probe(&self, probe: &mut Probe) {
        self.provider.probe(probe).await;
    }

    fn notified(&self, notification: &Notification<'_>) -> Option<Result<Noticed, Forged>> {
        self.provider.notified(notification)
    }

    fn hands_in_as(&self) -> Option<&ClientName> {
        Some(self.answerer.client())
    }

    fn meet(&self, desk: &Arc<dyn Desk>) {
        self.answerer.meet(desk);
    }
}
