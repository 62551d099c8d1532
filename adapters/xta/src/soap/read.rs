//! The second half: the body.

use super::container::ContainerReader;
use super::incoming::{Incoming, Stage};
use super::parts;
use super::sink::Taker;
use super::{ContentEnd, ContentFacts, ContentSink, Form, Head, NoContent, Unread};
use crate::faults::Fault;
use crate::names::{Direction, OSCI, Operation, SOAP, WSA, XTA};
use crate::types::{
    Iteration, LookupRequest, LookupResponse, MsgPart, MsgSelector, MsgStatusList, StatusListRequest,
    TransportReport, Violation, check, rule_of,
};
use crate::xml::{Element, Position, Tag};

/// What stands in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    Empty,
    /// The id of a message.
    MessageId(String),
    /// Asks for services.
    LookupRequest(LookupRequest),
    /// Says which there are.
    LookupResponse(LookupResponse),
    /// Asks for a list.
    StatusListRequest(StatusListRequest),
    /// Asks for a message.
    Fetch {
        /// Which part of it.
        part: MsgPart,
        /// Which one.
        selector: Option<MsgSelector>,
    },
    /// Asks for what comes next.
    GetNext(Iteration),
    /// Ends a fetch.
    Close(Iteration),
    /// A list.
    StatusList(MsgStatusList),
    /// A transport report.
    Report(Box<TransportReport>),
    /// To be written: a report that was signed, a whole element `TransportReport` as it stands. It is read as a report.
    SignedReport(String),
    /// A container; its contents went into the sink.
    Container,
    /// A fault, in the place of any answer.
    Fault(Fault),
}

/// What was read.
#[derive(Clone, Debug)]
pub struct Received {
    /// The body.
    pub body: Body,
    /// The contents that the sink took, in the order in which it did.
    pub contents: Vec<(ContentFacts, ContentEnd)>,
    /// What breaks the schema in the body.
    pub violations: Vec<Violation>,
    /// The envelope as it came, where it carried no content: for a signature in it, and for the record.
    pub source: Vec<u8>,
}

/// A body that has yet to be read.
pub struct Contents<'a> {
    incoming: Incoming<'a>,
    operation: Operation,
    direction: Direction,
    form: Form,
    root: String,
}

impl<'a> Contents<'a> {
    pub(super) const fn new(incoming: Incoming<'a>, head: &Head, root: String) -> Self {
        Self { incoming, operation: head.operation, direction: head.direction, form: head.form, root }
    }

    /// How contents come.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Reads a body that carries no contents.
    pub async fn small(self) -> Result<Received, Unread> {
        self.read(&mut NoContent).await
    }

    /// Reads the body to its end and hands its contents to the sink.
    pub async fn read(mut self, sink: &mut dyn ContentSink) -> Result<Received, Unread> {
        let Some((tag, position)) = self.incoming.child().await? else {
            self.expects(None)?;
            self.incoming.finish().await?;
            parts::take_in(&mut self.incoming, &mut nothing(), self.root).await?;
            return Ok(self.incoming.received(Body::Empty, Vec::new()));
        };
        let fault = tag.is((SOAP, "Fault")) && self.direction == Direction::Answer;
        if !fault {
            self.expects(Some(&tag))?;
        }
        if tag.is((XTA, "GenericContentContainer")) {
            self.container(sink).await
        } else {
            self.tree(tag, position).await
        }
    }

    /// The element must be the one that the operation has.
    fn expects(&self, found: Option<&Tag>) -> Result<(), Unread> {
        let expected = self.operation.body(self.direction);
        let same = match (expected, found) {
            (None, None) => true,
            (Some(name), Some(tag)) => tag.is(name),
            // Where there is no message to hand out, the standard says nothing of the body.
            (Some(_), None) => {
                let fetched = matches!(self.operation, Operation::GetMessage | Operation::GetNextMessage);
                fetched && self.direction == Direction::Answer
            }
            (None, Some(_)) => false,
        };
        if same {
            return Ok(());
        }
        let expected =
            expected.map_or_else(|| "be empty".to_owned(), |name| format!("hold {{{}}}{}", name.0, name.1));
        Err(Unread::UnexpectedBody { operation: self.operation.name(), expected })
    }

    async fn tree(mut self, tag: Tag, position: Position) -> Result<Received, Unread> {
        let mut element = self.incoming.element(tag, position).await?;
        only_one(&mut self.incoming).await?;
        self.incoming.finish().await?;
        parts::take_in(&mut self.incoming, &mut element, self.root).await?;
        let mut violations = Vec::new();
        if let Some(rule) = rule_of((&*element.namespace, &*element.local)) {
            check(&element, rule, &mut violations);
        }
        Ok(self.incoming.received(body_of(&element), violations))
    }

    async fn container(mut self, sink: &mut dyn ContentSink) -> Result<Received, Unread> {
        self.incoming.enter(Stage::Contents);
        let taker = Taker::new(sink, self.incoming.limits.content);
        let mut reader = ContainerReader::new(&mut self.incoming, taker, self.root);
        reader.container().await?;
        only_one(reader.incoming).await?;
        reader.incoming.finish().await?;
        reader.parts().await?;
        let (contents, violations) = (reader.taker.ended, reader.violations);
        Ok(Received { contents, ..self.incoming.received(Body::Container, violations) })
    }
}

async fn only_one(incoming: &mut Incoming<'_>) -> Result<(), Unread> {
    match incoming.child().await? {
        None => Ok(()),
        Some((_, position)) => Err(Unread::structure(position, "the Body holds one element only")),
    }
}

fn nothing() -> Element {
    Element {
        namespace: "".into(),
        local: "".into(),
        attributes: Vec::new(),
        children: Vec::new(),
        text: String::new(),
        position: Position { line: 1, column: 1 },
    }
}

impl Incoming<'_> {
    fn received(&mut self, body: Body, violations: Vec<Violation>) -> Received {
        Received { body, contents: Vec::new(), violations, source: self.source.take().unwrap_or_default() }
    }
}

fn body_of(element: &Element) -> Body {
    match (&*element.namespace, &*element.local) {
        (WSA, "MessageID") => Body::MessageId(element.trimmed().to_owned()),
        (XTA, "LookupServiceRequest") => Body::LookupRequest(LookupRequest::read(element)),
        (XTA, "LookupServiceResponse") => Body::LookupResponse(LookupResponse::read(element)),
        (XTA, "TransportReport") => Body::Report(Box::new(TransportReport::read(element))),
        (OSCI, "MsgBoxStatusListRequest") => Body::StatusListRequest(StatusListRequest::read(element)),
        (OSCI, "MsgBoxFetchRequest") => {
            Body::Fetch { part: MsgPart::read_in(element), selector: MsgSelector::read_in(element) }
        }
        (OSCI, "MsgBoxGetNextRequest") => Body::GetNext(Iteration::read(element)),
        (OSCI, "MsgBoxCloseRequest") => Body::Close(Iteration::read(element)),
        (OSCI, "MsgStatusList") => Body::StatusList(MsgStatusList::read(element)),
        (SOAP, "Fault") => Body::Fault(Fault::read(element)),
        _ => Body::Empty,
    }
}
