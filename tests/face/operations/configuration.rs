//! The life of a configuration: kept with who, when and why; compared; refused; taken back.

use super::{House, Word, text};
use crate::cli::Ran;
use crate::support::client::{Client, until};
use crate::support::hub::{PROGRAM, Setup};
use crate::support::sink::Sink;
use rohrpost_mappings::Bundle;
use rohrpost_model::ports::{Records as _, Scope, Versions as _};
use rohrpost_model::route::PinnedStep;
use rohrpost_model::version::VersionKind;
use rohrpost_seal::{KeyFolder, parse_hub_key};
use rohrpost_store::{SqliteStore, StoreOptions};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The stamp of a mapping's version, in its stylesheet and in what it makes.
fn stamp(text: &str) -> String {
    let rest = text.split("fassung-").nth(1).unwrap_or_default();
    rest.chars().take_while(char::is_ascii_digit).collect()
}

fn stamped(number: usize) -> String {
    format!("<xsl:comment>fassung-{number}</xsl:comment>")
}

/// What each delivery pinned, told by the store of a hub that was stopped: its id and the stamp of the pinned mapping.
async fn pinned_stamps(setup: &Setup, ids: &[String]) -> BTreeMap<String, String> {
    let key = fs::read_to_string(setup.config().join("secrets/hub.key")).expect("the hub key");
    let key = parse_hub_key(key.trim()).expect("a hub key");
    let vault = Arc::new(KeyFolder::open(&setup.path("keys"), &key).expect("the keys"));
    let store = SqliteStore::open(&setup.path("data"), vault, StoreOptions::default()).expect("the store");
    let mut stamps = BTreeMap::new();
    for id in ids {
        let detail = store.delivery(&Scope::Hub, id.parse().expect("an id")).await.expect("readable");
        let pinned = detail.expect("it is there").delivery.pinned.expect("it pins");
        let step = store.load(VersionKind::Step, &pinned).await.expect("readable").expect("kept");
        let step: PinnedStep = serde_json::from_slice(&step).expect("a step");
        let mapping = step.mapping.expect("a mapping");
        let bundle = store.load(VersionKind::Mapping, &mapping).await.expect("readable").expect("kept");
        let bundle = Bundle::from_bytes(&bundle).expect("a bundle");
        stamps.insert(id.clone(), stamp(&String::from_utf8_lossy(&bundle.files["transform.xsl"])));
    }
    stamps
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[allow(clippy::disallowed_methods)] // when it takes effect is measured by the test
async fn h8_a_changed_mapping_takes_effect_at_once_and_every_document_is_of_the_version_that_was_pinned() {
    let house = Arc::new(House::mapping(Word::Take, &stamped(0)).await);
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let (portal, stop) = (Client::of(&house.hub, "portal"), Arc::clone(&stop));
            tokio::spawn(async move {
                let (xml, mut ids) = (crate::face::sample("brunnenbohrung-1.xml"), Vec::new());
                while !stop.load(Ordering::Relaxed) {
                    let answer = portal.submit(&xml, &[], None).await.expect("an answer");
                    assert_eq!(answer.status(), 202, "nothing is refused meanwhile");
                    let answer: Value = answer.json().await.expect("JSON");
                    ids.push(text(&answer, "id").to_owned());
                }
                ids
            })
        })
        .collect();
    for number in 1..=4 {
        tokio::task::block_in_place(|| house.mend_mapping(&stamped(number)));
        let active = Instant::now();
        until(async || {
            let seen = house.desk.handed_over();
            seen.iter().any(|seen| stamp(&String::from_utf8_lossy(&seen.body)) == number.to_string())
        })
        .await;
        let took = active.elapsed();
        assert!(took < Duration::from_secs(2), "version {number} took effect after {took:?}");
    }
    stop.store(true, Ordering::Relaxed);
    let mut submissions = Vec::new();
    for sender in senders {
        submissions.extend(sender.await.expect("a sender"));
    }
    let mut deliveries = Vec::new();
    for submission in &submissions {
        let delivered = house.until(submission, |delivery| delivery["state"] == "delivered").await;
        deliveries.push(text(&delivered, "id").to_owned());
    }
    let house = Arc::into_inner(house).expect("the senders are through");
    let House { desk, setup, hub } = house;
    assert!(tokio::task::block_in_place(|| hub.stop()));
    let pinned = pinned_stamps(&setup, &deliveries).await;
    let mut sent = BTreeMap::new();
    for seen in desk.handed_over() {
        let made = stamp(&String::from_utf8_lossy(&seen.body));
        if let Some(before) = sent.insert(seen.key.clone(), made.clone()) {
            assert_eq!(before, made, "{}: other bytes under the same key", seen.key);
        }
    }
    assert_eq!(sent, pinned, "each document is of the version that its delivery pinned");
    let used: std::collections::BTreeSet<_> = pinned.values().collect();
    assert!(used.len() >= 4, "several versions were used under load: {used:?}");
}

