//! The life of a configuration: kept with who, when and why; compared; refused; taken back.

use super::{House, Word, text};
use crate::cli::Ran;
use crate::support::hub::{PROGRAM, Setup};
use crate::support::sink::Sink;
use serde_json::Value;
use std::fs;
use std::process::Command;

/// The file that the versions of these tests differ in.
const ROUTE: &str = "routes/brunnenbohrung.toml";

impl House {
    /// Runs `rohrpost config`.
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

/// What a mapping took of a standard is pinned with it. A version is put back only where the folder then says the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_taken_back_with_the_standard_that_it_had_and_no_other() {
    let house = House::mapping(Word::Take, "").await;
    let library = house.setup.path("mappings");
    let schema = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='a'/></xs:schema>";
    let package = |schema: &str| {
        for (folder, content) in [("config/standards/m/2", None), ("m-2", Some(schema))] {
            let _ = fs::remove_dir_all(house.setup.path(folder));
            let Some(content) = content else { continue };
            fs::create_dir_all(house.setup.path(folder)).expect("a folder");
            fs::write(house.setup.path(folder).join("m.xsd"), content).expect("a schema");
        }
        let ran = crate::cli::rohrpost(&house.setup.path(""), &["standard", "add", "m-2"]);
        assert_eq!(ran.code, 0, "{ran:?}");
    };
    let other = schema.replace("name='a'", "name='b'");
    package(schema);
    fs::create_dir(library.join("weiter")).expect("a folder");
    let manifest = library.join("weiter/mapping.toml");
    fs::write(&manifest, "[source]\nstandard = \"m@2\"\nschema = \"m.xsd\"\n").expect("a mapping");
    assert_eq!(house.config(&["activate", "--reason", "mit Standard"]).code, 0);
    let with = text(&house.history(), "active").to_owned();
    assert_eq!(house.config(&["diff"]).text, "Kein Unterschied.\n");

    package(&other);
    let ran = house.config(&["diff"]);
    assert!(
        ran.text.contains("mappings/weiter/.standards/m@2/m.xsd") && ran.text.contains("-sha256 "),
        "{ran:?}"
    );
    assert_eq!(house.config(&["activate", "--reason", "anderer Standard"]).code, 0);
    let ran = house.config(&["rollback", &with, "--reason", "zurück"]);
    assert!(ran.code == 1 && ran.errors.contains("weiter/mapping.toml:2:"), "{ran:?}");
    assert!(ran.errors.contains("what is installed as m@2 is not what this version has of it"), "{ran:?}");

