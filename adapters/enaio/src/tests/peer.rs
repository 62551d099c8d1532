//! A server that answers as enaio's interfaces are documented, and remembers what it made.

use super::{PASSWORD, StepClock, target};
use crate::cases::Cases;
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use rohrpost_kit::conformance::{Cut, Mood, Peer, REST};
use rohrpost_model::digest::Hasher;
use rohrpost_model::ports::{Piece, Preview, Target};
use rohrpost_model::{DeliveryId, Digest};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub(super) const COOKIE: &str = "JSESSIONID=sitzung-0815";

/// One object as it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) parent: Option<String>,
    pub(super) fields: BTreeMap<String, String>,
    pub(super) file: Option<(String, Digest)>,
}

impl Made {
    fn mark(&self) -> &str {
        self.fields.get("Kennung").map_or("", String::as_str)
    }

    fn is_paper(&self) -> bool {
        matches!(self.kind.as_str(), super::DOCUMENT | super::ATTACHMENT)
    }
}

/// What a server was asked: method and path, fields of what is to be made, and the digest of the body.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) headers: HashMap<String, String>,
    pub(super) json: Value,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) made: Vec<Made>,
    pub(super) asked: Vec<Asked>,
    mood: Option<Mood>,
    broken: String,
    cut: Option<(usize, Cut)>,
    /// Answers this instead, once: to what begins so.
    instead: Option<(String, u16, String)>,
    /// What was asked and is done only when the test says so.
    late: Vec<(String, Body)>,
    hold_back: bool,
}

pub(super) struct EnaioPeer {
    address: SocketAddr,
    interface: &'static str,
    login: &'static str,
    pub(super) state: Arc<Mutex<State>>,
    pub(super) cases: Arc<Cases>,
    pub(super) clock: Arc<StepClock>,
    reached: Arc<Notify>,
}

#[derive(Clone, Default)]
struct Body {
    json: Value,
    file: Option<(String, Digest)>,
}

type Answer = Option<(u16, String)>;

impl EnaioPeer {
    pub(super) async fn new(interface: &'static str, login: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(State::default())));
        let reached = Arc::new(Notify::new());
        let serving = (Arc::clone(&state), Arc::clone(&reached));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, serving.0.clone(), serving.1.clone()));
            }
        });
        let (cases, clock) = (Arc::default(), Arc::default());
        Self { address, interface, login, state, cases, clock, reached }
    }

    pub(super) fn made(&self) -> Vec<Made> {
        self.state.lock().unwrap().made.clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.iter().map(|asked| asked.line.clone()).collect()
    }

    /// The next request whose path ends so is answered so.
    pub(super) fn answers(&self, path: &str, status: u16, body: &str) {
        self.state.lock().unwrap().instead = Some((path.into(), status, body.into()));
    }

    /// What is to be made is done only later, and the connection tears now.
    pub(super) fn holds_back(&self) {
        self.state.lock().unwrap().hold_back = true;
    }

    /// It is done now.
    pub(super) fn catches_up(&self) {
        let mut state = self.state.lock().unwrap();
        state.hold_back = false;
        for (path, body) in std::mem::take(&mut state.late) {
            state.act(&path, body);
        }
    }

    /// Another target, as another process would have it.
    pub(super) fn target_with(&self, cases: Arc<Cases>) -> Arc<dyn Target> {
        let broken = self.state.lock().unwrap().broken.clone();
        let (address, host) = match broken.as_str() {
            "connect" => (nobody(), "127.0.0.1".to_owned()),
            "lookup" => (self.address, "x".repeat(64)),
            _ => (self.address, "127.0.0.1".to_owned()),
        };
        let url = format!("http://{host}:{}", address.port());
        target((self.interface, self.login), &url, cases, Arc::clone(&self.clock) as _)
    }
}

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn serve(socket: TcpStream, state: Arc<Mutex<State>>, reached: Arc<Notify>) {
    let (reader, mut writer) = socket.into_split();
    let mut reader = BufReader::new(reader);
    let Some((line, headers)) = read_head(&mut reader).await else { return };
    let Some(body) = take_in(&headers, reader).await else { return };
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (before, cut, mood) = state.lock().unwrap().comes(&line, &headers, &body);
    let message = mood.filter(|_| is_message(&path, &body));
    let hangs_before = cut == Some(Cut::SilentBefore);
    let breaks_before = cut == Some(Cut::TornBefore) || message == Some(Mood::BreaksBefore);
    let held = state.lock().unwrap().holds_back(&path, &body);
    if hangs_before {
        reached.notify_one();
        return std::future::pending().await;
    }
    if breaks_before || held {
        return;
    }
    let answer = before.or_else(|| state.lock().unwrap().act(&path, body));
    if cut == Some(Cut::SilentAfter) || message == Some(Mood::Silent) {
        reached.notify_one();
        return std::future::pending().await;
    }
    if cut == Some(Cut::TornAfter) || message == Some(Mood::BreaksAfter) {
        return;
    }
    let (status, body) = answer.unwrap_or((404, String::new()));
    let more = match status {
        429 => format!("Retry-After: {}\r\n", REST.as_secs()),
        200 if path.ends_with("session") => format!("Set-Cookie: {COOKIE}; Path=/; HttpOnly\r\n"),
        _ => String::new(),
    };
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status} X\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    let _ = writer.write_all(text.as_bytes()).await;
}

