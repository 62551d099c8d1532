//! H10, and encryption at rest: after many submissions nothing that somebody handed in or that a target answered is
//! found in what the hub keeps, logs and counts.

use super::{files, metrics, sample, text};
use crate::support::client::Client;
use crate::support::hub::{AREA, Hub, SERVICE, Setup};
use crate::support::sink::Sink;
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt as _, stream};
use reqwest::multipart::{Form, Part};
use std::fs;

/// How many are handed in, and how many at one time.
const SUBMISSIONS: usize = 1000;
const AT_ONCE: usize = 16;

/// What may be found nowhere.
const NAME: &str = "Zwirbelmüller-Quastenfloss";
const FILE: &str = "Bauplan-Quittenhausen";
const CONTENT: &str = "Wünschelrutengutachten";
const PLACE: &str = "Quarzbachgrund hinter dem Bienenhaus";
const HANDLE: &str = "postfach-xylophonweg";
const KEY: &str = "antrag-von-zwirbelgard";
const AKTENZEICHEN: &str = "66.3-Zwirbel-4711";
const WORDS: &str = "Anruf von Frau Quastenfloss";

const MARKERS: [&str; 8] = [NAME, FILE, CONTENT, PLACE, HANDLE, KEY, AKTENZEICHEN, WORDS];

/// The forms in which a text could lie somewhere: plain, UTF-16 of both kinds, base64 of each at every offset, escaped
/// for JSON and for URLs, in hexadecimal digits.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let plain = text.as_bytes().to_vec();
    let wide = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let written = [plain.clone(), wide(u16::to_le_bytes), wide(u16::to_be_bytes)];
    let mut forms: Vec<Vec<u8>> = written.iter().flat_map(|bytes| base64_forms(bytes)).collect();
    let escaped =
        text.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) });
    forms.push(escaped.collect::<String>().into_bytes());
    let in_url = plain.iter().map(|byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            char::from(*byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    forms.push(in_url.collect::<String>().into_bytes());
    forms.push(plain.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes());
    forms.extend(written);
    forms.sort();
    forms.dedup();
    forms
}

/// What of the base64 of a longer text is the same wherever `bytes` begin in it.
fn base64_forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let form = |offset: usize| {
        let aligned = [&vec![0; offset], bytes].concat();
        let whole = &aligned[..aligned.len() / 3 * 3];
        STANDARD.encode(whole).into_bytes().split_off(if offset == 0 { 0 } else { 4 })
    };
    [0, 1, 2].map(form).to_vec()
}

