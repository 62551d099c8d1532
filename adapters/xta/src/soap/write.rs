//! Writes envelopes. What is written is read again before it leaves, by the rules that hold for others: nothing leaves
//! that breaks them.

use super::base64::Encoder;
use super::incoming::BoxError;
use super::{Body, Form};
use crate::faults::Fault;
use crate::names::{Direction, META, OSCI, Operation, SOAP, WSA, XOP, XTA};
use crate::types::{
    Broken, ContentOutline, MessageMetaData, MsgBoxResponse, MsgBoxState, Party, Violation, check, rule_of,
    settle_ids,
};
use crate::xml::{Builder, Element, Position, Scanner, Token, Writer, XmlFault};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

/// The action of a fault that belongs to no operation (WS-Addressing 1.0 SOAP Binding, section 6).
const SOAP_FAULT: &str = "http://www.w3.org/2005/08/addressing/soap/fault";

/// The header blocks of XTA. Those that an operation has no place for are not written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderBlocks {
    /// Who asks.
    pub author: Option<Party>,
    /// What is sent or handed out.
    pub metadata: Option<MessageMetaData>,
    /// What is left in the box.
    pub msg_box: Option<MsgBoxResponse>,
    /// An `X509TokenContainer`.
    pub tokens: Option<Element>,
}

/// An envelope to be written.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The operation; it gives the action.
    pub operation: Operation,
    /// Request or answer.
    pub direction: Direction,
    /// A fresh id of this envelope that nobody can guess, such as `urn:uuid:…`; the boundary of parts is made of it.
    pub message_id: String,
    /// The id of the request that is answered.
    pub relates_to: Option<String>,
    /// The address, in a request.
    pub to: Option<String>,
    /// The header blocks.
    pub headers: HeaderBlocks,
}

/// A content to be written.
pub struct OutgoingContent<'a> {
    /// What is said of it. An id that is no NCName, or not its alone, becomes one.
    pub outline: ContentOutline,
    /// Its bytes. An error ends the whole, so that nobody takes half of it for all.
    pub bytes: BoxStream<'a, Result<Bytes, BoxError>>,
}

/// A container to be written.
pub enum Container<'a> {
    /// A message with its attachments.
    Plain {
        /// The message.
        message: OutgoingContent<'a>,
        /// The attachments.
        attachments: Vec<OutgoingContent<'a>>,
    },
    /// An `xenc:EncryptedData` as it came: a document without an XML declaration.
    Encrypted(BoxStream<'a, Result<Bytes, BoxError>>),
}

/// An envelope on its way.
pub struct Written<'a> {
    /// The header `Content-Type`.
    pub content_type: String,
    /// The body of HTTP. Its length is not known beforehand.
    pub body: BoxStream<'a, Result<Bytes, BoxError>>,
}

/// An envelope that would break the schema.
#[derive(Debug, thiserror::Error)]
pub enum NotWritable {
    /// It breaks the schema in these ways.
    #[error("what is to be written breaks the schema: {}", listed(.0))]
    Violations(Vec<Violation>),
    /// A value carries a character that XML does not have.
    #[error("what is to be written is no XML: {0}")]
    Xml(#[from] XmlFault),
}

fn listed(violations: &[Violation]) -> String {
    violations.iter().map(|it| it.place.as_str()).collect::<Vec<_>>().join(", ")
}

impl Outgoing {
    /// Writes an envelope whose body carries no contents: any but [`Body::Container`].
    pub fn small(&self, body: &Body) -> Result<Written<'static>, NotWritable> {
        self.small_in(body, Form::Inline)
    }

