//! `queue` where it orders for many, or for destinations, against a hub that answers as the API says.

use super::hub::{Hub, ID};
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, method, path};
use wiremock::{Mock, MockBuilder};

const COMMAND: &str = "01990000-0000-7000-8000-00000000000a";

fn posted(to: &str) -> MockBuilder {
    Mock::given(method("POST")).and(path(to))
}

fn got(from: &str) -> MockBuilder {
    Mock::given(method("GET")).and(path(from))
}

fn command(state: &str, done: u64) -> Value {
    let ended = (state != "running").then_some("2026-11-26T09:00:05Z");
    json!({
        "id": COMMAND, "order": "retry-current", "filter": { "state": ["due", "parked"], "destination": "dms" },
        "perSecond": 20, "who": "betrieb", "at": "2026-11-26T09:00:00.5Z", "state": state, "total": 7, "done": done,
        "refused": 1, "endedAt": ended, "endedBy": ended.map(|_| "rohrpost"),
    })
}

fn destination(mode: Option<&str>, drained: bool) -> Value {
    let pause = mode.map(|mode| json!({ "mode": mode, "who": "betrieb", "since": "2026-11-26T09:00:00Z" }));
    json!({
        "name": "dms", "tenants": ["lk-beispiel"], "pause": pause, "underWay": 2, "concurrency": 4,
        "hold": { "code": "holiday", "params": {}, "text": { "de": "Das Ziel hat frei.", "en": "A day off." } },
        "open": { "blocked": 3, "due": 40, "claimed": 0, "sending": 2, "unknown": 5, "awaiting": 6, "parked": 7 },
        "drained": drained,
    })
}

/// A hub that counts, begins and ends the order.
fn hub_with(count: u64, ended: &str) -> Hub {
    let hub = Hub::new();
    let preview = posted("/v1/commands").and(body_partial_json(json!({ "preview": true })));
    hub.answers(preview, 200, json!({ "count": count }));
    hub.answers(posted("/v1/commands"), 202, command("running", 0));
    hub.answers(got(&format!("/v1/commands/{COMMAND}")), 200, command(ended, 6));
    hub
}

fn bodies(hub: &Hub) -> Vec<Value> {
    let posts = hub.requests().into_iter().filter(|request| request.method.as_str() == "POST");
    posts.map(|request| request.body_json().expect("JSON")).collect()
}

#[test]
fn a_filter_is_counted_first_and_ordered_only_with_yes() {
    let filter =
        ["--state", "parked", "--destination", "dms", "--tenant", "stadt", "--reason-code", "no-word"];
    let order = |hub: &Hub, more: &[&str]| {
        let all: Vec<_> = ["queue", "discard"].iter().chain(&filter).chain(more).copied().collect();
        hub.run(&all)
    };
    let hub = hub_with(7, "finished");
    let preview = order(&hub, &["--preview"]);
    assert_eq!((preview.code, preview.text.as_str()), (0, "Betroffen sind 7 Lieferungen.\n"));
    let unsure = order(&hub, &["--reason", "doppelt"]);
    assert_eq!((unsure.code, unsure.text.as_str()), (2, "Betroffen sind 7 Lieferungen.\n"));
    assert!(unsure.errors.contains("nothing was done; add --yes"), "{}", unsure.errors);
    assert!(bodies(&hub).iter().all(|body| body["preview"] == true), "nothing but previews");

    let sure =
        order(&hub, &["--reason", "doppelt", "--yes", "--dependents", "release", "--per-second", "20"]);
    assert_eq!(sure.code, 0, "{sure:?}");
    assert!(
        sure.text.contains(&format!("Anweisung {COMMAND} läuft, höchstens 20 je Sekunde.")),
        "{}",
        sure.text
    );
    let filter = json!({ "state": ["parked"], "destination": "dms", "tenant": "stadt", "reason": "no-word" });
    let expected = json!({
        "order": "discard", "dependents": "release", "filter": filter, "all": false, "reason": "doppelt", "perSecond": 20,
    });
    assert_eq!(bodies(&hub).last(), Some(&expected));
    let machine = order(&hub, &["--reason", "doppelt", "--yes", "--json"]).json();
    assert_eq!(machine["id"], COMMAND);
}

