//! Real peers: programs that others wrote. One that is missing makes a test say that it skips, and fails it where
//! `REQUIRE_PEERS` is set, as in CI.

use std::io::ErrorKind;
use std::process::{Command, Output};

/// Runs a peer; `None` where it is not installed.
pub fn run(command: &mut Command) -> Option<Output> {
    match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            missing(&command.get_program().to_string_lossy());
            None
        }
        output => Some(output.expect("the peer runs")),
    }
}

/// The same, for a run that must end well; what it wrote to standard output.
pub fn succeed(command: &mut Command) -> Option<Vec<u8>> {
    let output = run(command)?;
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}{errors}");
    Some(output.stdout)
}

/// Says that a peer is missing.
#[allow(clippy::disallowed_methods)] // whether peers are required is said by whoever runs the tests
pub fn missing(peer: &str) {
    let required = std::env::var("REQUIRE_PEERS").is_ok_and(|value| !value.is_empty() && value != "0");
    assert!(!required, "REQUIRE_PEERS is set, and {peer} cannot be run");
    eprintln!("SKIPPED: {peer} is not installed");
}
