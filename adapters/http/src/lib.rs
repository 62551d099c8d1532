//! Delivers by one configurable HTTP request.
//!
//! ```toml
//! adapter = "http"
//!
//! [http]
//! method = "POST"                                     # or PUT, PATCH
//! url = "https://dms.example/api/insert/{case}"       # placeholders: rohrpost_kit::template
//! idempotency-header = "Idempotency-Key"              # carries {delivery-id}; "" for none
//! deduplicates = false                                # true: the target drops a second delivery under one key
//! auth = { basic = { user = "hub", password = { file = "secrets/dms" } } }   # or { bearer = { token = … } }
//! headers = { "X-Case" = "{case}" }
//!
//! [[http.part]]                                       # without parts the message itself is the body
//! name = "data"
//! content = "message"                                 # or signature, documents, attachments, text
//! [[http.part]]
//! name = "{document}"
//! content = "documents"                               # what goes along with the message, one part for each
//! [[http.part]]
//! name = "file"
//! content = "attachments"                             # one part for each
//! file-name = "{attachment-name}"
//!
//! [http.answer]
//! reference = { json-pointer = "/id" }                # see rohrpost_kit::answer
//! client = "amt"                                      # what it answers is an answer in the case: rohrpost_kit::at_once
//! kind = "status"
//! mapping = "fachverfahren-antwort"
//!
//! [http.status]                                       # see rohrpost_kit::http::StatusTable
//! "409" = "done"
//!
//! [http.inquire]                                      # without it nobody can tell after a torn connection
//! url = "https://dms.example/api/search?key={delivery-id}"
//! found = [200]
//! absent = [404]                                      # statuses that surely mean: not there
//! absent-when = { json-pointer = "/numItems", equals = 0 }
//! reference = { json-pointer = "/items/0/id" }
//!
//! [http.probe]                                        # without it a probe ends after the TLS handshake
//! method = "GET"                                      # or HEAD, OPTIONS
//! url = "https://dms.example/api/session"             # no placeholders; the server that deliveries go to
//! expect = [200]                                      # statuses that mean: all is well, and the credentials are good
//!
//! [http.connection]                                   # see rohrpost_kit::http::Connection
//! ca = ["certs/dms-ca.pem"]
//! ```
//!
//! What a parcel carries must have a place in the request: a signature, documents or attachments without one are a
//! defect, and nothing is sent. A probe never touches the address of deliveries: what a `POST` without a delivery does there, nobody
//! knows. Attachments are streamed; the length of the whole is told beforehand, and a stream whose content
//! turns out to be another one is broken off before its end (promise H8).
//!
//! Where what the target answers is an answer in the case, a delivery has two calls, and is done only with the second: see
//! [`answered`].

mod answered;
mod body;
mod inquire;
mod probe;
mod request;
mod settings;

use answered::Answered;
use async_trait::async_trait;
use body::Body;
use inquire::Inquirer;
use probe::Prober;
use request::RequestHead;
use rohrpost_kit::at_once::AtOnce;
use rohrpost_kit::http::{Client, Request, StatusTable, Unread, Verdict};
use rohrpost_kit::{Adapter, AdapterSource, parcel};
use rohrpost_model::ports::{Clock, Desk, Inquiry, Parcel, Preview, Probe, Target};
use rohrpost_model::{ClientName, Failure, Fault, MappingName, Outcome, Reason, ReasonCode, Receipt};
use std::sync::Arc;

/// The adapter of kind `http`.
pub struct Http;

impl Adapter for Http {
    fn kind(&self) -> &'static str {
        "http"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.json")
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Target>, Vec<Fault>> {
        Ok(Arc::new(settings::configure(source, self.kind())?))
    }
}

struct HttpTarget {
    client: Client,
    head: RequestHead,
    body: Body,
    answered: Answered,
    status: StatusTable,
    inquirer: Option<Inquirer>,
    deduplicates: bool,
    prober: Prober,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Target for HttpTarget {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        if let Some(finished) = self.finished(parcel).await? {
            return Ok(finished);
        }
        let request = self.request(parcel).await?;
        let answer = self.client.send(request).await?;
        self.status.judge(&answer, self.clock.now())?;
        if answer.body == Err(Unread::Torn) {
            return Err(Failure::Unknown(Reason::new(ReasonCode::Torn)));
        }
        // It says that it took it, but nobody knows what it took: a person must look.
        let reference =
            self.answered.reference(&answer).map_err(|_| Failure::Unknown(unexpected(answer.status)))?;
        self.answered.hand_in(parcel, &answer, reference.as_deref()).await?;
        Ok(self.done(reference, answer.status))
    }