#[test]
fn every_order_has_its_word_and_all_is_said() {
    let hub = hub_with(7, "finished");
    for (arguments, word) in [
        (&["retry"][..], "retry"),
        (&["retry", "--current"], "retry-current"),
        (&["discard"], "discard"),
        (&["hold"], "pause"),
        (&["release"], "resume"),
    ] {
        let all: Vec<_> =
            ["queue"].iter().chain(arguments).chain(&["--all", "--yes", "--reason", "x"]).copied().collect();
        assert_eq!(hub.run(&all).code, 0, "{arguments:?}");
        let body = bodies(&hub).pop().expect("an order");
        assert_eq!((&body["order"], &body["all"], &body["filter"]), (&json!(word), &json!(true), &json!({})));
    }
    let hub = Hub::new();
    for (word, order) in [("hold", "pause"), ("release", "resume"), ("retry", "retry")] {
        let done = json!({ "id": ID, "state": "due" });
        hub.answers(posted(&format!("/v1/deliveries/{ID}/{order}")), 200, done);
        assert_eq!(hub.run(&["queue", word, ID, "--reason", "x"]).text, format!("{ID}  due\n"));
    }
    assert_eq!(hub.run(&["queue", "retry", ID, "--current", "--reason", "x"]).code, 0);
    assert_eq!(bodies(&hub).pop(), Some(json!({ "reason": "x", "current": true })));
}

#[test]
fn where_nothing_fits_nothing_is_ordered() {
    let hub = hub_with(0, "finished");
    let ran = hub.run(&["queue", "retry", "--all", "--yes", "--reason", "x"]);
    assert_eq!((ran.code, ran.text.as_str()), (0, "Es gibt keine Lieferung, die passt.\n"));
    assert_eq!(bodies(&hub).len(), 1, "the preview");
}

#[test]
fn wait_tells_progress_and_ends_with_the_order() {
    let wait = ["queue", "retry", "--all", "--yes", "--reason", "x", "--wait"];
    let ran = hub_with(7, "finished").run(&wait);
    let lines: Vec<_> = ran.text.lines().collect();
    let expected = [
        "Betroffen sind 7 Lieferungen.",
        "0 von 7 erledigt, 1 abgelehnt",
        &format!("Anweisung {COMMAND}: fertig, 6 von 7 erledigt, 1 abgelehnt."),
    ];
    assert_eq!((ran.code, lines.as_slice()), (0, expected.as_slice()));
    let cancelled = hub_with(7, "cancelled").run(&wait);
    assert_eq!((cancelled.code, cancelled.errors.as_str()), (1, ""), "{cancelled:?}");
    assert!(cancelled.text.contains("abgebrochen, 6 von 7"), "{}", cancelled.text);
    let machine = hub_with(7, "finished").run(&[&wait[..], &["--json"]].concat());
    assert_eq!(machine.json()["done"], 6);
    let endless = hub_with(7, "running").run(&[&wait[..], &["--timeout", "700ms"]].concat());
    assert_eq!(endless.code, 1);
    assert!(endless.errors.contains(&format!("{COMMAND} goes on")), "{}", endless.errors);
    assert!(endless.text.ends_with("6 von 7 erledigt, 1 abgelehnt\n"), "{}", endless.text);
}