    /// The same in the form of the request that is answered: the WSDL's policy wants MTOM of every envelope, so that a
    /// partner who speaks it may expect it of one without contents too.
    pub fn small_in(&self, body: &Body, form: Form) -> Result<Written<'static>, NotWritable> {
        let mut writer = self.begin(body);
        write_body(body, &mut writer);
        let envelope = writer.finish();
        self.check(&envelope, body)?;
        Ok(self.written(vec![text(envelope)], form))
    }

    /// An envelope that points to no part.
    fn written<'a>(&self, envelope: Vec<BoxStream<'a, Result<Bytes, BoxError>>>, form: Form) -> Written<'a> {
        match form {
            Form::Inline => Written { content_type: self.media_type(), body: joined(envelope) },
            Form::Mtom => self.in_parts(envelope, Vec::new()),
        }
    }

    /// Writes an envelope with a container.
    pub fn container<'a>(&self, container: Container<'a>, form: Form) -> Result<Written<'a>, NotWritable> {
        let (mut message, mut attachments) = match container {
            Container::Plain { message, attachments } => (message, attachments),
            Container::Encrypted(bytes) => return self.encrypted(bytes, form),
        };
        let outlines =
            std::iter::once(&mut message.outline).chain(attachments.iter_mut().map(|it| &mut it.outline));
        settle_ids(&mut outlines.collect::<Vec<_>>());
        let contents: Vec<_> = std::iter::once(message).chain(attachments).collect();
        let mut envelope = self.begin(&Body::Container);
        envelope.open((XTA, "GenericContentContainer"));
        envelope.open((XTA, "ContentContainer"));
        let mut cuts = Vec::new();
        for (number, content) in contents.iter().enumerate() {
            let name = if number == 0 { "Message" } else { "Attachment" };
            let attributes = content.outline.attributes();
            let attributes: Vec<_> = attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
            envelope.open_with((XTA, name), &attributes);
            if form == Form::Mtom {
                envelope.raw(&format!("<xop:Include xmlns:xop=\"{XOP}\" href=\"cid:{}\"/>", cid(number)));
            }
            cuts.push(envelope.cut());
            envelope.close();
        }
        let end = envelope.finish();
        self.check(&format!("{}{end}", cuts.concat()), &Body::Container)?;
        Ok(match form {
            Form::Inline => self.inline(cuts, contents, end),
            Form::Mtom => self.in_parts(vec![text(cuts.concat() + &end)], contents),
        })
    }

    fn inline<'a>(&self, cuts: Vec<String>, contents: Vec<OutgoingContent<'a>>, end: String) -> Written<'a> {
        let pieces =
            cuts.into_iter().zip(contents).flat_map(|(cut, content)| [text(cut), encoded(content.bytes)]);
        let body = joined(pieces.chain([text(end)]).collect());
        Written { content_type: self.media_type(), body }
    }

    fn in_parts<'a>(
        &self,
        envelope: Vec<BoxStream<'a, Result<Bytes, BoxError>>>,
        contents: Vec<OutgoingContent<'a>>,
    ) -> Written<'a> {
        let plain: String = self.message_id.chars().filter(char::is_ascii_alphanumeric).collect();
        let boundary = format!("rohrpost-{}", &plain[plain.len().saturating_sub(48)..]);
        let action = self.operation.action();
        let root = format!(
            "--{boundary}\r\nContent-Type: application/xop+xml; charset=UTF-8; \
             type=\"application/soap+xml; action=\\\"{action}\\\"\"\r\nContent-Transfer-Encoding: 8bit\r\n\
             Content-ID: <envelope@rohrpost>\r\n\r\n"
        );
        let mut pieces = vec![text(root)];
        pieces.extend(envelope);
        for (number, content) in contents.into_iter().enumerate() {
            pieces.push(text(format!(
                "\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n\
                 Content-Transfer-Encoding: binary\r\nContent-ID: <{}>\r\n\r\n",
                cid(number)
            )));
            pieces.push(content.bytes);
        }
        pieces.push(text(format!("\r\n--{boundary}--\r\n")));
        let content_type = format!(
            "multipart/related; type=\"application/xop+xml\"; start=\"<envelope@rohrpost>\"; \
             start-info=\"application/soap+xml\"; action=\"{action}\"; boundary=\"{boundary}\""
        );
        Written { content_type, body: joined(pieces) }
    }

    fn encrypted<'a>(
        &self,
        bytes: BoxStream<'a, Result<Bytes, BoxError>>,
        form: Form,
    ) -> Result<Written<'a>, NotWritable> {
        let mut envelope = self.begin(&Body::Container);
        envelope.open((XTA, "GenericContentContainer"));
        let start = envelope.cut();
        let end = envelope.finish();
        // The container is somebody else's; it stands in for what is checked.
        let sample = format!("{start}<xenc:EncryptedData/>{end}");
        self.check(&sample, &Body::Container)?;
        Ok(self.written(vec![text(start), bytes, text(end)], form))
    }

    fn media_type(&self) -> String {
        format!("application/soap+xml; charset=utf-8; action=\"{}\"", self.operation.action())
    }

    /// Envelope and header; the body is open.
    fn begin(&self, body: &Body) -> Writer {
        let mut writer = Writer::default();
        writer.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        writer.open((SOAP, "Envelope"));
        writer.open((SOAP, "Header"));
        writer.leaf((WSA, "Action"), self.operation.action());
        writer.leaf((WSA, "MessageID"), &self.message_id);
        writer.optional((WSA, "RelatesTo"), self.relates_to.as_deref());
        writer.optional((WSA, "To"), self.to.as_deref());
        if !matches!(body, Body::Fault(_)) {
            self.write_blocks(&mut writer);
        }
        writer.close();
        writer.open((SOAP, "Body"));
        writer
    }

    /// A fault of SOAP alone, for a request whose operation nobody knows.
    pub fn bare_fault(fault: &Fault, message_id: &str) -> Written<'static> {
        let mut writer = Writer::default();
        writer.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        writer.open((SOAP, "Envelope"));
        writer.open((SOAP, "Header"));
        writer.leaf((WSA, "Action"), SOAP_FAULT);
        writer.leaf((WSA, "MessageID"), message_id);
        writer.close();
        writer.open((SOAP, "Body"));
        fault.write(&mut writer);
        let text = Bytes::from(writer.finish());
        let content_type = format!("application/soap+xml; charset=utf-8; action=\"{SOAP_FAULT}\"");
        Written { content_type, body: stream::once(async { Ok(text) }).boxed() }
    }

    fn wants(&self, name: (&str, &str)) -> bool {
        match self.direction {
            Direction::Request => self.operation.who_asks() == name,
            Direction::Answer => self.operation.answer_headers().contains(&name),
        }
    }

    fn write_blocks(&self, writer: &mut Writer) {
        let HeaderBlocks { author, metadata, msg_box, tokens } = &self.headers;
        if self.wants((META, "Author")) {
            author.iter().for_each(|author| author.write((META, "Author"), writer));
        }
        if self.wants((META, "MessageMetaData")) {
            metadata.iter().for_each(|metadata| metadata.write(writer));
        }
        if self.wants((OSCI, "MsgBoxResponse")) {
            msg_box.iter().for_each(|msg_box| msg_box.write(writer));
        }
        if matches!(self.operation, Operation::SendMessage | Operation::SendMessageSync) {
            tokens.iter().for_each(|tokens| writer.element(tokens));
        }
    }

    /// Whether the header block is there, or need not be.
    fn missing(&self, name: (&str, &str)) -> bool {
        let HeaderBlocks { author, metadata, msg_box, .. } = &self.headers;
        let nothing = msg_box.as_ref().is_some_and(|it| matches!(it.state, MsgBoxState::Nothing(_)));
        match name.1 {
            "Author" => author.is_none(),
            // Where there is no message there are no data of it.
            "MessageMetaData" => metadata.is_none() && !nothing,
            _ => msg_box.is_none(),
        }
    }

    fn check(&self, text: &str, body: &Body) -> Result<(), NotWritable> {
        let envelope = parse(text)?;
        let mut found = Vec::new();
        for element in envelope.children.iter().flat_map(|part| &part.children) {
            if let Some(rule) = rule_of((&*element.namespace, &*element.local)) {
                check(element, rule, &mut found);
            }
        }
        let required = match (self.direction, body) {
            (_, Body::Fault(_)) => Vec::new(),
            (Direction::Request, _) => vec![self.operation.who_asks()],
            (Direction::Answer, _) => self.operation.answer_headers().to_vec(),
        };
        for name in required.into_iter().filter(|name| self.missing(*name)) {
            found.push(violation(name.1, Broken::MissingHeader));
        }
        found.extend(self.wrong_body(&envelope, body));
        if found.is_empty() { Ok(()) } else { Err(NotWritable::Violations(found)) }
    }

    /// The body must hold the one element that the operation has.
    fn wrong_body(&self, envelope: &Element, body: &Body) -> Option<Violation> {
        let held = envelope.child((SOAP, "Body")).and_then(|body| body.children.first());
        let nothing_to_hand_out = matches!(body, Body::Empty) && !self.missing((OSCI, "MsgBoxResponse"));
        let right = match (self.operation.body(self.direction), held) {
            (_, Some(held)) if held.is((SOAP, "Fault")) => self.direction == Direction::Answer,
            (Some(name), Some(held)) => held.is(name),
            (Some(name), None) => name == (XTA, "GenericContentContainer") && nothing_to_hand_out,
            (None, held) => held.is_none(),
        };
        (!right).then(|| violation("Body", Broken::MissingElement))
    }
}

