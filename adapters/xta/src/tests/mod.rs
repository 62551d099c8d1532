mod client;
mod malformed;
mod peers;
mod published;
mod samples;
mod schemas;
mod streams;
mod written;

use crate::*;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

pub(crate) const INLINE: &str = "application/soap+xml; charset=utf-8";

/// Takes contents into memory.
#[derive(Default, Debug)]
pub(crate) struct Collected(pub(crate) Vec<(ContentFacts, Vec<u8>, Option<ContentEnd>)>);

#[async_trait::async_trait]
impl ContentSink for Collected {
    async fn begin(&mut self, facts: &ContentFacts) -> Result<(), BoxError> {
        self.0.push((facts.clone(), Vec::new(), None));
        Ok(())
    }
    async fn piece(&mut self, bytes: Bytes) -> Result<(), BoxError> {
        assert!(!bytes.is_empty());
        self.0.last_mut().unwrap().1.extend_from_slice(&bytes);
        Ok(())
    }
    async fn end(&mut self, end: &ContentEnd) -> Result<(), BoxError> {
        self.0.last_mut().unwrap().2 = Some(*end);
        Ok(())
    }
}

impl Collected {
    /// Kind and bytes, in the order of the container.
    fn sorted(self) -> Vec<(ContentKind, Vec<u8>)> {
        let mut all: Vec<_> = self.0.into_iter().map(|(facts, bytes, _)| (facts.kind, bytes)).collect();
        all.sort();
        all
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// These bytes as a stream of pieces of this length.
pub(crate) fn pieces(bytes: &[u8], length: usize) -> BoxStream<'static, Result<Bytes, BoxError>> {
    let pieces: Vec<_> = bytes.chunks(length.max(1)).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

async fn read_all(
    content_type: &str,
    bytes: &[u8],
    expect: Expect,
    length: usize,
) -> Result<(Head, Received, Collected), Unread> {
    let wire = Wire { content_type, soap_action: None };
    let (head, contents) = read_head(wire, expect, pieces(bytes, length), Limits::default()).await?;
    let mut sink = Collected::default();
    let received = contents.read(&mut sink).await?;
    Ok((head, received, sink))
}

/// Reads a whole envelope that comes at once.
fn read(content_type: &str, bytes: &[u8], expect: Expect) -> Result<(Head, Received, Collected), Unread> {
    block_on(read_all(content_type, bytes, expect, usize::MAX >> 1))
}

fn bytes_of(written: Written<'_>) -> Vec<u8> {
    block_on(written.body.map(|piece| piece.unwrap().to_vec()).concat())
}

/// What a sender says of a message, with all that the schema knows.
pub(crate) fn full_metadata() -> MessageMetaData {
    let now: jiff::Timestamp = "2026-01-15T12:00:00.5Z".parse().unwrap();
    let code = |code: &str| Code {
        list: "urn:de:xta:codeliste:business.scenario".into(),
        version: "3".into(),
        code: code.into(),
        name: Some("Name & <mehr>".into()),
    };
    let at = Some(DateTime::from(now));
    MessageMetaData {
        test: true,
        delivery: DeliveryAttributes {
            origin: at,
            initial_send: at,
            not_before: at,
            obsolete_after: Some(jiff::civil::date(2026, 12, 31).into()),
            delivery: at,
            initial_fetch: at,
            reception: at,
            service_quality: Some("hoch".into()),
            receipt_requests: None,
        },
        author: Party {
            identifier: Identifier {
                name: Some("Testportal".into()),
                category: Some("Bauportal".into()),
                ..Identifier::xoev("bap:150200100000")
            },
            tokens: Vec::new(),
        },
        sender: Some(Party::xoev("bap:150200100001")),
        reply_to: Some(Party::xoev("bap:150200100002")),
        reader: Party::xoev("bab:15003000"),
        other_readers: vec![Identifier::xoev("bab:15003001")],
        copy_readers: vec![Identifier::xoev("bab:15003002")],
        message_id: "urn:de:xta:messageid:TestSender_01:000ca2fe-f4e1-45c2-8233-3a0eb760bd16".into(),
        in_reply_to: vec!["urn:de:xta:messageid:TestSender_01:000ca2fe-f4e1-45c2-8233-3a0eb760bd17".into()],
        requester: Some(ProcessReference { value: "AZ 1/26".into(), name: Some("Antrag".into()) }),
        responder: Some(ProcessReference { value: "B-17".into(), name: None }),
        qualifier: Qualifier {
            subject: Some("Bauantrag Erika Mustermann".into()),
            service: "http://www.xleitstelle.de/xbau/2/6/XBau26-BH2BAB.wsdl".into(),
            scenario: Some(BusinessScenario::Defined(code("XBAU_DATA"))),
            message_type: MessageType {
                code: code("baugenehmigung.antrag.0200"),
                payload_schema: "http://www.xleitstelle.de/xbau/2/6".into(),
            },
        },
        properties: vec![Property { key: code("farbe"), value: "\"grün\" & <rot>".into() }],
        size: Some(12345),
    }
}

/// An envelope to be written for an operation, its header blocks filled.
pub(crate) fn outgoing(operation: Operation, direction: Direction) -> Outgoing {
    let pending = MsgBoxResponse {
        request_id: "urn:uuid:11111111-1111-4111-8111-111111111111".into(),
        state: MsgBoxState::Pending(3),
    };
    Outgoing {
        operation,
        direction,
        message_id: "urn:uuid:0198c0de-0000-7000-8000-000000000001".into(),
        relates_to: (direction == Direction::Answer)
            .then(|| "urn:uuid:0198c0de-0000-7000-8000-000000000002".into()),
        to: None,
        headers: HeaderBlocks {
            author: Some(Party::xoev("bap:150200100000")),
            metadata: Some(full_metadata()),
            msg_box: Some(pending),
            tokens: None,
        },
    }
}

fn content(outline: ContentOutline, bytes: &[u8], length: usize) -> OutgoingContent<'static> {
    OutgoingContent { outline, bytes: pieces(bytes, length) }
}