/// Which of the markers stand in `content`.
fn found(content: &[u8], forms: &[(&'static str, Vec<Vec<u8>>)]) -> Vec<&'static str> {
    let holds = |form: &Vec<u8>| memchr::memmem::find(content, form).is_some();
    forms.iter().filter(|(_, forms)| forms.iter().any(holds)).map(|(marker, _)| *marker).collect()
}

fn all_forms() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    MARKERS.iter().map(|marker| (*marker, forms(marker))).collect()
}

#[test]
fn the_search_finds_every_form() {
    let all = all_forms();
    for (marker, forms) in &all {
        assert!(forms.len() >= 10, "{marker}: {}", forms.len());
        for form in forms {
            assert!(found(&[b"\x00\xFFxy", form.as_slice(), b"\x00"].concat(), &all).contains(marker));
        }
        for before in ["", "a", "ab", "abc"] {
            let hidden = STANDARD.encode(format!("{before}{marker} und mehr"));
            assert!(found(hidden.as_bytes(), &all).contains(marker), "base64 after {before:?}");
        }
    }
    assert!(found(b"nothing of that kind", &all).is_empty());
}

/// Submission number `number`, full of markers. Every fiftieth has an attachment that becomes a file of its own.
fn form(number: usize) -> Form {
    let reply = format!(r#"{{"post-box":{{"system":"bundid","handle":"{HANDLE}"}}}}"#);
    let said = format!(
        r#"{{"service":"{SERVICE}","area":"{AREA}","reply":{reply},"foreignIds":["{KEY} {number}"]}}"#
    );
    let data = String::from_utf8(sample("brunnenbohrung-1.xml")).expect("UTF-8");
    let data = data.replace("Mustermann", NAME).replace("Musterstraße 12 a, Garten hinter dem Haus", PLACE);
    let repeat = if number.is_multiple_of(50) { 20_000 } else { 20 };
    let content = format!("%PDF-1.7 {number} {}", CONTENT.repeat(repeat)).into_bytes();
    let part = |bytes: Vec<u8>, kind: &str| Part::bytes(bytes).mime_str(kind).expect("a media type");
    Form::new()
        .part("metadata", part(said.into_bytes(), "application/json"))
        .part("data", part(data.into_bytes(), "application/xml"))
        .part("attachment", part(content, "application/pdf").file_name(format!("{FILE}-{number}.pdf")))
}

async fn hand_in(portal: &Client, number: usize) -> String {
    let request =
        portal.request("POST", "/v1/submissions").header("idempotency-key", format!("{KEY}-{number}"));
    let answer = request.multipart(form(number)).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    text(&answer.json().await.expect("JSON"), "id").to_owned()
}

/// A delivery that the DMS refused is discarded by a person, whose words are content, too.
async fn discard(hub: &Hub, portal: &Client, id: &str) {
    let submission = portal.follow(id, |it| it["deliveries"][1]["state"] == "parked").await;
    let path = format!("/v1/deliveries/{}/discard", text(&submission["deliveries"][1], "id"));
    let body = serde_json::json!({ "reason": WORDS }).to_string();
    let operator = Client::of(hub, "operator").request("POST", &path);
    let done =
        operator.header("content-type", "application/json").body(body).send().await.expect("an answer");
    assert_eq!(done.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn h10_nothing_that_was_handed_in_is_found_in_data_log_or_metrics() {
    // The DMS gives Aktenzeichen, and refuses the last with the applicant's name in its answer.
    let dms = Sink::answering(|number, request| {
        let refused =
            memchr::memmem::find(&request.body, format!("{FILE}-{SUBMISSIONS}.pdf").as_bytes()).is_some();
        match refused {
            true => {
                (axum::http::StatusCode::BAD_REQUEST, format!("{NAME} is not known here")).into_response()
            }
            false => format!("{AKTENZEICHEN}-{number}").into_response(),
        }
    })
    .await;
    let setup = Setup::new(dms.address);
    setup.edit("hub.toml", "level = \"info\"", "level = \"debug\"");
    setup.edit("destinations/lk-beispiel-enaio.toml", "concurrency = 4", "concurrency = 16");
    let hub = setup.start();
    let portal = Client::of(&hub, "portal");
    let ids: Vec<_> = stream::iter(1..=SUBMISSIONS)
        .map(|number| hand_in(&portal, number))
        .buffered(AT_ONCE)
        .collect()
        .await;
    discard(&hub, &portal, &ids[SUBMISSIONS - 1]).await;
    let mut shown = String::new();
    for id in &ids[..SUBMISSIONS - 1] {
        shown = portal.completed(id).await.to_string();
    }
    assert!(shown.contains(AKTENZEICHEN), "the API shows the reference: {shown}");
    nothing_is_found(&setup, &hub).await;
    // Neither after everything was written back, nor when it starts again.
    assert!(hub.stop());
    let hub = setup.start();
    nothing_is_found(&setup, &hub).await;
}

async fn nothing_is_found(setup: &Setup, hub: &Hub) {
    let forms = all_forms();
    let targets = files(&setup.path("fachverfahren"));
    let target = targets.iter().find(|path| path.extension().is_some_and(|kind| kind == "xml"));
    let target = fs::read(target.expect("a message")).expect("it can be read");
    assert!(found(&target, &forms).contains(&NAME), "the search finds the name where it may be");
    let kept = [setup.path("data"), setup.path("keys")].into_iter().flat_map(|folder| files(&folder));
    let mut read = 0;
    for path in kept.chain([setup.path("log")]) {
        let Ok(content) = fs::read(&path) else { continue };
        read += content.len();
        assert_eq!(found(&content, &forms), Vec::<&str>::new(), "{}", path.display());
        let name = path.to_string_lossy().into_owned();
        assert_eq!(found(name.as_bytes(), &forms), Vec::<&str>::new(), "{name}");
    }
    assert!(read > SUBMISSIONS * 4_000, "only {read} bytes were searched");
    let counted = metrics(&hub.operations).await;
    assert_eq!(found(counted.as_bytes(), &forms), Vec::<&str>::new(), "{counted}");
}
