//! A partner tried by hand, and messages that the hub leaves where they lie.

use super::House;
use super::round::{ANSWERED, Sender, open};
use crate::face::sample;
use crate::support::client::{Client, until};
use serde_json::Value;
use std::fs;
use std::process::Command;

/// What a command printed for machines.
fn told(command: &mut Command, code: i32) -> Value {
    let ran = command.output().expect("the program runs");
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(code), "{errors}");
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{errors}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_can_be_tried_by_hand() {
    let server = House::new().await;
    let sender = Sender::prepared(&server.dms, &server.partner, &server.origin());
    let run =
        |arguments: &[&str], code: i32| told(sender.command().args(["--json", "xta"]).args(arguments), code);
    let file = sender.path("antrag.xml");
    fs::write(&file, sample("brunnenbohrung-1.xml")).expect("a file");
    let plan = sender.path("plan.pdf");
    fs::write(&plan, b"%PDF-1.7 plan").expect("a file");
    let (file, plan) = (file.to_str().expect("text"), plan.to_str().expect("text"));
    let gateway = "lk-beispiel-gateway";
    let sent = run(&["send", gateway, file, "--attach", plan, "--case", "2026:BR-9", "--live"], 0);
    let id = sent["id"].as_str().expect("an id").to_owned();
    assert_eq!(run(&["report", gateway, &id], 0)["status"], "0", "it waits in the mailbox");

    until(async || run(&["list", "postfach"], 0)["messages"].as_array().map(Vec::len) == Some(1)).await;
    let waiting = run(&["list", "postfach", "--new"], 0)["messages"][0].clone();
    assert_eq!((&waiting["author"], &waiting["fetched"]), (&"lap:15000000".into(), &Value::Null));
    let there = waiting["id"].as_str().expect("an id").to_owned();
    let folder = sender.path("geholt");
    let out = folder.to_str().expect("text");
    run(&["get", "postfach", &there, "-o", out], 0);
    assert_eq!(fs::read(folder.join("attachment-1.pdf")).expect("a file"), b"%PDF-1.7 plan");
    assert!(fs::read_to_string(folder.join("message.xml")).expect("a file").contains("<"));
    assert!(fs::read_to_string(folder.join("metadata.xml")).expect("a file").contains(&there));
    let again =
        sender.command().args(["xta", "get", "postfach", &there, "-o", out]).output().expect("it runs");
    assert_eq!(again.status.code(), Some(1), "nothing is overwritten");
    assert_eq!(run(&["list", "postfach", "--new"], 0)["messages"].as_array().map(Vec::len), Some(0));
    assert_eq!(run(&["list", "postfach"], 0)["messages"].as_array().map(Vec::len), Some(1), "it stays");

    assert_eq!(run(&["close", "postfach", &there], 0)["closed"], 1);
    until(async || run(&["report", gateway, &id], 0)["status"] == "1").await;
    let strange = "urn:de:xta:messageid:rohrpost:000ca2fe-f4e1-45c2-8233-000000000001";
    let refused = sender.command().args(["xta", "report", gateway, strange]).output().expect("it runs");
    let refused = (refused.status.code(), String::from_utf8_lossy(&refused.stderr).into_owned());
    assert!(refused.0 == Some(1) && refused.1.contains("9070"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn destination_and_source_can_be_probed() {
    let server = House::new().await;
    let sender = Sender::prepared(&server.dms, &server.partner, &server.origin());
    let probed = |arguments: &[&str], code| {
        let report = told(sender.command().args(["--json", "probe"]).args(arguments), code);
        let steps = report["steps"].as_array().expect("steps").clone();
        let word = |step: &Value| format!("{}: {}", step["step"], step["result"]).replace('"', "");
        steps.iter().map(word).collect::<Vec<_>>()
    };
    // The server's certificate is not good for long any more.
    let reached = ["lookup: ok", "connect: ok", "tls: warning"];
    let destination = probed(&["lk-beispiel-gateway"], 0);
    assert_eq!(destination[..3], reached);
    assert_eq!(destination[3..], ["account: ok", "reader: ok"]);
    let source = probed(&["--source", "postfach"], 0);
    assert_eq!((source[..3] == reached, source[3].as_str()), (true, "mailbox: ok"), "{source:?}");
    sender.edit("sources/postfach.toml", "reader = \"wrb:15091000\"", "reader = \"wrb:99\"");
    assert_eq!(
        probed(&["--source", "postfach"], 1)[3],
        "mailbox: failed",
        "the account is not that of wrb:99"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_takes_stays_in_the_foreign_mailbox_and_is_shown() {
    let server = House::new().await;
    let mut sender = Sender::prepared(&server.dms, &server.partner, &server.origin());
    let other = format!("service = \"{ANSWERED}\"\nkind");
    sender.edit("sources/postfach.toml", &other, "service = \"99012009000000\"\nkind");
    sender.start();
    let operator = Client::of(sender.hub(), "operator");
    let sent = sender.submit(1).await;
    let source = async || operator.get("/v1/sources").await["sources"][0].clone();
    until(async || source().await["left"] == 1).await;
    let standing = source().await;
    assert_eq!(standing["messages"][0]["why"], "not-granted", "{standing:#}");
    assert_eq!((&standing["taken"], &standing["failure"]), (&0.into(), &Value::Null), "{standing:#}");
    assert!(!open(&server.hub).await.is_empty(), "it was not closed");
    let shown = sender.command().args(["queue", "sources", "--url", sender.hub().api.as_str()]).output();
    let shown = String::from_utf8(shown.expect("it runs").stdout).expect("text");
    assert!(shown.contains("postfach") && shown.contains("Rechte in clients/"), "{shown}");

    // Once the rule is mended it is taken at once: a changed configuration forgets what was let alone.
    sender.edit("sources/postfach.toml", "99012009000000", ANSWERED);
    let mut activate = sender.command();
    activate.args(["config", "activate", "--reason", "Regel berichtigt", "--url", sender.hub().api.as_str()]);
    let activated = activate.output().expect("it runs");
    assert!(activated.status.success(), "{}", String::from_utf8_lossy(&activated.stderr));
    until(async || sender.arrived().len() == 1).await;
    sender.portal().completed(&sent).await;
    assert_eq!(source().await["left"], 0);
}
