//! Has fees paid by GiroCheckout (S-Public Services): its pay page, its status call, its notifications.
//!
//! ```toml
//! adapter = "girocheckout"
//!
//! [girocheckout]
//! url = "https://payment.girosolution.de/girocheckout/api/v2"
//! merchant = "1234567"
//! project = "123456"                                  # of the kind pay page
//! password = { file = "secrets/girocheckout" }        # of the project
//! notify-url = "https://hub.example/v1/notifications/lk-beispiel-bezahlung"      # may be left out
//! test = false
//!
//! [girocheckout.order]                                # see rohrpost_kit::payment::OrderSettings
//! return-url = "https://portal.example/vorgang/{case}"
//! booking-data = { kassenzeichen = "{case}" }         # goes along as `kassenzeichen`; nothing else of it does
//!
//! [girocheckout.answer]                               # see rohrpost_kit::payment::AnswerSettings
//! client = "amt"
//!
//! [girocheckout.connection]                           # see rohrpost_kit::http::Connection
//! ```
//!
//! The delivery's id is the `merchantTxId`; a second one under it is refused there (4503). Requests, answers and notifications are
//! signed with the project's password; an answer that is not is none. A notification decides nothing: the hub asks.

mod calls;
mod hash;
mod settings;

use async_trait::async_trait;
use calls::{Answered, Calls};
use hash::Hasher;
use rohrpost_kit::http::{Answer, Client, Request, StatusTable, Unread};
use rohrpost_kit::payment::{
    Begun, Order, Paid, PaymentTarget, Provider, Word, asked_again, differs, exists,
};
use rohrpost_kit::probe::Endpoint;
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::ports::{Clock, Finding, Forged, Noticed, Notification, Parcel, Probe, Target, Words};
use rohrpost_model::{Failure, Fault, Reason, ReasonCode};
use std::sync::Arc;
use url::form_urlencoded;

/// The adapter of kind `girocheckout`.
pub struct Girocheckout;

impl Adapter for Girocheckout {
    fn kind(&self) -> &'static str {
        "girocheckout"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    /// The example is in order with a made-up one; the file is to hold the project's.
    fn secrets(&self) -> &'static [&'static str] {
        &["{{name}}.password"]
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.json")
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Target>, Vec<Fault>> {
        Ok(Arc::new(settings::configure(source, self.kind())?) as Arc<PaymentTarget<_>>)
    }
}

/// A project at GiroCheckout.
struct Giro {
    client: Client,
    endpoint: Option<Endpoint>,
    calls: Calls,
    hasher: Hasher,
    notified: bool,
    clock: Arc<dyn Clock>,
}

/// What `rc` says of a request that was in order.
const WELL: i64 = 0;
/// There is a payment under this `merchantTxId`.
const DUPLICATE: i64 = 4503;
/// Nobody knows of such a payment.
const UNKNOWN_PAYMENT: i64 = 5034;

#[async_trait]
impl Provider for Giro {
    async fn begin(&self, order: &Order, parcel: &Parcel<'_>) -> Result<Begun, Failure> {
        let answer = self.send(self.calls.init(&self.hasher, order, parcel.key)?).await?;
        let answered: Answered = self.read(&answer)?;
        match (answered.rc, answered.reference) {
            (WELL, Some(transaction)) if !transaction.is_empty() => {
                Ok(Begun { transaction, page: answered.url, at: self.clock.now() })
            }
            // It says that it began something, and not what.
            (WELL, _) => Err(Failure::Unknown(unexpected(&answer))),
            (DUPLICATE, _) => Err(exists()),
            (code, _) => Err(Failure::Refused(Reason::new(ReasonCode::TargetRefused).with("status", code))),
        }
    }

    async fn ask(&self, begun: &Begun, order: &Order) -> Result<Word, Failure> {
        let answer =
            self.send(self.calls.status(&self.hasher, &begun.transaction)?).await.map_err(asked_again)?;
        let answered = self.read(&answer).map_err(asked_again)?;
        if answered.rc != WELL {
            let reason = Reason::new(ReasonCode::UnexpectedAnswer).with("status", answered.rc);
            return Err(Failure::unavailable(reason));
        }
        answered.word(begun, order)
    }

    fn notified(&self, notification: &Notification<'_>) -> Option<Result<Noticed, Forged>> {
        self.notified.then(|| self.noticed(notification.query))
    }