async fn read_head(reader: &mut BufReader<OwnedReadHalf>) -> Option<(String, HashMap<String, String>)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Some((lines[0].clone(), headers))
}

/// `None` if it broke off.
async fn take_in(headers: &HashMap<String, String>, mut reader: BufReader<OwnedReadHalf>) -> Option<Body> {
    let length: u64 = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let Some(boundary) = headers.get("content-type").and_then(|kind| multer::parse_boundary(kind).ok())
    else {
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        reader.read_exact(&mut bytes).await.ok()?;
        return Some(Body { json: serde_json::from_slice(&bytes).unwrap_or_default(), file: None });
    };
    let pieces = stream::try_unfold(reader.take(length), |mut reader| async move {
        let mut piece = vec![0; 64 * 1024];
        let read = reader.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then_some((Bytes::from(piece), reader)))
    });
    let (mut form, mut body) = (multer::Multipart::new(pieces.boxed(), boundary), Body::default());
    while let Some(mut field) = form.next_field().await.ok()? {
        if field.name() == Some("data") {
            assert_eq!(field.content_type().unwrap().essence_str(), "application/json");
            body.json = serde_json::from_slice(&field.bytes().await.ok()?).unwrap();
            continue;
        }
        let content_id = field.headers().get("content-id").map(|id| id.to_str().unwrap().to_owned());
        assert!(field.name() == Some("file") || content_id.as_deref() == field.name(), "{:?}", field.name());
        let name = field.file_name().unwrap().to_owned();
        let mut hasher = Hasher::default();
        while let Some(piece) = field.chunk().await.ok()? {
            hasher.update(&piece);
        }
        body.file = Some((name, hasher.finish()));
    }
    Some(body)
}

fn is_message(path: &str, body: &Body) -> bool {
    let making = path.contains("/insert") || path.contains("/objects?");
    making && made_of("", path, body).is_some_and(|made| made.is_paper() && !made.mark().contains('/'))
}

/// What this request would make.
fn made_of(id: &str, path: &str, body: &Body) -> Option<Made> {
    let texts = |fields: &Value| -> BTreeMap<String, String> {
        let fields = fields.as_object().into_iter().flatten();
        fields.map(|(name, value)| (name.clone(), value["value"].as_str().unwrap().to_owned())).collect()
    };
    let (kind, parent, fields) = if path.contains("/osrest/") {
        let parent = path.rsplit('/').next().filter(|last| last.parse::<u64>().is_ok());
        (
            body.json["objectTypeId"].as_str()?.to_owned(),
            parent.map(str::to_owned),
            texts(&body.json["fields"]),
        )
    } else {
        let mut fields = texts(&body.json["objects"][0]["properties"]);
        let kind = fields.remove("system:objectTypeId")?;
        let parent = fields.remove("system:parentId");
        (kind, parent, fields)
    };
    Some(Made { id: id.to_owned(), kind, parent, fields, file: body.file.clone() })
}

