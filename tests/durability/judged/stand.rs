//! Destinations that differ in their policy, and targets that behave the same at each.

use crate::durability::{PLAIN, hand_in_plain};
use crate::support::client::Client;
use crate::support::hub::{Hub, Setup};
use crate::support::wire::{ATTEMPT, Script, Seen, Step, Wire};
use reqwest::StatusCode;
use rohrpost_model::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::task::block_in_place;

/// How long the deliveries of one test may take altogether.
const PATIENCE: Duration = Duration::from_secs(90);

/// The time limit of an attempt, in milliseconds.
pub const LIMIT: i64 = 2_000;

/// A target that takes what it gets, and names it.
fn takes() -> Script {
    Script::answer("200 OK", "", r#"{"id":"4711"}"#)
}

/// What a target does with the first request. It takes each further one.
#[derive(Clone)]
pub enum First {
    /// This.
    Does(Script),
    /// It ends the connection before it has read a byte.
    Drops,
    /// It does not listen, until it comes back.
    IsAway,
}

impl First {
    pub fn answers(status: &'static str, headers: &str, body: &str) -> Self {
        Self::Does(Script::answer(status, headers, body))
    }

    pub fn takes(then: impl IntoIterator<Item = Step>) -> Self {
        Self::Does(Script::take("first", then))
    }
}

/// A target, or the port of one that does not listen yet.
pub struct Target {
    address: SocketAddr,
    wire: Option<Wire>,
    away: Option<TcpSocket>,
}

impl Target {
    async fn start(first: First) -> Self {
        let wire = match first {
            First::Does(first) => {
                Wire::start(move |number| if number == 1 { first.clone() } else { takes() }).await
            }
            First::Drops => Wire::dropping(1, |_| takes()).await,
            First::IsAway => return Self::away(),
        };
        Self { address: wire.address, wire: Some(wire), away: None }
    }

    fn away() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        Self { address: socket.local_addr().expect("an address"), wire: None, away: Some(socket) }
    }

    pub fn comes_back(&mut self) {
        let socket = self.away.take().expect("it was away");
        self.wire = Some(Wire::on(socket.listen(16).expect("it listens"), 0, |_| takes()));
    }

    /// How many requests reached it, or tried to.
    pub fn begun(&self) -> usize {
        self.wire.as_ref().map_or(0, Wire::begun)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.wire.as_ref().map_or_else(Vec::new, Wire::seen)
    }
}

/// Destinations that differ in their policy, with a target that behaves the same at each, and one notice to all.
pub struct House {
    /// Keeps the hub's folders.
    _setup: Setup,
    hub: Hub,
    pub targets: BTreeMap<&'static str, Target>,
    submission: String,
    /// Each delivery as it looked when it was first seen in a state.
    looks: BTreeMap<(String, String), Value>,
}

const RETRY_SOON: &str = "[retry]\nfirst = \"100ms\"\ncap = \"200ms\"\n[breaker]\nfailures = 0\n";
const RETRY_LATE: &str = "[retry]\nfirst = \"24h\"\ncap = \"24h\"\n";

/// What the destinations of this name say beside the common. A target that is asked about a delivery is at `asked`.
fn policy(name: &str, asked: &str) -> (&'static str, &'static str, String) {
    let inquire = |more: &str| {
        format!(
            "[http.inquire]\nurl = \"http://{asked}/{{delivery-id}}\"\n{more}reference = {{ json-pointer = \"/id\" }}\n"
        )
    };
    match name {
        "parks" => ("park", RETRY_LATE, String::new()),
        "repeats" => ("retry", RETRY_SOON, String::new()),
        "finds" => ("park", RETRY_LATE, inquire("")),
        "misses" => ("park", RETRY_LATE, inquire("absent = [404]\n")),
        "waits" => ("park", RETRY_LATE, String::new()),
        "hurries" => ("park", RETRY_SOON, String::new()),
        other => panic!("no policy {other}"),
    }
}

async fn destination(name: &str, target: SocketAddr) -> String {
    let asked = Wire::start(match name {
        "finds" => |_| takes(),
        _ => |_| Script::answer("404 Not Found", "", ""),
    });
    let (unknown, retry, inquire) = policy(name, &asked.await.address.to_string());
    format!(
        "name = \"{name}\"\ntenants = [\"lk-beispiel\"]\nadapter = \"http\"\ntimeout = \"{LIMIT}ms\"\n\
         unknown = \"{unknown}\"\n{retry}\
         [http]\nurl = \"http://{target}/in\"\nheaders = {{ \"{ATTEMPT}\" = \"{{attempt}}\" }}\n\
         [http.answer]\nreference = {{ json-pointer = \"/id\" }}\n{inquire}"
    )
}

