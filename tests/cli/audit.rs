//! `audit`: the history of a real hub, verified, exported, and everything that somebody could do to both.

use super::Ran;
use crate::support::client::{Client, until};
use crate::support::hub::{Hub, Setup, root};
use crate::support::peers;
use crate::support::sink::Sink;
use rohrpost_model::Digest;
use rohrpost_store::audit::AuditRow;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::task::block_in_place;

/// A configuration that keeps heads, with a DMS that takes everything.
async fn setup(every: &str) -> Setup {
    let setup = Setup::new(Sink::start().await.address);
    setup.edit("hub.toml", "[log]", &format!("[audit]\nheads = \"../heads\"\nevery = \"{every}\"\n[log]"));
    setup
}

async fn start(setup: &Setup) -> Hub {
    block_in_place(|| setup.start())
}

/// Hands in so many submissions and waits until all are delivered.
async fn live(hub: &Hub, submissions: usize) {
    let portal = Client::of(hub, "portal");
    let xml = fs::read(root().join("config/samples/brunnenbohrung-1.xml")).expect("a sample");
    for _ in 0..submissions {
        let answer = portal.submit(&xml, &[], None).await.expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        portal.completed(answer["id"].as_str().expect("an id")).await;
    }
}

/// Pauses or resumes a destination: rows that are about no delivery.
async fn order(hub: &Hub, order: &str) {
    let path = format!("/v1/destinations/lk-beispiel-enaio/{order}");
    let request = Client::of(hub, "operator").request("POST", &path);
    let answer = request.json(&serde_json::json!({ "reason": "Wartung" })).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
}

fn run(setup: &Setup, arguments: &[&str]) -> Ran {
    let mut command = setup.command();
    let output = command.args(arguments).current_dir(setup.path("")).env_remove("ROHRPOST_TOKEN").output();
    let output = output.expect("the binary runs");
    Ran {
        code: output.status.code().expect("it ended by itself"),
        text: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        out: output.stdout,
    }
}

fn verify(setup: &Setup, more: &[&str]) -> Ran {
    run(setup, &[&["audit", "verify", "--trust", "config/secrets/trust"], more].concat())
}

