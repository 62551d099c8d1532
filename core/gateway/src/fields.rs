//! Small things that come in headers and query strings, each checked before use.

use crate::problem::Problem;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use rohrpost_engine::waiting::is_of_the_moment;
use rohrpost_model::{BadName, ReasonCode};
use std::str::FromStr;

/// Query parameters, all of them known, none given twice.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the query of `uri`; anything that is not in `known` is refused.
    pub(crate) fn of(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
            return Err(Problem::malformed(
                "The query string cannot be read.",
                "Die Abfrage ist nicht lesbar.",
            ));
        };
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(unknown_parameter(name, known));
            }
            if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(Problem::malformed(
                    format!("The query parameter `{name}` is given twice."),
                    format!("Der Parameter `{name}` ist doppelt angegeben."),
                ));
            }
        }
        Ok(Self(pairs))
    }

    /// The text of a parameter.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A parameter as the type that it stands for.
    pub(crate) fn parsed<T: FromStr<Err = BadName>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let wrong = |fault: BadName| wrong_value(name, &fault.to_string());
        self.text(name).map(str::parse).transpose().map_err(wrong)
    }

    /// The same, where it must not be missing.
    pub(crate) fn required<T: FromStr<Err = BadName>>(&self, name: &str) -> Result<T, Problem> {
        self.parsed(name)?.ok_or_else(|| {
            Problem::malformed(
                format!("The query parameter `{name}` is missing."),
                format!("Der Parameter `{name}` fehlt."),
            )
            .with("parameter", name)
        })
    }

    /// `true` or `false`; `false` if it is not given.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        Ok(self.choice(name)?.unwrap_or(false))
    }

    /// `true` or `false`, where it matters whether it is given.
    pub(crate) fn choice(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.text(name) {
            None => Ok(None),
            Some("false") => Ok(Some(false)),
            Some("true") => Ok(Some(true)),
            Some(_) => Err(wrong_value(name, "it is `true` or `false`")),
        }
    }

    /// The code of a reason that deliveries carry.
    pub(crate) fn reason_code(&self, name: &str) -> Result<Option<ReasonCode>, Problem> {
        let Some(word) = self.text(name) else { return Ok(None) };
        let code: ReasonCode = serde_json::from_value(word.into())
            .map_err(|fault: serde_json::Error| wrong_value(name, &fault.to_string()))?;
        match is_of_the_moment(code) {
            true => Err(wrong_value(name, &of_the_moment(word))),
            false => Ok(Some(code)),
        }
    }
}

fn unknown_parameter(name: &str, known: &[&str]) -> Problem {
    let (english, german) = if known.is_empty() {
        ("there are none here".to_owned(), "hier gibt es keine".to_owned())
    } else {
        (format!("known are {}", known.join(", ")), format!("bekannt sind {}", known.join(", ")))
    };
    Problem::malformed(
        format!("There is no query parameter `{name}`; {english}."),
        format!("Den Parameter `{name}` gibt es nicht; {german}."),
    )
    .with("parameter", name)
}

/// A parameter whose value has the wrong form.
pub(crate) fn wrong_value(name: &str, right: &str) -> Problem {
    Problem::malformed(
        format!("The query parameter `{name}` is wrong: {right}."),
        format!("Der Parameter `{name}` ist falsch: {right}."),
    )
    .with("parameter", name)
}

/// What is said to a filter that would find nothing, though deliveries wait for this very reason.
pub(crate) fn of_the_moment(word: &str) -> String {
    format!(
        "`{word}` is why deliveries wait at a moment and is told in `waits`; they carry another reason. Ask for their \
         destination, their state or `paused` instead"
    )
}

/// For calls that know no query parameters.
pub(crate) struct NoQuery;

impl<S: Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Params::of(&parts.uri, &[]).map(|_| Self)
    }
}

/// The segments of a path; what cannot be read names nothing, so it is not found.
pub(crate) struct Segments<T>(pub(crate) T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|path| Self(path.0)).map_err(|_| Problem::not_found())
    }
}

