//! Durability, against the running binary: what was acknowledged survives, and nothing is sent before it is marked.

mod attempts;
mod crash;
mod life;
mod lifecycle;
mod notice;
mod ordeal;
mod order;
mod reconcile;
mod struck;
mod trace;

use crate::support::hub::Setup;
use crate::support::wire::{ATTEMPT, Script, Step, answer};
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

/// A target that takes the request, and so many milliseconds before it tells the number.
fn slowly(number: usize, pause: u64) -> Script {
    let pause = Step::Pause(Duration::from_millis(pause));
    Script::take("late", [pause, Step::Write(answer("200 OK", "", &number.to_string()))])
}

/// The destination that is a sink.
const DMS: &str = "destinations/lk-beispiel-enaio.toml";
