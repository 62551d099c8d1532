//! A server of XTA that behaves as it is told. What it reads and writes is the wire of this crate; that others speak it
//! too, the tests of the wire and those with real clients show.

use crate::*;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body as HttpBody;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures::TryStreamExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rohrpost_kit::conformance::{Cut, Mood};
use rohrpost_model::Digest;
use rohrpost_model::digest::Hasher;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A message that the server has.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// The id of its content `Message`.
    pub(super) content_id: String,
    pub(super) digests: Vec<Digest>,
    pub(super) metadata: MessageMetaData,
    pub(super) form: Form,
}

#[derive(Default)]
pub(super) struct Server {
    pub(super) mood: Mutex<Option<Mood>>,
    /// What it answers in the place of everything else.
    pub(super) fault: Mutex<Option<(u16, Fault)>>,
    /// The light of its reports.
    pub(super) light: Mutex<TransportStatus>,
    /// What it says of a reader's service.
    pub(super) availability: Mutex<Availability>,
    /// The operation that it does not know.
    pub(super) broken: Mutex<String>,
    /// How many messages were sent to it, whole or not.
    pub(super) sent: AtomicUsize,
    /// What it has, by message id.
    pub(super) kept: Mutex<BTreeMap<String, Kept>>,
    pub(super) reached: Notify,
    /// How many requests it got, and which it is cut off at.
    pub(super) requests: AtomicUsize,
    pub(super) cut_at: Mutex<Option<(usize, Cut)>>,
    /// What was asked, in order.
    pub(super) asked: Mutex<Vec<Operation>>,
    /// What waits in its mailbox, in order.
    pub(super) waiting: Mutex<Vec<Waiting>>,
    /// It closes, and its answer is lost.
    pub(super) loses_close: Mutex<bool>,
}

/// A message in its mailbox.
#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) metadata: MessageMetaData,
    pub(super) message: Bytes,
    /// What the message is called.
    pub(super) name: Option<&'static str>,
    /// The names of what comes with it.
    pub(super) documents: Vec<&'static str>,
}

impl Waiting {
    /// The same with a name and two documents.
    pub(super) fn with_documents(self) -> Self {
        Self { name: Some("nachricht.xml"), documents: vec!["bescheid.pdf", "merkblatt.pdf"], ..self }
    }
}

#[derive(Clone)]
struct Connection {
    server: Arc<Server>,
    cut: Arc<Notify>,
}

impl Server {
    pub(super) fn new() -> Arc<Self> {
        let server = Self::default();
        *server.availability.lock().unwrap() = Availability::Available;
        *server.light.lock().unwrap() = TransportStatus::Green;
        Arc::new(server)
    }

