//! Talks to a running hub over its HTTP API, as any client would.

use super::Context;
use crate::config::{self, SECRETS};
use crate::faults::Stop;
use rohrpost_kit::AdapterSource;
use rohrpost_kit::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use rohrpost_kit::http::{Answer, Body, Client, Connection, Method, Request, Url};
use rohrpost_kit::settings::ByteSize;
use rohrpost_model::{Failure, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest answer that is read: a page of deliveries has far less.
const ANSWER_LIMIT: ByteSize = ByteSize::from_bytes(32 << 20);

/// How long a command that waits for something leaves the hub alone.
const PAUSE: Duration = Duration::from_millis(500);

/// Where the hub is, and who asks.
#[derive(clap::Args, Default)]
pub struct Access {
    /// The hub's address; by default the one in hub.toml.
    #[arg(long, value_name = "URL", global = true)]
    url: Option<Url>,
    /// The bearer token. Others on this machine can see it while the command runs: better use --token-file, or the
    /// environment variable ROHRPOST_TOKEN.
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_file", global = true)]
    token: Option<String>,
    /// A file with the bearer token.
    #[arg(long, value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,
    /// A PEM file with a certificate authority to trust, beside the system's.
    #[arg(long, value_name = "FILE", global = true)]
    ca: Option<PathBuf>,
}

impl Access {
    /// Whether the hub's address was given.
    pub const fn names_hub(&self) -> bool {
        self.url.is_some()
    }

    /// To the hub at `url`, with the token of the demo.
    pub fn to(url: &str) -> Result<Self, Stop> {
        let url = Url::parse(url).map_err(|error| Stop::Usage(format!("{url}: {error}")))?;
        Ok(Self { url: Some(url), ..Self::default() })
    }
}

/// The hub's API.
pub struct Api {
    client: Client,
    base: Url,
    authorization: HeaderValue,
    /// One for all requests: the client's connections live in it.
    runtime: tokio::runtime::Runtime,
}

impl Api {
    /// Makes ready to ask. `own_client` is who asks where no token is given, by its file in the
    /// configuration's secrets.
    pub fn open(access: &Access, own_client: &str, context: &Context<'_>) -> Result<Self, Stop> {
        let base = match &access.url {
            Some(url) => url.clone(),
            None => configured_url(context)?,
        };
        let token = token(access, own_client, context)?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
            .map_err(|_| Stop::Usage("the token has characters that no token has".into()))?;
        authorization.set_sensitive(true);
        let connection = connection(access);
        if connection.permits(&base).is_err() {
            return Err(Stop::Usage(format!(
                "--url {base}: plain http is only for this machine; use https://"
            )));
        }
        let client = client(&connection, context)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { client, base, authorization, runtime })
    }

    /// Sends a request to `path` (below `/v1/`) and returns its answer, whatever its status.
    pub fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        content: Content,
    ) -> Result<Answer, Stop> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        for (name, value) in content.headers {
            let value = HeaderValue::try_from(value);
            let value =
                value.map_err(|_| Stop::Usage(format!("the header {name} cannot have this value")))?;
            headers.insert(name, value);
        }
        let request = Request { method, url, headers, body: content.body };
        self.runtime.block_on(self.client.send(request)).map_err(|failure| self.unreached(&failure))
    }

    /// The JSON that was answered with success, or the problem that was answered.
    pub fn json(answer: &Answer) -> Result<Value, Stop> {
        let body = answer
            .body
            .as_ref()
            .map_err(|_| Stop::Failed("the hub's answer could not be read to its end".into()))?;
        if !(200..300).contains(&answer.status) {
            return Err(Stop::Failed(problem(answer.status, body)));
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(body)
            .map_err(|_| Stop::Failed("the answer is not JSON; is this a Rohrpost hub?".into()))
    }

    /// Waits a moment before the hub is asked again.
    pub fn pause(&self, context: &Context<'_>) {
        let next = context.clock.now().checked_add(PAUSE).unwrap_or(Timestamp::MAX);
        self.runtime.block_on(context.clock.sleep_until(next));
    }

    fn unreached(&self, failure: &Failure) -> Stop {
        let host = self.base.host_str().unwrap_or_default();
        let port = self.base.port_or_known_default().map_or_else(String::new, |port| format!(":{port}"));
        Stop::Failed(match failure {
            Failure::Unavailable { .. } => {
                format!("no hub answers at {host}{port}; is it running? (`rohrpost serve`)")
            }
            _ => {
                format!("the connection to {host}{port} tore; whether the hub took the request is not known")
            }
        })
    }
}