    async fn probe(&self, probe: &mut Probe) {
        let Some(endpoint) = &self.endpoint else { return };
        endpoint.plan(probe);
        probe.plan("answer", Words::new("antwortet signiert", "answers, signed"));
        if endpoint.reach(probe, self.clock.now()).await {
            let finding = self.tries().await;
            probe.end(finding);
        }
    }
}

impl Giro {
    async fn send(&self, request: Request) -> Result<Answer, Failure> {
        let answer = self.client.send(request).await?;
        StatusTable::default().judge(&answer, self.clock.now())?;
        match answer.body {
            Err(Unread::Torn) => Err(Failure::Unknown(Reason::new(ReasonCode::Torn))),
            _ => Ok(answer),
        }
    }

    /// An answer whose header `hash` is not that of its body comes from nobody who counts.
    fn read(&self, answer: &Answer) -> Result<Answered, Failure> {
        let unknown = || Failure::Unknown(unexpected(answer));
        let body = answer.body.as_deref().map_err(|_| unknown())?;
        let hash = answer.headers.get("hash").and_then(|hash| hash.to_str().ok()).ok_or_else(unknown)?;
        if !self.hasher.is_of(hash, body) {
            return Err(unknown());
        }
        serde_json::from_slice(body).map_err(|_| unknown())
    }

    /// Which delivery a notification speaks of: in its documented fields, in their documented order.
    fn noticed(&self, query: &str) -> Result<Noticed, Forged> {
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let of =
            |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_ref());
        let values: String = calls::NOTIFIED.iter().filter_map(|name| of(name)).collect();
        let hash = of("gcHash").ok_or(Forged)?;
        if !self.hasher.is_of(hash, values.as_bytes()) {
            return Err(Forged);
        }
        let delivery = of("gcMerchantTxId").and_then(|id| id.parse().ok()).ok_or(Forged)?;
        Ok(Noticed { delivery, then: None })
    }

    /// Asks for a payment that nobody has.
    async fn tries(&self) -> Finding {
        let answered = match self.calls.status(&self.hasher, "rohrpost-probe") {
            Ok(request) => self.send(request).await,
            Err(failure) => Err(failure),
        };
        let answered = answered.and_then(|answer| self.read(&answer));
        match answered {
            Ok(answered) if matches!(answered.rc, WELL | UNKNOWN_PAYMENT) => Finding::Works(Words::new(
                "Verkäufer, Projekt und Passwort stimmen",
                "merchant, project and password are right",
            )),
            Ok(answered) => fails(Reason::new(ReasonCode::TargetRefused).with("status", answered.rc)),
            Err(failure) => fails(failure.reason().clone()),
        }
    }
}

impl Answered {
    /// The provider's word on the payment that was begun.
    fn word(self, begun: &Begun, order: &Order) -> Result<Word, Failure> {
        if self.reference.is_some_and(|reference| reference != begun.transaction) {
            return Err(differs("reference"));
        }
        let code = self.result_payment.map(|code| code.to_string()).unwrap_or_default();
        match code.as_str() {
            "4000" => {
                if self.currency.is_some_and(|currency| currency != "EUR") {
                    return Err(differs("currency"));
                }
                if self.amount.is_some_and(|amount| u64::try_from(amount) != Ok(order.amount_cents)) {
                    return Err(differs("amount"));
                }
                Ok(Word::Paid(Paid { code, ..Paid::default() }))
            }
            "4502" => Ok(Word::Cancelled(code)),
            "4900" => Ok(Word::Failed(code)),
            // 4500 and 4501 say that nothing is known yet; the page stays where it is.
            _ => Ok(Word::Open(begun.page.clone())),
        }
    }
}

fn unexpected(answer: &Answer) -> Reason {
    Reason::new(ReasonCode::UnexpectedAnswer).with("status", answer.status)
}

fn fails(reason: Reason) -> Finding {
    Finding::Fails {
        reason,
        advice: Words::new(
            "GiroCheckout antwortet nicht wie erwartet. `url`, `merchant`, `project` und `password` mit dem GiroCockpit vergleichen.",
            "GiroCheckout does not answer as it should. Compare `url`, `merchant`, `project` and `password` with the GiroCockpit.",
        ),
    }
}

#[cfg(test)]
mod tests;
