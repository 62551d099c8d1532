//! What the crash tests share: a hub under load, a DMS that does not behave, and the reckoning afterwards.

use super::life::Unknown;
use super::notice::{Handed, Load, Notice, Senders, hand_in};
use super::reconcile::{Arrivals, Unit, reconcile};
use super::{DMS, hasten, repeat_what_is_unknown};
use crate::support::client::Client;
use crate::support::hub::{Hub, Setup};
use crate::support::wire::{Script, Wire};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// The numbers that one sender may need for one load.
const NUMBERS: usize = 800;

/// How hard it is made.
pub struct Ordeal {
    pub setup: Setup,
    pub dms: Wire,
    pub unknown: Unknown,
    pub seed: u64,
    /// While true, the DMS behaves.
    calm: Arc<AtomicBool>,
}

/// What one load came to.
pub struct Reckoning {
    pub handed: usize,
    /// Which of them waited for a person, and how many of these the DMS did not have.
    pub parked: usize,
    pub missing: usize,
    pub arrivals: Arrivals,
}

impl fmt::Display for Reckoning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { handed, parked, missing, arrivals } = self;
        let (whole, taken, doubled) = (arrivals.whole(), arrivals.taken().len(), arrivals.doubled());
        write!(
            f,
            "{handed} acknowledged, {whole} requests at the DMS, {taken} keys taken, {doubled} of them doubled, "
        )?;
        write!(f, "{parked} parked, {missing} of them missing")
    }
}

/// Something that whoever runs the tests may say.
#[allow(clippy::disallowed_methods)]
pub fn told<T: std::str::FromStr>(variable: &str) -> Option<T> {
    std::env::var(variable).ok().and_then(|value| value.parse().ok())
}

impl Ordeal {
    /// A DMS that does with each request what `scripts` says.
    pub async fn new(
        unknown: Unknown,
        seed: u64,
        scripts: impl Fn(usize) -> Script + Send + Sync + 'static,
    ) -> Self {
        let calm = Arc::new(AtomicBool::new(false));
        let behaves = Arc::clone(&calm);
        let dms = Wire::start(move |number| match behaves.load(Ordering::SeqCst) {
            true => Script::answer("200 OK", "", &number.to_string()),
            false => scripts(number),
        });
        let dms = dms.await;
        let setup = Setup::new(dms.address);
        hasten(&setup);
        // What falls silent holds up only itself.
        setup.edit(DMS, "concurrency = 4\ntimeout = \"30s\"", "concurrency = 16\ntimeout = \"2s\"");
        // It comes into play, and is soon over.
        let breaker = "[breaker]\nrest = \"200ms\"\ncap = \"1s\"\n\n[ramp]\nover = \"0s\"\n\n[http]\n";
        setup.edit(DMS, "[http]\n", breaker);
        match unknown {
            Unknown::Retry => repeat_what_is_unknown(&setup),
            // So it is shipped.
            Unknown::Park => setup.edit(DMS, "unknown = \"park\"", "unknown = \"park\""),
        }
        Self { setup, dms, unknown, seed, calm }
    }

    /// Lets the DMS behave from now on.
    pub fn end(&self) {
        self.calm.store(true, Ordering::SeqCst);
    }

    /// Starts senders for load number `load` of a hub; `moved` tells them where it is.
    pub fn senders(&self, count: usize, load: usize, hub: &Hub, moved: &watch::Sender<String>) -> Senders {
        self.calm.store(false, Ordering::SeqCst);
        let client = Client::of(hub, "portal");
        Senders::start_from(load * NUMBERS, self.seed, count, &client, &moved.subscribe())
    }

    /// After all crashes: lets everything come to its end, and holds what was acknowledged against what arrived.
    pub async fn reckon(&self, hub: &Hub, load: &Load) -> Reckoning {
        self.end();
        let client = Client::of(hub, "portal");
        let parked = match self.unknown {
            Unknown::Retry => Vec::new(),
            Unknown::Park => parked(&client, &load.handed).await,
        };
        let missing = self.decide(hub, &parked).await;
        for handed in &load.handed {
            let ended = |it: &Value| ["completed", "ended"].contains(&it["state"].as_str().unwrap_or(""));
            client.follow(&handed.id(), ended).await;
        }
        nothing_waits(&client).await;
        self.ask_for_answers_again(hub, load).await;
        let arrivals = Arrivals::of(self.dms.take()).await;
        let units = Unit::take_all(&self.setup.path("fachverfahren"));
        reconcile(&client, &load.handed, units, &arrivals, self.unknown).await;
        Reckoning { handed: load.handed.len(), parked: parked.len(), missing, arrivals }
    }

    /// What a person does with what nobody can tell: looks into the DMS, gives up what is there, and lets the hub send
    /// what is not. Returns how many were not.
    async fn decide(&self, hub: &Hub, parked: &[String]) -> usize {
        let operator = Client::of(hub, "operator");
        let seen = self.dms.seen();
        let taken: HashSet<_> =
            seen.iter().filter(|seen| seen.taken()).map(|seen| seen.request.key()).collect();
        for key in parked {
            let there = taken.contains(key);
            let order = if there { "discard" } else { "retry" };
            let command = operator.request("POST", &format!("/v1/deliveries/{key}/{order}"));
            let answer = command.json(&json!({ "reason": "Im DMS nachgesehen" })).send().await;
            assert!(answer.expect("an answer").status().is_success(), "{order}");
        }
        parked.iter().filter(|key| !taken.contains(*key)).count()
    }

    /// A key still gets its first answer.
    async fn ask_for_answers_again(&self, hub: &Hub, load: &Load) {
        let (_moved, mut address) = watch::channel(hub.api.clone());
        for handed in load.handed.iter().step_by(3) {
            let notice = Notice::new(self.seed, handed.sender, handed.number);
            let (again, _) = hand_in(&Client::of(hub, "portal"), &notice, &mut address).await;
            assert_eq!(again, handed.answer, "{} gets the answer of the first time", notice.key);
        }
    }
}

/// The keys of what waits for a person, once everything is delivered or waits for one.
async fn parked(client: &Client, handed: &[Handed]) -> Vec<String> {
    let mut parked = Vec::new();
    for handed in handed {
        let settled = |it: &Value| ["completed", "attention"].contains(&it["state"].as_str().unwrap_or(""));
        let submission = client.follow(&handed.id(), settled).await;
        let [fachverfahren, dms] = [0, 1].map(|index| &submission["deliveries"][index]);
        assert_eq!(fachverfahren["state"], "delivered", "{submission:#}");
        if dms["state"] == "parked" {
            assert_eq!(dms["reason"]["code"], "no-word", "{submission:#}");
            parked.push(dms["id"].as_str().expect("an id").to_owned());
        }
    }
    parked
}

/// Nothing is left in any state that is no end (promise H2).
async fn nothing_waits(client: &Client) {
    let open = "blocked,due,claimed,sending,unknown,awaiting,parked";
    let page = client.get(&format!("/v1/deliveries?state={open}")).await;
    assert_eq!(page["deliveries"], json!([]), "they wait, and nothing is known of them");
}