/// The file that the versions of these tests differ in.
const ROUTE: &str = "routes/brunnenbohrung.toml";

impl House {
    fn config(&self, arguments: &[&str]) -> Ran {
        config(&self.setup, &self.hub.api, arguments)
    }

    fn history(&self) -> Value {
        let ran = self.config(&["history", "--json"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.json()
    }

    fn route(&self) -> String {
        fs::read_to_string(self.setup.config().join(ROUTE)).expect("the route")
    }

    /// Kills the hub and starts it again.
    fn killed_and_started(self) -> Self {
        let Self { desk, setup, hub } = self;
        hub.kill();
        Self { desk, hub: setup.start(), setup }
    }
}

fn config(setup: &Setup, url: &str, arguments: &[&str]) -> Ran {
    let all: Vec<_> = ["config"].iter().chain(arguments).copied().chain(["--url", url]).collect();
    crate::cli::rohrpost(&setup.path(""), &all)
}

fn versions(history: &Value) -> Vec<(String, String)> {
    let all = history["activations"].as_array().expect("activations").iter();
    all.map(|one| (text(one, "version").to_owned(), text(one, "cause").to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_configuration_is_kept_with_who_when_and_why_and_taken_back() {
    let house = House::new(Word::Take).await;
    let first = versions(&house.history());
    assert_eq!(first.iter().map(|(_, cause)| cause.as_str()).collect::<Vec<_>>(), ["started"]);
    let (one, old) = (first[0].0.clone(), house.route());
    house.setup.edit(ROUTE, "attachments = false", "attachments = true");
    fs::write(house.setup.config().join("secrets/enaio.password"), "ganz-geheim").expect("a secret");
    let ran = house.config(&["diff"]);
    assert!(ran.text.contains("-attachments = false\n+attachments = true\n"), "{ran:?}");

    let why = "Anlagen gehören dazu, sagt Frau Beispiel";
    let ran = house.config(&["activate", "--reason", why, "--who", "Jo Muster"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let history = house.history();
    let newest = &history["activations"][0];
    assert_eq!(
        (text(newest, "client"), text(newest, "who"), text(newest, "why")),
        ("operator", "Jo Muster", why)
    );
    assert_eq!((text(newest, "cause"), &newest["version"]), ("activated", &history["active"]));
    let two = text(newest, "version").to_owned();
    let table = house.config(&["history"]).text;
    assert!(
        table.contains("FASSUNG") && table.contains(&format!("{} *", &two[..16])) && table.contains(why),
        "{table}"
    );
    let diff = house.config(&["diff", &one[..8], &two, "--json"]).json();
    assert_eq!(diff["files"].as_array().map(Vec::len), Some(1), "{diff:#}");
    assert_eq!((text(&diff["files"][0], "path"), text(&diff["files"][0], "change")), (ROUTE, "changed"));
    for kept in crate::face::files(&house.setup.path("data")) {
        let content = fs::read(&kept).expect("a file of the store");
        for secret in [why, "Jo Muster", "ganz-geheim"] {
            let found = content.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret:?} stands in {}", kept.display());
        }
    }

    let ran = house.config(&["rollback", &one[..12], "--reason", "doch nicht"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(house.route(), old, "its files lie in the folder again");
    let replaced = crate::face::files(&house.setup.config().join("replaced"));
    assert!(replaced.len() == 1 && replaced[0].ends_with(ROUTE), "{replaced:?}");
    assert!(fs::read_to_string(&replaced[0]).expect("a copy").contains("attachments = true"));
    assert_eq!(house.config(&["diff"]).text, "Kein Unterschied.\n");
    let house = house.killed_and_started();
    let history = house.history();
    assert_eq!(history["active"], one.as_str());
    let causes: Vec<_> = versions(&history).into_iter().map(|(_, cause)| cause).collect();
    assert_eq!(causes, ["rolled-back", "activated", "started"], "a restart on the same is no activation");
    house.hand_in_until("nach-dem-rueckschritt", "delivered").await;
    let verified = crate::cli::rohrpost(&house.setup.path(""), &["audit", "verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let exported = crate::cli::rohrpost(&house.setup.path(""), &["audit", "export"]).text;
    for (version, event) in [(&one, "started"), (&two, "activated"), (&one, "rolled-back")] {
        let row = exported
            .lines()
            .find(|row| row.contains(&format!("configuration {version}")) && row.contains(event));
        assert!(
            row.is_some_and(|row| row.contains("2026") || row.contains("at")),
            "{event} {version}: {exported}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_changes_nothing_and_the_old_one_goes_on() {
    let house = House::new(Word::Take).await;
    let (before, one) = (house.history(), text(&house.history(), "active").to_owned());
    house.setup.edit(ROUTE, "attachments = false", "attachments = \"nein\"");
    let broken = house.route();
    let ran = house.config(&["activate", "--reason", "Tippfehler"]);
    assert!(ran.code == 1 && ran.errors.contains(&format!("{ROUTE}:")), "{ran:?}");
    assert_eq!(house.history(), before);
    assert!(house.config(&["diff"]).text.contains("Der Ordner hat 1 Fehler"));
    house.setup.edit(ROUTE, "attachments = \"nein\"", "attachments = true");
    assert_eq!(house.config(&["activate", "--reason", "richtig"]).code, 0);

    // What a version from before names has to be there now: its seal's key is not.
    let (key, away) = ("secrets/siegel.key", "secrets/siegel.away");
    let at = |name: &str| house.setup.config().join(name);
    fs::rename(at(key), at(away)).expect("a key");
    let (present, folder) = (house.history(), house.route());
    let ran = house.config(&["rollback", &one, "--reason", "zurück"]);
    assert!(ran.code == 1 && ran.errors.contains("secrets/siegel.key"), "{ran:?}");
    assert_eq!((house.history(), house.route()), (present, folder), "the present one goes on");
    assert!(!at("replaced").exists(), "and nothing is left in the folder");
    fs::rename(at(away), at(key)).expect("a key");
    house.hand_in_until("trotzdem", "delivered").await;
    for wrong in ["0123456789abcdef", "zz", "01"] {
        let ran = house.config(&["rollback", wrong, "--reason", "zurück"]);
        assert!(ran.code == 1 && ran.errors.contains("404"), "{ran:?}");
    }
    assert_ne!(broken, house.route());
}

/// Killed at each file that a rollback renames, one after the other: whoever starts next runs on one of the two versions,
/// wholly.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_of_a_rollback_leaves_one_configuration() {
    let tried = Command::new("strace").args(["-D", "-o", "/dev/null", "true"]).status();
    if !tried.is_ok_and(|status| status.success()) {
        return crate::support::peers::missing("a strace that may trace");
    }
    let dms = Sink::start().await.address;
    let mut ends = Vec::new();
    for killed_at in 1..=12 {
        let through = tokio::task::block_in_place(|| killed_while_rolling_back(dms, killed_at, &mut ends));
        if through {
            assert!(ends.contains(&true) && ends.contains(&false), "before and after: {ends:?}");
            return;
        }
    }
    panic!("no rollback came through");
}

/// Whether it was through before it could be killed. Notes whether what ran afterwards was the version from before.
fn killed_while_rolling_back(dms: std::net::SocketAddr, killed_at: usize, ends: &mut Vec<bool>) -> bool {
    let setup = Setup::new(dms);
    let hub = setup.start();
    let one = text(&config(&setup, &hub.api, &["history", "--json"]).json(), "active").to_owned();
    let files = ["tenants/lk-beispiel.toml", ROUTE, "destinations/lk-beispiel-enaio.toml"];
    let whole = |name: &str| fs::read_to_string(setup.config().join(name)).expect("a file");
    let old = files.map(whole);
    for name in files {
        fs::write(setup.config().join(name), format!("# neu\n{}", whole(name))).expect("a file");
    }
    let new = files.map(whole);
    assert_eq!(config(&setup, &hub.api, &["activate", "--reason", "neu"]).code, 0);
    assert!(hub.stop());
    let mut command = Command::new("strace");
    let inject = format!("inject=rename,renameat,renameat2:signal=KILL:when={killed_at}");
    command.args(["-D", "-f", "-qq", "-e", "trace=rename,renameat,renameat2", "-e", &inject]);
    command.args(["-o", "/dev/null"]).arg(PROGRAM).arg("--config").arg(setup.config());
    let Ok(hub) = setup.try_start_as(command) else { return false };
    let ran = config(&setup, &hub.api, &["rollback", &one, "--reason", "zurück"]);
    hub.kill();
    let hub = setup.start();
    let now = files.map(whole);
    assert!(now == old || now == new, "killed at {killed_at}: a bit of each");
    let active = text(&config(&setup, &hub.api, &["history", "--json"]).json(), "active").to_owned();
    assert_eq!(active == one, now == old, "killed at {killed_at}: it runs on what lies there");
    assert!(ran.code != 0 || now == old, "what was confirmed is so");
    assert_eq!(config(&setup, &hub.api, &["diff"]).text, "Kein Unterschied.\n");
    let verified = crate::cli::rohrpost(&setup.path(""), &["audit", "verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    ends.push(now == old);
    ran.code == 0
}
