//! From an HTTP request to an operation, and from its answer or fault to HTTP.

use super::accounts::Account;
use super::{Desk, management, msgbox, send};
use crate::{
    Body, Container, Contents, Direction, Expect, Fault, FaultCode, Form, Head, HeaderBlocks, Limits,
    Operation, Outgoing, Port, Received, Unread, Wire, Written, read_head,
};
use axum::body::Body as HttpBody;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use rohrpost_kit::inbound::Hub;
use rohrpost_model::ports::{Peer, StoreFault};
use rohrpost_model::{SubmissionId, Timestamp};
use std::sync::Arc;

/// The server while it serves.
pub(super) struct Server {
    pub(super) desk: Arc<Desk>,
    pub(super) hub: Hub,
}

/// Why an operation ends without an answer.
pub(super) enum Refusal {
    /// A fault of the protocol.
    Fault(Fault),
    /// The envelope cannot be read.
    Unread(Unread),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        Self::Unread(unread)
    }
}

/// What an operation answers.
pub(super) struct Answer {
    pub(super) headers: HeaderBlocks,
    pub(super) body: Answered,
}

/// The body of an answer.
pub(super) enum Answered {
    /// One without contents.
    Small(Body),
    /// One with contents.
    Container(Container<'static>),
}

impl Answer {
    pub(super) fn small(body: Body) -> Self {
        Self { headers: HeaderBlocks::default(), body: Answered::Small(body) }
    }
}

/// A request whose head was read: who asks for what.
pub(super) struct Call<'a> {
    pub(super) server: &'a Server,
    pub(super) account: &'a Account,
    pub(super) head: Head,
    pub(super) now: Timestamp,
}

impl Call<'_> {
    /// The fault of a code, in a form that the operation knows.
    pub(super) fn fault(&self, code: FaultCode) -> Fault {
        Fault::of_operation(code, self.head.operation)
    }

    /// The hub's own trouble: the sender may try again.
    pub(super) fn trouble(&self, fault: &StoreFault) -> Fault {
        tracing::error!(%fault, operation = self.head.operation.name(), "not answered");
        self.fault(FaultCode::Internal)
    }

    /// The identifier that the client speaks under; it must be one of its account's.
    pub(super) fn speaks_as(&self) -> Result<&str, Fault> {
        let party = self.head.who_asks().map(|party| party.identifier.value.trim());
        let identifier = party.filter(|value| !value.is_empty());
        let identifier = identifier.ok_or_else(|| self.fault(FaultCode::NotTheAuthor))?;
        self.account.may_be(identifier).map_err(|code| self.fault(code))?;
        Ok(identifier)
    }

    /// A body without contents, read to its end. A strict partner's must not break the schema.
    pub(super) async fn small(&self, contents: Contents<'_>) -> Result<Received, Refusal> {
        let received = contents.small().await?;
        let broken = self.head.violations.iter().chain(&received.violations).next();
        match broken.filter(|_| !self.account.lenient) {
            None => Ok(received),
            Some(violation) => {
                let told = format!("Die Anfrage verletzt das Schema: {violation}");
                Err(Fault { reason: told, ..self.fault(FaultCode::BadCombination) }.into())
            }
        }
    }
}

/// Answers one request.
pub(super) async fn serve(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let wire = Wire {
        content_type: text(&parts.headers, "content-type").unwrap_or_default(),
        soap_action: text(&parts.headers, "soapaction"),
    };
    let limits = Limits { content: server.desk.settings.max_size(), ..Limits::default() };
    let announced = text(&parts.headers, "content-length").and_then(|length| length.parse().ok());
    let read = read_head(wire, Expect::Request, body.into_data_stream(), limits).await;
    let (head, contents) = match read {
        Ok(read) => read,
        Err(unread) => return server.refused(None, Refusal::Unread(unread)),
    };
    let asked = Asked::of(&head);
    let too_long = announced.is_some_and(|length: u64| length > limits.transfer());
    let answer = if too_long {
        Err(Unread::ContentTooLarge(limits.content).into())
    } else {
        server.answer(&parts.uri, &peer, head, contents).await
    };
    match answer {
        Ok(answer) => asked.written(&server, answer),
        Err(refusal) => server.refused(Some(&asked), refusal),
    }
}

impl Server {
    /// An id of an envelope.
    fn fresh_id(&self) -> String {
        format!("urn:uuid:{}", SubmissionId::new(self.hub.clock.now()))
    }

