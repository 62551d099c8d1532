//! Has fees paid at a provider that speaks XBezahldienste 1.0.0: ePayBL by its connector, epay21, pmPayment.
//!
//! ```toml
//! adapter = "xbezahldienste"
//!
//! [xbezahldienste]
//! url = "https://bezahlen.example/xbezahldienste/api/v1.0.0"
//! originator = "sondernutzung"                        # service or form
//! end-point = "15091"                                 # authority
//! auth = { basic = { user = "hub", password = { file = "secrets/bezahlung" } } }     # or { bearer = … }, { oauth2 = … }
//!
//! [xbezahldienste.order]                              # see rohrpost_kit::payment::OrderSettings
//! amount-cents = 4250
//! purpose = "Sondernutzung"
//! return-url = "https://portal.example/vorgang/{case}"
//! booking-data = { haushaltsstelle = "0123.4567" }
//!
//! [xbezahldienste.answer]                             # see rohrpost_kit::payment::AnswerSettings
//! client = "amt"
//!
//! [xbezahldienste.return]                             # may be left out: then the hub asks at its own times only
//! url = "https://hub.example/v1/notifications/lk-beispiel-bezahlung"
//! key = { file = "secrets/bezahlung.return" }
//!
//! [xbezahldienste.connection]                         # see rohrpost_kit::http::Connection; ePayBL wants client-pkcs12
//! ```
//!
//! The delivery's id is the request id. A provider that has a payment under it says `PAYMENT_EXISTS`; the standard has no way to
//! ask for one by that id, so a payment whose beginning was not answered waits for a person.

mod calls;
mod settings;
mod shapes;

use async_trait::async_trait;
use rohrpost_kit::http::header::AUTHORIZATION;
use rohrpost_kit::http::{Answer, Client, LogIn, Request, StatusTable, Unread};
use rohrpost_kit::payment::{
    Begun, Order, PaymentTarget, Provider, Returning, Word, asked_again, differs, exists,
};
use rohrpost_kit::probe::Endpoint;
use rohrpost_kit::{Adapter, AdapterSource};
use rohrpost_model::ports::{Clock, Finding, Forged, Noticed, Notification, Parcel, Probe, Target, Words};
use rohrpost_model::{Failure, Fault, Reason, ReasonCode};
use shapes::{Functional, Information, Started};
use std::sync::Arc;

/// The adapter of kind `xbezahldienste`.
pub struct Xbezahldienste;

impl Adapter for Xbezahldienste {
    fn kind(&self) -> &'static str {
        "xbezahldienste"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.json")
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Target>, Vec<Fault>> {
        Ok(Arc::new(settings::configure(source, self.kind())?) as Arc<PaymentTarget<_>>)
    }
}

