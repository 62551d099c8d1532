//! Durability, against the running binary: what was acknowledged survives, and nothing is sent before it is marked.

mod attempts;
mod crash;
mod damaged;
mod documents;
mod fetched;
mod filed;
mod full;
mod judged;
mod life;
mod lifecycle;
mod neighbours;
mod notice;
mod ordeal;
mod order;
mod paid;
mod power;
mod printed;
mod reconcile;
mod stops;
mod struck;
mod trace;
mod whole_case;

use crate::support::client::Client;
use crate::support::hub::{AREA, SERVICE, Setup};
use crate::support::wire::{ATTEMPT, Script, Step, answer};
use axum::body::Body;
use axum::response::Response;
use futures::stream;
use openssl::sha::sha256;
use std::time::Duration;

/// SHA-256 in hexadecimal, as the hub writes it.
fn digest(bytes: &[u8]) -> String {
    sha256(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Shortens the waits between attempts, so that a test sees many of them, and lets each say its number.
fn hasten(setup: &Setup) {
    let hasty = "[retry]\nfirst = \"50ms\"\ncap = \"500ms\"\n";
    setup.edit("destinations/lk-beispiel-wasserbehoerde.toml", "[folder]", &format!("{hasty}\n[folder]"));
    setup.edit(DMS, "first = \"1s\"\ncap = \"10s\"", "first = \"50ms\"\ncap = \"500ms\"");
    setup.edit(DMS, "[http]\n", &format!("[http]\nheaders = {{ \"{ATTEMPT}\" = \"{{attempt}}\" }}\n"));
}

/// The DMS takes repetitions: what is unknown is sent again.
fn repeat_what_is_unknown(setup: &Setup) {
    setup.edit(DMS, "unknown = \"park\"", "unknown = \"retry\"");
}

/// A target that has the request and takes so many milliseconds before it tells the number.
fn slowly(number: usize, pause: u64) -> Response {
    Response::new(Body::from_stream(stream::once(async move {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        Ok::<_, std::io::Error>(number.to_string())
    })))
}

/// The same, on the wire.
fn late(number: usize, pause: u64) -> Script {
    let pause = Step::Pause(Duration::from_millis(pause));
    Script::take("late", [pause, Step::Write(answer("200 OK", "", &number.to_string()))])
}

/// A little XML that no schema is asked about.
const PLAIN: &str = "<meldung>Erika Mustermann</meldung>";

/// Hands in XML of this kind, and returns the submission's id.
async fn hand_in_plain(client: &Client, kind: &str, xml: &str) -> String {
    let path = format!("/v1/submissions?service={SERVICE}&area={AREA}&kind={kind}");
    let request = client.request("POST", &path).header("content-type", "application/xml");
    let answer = request.body(xml.to_owned()).send().await.expect("an answer");
    assert_eq!(answer.status(), reqwest::StatusCode::ACCEPTED);
    let answer: serde_json::Value = answer.json().await.expect("JSON");
    answer["id"].as_str().expect("an id").to_owned()
}

/// The destination that is a sink.
const DMS: &str = "destinations/lk-beispiel-enaio.toml";
