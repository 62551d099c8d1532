//! Answers that come by XTA: from another hub, and from a mailbox at whose `close` the hub is killed.

use super::round::{ASKED, Sender};
use super::{House, SERVICE};
use crate::face::{Answered, replies, text};
use crate::support::client::{Client, until};
use axum::Router;
use axum::body::Body as HttpBody;
use axum::extract::{Request, State};
use axum::response::Response;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use rohrpost_adapter_xta::{Body, Head, Written};
use rohrpost_adapter_xta::{
    BoxError, BusinessScenario, Code, Container, ContentOutline, Direction, Expect, Form, HeaderBlocks,
    Limits, MessageMetaData, MessageType, MsgBoxResponse, MsgBoxState, MsgStatusList, Operation, Outgoing,
    OutgoingContent, Party, ProcessReference, Qualifier, Wire, read_head,
};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// At the authority's hub: notices go into the mailbox that the other one reads.
const NOTICES: &str = r#"
name = "bescheide"
tenants = ["lk-beispiel"]
[match]
kind = "notice"
[[step]]
name = "postfach"
destination = "{tenant}-wasserbehoerde"
"#;

/// At the portal's hub: the message is the answer, and says which message of ours it answers.
const BY_MESSAGE: &str = "[answers]\ncase-by = \"foreign-id\"\nsystem = \"lk-beispiel-gateway\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_with_a_hub_of_its_own_answers_by_xta_and_the_portal_pulls_it() {
    let server = House::with(|setup| setup.write("routes/bescheide.toml", NOTICES)).await;
    let mut sender = Sender::prepared(&server.dms, &server.partner, &server.origin());
    let source = sender.config("sources/postfach.toml");
    let (from, to) = ("[[xta.service]]", "foreign-id = \"in-reply-to\"\n[[xta.service]]");
    sender.write("sources/postfach.toml", &(source.replace(from, to) + BY_MESSAGE));
    sender.write("routes/antworten.toml", replies::ANSWERS);
    sender.edit("clients/gateway.toml", "services = [", &format!("services = [\"{ASKED}\", "));
    sender.start();
    sender.submit(1).await;

    // The application lies in the mailbox, too. It is no answer, and stays.
    let operator = Client::of(sender.hub(), "operator");
    let source = async || operator.get("/v1/sources").await["sources"][0].clone();
    until(async || source().await["messages"][0]["why"] == "malformed").await;

    let there = Client::of(&server.hub, "portal");
    let said = json!({ "kind": "notice", "text": "Die Bohrung ist erlaubt.", "reference": "WB-4711-26" });
    let request = there.request("POST", "/v1/cases/2026:BR-1/replies").json(&said);
    Answered::of(request.send().await.expect("an answer")).await.accepted();
    let pulled = async || {
        let answers = sender.portal().get("/v1/cases/2026:BR-1/replies?after=0").await;
        answers["replies"].as_array().expect("a list").clone()
    };
    until(async || !pulled().await.is_empty()).await;
    let answers = pulled().await;
    assert_eq!(answers.len(), 1, "{answers:#?}");
    for key in ["kind", "text", "reference"] {
        assert_eq!(answers[0][key], said[key], "{answers:#?}");
    }
    let case = there.get("/v1/cases/2026:BR-1").await;
    let notice = case["submissions"][1]["id"].as_str().unwrap_or_else(|| panic!("{case:#}"));
    there.completed(notice).await;
    assert_eq!(source().await["left"], 1, "only the answer was closed");
}

const POSTFACH: &str = r#"
adapter = "xta"
client = "amt"
interval = "1s"
[xta]
msgbox = "http://ADDRESS/msgbox"
reader = "lap:15000000"
[answers]
kind = "notice"
text = "Ihr Bescheid liegt bei."
"#;

/// A mailbox with one message, that does not answer the first `close`.
#[derive(Default)]
struct Mailbox {
    closes: AtomicUsize,
    closing: Notify,
}

