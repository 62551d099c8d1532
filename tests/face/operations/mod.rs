//! What operators do, against a real hub and a target that records everything: hold back and let go, retry many at a
//! pace, mend. Everything is ordered as people do it: through the commands.

mod destinations;
mod expiry;
mod mending;
mod orders;
mod waits;

use super::{Answered, text};
use crate::cli::{Ran, rohrpost};
use crate::support::client::Client;
use crate::support::hub::{AREA, Hub, SERVICE, Setup};
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode as Status};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The destination of all tests here.
const DESTINATION: &str = "lk-beispiel-enaio";

/// How the desk answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Take,
    /// Surely not taken, come back later.
    Busy,
    /// Taken for nothing, for good.
    Refuse,
    /// Nobody knows.
    Lose,
    /// Not before the desk has another word.
    Wait,
}

/// One request as it came in.
#[derive(Clone, Debug)]
struct Seen {
    at: Instant,
    /// It is asked whether something is there.
    asks: bool,
    /// The delivery.
    key: String,
    case: String,
    body: Bytes,
}

/// A target that records every request, and answers as it was told last. A case that is called like a word in lower case
/// is answered so.
#[derive(Clone)]
struct Desk {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    word: Arc<watch::Sender<Word>>,
    /// Whether it can tell what it has.
    tells: Arc<watch::Sender<bool>>,
}

impl Desk {
    async fn open(word: Word) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (word, tells) = (Arc::new(watch::Sender::new(word)), Arc::new(watch::Sender::new(false)));
        let desk = Self { address, seen: Arc::default(), word, tells };
        let app = Router::new().fallback(attend).with_state(desk.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        desk
    }

    fn say(&self, word: Word) {
        self.word.send_replace(word);
    }

    /// Everything that came in.
    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic while recording").clone()
    }

    /// What was handed over.
    fn handed_over(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| !seen.asks).collect()
    }

    async fn answer(&self, seen: &Seen) -> Response {
        if seen.asks {
            let tells = *self.tells.borrow();
            return if tells { Status::OK } else { Status::SERVICE_UNAVAILABLE }.into_response();
        }
        let mut said = self.word.subscribe();
        let said = said.wait_for(|word| *word != Word::Wait);
        let word = match seen.case.as_str() {
            "busy" => Word::Busy,
            "refuse" => Word::Refuse,
            "lose" => Word::Lose,
            _ => said.await.map_or(Word::Lose, |word| *word),
        };
        match word {
            Word::Take => (Status::OK, "4711").into_response(),
            Word::Busy => Status::SERVICE_UNAVAILABLE.into_response(),
            Word::Refuse => Status::BAD_REQUEST.into_response(),
            Word::Lose | Word::Wait => Status::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

#[allow(clippy::disallowed_methods)] // when something arrives is measured by the test
async fn attend(State(desk): State<Desk>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let header =
        |name| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let asks = head.method == Method::GET;
    let asked_for = head.uri.query().and_then(|query| query.strip_prefix("schluessel=")).unwrap_or_default();
    let key = if asks { asked_for.to_owned() } else { header("idempotency-key") };
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Status::BAD_REQUEST.into_response();
    };
    let seen = Seen { at: Instant::now(), asks, key, case: header("x-vorgang"), body };
    desk.seen.lock().expect("no panic while recording").push(seen.clone());
    desk.answer(&seen).await
}

/// A hub whose route has one step to the desk, and more where a test says so.
struct House {
    desk: Desk,
    setup: Setup,
    hub: Hub,
}

impl House {
    async fn new(word: Word) -> Self {
        Self::with(word, "", |_| {}).await
    }

    /// The same with more in its route, and whatever `change` changes before it starts.
    async fn with(word: Word, route: &str, change: impl FnOnce(&Setup)) -> Self {
        let desk = Desk::open(word).await;
        let setup = Setup::new(desk.address);
        setup.write(&format!("destinations/{DESTINATION}.toml"), &destination(desk.address));
        let route = format!(
            "name = \"brunnenbohrung\"\ntenants = [\"lk-beispiel\"]\n[match]\nservice = \"{SERVICE}\"\n\
             [[step]]\nname = \"dms\"\ndestination = \"{DESTINATION}\"\nattachments = false\n{route}"
        );
        setup.write("routes/brunnenbohrung.toml", &route);
        change(&setup);
        Self { desk, hub: setup.start(), setup }
    }

    fn operator(&self) -> Client {
        Client::of(&self.hub, "operator")
    }

    /// Hands in under this case, and returns the submission.
    async fn hand_in(&self, case: &str) -> String {
        let path = format!("/v1/submissions?service={SERVICE}&area={AREA}&case={case}");
        let request = Client::of(&self.hub, "portal").request("POST", &path);
        let request = request.header("content-type", "application/xml").body("<anzeige/>");
        let answered = Answered::of(request.send().await.expect("an answer")).await;
        text(&answered.accepted(), "id").to_owned()
    }

    /// The same, and waits until the delivery on the first step is in `state`. Returns it.
    async fn hand_in_until(&self, case: &str, state: &str) -> Value {
        let id = self.hand_in(case).await;
        self.until(&id, |delivery| delivery["state"] == state).await
    }

    /// Waits until the first delivery of a submission is so.
    async fn until(&self, submission: &str, so: impl Fn(&Value) -> bool) -> Value {
        let shown = self.operator().follow(submission, |it| so(&it["deliveries"][0])).await;
        shown["deliveries"][0].clone()
    }

    async fn delivery(&self, id: &str) -> Value {
        self.operator().get(&format!("/v1/deliveries/{id}")).await
    }

    async fn destination(&self) -> Value {
        self.operator().get(&format!("/v1/destinations/{DESTINATION}")).await
    }

    /// All deliveries in a state.
    async fn listed(&self, state: &str) -> Vec<Value> {
        let page = self.operator().get(&format!("/v1/deliveries?state={state}&limit=500")).await;
        page["deliveries"].as_array().expect("deliveries").clone()
    }

    fn queue(&self, arguments: &[&str]) -> Ran {
        let all: Vec<_> =
            ["queue"].iter().chain(arguments).copied().chain(["--url", &self.hub.api]).collect();
        rohrpost(&self.setup.path(""), &all)
    }

    /// Takes the changed configuration; how that ended.
    fn activate(&self) -> i32 {
        let all = ["config", "activate", "--reason", "geändert", "--url", &self.hub.api];
        rohrpost(&self.setup.path(""), &all).code
    }

    /// An order of `queue`, which must do what it says.
    fn order(&self, arguments: &[&str]) -> Ran {
        let ran = self.queue(arguments);
        assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{arguments:?}: {ran:?}");
        ran
    }
}

fn destination(desk: SocketAddr) -> String {
    format!(
        "name = \"{DESTINATION}\"\ntenants = [\"lk-beispiel\"]\nadapter = \"http\"\nconcurrency = 4\n\
         [retry]\nfirst = \"1d\"\ncap = \"1d\"\n\
         [http]\nurl = \"http://{desk}/annahme\"\nheaders = {{ \"X-Vorgang\" = \"{{case}}\" }}\n\
         [http.answer]\nreference = {{ body = true }}\n\
         [http.inquire]\nurl = \"http://{desk}/auskunft?schluessel={{delivery-id}}\"\nabsent = [404]\n"
    )
}

/// The last entry of a history.
fn last_entry(delivery: &Value) -> &Value {
    delivery["history"].as_array().and_then(|entries| entries.last()).expect("a history")
}