#[test]
fn commands_are_listed_and_cancelled() {
    let hub = Hub::new();
    hub.answers(
        got("/v1/commands"),
        200,
        json!({ "commands": [command("running", 3), command("finished", 6)] }),
    );
    let ran = hub.run(&["queue", "commands"]);
    let rows: Vec<_> = ran.text.lines().collect();
    assert!(rows[0].starts_with("ANWEISUNG") && rows.len() == 3, "{}", ran.text);
    for cell in [COMMAND, "neu bilden", "läuft", "3 von 7", "20", "betrieb", "2026-11-26T09:00:00Z"] {
        assert!(rows[1].contains(cell), "{cell}: {}", rows[1]);
    }
    assert!(rows[1].ends_with("destination=dms state=due,parked"), "{}", rows[1]);
    assert!(rows[2].contains("fertig") && rows[2].contains("2026-11-26T09:00:05Z"), "{}", rows[2]);
    hub.answers(posted(&format!("/v1/commands/{COMMAND}/cancel")), 200, command("cancelled", 3));
    let ran = hub.run(&["queue", "cancel", COMMAND, "--reason", "Irrtum"]);
    assert_eq!(ran.text, format!("Anweisung {COMMAND}: abgebrochen, 3 von 7 erledigt, 1 abgelehnt.\n"));
    assert_eq!(bodies(&hub), [json!({ "reason": "Irrtum" })]);
}

#[test]
fn destinations_are_one_line_each() {
    let hub = Hub::new();
    let all = [
        destination(None, false),
        destination(Some("paused"), false),
        destination(Some("draining"), false),
        destination(Some("draining"), true),
    ];
    hub.answers(got("/v1/destinations"), 200, json!({ "destinations": all }));
    let ran = hub.run(&["queue", "destinations"]);
    let rows: Vec<_> = ran.text.lines().collect();
    assert_eq!(rows.len(), 5, "{}", ran.text);
    for (row, standing) in rows[1..].iter().zip(["läuft", "angehalten", "läuft aus", "ausgelaufen"]) {
        let cells: Vec<_> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        let held = if standing == "läuft" { ["-", "-"] } else { ["2026-11-26T09:00:00Z", "betrieb"] };
        let expected =
            ["dms", standing, held[0], held[1], "2 von 4", "43", "5", "6", "7", "Das Ziel hat frei."];
        assert_eq!(cells, expected);
    }
    hub.answers(got("/v1/destinations/dms"), 200, destination(None, false));
    assert_eq!(hub.run(&["queue", "destinations", "dms"]).text.lines().count(), 2);
    assert_eq!(hub.run(&["queue", "destinations", "dms", "--json"]).json(), destination(None, false));
}

#[test]
fn destinations_are_held_back_each_and_a_refused_one_does_not_keep_the_others() {
    let hub = Hub::new();
    let answer = |changed: bool| {
        let mut answer = destination(Some("paused"), false);
        answer["changed"] = json!(changed);
        answer
    };
    let refused = json!({ "meldung": "Dafür ist die Rolle nötig." });
    hub.answers(posted("/v1/destinations/fremd/pause"), 403, refused);
    hub.answers(posted("/v1/destinations/dms/pause"), 200, answer(false));
    let ran = hub.run(&["queue", "pause", "fremd", "dms", "--reason", "Umzug"]);
    assert_eq!((ran.code, ran.text.as_str()), (1, "dms: angehalten, unverändert\n"));
    assert_eq!(ran.errors, "rohrpost: fremd: Antwort des Hubs 403: Dafür ist die Rolle nötig.\n");
    assert_eq!(bodies(&hub)[1], json!({ "reason": "Umzug" }));
    hub.answers(posted("/v1/destinations/dms/resume"), 200, answer(true));
    let machine = hub.run(&["queue", "resume", "dms", "--reason", "fertig", "--json"]);
    assert_eq!(machine.json(), json!([answer(true)]));
}

#[test]
fn drain_waits_until_nothing_is_open() {
    let drain = ["queue", "drain", "dms", "--reason", "Umzug", "--wait"];
    let hub = |then: Value| {
        let hub = Hub::new();
        let mut begun = destination(Some("draining"), false);
        begun["changed"] = json!(true);
        hub.answers(posted("/v1/destinations/dms/drain"), 200, begun);
        hub.answers(got("/v1/destinations/dms"), 200, then);
        hub
    };
    let ran = hub(destination(Some("draining"), true)).run(&drain);
    let expected = "dms: läuft aus\ndms: 2 unterwegs, 5 ungewiss, 6 ausstehend\ndms: ausgelaufen\n";
    assert_eq!((ran.code, ran.text.as_str()), (0, expected), "{ran:?}");
    let otherwise = hub(destination(None, false)).run(&drain);
    assert_eq!(otherwise.code, 1);
    assert!(otherwise.errors.contains("somebody ordered otherwise"), "{}", otherwise.errors);
    let endless =
        hub(destination(Some("draining"), false)).run(&[&drain[..], &["--timeout", "600ms"]].concat());
    assert_eq!(endless.code, 1);
    assert!(endless.errors.contains("not run empty in time: 2 unterwegs"), "{}", endless.errors);
}