impl Mailbox {
    async fn start() -> (Arc<Self>, SocketAddr) {
        let mailbox = Arc::new(Self::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let routes = Router::new().fallback(asked).with_state(Arc::clone(&mailbox));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (mailbox, address)
    }

    fn is_closed(&self) -> bool {
        self.closes.load(Ordering::SeqCst) > 1
    }
}

fn metadata() -> MessageMetaData {
    let code = Code {
        list: "urn:example:nachrichten".into(),
        version: "1.0".into(),
        code: "0202".into(),
        name: None,
    };
    MessageMetaData {
        author: Party::xoev("wrb:15091000"),
        reader: Party::xoev("lap:15000000"),
        message_id: super::id(1),
        requester: Some(ProcessReference { value: "2027:BR-1".into(), name: None }),
        responder: Some(ProcessReference { value: "WB-4711-26".into(), name: None }),
        qualifier: Qualifier {
            service: SERVICE.into(),
            scenario: Some(BusinessScenario::Undefined("BRUNNEN_DATA".into())),
            message_type: MessageType { code, payload_schema: "urn:example:brunnen".into() },
            ..Qualifier::default()
        },
        ..MessageMetaData::default()
    }
}

async fn asked(State(mailbox): State<Arc<Mailbox>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let content_type = parts.headers["content-type"].to_str().expect("text").to_owned();
    let wire = Wire { content_type: &content_type, soap_action: None };
    let read = read_head(wire, Expect::Request, body.into_data_stream(), Limits::default()).await;
    let (head, contents) = read.expect("an envelope");
    contents.small().await.expect("a request");
    let pending = MsgBoxResponse { request_id: "1".into(), state: MsgBoxState::Pending(0) };
    let headers = HeaderBlocks { msg_box: Some(pending), ..HeaderBlocks::default() };
    let written = match head.operation {
        Operation::GetStatusList => {
            let waiting = Some(metadata()).filter(|_| !mailbox.is_closed());
            let list = MsgStatusList { metadata: waiting.into_iter().collect(), ..MsgStatusList::default() };
            outgoing(&head, headers).small(&Body::StatusList(list))
        }
        Operation::GetMessage => {
            let headers = HeaderBlocks { metadata: Some(metadata()), ..headers };
            outgoing(&head, headers).container(message(), Form::Inline)
        }
        Operation::Close => {
            if mailbox.closes.fetch_add(1, Ordering::SeqCst) == 0 {
                mailbox.closing.notify_one();
                return std::future::pending().await;
            }
            outgoing(&head, HeaderBlocks::default()).small(&Body::Empty)
        }
        other => panic!("{other:?}"),
    };
    response(written.expect("an answer"))
}

fn outgoing(head: &Head, headers: HeaderBlocks) -> Outgoing {
    Outgoing {
        operation: head.operation,
        direction: Direction::Answer,
        message_id: "urn:uuid:0197b1aa-0000-7000-8000-000000000000".into(),
        relates_to: head.addressing.message_id.clone(),
        to: None,
        headers,
    }
}

fn message() -> Container<'static> {
    let content = |name: &str, media_type: &str, bytes: &'static [u8]| {
        let file_name = Some(name.to_owned());
        let outline = ContentOutline { file_name, ..ContentOutline::of_type(media_type) };
        OutgoingContent { outline, bytes: stream::iter([Ok::<_, BoxError>(bytes.into())]).boxed() }
    };
    let message = content("bescheid.pdf", "application/pdf", b"%PDF-1.7 Bescheid");
    Container::Plain { message, attachments: vec![content("merkblatt.txt", "text/plain", b"Merkblatt")] }
}

fn response(written: Written<'static>) -> Response {
    let body = HttpBody::from_stream(written.body.map_err(std::io::Error::other));
    Response::builder().header("content-type", written.content_type).body(body).expect("a response")
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_killed_at_the_close_there_is_one_answer() {
    let (mailbox, address) = Mailbox::start().await;
    let source = POSTFACH.replace("ADDRESS", &address.to_string());
    // Its case comes first: an answer without one would be let alone for a minute.
    let mut house = replies::House::new().await;
    house.submit("application").await;
    house.setup.write("sources/postfach.toml", &source);
    house = house.killed_and_started();
    mailbox.closing.notified().await;
    house = house.killed_and_started();
    until(async || mailbox.is_closed()).await;

    let answers = house.pulled(0).await;
    assert_eq!(answers.len(), 1, "{answers:#?}");
    assert_eq!((text(&answers[0], "kind"), text(&answers[0], "text")), ("notice", "Ihr Bescheid liegt bei."));
    let names: Vec<_> = answers[0]["attachments"].as_array().into_iter().flatten().collect();
    let names: Vec<_> = names.into_iter().map(|attached| text(attached, "name")).collect();
    assert_eq!(names, ["bescheid.pdf", "merkblatt.txt"], "the message and what came with it");
    let case: Value = house.client("amt").get("/v1/cases/2027:BR-1").await;
    assert_eq!(case["submissions"].as_array().map(Vec::len), Some(2), "{case:#}");
}
