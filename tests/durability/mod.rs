//! Durability, against the running binary: what was acknowledged survives, and nothing is sent before it is marked.

mod attempts;
mod crash;
mod damaged;
mod full;
mod lifecycle;
mod notice;
mod order;
mod power;
mod reconcile;
mod trace;

use crate::support::hub::Setup;
use axum::body::Body;
use axum::response::Response;
use futures::stream;
use openssl::sha::sha256;
use std::time::Duration;

/// SHA-256 in hexadecimal, as the hub writes it.
fn digest(bytes: &[u8]) -> String {
    sha256(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Shortens the waits between attempts, so that a test sees many of them.
fn hasten(setup: &Setup) {
    let hasty = "[retry]\nfirst = \"50ms\"\ncap = \"500ms\"\n";
    setup.edit("destinations/lk-beispiel-wasserbehoerde.toml", "[folder]", &format!("{hasty}\n[folder]"));
    setup.edit(DMS, "first = \"1s\"\ncap = \"10s\"", "first = \"50ms\"\ncap = \"500ms\"");
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

/// The destination that is a sink.
const DMS: &str = "destinations/lk-beispiel-enaio.toml";