#[test]
fn what_is_used_wrong_ends_with_2() {
    let hub = Hub::new();
    let wrong: [&[&str]; 15] = [
        &["retry", "--reason", "x"],
        &["retry", ID, "--state", "due", "--reason", "x"],
        &["retry", ID, "--yes", "--reason", "x"],
        &["retry", ID, "--preview"],
        &["retry", ID, "--wait", "--reason", "x"],
        &["retry", "--all", "--yes"],
        &["retry", "--all", "--yes", "--preview", "--reason", "x"],
        &["retry", "--all", "--per-second", "0", "--reason", "x"],
        &["retry", "--all", "--timeout", "1h", "--reason", "x"],
        &["drain", "dms", "--reason", "x", "--wait", "--timeout", "bald"],
        &["pause", "--reason", "x"],
        &["pause", "dms"],
        &["pause", "DMS", "--reason", "x"],
        &["cancel", "4711", "--reason", "x"],
        &["list", "--paused=vielleicht"],
    ];
    for arguments in wrong {
        let all: Vec<_> = ["queue"].iter().chain(arguments).copied().collect();
        assert_eq!(hub.run(&all).code, 2, "{arguments:?}");
    }
    assert!(hub.requests().is_empty(), "nothing was asked");
}

#[test]
fn a_list_shows_why_each_waits_at_this_moment() {
    let hub = Hub::new();
    let text = |de: &str| json!({ "code": "x", "params": {}, "text": { "de": de, "en": "" } });
    let delivery = json!({
        "id": ID, "submission": ID, "tenant": "stadt", "case": "f", "step": "dms", "destination": "dms",
        "state": "due", "attempts": 1, "receipt": null, "nextAt": null, "since": "2026-11-26T08:00:00Z",
        "expiresAt": "2026-12-24T08:00:00Z", "pausedBy": "betrieb",
        "reason": text("Das Ziel ist belegt."), "waits": text("Angehalten von betrieb."),
    });
    hub.answers(got("/v1/deliveries"), 200, json!({ "deliveries": [delivery], "next": null }));
    let ran = hub.run(&["queue", "list", "--tenant", "stadt", "--reason", "target-busy", "--paused"]);
    let row = ran.text.lines().nth(1).expect("a row");
    assert!(row.ends_with("Angehalten von betrieb.") && row.contains("2026-11-26T08:00:00Z"), "{}", ran.text);
    let asked = hub.requests()[0].url.query().expect("a query").to_owned();
    assert_eq!(asked, "tenant=stadt&reason=target-busy&paused=true&limit=100");
    hub.run(&["queue", "list", "--paused=false", "--reason-code", "x"]);
    assert!(hub.requests()[1].url.query().expect("a query").starts_with("reason=x&paused=false"));
    let mut shown = delivery.clone();
    (shown["attemptLog"], shown["history"]) = (json!([]), json!([]));
    hub.answers(got(&format!("/v1/deliveries/{ID}")), 200, shown);
    let ran = hub.run(&["queue", "show", ID]);
    for line in [
        "Seit         2026-11-26T08:00:00Z",
        "Verfällt     2026-12-24T08:00:00Z",
        "Angehalten   betrieb",
        "Grund        Das Ziel ist belegt.",
        "Wartet       Angehalten von betrieb.",
    ] {
        assert!(ran.text.contains(line), "{line}: {}", ran.text);
    }
}