impl State {
    /// Notes a request; what it is answered before anything is done, and how it is cut off.
    fn comes(
        &mut self,
        line: &str,
        headers: &HashMap<String, String>,
        body: &Body,
    ) -> (Answer, Option<Cut>, Option<Mood>) {
        let asked = Asked { line: line.to_owned(), headers: headers.clone(), json: body.json.clone() };
        self.asked.push(asked);
        let path = line.split(' ').nth(1).unwrap_or_default();
        let cut = self.cut.filter(|(at, _)| *at == self.asked.len()).map(|(_, cut)| cut);
        let making = path.contains("/insert") || path.contains("/objects?");
        let refused = format!(r#"{{"ErrorType":"PARAMETER_ERROR","DefaultMessage":"{PASSWORD}"}}"#);
        let told = |answer: &(u16, String)| Some(answer.clone());
        let instead = self.instead.take_if(|(begins, ..)| path.contains(begins.as_str()));
        let answer = match (cut, self.mood) {
            (Some(Cut::Throttled), _) => told(&(429, String::new())),
            _ if instead.is_some() => instead.map(|(_, status, body)| (status, body)),
            (_, Some(Mood::Unavailable)) => told(&(503, String::new())),
            (_, Some(Mood::Refusing)) if making => told(&(500, refused)),
            _ => self.stops(path, headers, body),
        };
        (answer, cut, self.mood)
    }

    /// Whoever is not logged in is told nothing; and what a test broke for a probe.
    fn stops(&self, path: &str, headers: &HashMap<String, String>, body: &Body) -> Answer {
        let (ping, who) = (path.ends_with("/ping"), path.ends_with("/session") || path.ends_with("/native"));
        let known = headers.get("cookie").is_some_and(|cookie| cookie == COOKIE)
            || headers.get("authorization").is_some_and(|header| header.starts_with("Basic "));
        let asks_for = |kind: &str| {
            path.ends_with("/search") && body.json.to_string().contains(kind) && self.broken != "answer"
        };
        match self.broken.as_str() {
            "answer" if ping || who => Some((500, String::new())),
            "credentials" if who => Some((401, PASSWORD.to_owned())),
            "folder" if asks_for(super::FOLDER) => Some((400, String::new())),
            "register" if asks_for(super::REGISTER) => Some((400, String::new())),
            "document" if asks_for(super::DOCUMENT) => Some((400, String::new())),
            "attachment" if asks_for(super::ATTACHMENT) => Some((400, String::new())),
            _ if !known && !ping => Some((401, PASSWORD.to_owned())),
            _ => None,
        }
    }

    fn holds_back(&mut self, path: &str, body: &Body) -> bool {
        let making = path.contains("/insert") || path.contains("/objects?");
        if self.hold_back && making {
            self.late.push((path.to_owned(), body.clone()));
        }
        self.hold_back && making
    }

    pub(super) fn forget_what_is_late(&mut self) {
        self.late.clear();
        self.hold_back = false;
    }

    fn act(&mut self, path: &str, body: Body) -> Answer {
        let osrest = path.contains("/osrest/");
        if path.ends_with("/search") {
            return Some((200, self.search(osrest, &body.json)));
        }
        if path.contains("/insert") || path.contains("/objects?") {
            let id = (1000 + self.made.len()).to_string();
            self.made.push(made_of(&id, path, &body)?);
            return Some((200, written(osrest, &id)));
        }
        if path.contains("/update/") || path.contains("/objects/") {
            let id = path.split('?').next()?.rsplit('/').next()?.to_owned();
            let new = made_of(&id, "/api/dms/", &body).or_else(|| made_of(&id, "/osrest/", &body))?;
            let there = self.made.iter_mut().find(|made| made.id == id)?;
            *there = Made { parent: there.parent.clone(), ..new };
            return Some((200, written(osrest, &id)));
        }
        Some((200, "{}".into()))
    }

    fn search(&self, osrest: bool, json: &Value) -> String {
        let query = &json["query"];
        let (kind, field, mark) = if osrest {
            let (field, value) = query["fields"].as_object().unwrap().iter().next().unwrap();
            (query["objectTypeId"].as_str().unwrap(), field.as_str(), value["value"].as_str().unwrap())
        } else {
            let words: Vec<_> = query["statement"].as_str().unwrap().split([' ', '=']).collect();
            let ["SELECT", "system:objectId", "FROM", kind, "WHERE", field, "@mark"] = words[..] else {
                panic!("{words:?}")
            };
            (kind, field, query["parameters"]["mark"].as_str().unwrap())
        };
        let bears = |made: &&Made| made.kind == kind && made.fields.get(field).is_some_and(|it| it == mark);
        let hits = self.made.iter().filter(bears).map(|made| match osrest {
            true => json!({ "osid": made.id, "objectTypeId": made.kind }),
            false => properties(&made.id),
        });
        let hits: Vec<_> = hits.collect();
        match osrest {
            true => Value::from(hits).to_string(),
            false => json!({ "numItems": hits.len(), "hasMoreItems": false, "objects": hits }).to_string(),
        }
    }
}

fn properties(id: &str) -> Value {
    json!({ "properties": { "system:objectId": { "value": id } } })
}

fn written(osrest: bool, id: &str) -> String {
    if osrest { id.to_owned() } else { json!({ "objects": [properties(id)] }).to_string() }
}

#[async_trait]
impl Peer for EnaioPeer {
    fn target(&self) -> Arc<dyn Target> {
        self.target_with(Arc::default())
    }

