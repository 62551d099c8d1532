//! The public face, against the running binary: the way of a submission, and everything that may not happen on it.

mod amendments;
mod at_once;
mod bad_input;
mod commands;
mod conditions;
mod correlation;
mod idempotency;
mod json;
mod mailboxes;
mod mappings;
mod operations;
mod payment;
mod privacy;
mod replies;
mod responsible;
mod rules;
mod search;
mod sizes;
mod stages;
mod tenants;
mod tls;
mod unrouted;
mod way;
mod ways;
mod xta;

use crate::support::client::http;
use crate::support::hub::root;
use reqwest::{Response, StatusCode};
use rohrpost_model::Digest;
use serde_json::Value;
use std::fmt;
use std::path::{Path, PathBuf};

/// A sample of the shipped configuration.
fn sample(name: &str) -> Vec<u8> {
    std::fs::read(root().join("config/samples").join(name)).expect("a sample")
}

/// The two attachments of the samples.
fn attachments() -> [(&'static str, Vec<u8>); 2] {
    ["lageplan.pdf", "vollmacht.pdf"].map(|name| (name, sample(name)))
}

/// An answer, read to its end.
#[derive(Clone, PartialEq)]
struct Answered {
    status: StatusCode,
    media_type: String,
    body: Vec<u8>,
}

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.status, self.media_type, self.text())
    }
}

impl Answered {
    async fn of(response: Response) -> Self {
        let status = response.status();
        let media_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().to_owned();
        Self { status, media_type, body: response.bytes().await.expect("the whole answer").to_vec() }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The stable word of a problem.
    fn word(&self) -> String {
        assert_eq!(self.media_type, "application/problem+json", "{}", self.text());
        let word = self.json()["type"].as_str().unwrap_or_default().to_owned();
        word.strip_prefix("urn:rohrpost:problem:").expect("a type").to_owned()
    }

    /// What was accepted.
    fn accepted(&self) -> Value {
        assert_eq!(self.status, StatusCode::ACCEPTED, "{}", self.text());
        self.json()
    }
}

/// The hexadecimal SHA-256.
fn sha256(content: &[u8]) -> String {
    Digest::of(content).to_string()
}

/// The text at `key`.
fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("no text {key} in {value:#}"))
}

/// All files below a folder, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        // What is removed meanwhile is not there.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            Ok(_) => found.push(entry.path()),
            Err(_) => {}
        }
    }
    found.sort();
    found
}

/// What Prometheus would be told.
async fn metrics(operations: &str) -> String {
    let answer = http().get(format!("{operations}/metrics")).send().await.expect("metrics");
    answer.text().await.expect("their text")
}