    async fn inquire(&self, parcel: &Parcel<'_>, reference: Option<&str>) -> Result<Inquiry, Failure> {
        if let Some(finished) = self.finished(parcel).await? {
            return Ok(Inquiry::Found(finished));
        }
        if self.answered.is_outstanding(parcel) {
            return self.answer_again();
        }
        match self.asked(parcel, reference).await? {
            Inquiry::Found(_) if self.answered.is_wanted() => self.answer_again(),
            word => Ok(word),
        }
    }

    fn deduplicates(&self) -> bool {
        self.deduplicates
    }

    fn takes_enclosed(&self) -> bool {
        self.body.takes_enclosed()
    }

    async fn probe(&self, probe: &mut Probe) {
        self.prober.probe(&self.client, self.clock.now(), probe).await;
    }

    async fn preview(&self, parcel: &Parcel<'_>) -> Result<Option<Preview>, Failure> {
        let request = self.request(parcel).await?;
        Ok(Some(Preview { sends: request.preview(parcel), reference: None }))
    }

    fn hands_in_as(&self) -> Option<&ClientName> {
        self.answered.at_once.as_ref().map(AtOnce::client)
    }

    fn answers_by(&self) -> Option<&MappingName> {
        self.answered.at_once.as_ref()?.mapping()
    }

    fn meet(&self, desk: &Arc<dyn Desk>) {
        self.answered.at_once.iter().for_each(|at_once| at_once.meet(desk));
    }
}

impl HttpTarget {
    /// The request of a delivery.
    async fn request(&self, parcel: &Parcel<'_>) -> Result<Request, Failure> {
        parcel::check(parcel)?;
        self.answered.check(parcel)?;
        let mut request = self.head.request(parcel, None)?;
        self.body.put_into(&mut request, parcel).await?;
        Ok(request)
    }

    /// The target's own word on whether it has the delivery.
    async fn asked(&self, parcel: &Parcel<'_>, reference: Option<&str>) -> Result<Inquiry, Failure> {
        let Some(inquirer) = &self.inquirer else { return Ok(Inquiry::NoWord) };
        let Some(request) = inquirer.request(parcel, reference)? else { return Ok(Inquiry::NoWord) };
        let answer = self.client.send(request).await.map_err(to_be_asked_again)?;
        if answer.body == Err(Unread::Torn) {
            return Err(Failure::unavailable(Reason::new(ReasonCode::Torn)));
        }
        let status = answer.status;
        match inquirer.judge(&answer) {
            inquire::Word::Found(found) => Ok(Inquiry::Found(self.done(found, status))),
            inquire::Word::Absent => Ok(Inquiry::Absent),
            inquire::Word::None if matches!(self.status.verdict(status), Verdict::Done) => {
                Ok(Inquiry::NoWord)
            }
            inquire::Word::None => match self.status.judge(&answer, self.clock.now()) {
                Err(failure @ Failure::Unavailable { .. }) => Err(failure),
                Err(failure) if status >= 500 || matches!(status, 401 | 403) => {
                    Err(to_be_asked_again(failure))
                }
                _ => Ok(Inquiry::NoWord),
            },
        }
    }

    /// What an earlier attempt ended with, where its answer is in the case: there is nothing left to do.
    async fn finished(&self, parcel: &Parcel<'_>) -> Result<Option<Outcome>, Failure> {
        let taken = self.answered.finished(parcel).await?;
        Ok(taken.map(|taken| self.done(taken.reference, taken.status)))
    }

    /// The target has it, and its answer is not in the case: a target that knows repetitions says it again.
    fn answer_again(&self) -> Result<Inquiry, Failure> {
        if self.deduplicates { Ok(Inquiry::Unfinished) } else { Err(answered::lost()) }
    }

    fn done(&self, reference: Option<String>, status: u16) -> Outcome {
        Outcome::Done(Receipt {
            reference,
            at: Some(self.clock.now()),
            code: Some(status.to_string()),
            result: None,
        })
    }
}

fn unexpected(status: u16) -> Reason {
    Reason::new(ReasonCode::UnexpectedAnswer).with("status", status)
}

/// A question that failed is asked again, whatever went wrong with it.
fn to_be_asked_again(failure: Failure) -> Failure {
    match failure {
        Failure::Unknown(reason) | Failure::Refused(reason) => Failure::unavailable(reason),
        failure => failure,
    }
}

#[cfg(test)]
mod tests;