    async fn behave(&self, mood: Mood) -> bool {
        self.state.lock().unwrap().mood = Some(mood);
        true
    }

    async fn arrived(&self, key: DeliveryId) -> Vec<(Vec<Digest>, Digest)> {
        let (made, key) = (self.made(), key.to_string());
        let messages = made.iter().filter(|made| made.is_paper() && made.mark() == key);
        let whole = messages.map(|_| {
            let papers = made.iter().filter(|made| made.is_paper() && made.mark().starts_with(&key));
            let mut digests: Vec<_> = papers.map(|paper| paper.file.clone().unwrap().1).collect();
            digests.sort();
            (digests.clone(), Digest::of(format!("{digests:?}").as_bytes()))
        });
        whole.collect()
    }

    fn foreseen(&self, preview: &Preview, _: &dyn Fn(&Piece) -> Vec<u8>) -> (Vec<Digest>, Digest) {
        panic!("there is none: {preview:?}")
    }

    async fn reached(&self) {
        self.reached.notified().await;
    }

    fn inquires(&self) -> bool {
        true
    }

    async fn takes(&self) -> usize {
        let made = self.made();
        let papers = made.iter().filter(|made| made.is_paper());
        papers.map(|paper| paper.mark().split('/').next()).collect::<BTreeSet<_>>().len()
    }

    async fn break_step(&self, word: &str) {
        self.state.lock().unwrap().broken = word.to_owned();
    }

    async fn cut(&self, request: usize, cut: Cut) -> bool {
        self.state.lock().unwrap().cut = Some((request, cut));
        true
    }

    fn requests(&self) -> usize {
        self.state.lock().unwrap().asked.len()
    }

    async fn made(&self, _: DeliveryId) -> Vec<String> {
        let mut words: Vec<_> = self.made().into_iter().map(|made| made.kind).collect();
        words.sort();
        words
    }

    async fn time_passes(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.into(), COOKIE.into()]
    }
}