fn kept(setup: &Setup) -> Vec<PathBuf> {
    let entries = fs::read_dir(setup.path("heads")).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_the_history_of_a_running_hub_is_verified_and_its_export_checked_by_others() {
    let setup = setup("1h").await;
    let hub = start(&setup).await;
    live(&hub, 2).await;
    let alone = run(&setup, &["audit", "verify"]);
    assert_eq!(alone.code, 0, "{alone:?}");
    let said = "Die Kette ist in sich unversehrt: ";
    assert!(alone.text.starts_with(said) && alone.text.contains(" Zeilen von 20"), "{}", alone.text);
    assert!(alone.text.contains("Nur das wurde geprüft. Ob jemand die ganze Kette neu"), "{}", alone.text);
    assert!(alone.text.contains("Only its inner consistency was checked"), "{}", alone.text);
    assert_eq!(run(&setup, &["audit", "verify", "--json"]).json()["provenTo"], Value::Null);
    let demanded = verify(&setup, &[]);
    assert_eq!(demanded.code, 1, "whoever says whom to trust wants a proof: {demanded:?}");
    assert!(demanded.text.contains("NICHT belegt: Kein Kopf"), "{}", demanded.text);

    let fetched = run(&setup, &["audit", "head", "-o", "kopf.jws", "--url", &hub.api]);
    assert_eq!((fetched.code, fetched.errors.as_str()), (0, ""));
    order(&hub, "pause").await;
    order(&hub, "resume").await;
    live(&hub, 1).await;
    let proven = verify(&setup, &["--head", "kopf.jws"]);
    assert_eq!(proven.code, 0, "{proven:?}");
    assert!(
        proven.text.contains("1 Kopf passt; bis Zeile ") && proven.text.contains("belegt noch kein Kopf")
    );
    assert!(proven.text.contains("CN=Rohrpost Demo Quittung"), "{}", proven.text);
    let unjudged = run(&setup, &["audit", "verify", "--head", "kopf.jws"]);
    assert_eq!(unjudged.code, 0);
    assert!(unjudged.text.contains("wurde nicht geprüft: Wem vertraut wird, sagt --trust"), "{unjudged:?}");
    fs::create_dir(setup.path("leer")).expect("a folder");
    let distrusted = run(&setup, &["audit", "verify", "--head", "kopf.jws", "--trust", "leer"]);
    assert_eq!(distrusted.code, 1);
    assert!(distrusted.text.contains("dem Unterzeichner wird nicht vertraut"), "{distrusted:?}");

    let exported = run(&setup, &["audit", "export", "-o", "historie.jsonl"]);
    assert_eq!((exported.code, exported.errors.as_str()), (0, ""));
    let read = verify(&setup, &["historie.jsonl", "--head", "kopf.jws", "--json"]);
    assert_eq!(read.code, 0, "{read:?}");
    let report = read.json();
    assert_eq!((report["intact"].as_bool(), report["heads"].as_array().map(Vec::len)), (Some(true), Some(2)));
    assert_eq!(report["provenTo"], report["rows"], "the export's own head vouches for all of it");
    let streamed = run(&setup, &["audit", "export"]);
    let rows = |text: &str| text.lines().count();
    let file = fs::read_to_string(setup.path("historie.jsonl")).expect("an export");
    assert_eq!(rows(&streamed.text), rows(&file), "the same to standard output");
    assert!(file.contains("\"subject\":\"destination lk-beispiel-enaio\""), "{file}");
    assert!(!file.contains("Mustermann") && !file.contains("Wartung"), "h10: no content is exported");
    checked_by_python(&setup, rows(&file) - 1);

    assert!(kept(&setup).is_empty());
    assert!(block_in_place(|| hub.stop()));
    assert_eq!(kept(&setup).len(), 1, "a head is kept at an orderly end");
    let own = verify(&setup, &["--json"]);
    assert_eq!(own.code, 0, "{own:?}");
    assert_eq!(own.json()["heads"][0]["seq"], own.json()["rows"], "and covers all");
    assert_eq!(verify(&setup, &["--data", "nirgends"]).code, 1);
    assert_eq!(verify(&setup, &["historie.jsonl", "--data", "data"]).code, 2);
}

/// Runs the lines of Python in the handbook, which know nothing of this program.
fn checked_by_python(setup: &Setup, rows: usize) {
    let page = fs::read_to_string(root().join("docs/handbuch/audit.md")).expect("the page");
    let script =
        page.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a script");
    fs::write(setup.path("pruefe.py"), script).expect("a file");
    let python = |export: &str| {
        peers::run(Command::new("python3").current_dir(setup.path("")).args(["pruefe.py", export]))
    };
    let Some(checked) = python("historie.jsonl") else { return };
    let told = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(told, format!("{rows} Zeilen, unversehrt\n"), "{}", String::from_utf8_lossy(&checked.stderr));
    let export = fs::read_to_string(setup.path("historie.jsonl")).expect("an export");
    fs::write(setup.path("falsch.jsonl"), export.replacen("\"rohrpost\"", "\"jemand\"", 1)).expect("a file");
    assert!(!python("falsch.jsonl").expect("python").status.success(), "Python believes anything");
}

/// The rows of an export and its last line.
fn read(setup: &Setup) -> (Vec<AuditRow>, String) {
    let text = fs::read_to_string(setup.path("historie.jsonl")).expect("an export");
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let end = lines.pop().expect("a last line");
    (lines.iter().map(|line| serde_json::from_str(line).expect("a row")).collect(), end)
}

fn write(path: &Path, rows: &[AuditRow], end: &str) {
    let rows = rows.iter().map(|row| serde_json::to_string(row).expect("a row") + "\n");
    fs::write(path, rows.chain([end.to_owned()]).collect::<String>()).expect("an export");
}

/// Gives every row its number and its right hash.
fn chained(mut rows: Vec<AuditRow>) -> Vec<AuditRow> {
    let mut before = Digest::from_bytes([0; 32]);
    for (row, number) in rows.iter_mut().zip(1..) {
        row.seq = number;
        row.hash = row.hash_after(&before).expect("a hash");
        before = row.hash;
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_every_tampering_with_an_export_is_found() {
    let setup = setup("1h").await;
    let hub = start(&setup).await;
    live(&hub, 1).await;
    assert_eq!(run(&setup, &["audit", "head", "-o", "kopf.jws", "--url", &hub.api]).code, 0);
    assert_eq!(run(&setup, &["audit", "export", "-o", "historie.jsonl"]).code, 0);
    let (rows, end) = read(&setup);
    let found = |what: &str, rows: &[AuditRow], end: &str, expected: &str| {
        write(&setup.path("geändert.jsonl"), rows, end);
        let ran = verify(&setup, &["geändert.jsonl"]);
        assert_eq!(ran.code, 1, "{what}: {ran:?}");
        assert!(ran.text.contains(expected), "{what}: {}", ran.text);
    };
    let edited = |edit: &dyn Fn(&mut Vec<AuditRow>)| {
        let mut rows = rows.clone();
        edit(&mut rows);
        rows
    };
    let changed = edited(&|rows| rows[1].who = "jemand".into());
    found("a row changed", &changed, &end, "Zeile 2 ist nicht, was geschrieben wurde");
    found("a row taken out", &edited(&|rows| drop(rows.remove(1))), &end, "Zeile 2 fehlt");
    let cut = edited(&|rows| drop(rows.pop()));
    found("the last row taken out", &cut, &end, "passt NICHT: Die Kette endet vor Zeile");
    found("the last row and the head taken out", &cut, "", "the last line with the head is missing");
    let put_in = edited(&|rows| rows.insert(2, rows[1].clone()));
    found("a row put in", &put_in, &end, "Zeile 3 fehlt oder steht nicht an ihrer Stelle");
    let renumbered = edited(&|rows| {
        rows.insert(2, rows[1].clone());
        rows.iter_mut().zip(1..).for_each(|(row, number)| row.seq = number);
    });
    found("a row put in and numbered", &renumbered, &end, "Zeile 3 ist nicht, was geschrieben wurde");
    found("two rows swapped", &edited(&|rows| rows.swap(1, 2)), &end, "Zeile 2 fehlt");
    let more = format!("{end}\n{}", serde_json::to_string(&rows[0]).expect("a row"));
    found("a row after the end", &rows, &more, "fehlt oder steht nicht an ihrer Stelle");
    found("nonsense", &rows, "{\"seq\":1}", "ist nicht lesbar");
    // Written anew, with right hashes all along: only heads tell.
    let anew = chained(changed);
    found("written anew", &anew, &end, "passt NICHT: Zeile");
    let longer = chained(put_in);
    found("written anew and longer", &longer, &end, "passt NICHT: Zeile");
    let forged = end.replace(".ey", ".eyJ");
    found("the head forged", &rows, &forged, "ist gefälscht oder beschädigt");
    found_against_heads(&setup, &rows, &anew).await;
    drop(hub);
}

/// Another hub signs what was written anew: its own head fits, but nobody trusts it, and the right one does not fit.
async fn found_against_heads(right: &Setup, rows: &[AuditRow], anew: &[AuditRow]) {
    let other = setup("1h").await;
    let hub = start(&other).await;
    live(&hub, 1).await;
    assert_eq!(run(&other, &["audit", "head", "-o", "kopf.jws", "--url", &hub.api]).code, 0);
    assert_eq!(run(&other, &["audit", "export", "-o", "historie.jsonl"]).code, 0);
    let (foreign, end) = read(&other);
    write(&right.path("fremd.jsonl"), &foreign, &end);
    let distrusted = verify(right, &["fremd.jsonl"]);
    assert_eq!(distrusted.code, 1);
    assert!(distrusted.text.contains("dem Unterzeichner wird nicht vertraut"), "{distrusted:?}");
    // Without that it fits in itself, and it is said that this is all.
    let believed = run(right, &["audit", "verify", "fremd.jsonl"]);
    assert_eq!(believed.code, 0, "{believed:?}");
    assert!(believed.text.contains("Wer die Kette neu schreibt, kann auch Köpfe dazu"), "{}", believed.text);
    fs::copy(other.path("kopf.jws"), right.path("fremd.jws")).expect("a head");
    let of_another = run(right, &["audit", "verify", "--head", "fremd.jws"]);
    assert_eq!(of_another.code, 1, "a head of another hub: {of_another:?}");
    assert!(of_another.text.contains("gehört zu einem anderen Rohrpost"), "{}", of_another.text);
    let (_, end) = read(right);
    for (chain, code) in [(rows, 0), (anew, 1)] {
        write(&right.path("geprüft.jsonl"), chain, &end);
        assert_eq!(verify(right, &["geprüft.jsonl", "--head", "kopf.jws"]).code, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_the_hub_keeps_heads_by_itself_and_notices_a_history_that_does_not_fit_them() {
    let setup = setup("100ms").await;
    let hub = start(&setup).await;
    live(&hub, 1).await;
    until(async || kept(&setup).last().is_some()).await;
    let early = setup.path("früher");
    // What a backup would hold now; SQLite's log goes with the database.
    fs::create_dir(&early).expect("a folder");
    for file in ["rohrpost.sqlite", "rohrpost.sqlite-wal"] {
        fs::copy(setup.path("data").join(file), early.join(file)).expect("a file of the store");
    }
    live(&hub, 1).await;
    assert!(block_in_place(|| hub.stop()));
    let heads = kept(&setup);
    assert!(heads.len() >= 2, "{heads:?}");
    let sizes: Vec<_> = heads.iter().map(|head| fs::read(head).expect("a head")).collect();
    assert!(!setup.log().contains("ERROR"), "{}", setup.log());

    // Nothing was added: nothing is kept, neither by the clock nor at the end.
    let hub = start(&setup).await;
    let looks = tokio::time::interval(std::time::Duration::from_millis(100));
    wait_for_some(looks).await;
    assert!(block_in_place(|| hub.stop()));
    assert_eq!(kept(&setup), heads);
    assert!(!setup.log().contains("ERROR"), "{}", setup.log());
    assert_eq!(verify(&setup, &["--json"]).json()["heads"].as_array().map(Vec::len), Some(heads.len()));

    // An older state is put back: the later heads lie beyond its end.
    for file in ["rohrpost.sqlite", "rohrpost.sqlite-wal"] {
        fs::copy(early.join(file), setup.path("data").join(file)).expect("a file of the store");
    }
    let _ = fs::remove_file(setup.path("data/rohrpost.sqlite-shm"));
    let cut = verify(&setup, &[]);
    assert_eq!(cut.code, 1, "{cut:?}");
    assert!(cut.text.contains("Die Kette endet vor Zeile"), "{}", cut.text);
    let hub = start(&setup).await;
    assert!(setup.log().contains("the history ends before the row of this head"), "{}", setup.log());
    live(&hub, 2).await;
    assert!(block_in_place(|| hub.stop()));
    for (head, before) in heads.iter().zip(sizes) {
        assert_eq!(fs::read(head).expect("a head"), before, "a head that was kept is never overwritten");
    }
    let forked = verify(&setup, &[]);
    assert_eq!(forked.code, 1, "{forked:?}");
    assert!(forked.text.contains("passt NICHT: Zeile"), "what came after the restore is another history");
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_head_that_was_kept_is_never_overwritten() {
    let setup = setup("1h").await;
    let mut before: Option<(PathBuf, Vec<u8>)> = None;
    for round in 1..=2 {
        let hub = start(&setup).await;
        live(&hub, 1).await;
        assert!(block_in_place(|| hub.stop()));
        let heads = kept(&setup);
        assert_eq!(heads.len(), 1, "the other history has as many rows: {heads:?}");
        let now = (heads[0].clone(), fs::read(&heads[0]).expect("a head"));
        assert_eq!(before.get_or_insert_with(|| now.clone()), &now, "round {round}");
        // Somebody begins the history anew.
        fs::remove_dir_all(setup.path("data")).expect("the data directory");
    }
    assert!(setup.log().contains("the history ends before the row of this head"), "{}", setup.log());
    assert!(setup.log().contains("an earlier head of this row says otherwise"), "{}", setup.log());
}

/// Lets the clock of the heads come by a few times.
async fn wait_for_some(mut looks: tokio::time::Interval) {
    for _ in 0..4 {
        looks.tick().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_history_that_another_program_changed_is_found() {
    let setup = setup("1h").await;
    let hub = start(&setup).await;
    live(&hub, 1).await;
    assert!(block_in_place(|| hub.stop()));
    let change =
        "import sqlite3, sys\nd = sqlite3.connect(sys.argv[1])\nd.execute(sys.argv[2])\nd.commit()\n";
    for (sql, expected) in [
        ("UPDATE history SET who = 'jemand' WHERE seq = 3", "Zeile 3 ist nicht, was geschrieben wurde"),
        ("UPDATE deliveries SET state = 'discarded' WHERE seq = 1", "der Zustand der Zustellung"),
    ] {
        fs::create_dir_all(setup.path("kopie")).expect("a folder");
        let database = setup.path("kopie/rohrpost.sqlite");
        fs::copy(setup.path("data/rohrpost.sqlite"), &database).expect("the database");
        let mut python = Command::new("python3");
        python.args(["-c", change]).arg(&database).arg(sql);
        if peers::succeed(&mut python).is_none() {
            return;
        }
        let ran = verify(&setup, &["--data", "kopie"]);
        assert_eq!(ran.code, 1, "{sql}: {ran:?}");
        assert!(ran.text.contains(expected), "{sql}: {}", ran.text);
        let refused = run(&setup, &["audit", "export", "-o", "x.jsonl"]);
        assert_eq!(refused.code, 0, "the data directory itself is whole: {refused:?}");
    }
}
