//! `trace`: on files, and under the active configuration of a running hub.

use super::{Ran, Workshop, run};
use crate::support::hub::{AREA, SERVICE, Setup};
use crate::support::sink::Sink;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use tokio::task::block_in_place;

const SAMPLE: &str = "config/samples/brunnenbohrung-1.xml";
const ROUTE: &str = "config/routes/brunnenbohrung.toml";

fn trace(shop: &Workshop, file: &str, more: &[&str]) -> Ran {
    let arguments = ["trace", file, "--service", SERVICE, "--area", AREA];
    shop.run(&[&arguments, more].concat())
}

fn report(shop: &Workshop, file: &str, more: &[&str]) -> Value {
    trace(shop, file, &[more, &["--format", "json"]].concat()).json()
}

fn everything(shop: &Workshop) -> Vec<PathBuf> {
    fn below(folder: &std::path::Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            found.push(entry.path());
            if entry.path().is_dir() {
                below(&entry.path(), found);
            }
        }
    }
    let mut found = Vec::new();
    below(shop.path(), &mut found);
    found.sort();
    found
}

#[test]
fn every_step_is_shown_with_its_documents_and_nothing_is_left_behind() {
    let shop = Workshop::new();
    let before = everything(&shop);
    let plan = ["--attach", "config/samples/lageplan.pdf"];
    let ran = trace(&shop, SAMPLE, &plan);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{}", ran.text);
    assert!(
        ran.text.starts_with("Trockenlauf: nichts wurde gesendet, nichts gespeichert.\n"),
        "{}",
        ran.text
    );
    let shown = report(&shop, SAMPLE, &plan);
    assert_eq!(everything(&shop), before);
    assert_eq!((&shown["well"], &shown["route"]), (&json!(true), &json!("brunnenbohrung")));
    let (first, second) = (&shown["steps"][0], &shown["steps"][1]);
    let map = shop.run(&["map", "brunnenbohrung-xfall", SAMPLE]);
    assert_eq!(map.code, 0);
    assert_eq!(first["mapping"]["source"]["verdict"], "valid");
    let message = first["message"]["text"].as_str().expect("a message");
    assert!(message.contains("<ds:SignatureValue>") && first["seal"]["signed"] == true, "{message}");
    let file = first["request"]["files"][0]["name"].as_str().expect("a file");
    assert_eq!(first["reference"], file);
    assert_eq!(
        second["answers"],
        json!([{ "step": "fachverfahren", "reference": file, "result": null, "assumed": true }])
    );
    assert!(second["mapping"]["output"]["text"].as_str().is_some_and(|text| text.contains(file)), "{second}");
    let header = |name: &str| {
        let headers = second["request"]["headers"].as_array().expect("headers");
        headers.iter().find(|header| header["name"] == name).map(|header| header["value"].clone())
    };
    assert_eq!(header("authorization"), Some(json!("***")));
    let secret = shop.read("config/secrets/enaio.password");
    assert!(!shown.to_string().contains(secret.trim()), "h10: a secret is in the trace");
}