impl House {
    pub async fn new(first: First, names: &[&'static str]) -> Self {
        let setup = Setup::new("127.0.0.1:9");
        let mut route =
            "name = \"urteil\"\ntenants = [\"lk-beispiel\"]\n[match]\nkind = \"notice\"\n".to_owned();
        let mut targets = BTreeMap::new();
        for name in names {
            let target = Target::start(first.clone()).await;
            setup.write(&format!("destinations/{name}.toml"), &destination(name, target.address).await);
            route += &format!("[[step]]\nname = \"{name}\"\ndestination = \"{name}\"\n");
            targets.insert(*name, target);
        }
        setup.write("routes/urteil.toml", &route);
        let hub = block_in_place(|| setup.start());
        let submission = hand_in_plain(&Client::of(&hub, "portal"), "notice", PLAIN).await;
        Self { _setup: setup, hub, targets, submission, looks: BTreeMap::new() }
    }

    /// Looks until all deliveries are in such a state, and notes how they look meanwhile.
    pub async fn until(&mut self, states: &[&str]) {
        let client = Client::of(&self.hub, "portal");
        let looks = &mut self.looks;
        let mut pauses = tokio::time::interval(Duration::from_millis(20));
        let all = async {
            loop {
                pauses.tick().await;
                let submission = client.get(&format!("/v1/submissions/{}", self.submission)).await;
                let deliveries = submission["deliveries"].as_array().expect("deliveries");
                for delivery in deliveries {
                    let word = |key: &str| delivery[key].as_str().expect("a word").to_owned();
                    looks.entry((word("step"), word("state"))).or_insert_with(|| delivery.clone());
                }
                let there = |it: &Value| {
                    states.contains(&it["state"].as_str().expect("a state")) && it["attempts"] != 0
                };
                if deliveries.iter().all(there) {
                    return;
                }
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, all).await;
        in_time.unwrap_or_else(|_| panic!("they did not come to {states:?}: {:#?}", self.looks));
    }

    /// How a delivery looked when it was in this state.
    pub fn look(&self, name: &str, state: &str) -> &Value {
        let look = self.looks.get(&(name.to_owned(), state.to_owned()));
        look.unwrap_or_else(|| panic!("{name} was never seen to be {state}: {:#?}", self.looks))
    }

    /// The delivery with its history.
    pub async fn detail(&self, name: &str) -> Value {
        let operator = Client::of(&self.hub, "operator");
        let submission = operator.get(&format!("/v1/submissions/{}", self.submission)).await;
        let deliveries = submission["deliveries"].as_array().expect("deliveries");
        let delivery = deliveries.iter().find(|delivery| delivery["step"] == name).expect("a delivery");
        operator.get(&format!("/v1/deliveries/{}", delivery["id"].as_str().expect("an id"))).await
    }

    /// A person lets it be tried again now.
    pub async fn retry(&self, name: &str) {
        let id = self.detail(name).await["id"].as_str().expect("an id").to_owned();
        let command =
            Client::of(&self.hub, "operator").request("POST", &format!("/v1/deliveries/{id}/retry"));
        let answer = command.json(&json!({ "reason": "Ziel ist repariert" })).send().await;
        assert_eq!(answer.expect("an answer").status(), StatusCode::OK);
    }

    /// All that happened to a delivery, the state it is in, and the requests that came for it.
    pub async fn assert_story(&self, name: &str, state: &str, story: &[&str], requests: usize) -> Value {
        let detail = self.detail(name).await;
        assert_eq!(told(&detail), story, "{name}: {detail:#}");
        assert_eq!(detail["state"], state, "{name}: {detail:#}");
        assert_eq!(detail["nextAt"].is_null(), state != "due", "{name}: {detail:#}");
        let target = &self.targets[name];
        assert_eq!(target.begun(), requests, "{name}: requests");
        for seen in target.seen() {
            assert_eq!(seen.request.key(), detail["id"], "{name}");
            let first = &target.seen()[0].request;
            assert!(!seen.whole || first.body.is_empty() || seen.request.body == first.body, "{name}");
        }
        detail
    }
}

/// The history, one line for each event after the acceptance: what was behind it, what happened, and why.
pub fn told(detail: &Value) -> Vec<String> {
    let line = |change: &Value| {
        let mut line = format!("{}: {}", change["cause"].as_str()?, change["event"].as_str()?);
        let reason = &change["reason"];
        for word in [&reason["code"], &reason["params"]["status"]].into_iter().filter_map(Value::as_str) {
            line += &format!(" {word}");
        }
        Some(line)
    };
    detail["history"].as_array().expect("a history").iter().filter_map(line).collect()
}

/// When something of the history happened, in milliseconds.
pub fn when(detail: &Value, line: &str) -> i64 {
    let index = told(detail).iter().position(|told| told == line).expect("it happened");
    let changes = detail["history"].as_array().expect("a history").iter();
    milliseconds(&changes.filter(|change| change["event"].is_string()).nth(index).expect("a change")["at"])
}

pub fn milliseconds(at: &Value) -> i64 {
    let at: Timestamp = at.as_str().expect("a time").parse().expect("a time");
    at.as_millisecond()
}
