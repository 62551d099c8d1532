//! How the hub logs in at a service: user and password, a token of its own, or one that is fetched with them.

use super::{Answer, Auth, Body, Client, Method, Request, Url, misconfigured};
use crate::adapter::AdapterSource;
use crate::http::Connection;
use crate::settings::SecretRef;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use rohrpost_model::ports::Clock;
use rohrpost_model::{Failure, Fault, Reason, ReasonCode, Timestamp};

use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use toml::Spanned;
use url::form_urlencoded;

/// A token is fetched anew so long before it ends.
const BEFORE_ITS_END: Duration = Duration::from_secs(30);
/// How long a token is used that does not say how long it is good (RFC 6749, 5.1 recommends to say it).
const UNSAID: u64 = 60;

/// The setting `auth`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum LogInSettings {
    /// User and password (RFC 7617).
    Basic {
        /// The user.
        user: Spanned<String>,
        /// The password.
        password: Spanned<SecretRef>,
    },
    /// A token (RFC 6750).
    Bearer {
        /// The token.
        token: Spanned<SecretRef>,
    },
    /// A token that is fetched: OAuth 2, client credentials (RFC 6749, 4.4).
    #[serde(rename_all = "kebab-case")]
    Oauth2 {
        /// Where it is fetched.
        token_url: Spanned<String>,
        /// Who the hub is there.
        client_id: Spanned<String>,
        /// Its password there.
        client_secret: Spanned<SecretRef>,
        /// What the token is to be good for.
        scope: Option<String>,
    },
}

/// How the hub logs in.
pub enum LogIn {
    /// The same for all requests.
    Fixed(HeaderValue),
    /// By a token that is fetched.
    Fetched(TokenSource),
}

/// Fetches tokens and keeps the last one while it is good.
pub struct TokenSource {
    url: Url,
    client: HeaderValue,
    scope: Option<String>,
    clock: Arc<dyn Clock>,
    kept: Mutex<Option<(HeaderValue, Timestamp)>>,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    expires_in: Option<u64>,
}

impl LogInSettings {
    /// Checks how it is written.
    pub fn configured(&self, connection: &Connection, source: &AdapterSource<'_>) -> Result<LogIn, Fault> {
        let places = source.places();
        let fixed = |auth: Auth, setting: &Spanned<SecretRef>| {
            auth.header().map_err(|message| places.fault_at(setting, message))
        };
        let named = |user: &Spanned<String>| match user.get_ref() {
            user if user.contains(':') => Err("a user's name has no colon in it"),
            user => Ok(user.clone()),
        };
        let basic = |user: &Spanned<String>, password: &Spanned<SecretRef>| {
            let name = named(user).map_err(|message| places.fault_at(user, message))?;
            fixed(Auth::Basic { user: name, password: source.secret(password)? }, password)
        };
        Ok(match self {
            Self::Basic { user, password } => LogIn::Fixed(basic(user, password)?),
            Self::Bearer { token } => {
                LogIn::Fixed(fixed(Auth::Bearer { token: source.secret(token)? }, token)?)
            }
            Self::Oauth2 { token_url, client_id, client_secret, scope } => LogIn::Fetched(TokenSource {
                url: connection.address(token_url, &places)?,
                client: basic(client_id, client_secret)?,
                scope: scope.clone(),
                clock: Arc::clone(&source.clock),
                kept: Mutex::default(),
            }),
        })
    }
}

impl LogIn {
    /// The value of the header `Authorization`. Fetching a token makes nothing at the service: a failure is
    /// [`Failure::Unavailable`], or [`Failure::Refused`] where the credentials are.
    pub async fn header(&self, client: &Client) -> Result<HeaderValue, Failure> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Fetched(source) => source.token(client).await,
        }
    }

    /// A token was refused: the next one is fetched. Whether that may help.
    pub fn forget(&self) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Fetched(source) => source.kept().take().is_some(),
        }
    }
}

impl TokenSource {
    fn kept(&self) -> std::sync::MutexGuard<'_, Option<(HeaderValue, Timestamp)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn token(&self, client: &Client) -> Result<HeaderValue, Failure> {
        let now = self.clock.now();
        let kept = self.kept().clone();
        if let Some((token, _)) = kept.filter(|(_, until)| *until > now) {
            return Ok(token);
        }
        let answer = client.send(self.request()).await.map_err(|failure| match failure {
            Failure::Unknown(reason) => Failure::unavailable(reason),
            other => other,
        })?;
        let (value, expires_in) = read(&answer)?;
        let good = Duration::from_secs(expires_in).saturating_sub(BEFORE_ITS_END);
        *self.kept() = now.checked_add(good).ok().map(|until| (value.clone(), until));
        Ok(value)
    }

    fn request(&self) -> Request {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if let Some(scope) = &self.scope {
            form.append_pair("scope", scope);
        }
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.client.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let (method, url) = (Method::POST, self.url.clone());
        Request { method, url, headers, body: Body::Bytes(form.finish().into()) }
    }
}

/// The token and how long it is good, in seconds (RFC 6749, 5.1 and 5.2).
fn read(answer: &Answer) -> Result<(HeaderValue, u64), Failure> {
    let status = answer.status;
    if matches!(status, 400 | 401 | 403) {
        return Err(Failure::Refused(Reason::new(ReasonCode::CredentialsRefused).with("status", status)));
    }
    let busy = || Failure::unavailable(Reason::new(ReasonCode::TargetBusy).with("status", status));
    let body = answer.body.as_ref().map_err(|_| busy())?;
    let token: Token =
        (status == 200).then(|| serde_json::from_slice(body).ok()).flatten().ok_or_else(busy)?;
    let header = HeaderValue::try_from(format!("Bearer {}", token.access_token));
    let mut header = header.map_err(|_| misconfigured("auth"))?;
    header.set_sensitive(true);
    Ok((header, token.expires_in.unwrap_or(UNSAID)))
}