    /// Listens. A connection that is to break is cut without an answer.
    pub(super) async fn listen(self: &Arc<Self>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, server) = (listener.local_addr().unwrap(), Arc::clone(self));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let connection = Connection { server: Arc::clone(&server), cut: Arc::default() };
                let cut = Arc::clone(&connection.cut);
                let routes = Router::new().fallback(answer).with_state(connection);
                tokio::spawn(async move {
                    let builder = Builder::new(TokioExecutor::new());
                    let served =
                        builder.serve_connection(TokioIo::new(socket), TowerToHyperService::new(routes));
                    tokio::select! {
                        _ = served => {}
                        () = cut.notified() => {}
                    }
                });
            }
        });
        address
    }

    fn report(&self, id: &str) -> Body {
        let kept = self.kept.lock().unwrap();
        let Some(kept) = kept.get(&ids::key(id)) else {
            return Body::Fault(Fault::of(FaultCode::MessageIdUnknown));
        };
        let status = MessageStatus { status: Some(*self.light.lock().unwrap()), ..MessageStatus::default() };
        let time = Some("2026-01-15T12:00:00Z".parse::<jiff::Timestamp>().unwrap().into());
        let metadata = kept.metadata.clone();
        Body::Report(Box::new(TransportReport {
            metadata,
            time,
            server: "urn:test".into(),
            status,
            ..TransportReport::default()
        }))
    }

    fn small(&self, operation: Operation, body: Body) -> Body {
        if self.broken.lock().unwrap().as_str() == operation.name() {
            return Body::Fault(Fault::of(FaultCode::AccountLocked));
        }
        match (operation, body) {
            (Operation::GetTransportReport, Body::MessageId(id)) => self.report(&id),
            (Operation::LookupService, Body::LookupRequest(asked)) => {
                let availability = *self.availability.lock().unwrap();
                let result = |wish| LookupResult { wish, availability, parameters: Vec::new() };
                Body::LookupResponse(LookupResponse {
                    results: asked.wishes.into_iter().map(result).collect(),
                })
            }
            _ => Body::Empty,
        }
    }

    /// A page of the list; what follows is told by a request id that counts.
    fn listed(&self, body: &Body) -> (HeaderBlocks, Body) {
        let (from, most) = match body {
            Body::StatusListRequest(asked) => (0, asked.max_items.unwrap_or(100)),
            Body::GetNext(on) => (on.request_id.parse().unwrap(), 100),
            other => panic!("{other:?}"),
        };
        let waiting = self.waiting.lock().unwrap();
        let most = usize::try_from(most).unwrap();
        let page: Vec<_> = waiting.iter().skip(from).take(most).map(|it| it.metadata.clone()).collect();
        let left = waiting.len() - from.min(waiting.len()) - page.len();
        let state = if page.is_empty() {
            MsgBoxState::Nothing(names::REASON_NO_MATCH.into())
        } else {
            MsgBoxState::Pending(left as u64)
        };
        let response = MsgBoxResponse { request_id: (from + page.len()).to_string(), state };
        let headers = HeaderBlocks { msg_box: Some(response), ..HeaderBlocks::default() };
        (headers, Body::StatusList(MsgStatusList { attributes: Vec::new(), metadata: page }))
    }

    fn handed_out(&self, body: &Body) -> Result<(HeaderBlocks, Waiting), Fault> {
        let Body::Fetch { selector: Some(selector), .. } = body else { panic!("{body:?}") };
        let waiting = self.waiting.lock().unwrap();
        let found = waiting.iter().find(|it| ids::same(&it.metadata.message_id, &selector.message_ids[0]));
        let found = found.cloned().ok_or_else(|| Fault::of(FaultCode::MessageIdUnknown))?;
        let response = MsgBoxResponse { request_id: "7".into(), state: MsgBoxState::Pending(0) };
        let headers = HeaderBlocks {
            metadata: Some(found.metadata.clone()),
            msg_box: Some(response),
            ..HeaderBlocks::default()
        };
        Ok((headers, found))
    }

    fn closed(&self, body: &Body) -> Body {
        let Body::Close(done) = body else { panic!("{body:?}") };
        let mut waiting = self.waiting.lock().unwrap();
        let before = waiting.len();
        waiting.retain(|it| !done.received.iter().any(|id| ids::same(id, &it.metadata.message_id)));
        if waiting.len() < before { Body::Empty } else { Body::Fault(Fault::of(FaultCode::MessageIdUnknown)) }
    }

    /// Keeps a message; `None` where the connection is to break or to stay silent.
    async fn take(&self, head: &Head, contents: Contents<'_>) -> Option<Body> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let mood = self.mood.lock().unwrap().unwrap_or(Mood::Well);
        let mut sink = Digests::default();
        contents.read(&mut sink).await.ok()?;
        match mood {
            Mood::BreaksBefore => return None,
            Mood::Refusing => return Some(Body::Fault(Fault::of(FaultCode::NotSchemaValid))),
            _ => {}
        }
        let metadata = head.metadata.clone()?;
        let key = ids::key(&metadata.message_id);
        let before = self.kept.lock().unwrap().contains_key(&key);
        sink.digests.sort();
        let kept = Kept { content_id: sink.id, digests: sink.digests, metadata, form: head.form };
        if before {
            return Some(Body::Fault(Fault::of(FaultCode::MessageIdTaken)));
        }
        self.kept.lock().unwrap().insert(key, kept);
        match mood {
            Mood::BreaksAfter => None,
            Mood::Silent => {
                self.reached.notify_one();
                std::future::pending().await
            }
            _ => Some(Body::Empty),
        }
    }
}

/// Cut off as the test says, before or after it did what was asked.
async fn answer(state: State<Connection>, request: Request) -> Response {
    let (server, connection) = (Arc::clone(&state.server), state.0.clone());
    let number = server.requests.fetch_add(1, Ordering::Relaxed) + 1;
    let cut_at = server.cut_at.lock().unwrap().filter(|(at, _)| *at == number).map(|(_, cut)| cut);
    if matches!(cut_at, Some(Cut::TornAfter | Cut::SilentAfter)) {
        drop(act(state, request).await);
    } else if cut_at.is_none() {
        return act(state, request).await;
    }
    if matches!(cut_at, Some(Cut::SilentBefore | Cut::SilentAfter)) {
        server.reached.notify_one();
        return std::future::pending().await;
    }
    cut(&connection).await
}