/// The sender's idempotency key: 1 to 255 visible ASCII characters.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let bytes = value.as_bytes();
    let right = (1..=255).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    if !right || values.next().is_some() {
        return Err(Problem::malformed(
            "An Idempotency-Key has 1 to 255 visible ASCII characters and is given once.",
            "Ein Idempotency-Key hat 1 bis 255 sichtbare ASCII-Zeichen und steht genau einmal da.",
        ));
    }
    Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
}

/// The sender's trace, if it has the form of W3C Trace Context, version 00 (section 3.2.2); anything else is ignored,
/// as that standard asks (section 3.2.2.1 ff.).
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("traceparent")?.to_str().ok()?;
    let fields: Vec<&str> = value.split('-').collect();
    let [version, trace, parent, flags] = fields[..] else {
        return None;
    };
    let hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let some = |text: &str| text.bytes().any(|b| b != b'0');
    let right =
        version == "00" && hex(trace, 32) && some(trace) && hex(parent, 16) && some(parent) && hex(flags, 2);
    right.then(|| value.to_owned())
}

/// How many bytes of body are announced.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A media type (RFC 6838) without its parameters, in lower case, and its `charset`, if it has one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MediaType {
    /// `type/subtype`.
    pub(crate) essence: String,
    /// The parameter `charset`, in lower case.
    pub(crate) charset: Option<String>,
}

impl MediaType {
    /// Reads a `Content-Type`; `None` if it is not one.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
        let essence = essence.trim().to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/')?;
        let named = |text: &str| {
            (1..=127).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
        };
        if !named(kind) || !named(subtype) {
            return None;
        }
        let charset = parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let value = value.trim().trim_matches('"').to_ascii_lowercase();
            name.trim().eq_ignore_ascii_case("charset").then_some(value)
        });
        Some(Self { essence, charset })
    }

    /// Reads the `Content-Type` of `headers`.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get(header::CONTENT_TYPE)?.to_str().ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn header(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            axum::http::HeaderName::from_static(name),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        )])
    }

    #[test]
    fn unknown_and_doubled_parameters_are_refused_by_name() {
        let uri = |query: &str| format!("/v1/deliveries?{query}").parse::<Uri>().unwrap();
        let params = Params::of(&uri("state=due&limit=3"), &["state", "limit"]).unwrap();
        assert_eq!(params.text("state"), Some("due"));
        let unknown = Params::of(&uri("sate=due"), &["state", "limit"]).unwrap_err();
        assert!(unknown.detail().contains("`sate`") && unknown.detail().contains("state, limit"));
        assert!(Params::of(&uri("state=due&state=sending"), &["state"]).is_err());
        assert!(Params::of(&uri("test=maybe"), &["test"]).unwrap().flag("test").is_err());
        assert!(Params::of(&uri("test=true"), &["test"]).unwrap().flag("test").unwrap());
    }

    #[test]
    fn an_idempotency_key_is_visible_ascii_of_bounded_length() {
        let key = |value: &str| idempotency_key(&header("idempotency-key", value));
        assert_eq!(key("a-1").unwrap().as_deref(), Some("a-1"));
        assert_eq!(key(&"k".repeat(255)).unwrap().unwrap().len(), 255);
        for wrong in ["", "with space", "ümlaut", &"k".repeat(256)] {
            assert!(key(wrong).is_err(), "{wrong:?}");
        }
        let mut twice = header("idempotency-key", "a");
        twice.append("idempotency-key", HeaderValue::from_static("a"));
        assert!(idempotency_key(&twice).is_err());
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn a_traceparent_that_has_not_the_form_is_ignored() {
        let trace = |value: &str| traceparent(&header("traceparent", value));
        let right = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(trace(right).as_deref(), Some(right));
        for wrong in [
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "Erika Mustermann",
        ] {
            assert_eq!(trace(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn media_types_lose_their_parameters() {
        let parsed = MediaType::parse("Application/XML; Charset=\"UTF-8\"").unwrap();
        assert_eq!(parsed.essence, "application/xml");
        assert_eq!(parsed.charset.as_deref(), Some("utf-8"));
        for wrong in ["", "xml", "a/b/c", "text/", "a b/c", "text/x\u{e4}"] {
            assert_eq!(MediaType::parse(wrong), None, "{wrong}");
        }
    }
}