    package(schema);
    let ran = house.config(&["rollback", &with, "--reason", "zurück"]);
    assert_eq!((ran.code, text(&house.history(), "active")), (0, with.as_str()), "{ran:?}");
    assert_eq!(house.config(&["diff"]).text, "Kein Unterschied.\n");
    let lies = fs::read_dir(library.join("weiter")).expect("the mapping").count();
    assert_eq!(lies, 1, "what is of the standard does not lie in the mapping's folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_taken_back_with_the_files_that_its_mappings_share() {
    let house = House::mapping(Word::Take, "").await;
    let library = house.setup.path("mappings");
    let write = |file: &str, text: &str| {
        let path = library.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    let stylesheet = |template: &str| {
        format!(
            "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>{template}</xsl:stylesheet>"
        )
    };
    write("gemeinsam/g.xsl", &stylesheet("<xsl:template match='/'><eins/></xsl:template>"));
    write("weiter/mapping.toml", "transform = \"t.xsl\"\nshared = [\"gemeinsam\"]\n");
    write("weiter/t.xsl", &stylesheet("<xsl:include href='../gemeinsam/g.xsl'/>"));
    assert_eq!(house.config(&["activate", "--reason", "gemeinsam"]).code, 0);
    let with = text(&house.history(), "active").to_owned();
    write("gemeinsam/g.xsl", &stylesheet("<xsl:template match='/'><zwei/></xsl:template>"));
    let ran = house.config(&["diff"]);
    assert!(ran.text.contains("+++ b/mappings/gemeinsam/g.xsl"), "{ran:?}");
    assert_eq!(house.config(&["activate", "--reason", "anders"]).code, 0);
    let ran = house.config(&["rollback", &with, "--reason", "zurück"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(fs::read_to_string(library.join("gemeinsam/g.xsl")).expect("a file").contains("<eins/>"));
    assert!(!library.join("weiter/gemeinsam").exists());
    assert_eq!(house.config(&["diff"]).text, "Kein Unterschied.\n");
}

/// More than a hundred others were active since: what an open delivery pins is kept and can be gone back to, and what nobody
/// pins is forgotten but for when and by whom it was activated.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_waiting_delivery_pins_outlives_a_hundred_others() {
    let house = House::new(Word::Refuse).await;
    let parked = text(&house.hand_in_until("wartet", "parked").await, "id").to_owned();
    let pinned = text(&house.history(), "active").to_owned();
    let original = house.route();
    let activate = async |comment: String, attachments: &str| {
        let changed = original.replace("attachments = false", &format!("attachments = {attachments}"));
        house.setup.write(ROUTE, &format!("# {comment}\n{changed}"));
        let request = house.operator().request("POST", "/v1/config/activate");
        let answer = request.json(&serde_json::json!({ "reason": comment })).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
    };
    // The first of them has the step that is pinned, the others another one.
    for number in 0..=100 {
        activate(format!("die {number}."), if number == 0 { "false" } else { "true" }).await;
    }
    let page = house.operator().get("/v1/config/versions?limit=500").await;
    let kept = |page: &Value| -> Vec<bool> {
        let all = page["activations"].as_array().expect("activations").iter().rev();
        all.map(|one| one["kept"] == true).collect()
    };
    assert_eq!(kept(&page), [true; 102], "the last hundred, and both with the pinned step");
    activate("die letzte.".into(), "true").await;
    let page = house.operator().get("/v1/config/versions?limit=500").await;
    let mut expected = [true; 103];
    expected[2] = false;
    assert_eq!(kept(&page), expected, "the oldest that nobody pins is forgotten");
    let forgotten = &page["activations"][100];
    assert_eq!((text(forgotten, "client"), text(forgotten, "why")), ("operator", "die 1."));
    let ran = house.config(&["rollback", text(forgotten, "version"), "--reason", "zurück"]);
    assert!(ran.code == 1 && ran.errors.contains("404"), "{ran:?}");

    let ran = house.config(&["rollback", &pinned, "--reason", "wie damals"]);
    assert_eq!((ran.code, house.route()), (0, original.clone()), "{ran:?}");
    house.desk.say(Word::Take);
    house.order(&["retry", &parked, "--reason", "läuft wieder"]);
    crate::support::client::until(async || house.delivery(&parked).await["state"] == "delivered").await;
}

/// The files that the two versions of the next test differ in, in the order in which a rollback puts them back.
const FILES: [&str; 3] = ["destinations/lk-beispiel-enaio.toml", ROUTE, "tenants/lk-beispiel.toml"];

const PLAN: &str = ".restore.json";

/// Killed at each step of a rollback, one after the other: whoever starts next runs on one of the two versions, wholly. Which
/// one the committed plan decides.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_of_a_rollback_leaves_one_configuration() {
    let tried = Command::new("strace").args(["-D", "-o", "/dev/null", "true"]).status();
    if !tried.is_ok_and(|status| status.success()) {
        return crate::support::peers::missing("a strace that may trace");
    }
    let dms = Sink::start().await.address;
    // What is written whole is named after the process first.
    let staged = |path: &str| {
        let (folder, name) = path.split_once('/').expect("a folder");
        format!("{folder}/.{name}.restored")
    };
    let (renames, removals) = ("rename,renameat,renameat2", "unlink,unlinkat");
    let before = [staged(ROUTE), PLAN.to_owned()].map(|path| (renames, format!("{path}.$$.tmp"), false));
    let within = FILES.map(|path| (renames, staged(path), true));
    for moment in before.into_iter().chain(within).chain([(removals, PLAN.to_owned(), true)]) {
        tokio::task::block_in_place(|| killed_while_rolling_back(dms, &moment));
    }
}

/// Kills a hub that rolls back when it makes one of these calls on this path, in which `$$` is its process. `back`: what runs
/// afterwards is the version from before.
fn killed_while_rolling_back(dms: std::net::SocketAddr, (calls, path, back): &(&str, String, bool)) {
    let setup = Setup::new(dms);
    let hub = setup.start();
    let one = text(&config(&setup, &hub.api, &["history", "--json"]).json(), "active").to_owned();
    let whole = |name: &str| fs::read_to_string(setup.config().join(name)).expect("a file");
    let old = FILES.map(whole);
    for name in FILES {
        setup.write(name, &format!("# neu\n{}", whole(name)));
    }
    let new = FILES.map(whole);
    assert_eq!(config(&setup, &hub.api, &["activate", "--reason", "neu"]).code, 0);
    assert!(hub.stop());
    let mut command = Command::new("sh");
    let trace = format!("-e trace={calls} -e inject={calls}:signal=KILL -P \"$0/{path}\"");
    command.arg("-c").arg(format!("exec strace -D -f -qq -o /dev/null {trace} \"$@\""));
    command.arg(setup.config()).arg(PROGRAM).arg("--config").arg(setup.config());
    let hub = setup.start_as(command);
    let ran = config(&setup, &hub.api, &["rollback", &one, "--reason", "zurück"]);
    assert_eq!(ran.code, 1, "{calls} {path}: it was killed before it could confirm: {ran:?}");
    hub.kill();
    assert_eq!(setup.config().join(PLAN).exists(), *back, "{calls} {path}: the plan is committed");
    let hub = setup.start();
    assert_eq!(FILES.map(whole), if *back { old } else { new }, "{calls} {path}");
    let active = text(&config(&setup, &hub.api, &["history", "--json"]).json(), "active").to_owned();
    assert_eq!(active == one, *back, "{calls} {path}: it runs on what lies there");
    assert_eq!(config(&setup, &hub.api, &["diff"]).text, "Kein Unterschied.\n");
    let verified = crate::cli::rohrpost(&setup.path(""), &["audit", "verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}
