//! How a target's behaviour is judged and what happens next: a test for each row of the table "So wird geurteilt" in
//! `docs/handbuch/adapter-http.md`.

mod stand;

use crate::support::client::until;
use crate::support::hub::root;
use crate::support::wire::{Script, Step, answer};
use rohrpost_model::Timestamp;
use serde_json::Value;
use stand::{First, House, LIMIT, milliseconds, told, when};
use std::fs;
use std::time::Duration;

/// After so many milliseconds the target is asked what became of an attempt.
const ASKED_AFTER: i64 = 5_000;

/// The handbook's row of this behaviour says these words.
fn assert_handbook(row: &str, words: &[&str]) {
    let page = fs::read_to_string(root().join("docs/handbuch/adapter-http.md")).expect("the page");
    let (_, table) = page.split_once("## So wird geurteilt").expect("the table");
    let line = table.lines().find(|line| line.starts_with(&format!("| {row} |")));
    let line = line.unwrap_or_else(|| panic!("the handbook has no row {row:?}"));
    for word in words {
        assert!(line.contains(&format!("`{word}`")), "the handbook does not say {word}: {line}");
    }
}

/// Nobody knows whether it arrived: the target is asked after five seconds. Where it cannot be asked, it waits for a
/// person, or is sent again if the destination allows that; where it can, its word counts.
async fn assert_unknown(row: &str, reason: &str, first: First) -> Value {
    let code = reason.split(' ').next().expect("a code");
    assert_handbook(row, &["unknown", "outcome-lost", code]);
    let lost = format!("attempt 1: outcome-lost {reason}");
    let begin = ["attempt 1: marked", lost.as_str()];
    let mut house = House::new(first, &["parks", "repeats", "finds", "misses"]).await;
    house.until(&["delivered", "parked"]).await;
    for name in ["parks", "repeats", "finds", "misses"] {
        let (look, detail) = (house.look(name, "unknown"), house.detail(name).await);
        assert_eq!(look["reason"]["code"], code, "{look:#}");
        let next = milliseconds(&look["nextAt"]);
        assert!((next - when(&detail, &lost) - ASKED_AFTER).abs() <= 1, "{detail:#}");
        let asked = told(&detail)[2].clone();
        assert!(asked.starts_with("inquiry: ") && when(&detail, &asked) >= next, "{detail:#}");
    }
    let then = |rest: &[&'static str]| [&begin[..], rest].concat();
    let parks = then(&["inquiry: given-up no-word"]);
    house.assert_story("parks", "parked", &parks, 1).await;
    let again = ["attempt 2: marked", "attempt 2: taken"];
    let repeats = [&then(&["inquiry: send-again no-word"])[..], &again].concat();
    house.assert_story("repeats", "delivered", &repeats, 2).await;
    let finds = then(&["inquiry: taken found"]);
    let found = house.assert_story("finds", "delivered", &finds, 1).await;
    assert_eq!(found["receipt"]["reference"], "4711");
    let misses = [&then(&["inquiry: not-taken surely-absent"])[..], &again].concat();
    house.assert_story("misses", "delivered", &misses, 2).await
}

/// How long a delivery waits that was surely not taken, from when it was judged, in milliseconds.
struct Wait {
    least: i64,
    most: i64,
}

const DAY: i64 = 24 * 3600 * 1000;

/// It surely did not arrive: it waits to be tried again by itself, as long as the policy says or as the target asked for.
async fn assert_not_taken(row: &str, reason: &str, first: First, wait: impl Fn(i64) -> Wait) -> House {
    let code = reason.split(' ').next().expect("a code");
    assert_handbook(row, &["due", "not-taken", code]);
    let not_taken = format!("attempt 1: not-taken {reason}");
    let reached = usize::from(!matches!(first, First::IsAway));
    let mut house = House::new(first, &["waits"]).await;
    house.until(&["due"]).await;
    let story = ["attempt 1: marked", not_taken.as_str()];
    let detail = house.assert_story("waits", "due", &story, reached).await;
    assert_eq!(detail["reason"]["code"], code);
    let judged = when(&detail, &not_taken);
    let (waits, Wait { least, most }) = (milliseconds(&detail["nextAt"]) - judged, wait(judged));
    assert!((least..=most).contains(&waits), "it waits {waits} ms, not {least} to {most}: {detail:#}");
    house
}

/// A person has it tried at once, and now the target takes it.
async fn assert_retried(mut house: House, reason: &str) -> House {
    let not_taken = format!("attempt 1: not-taken {reason}");
    let before = house.targets["waits"].begun();
    house.retry("waits").await;
    house.until(&["delivered"]).await;
    let story = [
        "attempt 1: marked",
        &not_taken,
        "command: retry-commanded retried-by-person",
        "attempt 2: marked",
        "attempt 2: taken",
    ];
    house.assert_story("waits", "delivered", &story, before + 1).await;
    house
}

/// It is refused and would be refused again: it waits for a person, who may have the same sent once more.
async fn assert_refused(row: &str, reason: &str, first: First) {
    let code = reason.split(' ').next().expect("a code");
    assert_handbook(row, &["parked", "refused", code]);
    let refused = format!("attempt 1: refused {reason}");
    let begin = ["attempt 1: marked", refused.as_str()];
    let mut house = House::new(first, &["waits"]).await;
    house.until(&["parked"]).await;
    let detail = house.assert_story("waits", "parked", &begin, 1).await;
    assert_eq!(detail["reason"]["code"], code);
    house.retry("waits").await;
    house.until(&["delivered"]).await;
    let rest = ["command: retry-commanded retried-by-person", "attempt 2: marked", "attempt 2: taken"];
    house.assert_story("waits", "delivered", &[&begin[..], &rest].concat(), 2).await;
}

/// Anything from nothing to the longest wait of the policy.
fn as_the_policy_says(_judged: i64) -> Wait {
    Wait { least: 0, most: DAY }
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_an_answer_500_is_unknown() {
    let first = First::answers("500 Internal Server Error", "Retry-After: 1\r\n", "");
    assert_unknown("antwortet 500, 502, 504 oder anders mit 5xx", "unexpected-answer 500", first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_503_is_not_taken_and_is_tried_again_after_a_while() {
    let first = || First::answers("503 Service Unavailable", "", "");
    let row = "antwortet 408, 425, 429 oder 503";
    let house = assert_not_taken(row, "target-busy 503", first(), as_the_policy_says).await;
    assert_retried(house, "target-busy 503").await;
    let mut house = House::new(first(), &["hurries"]).await;
    house.until(&["delivered"]).await;
    let story = [
        "attempt 1: marked",
        "attempt 1: not-taken target-busy 503",
        "attempt 2: marked",
        "attempt 2: taken",
    ];
    house.assert_story("hurries", "delivered", &story, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_429_is_not_taken_and_waits_as_many_seconds_as_it_says() {
    let row = "… mit `Retry-After`";
    let first =
        |after: u64| First::answers("429 Too Many Requests", &format!("Retry-After: {after}\r\n"), "");
    let exactly = |_| Wait { least: 120_000, most: 120_000 };
    assert_not_taken(row, "target-busy 429", first(120), exactly).await;
    let longest = |_| Wait { least: DAY, most: DAY };
    assert_not_taken(row, "target-busy 429", first(10_000_000), longest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_asked_to_be_left_alone_is_left_alone_even_if_a_person_wants_a_retry() {
    let row = "… mit `Retry-After`";
    let first = First::answers("429 Too Many Requests", "Retry-After: 8\r\n", "");
    let exactly = |_| Wait { least: 8_000, most: 8_000 };
    let house = assert_not_taken(row, "target-busy 429", first, exactly).await;
    let house = assert_retried(house, "target-busy 429").await;
    let [first, second] = &house.targets["waits"].seen()[..] else { panic!("two requests") };
    let between = second.at - first.at;
    assert!(between >= Duration::from_millis(7_990), "it came again after {between:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::disallowed_methods)] // the target says when it will be back
async fn an_answer_429_is_not_taken_and_waits_until_the_date_that_it_says() {
    let back = Timestamp::from_second(Timestamp::now().as_second() + 600).expect("a time");
    let header = format!("Retry-After: {}\r\n", back.strftime("%a, %d %b %Y %H:%M:%S GMT"));
    // The adapter counts from when it read the answer, the judge from when it heard of it.
    let then = move |judged| Wait {
        least: back.as_millisecond() - judged,
        most: back.as_millisecond() - judged + 5_000,
    };
    let first = First::answers("429 Too Many Requests", &header, "");
    assert_not_taken("… mit `Retry-After`", "target-busy 429", first, then).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_target_that_says_nothing_until_the_time_limit_is_unknown() {
    let row = "antwortet bis zum Ende von `timeout` nicht oder nicht ganz";
    for first in [First::takes([Step::Mute]), First::takes([Step::Write(half()), Step::Mute])] {
        let detail = assert_unknown(row, "torn", first).await;
        let [started, ended] =
            ["startedAt", "endedAt"].map(|key| milliseconds(&detail["attemptLog"][0][key]));
        let took = ended - started;
        assert!((LIMIT..LIMIT + 10_000).contains(&took), "the attempt took {took} ms");
    }
}

/// An answer that breaks off in its body.
fn half() -> Vec<u8> {
    let mut half = answer("200 OK", "", r#"{"id":"4711"}"#);
    half.truncate(half.len() - 5);
    half
}

const TORN: &str = "beendet die Verbindung vor oder in der Antwort";

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_connection_that_ends_in_the_head_of_the_answer_is_unknown() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Le".to_vec();
    assert_unknown(TORN, "torn", First::takes([Step::Write(head), Step::Close])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_connection_that_ends_in_the_body_of_the_answer_is_unknown() {
    assert_unknown(TORN, "torn", First::takes([Step::Write(half()), Step::Close])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_connection_that_ends_after_the_request_was_read_is_unknown() {
    assert_unknown(TORN, "torn", First::takes([Step::Close])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_connection_that_ends_in_the_request_is_unknown() {
    let first = First::Does(Script { name: "first", steps: vec![Step::Head, Step::Close] });
    assert_unknown(TORN, "torn", first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_connection_that_is_taken_and_dropped_is_unknown() {
    assert_unknown("nimmt die Verbindung an und beendet sie, ohne zu lesen", "torn", First::Drops).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_an_answer_that_is_no_http_is_unknown() {
    let nonsense = b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec();
    let first = First::takes([Step::Write(nonsense), Step::Close]);
    assert_unknown("antwortet, was kein HTTP ist", "torn", first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_an_answer_200_without_its_reference_is_unknown() {
    let first = First::answers("200 OK", "", r#"{"nr":"4711"}"#);
    assert_unknown("antwortet 2xx ohne die erwartete `reference`", "unexpected-answer 200", first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_where_nobody_listens_is_not_taken_and_is_tried_until_it_is_back() {
    let row = "nimmt keine Verbindung an";
    let mut house = assert_not_taken(row, "unreachable", First::IsAway, as_the_policy_says).await;
    house.targets.get_mut("waits").expect("a target").comes_back();
    assert_retried(house, "unreachable").await;
    let mut house = House::new(First::IsAway, &["hurries"]).await;
    // So often that an end of the patience would show.
    until(async || told(&house.detail("hurries").await).len() >= 2 * 6).await;
    house.targets.get_mut("hurries").expect("a target").comes_back();
    house.until(&["delivered"]).await;
    let detail = house.detail("hurries").await;
    let attempts = detail["attempts"].as_u64().expect("a number");
    let tried = (1..attempts).flat_map(|attempt| {
        [format!("attempt {attempt}: marked"), format!("attempt {attempt}: not-taken unreachable")]
    });
    let last = [format!("attempt {attempts}: marked"), format!("attempt {attempts}: taken")];
    let story: Vec<_> = tried.chain(last).collect();
    let story: Vec<_> = story.iter().map(String::as_str).collect();
    house.assert_story("hurries", "delivered", &story, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_422_is_refused_and_waits_for_a_person() {
    let first = First::answers("422 Unprocessable Content", "", "");
    assert_refused("antwortet anders mit 4xx, mit 501 oder 505", "target-refused 422", first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_401_is_refused_and_waits_for_a_person() {
    let first = First::answers("401 Unauthorized", "", "");
    assert_refused("antwortet 401, 403 oder 407", "credentials-refused 401", first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_302_is_not_followed_and_waits_for_a_person() {
    let first = First::answers("302 Found", "Location: /elsewhere\r\n", "");
    assert_refused("antwortet 3xx", "unexpected-answer 302", first).await;
}