/// A provider that speaks XBezahldienste.
struct Bezahldienst {
    client: Client,
    endpoint: Option<Endpoint>,
    calls: calls::Calls,
    log_in: Option<LogIn>,
    returning: Option<Returning>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Provider for Bezahldienst {
    async fn begin(&self, order: &Order, parcel: &Parcel<'_>) -> Result<Begun, Failure> {
        let back = match &self.returning {
            Some(returning) => returning.address(parcel.key, &order.return_url),
            None => order.return_url.clone(),
        };
        let now = self.clock.now();
        let answer = self.send(self.calls.begin(order, parcel.key, now, &back)?).await?;
        self.judge(&answer)?;
        let started: Started = read(&answer)?;
        started.is_what_was_ordered(order, &parcel.key.to_string()).map_err(differs)?;
        let Information { transaction_id, redirect, .. } = started.payment_information;
        Ok(Begun { transaction: transaction_id, page: redirect, at: now })
    }

    async fn ask(&self, begun: &Begun, order: &Order) -> Result<Word, Failure> {
        let answer = self.send(self.calls.ask(&begun.transaction)?).await.map_err(asked_again)?;
        StatusTable::default().judge(&answer, self.clock.now()).map_err(asked_again)?;
        let word: shapes::Asked = read(&answer).map_err(asked_again)?;
        word.word(&begun.transaction, order)
    }

    fn notified(&self, notification: &Notification<'_>) -> Option<Result<Noticed, Forged>> {
        self.returning.as_ref().map(|returning| returning.read(notification))
    }

    async fn probe(&self, probe: &mut Probe) {
        let Some(endpoint) = &self.endpoint else { return };
        endpoint.plan(probe);
        probe.plan("answer", Words::new("antwortet", "answers"));
        probe.plan(
            "credentials",
            Words::new("Zugangsdaten und Einrichtung stimmen", "credentials and set-up are right"),
        );
        if endpoint.reach(probe, self.clock.now()).await {
            self.tries(probe).await;
        }
    }
}

impl Bezahldienst {
    /// Logged in. A token that was refused is fetched anew by the next attempt.
    async fn send(&self, mut request: Request) -> Result<Answer, Failure> {
        if let Some(log_in) = &self.log_in {
            request.headers.insert(AUTHORIZATION, log_in.header(&self.client).await?);
        }
        let answer = self.client.send(request).await?;
        if answer.status == 401 && self.log_in.as_ref().is_some_and(LogIn::forget) {
            return Err(Failure::unavailable(Reason::new(ReasonCode::TargetBusy).with("status", 401)));
        }
        match answer.body {
            Err(Unread::Torn) => Err(Failure::Unknown(Reason::new(ReasonCode::Torn))),
            _ => Ok(answer),
        }
    }

    /// The provider's own word for an error goes before the status.
    fn judge(&self, answer: &Answer) -> Result<(), Failure> {
        if answer.status >= 400 {
            match shapes::functional_code(answer) {
                Some(Functional::PaymentExists) => return Err(exists()),
                Some(Functional::Refused(code)) => {
                    let reason = Reason::new(ReasonCode::TargetRefused).with("status", code);
                    return Err(Failure::Refused(reason));
                }
                None => {}
            }
        }
        StatusTable::default().judge(answer, self.clock.now())
    }

    async fn tries(&self, probe: &mut Probe) {
        let answer = match self.calls.status() {
            Ok(request) => self.send(request).await,
            Err(failure) => Err(failure),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                return probe.end(fails(
                    failure.reason().clone(),
                    "Der Dienst antwortet nicht. Beim Bezahldienst nachsehen; mit TLS auch das Client-Zertifikat prüfen, mit oauth2 `token-url`.",
                    "The service does not answer. Ask the provider; check the client certificate, with oauth2 `token-url`.",
                ));
            }
        };
        let status = answer.status;
        let told = Reason::new(ReasonCode::UnexpectedAnswer).with("status", status);
        if status == 503 || status == 404 || status >= 500 {
            return probe.end(fails(
                told,
                "Der Dienst meldet einen Fehler. `url`, `originator` und `end-point` mit den Angaben des Bezahldienstes vergleichen.",
                "The service reports an error. Compare `url`, `originator` and `end-point` with what the provider said.",
            ));
        }
        probe.end(Finding::Works(Words::new(format!("Status {status}"), format!("status {status}"))));
        probe.end(if (200..300).contains(&status) {
            Finding::Works(Words::new("ja", "yes"))
        } else {
            fails(
                Reason::new(ReasonCode::CredentialsRefused).with("status", status),
                "Der Dienst lehnt ab. Zugangsdaten prüfen und ob `originator` und `end-point` freigeschaltet sind.",
                "The service refuses. Check the credentials, and whether `originator` and `end-point` are admitted.",
            )
        });
    }
}

/// It says that it did it, and not what: nobody knows.
fn read<T: serde::de::DeserializeOwned>(answer: &Answer) -> Result<T, Failure> {
    let body = answer.body.as_deref().unwrap_or_default();
    let unexpected =
        |_| Failure::Unknown(Reason::new(ReasonCode::UnexpectedAnswer).with("status", answer.status));
    serde_json::from_slice(body).map_err(unexpected)
}

fn fails(reason: Reason, german: &str, english: &str) -> Finding {
    Finding::Fails { reason, advice: Words::new(german, english) }
}

#[cfg(test)]
mod tests;
