//! Bad input gets a precise answer and changes nothing: a problem with position and reason, the value at fault in the
//! answer and in no log, and nothing stored.

mod cases;
mod raw;

use super::{Answered, attachments, files, metrics, sample, text};
use crate::support::client::{Client, soon, until};
use crate::support::hub::{AREA, Hub, SERVICE, Setup};
use crate::support::multipart;
use crate::support::sink::Sink;
use cases::{Call, Case};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What the hub of these tests takes at most.
const LIMITS: &str =
    "\n[limits]\ndata = \"1 MB\"\nattachment = \"100 kB\"\nattachments = 3\ndepth = 200\nreceive = \"60s\"\n";

/// A hub that has taken and delivered one good submission.
struct House {
    setup: Setup,
    hub: Hub,
}

impl House {
    async fn new(limits: &str) -> Self {
        let setup = Setup::new(Sink::start().await.address);
        setup.edit("hub.toml", "level = \"info\"\n", &format!("level = \"debug\"\n{limits}"));
        let hub = setup.start();
        let house = Self { setup, hub };
        house.take_a_good_one().await;
        house
    }

    async fn take_a_good_one(&self) {
        let portal = Client::of(&self.hub, "portal");
        let files = attachments();
        let answer = portal.submit(&sample("brunnenbohrung-1.xml"), &files, None).await.expect("an answer");
        portal.completed(text(&Answered::of(answer).await.accepted(), "id")).await;
    }

    async fn send(&self, call: &Call) -> Answered {
        let mut request = Client::of(&self.hub, call.client).request(call.method, &call.path);
        if let Some(token) = &call.token {
            request = Client::with_token(&self.hub, token.clone()).request(call.method, &call.path);
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value.as_slice());
        }
        let sent = request.body(call.body.clone()).send().await;
        Answered::of(sent.unwrap_or_else(|fault| panic!("{}: {fault:?}", call.path))).await
    }

    /// Every file that the hub keeps, with its size.
    fn kept(&self) -> Vec<(PathBuf, u64)> {
        let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |about| about.len());
        let all = files(&self.setup.path("data")).into_iter().chain(files(&self.setup.path("keys")));
        all.map(|path| (path.clone(), size(&path))).collect()
    }

    /// Ids of all submissions.
    async fn submissions(&self) -> BTreeSet<String> {
        let page = Client::of(&self.hub, "operator").get("/v1/deliveries?limit=500").await;
        assert_eq!(page["next"], Value::Null);
        let deliveries = page["deliveries"].as_array().expect("deliveries").clone();
        deliveries.iter().map(|delivery| text(delivery, "submission").to_owned()).collect()
    }

    async fn nothing_of_it_is_told(&self, marker: &str) {
        let log = self.setup.log().to_lowercase();
        assert!(!log.contains(marker), "{marker} stands in the log");
        assert!(!metrics(&self.hub.operations).await.to_lowercase().contains(marker), "{marker} is a metric");
    }
}

/// What is wrong with an answer to a case; empty if nothing.
fn judge(case: &Case, answered: &Answered) -> String {
    let told = answered.text();
    if answered.media_type != "application/problem+json" {
        return format!("no problem: {answered:?}");
    }
    let (problem, word) = (answered.json(), answered.word());
    if (answered.status.as_u16(), word.as_str()) != case.expected {
        return format!("expected {:?}, got {told}", case.expected);
    }
    let mut wrong = String::new();
    for key in ["title", "detail", "meldung"] {
        if problem[key].as_str().is_none_or(str::is_empty) {
            wrong.push_str(&format!("no {key}; "));
        }
    }
    if problem["status"] != answered.status.as_u16() {
        wrong.push_str("another status inside; ");
    }
    if case.quotes && !told.to_lowercase().contains(&case.marker) {
        wrong.push_str("the value at fault does not stand there; ");
    }
    wrong.push_str(&judge_place(case, &word, &problem));
    if wrong.is_empty() { wrong } else { format!("{wrong}{told}") }
}