#[test]
fn a_signed_document_of_a_dry_run_verifies() {
    let shop = Workshop::new();
    let shown = report(&shop, SAMPLE, &[]);
    shop.write("signed.xml", shown["steps"][0]["message"]["text"].as_str().expect("a message"));
    let ran = shop.run(&["verify", "signed.xml", "--trust", "config/secrets/trust"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_route_that_does_not_take_it_says_what_it_asks_for() {
    let shop = Workshop::new();
    let other = |name: &str, from: &str, to: &str| {
        let text = shop.read(ROUTE).replace("name = \"brunnenbohrung\"", &format!("name = \"{name}\""));
        shop.write(&format!("config/routes/{name}.toml"), text.replacen(from, to, 1));
    };
    other("aenderung", "kind = \"application\"", "kind = \"amendment\"");
    other("anderswo", "area = \"15091*\"", "area = \"15092*\"");
    other("breiter", "area = \"15091*\"", "area = \"15*\"");
    let shown = report(&shop, SAMPLE, &[]);
    let verdict = |name: &str| {
        let route = shown["routes"].as_array().expect("routes").iter().find(|route| route["route"] == name);
        let route = route.expect("the route");
        let asks = route["asks"].as_array().expect("asks").iter();
        let missed =
            asks.filter(|ask| ask["fits"] == false).map(|ask| format!("{}: {}", ask["of"], ask["wants"]));
        (route["verdict"].as_str().expect("a verdict").to_owned(), missed.collect::<Vec<_>>().join(" "))
    };
    assert_eq!(verdict("brunnenbohrung"), ("takes".into(), String::new()));
    assert_eq!(verdict("aenderung"), ("differs".into(), "\"kind\": [\"amendment\"]".into()));
    assert_eq!(verdict("anderswo"), ("differs".into(), "\"area\": [\"15092*\"]".into()));
    assert_eq!(verdict("breiter"), ("less-specific".into(), String::new()));
    let nobody = shop.run(&["trace", SAMPLE, "--service", SERVICE, "--area", "09162", "--format", "json"]);
    assert_eq!((nobody.code, nobody.json()["submission"]["tenant"].clone()), (1, Value::Null));
    assert_eq!(nobody.json()["door"]["problem"]["type"], "urn:rohrpost:problem:unknown-area");
}

#[test]
fn a_step_that_fails_shows_where_and_the_others_go_on() {
    let shop = Workshop::new();
    shop.edit("mappings/brunnenbohrung-xfall/target.xsd", "name=\"nachricht\"", "name=\"andere\"");
    let ran = trace(&shop, SAMPLE, &["--format", "json"]);
    let shown = ran.json();
    assert_eq!((ran.code, &shown["well"]), (1, &json!(false)));
    let (first, second) = (&shown["steps"][0], &shown["steps"][1]);
    assert_eq!((&first["end"], &first["reason"]["code"]), (&json!("fails"), &json!("target-invalid")));
    let target = &first["mapping"]["target"];
    assert_eq!((&target["verdict"], &target["schema"]), (&json!("invalid"), &json!("target.xsd")));
    assert!(target["faults"][0]["line"].as_u64().is_some_and(|line| line > 0), "{target}");
    assert!(
        first["mapping"]["made"]["text"].is_string() && first["message"].is_null(),
        "what it made is shown"
    );
    assert_eq!((&second["end"], &second["answers"]), (&json!("sends"), &json!([])));
    let refused = report(&shop, "config/samples/brunnenbohrung-2-fehlerhaft.xml", &[]);
    assert!(refused["door"]["problem"]["violations"][0]["column"].is_u64(), "{}", refused["door"]);
    assert_eq!(refused["steps"][1]["mapping"]["source"]["verdict"], "invalid");
}

#[test]
fn conditions_and_answers_are_as_they_are_given_or_assumed() {
    let shop = Workshop::new();
    shop.edit(ROUTE, "destination = \"{tenant}-enaio\"", "destination = \"{tenant}-enaio\"\nwhen = \"paid\"");
    let dms = |more: &[&str]| report(&shop, SAMPLE, more)["steps"][1].clone();
    let assumed = dms(&[]);
    assert_eq!((&assumed["condition"]["verdict"], &assumed["end"]), (&json!("assumed"), &json!("sends")));
    let holds = dms(&["--answer", "fachverfahren=AZ-1,paid"]);
    assert_eq!(
        (&holds["condition"]["verdict"], &holds["answers"][0]["reference"]),
        (&json!("holds"), &json!("AZ-1"))
    );
    let skipped = dms(&["--answer", "fachverfahren=AZ-1,failed"]);
    assert_eq!((&skipped["condition"]["verdict"], &skipped["end"]), (&json!("false"), &json!("skipped")));
    assert_eq!(trace(&shop, SAMPLE, &["--answer", "ohne-antwort"]).code, 2);
}

#[test]
fn a_client_that_may_not_hand_in_is_told_and_an_unknown_one_is_wrong_use() {
    let shop = Workshop::new();
    assert_eq!(trace(&shop, SAMPLE, &["--client", "portal"]).code, 0);
    let refused = report(&shop, SAMPLE, &["--client", "operator"]);
    assert_eq!(refused["door"]["problem"]["type"], "urn:rohrpost:problem:not-granted");
    assert_eq!(
        refused["steps"].as_array().map(Vec::len),
        Some(2),
        "what would become of it is shown all the same"
    );
    let unknown = trace(&shop, SAMPLE, &["--client", "portl"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.errors.contains("did you mean `portal`?"), "{}", unknown.errors);
}

/// Text that would be markup, in an element, an attribute and a file's name.
const HOSTILE: &str = "</pre><script>alert(1)</script><img src=x onerror='alert(2)'>";

#[test]
fn nothing_that_is_handed_in_becomes_markup_on_the_page() {
    let shop = Workshop::new();
    let escaped = HOSTILE.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;");
    let sample = shop.read(SAMPLE).replace("Erika", &format!("{escaped}\u{202e}"));
    shop.write("boese.xml", sample);
    let file = "</pre><script>x.pdf".replace('/', "\u{2215}");
    shop.write(&file, "pdf");
    let ran = trace(&shop, "boese.xml", &["--attach", &file, "--case", "V-1", "--format", "html"]);
    assert!(ran.text.starts_with("<!DOCTYPE html>"), "{}", ran.text);
    assert!(ran.text.contains("&amp;lt;script&gt;") || ran.text.contains("&lt;script&gt;"), "it is shown");
    for markup in ["<script", "<img", "</pre><s", "onerror='", "\u{202e}", "src=\"", "href="] {
        assert!(!ran.text.contains(markup), "{markup} is on the page");
    }
    let tags: std::collections::BTreeSet<_> = ran
        .text
        .split('<')
        .skip(1)
        .filter_map(|tag| tag.split([' ', '>', '/', '\n']).find(|name| !name.is_empty()))
        .collect();
    let known = [
        "!DOCTYPE", "body", "details", "div", "h1", "h2", "h3", "head", "html", "li", "main", "mark", "meta",
        "p", "pre", "section", "strong", "style", "summary", "table", "td", "th", "title", "tr", "ul",
    ];
    assert!(tags.iter().all(|tag| known.contains(tag)), "{tags:?}");
    let terminal = trace(&shop, "boese.xml", &["--full"]);
    assert!(!terminal.text.contains('\u{202e}') && terminal.text.contains("⟨U+202E⟩"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_running_hub_shows_what_its_active_configuration_makes_of_it_and_keeps_nothing() {
    let dms = Sink::start().await;
    let setup = Setup::new(dms.address);
    let hub = block_in_place(|| setup.start());
    let sample = crate::support::hub::root().join(SAMPLE);
    let trace = |more: &[&str]| {
        let sample = sample.display().to_string();
        let all =
            [&["trace", &sample, "--service", SERVICE, "--area", AREA, "--format", "json"], more].concat();
        block_in_place(|| run(setup.command(), &all))
    };
    let running = trace(&["--url", &hub.api, "--client", "portal"]);
    assert_eq!(running.code, 0, "{running:?}");
    let (running, alone) = (running.json(), trace(&[]).json());
    assert_eq!((&running["running"], &alone["running"]), (&json!(true), &json!(false)));
    assert_eq!(running["configuration"], alone["configuration"]);
    for step in 0..2 {
        assert_eq!(running["steps"][step]["pinned"], alone["steps"][step]["pinned"]);
        assert_eq!(running["steps"][step]["request"]["kind"], alone["steps"][step]["request"]["kind"]);
    }
    // What is written since, the hub does not know yet.
    setup.edit("routes/brunnenbohrung.toml", "kind = \"application\"", "kind = \"amendment\"");
    assert_eq!(trace(&[]).json()["route"], Value::Null);
    assert_eq!(trace(&["--url", &hub.api]).json()["route"], "brunnenbohrung");
    let portal = setup.config().join("secrets/portal.token").display().to_string();
    let refused = trace(&["--url", &hub.api, "--token-file", &portal]);
    assert!(refused.code == 1 && refused.errors.contains("configure"), "{refused:?}");
    let kept = block_in_place(|| run(setup.command(), &["--json", "queue", "list", "--url", &hub.api]));
    assert_eq!(kept.json()["deliveries"], json!([]), "{kept:?}");
    assert!(dms.requests().is_empty(), "nothing was sent");
    assert!(fs::read_dir(setup.path("fachverfahren")).expect("a folder").next().is_none());
    assert!(!setup.log().contains("Mustermann"), "h10: content is in the log");
}