fn violation(place: &str, broken: Broken) -> Violation {
    let right = format!("{place} muss so angegeben werden, wie es die Operation verlangt.");
    Violation { place: place.to_owned(), position: Position { line: 1, column: 1 }, broken, right }
}

pub(crate) fn parse(text: &str) -> Result<Element, XmlFault> {
    let mut scanner = Scanner::new(64);
    scanner.feed(Bytes::copy_from_slice(text.as_bytes()));
    let mut builder: Option<Builder> = None;
    loop {
        let position = scanner.position();
        let token = scanner.next()?.ok_or(XmlFault::Truncated)?;
        match (&mut builder, token) {
            (None, Token::Start(tag)) => builder = Some(Builder::new(tag, position)),
            (None, _) => {}
            (Some(open), token) => {
                if let Some(element) = open.take(token, position) {
                    // White space may follow.
                    scanner.next()?;
                    return scanner.finish().map(|()| element);
                }
            }
        }
    }
}

fn write_body(body: &Body, writer: &mut Writer) {
    match body {
        Body::Empty | Body::Container => {}
        Body::MessageId(id) => writer.leaf((WSA, "MessageID"), id),
        Body::LookupRequest(request) => request.write(writer),
        Body::LookupResponse(response) => response.write(writer),
        Body::StatusListRequest(request) => request.write(writer),
        Body::Fetch { part, selector } => {
            writer.open_with((OSCI, "MsgBoxFetchRequest"), &[("MsgPart", part.name())]);
            selector.iter().for_each(|selector| selector.write(writer));
            writer.close();
        }
        Body::GetNext(iteration) => iteration.write("MsgBoxGetNextRequest", writer),
        Body::Close(iteration) => iteration.write("MsgBoxCloseRequest", writer),
        Body::StatusList(list) => list.write(writer),
        Body::Report(report) => report.write(writer),
        Body::SignedReport(report) => writer.raw(report),
        Body::Fault(fault) => fault.write(writer),
    }
}

