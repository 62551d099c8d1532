//! `rohrpost send FILE --service … --area …`: hands in a submission over HTTP.

use super::Context;
use super::api::{Access, Api};
use super::submission::Submission;
use crate::faults::Stop;
use rohrpost_kit::http::Method;
use rohrpost_kit::http::header::HeaderName;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Hand in a submission at a running hub and print its id.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    submission: Submission,
    /// Makes a repetition known: the same key gives the same answer and one submission.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    access: Access,
}

impl Arguments {
    /// What the demo hands in.
    pub fn of(submission: Submission) -> Self {
        Self { submission, idempotency_key: None, access: Access::default() }
    }
}

/// Hands in and returns what the hub answers.
pub fn hand_in(arguments: &Arguments, api: &Api, context: &Context<'_>) -> Result<serde_json::Value, Stop> {
    let mut body = arguments.submission.content(context)?;
    body.headers.extend(arguments.idempotency_key.iter().map(|key| (IDEMPOTENCY_KEY, key.clone())));
    Api::json(&api.send(Method::POST, &["submissions"], &[], body)?)
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Stop> {
    let api = Api::open(&arguments.access, "portal", context)?;
    let answer = hand_in(arguments, &api, context)?;
    if context.json {
        return context.json(&answer);
    }
    let id = answer["id"].as_str();
    context.line(id.ok_or_else(|| Stop::Failed("the answer names no id; is this a Rohrpost hub?".into()))?)
}
