//! The operations of a printer.

use crate::answer::{Job, Said};
use bytes::Bytes;
use ipp::attribute::{IppAttribute, IppAttributeName as Name};
use ipp::model::{DelimiterTag, IppVersion, Operation};
use ipp::request::IppRequestResponse;
use ipp::value::{IppKeyword, IppMimeMediaType, IppName, IppString, IppValue};
use rohrpost_kit::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use rohrpost_kit::http::{
    Answer, Body, Client, Method, Piece, Request, StatusTable, Unread, Url, misconfigured,
};
use rohrpost_model::ports::Clock;
use rohrpost_model::{Failure, Reason, ReasonCode};
use std::sync::Arc;

/// What is printed is PDF.
pub(crate) const PDF: &str = "application/pdf";

/// What is asked of a job.
const JOB: [&str; 4] = ["job-id", "job-name", "job-state", "job-state-reasons"];

/// Where RFC 8011, 4.2.6.1 lists jobs. What goes from the first list to the second between two questions is found in the
/// second, so they are asked in this order.
const LISTS: [&str; 2] = ["not-completed", "completed"];

/// Talks to one printer.
pub(crate) struct Printer {
    pub(crate) client: Client,
    /// Where requests go.
    pub(crate) url: Url,
    /// What the printer calls itself.
    pub(crate) uri: IppString,
    pub(crate) user: IppName,
    pub(crate) authorization: Option<HeaderValue>,
    /// How it prints.
    pub(crate) template: Vec<IppAttribute>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Printer {
    /// What it says of itself.
    pub(crate) async fn describe(&self, attributes: &[&str]) -> Result<Said, Failure> {
        let mut request = self.request(Operation::GetPrinterAttributes)?;
        wants(&mut request, attributes)?;
        self.send(request, None).await?.judge()
    }

    /// Whether it would take a job like this; makes none.
    pub(crate) async fn validate(&self, mark: &str) -> Result<(), Failure> {
        let request = self.job_request(Operation::ValidateJob, mark)?;
        ask(self.send(request, None).await.and_then(Said::judge)).map(drop)
    }

    /// Makes a job; its id.
    pub(crate) async fn print(&self, mark: &str, document: Bytes) -> Result<i32, Failure> {
        let request = self.job_request(Operation::PrintJob, mark)?;
        let said = self.send(request, Some(document)).await?.judge()?;
        said.job().map(|job| job.id).ok_or_else(|| Failure::Unknown(no_answer()))
    }

    /// A job by its id, unless it is another's by now: printers begin anew with their numbers.
    pub(crate) async fn job(&self, id: i32, mark: &str) -> Result<Option<Job>, Failure> {
        let mut request = self.request(Operation::GetJobAttributes)?;
        add(&mut request, IppValue::Integer(id).named(Name::JOB_ID));
        wants(&mut request, &JOB)?;
        let said = self.send(request, None).await.map_err(asked_in_vain)?;
        if said.is_not_found() {
            return Ok(None);
        }
        let job = ask(said.judge())?.job().ok_or_else(|| Failure::unavailable(no_answer()))?;
        Ok(Some(job).filter(|job| job.name.as_deref().is_none_or(|name| name == mark)))
    }

    /// The jobs that bear a mark.
    pub(crate) async fn find(&self, mark: &str) -> Result<Vec<Job>, Failure> {
        let mut found = Vec::new();
        for list in LISTS {
            let mut request = self.request(Operation::GetJobs)?;
            add(&mut request, keyword(list)?.named(Name::WHICH_JOBS));
            add(&mut request, IppValue::Boolean(false).named(Name::MY_JOBS));
            wants(&mut request, &JOB)?;
            let said = ask(self.send(request, None).await.and_then(Said::judge))?;
            found.extend(said.jobs().filter(|job| job.name.as_deref() == Some(mark)));
        }
        Ok(found)
    }

    fn request(&self, operation: Operation) -> Result<IppRequestResponse, Failure> {
        let request = IppRequestResponse::new(IppVersion::v1_1(), operation, None);
        let mut request = request.map_err(|_| misconfigured("printer"))?;
        add(&mut request, IppValue::Uri(self.uri.clone()).named(Name::PRINTER_URI));
        add(&mut request, IppValue::NameWithoutLanguage(self.user.clone()).named(Name::REQUESTING_USER_NAME));
        Ok(request)
    }

    fn job_request(&self, operation: Operation, mark: &str) -> Result<IppRequestResponse, Failure> {
        let mut request = self.request(operation)?;
        let name = IppName::new(mark).map_err(|_| misconfigured("job-name"))?;
        let format = IppMimeMediaType::new(PDF).map_err(|_| misconfigured("document-format"))?;
        add(&mut request, IppValue::NameWithoutLanguage(name).named(Name::JOB_NAME));
        // What it cannot print as it should is refused, not printed otherwise (RFC 8011, 4.2.1.1).
        add(&mut request, IppValue::Boolean(true).named(Name::IPP_ATTRIBUTE_FIDELITY));
        add(&mut request, IppValue::MimeMediaType(format).named(Name::DOCUMENT_FORMAT));
        for attribute in &self.template {
            request.attributes_mut().add(DelimiterTag::JobAttributes, attribute.clone());
        }
        Ok(request)
    }

    async fn send(&self, request: IppRequestResponse, document: Option<Bytes>) -> Result<Said, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/ipp"));
        headers.extend(self.authorization.iter().map(|value| (AUTHORIZATION, value.clone())));
        let pieces = [Some(request.to_bytes()), document].into_iter().flatten().map(Piece::Bytes);
        let body = Body::Pieces(pieces.collect());
        let request = Request { method: Method::POST, url: self.url.clone(), headers, body };
        self.read(self.client.send(request).await?)
    }

    fn read(&self, answer: Answer) -> Result<Said, Failure> {
        StatusTable::default().judge(&answer, self.clock.now())?;
        match answer.body {
            Ok(body) => Said::read(&body).ok_or_else(|| Failure::Unknown(no_answer())),
            Err(Unread::Torn) => Err(Failure::Unknown(Reason::new(ReasonCode::Torn))),
            Err(Unread::TooLarge) => Err(Failure::Unknown(no_answer())),
        }
    }
}

/// The answer is none that the operation has.
fn no_answer() -> Reason {
    Reason::new(ReasonCode::UnexpectedAnswer).with("status", 200)
}

/// The end of a question that changes nothing: it can be asked again, unless it was refused.
fn ask<T>(answer: Result<T, Failure>) -> Result<T, Failure> {
    answer.map_err(asked_in_vain)
}

fn asked_in_vain(failure: Failure) -> Failure {
    match failure {
        Failure::Unknown(reason) => Failure::unavailable(reason),
        other => other,
    }
}

fn add(request: &mut IppRequestResponse, attribute: IppAttribute) {
    request.attributes_mut().add(DelimiterTag::OperationAttributes, attribute);
}

fn wants(request: &mut IppRequestResponse, attributes: &[&str]) -> Result<(), Failure> {
    let names: Result<_, _> = attributes.iter().map(|name| keyword(name)).collect();
    add(request, IppValue::Array(names?).named(Name::REQUESTED_ATTRIBUTES));
    Ok(())
}

fn keyword(word: &str) -> Result<IppValue, Failure> {
    IppKeyword::new(word).map(IppValue::Keyword).map_err(|_| misconfigured("request"))
}