fn cid(number: usize) -> String {
    format!("content-{number}@rohrpost")
}

fn text<'a>(text: String) -> BoxStream<'a, Result<Bytes, BoxError>> {
    stream::once(async { Ok(Bytes::from(text)) }).boxed()
}

fn encoded<'a>(bytes: BoxStream<'a, Result<Bytes, BoxError>>) -> BoxStream<'a, Result<Bytes, BoxError>> {
    let mut encoder = Encoder::default();
    let ended = bytes.map(Some).chain(stream::once(async { None }));
    let piece = move |item: Option<Result<Bytes, BoxError>>| match item {
        Some(bytes) => bytes.map(|bytes| Bytes::from(encoder.push(&bytes))),
        None => Ok(Bytes::from(encoder.finish())),
    };
    ended.map(piece).boxed()
}

/// One after the other. An empty piece could be taken for the end; nothing follows an error, which would look like a whole.
fn joined<'a>(pieces: Vec<BoxStream<'a, Result<Bytes, BoxError>>>) -> BoxStream<'a, Result<Bytes, BoxError>> {
    let mut broken = false;
    let until_broken = move |item: &Result<Bytes, BoxError>| {
        let goes_on = !broken;
        broken |= item.is_err();
        std::future::ready(goes_on)
    };
    let filled =
        |item: &Result<Bytes, BoxError>| std::future::ready(item.as_ref().map_or(true, |it| !it.is_empty()));
    stream::iter(pieces).flatten().filter(filled).take_while(until_broken).boxed()
}