async fn act(State(connection): State<Connection>, request: Request) -> Response {
    let server = &connection.server;
    let (parts, body) = request.into_parts();
    let content_type = parts.headers["content-type"].to_str().unwrap().to_owned();
    if *server.mood.lock().unwrap() == Some(Mood::Unavailable) {
        return Response::builder().status(503).body(HttpBody::empty()).unwrap();
    }
    let wire = Wire { content_type: &content_type, soap_action: None };
    let read = read_head(wire, Expect::Request, body.into_data_stream(), Limits::default()).await;
    let Ok((head, contents)) = read else { return cut(&connection).await };
    let operation = head.operation;
    server.asked.lock().unwrap().push(operation);
    let told = server.fault.lock().unwrap().clone();
    let body = match (told, operation) {
        (Some((status, fault)), _) => return written(status, &head, &Body::Fault(fault)),
        (None, Operation::SendMessage) => match server.take(&head, contents).await {
            Some(body) => body,
            None => return cut(&connection).await,
        },
        (None, Operation::GetStatusList | Operation::GetNextStatusList) => {
            let (headers, body) = server.listed(&contents.small().await.unwrap().body);
            return written_with(200, &head, headers, &body);
        }
        (None, Operation::GetMessage) => match server.handed_out(&contents.small().await.unwrap().body) {
            Ok((headers, message)) => return container(&head, headers, message),
            Err(fault) => Body::Fault(fault),
        },
        (None, Operation::Close) => {
            let body = server.closed(&contents.small().await.unwrap().body);
            if *server.loses_close.lock().unwrap() {
                return cut(&connection).await;
            }
            body
        }
        (None, _) => server.small(operation, contents.small().await.unwrap().body),
    };
    // A real server answers faults with HTTP 200, too.
    written(200, &head, &body)
}

async fn cut(connection: &Connection) -> Response {
    connection.cut.notify_one();
    std::future::pending().await
}

fn written(status: u16, head: &Head, body: &Body) -> Response {
    written_with(status, head, HeaderBlocks::default(), body)
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

fn written_with(status: u16, head: &Head, headers: HeaderBlocks, body: &Body) -> Response {
    response(status, outgoing(head, headers).small(body).unwrap())
}

fn container(head: &Head, headers: HeaderBlocks, waiting: Waiting) -> Response {
    let content = |name: Option<&str>, media_type: &str, bytes: &[u8]| {
        let file_name = name.map(str::to_owned);
        let outline = ContentOutline { file_name, ..ContentOutline::of_type(media_type) };
        OutgoingContent { outline, bytes: super::super::pieces(bytes, 1000) }
    };
    let message = content(waiting.name, "application/xml", &waiting.message);
    let document = |name: &&str| content(Some(name), "application/pdf", format!("%PDF {name}").as_bytes());
    let attachments = waiting.documents.iter().map(document).collect();
    let container = Container::Plain { message, attachments };
    response(200, outgoing(head, headers).container(container, Form::Inline).unwrap())
}

fn response(status: u16, written: Written<'static>) -> Response {
    let body = HttpBody::from_stream(written.body.map_err(std::io::Error::other));
    Response::builder().status(status).header("content-type", written.content_type).body(body).unwrap()
}

/// Takes the digests of contents, so that large ones need no memory.
#[derive(Default)]
struct Digests {
    id: String,
    digests: Vec<Digest>,
    open: Hasher,
}

#[async_trait]
impl ContentSink for Digests {
    async fn begin(&mut self, facts: &ContentFacts) -> Result<(), BoxError> {
        if facts.kind == ContentKind::Message {
            self.id = facts.outline.id.clone().unwrap_or_default();
        }
        Ok(())
    }
    async fn piece(&mut self, bytes: Bytes) -> Result<(), BoxError> {
        self.open.update(&bytes);
        Ok(())
    }
    async fn end(&mut self, _: &ContentEnd) -> Result<(), BoxError> {
        self.digests.push(std::mem::take(&mut self.open).finish());
        Ok(())
    }
}