/// What goes with a request.
pub struct Content {
    /// Headers beside the log-in.
    pub headers: Vec<(HeaderName, String)>,
    /// The body.
    pub body: Body,
}

impl Content {
    /// Nothing.
    pub const fn none() -> Self {
        Self { headers: Vec::new(), body: Body::Empty }
    }

    /// A JSON document.
    pub fn json(value: &Value) -> Self {
        let headers = vec![(rohrpost_kit::http::header::CONTENT_TYPE, "application/json".to_owned())];
        Self { headers, body: Body::Bytes(value.to_string().into()) }
    }
}

fn connection(access: &Access) -> Connection {
    let ca = access.ca.iter().map(|path| toml::Spanned::new(0..0, path.clone())).collect();
    Connection { ca, answer_limit: ANSWER_LIMIT, ..Connection::default() }
}

fn client(connection: &Connection, context: &Context<'_>) -> Result<Client, Stop> {
    let secrets = context.secrets();
    let clock = context.clock.clone();
    let source = AdapterSource { file: "--ca", text: "", folder: Path::new(""), secrets: &secrets, clock };
    Ok(Client::configure(connection, &source)?)
}

fn configured_url(context: &Context<'_>) -> Result<Url, Stop> {
    let (address, encrypted) = config::api_address(&context.folder)
        .ok_or_else(|| Stop::Usage("hub.toml names no address of the API; name the hub with --url".into()))?;
    let scheme = if encrypted { "https" } else { "http" };
    Url::parse(&format!("{scheme}://{address}/")).map_err(|error| Stop::Usage(format!("--url: {error}")))
}

fn token(access: &Access, own_client: &str, context: &Context<'_>) -> Result<SecretString, Stop> {
    if let Some(token) = &access.token {
        return Ok(token.as_str().into());
    }
    if let Some(token) =
        access.token_file.is_none().then(|| (context.environment)("ROHRPOST_TOKEN")).flatten()
    {
        return Ok(token.into());
    }
    let own = context.folder.join(SECRETS).join(format!("{own_client}.token"));
    // The configuration's own token goes to the configuration's own hub, and in the demo to where it serves by itself.
    let is_own = config::is_demo(&context.folder) || access.url.is_none() && own.exists();
    let path = match &access.token_file {
        Some(path) => path.clone(),
        None if is_own => own,
        None => {
            return Err(Stop::Usage(
                "who asks? Give --token-file FILE, --token TOKEN, or the environment variable ROHRPOST_TOKEN"
                    .into(),
            ));
        }
    };
    let text = std::fs::read_to_string(&path).map_err(|error| Stop::file(&path, &error))?;
    Ok(text.trim_end().into())
}

/// What the hub says is wrong (RFC 9457), in one line; violations of a schema and faults of a configuration each in a
/// line of their own.
fn problem(status: u16, body: &[u8]) -> String {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let said = ["meldung", "detail", "title"].into_iter().find_map(|key| problem[key].as_str());
    let mut text = format!("Antwort des Hubs {status}: {}", said.unwrap_or("ohne weitere Angabe"));
    for item in ["violations", "faults"].iter().filter_map(|list| problem[list].as_array()).flatten() {
        text.push_str(&format!("\n  {}", placed(item)));
    }
    text
}

/// `file:line:column: message; hint`, as faults are told everywhere.
fn placed(item: &Value) -> String {
    let number = |key: &str| item[key].as_u64().unwrap_or(0);
    let text = |key: &str, before: &str, after: &str| match item[key].as_str() {
        Some(text) if !text.is_empty() => format!("{before}{text}{after}"),
        _ => String::new(),
    };
    let (file, message, hint) = (text("file", "", ":"), text("message", "", ""), text("hint", "; ", ""));
    format!("{file}{}:{}: {message}{hint}", number("line"), number("column"))
}
