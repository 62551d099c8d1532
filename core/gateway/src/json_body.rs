//! Small JSON bodies of commands.

use crate::fields::MediaType;
use crate::problem::{Kind, Problem};
use axum::body::Bytes;
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// The most bytes of such a body.
const LONGEST: usize = 64 * 1024;

/// How long it may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most characters of a reason that a person gives.
const LONGEST_REASON: usize = 1000;

/// A JSON body; what is wrong with it is answered as a problem.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        must_be_json(&request)?;
        parse(&read(request).await?).map(Self)
    }
}

/// A body that may be left out, or be empty.
impl<S: Sync, T: DeserializeOwned> OptionalFromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Option<Self>, Problem> {
        if !request.headers().contains_key(CONTENT_TYPE) {
            return Ok(None);
        }
        must_be_json(&request)?;
        let bytes = read(request).await?;
        if bytes.is_empty() { Ok(None) } else { parse(&bytes).map(|body| Some(Self(body))) }
    }
}

fn must_be_json(request: &Request) -> Result<(), Problem> {
    let media_type = MediaType::of(request.headers()).map(|media_type| media_type.essence);
    if media_type.as_deref() == Some("application/json") {
        return Ok(());
    }
    Err(Problem::new(
        Kind::MediaType,
        "The body must be application/json.",
        "Der Inhalt muss application/json sein.",
    ))
}

async fn read(request: Request) -> Result<Bytes, Problem> {
    let read = tokio::time::timeout(PATIENCE, axum::body::to_bytes(request.into_body(), LONGEST)).await;
    read.map_err(|_| too_slow())?.map_err(|_| too_large())
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let body = serde_path_to_error::deserialize(&mut reader).map_err(|fault| malformed(fault.inner()))?;
    reader.end().map_err(|fault| malformed(&fault))?;
    Ok(body)
}

fn malformed(fault: &serde_json::Error) -> Problem {
    Problem::malformed(
        format!("The body is wrong: {fault}."),
        format!("Der Inhalt ist falsch (Zeile {}, Spalte {}).", fault.line(), fault.column()),
    )
    .with("line", fault.line())
    .with("column", fault.column())
}

fn too_large() -> Problem {
    Problem::new(
        Kind::TooLarge,
        format!("The body may have at most {LONGEST} bytes."),
        format!("Der Inhalt darf höchstens {LONGEST} Bytes haben."),
    )
    .with("limit", LONGEST)
}

fn too_slow() -> Problem {
    let seconds = PATIENCE.as_secs();
    Problem::new(
        Kind::ReceiveTimeout,
        format!("The body must arrive within {seconds} seconds."),
        format!("Der Inhalt muss binnen {seconds} Sekunden ankommen."),
    )
}

/// Every command says why: it stands in the history.
pub(crate) fn reason(given: &str) -> Result<String, Problem> {
    let reason = given.trim();
    let right = !reason.is_empty() && reason.chars().count() <= LONGEST_REASON && !reason.contains('\0');
    if right {
        return Ok(reason.to_owned());
    }
    Err(Problem::malformed(
        format!("`reason` says why, in 1 to {LONGEST_REASON} characters; it stands in the history."),
        format!("`reason` sagt in 1 bis {LONGEST_REASON} Zeichen, warum; es steht in der Historie."),
    ))
}

/// The most characters of a person's name.
const LONGEST_PERSON: usize = 100;

/// Who it is, in the person's own words.
pub(crate) fn person(given: &str) -> Result<String, Problem> {
    let person = given.trim();
    let right = !person.is_empty()
        && person.chars().count() <= LONGEST_PERSON
        && !person.chars().any(char::is_control);
    if right {
        return Ok(person.to_owned());
    }
    Err(Problem::malformed(
        format!("`who` names a person, in 1 to {LONGEST_PERSON} characters of one line."),
        format!("`who` nennt eine Person, in 1 bis {LONGEST_PERSON} Zeichen einer Zeile."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_without_a_reason_is_refused() {
        assert_eq!(reason(" Ziel läuft wieder ").unwrap(), "Ziel läuft wieder");
        for wrong in ["", "  ", "a\0b", &"x".repeat(1001)] {
            assert!(reason(wrong).is_err());
        }
    }
}
