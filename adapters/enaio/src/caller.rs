//! Calls to enaio, logged in.

use crate::dialect::Dialect;
use rohrpost_kit::http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use rohrpost_kit::http::{Answer, Client, Request, StatusTable, Unread, Verdict};
use rohrpost_model::ports::Clock;
use rohrpost_model::{Failure, Reason, ReasonCode};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Talks to one enaio.
pub(crate) struct Caller {
    pub(crate) client: Client,
    pub(crate) dialect: Box<dyn Dialect>,
    /// `None` where nobody logs in.
    pub(crate) access: Option<Access>,
    pub(crate) status: StatusTable,
    /// What enaio's own words for its errors mean, before the status.
    pub(crate) error_types: BTreeMap<String, Verdict>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// How the hub logs in.
pub(crate) struct Access {
    /// User and password.
    pub(crate) credentials: HeaderValue,
    /// The cookies of the session; `None` where every call carries the credentials.
    pub(crate) session: Option<Mutex<Option<HeaderValue>>>,
}

impl Caller {
    /// Asks something that changes nothing. Whatever went wrong with the question, it can be asked again; only a refusal
    /// of the question itself stays one.
    pub(crate) async fn ask(&self, request: Request) -> Result<Answer, Failure> {
        self.act(request).await.map_err(|failure| match failure {
            Failure::Unknown(reason) => Failure::unavailable(reason),
            other => other,
        })
    }

    /// Makes a call. What it returns says what became of it: see [`Failure`].
    pub(crate) async fn act(&self, mut request: Request) -> Result<Answer, Failure> {
        let kept = self.log_in(&mut request.headers).await?;
        let answer = self.client.send(request).await?;
        if answer.status == 401 && kept {
            // The session has ended, so nothing was done; the next attempt logs in anew.
            self.access.iter().for_each(Access::forget);
            let reason = Reason::new(ReasonCode::TargetBusy).with("status", answer.status);
            return Err(Failure::Unavailable { reason, retry_after: Some(Duration::ZERO) });
        }
        self.verdict(&answer).judge(&answer, self.clock.now())?;
        match answer.body {
            Err(Unread::Torn) => Err(Failure::Unknown(Reason::new(ReasonCode::Torn))),
            _ => Ok(answer),
        }
    }

    /// enaio's word (`PARAMETER_ERROR`) goes before the status, which is 500 for much that will be refused again.
    fn verdict(&self, answer: &Answer) -> Verdict {
        let verdict = self.status.verdict(answer.status);
        if verdict == Verdict::Done {
            return verdict;
        }
        let body = answer.body.as_deref().unwrap_or_default();
        let word = rohrpost_kit::answer::at_pointer(body, "/ErrorType");
        word.and_then(|word| self.error_types.get(&word).copied()).unwrap_or(verdict)
    }

    /// Shows who the hub is; whether by a session that was kept from an earlier attempt.
    async fn log_in(&self, headers: &mut HeaderMap) -> Result<bool, Failure> {
        let Some(access) = &self.access else { return Ok(false) };
        let Some(session) = &access.session else {
            headers.insert(AUTHORIZATION, access.credentials.clone());
            return Ok(false);
        };
        let kept = session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(cookies) = kept {
            headers.insert(COOKIE, cookies);
            return Ok(true);
        }
        let cookies = self.begin_session(access).await?;
        *session.lock().unwrap_or_else(PoisonError::into_inner) = Some(cookies.clone());
        headers.insert(COOKIE, cookies);
        Ok(false)
    }

    /// One question with the credentials; the cookies of its answer are the session.
    pub(crate) async fn begin_session(&self, access: &Access) -> Result<HeaderValue, Failure> {
        let mut request = self.dialect.who_am_i()?;
        request.headers.insert(AUTHORIZATION, access.credentials.clone());
        let answer = self.client.send(request).await.map_err(|failure| match failure {
            Failure::Unknown(reason) => Failure::unavailable(reason),
            other => other,
        })?;
        self.status.judge(&answer, self.clock.now()).map_err(|failure| match failure {
            Failure::Unknown(reason) => Failure::unavailable(reason),
            other => other,
        })?;
        cookies(&answer.headers).ok_or_else(|| {
            Failure::Refused(Reason::new(ReasonCode::UnexpectedAnswer).with("status", answer.status))
        })
    }
}

impl Access {
    fn forget(&self) {
        if let Some(session) = &self.session {
            *session.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// What is sent back of the cookies that an answer set: names and values (RFC 6265, 4.2).
fn cookies(headers: &HeaderMap) -> Option<HeaderValue> {
    let set = headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs: Vec<_> = set.filter_map(|text| text.split(';').next()).map(str::trim).collect();
    let mut value = HeaderValue::try_from(pairs.join("; ")).ok().filter(|value| !value.is_empty())?;
    value.set_sensitive(true);
    Some(value)
}