    /// A refusal as it is answered: by the protocol where that is possible, else by HTTP alone.
    fn refused(&self, asked: Option<&Asked>, refusal: Refusal) -> Response {
        let (fault, status) = match refusal {
            Refusal::Fault(fault) => (Some(fault), 500),
            Refusal::Unread(unread) => (unread.fault(asked.map(|asked| asked.operation)), unread.status()),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let Some(fault) = fault else { return plain(status) };
        match asked {
            None => response(status, Outgoing::bare_fault(&fault, &self.fresh_id())),
            Some(asked) => asked.refused(fault, self.fresh_id()),
        }
    }

    async fn answer(
        &self,
        uri: &Uri,
        peer: &Peer,
        head: Head,
        contents: Contents<'_>,
    ) -> Result<Answer, Refusal> {
        let operation = head.operation;
        if port_of(uri) != Some(operation.port()) {
            let told = format!("{} gehört nicht zu diesem Port.", operation.name());
            return Err(Fault::of_soap(crate::Blame::Sender, &told).into());
        }
        let now = self.hub.clock.now();
        let account = self.desk.accounts.of(peer, now);
        let account = account.map_err(|code| Fault::of_operation(code, operation))?;
        let call = Call { server: self, account, head, now };
        let answer = match operation.port() {
            Port::Management => management::answer(&call, contents).await,
            Port::Send => send::answer(&call, contents).await,
            Port::MsgBox => msgbox::answer(&call, contents).await,
        };
        let client = &account.client;
        match &answer {
            Ok(_) => tracing::info!(%client, operation = operation.name(), "answered"),
            Err(Refusal::Fault(fault)) => {
                let code = fault.code().map(crate::FaultCode::number);
                tracing::info!(%client, operation = operation.name(), code, "refused");
            }
            Err(Refusal::Unread(_)) => {
                tracing::info!(%client, operation = operation.name(), "the envelope cannot be read");
            }
        }
        answer
    }
}

pub(super) fn port_of(uri: &Uri) -> Option<Port> {
    match uri.path() {
        "/xta/management" => Some(Port::Management),
        "/xta/send" => Some(Port::Send),
        "/xta/msgbox" => Some(Port::MsgBox),
        _ => None,
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// What of a request its answer needs.
struct Asked {
    operation: Operation,
    relates_to: Option<String>,
    form: Form,
}

impl Asked {
    fn of(head: &Head) -> Self {
        let relates_to = head.addressing.message_id.clone();
        Self { operation: head.operation, relates_to, form: head.form }
    }

    fn outgoing(&self, headers: HeaderBlocks, id: String) -> Outgoing {
        Outgoing {
            operation: self.operation,
            direction: Direction::Answer,
            message_id: id,
            relates_to: self.relates_to.clone(),
            to: None,
            headers,
        }
    }

    /// With 500, also where the fault is the sender's and SOAP 1.2 has 400: of 400 and 413 Apache CXF, which partners
    /// speak with, reads no fault, and its user would see neither code nor reason.
    fn refused(&self, fault: Fault, id: String) -> Response {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let outgoing = self.outgoing(HeaderBlocks::default(), id);
        let written = outgoing.small_in(&Body::Fault(fault), self.form);
        written.map_or_else(|_| plain(status), |written| response(status, written))
    }

    fn written(&self, server: &Server, answer: Answer) -> Response {
        let outgoing = self.outgoing(answer.headers, server.fresh_id());
        let written = match answer.body {
            Answered::Small(body) => outgoing.small_in(&body, self.form),
            Answered::Container(container) => outgoing.container(container, self.form),
        };
        match written {
            Ok(written) => response(StatusCode::OK, written),
            Err(fault) => {
                tracing::error!(%fault, operation = self.operation.name(), "an answer that cannot be written");
                server.refused(Some(self), Fault::of_operation(FaultCode::Internal, self.operation).into())
            }
        }
    }
}

fn plain(status: StatusCode) -> Response {
    let mut response = Response::new(HttpBody::empty());
    *response.status_mut() = status;
    response
}

fn response(status: StatusCode, written: Written<'static>) -> Response {
    let mut response = Response::new(HttpBody::from_stream(written.body));
    *response.status_mut() = status;
    if let Ok(content_type) = HeaderValue::try_from(written.content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    response
}