/// Whether the place is there, and right where the marker shows it.
fn judge_place(case: &Case, word: &str, problem: &Value) -> String {
    let place = match word {
        "schema-violation" => &problem["violations"][0],
        "not-well-formed" | "not-json" | "malformed-metadata" => problem,
        _ => return String::new(),
    };
    let (line, column) = (place["line"].as_u64().unwrap_or(0), place["column"].as_u64().unwrap_or(0));
    if line == 0 || (column == 0 && word != "malformed-metadata") {
        return format!("no place ({line}:{column}); ");
    }
    let lines = case.lines();
    let right = lines.is_empty() || lines.iter().any(|expected| *expected as u64 == line);
    if right { String::new() } else { format!("line {line} in place of {lines:?}; ") }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_with_its_place_and_nothing_is_stored_or_logged() {
    let house = House::new(LIMITS).await;
    let (kept, submissions) = (house.kept(), house.submissions().await);
    let cases = cases::all();
    assert!(cases.len() >= 40, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let answered = house.send(&case.call).await;
        let mut faults = judge(case, &answered);
        // What was staged is swept away beside the answer.
        if !soon(async || house.kept() == kept).await {
            faults.push_str("; something was stored");
        }
        if !faults.is_empty() {
            wrong.push(format!("{}: {faults}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert_eq!(house.submissions().await, submissions);
    for case in &cases {
        house.nothing_of_it_is_told(&case.marker).await;
    }
    assert!(house.setup.log().contains("schema-violation"), "the log has the words of refusals");
    house.take_a_good_one().await;
    println!("{} bad inputs", cases.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_off_leaves_nothing() {
    let house = House::new(LIMITS).await;
    let (kept, submissions) = (house.kept(), house.submissions().await);
    let marker = "zwirbelmarke-abgebrochen";
    let said = multipart::metadata(&format!(r#"{{"service":"{SERVICE}","area":"{AREA}"}}"#));
    let data = multipart::data("application/xml", sample("brunnenbohrung-1.xml"));
    let whole = multipart::body("b", &[said, data, multipart::attachment(marker, vec![b'x'; 90_000])]);
    let refused = async || {
        let text = metrics(&house.hub.operations).await;
        let lines = text.lines().filter(|line| line.starts_with("rohrpost_submissions_refused_total"));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum::<u64>()
    };
    for (number, cut) in [10, 400, 3_000, whole.len() - 40_000, whole.len() - 5].into_iter().enumerate() {
        let headers = [("Content-Type", "multipart/form-data; boundary=b".to_owned())];
        let head = raw::head(&house.hub, "portal", &headers, &format!("Content-Length: {}", whole.len()));
        raw::break_off(&house.hub, &[head.as_bytes(), &whole[..cut]].concat()).await;
        until(async || refused().await > number as u64).await;
        assert!(soon(async || house.kept() == kept).await, "broken off after {cut} bytes");
    }
    assert_eq!(house.submissions().await, submissions);
    house.nothing_of_it_is_told(marker).await;
    house.take_a_good_one().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_never_ends_is_told_so() {
    let house = House::new("\n[limits]\nreceive = \"2s\"\n").await;
    let (kept, submissions) = (house.kept(), house.submissions().await);
    let marker = "zwirbelmarke-ohne-ende";
    let bare = raw::head(
        &house.hub,
        "portal",
        &[("Content-Type", "application/xml".into())],
        "Transfer-Encoding: chunked",
    );
    let path = format!("/v1/submissions?service={SERVICE}&area={AREA}");
    let bare = bare.replacen("/v1/submissions", &path, 1);
    let form = [("Content-Type", "multipart/form-data; boundary=b".to_owned())];
    let form = raw::head(&house.hub, "portal", &form, "Transfer-Encoding: chunked");
    let chunk = |content: &str| format!("{:x}\r\n{content}\r\n", content.len());
    let calls = [
        ("data without an end", format!("{bare}{}", chunk(&format!("<a>{marker}")))),
        ("no data at all", bare),
        ("a form without an end", format!("{form}{}", chunk(&format!("--b\r\nX-{marker}: 1\r\n")))),
    ];
    for (what, call) in calls {
        let answer = raw::answer(&house.hub, call.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{what}: {answer}");
        assert!(answer.contains("urn:rohrpost:problem:receive-timeout"), "{what}: {answer}");
        assert!(soon(async || house.kept() == kept).await, "{what}");
    }
    assert_eq!(house.submissions().await, submissions);
    house.nothing_of_it_is_told(marker).await;
    house.take_a_good_one().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_announced_too_large_need_not_be_sent() {
    let house = House::new(LIMITS).await;
    let form = ("Content-Type", "multipart/form-data; boundary=b".to_owned());
    for header in [form, ("Content-Type", "application/xml".to_owned())] {
        let head = raw::head(&house.hub, "portal", &[header], "Content-Length: 99999999999");
        let answer = raw::answer(&house.hub, head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("urn:rohrpost:problem:too-large"), "{answer}");
    }
}
