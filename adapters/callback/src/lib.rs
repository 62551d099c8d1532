//! Calls a portal back with an answer: one signed POST.
//!
//! ```toml
//! adapter = "callback"
//!
//! [callback]
//! url = "https://portal.example.org/rohrpost"         # or, instead of it:
//! # url-from-submission = true                        # where the submission wants its answers (`reply`) …
//! # allow = ["portal.example.org", "*.example.org"]   # … if it is one of these hosts
//! key = { file = "secrets/portal-callback.key" }      # at least 32 characters
//! next-key = { file = "secrets/portal-callback-next.key" }   # while the portal changes over to another key
//! deduplicates = false                                # true: the portal drops a second call with one delivery id
//!
//! [callback.status]                                   # see rohrpost_kit::http::StatusTable
//! "409" = "done"
//!
//! [callback.connection]                               # see rohrpost_kit::http::Connection; public-only is always on
//! allow-addresses = ["10.1.2.0/24"]
//! ```
//!
//! The body is the message as the step made it, XML or JSON. Attachments are not sent: a header says how many the
//! submission has, and the portal fetches them over the API, with its own token. A detached signature and documents that
//! go along have no place in a call, so a parcel with one of them is a defect. The signature covers time, delivery id
//! and body; every attempt has a time and a signature of its own, and else the same bytes (promise H4).

mod hosts;
mod settings;
mod signature;

use async_trait::async_trait;
use hosts::Hosts;
use rohrpost_kit::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use rohrpost_kit::http::{Body, Client, Method, Request, StatusTable, Unread, Url, misconfigured};
use rohrpost_kit::probe::Endpoint;
use rohrpost_kit::{Adapter, AdapterSource, parcel};
use rohrpost_model::ports::{Clock, Finding, Inquiry, Parcel, Preview, Probe, Target, Words};
use rohrpost_model::submission::ReplyChannel;
use rohrpost_model::{Failure, Fault, Outcome, Reason, ReasonCode, Receipt, Submission};
use signature::Signer;
use std::sync::Arc;

const DELIVERY: HeaderName = HeaderName::from_static("rohrpost-delivery");
const SUBMISSION: HeaderName = HeaderName::from_static("rohrpost-submission");
const TENANT: HeaderName = HeaderName::from_static("rohrpost-tenant");
const CASE: HeaderName = HeaderName::from_static("rohrpost-case");
const KIND: HeaderName = HeaderName::from_static("rohrpost-kind");
const ATTACHMENTS: HeaderName = HeaderName::from_static("rohrpost-attachments");
const TIMESTAMP: HeaderName = HeaderName::from_static("rohrpost-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("rohrpost-signature");

/// The adapter of kind `callback`.
pub struct Callback;

impl Adapter for Callback {
    fn kind(&self) -> &'static str {
        "callback"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["{{name}}.key"]
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.json")
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Target>, Vec<Fault>> {
        Ok(Arc::new(settings::configure(source, self.kind())?))
    }
}

struct CallbackTarget {
    client: Client,
    address: Address,
    signer: Signer,
    status: StatusTable,
    deduplicates: bool,
    clock: Arc<dyn Clock>,
}

/// Where calls go.
enum Address {
    Fixed {
        url: Url,
        endpoint: Endpoint,
    },
    /// Where the submission wants its answers, if it is one of these.
    OfSubmission(Hosts),
}

impl Address {
    fn of(&self, submission: &Submission) -> Result<Url, Failure> {
        let hosts = match self {
            Self::Fixed { url, .. } => return Ok(url.clone()),
            Self::OfSubmission(hosts) => hosts,
        };
        match &submission.reply {
            Some(ReplyChannel::Callback { url }) if hosts.hold(url.url()) => Ok(url.url().clone()),
            Some(ReplyChannel::Callback { .. }) => {
                Err(Failure::Defect(Reason::new(ReasonCode::AddressForbidden).with("field", "allow")))
            }
            _ => Err(Failure::Defect(Reason::new(ReasonCode::NoCallback))),
        }
    }
}

#[async_trait]
impl Target for CallbackTarget {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        let answer = self.client.send(self.request(parcel)?).await?;
        let now = self.clock.now();
        self.status.judge(&answer, now)?;
        if answer.body == Err(Unread::Torn) {
            return Err(Failure::Unknown(Reason::new(ReasonCode::Torn)));
        }
        let code = Some(answer.status.to_string());
        Ok(Outcome::Done(Receipt { reference: None, at: Some(now), code, result: None }))
    }

    /// There is no call by which a portal could be asked.
    async fn inquire(&self, _: &Parcel<'_>, _: Option<&str>) -> Result<Inquiry, Failure> {
        Ok(Inquiry::NoWord)
    }

    fn deduplicates(&self) -> bool {
        self.deduplicates
    }

    async fn probe(&self, probe: &mut Probe) {
        match &self.address {
            Address::Fixed { endpoint, .. } => {
                endpoint.plan(probe);
                endpoint.reach(probe, self.clock.now()).await;
            }
            Address::OfSubmission(_) => {
                probe.plan("address", Words::new("Adresse bestimmen", "find the address"));
                probe.end(Finding::NotTried(Words::new(
                    "Nicht versucht: Die Adresse steht erst in der Einreichung.",
                    "Not tried: the address stands in the submission.",
                )));
            }
        }
    }

    async fn preview(&self, parcel: &Parcel<'_>) -> Result<Option<Preview>, Failure> {
        Ok(Some(Preview { sends: self.request(parcel)?.preview(parcel), reference: None }))
    }
}

impl CallbackTarget {
    fn request(&self, parcel: &Parcel<'_>) -> Result<Request, Failure> {
        parcel::check(parcel)?;
        has_places(parcel)?;
        let url = self.address.of(parcel.submission)?;
        let (headers, body) = (self.headers(parcel)?, Body::Bytes(parcel.message.clone()));
        Ok(Request { method: Method::POST, url, headers, body })
    }

    fn headers(&self, parcel: &Parcel<'_>) -> Result<HeaderMap, Failure> {
        let (submission, now) = (parcel.submission, self.clock.now().as_second());
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (CONTENT_TYPE, parcel.media_type.to_owned()),
            (DELIVERY, parcel.key.to_string()),
            (SUBMISSION, submission.id.to_string()),
            (TENANT, submission.tenant.to_string()),
            (CASE, submission.case.to_string()),
            (KIND, submission.kind.to_string()),
            (ATTACHMENTS, submission.attachments().count().to_string()),
            (TIMESTAMP, now.to_string()),
            (SIGNATURE, self.signer.sign(now, parcel.key, &parcel.message)),
        ] {
            let mut value = HeaderValue::try_from(value).map_err(|_| misconfigured(name.as_str()))?;
            // Whoever reads it elsewhere could make the same call while it is fresh.
            value.set_sensitive(name == SIGNATURE);
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

/// Nothing that belongs to the delivery is left out in silence.
fn has_places(parcel: &Parcel<'_>) -> Result<(), Failure> {
    if parcel.signature.is_some() {
        return Err(misconfigured("signature"));
    }
    if parcel.enclosed.is_empty() { Ok(()) } else { Err(misconfigured("documents")) }
}

#[cfg(test)]
mod tests;
