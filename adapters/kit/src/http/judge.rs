use super::Answer;
use reqwest::header::RETRY_AFTER;
use rohrpost_model::{Failure, Reason, ReasonCode, Timestamp};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest that a target can ask to be left alone.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// What a status means for a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The target has it.
    Done,
    /// Surely not taken; try later.
    Unavailable,
    /// Will be refused again.
    Refused,
    /// May have been taken.
    Unknown,
}

/// What statuses mean, where a destination knows better than the defaults: `"409" = "done"`, `"5xx" = "unavailable"`.
///
/// The defaults, after RFC 9110, 15, and RFC 6585:
///
/// | Status | Verdict | Because |
/// |---|---|---|
/// | 2xx | done | |
/// | 408 | unavailable | the server did not get the whole request in time |
/// | 425, 429, 503 | unavailable | the server says that it did not process the request; `Retry-After` is kept |
/// | other 4xx | refused | the same request will be refused again |
/// | 3xx | refused | redirects are not followed: the address is to be mended |
/// | 501, 505 | refused | the method or version will not be known later either |
/// | 500, 502, 504, other 5xx | unknown | the server, or one behind it, may have processed the request before it failed |
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<String, Verdict>")]
pub struct StatusTable {
    exact: BTreeMap<u16, Verdict>,
    class: BTreeMap<u16, Verdict>,
}

impl TryFrom<BTreeMap<String, Verdict>> for StatusTable {
    type Error = String;

    fn try_from(written: BTreeMap<String, Verdict>) -> Result<Self, String> {
        let mut table = Self::default();
        for (key, verdict) in written {
            let wrong = || format!("`{key}` is no status; write one like \"409\", or a class like \"5xx\"");
            let (digits, map, range) = match key.strip_suffix("xx") {
                Some(class) => (class, &mut table.class, 2..=5),
                None => (key.as_str(), &mut table.exact, 200..=599),
            };
            let number = digits.parse().ok().filter(|number| range.contains(number)).ok_or_else(wrong)?;
            map.insert(number, verdict);
        }
        Ok(table)
    }
}

impl StatusTable {
    /// What `status` means.
    pub fn verdict(&self, status: u16) -> Verdict {
        let written = self.exact.get(&status).or_else(|| self.class.get(&(status / 100)));
        written.copied().unwrap_or_else(|| default_verdict(status))
    }

    /// Judges an answer: `Ok` if the target has the delivery.
    pub fn judge(&self, answer: &Answer, now: Timestamp) -> Result<(), Failure> {
        self.verdict(answer.status).judge(answer, now)
    }
}

impl Verdict {
    /// What it makes of an answer: `Ok` if the target has the delivery.
    pub fn judge(self, answer: &Answer, now: Timestamp) -> Result<(), Failure> {
        let told = |code| Reason::new(code).with("status", answer.status);
        match self {
            Self::Done => Ok(()),
            Self::Unavailable => Err(Failure::Unavailable {
                reason: told(ReasonCode::TargetBusy),
                retry_after: retry_after(answer, now),
            }),
            Self::Refused => Err(Failure::Refused(told(match answer.status {
                401 | 403 | 407 => ReasonCode::CredentialsRefused,
                300..=399 => ReasonCode::UnexpectedAnswer,
                _ => ReasonCode::TargetRefused,
            }))),
            Self::Unknown => Err(Failure::Unknown(told(ReasonCode::UnexpectedAnswer))),
        }
    }
}

const fn default_verdict(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Done,
        408 | 425 | 429 | 503 => Verdict::Unavailable,
        300..=499 | 501 | 505 => Verdict::Refused,
        _ => Verdict::Unknown,
    }
}

/// How long the target asked to be left alone (RFC 9110, 10.2.3: seconds or a date), at most a day.
pub fn retry_after(answer: &Answer, now: Timestamp) -> Option<Duration> {
    let text = answer.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let asked = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
            Duration::try_from(at.duration_since(now)).unwrap_or_default()
        }
    };
    Some(asked.min(RETRY_AFTER_MAX))
}
