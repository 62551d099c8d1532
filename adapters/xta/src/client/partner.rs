//! One operation of a partner's server, from values to an envelope and back.

use super::verdict::Trouble;
use crate::{
    Body, BoxError, Container, ContentSink, Contents, Direction, Expect, Form, Head, HeaderBlocks, Limits,
    MessageMetaData, NoContent, NotWritable, Operation, Outgoing, Party, Port, Received, Wire, Written,
    read_head,
};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use rohrpost_kit::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use rohrpost_kit::http::{self, Answer, Client, Method, Request, StatusTable, Streamed, Url};
use rohrpost_model::ports::Clock;
use rohrpost_model::{Failure, Reason, ReasonCode, SubmissionId};
use std::sync::Arc;

/// A partner's server, and who the hub is there.
pub(super) struct Partner {
    /// How it is connected to.
    pub(super) client: Client,
    /// Its addresses: each port has its own, often at another host.
    pub(super) ports: Ports,
    /// Who asks.
    pub(super) author: Party,
    /// How contents are sent.
    pub(super) form: Form,
    /// How much is read.
    pub(super) limits: Limits,
    /// The time.
    pub(super) clock: Arc<dyn Clock>,
}

/// The addresses of a server.
#[derive(Clone, Debug, Default)]
pub(super) struct Ports {
    pub(super) management: Option<Url>,
    pub(super) send: Option<Url>,
    pub(super) msgbox: Option<Url>,
}

impl Ports {
    /// The address of a port.
    pub(super) const fn of(&self, port: Port) -> Option<&Url> {
        match port {
            Port::Management => self.management.as_ref(),
            Port::Send => self.send.as_ref(),
            Port::MsgBox => self.msgbox.as_ref(),
        }
    }
}

/// An answer whose body has yet to be read.
pub(super) struct Opened {
    pub(super) head: Head,
    pub(super) contents: Contents<'static>,
    status: u16,
}

impl Opened {
    /// The rest of an answer that carries no contents.
    async fn small(self) -> Result<Body, Trouble> {
        Ok(self.read(&mut NoContent).await?.1.body)
    }

    /// The rest of an answer; its contents go into the sink.
    pub(super) async fn read(self, sink: &mut dyn ContentSink) -> Result<(Head, Received), Trouble> {
        let Self { head, contents, status } = self;
        let received = contents.read(sink).await.map_err(|unread| Trouble::Unread(unread, status))?;
        match received.body {
            Body::Fault(fault) => Err(Trouble::Fault(fault)),
            _ => Ok((head, received)),
        }
    }
}

impl Partner {
    /// Asks in the name of the author; nothing is carried in either direction.
    pub(super) async fn ask(&self, operation: Operation, body: &Body) -> Result<Body, Trouble> {
        self.open(operation, body).await?.small().await
    }

    /// The same up to the body of the answer.
    pub(super) async fn open(&self, operation: Operation, body: &Body) -> Result<Opened, Trouble> {
        let headers = HeaderBlocks { author: Some(self.author.clone()), ..HeaderBlocks::default() };
        let written = self.outgoing(operation, headers)?.small(body);
        self.exchange(operation, written).await
    }

    /// Sends a message. The server has it if this returns `Ok`.
    pub(super) async fn send(
        &self,
        metadata: MessageMetaData,
        container: Container<'static>,
    ) -> Result<(), Trouble> {
        let headers = HeaderBlocks { metadata: Some(metadata), ..HeaderBlocks::default() };
        let written = self.outgoing(Operation::SendMessage, headers)?.container(container, self.form);
        self.exchange(Operation::SendMessage, written).await?.small().await.map(drop)
    }

    fn outgoing(&self, operation: Operation, headers: HeaderBlocks) -> Result<Outgoing, Trouble> {
        let to = self.ports.of(operation.port()).ok_or(Trouble::Defect(field(operation.port())))?;
        Ok(Outgoing {
            operation,
            direction: Direction::Request,
            message_id: format!("urn:uuid:{}", SubmissionId::new(self.clock.now())),
            relates_to: None,
            to: Some(to.to_string()),
            headers,
        })
    }

    async fn exchange(
        &self,
        operation: Operation,
        written: Result<Written<'static>, NotWritable>,
    ) -> Result<Opened, Trouble> {
        let written = written.map_err(|fault| {
            tracing::error!(%fault, operation = operation.name(), "a request that cannot be written");
            Trouble::Defect("xta")
        })?;
        let url = self.ports.of(operation.port()).ok_or(Trouble::Defect(field(operation.port())))?.clone();
        let content_type = HeaderValue::try_from(written.content_type);
        let content_type = content_type.map_err(|_| Trouble::Defect("content-type"))?;
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type)]);
        let request = Request { method: Method::POST, url, headers, body: http::Body::Stream(written.body) };
        let streamed = self.client.open(request).await.map_err(Trouble::Http)?;
        self.read(operation, streamed).await
    }

    /// A fault may come with any status. What is no envelope is judged by the status alone.
    async fn read(&self, operation: Operation, streamed: Streamed) -> Result<Opened, Trouble> {
        let Streamed { status, headers, body } = streamed;
        let content_type =
            headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !is_envelope(content_type) {
            return Err(Trouble::Http(self.judged(status, headers)));
        }
        let wire = Wire { content_type, soap_action: None };
        let body: BoxStream<'static, Result<Bytes, BoxError>> =
            body.map_err(|torn| Box::new(torn) as BoxError).boxed();
        let read = read_head(wire, Expect::Answer(operation), body, self.limits).await;
        let (head, contents) = read.map_err(|unread| Trouble::Unread(unread, status))?;
        Ok(Opened { head, contents, status })
    }

    fn judged(&self, status: u16, headers: HeaderMap) -> Failure {
        let answer = Answer { status, headers, body: Ok(Bytes::new()) };
        match StatusTable::default().judge(&answer, self.clock.now()) {
            Err(failure) => failure,
            Ok(()) => {
                let reason = Reason::new(ReasonCode::UnexpectedAnswer);
                Failure::Unknown(reason.with("status", status))
            }
        }
    }
}

fn is_envelope(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    ["application/soap+xml", "multipart/related"].contains(&essence.as_str())
}

const fn field(port: Port) -> &'static str {
    match port {
        Port::Management => "management",
        Port::Send => "send",
        Port::MsgBox => "msgbox",
    }
}
